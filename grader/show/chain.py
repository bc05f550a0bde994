"""Draws the links of a chain as bars."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grader.ink import canvas as c
from grader.ink.drawing import Drawing, Table, draw_politely
from grader.ink.numbers import (
    CannotDraw,
    clean,
    describe,
    read_number,
    read_tensor,
    write_number,
)

MARGIN_PX = 16
BAR_PX = 14
SPAN_PX = 300.0  # the longest bar
TWO_SIDED = 0.62  # of that, when bars run both ways
NUMBER_PX = 96  # room for the number at a bar's end
WIDE_SPREAD = 40.0  # beyond this ratio the short bars would vanish on a linear scale
MOST_ROWS = 30
CLOSE = 1e-4  # float32 rounding over a few links


@draw_politely
def links(
    links: Mapping[str, Any],
    *,
    product: Any = None,
    autograd: Mapping[str, Any] | None = None,
) -> Drawing:
    """Draw the links of a chain as bars, and their product below.

    links: `{"dL/dp": 2.0, "dp/dz": 0.2}`; a tensor of many entries counts by its norm.
    product: the product's name (`"dL/dz"`), or your number for it: `{"dL/dz": 0.4}`.
    autograd: autograd's numbers for any of these names, drawn beside yours.
    """
    yours = _read_named(links, "links")
    whole = _read_product(product, yours)
    true = {} if autograd is None else _read_named(autograd, "autograd")
    rows = [
        _Row(k, v, true.get(k), "×" if i else "")
        for i, (k, v) in enumerate(yours.items())
    ]
    rows += [_Row(k, v, true.get(k), "=") for k, v in whole.items()]
    title = f"Links of {next(iter(whole))}" if whole else "Links of a chain"
    table = _tabulate(rows, both=bool(true))
    alt = "Bars: " + "; ".join(row.say() for row in rows) + "."
    scale = _Scale([number for row in rows for number in (row.yours, row.true)])
    svg = _draw_rows(rows, scale, (title, alt))
    return Drawing(title, svg, alt, scale.words(), table)


@dataclass(frozen=True)
class _Row:
    """One link: your number, autograd's, and the sign before it."""

    name: str
    yours: float | None
    true: float | None
    sign: str

    def differs(self) -> bool:
        """Whether both numbers are there and do not agree."""
        return self.true is not None and self.judge() != "yes"

    def judge(self) -> str:
        if self.true is None or self.yours is None:
            return "—"
        if math.isnan(self.yours) or math.isnan(self.true):
            return "no"
        return "yes" if math.isclose(self.yours, self.true, rel_tol=CLOSE) else "no"

    def say(self) -> str:
        words = f"{self.name} {_say(self.yours)}"
        if self.true is None:
            return words
        same = "the same as" if not self.differs() else "but"
        return f"{words}, {same} autograd {_say(self.true)}"


def _tabulate(rows: Sequence[_Row], *, both: bool) -> Table:
    if not both:
        return Table(("link", "value"), tuple((r.name, _say(r.yours)) for r in rows))
    return Table(
        ("link", "yours", "autograd", "the same"),
        tuple(
            (r.name, _say(r.yours), "—" if r.true is None else _say(r.true), r.judge())
            for r in rows
        ),
    )


def _read_named(values: Any, what: str) -> dict[str, float | None]:
    if not isinstance(values, Mapping) or not values:
        raise CannotDraw(
            f'{what} should be a dict such as {{"dp/dz": 0.2}}, but it is '
            f"{describe(values) if not isinstance(values, Mapping) else 'empty'}."
        )
    if len(values) > MOST_ROWS:
        raise CannotDraw(
            f"{what} has {len(values)} entries; up to {MOST_ROWS} are drawn."
        )
    return {clean(k, 28): _read_size(v, clean(k, 28)) for k, v in values.items()}


def _read_size(value: Any, what: str) -> float | None:
    """Read a number, or the norm of many; None stays None (not worked out yet)."""
    if value is None or value is Ellipsis:
        return None
    tensor = read_tensor(value)
    if tensor is not None and tensor.numel() > 1:
        return float(tensor.norm())
    return read_number(value, what)


def _read_product(
    product: Any, yours: Mapping[str, float | None]
) -> dict[str, float | None]:
    if product is None or product is False:
        return {}
    if isinstance(product, Mapping):
        return _read_named(product, "product")
    known = [value for value in yours.values() if value is not None]
    whole = math.prod(known) if len(known) == len(yours) else None
    if isinstance(product, str):
        return {clean(product, 28): whole}
    return {"product": whole if product is True else _read_size(product, "product")}


def _say(value: float | None) -> str:
    return "none yet" if value is None else write_number(value)


class _Scale:
    """From signed numbers to signed lengths between −1 and 1."""

    def __init__(self, values: Sequence[float | None]) -> None:
        finite = [v for v in values if v is not None and math.isfinite(v)]
        sizes = [abs(v) for v in finite if v]
        self.most = max(sizes, default=1.0)
        self.least = min(sizes, default=1.0)
        self.logarithmic = self.most > WIDE_SPREAD * self.least
        self.negative = any(v < 0 for v in finite)
        self.positive = not self.negative or any(v > 0 for v in finite)

    def length(self, value: float | None) -> float:
        """Return a bar's signed length; nothing for what is missing or not finite."""
        if value is None or math.isnan(value) or value == 0:
            return 0.0
        size = min(abs(value), self.most)
        if self.logarithmic:  # the smallest still shows: a tenth of the longest
            low = math.log10(self.least)
            share = (math.log10(size) - low) / (math.log10(self.most) - low)
            return math.copysign(0.1 + 0.9 * share, value)
        return math.copysign(size / self.most, value)

    def room(self) -> tuple[float, float, float]:
        """Return the px left and right of zero, and the longest bar's."""
        if self.negative and self.positive:
            side = SPAN_PX * TWO_SIDED
            return side + NUMBER_PX, side + NUMBER_PX, side
        if self.negative:
            return SPAN_PX + NUMBER_PX, NUMBER_PX, SPAN_PX
        return 8.0, SPAN_PX + NUMBER_PX, SPAN_PX

    def words(self) -> str:
        """Say how to read the lengths."""
        sign = " Bars to the left are negative." if self.negative else ""
        if self.logarithmic:
            low, high = write_number(self.least, 2), write_number(self.most, 2)
            span = f"The numbers span {low} to {high} in size"
            return f"{span}, so lengths are logarithmic.{sign}"
        return f"Lengths are to scale.{sign}"


def _draw_rows(rows: Sequence[_Row], scale: _Scale, words: tuple[str, str]) -> str:
    label = max(c.measure(row.name, 13) * 1.05 for row in rows) + 34
    left, right, reach = scale.room()
    heights = [BAR_PX * (2.6 if row.true is not None else 1) + 14 for row in rows]
    extra = 30 if any(row.true is not None for row in rows) else 0
    picture = c.Canvas(
        label + left + right + 2 * MARGIN_PX, sum(heights) + 2 * MARGIN_PX + extra
    )
    zero = MARGIN_PX + label + left
    top = float(MARGIN_PX)
    for row, height in zip(rows, heights, strict=True):
        if row.sign == "=":
            picture.line(MARGIN_PX, top, zero + right, top, stroke=c.INK)
        middle = top + height / 2
        picture.text(MARGIN_PX, middle + 4.5, row.sign, font_size=13, fill=c.QUIET)
        picture.text(
            MARGIN_PX + 18, middle + 4.5, row.name, font_size=13, font_weight=700
        )
        both = row.true is not None
        first = middle - BAR_PX / 2 - (BAR_PX / 2 + 2 if both else 0)
        _draw_bar(picture, (zero, first), scale.length(row.yours) * reach, _mine(row))
        if both:
            bar = _Bar(_say(row.true), hollow=True)
            _draw_bar(
                picture, (zero, first + BAR_PX + 4), scale.length(row.true) * reach, bar
            )
        top += height
    picture.line(zero, MARGIN_PX, zero, top, stroke=c.INK, stroke_width=1.2)
    if extra:
        _draw_key(picture, zero, top + 18)
    return picture.finish(*words)


@dataclass(frozen=True)
class _Bar:
    text: str
    hollow: bool = False
    wrong: bool = False


def _mine(row: _Row) -> _Bar:
    text = _say(row.yours) + (" ≠" if row.differs() else "")
    return _Bar(text, wrong=row.differs())


def _draw_bar(
    picture: c.Canvas, start: tuple[float, float], length: float, bar: _Bar
) -> None:
    """Draw one bar from the zero line, with its number at its end."""
    x, y = start
    colour = c.RUST if bar.wrong else c.BLUE
    look = {"fill": colour}
    if bar.hollow:
        look = {"fill": "url(#hatch)", "stroke": c.INK}
    if length:
        picture.rect(min(x, x + length), y, abs(length), BAR_PX, **look)
    anchor = "end" if length < 0 else "start"
    shift = -6 if length < 0 else 6
    weight = 700 if bar.wrong else None
    picture.text(
        x + length + shift, y + BAR_PX - 3, bar.text,
        text_anchor=anchor, font_weight=weight,
    )  # fmt: skip


def _draw_key(picture: c.Canvas, x: float, y: float) -> None:
    for shift, look, word in (
        (0, {"fill": c.BLUE}, "yours"),
        (74, {"fill": "url(#hatch)", "stroke": c.INK}, "autograd"),
    ):
        picture.rect(x + shift, y - 9, 16, 10, **look)
        picture.text(x + shift + 22, y, word, fill=c.QUIET)
