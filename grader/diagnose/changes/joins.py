"""Changes where paths part and meet again."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from grader.diagnose.diagnosis import Diagnosis, Tensor
from grader.diagnose.scene import Changes, Proposal, Scene, dot
from grader.diagnose.tape import Edge, Step, Value

QUOTIENTS = ("div", "truediv", "true_divide", "divide")
JOINTS = ("cat", "concat", "concatenate", "add", "hstack", "vstack")


def multiply_branches(scene: Scene) -> Iterator[Proposal]:
    """Multiply what two branches bring back instead of adding it."""
    for value, leaving in scene.backward.entering.items():
        if value not in scene.tangents or len(leaving) != 2:
            continue
        meeting = _find_meeting(scene, value)
        if meeting is None or meeting.data.shape != value.data.shape:
            continue
        yield _propose_product(scene, value, meeting)


def _propose_product(scene: Scene, value: Value, meeting: Value) -> Proposal:
    tangent = scene.tangents[value]
    own = scene.backward.adjoint[value]
    effects = [dot(made - own, tangent) for made in _products(scene, value, meeting)]

    def change(index: int, other: Scene) -> Changes:
        found = other.find_value(value.address)
        met = other.find_value(meeting.address)
        made = _products(other, found, met)[index]
        return {found: made - other.backward.adjoint[found]}

    def describe(index: int) -> list[Diagnosis]:
        one, two = scene.backward.entering[value]
        ways = f"{one.step.phrase} and {two.step.phrase}"
        text = (
            f"What comes back through {ways} is multiplied, not added.",
            f"{meeting.phrase} is differentiated as a product of derivatives.",
            f"{meeting.phrase} is differentiated as a quotient of derivatives.",
        )[min(index, 2)]
        look = f"Ask how {meeting.phrase} changes when only one part of it moves."
        return [Diagnosis("wrong-rule", meeting.words, text, look)]

    return Proposal(
        torch.tensor(effects, dtype=torch.float64), change, describe, lambda index: 3
    )


def _products(scene: Scene, value: Value, meeting: Value) -> list[Tensor]:
    one, two = (edge.contribution for edge in scene.backward.entering[value])
    incoming, result = scene.backward.adjoint[meeting], meeting.data
    product = one * two / incoming
    whole = result * incoming
    found = [product, product / result, -one / two * whole, -two / one * whole]
    # Where a branch has died out, 0/0 stands for nothing flowing.
    return [torch.nan_to_num(part, nan=0.0) for part in found]


def divide_derivatives(scene: Scene) -> Iterator[Proposal]:
    """Differentiate a quotient by dividing its two derivatives."""
    found = [
        (step, made)
        for step in scene.backward.edges
        if step.operation in QUOTIENTS
        and (made := _divide_derivatives(scene, step)) is not None
    ]
    if not found:
        return
    effects = [dot(made - scene.right, scene.direction) for _, made in found]

    def change(index: int, other: Scene) -> Tensor:
        made = _divide_derivatives(other, other.find_step(found[index][0].address))
        if made is None:
            raise KeyError(index)
        return made

    def describe(index: int) -> list[Diagnosis]:
        step = found[index][0]
        text = f"{step.phrase} is differentiated as a quotient of derivatives."
        look = f"Write down the rule for the quotient {step.phrase} alone."
        return [Diagnosis("wrong-rule", step.words, text, look)]

    yield Proposal(
        torch.tensor(effects, dtype=torch.float64), change, describe, lambda index: 3
    )


def _divide_derivatives(scene: Scene, step: Step) -> Tensor | None:
    """Give the gradient with u'/v' for (u/v)'; None where one of both stands still."""
    edges = {edge.slot: edge for edge in scene.backward.edges[step]}
    incoming = scene.backward.adjoint.get(step.output)
    if set(edges) != {0, 1} or incoming is None:
        return None
    if not all(edge.value in scene.tangents for edge in edges.values()):
        return None
    whole = step.output.data * incoming
    if whole.numel() > 1 and whole.shape != scene.target.data.shape:
        return None
    above, below = (
        scene.backward.pull_back({e.value: e.contribution}, scene.target)
        for e in (edges[0], edges[1])
    )
    made = torch.nan_to_num(-above / below * whole, nan=0.0, posinf=0.0, neginf=0.0)
    return scene.right - above - below + made


def _find_meeting(scene: Scene, value: Value) -> Value | None:
    """Find the first value after `value` that all ways from it go through."""
    reached = {value}
    open_ways = {edge.step for edge in scene.backward.entering.get(value, ())}
    for step in scene.tape.steps:
        edges = scene.backward.edges.get(step)
        if not edges or not any(edge.value in reached for edge in edges):
            continue
        open_ways.discard(step)
        reached.add(step.output)
        if not open_ways:
            return step.output
        open_ways |= {e.step for e in scene.backward.entering.get(step.output, ())}
    return None


def double_branches(scene: Scene) -> Iterator[Proposal]:
    """Count one of two branches twice: a matrix taken for symmetric."""
    found: list[tuple[Value, int]] = []
    effects: list[float] = []
    for value, leaving in scene.backward.entering.items():
        if value not in scene.tangents or len(leaving) != 2:
            continue
        if any(edge.slope is not None for edge in leaving):
            continue
        parts = [dot(edge.contribution, scene.tangents[value]) for edge in leaving]
        for kept in (0, 1):
            found.append((value, kept))
            effects.append(parts[kept] - parts[1 - kept])
    if not found:
        return

    def change(index: int, other: Scene) -> Changes:
        value, kept = found[index]
        here = other.find_value(value.address)
        leaving = other.backward.entering[here]
        return {here: leaving[kept].contribution - leaving[1 - kept].contribution}

    def describe(index: int) -> list[Diagnosis]:
        value = found[index][0]
        return [
            Diagnosis(
                "transposed",
                value.words,
                f"One of the two terms for {value.phrase} is counted twice and the "
                "other left out, as if a matrix were symmetric.",
                f"Look at the two places of {value.phrase} one after the other.",
            )
        ]

    yield Proposal(torch.tensor(effects, dtype=torch.float64), change, describe)


def reweigh_pieces(scene: Scene) -> Iterator[Proposal]:
    """Take a mean of the means of pieces, or add them, where all count alike."""
    joints = [
        [edge for edge in edges if edge.value in scene.tangents]
        for step, edges in scene.backward.edges.items()
        if step.operation in JOINTS and len(edges) > 1
    ]
    cases = [(edges, average) for edges in joints for average in (True, False)]
    if not cases:
        return
    effects = [
        sum(
            dot(weight * edge.contribution, scene.tangents[edge.value])
            for edge, weight in zip(edges, _weigh(edges, average), strict=True)
        )
        for edges, average in cases
    ]

    def change(index: int, other: Scene) -> Changes:
        edges, average = cases[index]
        found = [other.find_edge(edge.step.address, edge.slot) for edge in edges]
        changes: Changes = {}
        for edge, weight in zip(found, _weigh(found, average), strict=True):
            before = changes.get(edge.value, torch.zeros_like(edge.value.data))
            changes[edge.value] = before + weight * edge.contribution
        return changes

    def describe(index: int) -> list[Diagnosis]:
        step = cases[index][0][0].step
        return [
            Diagnosis(
                "reduction",
                step.words,
                f"In {step.phrase}, each piece is averaged by itself, although the "
                "pieces have different sizes.",
                "Ask how much one entry of the small piece should count.",
            )
        ]

    yield Proposal(torch.tensor(effects, dtype=torch.float64), change, describe)


def _weigh(edges: list[Edge], average: bool) -> list[float]:
    """Give by how much each piece's weight is off."""
    counts = [_count(edge.value) for edge in edges]
    total = sum(counts)
    pieces = len(edges) if average else 1
    return [total / (pieces * count) - 1 for count in counts]


def _count(value: Value) -> int:
    """Count the entries of a piece; of a sum, the entries that it adds up."""
    step = value.step
    if step is not None and step.operation == "sum" and not value.data.dim():
        return int(step.inputs[0].data.numel())
    return int(value.data.numel())
