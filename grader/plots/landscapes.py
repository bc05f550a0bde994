"""Draws a loss over two parameters, and the ways that training takes down it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from grader.ink import canvas as c
from grader.ink.drawing import Drawing, Table, draw_politely
from grader.ink.live import Knob, Live
from grader.ink.numbers import (
    CannotDraw,
    clean,
    describe,
    read_number,
    read_numbers,
    read_tensor,
    write_number,
)
from grader.plots.bowl import Bowl, Loss, Point, sample_bowl
from grader.plots.chart import PAGE_PX, draw_chart, set_plain, shape_grid

RINGS = 9
MOST_PATHS, MOST_STEPS = 6, 500
FINE = 24  # learning rates on the slider


@draw_politely
def descent(
    loss: Callable[..., Any],
    start: Any = (0.0, 0.0),
    *,
    lrs: Sequence[float] = (0.02, 0.1, 0.2),
    steps: int = 20,
    live: bool = False,
) -> Drawing:
    """Draw gradient descent on a loss bowl, a frame for each learning rate.

    loss: of two parameters (or one vector of two); their names become the axes.
    live: add a slider over the learning rate in a running notebook.
    """
    function, rates = Loss(loss), read_numbers(lrs, "lrs")
    first, count = _read_point(start, "start"), round(read_number(steps, "steps"))
    if not 0 < len(rates) <= MOST_PATHS or not 0 < count <= MOST_STEPS:
        raise CannotDraw(
            f"Descent draws 1 to {MOST_PATHS} learning rates, up to {MOST_STEPS} steps."
        )
    paths = {_write_rate(lr): walk(function, first, (lr, count)) for lr in rates}
    bowl = sample_bowl(function, paths)
    still = _draw_paths(function, bowl, paths)
    if not live:
        return still
    low, high = min(rates), max(rates)
    fine = tuple(low + (high - low) * i / (FINE - 1) for i in range(FINE))

    def draw(lr: float) -> Drawing:
        path = walk(function, first, (lr, count))
        return _draw_paths(function, bowl, {_write_rate(lr): path})

    return Live(
        still.title, still.svg, still.alt, still.caption, still.table,
        draw=draw, knob=Knob("learning rate", fine),
    )  # fmt: skip


@draw_politely
def descent_paths(loss: Callable[..., Any], paths: Mapping[str, Any]) -> Drawing:
    """Draw given paths on a loss bowl: `{"yours": [(w, b), …], "autograd": […]}`."""
    if not isinstance(paths, Mapping) or not 0 < len(paths) <= MOST_PATHS:
        raise CannotDraw(
            f"paths should be a dict of 1 to {MOST_PATHS}, such as "
            '{"yours": [(0, 0)]}.'
        )
    function = Loss(loss)
    read = {clean(k, 24): _read_path(v, clean(k, 24)) for k, v in paths.items()}
    return _draw_paths(function, sample_bowl(function, read), read)


def walk(loss: Loss, start: Point, how: tuple[float, int]) -> list[Point]:
    """Take steps down the gradient: learning rate and number of steps."""
    lr, steps = how
    path = [start]
    for _ in range(steps):
        slope = loss.slope(path[-1])
        x, y = (at - lr * part for at, part in zip(path[-1], slope, strict=True))
        if not (math.isfinite(x) and math.isfinite(y)):
            break
        path.append((x, y))
    return path


def _read_point(value: Any, what: str) -> Point:
    numbers = read_numbers(value, what)
    if len(numbers) != 2:
        raise CannotDraw(f"{what} should be two numbers, but it is {len(numbers)}.")
    return numbers[0], numbers[1]


def _read_path(value: Any, what: str) -> list[Point]:
    tensor = read_tensor(value)
    points = list(tensor) if tensor is not None and tensor.ndim == 2 else value
    if not isinstance(points, list | tuple) or not points:
        kind = describe(value)
        raise CannotDraw(f"{what} should be a list of points, but it is {kind}.")
    return [
        _read_point(list(p.values()) if isinstance(p, Mapping) else p, f"{what}[{i}]")
        for i, p in enumerate(points)
    ]


def _write_rate(lr: float) -> str:
    return f"lr {write_number(lr, 3)}"


def _draw_paths(loss: Loss, bowl: Bowl, paths: Mapping[str, list[Point]]) -> Drawing:
    rows, said = [], []
    for name, path in paths.items():
        end = loss.height(path[-1])
        left = next((i for i, p in enumerate(path) if not bowl.holds(p)), None)
        ends = [write_number(value, 4) for value in (*path[-1], end)]
        rows.append((name, str(len(path) - 1), *ends))
        away = "" if left is None else f" It leaves the picture at step {left}."
        said.append(
            f"{name}: after {len(path) - 1} steps at ({ends[0]}, {ends[1]}), loss "
            f"{ends[2]}.{away}"
        )
    lowest = ", ".join(write_number(value, 3) for value in bowl.lowest)
    title = f"Descent over {bowl.names[0]} and {bowl.names[1]}"
    alt = f"{title}, rings of equal loss about ({lowest}). {' '.join(said)}"
    grid = shape_grid(len(paths))

    def paint(axes: list[Any]) -> None:
        for axis, (name, path) in zip(axes, paths.items(), strict=False):
            _paint_bowl(axis, bowl)
            _paint_path(axis, path)
            axis.set_title(f"{name}: loss {write_number(loss.height(path[-1]), 3)}")

    height = 330 if len(paths) == 1 else 20 + 215 * grid[0]
    svg = draw_chart(paint, (PAGE_PX, height), grid, (title, alt))
    strays = (line for line in said if "leaves" in line)
    caption = " ".join(["Rings of equal loss; + is the lowest point.", *strays])
    columns_of = ("path", "steps", *bowl.names, "loss")
    return Drawing(title, svg, alt, caption, Table(columns_of, tuple(rows)))


def _paint_bowl(axis: Any, bowl: Bowl) -> None:
    finite = [h for row in bowl.heights for h in row if math.isfinite(h)]
    low, high = min(finite), max(finite)
    if high > low:  # squares space the rings of a bowl evenly
        levels = [low + (high - low) * (k / RINGS) ** 2 for k in range(1, RINGS + 1)]
        axis.contour(
            bowl.xs, bowl.ys, bowl.heights, levels, colors="#8fa3b8", linewidths=0.9
        )
    axis.plot(*([at] for at in bowl.lowest), "+", color=c.INK, ms=10, mew=1.6)
    axis.set(xlabel=bowl.names[0], ylabel=bowl.names[1])
    axis.set_xlim(bowl.xs[0], bowl.xs[-1])
    axis.set_ylim(bowl.ys[0], bowl.ys[-1])
    axis.grid(visible=False)
    set_plain(axis)


def _paint_path(axis: Any, path: Sequence[Point]) -> None:
    xs, ys = [p[0] for p in path], [p[1] for p in path]
    small = 4 if len(path) <= 60 else 0
    axis.plot(xs, ys, "-o", color=c.RUST, ms=small, linewidth=1.1)
    axis.plot(xs[:1], ys[:1], "o", mfc=c.PAPER, mec=c.RUST, ms=8, mew=1.8)
    axis.annotate(
        "start", (xs[0], ys[0]), (7, -13), textcoords="offset points", fontsize=11
    )
