"""Links: stretches of the computation that work entry by entry.

A link leads from one value to another of the same shape: one slot of a step, a fused
call as a whole, or a stretch of steps through which all ways from the asked input go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from grader.diagnose.diagnosis import Tensor
from grader.diagnose.scene import Scene
from grader.diagnose.tape import Edge, Step, Value

MOST_STRETCHES = 60

Evaluate = Callable[[Tensor, dict[int, Tensor]], Tensor]


@dataclass(frozen=True, eq=False)
class Link:
    """An entrywise stretch from `source` to `result`.

    slope: its derivative, one number per entry; others: the operands beside `source`.
    evaluate: the stretch as a function of `source`; the dict may replace some of
        the others, by their place.
    find: the same link in another scene; raises KeyError where there is none.
    made_by: of a stretch, the operations of its steps; between: what they make.
    """

    source: Value
    result: Value
    slope: Tensor
    operation: str
    words: str
    phrase: str
    is_part: bool
    others: tuple[Value, ...]
    numbers: tuple[float, ...]
    evaluate: Evaluate
    find: Callable[[Scene], Link]
    made_by: frozenset[str] = frozenset()
    between: frozenset[Value] = frozenset()

    @property
    def is_gate(self) -> bool:
        """Whether the link lets entries pass or not, and nothing else."""
        return bool(((self.slope == 0) | (self.slope == 1)).all())

    def slope_at(
        self, points: Tensor, others: dict[int, Tensor] | None = None
    ) -> Tensor:
        """The derivative at other points: `points` may have one more leading axis."""
        leaf = points.detach().clone().requires_grad_()
        with torch.enable_grad():
            result = self.evaluate(leaf, others or {})
        if result.shape != points.shape or not result.requires_grad:
            return torch.full_like(points, float("nan"))
        (slope,) = torch.autograd.grad(result.sum(), leaf)
        return slope


def list_links(scene: Scene) -> list[Link]:
    """List the links of single steps and of fused calls."""

    def make() -> list[Link]:
        edges = [*scene.edges, *scene.whole_edges]
        return [link_edge(edge) for edge in edges if edge.slope is not None]

    return scene.recall("links", make)


def list_stretched_links(scene: Scene) -> list[Link]:
    """List the entrywise stretches of several steps, the short ones first."""

    def make() -> list[Link]:
        pairs = [pair[:2] for pair in list_stretches(scene) if pair[2]]
        return [link_stretch(scene, *pair) for pair in pairs[:MOST_STRETCHES]]

    return scene.recall("stretched links", make)


def link_edge(edge: Edge) -> Link:
    """See one entrywise slot of a step as a link."""
    step, slot = edge.step, edge.slot
    assert edge.slope is not None
    places = [i for i in range(len(step.inputs)) if i != slot]
    others = tuple(step.inputs[i] for i in places)

    def evaluate(points: Tensor, changed: dict[int, Tensor]) -> Tensor:
        given = [value.data for value in step.inputs]
        given[slot] = points
        for index, data in changed.items():
            given[places[index]] = data
        return step.run(given)

    return Link(
        source=edge.value,
        result=step.output,
        slope=edge.slope,
        operation=step.operation,
        words=step.words,
        phrase=step.phrase,
        is_part=bool(step.part),
        others=others,
        numbers=step.numbers,
        evaluate=evaluate,
        find=lambda scene: link_edge(scene.find_edge(step.address, slot)),
    )


def list_stretches(scene: Scene) -> list[tuple[Value, Value, bool]]:
    """List pairs of values of one shape such that all ways to the second go
    through the first; and whether the stretch between works entry by entry.
    """
    return scene.recall("stretches", lambda: _find_stretches(scene))


def _find_stretches(scene: Scene) -> list[tuple[Value, Value, bool]]:
    before = _find_dominators(scene)
    entrywise = _find_entrywise(scene)
    found = []
    for value in before:
        earlier = before[value]
        while earlier is not None:
            if earlier.data.shape == value.data.shape:
                flag = earlier in entrywise.get(value, ())
                found.append((earlier, value, flag))
            earlier = before.get(earlier)
    return [pair for pair in found if not _is_one_step(pair[0], pair[1])]


def link_stretch(scene: Scene, source: Value, result: Value) -> Link:
    """See an entrywise stretch of several steps as one link."""
    between = list_between(scene, source, result)
    slope = scene.tangents[result] / scene.tangents[source]

    def evaluate(points: Tensor, _: dict[int, Tensor]) -> Tensor:
        changed = {source: points}
        for step in between:
            given = [changed.get(value, value.data) for value in step.inputs]
            changed[step.output] = step.run(given)
        return changed[result]

    def find(other: Scene) -> Link:
        return link_stretch(
            other, other.find_value(source.address), other.find_value(result.address)
        )

    return Link(
        source=source,
        result=result,
        slope=slope,
        operation="",
        words=result.words,
        phrase=result.phrase,
        is_part=False,
        others=(),
        numbers=(),
        evaluate=evaluate,
        find=find,
        made_by=frozenset(step.operation for step in between),
        between=frozenset(step.output for step in between),
    )


def _is_one_step(source: Value, result: Value) -> bool:
    step = result.step
    return step is not None and all(
        value is source or value.step is None for value in step.inputs
    )


def _active_inputs(scene: Scene, step: Step) -> list[Value]:
    return [edge.value for edge in scene.backward.edges.get(step, ())]


def _find_dominators(scene: Scene) -> dict[Value, Value | None]:
    """Find for each value the nearest one that all ways from the target go through."""
    before: dict[Value, Value | None] = {scene.target: None}
    depth = {scene.target: 0}
    for step in scene.tape.steps:
        inputs = [v for v in _active_inputs(scene, step) if v in depth]
        if not inputs:
            continue
        meeting = inputs[0]
        for value in inputs[1:]:
            meeting = _meet(meeting, value, before, depth)
        before[step.output] = meeting
        depth[step.output] = depth[meeting] + 1
    return before


def _meet(
    one: Value,
    other: Value,
    before: dict[Value, Value | None],
    depth: dict[Value, int],
) -> Value:
    while one is not other:
        if depth[one] >= depth[other]:
            earlier = before[one]
            one = earlier if earlier is not None else one
        else:
            earlier = before[other]
            other = earlier if earlier is not None else other
    return one


def _find_entrywise(scene: Scene) -> dict[Value, set[Value]]:
    """Find for each value those from which only entrywise steps lead to it."""
    reach: dict[Value, set[Value]] = {}
    for step in scene.tape.steps:
        edges = [
            edge
            for edge in scene.backward.edges.get(step, ())
            if edge.value in scene.tangents
        ]
        if not edges or any(edge.slope is None for edge in edges):
            continue
        ways = [{edge.value, *reach.get(edge.value, ())} for edge in edges]
        reach[step.output] = set.intersection(*ways) if len(ways) > 1 else ways[0]
    return reach


def list_between(scene: Scene, source: Value, result: Value) -> Sequence[Step]:
    """List the steps of a stretch, in order."""
    wanted, between = {result}, []
    for step in reversed(scene.tape.steps):
        if step.output in wanted and step.output is not source:
            between.append(step)
            active = _active_inputs(scene, step)
            wanted.update(v for v in active if v is not source and v in scene.tangents)
    return between[::-1]
