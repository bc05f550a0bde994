"""One draw seen from one asked gradient: the stage on which changes are tried.

Trying is cheap by projection. One random direction of the input is pushed forward
through the tape; a change of the backward pass at a value then changes
<answer, direction> by <change, tangent of the value>, with no backward pass at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import torch

from grader.diagnose.diagnosis import Diagnosis, Tensor, Trial
from grader.diagnose.tape import Edge, Pass, Step, Value
from grader.diagnose.tape.source import SiteFinder
from grader.diagnose.tape.steps import Address

MOST_VALUES = 48  # values of one shape that are tried in another's place
MOST_ENTRIES = 400_000  # of all those values together

# Values that these make stand for nothing in an exercise.
BLANKS = frozenset(
    ("eye", "ones", "zeros", "empty", "full", "ones_like", "zeros_like", "empty_like")
)

Found = TypeVar("Found")
Changes = dict[Value, Tensor]  # what is added to the adjoint of each value


@dataclass(frozen=True)
class Draws:
    """What all scenes of one diagnosis share.

    sizes: each named size of the inputs, with its value at each trial.
    """

    reference: Callable[..., Tensor]
    trials: tuple[Trial, ...]
    sizes: dict[str, tuple[float, ...]]
    finder: SiteFinder
    rel_tol: float


class Scene:
    """A taped draw with the student's gradient for one input."""

    def __init__(
        self,
        trial: Trial,
        backward: Pass,
        name: str,
        counts: dict[Address, int],
        draws: Draws,
    ) -> None:
        self.trial, self.backward, self.name = trial, backward, name
        self.tape = backward.tape
        self.target = self.tape.inputs[name]
        self.yours = trial.answers[name]
        self.right = backward.adjoint.get(
            self.target, torch.zeros_like(self.target.data)
        )
        # How often each place ran on the first tape; loops may run longer here.
        self.counts, self.from_end = counts, False
        self.draws, self.index = draws, draws.trials.index(trial)
        self._notes: dict[str, Any] = {}

    @cached_property
    def direction(self) -> Tensor:
        """A random direction of the asked input."""
        return self.backward.traits.draw_like(self.target.data) - 0.9

    @cached_property
    def tangents(self) -> dict[Value, Tensor]:
        """How each value moves in that direction."""
        return self.backward.push_forward(self.name, self.direction)

    @cached_property
    def goal(self) -> float:
        """What a change must add to <answer, direction>."""
        return float(((self.yours - self.right) * self.direction).sum())

    @cached_property
    def size(self) -> float:
        """What rounding in <answer, direction> is relative to."""
        total = self.yours.abs() + self.right.abs()
        return float((total * self.direction.abs()).sum())

    @cached_property
    def edges(self) -> list[Edge]:
        """Every edge that lies between the asked input and the output."""
        return [
            edge
            for step in self.tape.steps
            for edge in self.backward.edges.get(step, ())
            if edge.value in self.tangents
        ]

    @cached_property
    def whole_edges(self) -> list[Edge]:
        """The edges of fused calls as wholes."""
        return [
            edge
            for step in self.tape.fused
            for edge in self.backward.list_edges(step)
            if edge.value in self.tangents
        ]

    @cached_property
    def crowd(self) -> dict[tuple[int, ...], tuple[list[Value], Tensor]]:
        """The different values of each shape, and their data stacked."""
        by_shape: dict[tuple[int, ...], list[Value]] = {}
        for value in self.tape.values:
            made = value.step.operation if value.step is not None else ""
            if made not in BLANKS and value.data.is_floating_point():
                by_shape.setdefault(tuple(value.data.shape), []).append(value)
        return {s: self._stack_different(values) for s, values in by_shape.items()}

    def recall(self, note: str, make: Callable[[], Found]) -> Found:
        """Give what `make` gives, made once for this scene."""
        if note not in self._notes:
            self._notes[note] = make()
        found: Found = self._notes[note]
        return found

    def apply(self, changes: Changes) -> Tensor:
        """Compute the gradient that the changed backward pass gives."""
        return self.right + self.backward.pull_back(changes, self.target)

    def find_value(self, address: Address) -> Value:
        """Find a value of the first tape on this one. Raises KeyError."""
        return self.tape.values_at[self._translate(address)]

    def find_step(self, address: Address) -> Step:
        """Find a step of the first tape on this one. Raises KeyError."""
        return self.tape.steps_at[self._translate(address)]

    def find_edge(self, address: Address, slot: int) -> Edge:
        """Find an edge of the first tape on this one. Raises KeyError."""
        step = self.find_step(address)
        for edge in self.backward.list_edges(step):
            if edge.slot == slot:
                return edge
        raise KeyError(address)

    def _translate(self, address: Address) -> Address:
        key, count = address
        if not self.from_end or key == "input" or key not in self.counts:
            return address
        return (key, self.tape.counts.get(key, 0) - self.counts[key] + count)

    def _stack_different(self, values: list[Value]) -> tuple[list[Value], Tensor]:
        room = max(1, MOST_ENTRIES // max(1, values[0].data.numel()))
        kept: list[Value] = []
        data: list[Tensor] = []
        for value in values:
            if len(kept) >= min(MOST_VALUES, room):
                break
            numbers = value.data.double()  # a constant may be float32
            if not any(torch.equal(numbers, other) for other in data):
                kept.append(value)
                data.append(numbers)
        return kept, torch.stack(data)


@dataclass(frozen=True)
class Proposal:
    """A family of changes, tried together on the first scene.

    effects: what each adds to <answer, direction> there.
    change: carries out the i-th on any scene, or raises KeyError where it has no place;
        it gives either changes of adjoints or, when it changes the pass as a whole,
        the gradient itself.
    describe: names the i-th; the first reading is its own, others go with it.
    rank: orders places that the same kind of change may sit in, the likeliest first.
    plain: whether the i-th of a vague family has a plain reading all the same.
    """

    effects: Tensor
    change: Callable[[int, Scene], Changes | Tensor]
    describe: Callable[[int], Sequence[Diagnosis]]
    rank: Callable[[int], int] = lambda index: 1
    plain: Callable[[int], bool] = lambda index: False


Family = Callable[[Scene], Iterator[Proposal]]


def dot(one: Tensor, other: Tensor) -> float:
    """Multiply two tensors entry by entry and add up."""
    return float((one * other).sum())


def project(stack: Tensor, weight: Tensor) -> Tensor:
    """Multiply each of a stack of tensors with one tensor, entry by entry, and add."""
    return stack.reshape(len(stack), -1) @ weight.reshape(-1)
