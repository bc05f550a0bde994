"""Reads one answer (None, type, dtype, shape, finite), and writes values short.

In this order; nothing broadcasts.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from grader.accelerators.devices import DEVICES
from grader.answers import messages
from grader.diagnose.diagnosis import Diagnosis

EPS = {torch.float64: 2.0**-52, torch.float32: 2.0**-23}
_LARGEST_INT = 10**300  # beyond it there is no float
_PLAIN_REL_TOL = 1e-6  # a number read off or printed is still right
ENTRIES_INLINE = 6  # a longer tensor is told by its shape


@dataclass(frozen=True)
class Reading:
    """An answer as a float64 CPU tensor, or the problem that kept it from being one."""

    tensor: Tensor | None = None
    dtype: torch.dtype = torch.float64
    problem: Diagnosis | None = None
    notes: tuple[str, ...] = ()


def read_answer(value: Any, truth: Tensor, like: Tensor | None, name: str) -> Reading:
    """Read one answer in the published order: None, type, dtype, shape, finite.

    truth: what is due, for its shape. like: an input, for dtype and device.
    """
    if value is None:
        return Reading(problem=_diagnose_none(name))
    tensor = _to_tensor(value, truth)
    if tensor is None:
        words = {"name": name, "got": describe(value)}
        return Reading(
            problem=diagnose("none-returned", messages.NOT_A_TENSOR, **words)
        )
    notes = _device_notes(value, like, name)
    tensor = DEVICES.get().to_cpu(tensor.detach())
    if tensor.dtype not in EPS:
        want = dtype_text(truth if like is None else like)
        words = {"name": name, "got": dtype_text(tensor), "want": want}
        return Reading(problem=diagnose("dtype", messages.WRONG_DTYPE, **words))
    if tensor.shape != truth.shape:
        words = {"name": name, "got": shape_text(tensor), "want": shape_text(truth)}
        if {tuple(tensor.shape), tuple(truth.shape)} != {(), (1,)}:
            shape = diagnose("shape", messages.WRONG_SHAPE, **words)
            return Reading(tensor.double(), tensor.dtype, shape, notes)
        notes += (messages.ONE_ENTRY_NOTE.format(**words),)
        tensor = tensor.reshape(truth.shape)
    problem = _diagnose_not_finite(tensor.double(), truth, name)
    return Reading(tensor.double(), tensor.dtype, problem, notes)


def _diagnose_none(name: str) -> Diagnosis:
    if name.endswith(".grad"):
        words = {"name": name, "holder": name.removesuffix(".grad")}
        return diagnose("detached", messages.NO_GRAD_ARRIVED, **words)
    return diagnose("none-returned", messages.NONE_RETURNED, name=name)


def _to_tensor(value: Any, truth: Tensor) -> Tensor | None:
    """Make a tensor of a number, a numpy array or a list; None of anything else."""
    if isinstance(value, Tensor):
        return value if _is_plain(value) else None
    if isinstance(value, int) and abs(value) > _LARGEST_INT:
        return None
    if isinstance(value, (int, float, complex)):
        wide = torch.complex128 if isinstance(value, complex) else torch.float64
        return torch.tensor(value, dtype=None if isinstance(value, bool) else wide)
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic)):
        return torch.as_tensor(value) if value.dtype.kind in "fiubc" else None
    if isinstance(value, (list, tuple)) and truth.ndim and len(truth):
        return _stack([_to_tensor(part, truth[0]) for part in value])
    return None


def _is_plain(tensor: Tensor) -> bool:
    """Tell whether it holds numbers in rows: not sparse, nested, quantised, empty."""
    special = tensor.is_nested or tensor.is_quantized or tensor.is_meta
    return tensor.layout == torch.strided and not special


def strip_special(value: Any) -> Any:
    """Give words for a tensor that nobody can compute with, anything else as it is."""
    special = isinstance(value, Tensor) and not _is_plain(value)
    return messages.SPECIAL_TENSOR if special else value


def _stack(parts: list[Tensor | None]) -> Tensor | None:
    tensors = [part.detach() for part in parts if part is not None]
    if not tensors or len(tensors) < len(parts):
        return None
    if any(tensor.shape != tensors[0].shape for tensor in tensors):
        return None
    return torch.stack(tensors)


def _device_notes(value: Any, like: Tensor | None, name: str) -> tuple[str, ...]:
    if like is None or not isinstance(value, Tensor):
        return ()
    got, want = DEVICES.get().name(value), DEVICES.get().name(like)
    if got == want:
        return ()
    return (messages.MOVED_NOTE.format(name=name, got=got, want=want),)


def _diagnose_not_finite(yours: Tensor, truth: Tensor, label: str) -> Diagnosis | None:
    finite = yours.isfinite() & truth.isfinite()
    if bool(finite.all()):
        return None
    same = (yours == truth) | (yours.isnan() & truth.isnan())
    off = ~same & ~finite
    count = int(off.sum())
    if not count:
        return None
    got, want = float(yours[off][0]), float(truth[off][0])
    if not math.isfinite(want):
        words = {"name": label, "got": format_number(got), "want": format_number(want)}
        return diagnose("not-finite", messages.NOT_FINITE_EXPECTED, **words)
    words = {"name": label, "got": format_number(got), "count": str(count)}
    return diagnose("not-finite", messages.NOT_FINITE, **words)


def diagnose(
    kind: str, template: tuple[str, str], where: str = "", **words: str
) -> Diagnosis:
    """Fill a message and its pointer."""
    message, look = (text.format(**words) for text in template)
    return Diagnosis(kind, where, message, look)


def count_digits(error: float | None) -> int:
    """As many digits as it takes to see the difference, at least 5."""
    if not error or not math.isfinite(error) or error >= 1e-3:
        return 5
    return min(17, 2 - math.floor(math.log10(error)))


def format_value(value: Any, digits: int = 5) -> str:
    """Write a value short: a number, a few entries, or a tensor's shape."""
    if isinstance(value, Tensor) and not _is_plain(value):
        return messages.SPECIAL_TENSOR
    if isinstance(value, Tensor):
        if value.numel() > ENTRIES_INLINE or not value.numel():
            return f"tensor {shape_text(value)}"
        return _format_nested(value.tolist(), digits)
    if isinstance(value, (list, tuple, float, int)) and not isinstance(value, bool):
        return _format_nested(value, digits)[:60]
    return value.__name__ if isinstance(value, type) else repr(value)[:60]


def _format_nested(value: Any, digits: int) -> str:
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_format_nested(part, digits) for part in value) + "]"
    return (
        format_number(value, digits) if isinstance(value, float) else repr(value)[:30]
    )


def format_number(number: float, digits: int = 5) -> str:
    """Write a number with so many digits; −0 is 0."""
    return f"{number + 0.0:.{digits}g}"


def shape_text(tensor: Tensor) -> str:
    """Write a shape as Python writes it: (), (3,), (3, 5)."""
    return str(tuple(tensor.shape))


def dtype_text(tensor: Tensor) -> str:
    """Write a dtype without its "torch."."""
    return str(tensor.dtype).removeprefix("torch.")


def describe(value: Any) -> str:
    """Say what kind of thing it is."""
    if isinstance(value, Tensor) and not _is_plain(value):
        return messages.SPECIAL_TENSOR
    if isinstance(value, Tensor):
        return f"a {dtype_text(value)} tensor of shape {shape_text(value)}"
    kind = type(value).__name__
    article = "an" if kind[0] in "aeiou" else "a"
    return f"{article} {kind} ({repr(value)[:40]})"


def compare_plain(value: Any, truth: Any) -> bool:
    """Compare whole numbers, words, truth values, None, types, lists of them.

    Types must agree (1 is not True), except that 2 is 2.0, and an exception's or
    type's name stands for it; words regardless of case. Numbers: 1e-6 relative.
    """
    value, truth = _to_plain(value), _to_plain(truth)
    if isinstance(truth, type):
        return _name(value) == _name(truth)
    if isinstance(truth, str):
        return isinstance(value, (str, type)) and _name(value) == truth.strip().lower()
    if isinstance(truth, (list, tuple)):
        same = isinstance(value, (list, tuple)) and len(value) == len(truth)
        return same and all(map(compare_plain, value, truth))
    if isinstance(truth, bool) or isinstance(value, bool):
        return value is truth
    if isinstance(truth, (int, float)) and isinstance(value, (int, float)):
        both_nan = math.isnan(value) and math.isnan(truth)
        return both_nan or math.isclose(value, truth, rel_tol=_PLAIN_REL_TOL)
    return type(value) is type(truth) and bool(value == truth)


def _name(value: Any) -> str:
    return (value.__name__ if isinstance(value, type) else str(value)).strip().lower()


def _to_plain(value: Any) -> Any:
    """Make tensors and numpy scalars Python's own, for a comparison by `==`."""
    if isinstance(value, Tensor) or type(value).__module__ == "numpy":
        return value.tolist()
    return value
