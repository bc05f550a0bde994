"""Named inputs: copying them, casting them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from grader.accelerators.devices import DEVICES
from grader.errors import GraderError

Inputs = dict[str, Any]  # named tensors; plain numbers and words may stand among them


class ExerciseError(GraderError):
    """The exercise is at fault, not the student: its author must mend it."""


def copy_inputs(inputs: Mapping[str, Any], *, keep_leaves: bool = False) -> Inputs:
    """Copy the tensors, so that nothing done to the copies reaches the originals.

    keep_leaves: what requires grad is a leaf that does, with a copy of its `.grad`.
    """
    return {name: _copy(value, None, keep_leaves) for name, value in inputs.items()}


def cast_inputs(
    inputs: Mapping[str, Any], dtype: torch.dtype, *, keep_leaves: bool = False
) -> Inputs:
    """Copy to the CPU, floating tensors in `dtype`; the rest keeps its own."""
    return {name: _copy(value, dtype, keep_leaves) for name, value in inputs.items()}


def bring_to_cpu(inputs: Mapping[str, Any]) -> Inputs:
    """Copy to the CPU; leaves stay leaves, and dtypes are kept."""
    copies = copy_inputs(inputs, keep_leaves=True)
    return {name: DEVICES.get().bring_back(copy) for name, copy in copies.items()}


def _copy(value: Any, dtype: torch.dtype | None, keep_leaves: bool) -> Any:
    if not isinstance(value, Tensor):
        return value
    copy = value.detach().clone()
    if dtype is not None:
        copy = DEVICES.get().to_cpu(copy)
        copy = copy.to(dtype) if copy.is_floating_point() else copy
    if keep_leaves and value.requires_grad:
        copy.requires_grad_()
        if value.is_leaf and value.grad is not None:
            copy.grad = _copy(value.grad, dtype, False)
    return copy


def first_float(inputs: Mapping[str, Any]) -> Tensor | None:
    """Return the first floating tensor: an answer should be of its dtype and device."""
    tensors = (value for value in inputs.values() if isinstance(value, Tensor))
    return next((tensor for tensor in tensors if tensor.is_floating_point()), None)
