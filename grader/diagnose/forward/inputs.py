"""A forward value computed wrongly, and the same of inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import torch

from grader.diagnose.diagnosis import Tensor
from grader.diagnose.links.operands import is_square
from grader.diagnose.scene import Scene
from grader.diagnose.tape import Step, Value

FORMULA = "your formula"  # what is altered when it is an input

# Gives the altered value from the values that go into it.
Make = Callable[[Scene, Step | None, Sequence[Tensor]], Tensor]
Kinds = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Alteration:
    """A forward value computed wrongly, everywhere that line runs.

    makes: what is made instead, by the place of a step or the address of an input.
    kinds: what it is when only the values are wrong, and when the function is another.
    what, how: the altered step and what was done to it, for a sentence.
    moves: whether gradients flow through it.
    """

    makes: dict[Any, Make]
    value_kinds: Kinds
    function_kinds: Kinds
    where: str
    what: str
    how: str
    moves: bool = True


def alter(
    step: Step, make: Make, kinds: Kinds, how: str, function: Kinds = ()
) -> Alteration:
    """Alter a step everywhere that line runs."""
    key = step.address[0]
    return Alteration(
        {key: make}, kinds, function or kinds, step.words, step.phrase, how
    )


def put_value(value: Value) -> Make:
    """Make one that puts another value in a value's place."""

    def make(scene: Scene, step: Step | None, given: Sequence[Tensor]) -> Tensor:
        return scene.find_value(value.address).data.double()

    return make


def alter_inputs(scene: Scene) -> Iterator[Alteration]:
    """Take one input for another, exchange two, or take one for 1 or 0."""
    inputs = [v for v in scene.tape.inputs.values() if v.data.is_floating_point()]
    for one, two in combinations(inputs, 2):
        if one.data.shape != two.data.shape or torch.equal(one.data, two.data):
            continue
        kinds = ("wrong-point", "wrong-input")
        makes = {one.address: put_value(two), two.address: put_value(one)}
        how = f"with {one.phrase} and {two.phrase} exchanged"
        yield Alteration(makes, kinds, kinds, one.words, FORMULA, how)
        for old, new in ((one, two), (two, one)):
            how = f"with {new.phrase} where {old.phrase} belongs"
            makes = {old.address: put_value(new)}
            yield Alteration(makes, kinds, kinds, old.words, FORMULA, how)
    for value in inputs:
        if value is not scene.target:
            yield from _alter_input(value)


def _alter_input(value: Value) -> Iterator[Alteration]:
    def one(scene: Scene, step: Step | None, given: Sequence[Tensor]) -> Tensor:
        return torch.ones_like(given[0])

    def nothing(scene: Scene, step: Step | None, given: Sequence[Tensor]) -> Tensor:
        return torch.zeros_like(given[0])

    def turn(scene: Scene, step: Step | None, given: Sequence[Tensor]) -> Tensor:
        if not is_square(given[0]):
            raise KeyError(value.address)
        return given[0].mT

    def keep_diagonal(_: Scene, step: Step | None, given: Sequence[Tensor]) -> Tensor:
        return given[0] * torch.eye(given[0].shape[-1], dtype=given[0].dtype)

    cases: list[tuple[Make, Kinds, str]] = []
    if _meets_only(value, {"mul", "multiply", "div", "truediv"}):
        lost = ("missing-link", "wrong-point", "factor")
        cases.append((one, lost, f"as if {value.phrase} were 1"))
    if _meets_only(value, {"add", "sub"}):
        how = f"as if {value.phrase} were 0"
        cases.append((nothing, ("wrong-point", "missing-path"), how))
    if is_square(value.data):
        cases.append((turn, ("transposed",), f"with {value.phrase} transposed"))
        how = f"with the diagonal of {value.phrase} alone"
        cases.append((keep_diagonal, ("wrong-rule", "missing-path"), how))
    for make, kinds, how in cases:
        yield Alteration({value.address: make}, kinds, kinds, value.words, FORMULA, how)


def _meets_only(value: Value, operations: set[str]) -> bool:
    """Tell whether a value is only ever an operand of some operations."""
    steps = [step for step, _ in value.uses]
    wide = [step for step in steps if step.operation == "broadcast"]
    steps += [use for step in wide for use, _ in step.output.uses]
    others = {step.operation for step in steps} - {"broadcast"}
    return bool(others) and others <= operations
