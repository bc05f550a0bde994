"""Plans where the boxes and arrows of a graph run, in px; draws nothing."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from grader.ink import canvas as c
from grader.ink.layout import Key, Placement, arrange
from grader.ink.numbers import CannotDraw

MOST_BOXES = 80  # beyond that nobody reads a picture
PAGE_PX = 880  # a graph wider than a notebook's column stands upright
Point = tuple[float, float]
LINE_PX = 17
PAD_PX = 9
MARGIN_PX = 12
STRAIGHT_PX = 9.0  # less than that between two ends looks like a slip
NARROWEST_PX, BROADEST_PX = 100.0, 216.0


@dataclass(frozen=True)
class Box:
    """One node: its name, what made it, and its lines of numbers.

    kind: "leaf" (wants a gradient), "data" (wants none), "step" or "output".
    """

    key: Hashable
    name: str
    formula: str = ""
    lines: tuple[str, ...] = ()
    kind: str = "step"
    cut: bool = False


@dataclass(frozen=True)
class Arrow:
    """One use of a value: from the box that holds it to the box that uses it."""

    source: Hashable
    target: Hashable
    cut: bool = False


@dataclass(frozen=True)
class Emphasis:
    """What stands out: boxes, and arrows (by their number) with their labels."""

    boxes: frozenset[Hashable] = frozenset()
    arrows: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """Where the boxes stand: from layers and px across to x and y."""

    placement: Placement
    width: float
    height: float
    between: float
    upright: bool

    def centre(self, key: Key, layer: int) -> tuple[float, float]:
        """Return the middle of a box or bend."""
        thick = self.height if self.upright else self.width
        broad = self.width if self.upright else self.height
        along = MARGIN_PX + thick / 2 + layer * (thick + self.between)
        across = MARGIN_PX + broad / 2 + self.placement.across[key]
        return (across, along) if self.upright else (along, across)

    def size(self) -> tuple[float, float]:
        """Return the picture's width and height."""
        thick, broad = self.width, self.height
        if self.upright:
            thick, broad = broad, thick
        layers = self.placement.layers
        along = layers * thick + (layers - 1) * self.between + 2 * MARGIN_PX
        across = max(self.placement.across.values()) + broad + 2 * MARGIN_PX
        return (across, along) if self.upright else (along, across)


def plan_boxes(
    boxes: Sequence[Box], arrows: Sequence[Arrow], *, labelled: bool = False
) -> Plan:
    """Lay a graph lengthwise if it fits a notebook's column, else upright.

    labelled: leave room on the arrows. Raises CannotDraw when there is nothing to
    draw, or too much.
    """
    if not boxes:
        raise CannotDraw("There is no graph to draw: nothing was computed.")
    if len(boxes) > MOST_BOXES:
        raise CannotDraw(
            f"This graph has {len(boxes)} boxes; a picture stays readable up to "
            f"{MOST_BOXES}. Draw a smaller example, or a part of it."
        )
    width = max(min(max(map(_needed_width, boxes)), BROADEST_PX), NARROWEST_PX)
    height = max(1 + len(box.lines) for box in boxes) * LINE_PX + 2 * PAD_PX - 4.0
    keys = [box.key for box in boxes]
    edges = [(arrow.source, arrow.target) for arrow in arrows]
    across = arrange(keys, edges, height, 20)
    lying = Plan(across, width, height, 76 if labelled else 48, upright=False)
    if lying.size()[0] <= PAGE_PX:
        return lying
    upward = arrange(keys, edges, width, 18)
    standing = Plan(upward, width, height, 54 if labelled else 44, upright=True)
    return min(lying, standing, key=lambda plan: plan.size()[0])


def join_formula(box: Box) -> str:
    """Write what follows the name in a box's first line."""
    return f" = {box.formula}" if box.formula else ""


def _needed_width(box: Box) -> float:
    head = c.measure(box.name) * 1.08 + c.measure(join_formula(box))
    return max([head, *(c.measure(line) for line in box.lines)]) + 2 * PAD_PX


def route_arrows(arrows: Sequence[Arrow], plan: Plan) -> list[list[Point]]:
    """Return each arrow as Bézier points: a start, then threes of control and end."""
    leaving, entering = _spread_ports(arrows, plan)
    curves = []
    for i, route in enumerate(plan.placement.routes):
        layer = plan.placement.along[route[0]]
        points = [_at(plan, route[0], layer, leaving[i], end=True)]
        for step, key in enumerate(route[1:], 1):
            last = step == len(route) - 1
            port = entering[i] if last else 0.0
            points += _bend(points[-1], _at(plan, key, layer + step, port), plan)
            if not last:
                flat = _at(plan, key, layer + step, 0.0, end=True)
                points += [points[-1], flat, flat]
        curves.append(points)
    return curves


def _at(plan: Plan, key: Key, layer: int, port: float, *, end: bool = False) -> Point:
    """Return the point where an arrow enters (or, at the end, leaves) a place."""
    x, y = plan.centre(key, layer)
    half = (plan.height if plan.upright else plan.width) / 2 * (1 if end else -1)
    return (x + port, y + half) if plan.upright else (x + half, y + port)


def _bend(start: Point, end: Point, plan: Plan) -> list[Point]:
    reach = plan.between * 0.5
    if plan.upright:
        return [(start[0], start[1] + reach), (end[0], end[1] - reach), end]
    return [(start[0] + reach, start[1]), (end[0] - reach, end[1]), end]


def _spread_ports(
    arrows: Sequence[Arrow], plan: Plan
) -> tuple[list[float], list[float]]:
    """Spread the arrows' ends along the side of a box, in the order they arrive."""
    across, routes = plan.placement.across, plan.placement.routes
    span = plan.width if plan.upright else plan.height
    ports: tuple[list[float], list[float]] = ([0.0] * len(arrows), [0.0] * len(arrows))
    for side in (0, 1):
        groups: dict[Hashable, list[int]] = {}
        for i, arrow in enumerate(arrows):
            groups.setdefault(arrow.target if side else arrow.source, []).append(i)
        for group in groups.values():
            group.sort(key=lambda i: (across[routes[i][-2 if side else 1]], i))
            spacing = min(18.0, span / (len(group) + 1))
            for rank, i in enumerate(group):
                ports[side][i] = (rank - (len(group) - 1) / 2) * spacing
    _straighten(ports, plan)
    return ports


def _straighten(ports: tuple[list[float], list[float]], plan: Plan) -> None:
    """Move both ends of a short, nearly straight arrow onto one line."""
    across = plan.placement.across
    for i, route in enumerate(plan.placement.routes):
        start, end = across[route[0]] + ports[0][i], across[route[-1]] + ports[1][i]
        if len(route) == 2 and abs(start - end) <= STRAIGHT_PX:
            middle = (start + end) / 2
            ports[0][i] += middle - start
            ports[1][i] += middle - end
