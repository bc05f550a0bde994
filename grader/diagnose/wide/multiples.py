"""A factor that does not belong into what flows back, or is lost from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch

from grader.diagnose.diagnosis import Diagnosis, Tensor
from grader.diagnose.links.factors import DIVISIONS
from grader.diagnose.links.wording import PRODUCTS
from grader.diagnose.scene import Changes, Proposal, Scene, project
from grader.diagnose.tape import Value

MULTIPLES = (*DIVISIONS, "mul", "multiply", "neg", "broadcast", "dot")
SUMS = ("add", "sub", "iadd", "add_", "sum", "mean")
MOST_DEPTH = 24

Factors = tuple[list[Value], Tensor]  # values, and what each make makes of them


def add_factors(scene: Scene) -> Iterator[Proposal]:
    """Multiply or divide what flows back by a value that does not belong there."""
    moves = frozenset(scene.tangents)
    for value, adjoint in scene.backward.adjoint.items():
        tangent = scene.tangents.get(value)
        if tangent is None:
            continue
        flow = adjoint * tangent
        for shape in {tuple(value.data.shape), ()}:  # a single number fits anywhere
            if shape in scene.crowd:
                made = _make_factors(scene, shape)
                own = flow if shape else flow.sum()
                yield _add_factor(value, made, project(made[1], own) - own.sum(), moves)


def _make_factors(scene: Scene, shape: tuple[int, ...]) -> Factors:
    def make() -> Factors:
        values, stack = scene.crowd[shape]
        return values, torch.cat([one(stack) for one in MAKES])

    return scene.recall(f"factors {shape}", make)


def as_is(data: Tensor) -> Tensor:
    """Give the data as a factor."""
    return data


def inverse(data: Tensor) -> Tensor:
    """Give the data as a divisor."""
    return 1 / data


def square(data: Tensor) -> Tensor:
    """Give the data as a factor twice."""
    return data * data


def inverse_square(data: Tensor) -> Tensor:
    """Give the data as a divisor twice."""
    return 1 / (data * data)


def slope_of_chances(data: Tensor) -> Tensor:
    """Give the derivative that belongs to numbers between 0 and 1."""
    return torch.where((data > 0) & (data < 1), data * (1 - data), torch.nan)


def gate(data: Tensor) -> Tensor:
    """Give the derivative that belongs to a rectifier."""
    return (data > 0).to(data.dtype)


def slope_of_tanh(data: Tensor) -> Tensor:
    """Give the derivative that belongs to a tanh, from its value."""
    return torch.where(data.abs() < 1, 1 - data * data, torch.nan)


def _is_moving_divisor(value: Value, factor: Value, moves: frozenset[Value]) -> bool:
    """Tell whether a value is a quotient by a factor that moves too."""
    step = value.step
    if step is None or step.operation not in DIVISIONS or len(step.inputs) != 2:
        return False
    divisor = step.inputs[1]
    return divisor in moves and torch.equal(divisor.data, factor.data)


def _describe_quotient(value: Value) -> Diagnosis:
    assert value.step is not None
    return Diagnosis(
        "wrong-rule",
        value.step.words,
        f"In the rule for the quotient {value.step.phrase}, the denominator is not "
        "squared.",
        "Write down the rule for quotients, then put your values in.",
    )


def _add_factor(
    value: Value, made: Factors, effects: Tensor, moves: frozenset[Value]
) -> Proposal:
    values = made[0]

    def pick(index: int) -> tuple[Value, Callable[[Tensor], Tensor]]:
        return values[index % len(values)], MAKES[index // len(values)]

    def change(index: int, other: Scene) -> Changes:
        used, make = pick(index)
        found = other.find_value(value.address)
        adjoint = other.backward.adjoint[found]
        factor = make(other.find_value(used.address).data)
        return {found: adjoint * factor - adjoint}

    def describe(index: int) -> list[Diagnosis]:
        used, make = pick(index)
        own = describe_factor(value, used, make)
        if make is as_is and _is_moving_divisor(value, used, moves):
            return [_describe_quotient(value), *own]
        return own

    def is_plain(index: int) -> bool:
        used, make = pick(index)
        divides = make is as_is and _is_moving_divisor(value, used, moves)
        alone = make is inverse and used in moves  # it may be all that moves there
        return divides or (not alone and _cancels(value, used, make))

    return Proposal(effects, change, describe, lambda index: 4, is_plain)


def _cancels(value: Value, factor: Value, make: Callable[[Tensor], Tensor]) -> bool:
    """Tell whether the factor takes back one that the value was made with."""
    above, below = _list_factors(value, MOST_DEPTH)
    if make not in (as_is, inverse):
        return False
    held = below if make is as_is else above[1:]  # the first is the value itself
    return value.step is not None and any(
        torch.equal(part.data, factor.data) for part in held
    )


def _list_factors(value: Value, depth: int) -> tuple[list[Value], list[Value]]:
    """List what a value is a multiple of, and what it is divided by."""
    step = value.step
    if step is None or not depth:
        return [value], []
    if step.operation in SUMS:
        return _list_common(value, depth)
    if step.operation not in MULTIPLES:
        return [value], []
    parts = [_list_factors(part, depth - 1) for part in step.inputs]
    above = [value, *(one for part in parts for one in part[0])]
    below = [one for part in parts for one in part[1]]
    if step.operation in DIVISIONS and len(parts) == 2:
        return [value, *parts[0][0], *parts[1][1]], [*parts[0][1], *parts[1][0]]
    return above, below


def _list_common(value: Value, depth: int) -> tuple[list[Value], list[Value]]:
    """List what all terms of a sum are multiples of, and what all are divided by."""
    assert value.step is not None
    terms = [part for part in value.step.inputs if bool(part.data.any())]
    both = [_list_factors(part, depth - 1) for part in terms]
    if not both:
        return [value], []
    above, below = (
        [one for one in both[0][side] if all(one in part[side] for part in both)]
        for side in (0, 1)
    )
    return [value, *above], below


def _is_lost(value: Value, factor: Value, make: Callable[[Tensor], Tensor]) -> bool:
    """Tell whether a later value is multiplied, or divided, by the factor."""
    if make not in (inverse, as_is):
        return False
    places = PRODUCTS if make is inverse else DIVISIONS
    after, waiting = set(), [value]
    while waiting:
        for step, slot in waiting.pop().uses:
            others = [one for i, one in enumerate(step.inputs) if i != slot]
            divided = step.operation in DIVISIONS and slot == 1
            same = any(torch.equal(one.data, factor.data) for one in others)
            if same and step.operation in places and not divided:
                return True
            if step.output not in after:
                after.add(step.output)
                waiting.append(step.output)
    return False


def _describe_cancelled(value: Value, factor: Value) -> Diagnosis:
    assert value.step is not None
    return Diagnosis(
        "missing-link",
        value.step.words,
        f"In the derivative of {value.step.phrase}, {factor.phrase} is left out.",
        f"Look at the step back through {value.step.phrase}.",
    )


MAKES = (
    *(as_is, inverse, slope_of_chances, square, inverse_square),
    *(gate, slope_of_tanh),
)
# How the made factors are told, where the value alone would not do.
FACTOR_WORDS: dict[Callable[[Tensor], Tensor], str] = {
    slope_of_chances: "the derivative `p*(1 - p)` of {}",
    slope_of_tanh: "the derivative `1 - h**2` of {}",
    gate: "a gate that is open where {} is above 0",
    square: "the square of {}",
    inverse_square: "the square of {}",
}


def describe_factor(
    value: Value, factor: Value, make: Callable[[Tensor], Tensor]
) -> list[Diagnosis]:
    """Say that a factor is lost, or is there once too often."""
    if _cancels(value, factor, make):
        return [_describe_cancelled(value, factor)]
    text = "divided" if make in (inverse, inverse_square) else "multiplied"
    factor_text = FACTOR_WORDS.get(make, "{}").format(factor.phrase)
    if _is_lost(value, factor, make):
        text = "divided" if make is as_is else "multiplied"
        return [
            Diagnosis(
                "missing-link",
                value.words,
                f"What flows back to {value.phrase} should be {text} by "
                f"{factor.phrase}, and is not.",
                f"Ask what {factor.phrase} does on the way from {value.phrase}.",
            )
        ]
    return [
        Diagnosis(
            "wrong-rule",
            value.words,
            f"What flows back to {value.phrase} is {text} by {factor_text} "
            "once too often.",
            f"Ask what {factor.phrase} has to do with the way back to {value.phrase}.",
        )
    ]
