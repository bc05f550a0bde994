"""Gradient descent by autograd, and the wrong loops that a path can tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations

import torch
from torch import Tensor

from grader.answers import messages
from grader.answers.inputs import Inputs, copy_inputs
from grader.answers.truth import Reference, differentiate

_TOO_MANY = 4  # parameters: their orders would be 24

Step = Callable[["Loop", Inputs, "dict[str, Tensor]", int], "dict[str, Tensor]"]


@dataclass(frozen=True)
class Loop:
    """Gradient descent, and the wrong loops that are told by their numbers.

    step: state, gradients so far, number of the step → the next parameters.
    """

    loss: Reference
    params: tuple[str, ...]
    lr: float
    steps: int

    def gradients(self, inputs: Inputs) -> dict[str, Tensor]:
        """Differentiate the loss at these inputs."""
        own = {n: v for n, v in inputs.items() if n not in ("lr", "steps")}
        fresh = copy_inputs(own)
        return differentiate(self.loss, fresh, self.params, "")

    def run(self, inputs: Inputs, step: Step | None = None) -> dict[str, Tensor]:
        """Return each parameter after each step: (steps, *its shape)."""
        state, memory = copy_inputs(inputs), dict[str, Tensor]()
        states: list[dict[str, Tensor]] = []
        for number in range(self.steps):
            state = {**state, **(step or descend)(self, state, memory, number)}
            states.append({name: state[name].detach() for name in self.params})
        return {name: torch.stack([s[name] for s in states]) for name in self.params}


def descend(
    loop: Loop, state: Inputs, memory: dict[str, Tensor], number: int, k: float = 1.0
) -> dict[str, Tensor]:
    """Take the right step, or one that is k times as long."""
    grads = loop.gradients(state)
    return {n: state[n] - k * loop.lr * grads[n] for n in loop.params}


def _descend_stale(
    loop: Loop, state: Inputs, memory: dict[str, Tensor], number: int
) -> dict[str, Tensor]:
    for name, grad in loop.gradients(state).items():
        memory[name] = memory.get(name, 0.0) + grad
    return {n: state[n] - loop.lr * memory[n] for n in loop.params}


def _descend_at_start(
    loop: Loop, state: Inputs, memory: dict[str, Tensor], number: int
) -> dict[str, Tensor]:
    if not memory:
        memory.update(loop.gradients(state))
    return {n: state[n] - loop.lr * memory[n] for n in loop.params}


def _descend_once(
    loop: Loop, state: Inputs, memory: dict[str, Tensor], number: int
) -> dict[str, Tensor]:
    if number:
        return {n: state[n] for n in loop.params}
    return descend(loop, state, memory, number)


def _stand_still(
    loop: Loop, state: Inputs, memory: dict[str, Tensor], number: int
) -> dict[str, Tensor]:
    return {n: state[n] for n in loop.params}


def _descend_in_turn(order: Sequence[str]) -> Step:
    """Move one parameter after the other: the later ones see the moved earlier ones."""

    def step(
        loop: Loop, state: Inputs, memory: dict[str, Tensor], number: int
    ) -> dict[str, Tensor]:
        moved = dict(state)
        for name in order:
            moved[name] = moved[name] - loop.lr * loop.gradients(moved)[name]
        return {n: moved[n] for n in loop.params}

    return step


def _descend_without(left_out: str) -> Step:
    def step(
        loop: Loop, state: Inputs, memory: dict[str, Tensor], number: int
    ) -> dict[str, Tensor]:
        moved = descend(loop, state, memory, number)
        return {**moved, left_out: state[left_out]}

    return step


def wrong_loops(loop: Loop) -> list[tuple[str, tuple[str, str], Step]]:
    """List them, likeliest first: kind, what is told, the wrong step."""

    def scaled(k: float) -> Step:
        return lambda loop, state, memory, number: descend(
            loop, state, memory, number, k
        )

    loops: list[tuple[str, tuple[str, str], Step]] = [
        ("zero", messages.LOOP_STILL, _stand_still),
        ("accumulated", messages.LOOP_STALE, _descend_stale),
        ("sign", messages.LOOP_ASCENDS, scaled(-1.0)),
        ("detached", messages.LOOP_ONCE, _descend_once),
        ("wrong-point", messages.LOOP_AT_START, _descend_at_start),
        ("factor", messages.LOOP_NO_LR, scaled(1 / loop.lr)),
        ("factor", messages.LOOP_LR_TWICE, scaled(loop.lr)),
    ]
    for order in permutations(loop.params) if len(loop.params) < _TOO_MANY else ():
        loops.append(("wrong-point", messages.LOOP_IN_TURN, _descend_in_turn(order)))
    for name in loop.params if len(loop.params) > 1 else ():
        message, look = (text.format(name=name) for text in messages.LOOP_WITHOUT)
        loops.append(("zero", (message, look), _descend_without(name)))
    return loops
