"""Replays of the tape with forward values computed wrongly.

A student computes the forward values too. A slip there moves every later value; the
derivatives are then right ones at wrong values, or those of another function.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from grader.diagnose.diagnosis import Diagnosis, Tensor
from grader.diagnose.forward.alterations import list_alterations
from grader.diagnose.forward.inputs import FORMULA, Alteration
from grader.diagnose.scene import Proposal, Scene, dot
from grader.diagnose.tape import Step, Value

MOST_WORK = 4000  # steps that all replays together may run, at the first draw
MOST_ENTRIES = 400_000  # that they may make

Given = Callable[[Value], Tensor]


# What a wrong value does: it goes on into later values, with the right derivatives or
# with those of another function; the derivative is made from it; or it is used in
# derivatives only, while later values are right.
VALUES, FUNCTION, RESULT, HERE = "values", "function", "result", "here"
# Derivatives that people write with the result, so that a wrong one goes into them.
BY_RESULT: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": lambda f: f * (1 - f),
    "tanh": lambda f: 1 - f * f,
    "exp": lambda f: f,
    "sqrt": lambda f: 1 / (2 * f),
}


@dataclass(frozen=True)
class Case:
    """An alteration, and what the altered value does."""

    alteration: Alteration
    mode: str


class Replay:
    """One run of a tape from an altered value on; `made` holds what it changed."""

    def __init__(self, scene: Scene, case: Case, given: Given) -> None:
        self.scene, self.case, self.given = scene, case, given
        self.made: dict[Value, Tensor] = {}
        for value in scene.tape.inputs.values():
            make = case.alteration.makes.get(value.address)
            if make is not None:
                self._alter(value, make(scene, None, [value.data]), given(value))
        for step in list_touched_steps(scene, case.alteration):
            self._run(step)

    def _run(self, step: Step) -> None:
        make = self.case.alteration.makes.get(step.address[0])
        operands = [self.take(value) for value in step.inputs]
        mode = self.case.mode
        if make is None:
            result = step.run(operands)
            if mode == HERE:
                result = result + (step.output.data - result).detach()
            self.made[step.output] = result
        elif mode == RESULT:
            self._alter_by_result(step, make(self.scene, step, operands), operands)
        else:
            right = step.output.data if mode == FUNCTION else step.run(operands)
            self._alter(step.output, make(self.scene, step, operands), right)

    def _alter(self, value: Value, other: Tensor, right: Tensor) -> None:
        if self.case.mode != FUNCTION:
            if other.shape != right.shape:
                raise KeyError(value.address)
            other = right + (other - right).detach()
        self.made[value] = other

    def _alter_by_result(
        self, step: Step, other: Tensor, operands: list[Tensor]
    ) -> None:
        if len(operands) != 1 or other.shape != operands[0].shape:
            raise KeyError(step.address)
        other = other.detach()
        moved = operands[0] - operands[0].detach()
        slope = BY_RESULT.get(step.operation)
        if slope is not None:
            self.made[step.output] = other + slope(other) * moved
            return
        axis = find_share_axis(step)
        mixed = (other * moved).sum(axis, keepdim=True)
        self.made[step.output] = other + other * (moved - mixed)

    def take(self, value: Value) -> Tensor:
        """Give a value as this run has it."""
        made = self.made.get(value)
        return self.given(value) if made is None else made

    def total(self) -> Tensor:
        """Give the number that is differentiated. Raises KeyError where none is."""
        output = self.made[self.scene.tape.output]
        upstream = self.scene.trial.upstream
        if output.shape != self.scene.tape.output.data.shape:
            raise KeyError(self.scene.tape.output.address)
        return (output if upstream is None else output * upstream).sum()


def find_share_axis(step: Step) -> int:
    """Find the axis along which results are shares of one. Raises KeyError."""
    data = step.output.data
    for axis in reversed(range(data.dim())):
        if bool(((data.sum(axis) - 1).abs() < 1e-9).all()):
            return axis
    raise KeyError(step.address)


Run = tuple[Case, Replay, dict[Value, Tensor]]  # with the values that it began at


def list_touched_steps(scene: Scene, alteration: Alteration) -> list[Step]:
    """List the altered steps and all after them; fused calls as wholes if altered."""
    makes = alteration.makes

    def make() -> list[Step]:
        called = {s.output: s for s in scene.tape.fused if s.address[0] in makes}
        touched = {v for v in scene.tape.inputs.values() if v.address in makes}
        found = []
        for part in scene.tape.steps:
            step = called.get(part.output, part)
            if step.address[0] in makes or not touched.isdisjoint(step.inputs):
                touched.add(step.output)
                found.append(step)
        return found

    return scene.recall(f"touched {list(makes)}", make)


def replay_values(scene: Scene) -> Iterator[Proposal]:
    """Differentiate with some forward value computed wrongly."""
    found = list_replays(scene)
    if not found:
        return
    cases = [case for case, _, _ in found]

    def change(index: int, other: Scene) -> Tensor:
        return differentiate_replay(other, cases[index])

    def describe(index: int) -> list[Diagnosis]:
        return _describe(cases[index])

    yield Proposal(_measure(scene, found), change, describe, lambda index: 6)


def list_replays(scene: Scene) -> list[Run]:
    """Run each alteration once at the first draw, until that has become too much."""
    return scene.recall("replays", lambda: _run_all(scene))


def _run_all(scene: Scene) -> list[Run]:
    found: list[Run] = []
    work = entries = 0
    for alteration in list_alterations(scene):
        for mode in _choose_modes(scene, alteration):
            if work > MOST_WORK or entries > MOST_ENTRIES:
                return found
            case = Case(alteration, mode)
            leaves: dict[Value, Tensor] = {}
            replay = _try_replay(scene, case, leaves)
            if replay is not None:
                work += len(replay.made)
                entries += sum(data.numel() for data in replay.made.values())
                found.append((case, replay, leaves))
    return found


def _choose_modes(scene: Scene, alteration: Alteration) -> list[str]:
    """Choose what the altered value may do."""
    inputs = [v for v in scene.tape.inputs.values() if v.address in alteration.makes]
    if inputs:
        return [VALUES, HERE]
    steps = [*scene.tape.fused, *scene.tape.steps]
    altered = [step for step in steps if step.address[0] in alteration.makes]
    if not any(step.output in scene.tangents for step in altered):
        return [VALUES]  # nothing flows there: only the value counts
    if not alteration.function_kinds:
        return [VALUES]
    modes = [VALUES, FUNCTION]
    if altered[0].operation in (*BY_RESULT, "softmax"):
        modes.append(RESULT)
    if len(altered[0].output.uses) > 1:
        modes.append(HERE)
    return modes


def _try_replay(scene: Scene, case: Case, leaves: dict[Value, Tensor]) -> Replay | None:
    def give(value: Value) -> Tensor:
        if value not in scene.tangents:
            return value.data
        if value not in leaves:
            leaves[value] = value.data.detach().clone().requires_grad_()
        return leaves[value]

    try:
        with torch.enable_grad():
            return Replay(scene, case, give)
    except (RuntimeError, KeyError, IndexError, TypeError, ValueError):
        return None


def _measure(scene: Scene, found: list[Run]) -> Tensor:
    """Give what each replay adds to <answer, direction>, by one backward call for all.

    Only the edges of a replay are pulled: how they move is known.
    """
    totals, pulled = [], []
    with torch.enable_grad():
        for place, (_, replay, leaves) in enumerate(found):
            total = _add_up(replay)
            if total is not None and total.requires_grad:
                totals.append(total)
                pulled += [(place, value, leaf) for value, leaf in leaves.items()]
    moved = [0.0 if _add_up(one) is not None else math.nan for _, one, _ in found]
    if totals:
        gradients = torch.autograd.grad(
            torch.stack(totals).sum(), [leaf for *_, leaf in pulled], allow_unused=True
        )
        for (place, value, _), gradient in zip(pulled, gradients, strict=True):
            if gradient is not None:
                moved[place] += dot(gradient, scene.tangents[value])
    own = dot(scene.right, scene.direction)
    return torch.tensor(moved, dtype=torch.float64) - own


def _add_up(replay: Replay) -> Tensor | None:
    try:
        return replay.total()
    except (RuntimeError, KeyError):
        return None


def differentiate_replay(scene: Scene, case: Case) -> Tensor:
    """Give the gradient that such a student finds. Raises KeyError."""
    leaf = scene.target.data.detach().clone().requires_grad_()
    right: dict[Value, Tensor] = {scene.target: leaf}
    with torch.enable_grad():
        for step in scene.tape.steps:
            if any(value in right for value in step.inputs):
                operands = [right.get(value, value.data) for value in step.inputs]
                right[step.output] = step.run(operands)
        replay = Replay(scene, case, lambda value: right.get(value, value.data))
        total = replay.total()
        if not total.requires_grad:
            return torch.zeros_like(scene.right)
        (found,) = torch.autograd.grad(total, leaf, allow_unused=True)
    return torch.zeros_like(scene.right) if found is None else found


def _describe(case: Case) -> list[Diagnosis]:
    alteration, mode = case.alteration, case.mode
    what, how = alteration.what, alteration.how
    as_function = mode == FUNCTION and alteration.moves
    kinds = alteration.function_kinds if as_function else alteration.value_kinds
    if what == FORMULA:
        message = f"Your gradient is computed {how}."
    elif mode == FUNCTION:
        message = (
            f"Your gradient fits another function: one with {what} computed {how}."
        )
    elif mode == HERE:
        message = f"In the derivatives that use it, {what} is computed {how}."
    else:
        message = f"In the values that you use, {what} is computed {how}."
    look = f"Compute `{alteration.where}` alone and compare it with yours."
    return [
        Diagnosis(kind, alteration.where, message, look)
        for kind in dict.fromkeys(kinds)
    ]
