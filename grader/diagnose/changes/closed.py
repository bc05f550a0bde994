"""Slips in a simplified link such as `(p - y)/n`: found as a difference of values.

A person who has simplified several links writes the result with fewer values than the
tape has steps. So each adjoint is tried as a constant times a difference of two
values of its shape; a slip then puts another value, or a plus, into that difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from grader.diagnose.diagnosis import Diagnosis, Tensor
from grader.diagnose.scene import Changes, Proposal, Scene, dot, project
from grader.diagnose.tape import Value

MOST_ENTRIES = 300  # a difference is looked for in so many entries
MOST_FORMS = 12
CLOSE = 1e-10
NEARLY = 1e-10  # of the square, before the exact comparison
SMALL_CONSTANTS = (1.0, -1.0, 2.0, -2.0, 0.5, -0.5)  # for a single number


@dataclass(frozen=True)
class Form:
    """An adjoint that is `scale * (first - second)`."""

    value: Value
    first: Value
    second: Value
    scale: float


def change_differences(scene: Scene) -> Iterator[Proposal]:
    """Put another value into a simplified link."""
    count = 0
    for value, adjoint in scene.backward.adjoint.items():
        if value in scene.tangents and count < MOST_FORMS:
            for form in _find_forms(scene, value, adjoint):
                count += 1
                yield from _replace_parts(scene, form)
                yield from _turn_parts(scene, form)
                yield _turn_second(scene, form)


def _find_forms(scene: Scene, value: Value, adjoint: Tensor) -> list[Form]:
    crowd = scene.crowd.get(tuple(adjoint.shape))
    if crowd is None or not bool(adjoint.any()):
        return []
    values, stack = crowd
    rows = stack.reshape(len(values), -1)[:, :MOST_ENTRIES]
    goal = adjoint.reshape(-1)[:MOST_ENTRIES]
    parts = rows @ goal
    products = rows @ rows.T
    own = products.diagonal()
    squares = own[:, None] + own[None] - 2 * products
    scales = (parts[:, None] - parts[None]) / squares
    # By Pythagoras; what is left is checked below, entry by entry.
    rest = goal @ goal - scales * (parts[:, None] - parts[None])
    fits = (rest.abs() <= NEARLY * (goal @ goal)).triu(1)
    forms = []
    for i, j in fits.nonzero().tolist():
        scale = float(scales[i, j])
        gap = goal - scale * (rows[i] - rows[j])
        exact = float(gap.abs().max()) <= CLOSE * float(goal.abs().max())
        small = any(abs(scale - c) < CLOSE for c in SMALL_CONSTANTS)
        if exact and (len(goal) > 1 or small):
            forms.append(Form(value, values[i], values[j], scale))
    return forms[:2]


def _scale_there(form: Form, scene: Scene) -> tuple[Value, Tensor, Tensor, float]:
    value = scene.find_value(form.value.address)
    first = scene.find_value(form.first.address).data
    second = scene.find_value(form.second.address).data
    gap, adjoint = first - second, scene.backward.adjoint[value]
    scale = dot(adjoint, gap) / dot(gap, gap)
    if float((adjoint - scale * gap).abs().max()) > 1e-6 * float(adjoint.abs().max()):
        raise KeyError(form.value.address)
    return value, first, second, scale


def _replace_parts(scene: Scene, form: Form) -> Iterator[Proposal]:
    values, stack = scene.crowd[tuple(form.value.data.shape)]
    weight = scene.tangents[form.value] * form.scale
    for made in MADE:
        for part in (0, 1):
            yield _replace_part(form, values, (made(stack), weight), made, part)


def _as_is(data: Tensor) -> Tensor:
    return data


def _round(data: Tensor) -> Tensor:
    """A probability made a decision."""
    return (data > 0.5).to(data.dtype)


def _squash(data: Tensor) -> Tensor:
    """Each entry by itself made a probability, where a softmax is due."""
    return data.sigmoid()


# What may be made of a value that stands in another's place, and how it is said.
MADE: dict[Callable[[Tensor], Tensor], str] = {
    _as_is: "{}",
    _round: "{} made a decision (0 or 1)",
    _squash: "the sigmoid of {}",
}


def _replace_part(
    form: Form,
    values: list[Value],
    numbers: tuple[Tensor, Tensor],
    made: Callable[[Tensor], Tensor],
    part: int,
) -> Proposal:
    stack, weight = numbers
    old = form.second if part else form.first
    sign = -1.0 if part else 1.0
    effects = sign * project(stack - old.data, weight)

    def change(index: int, other: Scene) -> Changes:
        value, first, second, scale = _scale_there(form, other)
        new = made(other.find_value(values[index].address).data)
        return {value: sign * scale * (new - (second if part else first))}

    def describe(index: int) -> list[Diagnosis]:
        text = MADE[made].format(values[index].phrase)
        return [
            Diagnosis(
                "wrong-point",
                old.words,
                f"In what flows back to {form.value.phrase}, {text} stands where "
                f"{old.phrase} belongs.",
                "Ask which values are compared when the result is judged.",
            )
        ]

    return Proposal(effects, change, describe, lambda index: 3 + (made is not _as_is))


def _turn_parts(scene: Scene, form: Form) -> Iterator[Proposal]:
    """Take a softmax, say, along another axis."""
    for part, value in enumerate((form.first, form.second)):
        data = _turn_value(scene, value)
        if data is not None and data.shape == value.data.shape:
            yield _turn_part(scene, form, part, data)


def _turn_value(scene: Scene, value: Value) -> Tensor | None:
    for step in [*scene.tape.fused, *scene.tape.steps]:
        if step.output is value and step.turned is not None:
            return step.turned([operand.data for operand in step.inputs])
    return None


def _turn_part(scene: Scene, form: Form, part: int, data: Tensor) -> Proposal:
    old = form.second if part else form.first
    weight = scene.tangents[form.value] * (-form.scale if part else form.scale)
    effect = dot(data - old.data, weight)

    def change(index: int, other: Scene) -> Changes:
        value, first, second, scale = _scale_there(form, other)
        turned = _turn_value(other, other.find_value(old.address))
        if turned is None:
            raise KeyError(old.address)
        gap = first - turned if part else turned - second
        return {value: scale * (gap - (first - second))}

    def describe(index: int) -> list[Diagnosis]:
        return [
            Diagnosis(
                "reduction",
                old.words,
                f"Your answer fits {old.phrase} taken along another axis.",
                f"Ask which entries of {old.phrase} add up to one.",
            )
        ]

    return Proposal(
        torch.tensor([effect], dtype=torch.float64), change, describe, lambda index: 3
    )


def _turn_second(scene: Scene, form: Form) -> Proposal:
    """Take a plus for the minus, or leave one of the two out."""
    weight = scene.tangents[form.value] * form.scale
    first, second = dot(form.first.data, weight), dot(form.second.data, weight)
    effects = torch.tensor([2 * second, second, -first], dtype=torch.float64)

    def change(index: int, other: Scene) -> Changes:
        value, first, second, scale = _scale_there(form, other)
        return {value: scale * (2 * second, second, -first)[index]}

    def describe(index: int) -> list[Diagnosis]:
        part = form.first if index == 2 else form.second
        kind, text = ("missing-path", "is left out")
        if index == 0:
            kind, text = ("sign", "has the wrong sign")
        return [
            Diagnosis(
                kind,
                part.words,
                f"In what flows back to {form.value.phrase}, {part.phrase} {text}.",
                "Look at the two parts of that difference one by one.",
            )
        ]

    return Proposal(effects, change, describe, lambda index: 3)
