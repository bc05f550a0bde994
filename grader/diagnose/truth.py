"""What autograd says at one draw, and how numbers are compared with it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from grader.diagnose.diagnosis import Tensor, Trial

CANCELLED = 1e-6  # of their size, terms that cancel may leave this much more rounding
SINGLE_TOL = 2e-5  # rounding of a float32 computation, relative to its result
Reference = Callable[..., Tensor]


@dataclass(frozen=True)
class Truth:
    """The reference's value and the right gradient of every floating point input."""

    value: Tensor
    gradients: dict[str, Tensor]


def pick_inputs(reference: Reference, trials: Sequence[Trial]) -> tuple[Trial, ...]:
    """Leave to each trial the inputs that the reference names.

    All stay when it takes any name. Other functions here expect such trials.
    """
    try:
        parameters = inspect.signature(reference).parameters.values()
    except (TypeError, ValueError):
        return tuple(trials)
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return tuple(trials)
    names = {parameter.name for parameter in parameters}
    return tuple(
        replace(trial, inputs={n: v for n, v in trial.inputs.items() if n in names})
        for trial in trials
    )


def compute_truth(
    reference: Reference, trial: Trial, upstream: Tensor | None = None
) -> Truth:
    """Run the reference with autograd; `upstream` stands in for the trial's own."""
    weight = trial.upstream if upstream is None else upstream
    arguments = {name: copy_value(value) for name, value in trial.inputs.items()}
    leaves = {n: v for n, v in arguments.items() if is_floating(v)}
    with torch.enable_grad():
        for leaf in leaves.values():
            leaf.requires_grad_()
        # A clone lets the reference change its arguments in place.
        copies = {n: v.clone() if n in leaves else v for n, v in arguments.items()}
        output = reference(**copies)
        objective = output.sum() if weight is None else (output * weight).sum()
        found = torch.autograd.grad(objective, list(leaves.values()), allow_unused=True)
    gradients = {
        name: torch.zeros_like(leaf) if gradient is None else gradient.detach()
        for (name, leaf), gradient in zip(leaves.items(), found, strict=True)
    }
    return Truth(output.detach(), gradients)


def copy_value(value: Any) -> Any:
    """Copy a tensor; plain numbers and words among the inputs stay what they are."""
    return value.detach().clone() if isinstance(value, torch.Tensor) else value


def is_floating(value: Any) -> bool:
    """Tell whether a value is a tensor that has gradients."""
    return isinstance(value, torch.Tensor) and value.is_floating_point()


def is_single(data: Tensor) -> bool:
    """Tell whether numbers were computed in float32, from their digits."""
    return bool((data.float().double() == data).all())


def is_close(
    yours: Tensor, other: Tensor, rel_tol: float, beside: Tensor | None = None
) -> bool:
    """Tell whether two tensors agree, relative to their largest entry.

    beside: a tensor of the size of the terms that may have cancelled to zero.
    """
    if yours.shape != other.shape:
        return False
    if yours.numel() == 0:
        return True
    gap = float((yours - other).abs().max())
    size = max(float(yours.abs().max()), float(other.abs().max()))
    if beside is not None:
        size = max(size, CANCELLED * float(beside.abs().max()))
    return gap <= rel_tol * size  # False for nan
