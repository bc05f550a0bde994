"""Draws what a classifier decides over two features."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from grader.ink import canvas as c
from grader.ink.drawing import Drawing, Table, draw_politely
from grader.ink.numbers import (
    CannotDraw,
    call_politely,
    clean,
    describe,
    read_tensor,
    write_number,
    write_shape,
)
from grader.plots.chart import (
    BELOW,
    MARKERS,
    PAGE_PX,
    draw_chart,
    set_plain,
    shape_grid,
)

GRID = 60  # points along each axis; the model is called once for all of them
MOST_CLASSES, MOST_POINTS, MOST_MODELS = 5, 2000, 4
WASHES = ("#dceaf5", "#fbe3d3", "#d9efe6", "#f1dfec", "#ececec")
HATCHES = ("", "///", "...", "\\\\\\", "xx")


@dataclass(frozen=True)
class _Samples:
    """Points of two features with their classes; X: (n, 2), y: (n,)."""

    X: Tensor
    y: Tensor
    names: tuple[str, str]
    classes: list[float]

    def window(self) -> list[tuple[float, float]]:
        """Return the range of each axis, with a margin."""
        ranges = []
        for j in (0, 1):
            low, high = float(self.X[:, j].min()), float(self.X[:, j].max())
            margin = 0.18 * (high - low) or 1.0
            ranges.append((low - margin, high + margin))
        return ranges


def _read_samples(X: Any, y: Any, names: Sequence[str]) -> _Samples:
    features, classes = read_tensor(X), read_tensor(y)
    if features is None or classes is None:
        wrong = describe(X) if features is None else describe(y)
        raise CannotDraw(f"X and y should be tensors, but one is {wrong}.")
    classes = classes.reshape(-1)
    if features.ndim != 2 or features.shape[1] != 2 or len(features) != len(classes):
        raise CannotDraw(
            "X should have shape (n, 2) and y (n,); they are "
            f"{write_shape(features.shape)} and {write_shape(classes.shape)}."
        )
    if not 0 < len(features) <= MOST_POINTS or not torch.isfinite(features).all():
        raise CannotDraw(f"X should hold 1 to {MOST_POINTS} points, all finite.")
    found = sorted(set(classes.tolist()))
    if len(found) > MOST_CLASSES:
        raise CannotDraw(
            f"y holds {len(found)} classes; up to {MOST_CLASSES} are drawn."
        )
    first, second = (clean(name, 24) for name in [*names, "x₁", "x₂"][:2])
    return _Samples(features, classes, (first, second), found)


@draw_politely
def decision_line(
    X: Any,
    y: Any,
    *,
    before: Any,
    after: Any = None,
    names: Sequence[str] = ("x₁", "x₂"),
) -> Drawing:
    """Draw the line p = ½ of one neuron, before and after a step.

    X: (n, 2), y: (n,) of 0 and 1. before, after: pairs (w, b); w: (2,).
    names: the two features, for the axes.
    """
    samples = _read_samples(X, y, names)
    given = {"before": before} | ({} if after is None else {"after": after})
    lines = {name: _read_line(pair, name) for name, pair in given.items()}
    rows = tuple(
        (name, write_number(line[0]), write_number(line[1]), write_number(line[2]),
         _count_right(samples, line))
        for name, line in lines.items()
    )  # fmt: skip
    title = "Decision line" if after is None else "Decision line before and after"
    first, second = samples.names
    said = "; ".join(
        f"{row[0]}: {row[1]} · {first} + {row[2]} · {second} + {row[3]} = 0, "
        f"{row[4]} right"
        for row in rows
    )

    def paint(axes: list[Any]) -> None:
        (axis,) = axes
        _paint_samples(axis, samples)
        for i, (name, line) in enumerate(lines.items()):
            style = {"color": c.INK, "linestyle": "--" if name == "before" else "-"}
            if not _paint_line(axis, samples, line, style | {"label": f"p = ½ {name}"}):
                axis.text(
                    0.02, 0.03 + 0.07 * i, f"{name}: no line here",
                    transform=axis.transAxes,
                )  # fmt: skip
        axis.legend(**BELOW)

    alt = f"{title} over {len(samples.y)} points. {said}."
    svg = draw_chart(paint, (PAGE_PX, 380), words=(title, alt))
    table = Table(("line", f"w for {first}", f"w for {second}", "b", "right"), rows)
    return Drawing(
        title, svg, alt, f"Where w·x + b = 0. Right: {_join_right(rows)}.", table
    )


def _join_right(rows: Sequence[Sequence[str]]) -> str:
    return ", ".join(f"{row[-1]} {row[0]}" for row in rows)


Line = tuple[float, float, float]


def _read_line(pair: Any, what: str) -> Line:
    parts = pair if isinstance(pair, Sequence) and len(pair) == 2 else (None, None)
    w, b = (read_tensor(part) for part in parts)
    if w is None or b is None or w.numel() != 2 or b.numel() != 1:
        raise CannotDraw(
            f"{what} should be a pair (w, b) with two weights and one bias."
        )
    first, second = w.reshape(-1).tolist()
    return first, second, float(b.reshape(()))


def _count_right(samples: _Samples, line: Line) -> str:
    score = samples.X @ torch.tensor(line[:2], dtype=torch.float64) + line[2]
    right = int(((score > 0) == (samples.y > 0.5)).sum())
    return f"{right} of {len(samples.y)}"


def _paint_samples(axis: Any, samples: _Samples) -> None:
    for k, name in enumerate(samples.classes):
        points = samples.X[samples.y == name]
        hollow = {"mfc": c.PAPER} if k == 0 else {}
        style = {"mew": 1.5, "ms": 7, "color": c.SERIES[k]} | hollow
        label = f"class {write_number(name)}"
        axis.plot(points[:, 0], points[:, 1], MARKERS[k], label=label, **style)
    (left, right), (low, high) = samples.window()
    axis.set(xlabel=samples.names[0], ylabel=samples.names[1])
    axis.set_xlim(left, right)
    axis.set_ylim(low, high)
    axis.grid(visible=False)
    set_plain(axis)


def _paint_line(
    axis: Any, samples: _Samples, line: Line, style: dict[str, Any]
) -> bool:
    """Draw w·x + b = 0 across the window; False where it does not pass."""
    ends = cross_window(line, samples.window())
    if len(ends) < 2:
        return False
    axis.plot([end[0] for end in ends], [end[1] for end in ends], **style)
    return True


def cross_window(
    line: Line, window: Sequence[tuple[float, float]]
) -> list[tuple[float, float]]:
    """Return the two points where a line leaves a window, or nothing."""
    w1, w2, b = line
    (left, right), (low, high) = window
    if not all(map(math.isfinite, line)):
        return []
    ends = []
    if w2:
        ends += [(x, -(w1 * x + b) / w2) for x in (left, right)]
    if w1:
        ends += [(-(w2 * y + b) / w1, y) for y in (low, high)]
    slack = 1e-9 * (right - left + high - low)
    inside = [
        (x, y)
        for x, y in ends
        if left - slack <= x <= right + slack and low - slack <= y <= high + slack
    ]
    inside.sort()
    return [inside[0], inside[-1]] if len(inside) >= 2 else []


@draw_politely
def decision_surface(
    model: Any, X: Any, y: Any, *, names: Sequence[str] = ("x₁", "x₂")
) -> Drawing:
    """Draw which class a model decides for over two features.

    model: from (n, 2) to (n,), (n, 1) or (n, classes): probabilities or logits;
    or several by name, `{"before": model, "after": model}`, side by side.
    """
    samples = _read_samples(X, y, names)
    models = model if isinstance(model, Mapping) else {"": model}
    if not 0 < len(models) <= MOST_MODELS:
        raise CannotDraw(f"From 1 to {MOST_MODELS} models are drawn.")
    window = samples.window()
    xs, ys = (torch.linspace(*span, GRID, dtype=torch.float64) for span in window)
    grid = torch.cartesian_prod(xs, ys)
    regions = {
        k: read_margins(m, grid).reshape(-1, GRID, GRID) for k, m in models.items()
    }
    rows = tuple(
        (clean(k, 24) or "model", _count_model(m, samples)) for k, m in models.items()
    )

    def paint(axes: list[Any]) -> None:
        for axis, (name, region), row in zip(axes, regions.items(), rows, strict=False):
            _paint_margins(axis, (xs, ys), region)
            _paint_samples(axis, samples)
            axis.set_title(f"{clean(name, 24)} {row[1]} right".strip())
        axes[0].legend(loc="best", framealpha=0.9, frameon=True, edgecolor=c.FAINT)

    shape = shape_grid(len(models))
    said = "; ".join(f"{name}: {right} points right" for name, right in rows)
    alt = f"Decision regions over {samples.names[0]} and {samples.names[1]}. {said}."
    height = 360 if len(models) == 1 else 20 + 235 * shape[0]
    svg = draw_chart(paint, (PAGE_PX, height), shape, ("Decision regions", alt))
    caption = "Each region is where the model decides for one class; markers are data."
    return Drawing(
        "Decision regions", svg, alt, caption, Table(("model", "right"), rows)
    )


def read_margins(model: Any, points: Tensor) -> Tensor:
    """Return by how much each class leads over the best other: (classes, n)."""
    with torch.no_grad():
        given = call_politely(model, points.to(**_find_home(model)))
    scores = read_tensor(given)
    if scores is None or scores.ndim not in {1, 2} or len(scores) != len(points):
        got = describe(given) if scores is None else write_shape(scores.shape)
        raise CannotDraw(
            f"The model should return one row for each of {len(points)} points; what "
            f"it returned is {got}."
        )
    if scores.ndim == 1 or scores.shape[1] == 1:
        scores = scores.reshape(-1)
        logits = bool((scores < 0).any() or (scores > 1).any())
        lead = scores - (0.0 if logits else 0.5)
        return torch.stack([-lead, lead])
    if not 1 < scores.shape[1] <= MOST_CLASSES:
        raise CannotDraw(
            f"The model has {scores.shape[1]} classes; up to {MOST_CLASSES}."
        )
    first, second = scores.topk(2, dim=1).values.unbind(1)
    best = first[:, None].expand_as(scores)
    return (scores - torch.where(scores == best, second[:, None], best)).T


def _find_home(model: Any) -> dict[str, Any]:
    """Return device and dtype of a model's parameters; float32 for a function."""
    parameters = getattr(model, "parameters", None)
    first = next(iter(parameters()), None) if callable(parameters) else None
    if isinstance(first, Tensor):
        return {"device": first.device, "dtype": first.dtype}
    return {"dtype": torch.float32}


def _count_model(model: Any, samples: _Samples) -> str:
    chosen = read_margins(model, samples.X).argmax(0)
    index = torch.tensor([samples.classes.index(name) for name in samples.y.tolist()])
    return f"{int((chosen == index).sum())} of {len(samples.y)}"


def _paint_margins(axis: Any, grid: tuple[Tensor, Tensor], margins: Tensor) -> None:
    """Fill where each class leads, and draw the line where it stops leading."""
    for k, margin in enumerate(margins):
        if not (margin > 0).any():
            continue
        most = float(margin.max())
        axis.contourf(
            *grid, margin.T, [0, most], colors=[WASHES[k]], hatches=[HATCHES[k]]
        ).set_edgecolor("#ffffff")
        if (margin < 0).any():
            axis.contour(*grid, margin.T, [0], colors=c.INK, linewidths=1.2)
