"""Finds values that autograd kept for its backward pass, or that follow from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from grader.steps.computation import Step

# Where autograd keeps an operand, by its position.
SAVED = (("self", "input"), ("other", "exponent", "target", "mat2", "vec", "tensor"))
UNKNOWN = "?"  # stands for an operand that could not be found out


def read_saved(function: Any) -> dict[int, Tensor | float]:
    """Return the operands that a recorded function still keeps, by position."""
    found: dict[int, Tensor | float] = {}
    for i, names in enumerate(SAVED):
        for name in names:
            try:
                value = getattr(function, f"_saved_{name}", None)
            except RuntimeError:  # freed by backward(), or changed in place
                continue
            if isinstance(value, Tensor | int | float):
                found[i] = value.detach() if isinstance(value, Tensor) else float(value)
                break
    return found


def read_shape(function: Any) -> tuple[int, ...] | None:
    """Return the shape of a recorded function's first output, if it says so."""
    described = list(getattr(function, "_input_metadata", None) or [])
    return tuple(described[0].shape) if described else None


def evaluate(step: Step, function: Any) -> Tensor | None:
    """Compute a step again from the values of its operands; None where that fails."""
    operands = [_value_of(operand) for operand in step.operands]
    value = _compute(step, operands, _read_options(function))
    return value if _shape_of(value) == read_shape(function) else None


def _read_options(function: Any) -> dict[str, Any]:
    """Return along which axes a recorded function worked; that is never freed."""
    options: dict[str, Any] = {}
    for name in ("dim", "keepdim"):
        value = getattr(function, f"_saved_{name}", None)
        if isinstance(value, tuple):
            options[name] = tuple(map(_sign, value))
        elif value is not None:
            options[name] = _sign(value)
    return options


def _sign(axis: int) -> int:
    """Turn an axis that was kept unsigned, 2⁶⁴ − 1, back into −1."""
    return axis - 2**64 if axis >= 2**63 else axis


def pull_back_again(
    step: Step, function: Any, grad: Tensor
) -> Sequence[Tensor | None] | None:
    """Return the shares of a step's operands by running the step once more.

    None where it cannot be run: what it worked with is not known.
    """
    operands = [_value_of(operand) for operand in step.operands]
    leaves: dict[int, Tensor] = {
        i: operand.clone().requires_grad_()
        for i, operand in enumerate(operands)
        if isinstance(operand, Tensor) and operand.is_floating_point()
    }
    with torch.enable_grad():
        again = [leaves.get(i, operand) for i, operand in enumerate(operands)]
        value = _compute(step, again, _read_options(function))
    if value is None or value.shape != grad.shape or not value.requires_grad:
        return None
    shares = torch.autograd.grad(value, [*leaves.values()], grad, allow_unused=True)
    found = dict(zip(leaves, shares, strict=True))
    return [found.get(i) for i in range(len(operands))]


def _value_of(operand: Step | float | str) -> Tensor | float | None:
    if isinstance(operand, Step):
        return operand.value
    return operand if isinstance(operand, int | float) else None


def _shape_of(value: Any) -> tuple[int, ...] | None:
    return tuple(value.shape) if isinstance(value, Tensor) else None


def _compute(
    step: Step, operands: Sequence[Tensor | float | None], options: Mapping[str, Any]
) -> Tensor | None:
    if any(operand is None for operand in operands):
        return None
    name = {"rsub": "sub"}.get(step.operation, step.operation)
    compute: Callable[..., Any] | None = getattr(torch, name, None)
    if compute is None:
        return None
    ordered = reversed(operands) if step.operation == "rsub" else operands
    try:
        value = compute(*ordered, **options)
    except (TypeError, ValueError, RuntimeError, IndexError):
        return None
    return value if isinstance(value, Tensor) else None


def solve_operand(step: Step, i: int) -> Tensor | None:
    """Return operand `i` of a sum, difference, product or quotient from its result."""
    if step.value is None or len(step.operands) != 2:
        return None
    other, value = _value_of(step.operands[1 - i]), step.value
    if other is None:
        return None
    solutions: dict[tuple[str, int], Callable[[], Any]] = {
        ("add", 0): lambda: value - other,
        ("add", 1): lambda: value - other,
        ("sub", 0): lambda: value + other,
        ("sub", 1): lambda: other - value,
        ("rsub", 0): lambda: other - value,
        ("rsub", 1): lambda: value + other,
        ("mul", 0): lambda: value / other,
        ("mul", 1): lambda: value / other,
        ("div", 0): lambda: value * other,
        ("div", 1): lambda: other / value,
    }
    solve = solutions.get((step.operation, i))
    found = solve() if solve else None
    if not isinstance(found, Tensor) or not found.numel():
        return None
    return found if bool(torch.isfinite(found).all()) else None


def guess_operand(
    step: Step, i: int, candidates: Sequence[Tensor], function: Any
) -> Tensor | None:
    """Return the one among tensors that as operand `i` gives the step's value."""
    if step.value is None:
        return None
    operands = [_value_of(operand) for operand in step.operands]
    for candidate in candidates:
        operands[i] = candidate.detach()
        value = _compute(step, operands, _read_options(function))
        if isinstance(value, Tensor) and is_same(value, step.value):
            return candidate
    return None


def merge_equal(value: Tensor) -> Tensor:
    """Return the one number that was used for all entries, if there is one."""
    first = value.reshape(-1)[0]
    return first if torch.allclose(value, first.expand_as(value)) else value


def is_same(tensor: Tensor, value: Tensor) -> bool:
    """Whether two tensors hold the same values in the same shape."""
    if tensor.shape != value.shape or tensor.dtype != value.dtype:
        return False
    return bool(torch.allclose(tensor.detach(), value.to(tensor.device)))


def is_shared(tensor: Tensor, value: Tensor) -> bool:
    """Whether both look at the same memory, as a detached copy does."""
    return bool(tensor.data_ptr() == value.data_ptr() and tensor.shape == value.shape)
