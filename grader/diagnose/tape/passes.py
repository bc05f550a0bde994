"""Runs a tape backward and forward with derivatives taken step by step.

Each step is differentiated by autograd on that step alone; whether it works entry by
entry, or is linear, is found from its numbers and not from its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch

from grader.diagnose.diagnosis import Tensor
from grader.diagnose.tape.local import Local, Traits, agrees, differentiate
from grader.diagnose.tape.steps import Step, Tape, Value


@dataclass(eq=False)
class Edge:
    """One use of a value by a step, with what flows back through it.

    contribution: the share of the value's adjoint; slope: the local derivative when
    the step works entry by entry in this slot, else None.
    """

    step: Step
    slot: int
    value: Value
    contribution: Tensor
    slope: Tensor | None


class Pass:
    """The backward pass of a tape, open at every step.

    adjoint: the derivative of the objective by each value that moves with a target.
    edges: of each step, in the order of slots; entering: all edges out of a value.
    """

    def __init__(
        self,
        tape: Tape,
        targets: Iterable[str],
        upstream: Tensor | None,
        traits: Traits,
    ) -> None:
        self.tape, self.traits = tape, traits
        self.active = _find_active(tape, targets)
        output = tape.output
        seed = torch.ones_like(output.data) if upstream is None else upstream
        self.adjoint: dict[Value, Tensor] = {output: seed.detach()}
        self.edges: dict[Step, list[Edge]] = {}
        self.entering: dict[Value, list[Edge]] = {}
        self._locals: dict[Step, Local] = {}
        self._whole: dict[Step, list[Edge]] = {}
        needed = self._list_needed()
        slopes = self._find_slopes(needed)
        for step in reversed(needed):
            self._spread(step, slopes)

    def list_edges(self, step: Step) -> list[Edge]:
        """List the edges of a step, or of a fused call as a whole."""
        if step in self.edges:
            return self.edges[step]
        if step not in self._whole:
            known = step.output in self.adjoint and step.output in self.active
            slopes = self._find_slopes([step]) if known else {}
            self._whole[step] = self._make_edges(step, slopes) if slopes else []
        return self._whole[step]

    def open_step(self, step: Step) -> Local:
        """Give the step's derivative machine."""
        if step not in self._locals:
            slots = [i for i, value in enumerate(step.inputs) if value in self.active]
            self._locals[step] = Local(step, slots, [v.data for v in step.inputs])
        return self._locals[step]

    def pull_back(self, changes: dict[Value, Tensor], target: Value) -> Tensor:
        """Carry changes of adjoints back to a target."""
        return self.pull_through(self.tape.steps, changes, target)

    def pull_through(
        self, steps: Sequence[Step], changes: dict[Value, Tensor], target: Value
    ) -> Tensor:
        """Carry changes of adjoints back to a target through some steps only."""
        moved = dict(changes)
        for step in reversed(steps):
            if step.output not in moved or step not in self.edges:
                continue
            for edge, share in self.split(step, moved[step.output]):
                before = moved.get(edge.value)
                moved[edge.value] = share if before is None else before + share
        found = moved.get(target)
        return torch.zeros_like(target.data) if found is None else found

    def split(self, step: Step, adjoint: Tensor) -> list[tuple[Edge, Tensor]]:
        """Split an adjoint of a step's output among its edges."""
        edges = self.list_edges(step)
        if all(edge.slope is not None for edge in edges):
            return [(edge, adjoint * edge.slope) for edge in edges]
        return list(zip(edges, self.open_step(step).pull(adjoint), strict=True))

    def push_forward(self, target: str, direction: Tensor) -> dict[Value, Tensor]:
        """Push one direction of an input forward: how every value on the way moves."""
        return self.push_from({self.tape.inputs[target]: direction})

    def push_from(
        self, changes: dict[Value, Tensor], steps: Sequence[Step] | None = None
    ) -> dict[Value, Tensor]:
        """Push changes of some values forward to all that depend on them."""
        moved = dict(changes)
        for step in self.tape.steps if steps is None else steps:
            for edge in self.edges.get(step, ()):
                tangent = moved.get(edge.value)
                if tangent is None:
                    continue
                part = self.push_edge(edge, tangent)
                before = moved.get(step.output)
                moved[step.output] = part if before is None else before + part
        return moved

    def push_edge(self, edge: Edge, tangent: Tensor) -> Tensor:
        """Push a change of a value through one edge."""
        if edge.slope is not None:
            return tangent * edge.slope
        step, key = edge.step, (edge.step.address[0], edge.slot)
        linear = self.traits.linear.get(key)
        given = [value.data for value in step.inputs]
        given[edge.slot] = tangent
        if linear:
            return step.run(given).detach()
        local = self.open_step(step)
        pushed = local.push(local.slots.index(edge.slot), tangent)
        if linear is None:
            self.traits.linear[key] = self._is_linear(edge, tangent)
        return pushed

    def _is_linear(self, edge: Edge, tangent: Tensor) -> bool:
        """Test a slot with other operands drawn anew: those at hand may be zero.

        A sum must go through as the sum of its parts: a maximum only scales.
        """
        given = [self.traits.draw_like(value.data) for value in edge.step.inputs]
        other = self.traits.draw_like(edge.value.data) - 1

        def run(data: Tensor) -> Tensor:
            given[edge.slot] = data
            return edge.step.run(given).detach()

        try:
            parts = run(tangent) + run(other)
            return agrees(run(tangent + other), parts)
        except RuntimeError:
            return False

    def _list_needed(self) -> list[Step]:
        """List the steps between the targets and the output, in order."""
        wanted = {self.tape.output}
        needed = []
        for step in reversed(self.tape.steps):
            if step.output in wanted and step.output in self.active:
                needed.append(step)
                wanted.update(value for value in step.inputs if value in self.active)
        return [
            step for step in reversed(needed) if not self.open_step(step).is_constant
        ]

    def _find_slopes(self, steps: list[Step]) -> dict[Step, list[Tensor | None]]:
        """Find the local derivatives of all steps that work entry by entry.

        One backward call serves all steps, since their graphs do not touch.
        """
        known = self.traits.elementwise
        maybe = {
            step: [
                known.get((step.address[0], slot), leaf.shape == local.output.shape)
                for slot, leaf in zip(local.slots, local.leaves, strict=True)
            ]
            for step in steps
            if not (local := self.open_step(step)).is_constant
        }
        chosen = [step for step, flags in maybe.items() if any(flags)]
        slopes = self._pull_together(chosen, {})
        self._test_slopes(chosen, slopes)
        return {
            step: [
                slope if known.get((step.address[0], slot), False) else None
                for slot, slope in zip(
                    self.open_step(step).slots,
                    slopes.get(step, [None] * len(flags)),
                    strict=True,
                )
            ]
            for step, flags in maybe.items()
        }

    def _test_slopes(self, steps: list[Step], slopes: dict[Step, list[Tensor]]) -> None:
        """Find out which steps work entry by entry: random weights pass unmixed."""
        known = self.traits.elementwise
        new = [
            step
            for step in steps
            for slot in self._locals[step].slots
            if (step.address[0], slot) not in known
        ]
        new = list(dict.fromkeys(new))
        if not new:
            return
        weights = {step: self.traits.draw_like(step.output.data) for step in new}
        pulled = self._pull_together(new, weights)
        for step in new:
            slots = self._locals[step].slots
            for slot, slope, found in zip(
                slots, slopes[step], pulled[step], strict=True
            ):
                if not bool(found.any()):
                    continue  # nothing flows here, so nothing can be told
                same = slope.shape == weights[step].shape
                known[step.address[0], slot] = same and agrees(
                    found, weights[step] * slope
                )

    def _pull_together(
        self, steps: list[Step], weights: dict[Step, Tensor]
    ) -> dict[Step, list[Tensor]]:
        if not steps:
            return {}
        machines = [self.open_step(step) for step in steps]
        outputs = [machine.output for machine in machines]
        if weights:
            pairs = zip(outputs, steps, strict=True)
            outputs = [output * weights[step] for output, step in pairs]
        total = torch.stack([output.sum().double() for output in outputs]).sum()
        leaves = [leaf for machine in machines for leaf in machine.leaves]
        found = iter(differentiate(total, leaves))
        return {
            step: [next(found) for _ in machine.leaves]
            for step, machine in zip(steps, machines, strict=True)
        }

    def _spread(self, step: Step, slopes: dict[Step, list[Tensor | None]]) -> None:
        edges = self._make_edges(step, slopes)
        self.edges[step] = edges
        for edge in edges:
            self.entering.setdefault(edge.value, []).append(edge)
            before = self.adjoint.get(edge.value)
            share = edge.contribution
            self.adjoint[edge.value] = share if before is None else before + share

    def _make_edges(
        self, step: Step, slopes: dict[Step, list[Tensor | None]]
    ) -> list[Edge]:
        local, own = self.open_step(step), slopes[step]
        adjoint = self.adjoint[step.output]
        if all(slope is not None for slope in own):
            shares = [adjoint * slope for slope in own]
        else:
            shares = local.pull(adjoint)
        return [
            Edge(step, slot, step.inputs[slot], share, slope)
            for slot, share, slope in zip(local.slots, shares, own, strict=True)
        ]


def _find_active(tape: Tape, targets: Iterable[str]) -> set[Value]:
    active = {tape.inputs[name] for name in targets}
    for step in tape.steps:
        if any(value in active for value in step.inputs):
            active.add(step.output)
    return active
