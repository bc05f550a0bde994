"""One step with its inputs as leaves, and what was found out about steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from grader.diagnose.diagnosis import Tensor
from grader.diagnose.tape.steps import Step

ROUNDING = 1e-9  # what two ways to the same float64 number may differ by

PLAIN = ("broadcast", "sum")
Use = tuple[Any, int]  # a place in the reference, and one of its slots


class Traits:
    """What was found out about steps; kept over the draws of one diagnosis."""

    def __init__(self) -> None:
        self.elementwise: dict[Use, bool] = {}
        self.linear: dict[Use, bool] = {}
        # torch's own generator belongs to the student.
        self.random = torch.Generator().manual_seed(0)

    def draw_like(self, data: Tensor) -> Tensor:
        """Draw numbers away from zero."""
        return torch.rand(data.shape, generator=self.random, dtype=data.dtype) + 0.5


class Local:
    """One step with its inputs as leaves: its vector-Jacobian products."""

    def __init__(
        self, step: Step, slots: Sequence[int], given: Sequence[Tensor]
    ) -> None:
        self.step, self.slots = step, list(slots)
        self.data = [
            tensor.detach().requires_grad_(slot in slots)
            for slot, tensor in enumerate(given)
        ]
        with torch.enable_grad():
            self.output = step.run(self.data)
        self.leaves = [self.data[slot] for slot in slots]
        self.is_constant = not self.output.requires_grad

    def pull(self, adjoint: Tensor) -> list[Tensor]:
        """Give each slot's share of an adjoint of the output."""
        if len(self.leaves) == 1 and self.step.operation in PLAIN:
            return [self._pull_plainly(adjoint, tuple(self.leaves[0].shape))]
        # `(output * adjoint).sum()`: `grad_outputs` would load a part of torch.
        return differentiate((self.output * adjoint).sum(), self.leaves)

    def _pull_plainly(self, adjoint: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Do without autograd what half of all steps are: sums and broadcasts."""
        if self.step.operation == "broadcast":
            return adjoint.sum_to_size(shape)
        if not adjoint.dim():
            return adjoint.expand(shape)
        return differentiate((self.output * adjoint).sum(), self.leaves)[0]

    def push(self, index: int, tangent: Tensor) -> Tensor:
        """Give the change of the output when one slot changes by `tangent`."""
        weight = torch.zeros_like(self.output).requires_grad_()
        (row,) = torch.autograd.grad(
            (self.output * weight).sum(),
            self.leaves[index],
            create_graph=True,
            allow_unused=True,
            materialize_grads=True,
        )
        if not row.requires_grad:
            return torch.zeros_like(self.output)
        return differentiate((row * tangent).sum(), [weight])[0]


def differentiate(total: Tensor, leaves: list[Tensor]) -> list[Tensor]:
    """Give the gradients of a number, zeros where it does not depend on a leaf."""
    found = torch.autograd.grad(
        total, leaves, retain_graph=True, allow_unused=True, materialize_grads=True
    )
    return [gradient.detach() for gradient in found]


def agrees(one: Tensor, other: Tensor) -> bool:
    """Tell whether two ways of computing gave the same."""
    if not one.numel():
        return True
    size = max(float(one.abs().max()), float(other.abs().max()))
    return float((one - other).abs().max()) <= ROUNDING * size
