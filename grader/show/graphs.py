"""Draws computation graphs, from a student's own tensors, functions or engine."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import FrameType
from typing import Any

from torch import Tensor

from grader.ink.boxes import draw_boxes
from grader.ink.drawing import Drawing, Table, draw_politely
from grader.ink.numbers import CannotDraw, clean, describe, summarise, write_number
from grader.ink.plan import Arrow, Box, Emphasis
from grader.steps.computation import Computation, Step, find_paths
from grader.steps.engine import read_engine
from grader.steps.record import record_call
from grader.steps.trace import Cut, trace_tensor

Path = list[tuple[Step, int]]
MOST_NOTES = 8  # paths that are written out


@draw_politely
def graph(  # noqa: PLR0913 one call draws every graph of the lessons
    output: Any,
    names: Mapping[str, Any] | None = None,
    *,
    highlight: Any = None,
    values: bool = True,
    grads: bool = True,
    cut: Any = None,
    **more_names: Any,
) -> Drawing:
    """Draw the computation graph behind a tensor, or behind a student's own engine.

    names: `{"x": x}` or `x=x`; without them, the caller's own variables.
    highlight: a name or tensor; the paths of the gradient back to it stand out.
    cut: a pair (source, copy), or a list of them, where `copy` was made outside the
        graph; a `detach()` of a named tensor is seen without it.
    """
    named = join_names(names, more_names, sys._getframe(2))
    computation = read_computation(output, named, cut)
    return _draw(computation, highlight, values=values, grads=grads)


@draw_politely
def graph_of(
    function: Callable[..., Any], /, *, highlight: Any = None, **inputs: Any
) -> Drawing:
    """Run a function on its named inputs and draw its operations as written.

    Names of intermediates are the function's own; detached parts are drawn as well.
    The inputs' own `.grad` is left alone; numbers become tensors.
    """
    return _draw(record_call(function, inputs), highlight)


@draw_politely
def graph_nodes(
    nodes: Mapping[str, Mapping[str, Any]],
    edges: Iterable[tuple[str, str]],
    *,
    title: str = "Graph",
) -> Drawing:
    """Draw any graph: named boxes and the arrows between them.

    nodes: for each name, lines such as `{"value": 2, "grad": 14}`; the optional key
    "formula" stands beside the name, "kind" is leaf, data, step or output.
    """
    if not isinstance(nodes, Mapping):
        raise CannotDraw(f"nodes should be a dict, but it is {describe(nodes)}.")
    boxes = [_read_box(name, lines) for name, lines in nodes.items()]
    arrows = [Arrow(*pair) for pair in _read_edges(edges, nodes)]
    rows = tuple((box.name, box.formula, ", ".join(box.lines)) for box in boxes)
    alt = "; ".join(" ".join(cell for cell in row if cell) for row in rows)
    svg = draw_boxes(boxes, arrows, words=(clean(title), alt))
    table = Table(("box", "made by", "numbers"), rows)
    return Drawing(clean(title), svg, alt, "Arrows run forward.", table)


def _read_box(name: Any, lines: Any) -> Box:
    given = dict(lines) if isinstance(lines, Mapping) else {"": lines}
    formula, kind = given.pop("formula", ""), given.pop("kind", "step")
    written = tuple(
        f"{clean(key, 12)} {_write_any(value)}".strip() for key, value in given.items()
    )
    return Box(name, clean(name, 24), clean(formula, 40), written, clean(kind))


def _write_any(value: Any) -> str:
    return clean(value, 24) if isinstance(value, str) else summarise(value)


def _read_edges(edges: Any, nodes: Mapping[str, Any]) -> list[tuple[str, str]]:
    pairs = list(edges) if isinstance(edges, Iterable) else [edges]
    for pair in pairs:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise CannotDraw('edges should hold pairs of names, such as ("x", "y").')
        for name in pair:
            if name not in nodes:
                raise CannotDraw(f"An edge names {clean(name)!r}, which is no node.")
    return [(pair[0], pair[1]) for pair in pairs]


def join_names(
    names: Any, more_names: Mapping[str, Any], caller: FrameType
) -> dict[str, Any]:
    """Join both ways of naming; without any, take the caller's variables.

    The names are made safe to draw.
    """
    if names is None and not more_names:
        found = {**caller.f_globals, **caller.f_locals}
        names = {k: v for k, v in found.items() if k.isidentifier() and k[0] != "_"}
    if names is not None and not isinstance(names, Mapping):
        raise CannotDraw(
            f'names should be a dict such as {{"x": x}}, but it is {describe(names)}.'
        )
    return {clean(k, 24): v for k, v in {**(names or {}), **more_names}.items()}


def read_computation(
    output: Any, named: Mapping[str, Any], cut: Any = None
) -> Computation:
    """Read the computation behind a tensor, or behind a value of another engine."""
    if not isinstance(output, Tensor) and hasattr(output, "data"):
        return read_engine(output, named)
    tensors = {k: v for k, v in named.items() if isinstance(v, Tensor)}
    return trace_tensor(output, tensors, _read_cuts(cut))


def _read_cuts(cut: Any) -> list[Cut]:
    if cut is None:
        return []
    pairs = [cut] if isinstance(cut, tuple) else cut
    valid = isinstance(pairs, Sequence) and all(
        isinstance(pair, Sequence)
        and len(pair) == 2
        and all(isinstance(tensor, Tensor) for tensor in pair)
        for pair in pairs
    )
    if not valid:
        raise CannotDraw("cut should be a pair of tensors: the source and its copy.")
    return [(source, copy) for source, copy in pairs]


def _draw(
    computation: Computation,
    highlight: Any,
    *,
    values: bool = True,
    grads: bool = True,
) -> Drawing:
    steps, output = computation.steps(), computation.output
    target = _find_target(computation, highlight)
    paths = find_paths(target, output) if target else []
    notes = tuple(map(_write_path, paths[:MOST_NOTES]))
    boxes = [make_box(step, _lines(step, values=values, grads=grads)) for step in steps]
    title = f"Graph of {output.name}"
    caption = " ".join(_caption(computation, target, paths, grads=grads))
    alt = f"{title}. {describe_steps(steps)} {caption} {'. '.join(notes)}".strip()
    emphasis = _emphasise(steps, paths) if paths else None
    svg = draw_boxes(boxes, make_arrows(steps), emphasis, words=(title, alt))
    return Drawing(title, svg, alt, caption, tabulate_steps(steps), notes)


def _lines(step: Step, *, values: bool, grads: bool) -> tuple[str, ...]:
    shown = [f"value {write_value(step)}"] if values else []
    return (*shown, write_grad(step)) if grads else tuple(shown)


def make_box(step: Step, lines: tuple[str, ...]) -> Box:
    """Make the box of a step; grey where no gradient comes back."""
    untouched = step.grad is None and step.kind == "step" and not step.lost
    return Box(step, step.name, step.formula(), lines, step.kind, step.cut or untouched)


def make_arrows(steps: Sequence[Step]) -> list[Arrow]:
    """Make an arrow for each use of a value, in the order of `number_arrows`."""
    return [
        Arrow(operand, step, cut=step.cut)
        for step in steps
        for _, operand in step.sources()
    ]


def number_arrows(steps: Sequence[Step]) -> dict[tuple[Step, int], int]:
    """Return the number of the arrow that a step's operand has."""
    uses = [(step, i) for step in steps for i, _ in step.sources()]
    return {use: number for number, use in enumerate(uses)}


def write_value(step: Step) -> str:
    """Write the value of a step in one short line."""
    return "not kept" if step.value is None else summarise(step.value)


def write_grad(step: Step) -> str:
    """Write the gradient line of a box."""
    if step.grad is not None:
        return f"grad {summarise(step.grad)}"
    if step.lost:
        return "grad not kept"
    if step.cut:
        return "cut: no gradient"
    return "no gradient" if step.kind != "leaf" else "grad None"


def write_slope(step: Step, i: int, sign: str = "") -> str:
    """Write a local derivative where it is one number."""
    slope, value = step.slopes.get(i), step.value
    if slope is None or slope.numel() != 1 or (value is not None and value.numel() > 1):
        return ""  # a value that was copied has a slope for each copy
    return f"{sign}{write_number(slope)}"


def describe_steps(steps: Sequence[Step]) -> str:
    """Say every box in words, with its numbers."""
    said = []
    for step in steps:
        made = f" = {step.formula()}" if step.formula() else f" ({step.kind})"
        said.append(f"{step.name}{made}, value {write_value(step)}, {write_grad(step)}")
    return "; ".join(said) + "."


def tabulate_steps(steps: Sequence[Step]) -> Table:
    """Write every box as a row."""
    rows = tuple(
        (
            step.name,
            step.formula() or step.kind,
            write_value(step),
            write_grad(step).removeprefix("grad "),
        )
        for step in steps
    )
    return Table(("name", "made by", "value", "gradient"), rows)


def _find_target(computation: Computation, highlight: Any) -> Step | None:
    if highlight is None:
        return None
    target = computation.find(highlight)
    if target is None:
        shown = clean(highlight) if isinstance(highlight, str) else "that tensor"
        raise CannotDraw(f"highlight: {shown} is not in this graph.")
    return target


def _emphasise(steps: Sequence[Step], paths: Sequence[Path]) -> Emphasis:
    numbers = number_arrows(steps)
    uses = [use for path in paths for use in path]
    boxes = {step for step, _ in uses} | {step.operands[i] for step, i in uses}
    labels = {numbers[use]: write_slope(*use, sign="×") for use in uses}
    return Emphasis(frozenset(boxes), labels)


def _caption(
    computation: Computation, target: Step | None, paths: Sequence[Path], *, grads: bool
) -> Iterable[str]:
    output, steps = computation.output, computation.steps()
    if grads and output.grad is not None:
        whole = output.name if output.grad.numel() == 1 else f"sum({output.name})"
        meaning = f"grad is the derivative of {whole} with respect to that box"
        yield f"Arrows run forward from the leaves (rounded); {meaning}."
    if any(step.cut for step in steps):
        yield "⊗ cuts the way back: the dashed grey boxes get no gradient."
    if computation.note:
        yield computation.note
    if target is None:
        return
    if not paths:
        yield f"No gradient comes back from {output.name} to {target.name}."
        return
    lead = "One path leads" if len(paths) == 1 else f"{len(paths)} paths lead"
    together = summarise(target.grad)
    more = "" if len(paths) == 1 else f" Their sum is {together}."
    yield f"{lead} from {output.name} back to {target.name}.{more}"


def _write_path(path: Path) -> str:
    """Write one way back, with the product of its local derivatives."""
    stops = [path[0][0].name] if path else []
    slopes, product = [], 1.0
    for step, i in path:
        operand = step.operands[i]
        stops.append(operand.name if isinstance(operand, Step) else str(operand))
        slopes.append(write_slope(step, i))
        product *= float(step.slopes[i]) if slopes[-1] else 1.0
    route = " → ".join(stops)
    if not slopes or not all(slopes):
        return route
    return f"{route}: {' · '.join(slopes)} = {write_number(product)}"
