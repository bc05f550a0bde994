"""Changes of what a step lets through: its sides, its entries."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from grader.diagnose.diagnosis import Diagnosis, Tensor
from grader.diagnose.scene import Changes, Proposal, Scene, dot
from grader.diagnose.tape import Edge, Step, Value

FIRST, SECOND, SWAPPED = range(3)  # what a wrong choice between two sides may be


def choose_sides(scene: Scene) -> Iterator[Proposal]:
    """Take one side of a step that chooses between two, or exchange them."""
    pairs = [edges for step in scene.tape.steps if (edges := _find_sides(scene, step))]
    cases = [(pair, way) for pair in pairs for way in (FIRST, SECOND, SWAPPED)]
    if not cases:
        return
    effects = []
    for pair, way in cases:
        gaps = zip(pair, _gaps(scene, pair, way), strict=True)
        effects.append(sum(dot(gap, scene.tangents[e.value]) for e, gap in gaps))

    def change(index: int, other: Scene) -> Changes:
        pair, way = cases[index]
        found = [other.find_edge(edge.step.address, edge.slot) for edge in pair]
        changes: Changes = {}
        for edge, gap in zip(found, _gaps(other, found, way), strict=True):
            changes[edge.value] = changes.get(edge.value, torch.zeros(())) + gap
        return changes

    def describe(index: int) -> list[Diagnosis]:
        return [_describe_side(*cases[index])]

    yield Proposal(torch.tensor(effects, dtype=torch.float64), change, describe)


def _find_sides(scene: Scene, step: Step) -> list[Edge]:
    edges = [
        edge
        for edge in scene.backward.edges.get(step, ())
        if edge.slope is not None and edge.value in scene.tangents
    ]
    if len(edges) != 2 or not bool((_slope(edges[0]) + _slope(edges[1]) == 1).all()):
        return []
    return edges


def _gaps(scene: Scene, pair: list[Edge], way: int) -> list[Tensor]:
    """Give what a wrong choice adds to the share of each side."""
    own = [_slope(edge) for edge in pair]
    ones, zeros = torch.ones_like(own[0]), torch.zeros_like(own[0])
    taken = {FIRST: (ones, zeros), SECOND: (zeros, ones), SWAPPED: (own[1], own[0])}
    incoming = scene.backward.adjoint[pair[0].step.output]
    return [incoming * (new - old) for new, old in zip(taken[way], own, strict=True)]


def _slope(edge: Edge) -> Tensor:
    return torch.zeros(()) if edge.slope is None else edge.slope


def _describe_side(pair: list[Edge], way: int) -> Diagnosis:
    step, look = pair[0].step, "Ask for which entries each of the two cases holds."
    if way == SWAPPED:
        message = f"The two cases of {step.phrase} have changed places."
    else:
        message = (
            f"In {step.phrase}, your gradient takes {pair[way].value.phrase} "
            "everywhere, also where the other one is chosen."
        )
    return Diagnosis("wrong-rule", step.words, message, look)


def keep_one_entry(scene: Scene) -> Iterator[Proposal]:
    """Let only the first or the last entry along an axis take part."""
    cases: list[tuple[Value, int, int, bool]] = []
    effects: list[float] = []
    for value, adjoint in scene.backward.adjoint.items():
        tangent = scene.tangents.get(value)
        made = value.step.operation if value.step is not None else ""
        if tangent is None or value is scene.target or made == "broadcast":
            continue  # all entries of a broadcast are one
        flow = adjoint * tangent
        total = float(flow.sum())
        for axis, size in enumerate(flow.shape):
            if size < 2:
                continue
            for place in (0, -1):
                part = float(flow.select(axis, place).sum())
                cases += [(value, axis, place, False), (value, axis, place, True)]
                effects += [part - total, size * part - total]
    if not cases:
        return

    def change(index: int, other: Scene) -> Changes:
        value, axis, place, alone = cases[index]
        found = other.find_value(value.address)
        adjoint = other.backward.adjoint[found]
        kept = torch.zeros_like(adjoint)
        scale = adjoint.shape[axis] if alone else 1
        kept.select(axis, place).copy_(adjoint.select(axis, place) * scale)
        return {found: kept - adjoint}

    def describe(index: int) -> list[Diagnosis]:
        return _describe_entry(cases[index][0], cases[index][2])

    yield Proposal(
        torch.tensor(effects, dtype=torch.float64), change, describe, lambda index: 3
    )


def _describe_entry(value: Value, place: int) -> list[Diagnosis]:
    which = "first" if place == 0 else "last"
    message = (
        f"Only the {which} entry of {value.phrase} has a part in your gradient; "
        "the others are left out."
    )
    look = "Look at a loop that ends early, an index, or a sum that is overwritten."
    return [
        Diagnosis("missing-path", value.words, message, look),
        Diagnosis("reduction", value.words, message, look),
    ]
