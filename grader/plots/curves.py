"""Draws curves over steps, layers or any x, by name."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from grader.ink import canvas as c
from grader.ink.drawing import Drawing, draw_politely
from grader.ink.numbers import (
    CannotDraw,
    clean,
    describe,
    read_numbers,
    write_number,
)
from grader.plots.chart import (
    BELOW,
    MARKERS,
    PAGE_PX,
    draw_chart,
    look,
    set_log,
    set_plain,
    set_whole,
    tabulate,
)

MOST_CURVES = 8
FEW_POINTS = 24  # up to here each point gets a marker


@draw_politely
def curves(
    xs: Any,
    named: Mapping[str, Any],
    *,
    x_name: str = "x",
    y_name: str = "",
    log: bool = False,
) -> Drawing:
    """Draw named curves over the same x; where one is not finite, that is marked.

    log: a logarithmic y axis.
    """
    points, series = read_numbers(xs, "xs"), _read_series(named)
    for name, values in series.items():
        if len(values) != len(points):
            raise CannotDraw(
                f"{name} has {len(values)} values for {len(points)} points of {x_name}."
            )
    title = " and ".join(series) if len(series) <= 2 else f"{len(series)} curves"
    return _draw_curves(title, (clean(x_name, 40), points), series, (y_name, log))


@draw_politely
def losses(named: Any, *, log: bool = False) -> Drawing:
    """Draw the loss after each step of one or more trainings: `{"lr 0.1": [...]}`."""
    series = _pad(
        _read_series(named if isinstance(named, Mapping) else {"loss": named})
    )
    steps = [float(step) for step in range(len(next(iter(series.values()))))]
    return _draw_curves("Loss over the steps", ("step", steps), series, ("loss", log))


@draw_politely
def grad_norms(named: Any) -> Drawing:
    """Draw the size of the gradient layer by layer: `{"sigmoid": [...], "relu": …}`.

    Each entry is a norm, or a gradient whose norm is taken.
    """
    given = named if isinstance(named, Mapping) else {"gradient": named}
    norms = {name: _take_norms(layers) for name, layers in given.items()}
    series = _pad(_read_series(norms))
    layers = [float(i + 1) for i in range(len(next(iter(series.values()))))]
    return _draw_curves(
        "Size of the gradient by layer", ("layer (1 is next to the input)", layers),
        series, ("norm of the gradient", True),
    )  # fmt: skip


def _take_norms(layers: Any) -> Any:
    if isinstance(layers, Mapping):
        layers = list(layers.values())
    if not isinstance(layers, list | tuple):
        return layers
    return [
        layer.detach().norm() if isinstance(layer, Tensor) else layer
        for layer in layers
    ]


def _pad(series: dict[str, list[float]]) -> dict[str, list[float]]:
    """Make series equally long; what is missing at an end is no mistake."""
    longest = max(len(values) for values in series.values())
    return {k: v + [math.nan] * (longest - len(v)) for k, v in series.items()}


def _read_series(named: Any) -> dict[str, list[float]]:
    if not isinstance(named, Mapping) or not named:
        raise CannotDraw(
            'Curves come in a dict such as {"lr 0.1": [...]}; this is '
            f"{describe(named) if not isinstance(named, Mapping) else 'empty'}."
        )
    if len(named) > MOST_CURVES:
        raise CannotDraw(f"{len(named)} curves are too many; up to {MOST_CURVES}.")
    series = {
        clean(name, 24): read_numbers(_fill(values), clean(name, 24))
        for name, values in named.items()
    }
    for name, values in series.items():
        if not values:
            raise CannotDraw(f"{name} holds no numbers yet.")
    return series


def _fill(values: Any) -> Any:
    """Let None stand for a value that is missing."""
    if isinstance(values, list | tuple):
        return [math.nan if value is None else value for value in values]
    return values


def _draw_curves(
    title: str,
    over: tuple[str, list[float]],
    series: Mapping[str, list[float]],
    y: tuple[str, bool],
) -> Drawing:
    (x_name, xs), (y_name, log) = over, y
    lost = {name: _find_lost(values, log) for name, values in series.items()}
    told = " ".join(_tell(name, values, xs) for name, values in series.items())
    caption = ""
    marked = [name for name, places in lost.items() if places]
    if marked:
        caption = (
            f"× marks where {' and '.join(marked)} cannot be drawn (see the table)."
        )

    def paint(axes: list[Any]) -> None:
        (axis,) = axes
        for i, (name, values) in enumerate(series.items()):
            drawn = [math.nan if k in lost[name] else v for k, v in enumerate(values)]
            marker = {"marker": MARKERS[i % len(MARKERS)], "ms": 4.5}
            axis.plot(
                xs,
                drawn,
                label=name,
                **look(i),
                **marker if len(xs) <= FEW_POINTS else {},
            )
            places = [xs[k] for k in sorted(lost[name])]
            axis.plot(
                places, [0.03 + 0.05 * i] * len(places), "x",
                color=c.SERIES[i % len(c.SERIES)], transform=axis.get_xaxis_transform(),
            )  # fmt: skip
        axis.set(xlabel=x_name, ylabel=clean(y_name, 40))
        if len(series) > 1:
            axis.legend(**BELOW)
        set_plain(axis)
        if all(x == int(x) for x in xs if math.isfinite(x)):
            set_whole(axis)
        set_log(axis, y=log)

    alt = f"{title}. {told}"
    svg = draw_chart(paint, (PAGE_PX, 300), words=(title, alt))
    return Drawing(title, svg, alt, caption, tabulate(x_name, xs, series))


def _find_lost(values: Sequence[float], log: bool) -> set[int]:
    """Return the places that cannot be drawn; an end that is missing is not lost."""
    last = max((i for i, v in enumerate(values) if not math.isnan(v)), default=-1)
    return {
        i
        for i, value in enumerate(values)
        if not math.isfinite(value) or (log and value <= 0)
        if i <= last or last == -1
    }


def _tell(name: str, values: Sequence[float], xs: Sequence[float]) -> str:
    """Say in words where a curve starts, ends, and has its extremes."""
    finite = [(v, x) for v, x in zip(values, xs, strict=True) if math.isfinite(v)]
    if not finite:
        return f"{name} has no finite value."
    (least, low), (most, high) = min(finite), max(finite)
    ends = f"{write_number(finite[0][0])} to {write_number(finite[-1][0])}"
    return (
        f"{name} goes from {ends}; smallest {write_number(least)} at "
        f"{write_number(low)}, largest {write_number(most)} at {write_number(high)}."
    )
