"""Draws a graph of boxes and arrows; what stands in a box was decided elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grader.ink import canvas as c
from grader.ink.plan import (
    LINE_PX,
    PAD_PX,
    Arrow,
    Box,
    Emphasis,
    Plan,
    Point,
    join_formula,
    plan_boxes,
    route_arrows,
)


def draw_boxes(
    boxes: Sequence[Box],
    arrows: Sequence[Arrow],
    emphasis: Emphasis | None = None,
    *,
    plan: Plan | None = None,
    words: tuple[str, str] = ("Graph", ""),
) -> str:
    """Return the graph as SVG; `words` are its title and description.

    plan: where the boxes stand, if pictures of one graph are to match.
    Raises CannotDraw when there is nothing to draw, or too much.
    """
    emphasis = emphasis or Emphasis()
    labelled = any(emphasis.arrows.values())
    plan = plan or plan_boxes(boxes, arrows, labelled=labelled)
    picture = c.Canvas(*plan.size())
    curves = route_arrows(arrows, plan)
    for i in sorted(range(len(arrows)), key=lambda i: i in emphasis.arrows):
        _draw_arrow(picture, arrows[i], curves[i], i in emphasis.arrows)
    for box in boxes:
        _draw_box(picture, box, plan, box.key in emphasis.boxes)
    for i, label in emphasis.arrows.items():
        if label:
            _draw_label(picture, curves[i], label)
    return picture.finish(*words)


def _draw_arrow(
    picture: c.Canvas, arrow: Arrow, curve: list[Point], stands_out: bool
) -> None:
    path = f"M{_write(curve[0])}" + "".join(
        f"C{_write(a)} {_write(b)} {_write(end)}"
        for a, b, end in zip(curve[1::3], curve[2::3], curve[3::3], strict=True)
    )
    if stands_out:  # a gradient runs backward: the head is at the source
        picture.add("path", d=path, fill="none", stroke=c.PAPER, stroke_width=7)
        picture.add(
            "path", d=path, fill="none", stroke=c.RUST, stroke_width=2.8,
            marker_start="url(#rust)",
        )  # fmt: skip
        return
    look: dict[str, object] = {"stroke_dasharray": "2 4"} if arrow.cut else {}
    picture.add(
        "path", d=path, fill="none", stroke=c.QUIET, stroke_width=1.3,
        marker_end="url(#quiet)", **look,
    )  # fmt: skip
    if arrow.cut:
        _draw_scissors(picture, curve)


def _draw_scissors(picture: c.Canvas, curve: list[Point]) -> None:
    """Cross an arrow out where the gradient's way back is cut."""
    x, y = _middle(curve)
    picture.add("circle", cx=x, cy=y, r=9, fill=c.PAPER, stroke=c.INK, stroke_width=1.2)
    for slope in (-1, 1):
        picture.line(
            x - 4, y - 4 * slope, x + 4, y + 4 * slope, stroke=c.INK, stroke_width=2
        )


def _draw_label(picture: c.Canvas, curve: list[Point], label: str) -> None:
    x, y = _middle(curve)
    width = c.measure(label, 11) + 8
    picture.rect(
        x - width / 2, y - 9, width, 18,
        rx=4, fill=c.RUST_WASH, stroke=c.RUST, stroke_width=1,
    )  # fmt: skip
    picture.text(x, y + 4, label, font_size=11, text_anchor="middle")


def _middle(curve: list[Point]) -> Point:
    """Return the middle of the last bend, next to the box that uses the value."""
    start, a, b, end = curve[-4:]
    return (
        (start[0] + 3 * a[0] + 3 * b[0] + end[0]) / 8,
        (start[1] + 3 * a[1] + 3 * b[1] + end[1]) / 8,
    )


_LOOKS: Mapping[str, dict[str, object]] = {
    "leaf": {"fill": c.BLUE_WASH, "stroke": c.BLUE, "stroke_width": 1.6, "rx": 12},
    "data": {"fill": c.WASH, "stroke": c.QUIET, "stroke_width": 1, "rx": 0},
    "step": {"fill": c.PAPER, "stroke": c.QUIET, "stroke_width": 1.2, "rx": 4},
    "output": {"fill": c.PAPER, "stroke": c.INK, "stroke_width": 2.4, "rx": 4},
}


def _draw_box(picture: c.Canvas, box: Box, plan: Plan, stands_out: bool) -> None:
    x, y = plan.centre(box.key, plan.placement.along[box.key])
    left, top = x - plan.width / 2, y - plan.height / 2
    look = dict(_LOOKS.get(box.kind, _LOOKS["step"]))
    if box.cut:
        look |= {"fill": c.WASH, "stroke": c.QUIET, "stroke_dasharray": "4 3"}
    if stands_out:
        look |= {"stroke": c.RUST, "stroke_width": 2.8, "fill": c.RUST_WASH}
    picture.rect(left, top, plan.width, plan.height, **look)
    room = plan.width - 2 * PAD_PX + 4
    name = c.fit(box.name, room)
    rest = _fit_formula(join_formula(box), room - c.measure(name) * 1.08)
    fill = c.QUIET if box.cut else c.INK
    lines = 1 + len(box.lines)
    baseline = y - (lines - 1) * LINE_PX / 2 + 4.2
    picture.mixed(left + PAD_PX, baseline, name, rest, fill=fill)
    for i, line in enumerate(box.lines, 1):
        fill = c.QUIET if box.cut else c.INK
        picture.text(
            left + PAD_PX, baseline + i * LINE_PX, c.fit(line, room), fill=fill
        )


def _write(point: Point) -> str:
    return f"{point[0]:.1f} {point[1]:.1f}"


def _fit_formula(formula: str, room: float) -> str:
    """Shorten a call to its function's name before letters are lost."""
    name = formula.split("(", maxsplit=1)[0]
    shorter = [formula, f"{name}(…)", name] if formula.endswith(")") else [formula]
    fitting = (text for text in shorter if c.measure(text) <= room)
    return next(fitting, c.fit(formula, room))
