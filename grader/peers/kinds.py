"""What both ends pack alike: the kinds of value, and of a subclass its base."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from grader.values import arrays, memory, mirrors, plain, states, tables, tensors
from grader.values.packing import Node, Packer

PACKERS = {
    **plain.PACKERS,
    **mirrors.PACKERS,
    **arrays.PACKERS,
    **tensors.PACKERS,
    **states.PACKERS,
}
UNPACKERS = {
    **plain.UNPACKERS,
    **mirrors.UNPACKERS,
    **arrays.UNPACKERS,
    **tensors.UNPACKERS,
    **tables.UNPACKERS,
}
MAKERS = {
    **mirrors.MAKERS,
    **memory.MAKERS,
    **arrays.MAKERS,
    **tensors.MAKERS,
    **tables.MAKERS,
    **states.MAKERS,
}
BASES: Sequence[tuple[type, Any]] = (  # of a subclass only the base value crosses
    (int, int.__pos__),
    (float, float.__pos__),
    (complex, complex.__pos__),
    (str, lambda value: "".join(str.__iter__(value))),
    (bytes, lambda value: bytes(memoryview(value))),
)
CONTAINERS = (frozenset, list, dict, set, bytearray, np.ndarray, torch.Tensor)


def pack_base(packer: Packer, value: Any) -> Node:
    """Return the node of a subclass's base value; None for what has no such base."""
    lineage = type(value).__mro__
    for base, get_value in BASES:
        if base in lineage:
            return packer.pack(get_value(value))
    if tuple in lineage:
        is_named = isinstance(getattr(type(value), "_fields", None), tuple)
        return (plain.pack_namedtuple if is_named else plain.pack_tuple)(packer, value)
    for container in CONTAINERS:
        if container in lineage:
            return packer.peer.packers[container](packer, value)
    if any(str(base.__module__).startswith("pandas") for base in lineage):
        return tables.pack_pandas(packer, value)
    return None


def holds_nan(value: Any) -> bool:
    """Whether a number, or one of an array, a tensor, a list or a tuple, is NaN."""
    if type(value) in (list, tuple):
        return any(type(part) is float and math.isnan(part) for part in value)
    if type(value) is torch.Tensor:
        is_plain = value.is_floating_point() and value.layout == torch.strided
        return is_plain and bool(value.detach().isnan().any())
    if isinstance(value, np.ndarray | np.floating):
        return value.dtype.kind == "f" and bool(np.isnan(value).any())
    return type(value) is float and math.isnan(value)
