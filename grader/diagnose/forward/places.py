"""A slip in the forward values that shows at one place of the backward pass only.

A student who computes a value again for one derivative may forget a bias, take a plus
for a minus or transpose a matrix there, while the rest of the answer is right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from grader.diagnose.diagnosis import Diagnosis, Tensor
from grader.diagnose.forward.inputs import FORMULA
from grader.diagnose.forward.replays import VALUES, Case, Replay, list_replays
from grader.diagnose.links.points import find_operand_gradient, pull_at
from grader.diagnose.scene import Changes, Proposal, Scene, dot, project
from grader.diagnose.tape import Edge, Value

MOST_PULLS = 60  # edges and values that must be pulled back one by one
MOST_TOGETHER = 2000  # altered values that are tried together


@dataclass(frozen=True, eq=False)
class Place:
    """An operand of a step on the way back, with all that may stand there instead."""

    edge: Edge
    operand: int
    cases: tuple[Case, ...]
    others: Tensor

    @property
    def used(self) -> Value:
        """The value that belongs there."""
        return self.edge.step.inputs[self.operand]


def slip_at_one_place(scene: Scene) -> Iterator[Proposal]:
    """Use a wrongly computed value in the derivative of one step only."""
    altered = _collect(scene)
    pulls = 0
    for edge in scene.edges:
        for operand, value in enumerate(edge.step.inputs):
            if value not in altered or _is_idle(edge, operand):
                continue
            place = Place(edge, operand, *altered[value])
            effects = _measure_together(scene, place)
            if effects is None and pulls < MOST_PULLS:
                pulls += len(place.cases)
                effects = _measure_one_by_one(scene, place)
            if effects is not None:
                yield _propose(place, effects)


def _collect(scene: Scene) -> dict[Value, tuple[tuple[Case, ...], Tensor]]:
    """Collect for each value what the alterations before it make of it."""
    cases: dict[Value, list[Case]] = {}
    others: dict[Value, list[Tensor]] = {}
    count = 0
    for case, replay, _ in list_replays(scene):
        if case.mode != VALUES:
            continue
        for value, made in replay.made.items():
            data = made.detach()
            known = others.setdefault(value, [])
            if data.shape != value.data.shape or count > MOST_TOGETHER:
                continue
            if not any(torch.equal(data, other) for other in known):
                cases.setdefault(value, []).append(case)
                known.append(data)
                count += 1
    return {
        value: (tuple(own), torch.stack(others[value])) for value, own in cases.items()
    }


def _is_idle(edge: Edge, operand: int) -> bool:
    """Tell whether a derivative cannot depend on that operand."""
    steady = ("add", "sub", "rsub", "neg", "broadcast", "sum", "clone")
    alone = edge.slope is not None and not edge.step.inputs[1:]
    scaling = alone and edge.step.operation in ("mul", "div", "truediv")
    own_product = operand == edge.slot and edge.step.operation in ("mul", "matmul")
    return edge.step.operation in steady or scaling or own_product


def _measure_together(scene: Scene, place: Place) -> Tensor | None:
    edge, tangent = place.edge, scene.tangents[place.edge.value]
    if edge.slope is not None:
        return _measure_slopes(scene, place)
    if place.operand == edge.slot:
        return None
    gradient = find_operand_gradient(scene, edge, place.operand)
    if gradient is None or not gradient.numel():
        return gradient
    return project(place.others, gradient) - dot(edge.contribution, tangent)


def _measure_slopes(scene: Scene, place: Place) -> Tensor | None:
    edge = place.edge
    if edge.slope is None or place.used.data.shape != edge.slope.shape:
        return None
    given: list[Tensor] = [value.data for value in edge.step.inputs]
    own = place.others if place.operand == edge.slot else given[edge.slot]
    leaf = own.expand(place.others.shape).detach().clone().requires_grad_()
    given[place.operand], given[edge.slot] = place.others, leaf
    try:
        with torch.enable_grad():
            result = edge.step.run(given)
            (slopes,) = torch.autograd.grad(result.sum(), leaf)
    except RuntimeError:  # some steps cannot take many values at once
        return None
    if result.shape != leaf.shape:
        return None
    weight = scene.backward.adjoint[edge.step.output] * scene.tangents[edge.value]
    return project(slopes - edge.slope, weight)


def _measure_one_by_one(scene: Scene, place: Place) -> Tensor:
    tangent = scene.tangents[place.edge.value]
    shares = [pull_at(scene, place.edge, place.operand, one) for one in place.others]
    effects = [dot(share - place.edge.contribution, tangent) for share in shares]
    return torch.tensor(effects, dtype=torch.float64)


def _propose(place: Place, effects: Tensor) -> Proposal:
    edge = place.edge

    def change(index: int, other: Scene) -> Changes:
        found = other.find_edge(edge.step.address, edge.slot)
        value = found.step.inputs[place.operand]
        replay = _replay_plainly(other, place.cases[index])
        share = pull_at(other, found, place.operand, replay.made[value])
        return {found.value: share - found.contribution}

    def describe(index: int) -> list[Diagnosis]:
        return _describe(place, place.cases[index])

    return Proposal(effects, change, describe, lambda index: 5)


def _replay_plainly(scene: Scene, case: Case) -> Replay:
    with torch.no_grad():
        return Replay(scene, case, lambda value: value.data)


def _describe(place: Place, case: Case) -> list[Diagnosis]:
    alteration, used = case.alteration, place.used
    step = place.edge.step
    what = used.phrase
    if alteration.what not in (used.phrase, FORMULA):
        what = f"{used.phrase} is wrong: {alteration.what}"
    if alteration.what == FORMULA:
        message = (
            f"In the derivative of {step.phrase}, {what} is used {alteration.how}."
        )
    else:
        message = (
            f"In the derivative of {step.phrase}, {what} is computed {alteration.how}."
        )
    look = f"Compute {used.phrase} alone and compare it with yours."
    kinds: Sequence[str] = alteration.value_kinds
    return [Diagnosis(kind, step.words, message, look) for kind in dict.fromkeys(kinds)]
