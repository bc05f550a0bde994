"""A computation as steps that know their operands, and its backward pass.

Where the steps come from (autograd's record, a recorder, a student's engine) is decided
elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from grader.ink.numbers import SUBSCRIPTS, CannotDraw, write_number
from grader.steps.formulas import ELEMENTWISE, write_formula

MOST_PATHS = 200
MOST_STEPS = 320  # reading stops here; far fewer are drawn

PullBack = Callable[[Tensor], Sequence[Tensor | None] | None]


@dataclass(eq=False)
class Step:
    """One value of a computation and how it was made.

    operands: what it was made from, in order; a number or text stands for a constant.
    kind: "leaf" (wants a gradient), "data" (wants none), "step" or "output".
    cut: made outside the graph, so that no gradient comes back through it.
    lost: whether a gradient came here that could not be found out.
    pull_back: from its own gradient to the share of each operand, or None if that
        is not known.
    """

    key: Hashable
    operation: str = ""
    operands: list[Step | float | str] = field(default_factory=list)
    kind: str = "step"
    name: str = ""
    value: Tensor | None = None
    grad: Tensor | None = None
    cut: bool = False
    lost: bool = False
    pull_back: PullBack | None = None
    shares: dict[int, Tensor] = field(default_factory=dict)
    slopes: dict[int, Tensor] = field(default_factory=dict)

    def sources(self) -> list[tuple[int, Step]]:
        """Return the operands that are values of the graph, with their positions."""
        return [(i, op) for i, op in enumerate(self.operands) if isinstance(op, Step)]

    def formula(self) -> str:
        """Write how it was made, with the names of its operands."""
        if not self.operation:
            return ""
        return write_formula(self.operation, [_name(op) for op in self.operands])

    def slope_known(self) -> bool:
        """Whether the local derivative is a number for each entry."""
        one = self.value is not None and self.value.numel() == 1
        return one or self.operation in ELEMENTWISE


@dataclass(frozen=True)
class Computation:
    """A computation that ends in one value; `note` says what could not be found out."""

    output: Step
    note: str = ""

    def steps(self) -> list[Step]:
        """Return every step, operands before their users."""
        return sort_steps(self.output)

    def find(self, wanted: object) -> Step | None:
        """Find a step by its name or by its tensor."""
        for step in self.steps():
            if step.name == wanted or (
                isinstance(wanted, Tensor) and step.key == id(wanted)
            ):
                return step
        return None


def sort_steps(output: Step) -> list[Step]:
    """Return every step behind the output, operands before their users."""
    done: dict[int, Step] = {}
    stack = [(output, False)]
    while stack:
        step, ready = stack.pop()
        if id(step) in done:
            continue
        if ready:
            done[id(step)] = step
            continue
        stack.append((step, True))
        stack += [(op, False) for _, op in reversed(step.sources())]
    return list(done.values())


def name_steps(steps: Sequence[Step]) -> None:
    """Call nameless steps v₁, v₂, …, and a second h, h′."""
    taken: set[str] = set()
    for step in steps:
        while step.name and step.name in taken:
            step.name += "′"
        taken.add(step.name)
    number = 0
    for step in steps:
        while not step.name:
            number += 1
            name = f"v{number}".translate(SUBSCRIPTS)
            step.name = "" if name in taken else name


def send_back(output: Step) -> None:
    """Run the backward pass from the output, whose own gradient is set already.

    Fills each step's gradient, its operands' shares and its local derivatives.
    """
    for step in reversed(sort_steps(output)):
        if step.pull_back is None or step.cut or (step.grad is None and not step.lost):
            continue
        shares = None if step.lost else step.pull_back(step.grad)
        if shares is None:
            _lose_sources(step)
            continue
        slopes: Sequence[Tensor | None] | None = None
        if step.slope_known():
            slopes = step.pull_back(torch.ones_like(step.grad))
        for i, operand in step.sources():
            share = shares[i] if i < len(shares) else None
            if share is None or operand.kind == "data" or operand.cut:
                continue
            step.shares[i] = share
            if slopes and i < len(slopes) and (slope := slopes[i]) is not None:
                step.slopes[i] = slope
            if not operand.lost:
                operand.grad = share if operand.grad is None else operand.grad + share


def _lose_sources(step: Step) -> None:
    """Mark that part of the operands' gradients is not known: then none of it is."""
    for _, operand in step.sources():
        if operand.kind != "data" and not operand.cut:
            operand.lost, operand.grad = True, None


def find_paths(source: Step, output: Step) -> list[list[tuple[Step, int]]]:
    """Return every path from output back to source along which a gradient came.

    A path lists (step, operand position) pairs. Raises CannotDraw beyond 200 paths.
    """
    paths: list[list[tuple[Step, int]]] = []
    stack: list[tuple[Step, list[tuple[Step, int]]]] = [(output, [])]
    while stack:
        step, path = stack.pop()
        if step is source:
            paths.append(path)
            if len(paths) > MOST_PATHS:
                raise CannotDraw(f"More than {MOST_PATHS} paths lead there.")
            continue
        for i, operand in reversed(step.sources()):
            if i in step.shares:
                stack.append((operand, [*path, (step, i)]))
    return paths


def _name(operand: Step | float | str) -> str:
    if isinstance(operand, Step):
        return operand.name
    return operand if isinstance(operand, str) else write_number(operand)
