"""Samples a loss of two parameters: its bowl, its lowest point, its slope."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from grader.ink.numbers import CannotDraw, call_politely, clean, read_number

Point = tuple[float, float]
TAME = 2  # times the first loss: what climbs higher may leave the picture
GRID = 33  # points of the bowl along each axis; under 0.1 s for a small loss
LONGEST = 6  # ratio of the axes' ranges up to which both get the same
MOST_TRIES = 40  # rounds of looking for the lowest point, eight losses each


@dataclass(frozen=True)
class Bowl:
    """A loss sampled over a window of its two parameters."""

    names: tuple[str, str]
    xs: list[float]
    ys: list[float]
    heights: list[list[float]]
    lowest: Point

    def holds(self, point: Point) -> bool:
        """Whether a point lies in the window."""
        x, y = point
        return self.xs[0] <= x <= self.xs[-1] and self.ys[0] <= y <= self.ys[-1]


class Loss:
    """A student's loss of two parameters, called with numbers."""

    def __init__(self, function: Any) -> None:
        self.function = function
        self.names, self.joined = _read_parameters(function)

    def height(self, point: Point) -> float:
        """Return the loss at a point."""
        with torch.no_grad():
            return read_number(self._call(torch.tensor(point)), "The loss")

    def slope(self, point: Point) -> Point:
        """Return the gradient by autograd."""
        at = torch.tensor(point, requires_grad=True)
        with torch.enable_grad():
            loss = self._call(at)
        if not isinstance(loss, Tensor) or not loss.requires_grad:
            raise CannotDraw("The loss does not depend on its parameters by autograd.")
        (grad,) = torch.autograd.grad(loss.sum(), at)
        return float(grad[0]), float(grad[1])

    def _call(self, at: Tensor) -> Any:
        return call_politely(self.function, *([at] if self.joined else at.unbind()))


def _read_parameters(function: Any) -> tuple[tuple[str, str], bool]:
    """Return the names of the two parameters, and whether they come as one vector."""
    try:
        names = [
            clean(p.name, 16)
            for p in inspect.signature(function).parameters.values()
            if p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD}
            and p.default is p.empty
        ]
    except (TypeError, ValueError):
        names = ["w", "b"]
    if len(names) == 1:
        return (f"{names[0]}[0]", f"{names[0]}[1]"), True
    if len(names) == 2:
        return (names[0], names[1]), False
    raise CannotDraw(
        "The loss should take two parameters, or one vector of two; it takes "
        f"{len(names)}."
    )


def sample_bowl(loss: Loss, paths: Mapping[str, list[Point]]) -> Bowl:
    """Sample the loss around the parts of the paths that stay low."""
    starts = [path[0] for path in paths.values()]
    roof = max(loss.height(start) for start in starts)
    tame = [
        p for path in paths.values() for p in path if loss.height(p) <= TAME * roof
    ] + starts
    xs, ys = _choose_window(tame)
    heights = [[loss.height((x, y)) for x in xs] for y in ys]
    finite = [
        (height, (x, y))
        for y, row in zip(ys, heights, strict=True)
        for x, height in zip(xs, row, strict=True)
        if math.isfinite(height)
    ]
    if not finite:
        raise CannotDraw("The loss is not finite anywhere near these paths.")
    lowest = _descend_grid(loss, min(finite)[1], (xs[1] - xs[0], ys[1] - ys[0]))
    return Bowl(loss.names, xs, ys, heights, lowest)


def _choose_window(points: Sequence[Point]) -> tuple[list[float], list[float]]:
    """Return the grid along both axes: room around the points, no axis much shorter.

    On a short axis the rings of a long bowl would look like straight lines.
    """
    spans = [
        (min(p[axis] for p in points), max(p[axis] for p in points)) for axis in (0, 1)
    ]
    widths = [high - low for low, high in spans]
    widest = max(widths) or 2.0
    grids = []
    for (low, high), width in zip(spans, widths, strict=True):
        half = (
            max(width, widest if widest < LONGEST * width else width, widest / 4) * 0.75
        )
        middle = (low + high) / 2
        grids.append([middle + half * (2 * i / (GRID - 1) - 1) for i in range(GRID)])
    return grids[0], grids[1]


def _descend_grid(loss: Loss, at: Point, stride: Point) -> Point:
    """Find the lowest point near a grid point by trying its neighbours, ever nearer."""
    best = loss.height(at)
    for _ in range(MOST_TRIES):
        tries = [
            (at[0] + i * stride[0], at[1] + j * stride[1])
            for i in (-1, 0, 1)
            for j in (-1, 0, 1)
            if i or j
        ]
        found = min((loss.height(point), point) for point in tries)
        if found[0] < best:
            best, at = found
        else:
            stride = stride[0] / 2, stride[1] / 2
    return at
