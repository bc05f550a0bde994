"""A constant kept, a denominator lost, the gradient of another value carried back."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from grader.diagnose.diagnosis import Diagnosis, Tensor
from grader.diagnose.scene import Changes, Proposal, Scene, dot, project
from grader.diagnose.tape import Edge, Step, Value

DIVISIONS = ("div", "truediv", "true_divide", "divide")
ADDITIONS = ("add", "sub", "rsub")


def replace_adjoints(scene: Scene) -> Iterator[Proposal]:
    """Carry back the gradient of another value through a step."""
    by_shape: dict[tuple[int, ...], list[Value]] = {}
    for value, adjoint in scene.backward.adjoint.items():
        by_shape.setdefault(tuple(adjoint.shape), []).append(value)
    stacks = {
        shape: torch.stack([scene.backward.adjoint[value] for value in values])
        for shape, values in by_shape.items()
    }
    for edge in scene.edges:
        shape = tuple(edge.step.output.data.shape)
        if len(by_shape.get(shape, ())) > 1:
            yield _replace_adjoint(scene, edge, by_shape[shape], stacks[shape])


def _replace_adjoint(
    scene: Scene, edge: Edge, values: list[Value], stack: Tensor
) -> Proposal:
    tangent = scene.tangents[edge.value]
    part = scene.backward.push_edge(edge, tangent)
    base = dot(edge.contribution, tangent)
    effects = project(stack, part) - base

    def change(index: int, other: Scene) -> Changes:
        found = other.find_edge(edge.step.address, edge.slot)
        value = other.find_value(values[index].address)
        shares = other.backward.split(found.step, other.backward.adjoint[value])
        share = next(s for e, s in shares if e.slot == edge.slot)
        return {found.value: share - found.contribution}

    def describe(index: int) -> list[Diagnosis]:
        return _describe_adjoint(edge, values[index], scene)

    return Proposal(effects, change, describe, lambda index: 3)


def _describe_adjoint(edge: Edge, used: Value, scene: Scene) -> list[Diagnosis]:
    due = edge.step.output
    order = {value: place for place, value in enumerate(scene.tape.values)}
    kind = "missing-link" if order[used] > order[due] else "wrong-rule"
    return [
        Diagnosis(
            kind,
            due.words,
            f"At {edge.step.phrase}, the gradient of {used.phrase} is carried back "
            f"where the gradient of {due.phrase} is due.",
            f"Look at the steps between {used.phrase} and {due.phrase}.",
        )
    ]


def forget_denominators(scene: Scene) -> Iterator[Proposal]:
    """Use the numerator of the quotient rule alone."""
    steps = [
        step
        for step, edges in scene.backward.edges.items()
        if step.operation in DIVISIONS
        and len(edges) == 2
        and step.output in scene.tangents
    ]
    if not steps:
        return
    adjoint, tangents = scene.backward.adjoint, scene.tangents
    effects = [
        dot(adjoint[s.output] * (s.inputs[1].data ** 2 - 1), tangents[s.output])
        for s in steps
    ]

    def change(index: int, other: Scene) -> Changes:
        step = other.find_step(steps[index].address)
        factor = step.inputs[1].data ** 2 - 1
        return {step.output: other.backward.adjoint[step.output] * factor}

    def describe(index: int) -> list[Diagnosis]:
        step = steps[index]
        return [
            Diagnosis(
                "wrong-rule",
                step.words,
                f"The quotient {step.phrase} is differentiated without its "
                "denominator.",
                "Write down the rule for quotients, then put your values in.",
            )
        ]

    yield Proposal(torch.tensor(effects, dtype=torch.float64), change, describe)


def keep_constants(scene: Scene) -> Iterator[Proposal]:
    """Keep a constant that is added, as if its derivative were not zero."""
    shape = scene.target.data.shape
    cases: list[tuple[Step, Value | float]] = []
    for step in scene.backward.edges:
        if step.operation not in ADDITIONS or step.output not in scene.tangents:
            continue
        if tuple(step.output.data.shape) in (tuple(shape), ()):
            cases += [(step, number) for number in {*step.numbers, 1.0} if number]
            cases += [(step, v) for v in step.inputs if v not in scene.tangents]
    if not cases:
        return
    effects = [dot(_keep(scene, *case), scene.direction) for case in cases]

    def change(index: int, other: Scene) -> Changes:
        step, kept = cases[index]
        found = other.find_step(step.address)
        if isinstance(kept, Value):
            kept = other.find_value(kept.address)
        return {other.target: _keep(other, found, kept)}

    def describe(index: int) -> list[Diagnosis]:
        step = cases[index][0]
        return [
            Diagnosis(
                "wrong-rule",
                step.words,
                f"Your gradient keeps the constant of {step.phrase} as if it changed "
                f"with `{scene.name}`.",
                f"Ask which terms of {step.phrase} move with `{scene.name}` at all.",
            )
        ]

    yield Proposal(
        torch.tensor(effects, dtype=torch.float64), change, describe, lambda index: 2
    )


def _keep(scene: Scene, step: Step, kept: Value | float) -> Tensor:
    constant = kept.data if isinstance(kept, Value) else kept
    kept_flow: Tensor = scene.backward.adjoint[step.output] * constant
    return kept_flow.expand(scene.target.data.shape)
