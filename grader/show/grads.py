"""Draws how `.grad` fills up over calls."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from grader.ink import canvas as c
from grader.ink.drawing import Drawing, Table, draw_politely
from grader.ink.numbers import (
    CannotDraw,
    clean,
    describe,
    read_tensor,
    write_number,
    write_shape,
)

MARGIN_PX = 16
LABEL_PX, COLUMN_PX, PANEL_PX = 84, 66, 150
BAR_PX, LINE_PX = 40, 16
MOST_PANELS, MOST_CALLS = 6, 24


@draw_politely
def filling(grads: Any, *, calls: Sequence[str] | None = None) -> Drawing:
    """Draw how `.grad` fills up over calls.

    grads: `.grad` after each call, `[2.0, 4.0, 6.0]`, or lists by name,
    `{"w": […], "b": […]}`. None is a `.grad` that does not exist. Vectors of a few
    entries get a row for each entry.
    calls: what to write below the columns instead of "call 1", "call 2", …
    """
    series = _read_series(grads)
    count = max(len(values) for values in series.values())
    below = [clean(text, 14) for text in calls or ()]
    below += [f"call {i + 1}" for i in range(len(below), count)]
    rows = tuple(
        (name, *(_say_grad(v) for v in values), *[""] * (count - len(values)))
        for name, values in series.items()
    )
    alt = "Columns. " + " ".join(_tell(name, values) for name, values in series.items())
    picture = c.Canvas(
        LABEL_PX + count * COLUMN_PX + MARGIN_PX,
        len(series) * (PANEL_PX + 46) + MARGIN_PX,
    )
    for i, (name, values) in enumerate(series.items()):
        _draw_series(picture, i * (PANEL_PX + 46) + MARGIN_PX, (name, values), below)
    caption = "Grey: what .grad held before the call. Blue: what the call added."
    if any(0.0 in values[1:] for values in series.values()):
        caption += " Dashed: what was cleared."
    return Drawing(
        ".grad after each call", picture.finish(".grad after each call", alt), alt,
        caption, Table((".grad of", *below[:count]), rows),
    )  # fmt: skip


def _read_series(grads: Any) -> dict[str, list[float | None]]:
    named = grads if isinstance(grads, Mapping) else {".grad": grads}
    series: dict[str, list[float | None]] = {}
    for name, values in named.items():
        series |= _split_entries(clean(name, 12), _read_calls(values))
    if not 0 < len(series) <= MOST_PANELS:
        raise CannotDraw(
            f"{len(series)} gradients are too many for a picture; up to {MOST_PANELS} "
            "entries are drawn."
        )
    return series


def _read_calls(values: Any) -> Sequence[Any]:
    """Return what was held after each call; raises CannotDraw for anything else."""
    sizable = isinstance(values, list | tuple) or getattr(values, "ndim", 0) > 0
    if not sizable or not len(values):
        raise CannotDraw(
            "filling takes what .grad held after each call, in a list; this is "
            f"{'empty' if sizable else describe(values)}."
        )
    if len(values) > MOST_CALLS:
        raise CannotDraw(
            f"{len(values)} calls are too many for a picture; up to {MOST_CALLS}."
        )
    return list(values)


def _split_entries(name: str, values: Sequence[Any]) -> dict[str, list[float | None]]:
    """Give each entry of a vector a row of its own."""
    tensors = [read_tensor(value) for value in values]
    for value, tensor in zip(values, tensors, strict=True):
        if tensor is None and value is not None:
            raise CannotDraw(
                f"A .grad is a tensor or None, but one is {describe(value)}."
            )
    shapes = {tensor.shape for tensor in tensors if tensor is not None}
    if len(shapes) > 1:
        written = " and ".join(sorted(write_shape(shape) for shape in shapes))
        raise CannotDraw(f"The snapshots of {name} have different shapes: {written}.")
    size = max((t.numel() for t in tensors if t is not None), default=1)
    return {
        name if size == 1 else f"{name}[{i}]": [
            None if t is None else float(t.reshape(-1)[i]) for t in tensors
        ]
        for i in range(min(size, MOST_PANELS + 1))
    }


def _say_grad(value: float | None) -> str:
    return "None" if value is None else write_number(value)


def _tell(name: str, values: Sequence[float | None]) -> str:
    said = ", ".join(_say_grad(value) for value in values)
    return f"{name} holds {said} after the calls, in order."


def _draw_series(
    picture: c.Canvas,
    top: float,
    named: tuple[str, Sequence[float | None]],
    below: Sequence[str],
) -> None:
    """Draw one gradient: a column after each call, from the level before to its own."""
    name, values = named
    finite = [v for v in values if v is not None and math.isfinite(v)]
    high, low = max([0.0, *finite]), min([0.0, *finite])
    unit = (PANEL_PX - 40) / ((high - low) or 1.0)
    zero = top + 22 + high * unit
    end = LABEL_PX + len(values) * COLUMN_PX
    picture.text(MARGIN_PX, zero + 4, name, font_size=13, font_weight=700)
    before = 0.0
    for i, value in enumerate(values):
        x = LABEL_PX + 8 + i * COLUMN_PX
        if value is None or not math.isfinite(value):
            words = {"text_anchor": "middle", "font_style": "italic"}
            picture.text(x + BAR_PX / 2, zero - 6, _say_grad(value), **words)
            before = 0.0
        else:
            _draw_column(picture, (x, zero, unit), before, value)
            before = value
        picture.text(
            x + BAR_PX / 2, top + PANEL_PX + (16 if low else 2), below[i],
            text_anchor="middle", font_size=11, fill=c.QUIET,
        )  # fmt: skip
    picture.line(LABEL_PX - 4, zero, end, zero, stroke=c.INK, stroke_width=1.2)


def _draw_column(
    picture: c.Canvas, at: tuple[float, float, float], before: float, after: float
) -> None:
    x, zero, unit = at
    middle, low, high = x + BAR_PX / 2, min(before, after), max(before, after)
    held = min(before, after, key=abs) if before * after > 0 else 0.0
    if held:
        grey = {"fill": c.WASH, "stroke": c.QUIET}
        picture.rect(x, zero - max(held, 0) * unit, BAR_PX, abs(held) * unit, **grey)
    if high > low:
        cleared = {"fill": "none", "stroke": c.QUIET, "stroke_dasharray": "4 3"}
        look = {"fill": c.BLUE} if after else cleared
        height = (high - low) * unit
        picture.rect(x, zero - high * unit, BAR_PX, height, **look)
        if before and after and height > LINE_PX:
            sign = "+" if after > before else ""
            change, y = write_number(after - before, 4), zero - (low + high) / 2 * unit
            words = {"text_anchor": "middle", "fill": c.PAPER, "font_size": 11}
            picture.text(middle, y + 4, f"{sign}{change}", **words)
    end = high if after >= 0 and after else low if after < 0 else 0.0
    y = zero - end * unit + (15 if end < 0 else -6)
    picture.text(middle, y, write_number(after), text_anchor="middle", font_weight=700)
