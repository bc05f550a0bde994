"""Draws the slope of a function of one variable: secants, errors, f above f′."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from grader.ink import canvas as c
from grader.ink.drawing import Drawing, Table, draw_politely
from grader.ink.live import Knob, Live
from grader.ink.numbers import (
    CannotDraw,
    clean,
    read_number,
    read_numbers,
    write_number,
    write_power,
)
from grader.plots.chart import (
    BELOW,
    MARKERS,
    PAGE_PX,
    draw_chart,
    look,
    set_log,
    set_plain,
    shape_grid,
    tabulate,
)
from grader.plots.sampling import (
    Function,
    call_at,
    name_of,
    sample,
    slope_at,
    spread,
    value_at,
)

FLOOR = 1e-17  # below every error that float64 can show
MOST_FRAMES = 12
DTYPES: Mapping[str, torch.dtype] = {"float32": torch.float32, "float64": torch.float64}


@dataclass(frozen=True)
class _Line:
    """A function about a point: its name, value and slope there, and its curve."""

    name: str
    at: float
    value: float
    slope: float
    xs: list[float]
    ys: list[float]


@draw_politely
def secant(
    f: Function, x: float, hs: Sequence[float] = (2, 1, 0.5, 0.1), *, live: bool = False
) -> Drawing:
    """Draw secants from x to x + h turning into the tangent, a frame for each h.

    live: add a slider over h in a running notebook.
    """
    at, steps = read_number(x, "x"), read_numbers(hs, "hs")
    if not 0 < len(steps) <= MOST_FRAMES or not all(
        h and math.isfinite(h) for h in steps
    ):
        raise CannotDraw(
            f"hs should hold 1 to {MOST_FRAMES} step sizes, none of them 0."
        )
    line = _look_around(f, at, min(steps), max(steps))
    still = _draw_secants(f, line, steps)
    if not live:
        return still
    return Live(
        still.title, still.svg, still.alt, still.caption, still.table,
        draw=lambda h: _draw_secants(f, line, [h]),
        knob=Knob("h", tuple(steps[0] * (1 - i / 40) for i in range(40))),
    )  # fmt: skip


def _look_around(f: Function, at: float, least: float, most: float) -> _Line:
    """Sample a function a little beyond the points that will be drawn."""
    left, right = min(at, at + least), max(at, at + most)
    margin = 0.35 * (right - left)
    xs = spread(left - margin, right + margin)
    return _Line(name_of(f), at, value_at(f, at), slope_at(f, at), xs, sample(f, xs))


def _draw_secants(f: Function, line: _Line, steps: Sequence[float]) -> Drawing:
    ends = [value_at(f, line.at + h) for h in steps]
    slopes = [(end - line.value) / h for end, h in zip(ends, steps, strict=True)]
    tangent = write_number(line.slope)
    rows = tuple(
        (write_number(h), write_number(s), write_number(s - line.slope))
        for h, s in zip(steps, slopes, strict=True)
    )
    said = "; ".join(f"h {row[0]} gives slope {row[1]}" for row in rows)
    title = f"Secants of {line.name} at x = {write_number(line.at)}"
    alt = f"{title}: {said}. The tangent's slope is {tangent}."
    grid = shape_grid(len(steps))

    def paint(axes: list[Any]) -> None:
        for axis, h, end, slope in zip(axes, steps, ends, slopes, strict=False):
            _paint_secant(axis, line, (h, end, slope))

    height = 260 if len(steps) == 1 else 20 + 185 * grid[0]
    svg = draw_chart(paint, (PAGE_PX, height), grid, (title, alt))
    caption = (
        f"Solid: the secant through both points. Dashed: the tangent, slope {tangent}."
    )
    table = Table(("h", "slope of the secant", "minus the tangent's"), rows)
    return Drawing(title, svg, alt, caption, table)


def _paint_secant(axis: Any, line: _Line, step: tuple[float, float, float]) -> None:
    h, end, slope = step
    span = [line.xs[0], line.xs[-1]]
    axis.plot(line.xs, line.ys, color=c.INK, linewidth=1.6)
    for tilt, style in ((line.slope, look(2) | {"linestyle": "--"}), (slope, look(1))):
        heights = [line.value + tilt * (x - line.at) for x in span]
        axis.plot(
            span, heights, **style | ({"linestyle": "-"} if tilt is slope else {})
        )
    axis.plot([line.at, line.at + h], [line.value, end], "o", color=c.RUST)
    finite = [y for y in [*line.ys, end, line.value] if math.isfinite(y)]
    margin = 0.08 * (max(finite) - min(finite) or 1.0)
    axis.set_ylim(min(finite) - margin, max(finite) + margin)
    axis.set_xlim(*span)
    axis.set_title(f"h = {write_number(h, 4)}: slope {write_number(slope, 5)}")
    set_plain(axis)


@draw_politely
def step_errors(
    f: Function,
    x: float,
    *,
    dtypes: Sequence[str] = ("float32", "float64"),
    rule: str = "central",
) -> Drawing:
    """Draw the error of a finite difference against its step h, both logarithmic.

    rule: "central", (f(x+h) − f(x−h)) / 2h, or "forward", (f(x+h) − f(x)) / h.
    """
    if rule not in {"central", "forward"} or not set(dtypes) <= set(DTYPES):
        raise CannotDraw(
            'rule is "central" or "forward"; dtypes are of "float32" and "float64".'
        )
    at = read_number(x, "x")
    true = slope_at(f, at)
    hs = [10 ** (-k / 2) for k in range(1, 29)]
    errors = {
        name: [abs(_difference(f, at, h, (rule, DTYPES[name])) - true) for h in hs]
        for name in dtypes
    }
    best = {name: min(zip(es, hs, strict=True)) for name, es in errors.items()}
    said = " ".join(
        f"{name}: smallest error {write_number(e, 2)}, at h = {write_number(h, 2)}."
        for name, (e, h) in best.items()
    )
    title = f"Error of the {rule} difference of {name_of(f)} at x = {write_number(at)}"
    rows = tuple(
        (write_number(h, 3), *(write_number(es[i], 3) for es in errors.values()))
        for i, h in enumerate(hs)
    )

    def paint(axes: list[Any]) -> None:
        for i, (name, es) in enumerate(errors.items()):
            floored = [max(e, FLOOR) if math.isfinite(e) else math.nan for e in es]
            axes[0].plot(hs, floored, label=name, marker=MARKERS[i], ms=4, **look(i))
            error, h = best[name]
            axes[0].plot([h], [max(error, FLOOR)], "o", ms=12, mfc="none", mec=c.INK)
        axes[0].invert_xaxis()
        set_log(axes[0], x=True, y=True)
        axes[0].set(xlabel="step h (smaller to the right)", ylabel="error")
        axes[0].legend(**BELOW)

    alt = f"{title}, logarithmic. {said}"
    svg = draw_chart(paint, (PAGE_PX, 340), words=(title, alt))
    caption = f"{said} Rings mark them."
    if any(e <= FLOOR for es in errors.values() for e in es):
        caption += f" An error of exactly 0 is drawn at {write_power(-17)}."
    return Drawing(title, svg, alt, caption, Table(("h", *errors), rows))


def _difference(
    f: Function, at: float, h: float, how: tuple[str, torch.dtype]
) -> float:
    rule, dtype = how
    x, step = torch.tensor(at, dtype=dtype), torch.tensor(h, dtype=dtype)
    low = x - step if rule == "central" else x
    width = 2 * step if rule == "central" else step
    high, low = (
        torch.as_tensor(call_at(f, point), dtype=dtype) for point in (x + step, low)
    )
    return float((high - low) / width)


@draw_politely
def function_and_slope(
    f: Function,
    xs: Sequence[float] = (-3, 3),
    *,
    mark: float | None = None,
    yours: Function | None = None,
    x_name: str = "x",
) -> Drawing:
    """Draw a function above its slope, on the same x.

    xs: a range (low, high), or the points themselves. mark: an x where the tangent
    and the slope are marked. yours: your own slope function, drawn over autograd's.
    """
    points, x = _read_range(xs), clean(x_name, 16)
    values, slopes = sample(f, points), [slope_at(f, point) for point in points]
    mine, missing = _sample_yours(yours, points)
    marked, told = _read_mark(f, x, mark)
    name = name_of(f)

    def paint(axes: list[Any]) -> None:
        upper, lower = axes
        upper.plot(points, values, **look(4) | {"linestyle": "-"})
        lower.plot(points, slopes, label="autograd", **look(0))
        if mine:
            lower.plot(points, mine, label="yours", **look(1))
            lower.legend(**BELOW)
        lower.axhline(0, color=c.QUIET, linewidth=1)
        upper.set(ylabel=name)
        lower.set(ylabel=f"slope of {name}", xlabel=x)
        if marked:
            _mark(axes, marked, points)
        for axis in axes:
            set_plain(axis)

    title = f"{name} and its slope"
    span = f"from {x} = {write_number(points[0])} to {write_number(points[-1])}"
    alt = f"{title} {span}. {told}".strip()
    svg = draw_chart(paint, (PAGE_PX, 400), (2, 1), (title, alt), share_x=True)
    series = {name: values, "slope": slopes} | ({"yours": mine} if mine else {})
    caption = f"{told} {missing}".strip()
    return Drawing(title, svg, alt, caption, tabulate(x, points, series))


def _read_range(xs: Any) -> list[float]:
    points = read_numbers(xs, "xs")
    if len(points) < 2 or not all(map(math.isfinite, points)):
        raise CannotDraw(
            "xs should be a range such as (-3, 3), or at least two points."
        )
    return spread(points[0], points[1]) if len(points) == 2 else sorted(points)


def _sample_yours(yours: Any, points: list[float]) -> tuple[list[float], str]:
    """Sample the student's slope; an unsolved one leaves the rest of the picture."""
    if yours is None:
        return [], ""
    try:
        return sample(yours, points), ""
    except CannotDraw as reason:
        return [], str(reason)


def _read_mark(f: Function, x: str, mark: Any) -> tuple[tuple[float, ...], str]:
    """Return x, value and slope at the mark, and what they say."""
    if mark is None:
        return (), ""
    at = read_number(mark, "mark")
    found = (at, value_at(f, at), slope_at(f, at))
    place, value, slope = map(write_number, found)
    return found, f"At {x} = {place} the value is {value} and the slope {slope}."


def _mark(axes: list[Any], at: tuple[float, ...], points: list[float]) -> None:
    x, value, slope = at
    reach = 0.18 * (points[-1] - points[0])
    upper, lower = axes
    ends = [max(x - reach, points[0]), min(x + reach, points[-1])]
    upper.plot(
        ends,
        [value + slope * (end - x) for end in ends],
        **look(1) | {"linestyle": "-"},
    )
    upper.plot([x], [value], "o", color=c.RUST)
    lower.plot([x], [slope], "o", color=c.RUST)
    for axis in axes:
        axis.axvline(x, color=c.QUIET, linewidth=1, linestyle=":")
    lower.annotate(write_number(slope), (x, slope), (8, 8), textcoords="offset points")
