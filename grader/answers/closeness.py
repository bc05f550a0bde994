"""Compares one answer with autograd's, in float64 on the CPU.

Tolerances scale with the gradient's own size and with what rounding does to the
reference itself; no absolute floor, so a wrong tiny one fails.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from grader.answers import messages
from grader.answers.inputs import Inputs, cast_inputs, first_float
from grader.answers.reading import (
    EPS,
    Reading,
    compare_plain,
    diagnose,
    format_number,
    read_answer,
    strip_special,
)
from grader.diagnose.diagnosis import Diagnosis

Truth = Callable[[Inputs], dict[str, Any]]  # quantity -> value, in the inputs' dtype

_STEP = EPS[torch.float32]
# Shares of the largest entry, by the answer's dtype. A formula by hand is exact to
# this share in float64, a difference quotient is not; up to the next nobody is told;
# rounding to float32 is forgiven up to the third; 0.1 % off must never pass.
EXACT_REL_TOL = 1e-12
_FINE_REL_TOL = 1e-9
_COARSE_REL_TOL = {torch.float64: 2e-6, torch.float32: 5e-5}
_COARSEST_REL_TOL = 5e-4
# Other orders of the same formula round differently: seen up to 5 times the jitter's.
_SAFETY = 8.0
_LOOKS = 3
_HOPELESS = 1e5  # so many times what one look at rounding shows: no rounding at all
_NEARLY = 4.0  # a float32 answer so little beyond its tolerance lacks digits
_ZERO = 8.0  # times rounding: what is smaller is 0 by cancellation
_SAME = 1e-6  # two ratios are one
_LEAST_RATIO = 1e-4


@dataclass(frozen=True)
class Compared:
    """One quantity at one draw. exact: to the last digits, as far as rounding allows.

    vague: right, but in float32 a wrong answer might pass here too (see Limits).
    """

    quantity: str
    truth: Any
    yours: Any
    ok: bool
    error: float | None = None
    tolerance: float = 0.0
    exact: bool = True
    vague: bool = False
    problem: Diagnosis | None = None
    notes: tuple[str, ...] = ()


@dataclass
class Rounding:
    """What rounding does to the reference at one draw, measured when first needed."""

    truth: Truth
    inputs: Inputs
    right: Mapping[str, Any]
    _noise: dict[str, float] = field(default_factory=dict, repr=False)
    _looks: int = 0

    def noise(self, quantity: str, gap: float) -> float:
        """Return the largest change that float32's rounding makes, absolute.

        Measured by two runs in float64 with each result moved by a random part of a
        float32 step, and by one in float32: where terms cancel one can be lucky. The
        first is enough where the gap to be judged is hopelessly larger.
        """
        while self._looks < _LOOKS:
            if 0 < _HOPELESS * self._noise.get(quantity, 0.0) < gap:
                break
            self._looks += 1
            if self._looks == _LOOKS:
                self._measure(torch.float32, nullcontext())
            else:
                self._measure(torch.float64, _Jitter(self._looks))
        return self._noise.get(quantity, 0.0)

    def _measure(self, dtype: torch.dtype, around: AbstractContextManager[Any]) -> None:
        try:
            with around:
                rough = self.truth(cast_inputs(self.inputs, dtype, keep_leaves=True))
        except Exception:  # noqa: BLE001  (it may refuse such values: nothing is learnt)
            return
        for name, right in self.right.items():
            noise = _gap(rough.get(name), right)
            self._noise[name] = max(self._noise.get(name, 0.0), noise)


class _Jitter(TorchFunctionMode):  # type: ignore[misc]
    """Moves each new result of torch by a random part of one float32 step."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._generator = torch.Generator().manual_seed(seed)

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Called by torch for each of its functions in the block."""
        result = func(*args, **(kwargs or {}))
        if not isinstance(result, Tensor) or not result.is_floating_point():
            return result
        # A leaf, a view or a changed argument must stay what it is.
        if (result.is_leaf and result.requires_grad) or _shares_memory(result, args):
            return result
        part = torch.rand(result.shape, generator=self._generator, dtype=result.dtype)
        # Whole numbers are labels, counts and masks: exact in any dtype.
        part = torch.where(
            result.detach() == result.detach().round(), 0.0, 2 * part - 1
        )
        return result * (1 + _STEP * part)


def _shares_memory(result: Tensor, args: Any) -> bool:
    place = result.untyped_storage().data_ptr()
    tensors = (arg for arg in args if isinstance(arg, Tensor))
    return any(arg.untyped_storage().data_ptr() == place for arg in tensors)


def _gap(rough: Any, right: Any) -> float:
    if not isinstance(rough, Tensor) or rough.shape != right.shape or not rough.numel():
        return 0.0
    # Overflow in float32 says nothing about rounding.
    return float((rough.double() - right).abs().nan_to_num(0.0, 0.0, 0.0).max())


def compare_answer(
    value: Any, truth: Any, rounding: Rounding, quantity: str, label: str
) -> Compared:
    """Compare one answer with the truth at one draw."""
    if not isinstance(truth, Tensor) or not truth.is_floating_point():
        return _compare_exactly(value, truth, quantity, label)
    reading = read_answer(value, truth, first_float(rounding.inputs), label)
    if reading.problem is None and reading.tensor is not None:
        return _compare_values(reading, truth, rounding, quantity, label)
    yours = strip_special(value) if reading.tensor is None else reading.tensor
    return Compared(quantity, truth, yours, False, problem=reading.problem)


def _compare_values(
    reading: Reading, truth: Tensor, rounding: Rounding, quantity: str, label: str
) -> Compared:
    yours = reading.tensor
    assert yours is not None  # compare_answer has seen to it
    finite = truth.isfinite()
    gap, scale = _largest((yours - truth)[finite]), _largest(truth[finite])
    error = gap / scale if scale else (math.inf if gap else 0.0)
    if gap <= EXACT_REL_TOL * scale:
        limits = Limits(gap, gap, gap, gap)
    else:
        noise = _SAFETY * rounding.noise(quantity, gap)
        limits = _set_limits(reading.dtype, scale, noise, _is_double(rounding.inputs))
    ok = gap <= limits.coarse
    notes, problem = _judge_precision(reading, rounding, gap, limits, label)
    return Compared(
        quantity,
        truth,
        yours,
        ok,
        # Where all is rounding, its share of nothing says nothing.
        0.0 if ok and error > 1 else error,
        tolerance=min(limits.coarse, limits.sure),
        exact=gap <= limits.exact,
        vague=ok and gap > limits.sure,
        problem=problem,
        notes=reading.notes + notes,
    )


@dataclass(frozen=True)
class Limits:
    """How far an answer may be off at one draw, absolute.

    exact: its own rounding. fine: passes without a word. coarse: float32's rounding,
    forgiven. sure: beyond it a pass proves nothing, so badly conditioned is the draw.
    """

    exact: float
    fine: float
    coarse: float
    sure: float


def _set_limits(
    dtype: torch.dtype, scale: float, noise: float, is_double: bool
) -> Limits:
    exact = max(EXACT_REL_TOL * scale, EPS[dtype] / _STEP * noise)
    coarse = max(_COARSE_REL_TOL[dtype] * scale, noise)
    is_zero = scale <= _ZERO * EPS[torch.float64] / _STEP * noise  # by cancellation
    judged = is_double and not is_zero
    sure = min(coarse, _COARSEST_REL_TOL * scale) if judged else coarse
    return Limits(exact, max(exact, _FINE_REL_TOL * scale), coarse, sure)


def _judge_precision(
    reading: Reading, rounding: Rounding, gap: float, limits: Limits, label: str
) -> tuple[tuple[str, ...], Diagnosis | None]:
    """Say what is to be said of a lower precision than the inputs'."""
    if not _is_double(rounding.inputs):
        return (), None
    words = {"name": label, "got": str(reading.dtype)[6:], "want": "float64"}
    low = reading.dtype != torch.float64
    if gap > limits.coarse:
        close = low and gap < _NEARLY * limits.coarse
        return (), diagnose("dtype", messages.LOW_PRECISION, **words) if close else None
    if low:
        return (messages.LOWER_DTYPE_NOTE.format(**words),), None
    return (messages.ROUGH_NOTE.format(**words),) if gap > limits.fine else (), None


def _is_double(inputs: Inputs) -> bool:
    like = first_float(inputs)
    return like is None or like.dtype == torch.float64


def _largest(values: Tensor) -> float:
    return float(values.abs().max()) if values.numel() else 0.0


def _compare_exactly(value: Any, truth: Any, quantity: str, label: str) -> Compared:
    """Compare what is no floating tensor."""
    return Compared(quantity, truth, value, compare_plain(value, truth))


def is_near(yours: Tensor, other: Tensor, rel_tol: float = 1e-6) -> bool:
    """Tell whether two tensors agree, relative to the larger's largest entry."""
    if yours.shape != other.shape or not yours.numel():
        return bool(yours.shape == other.shape)
    gap, scale = float((yours - other).abs().max()), float(other.abs().max())
    return bool(gap <= rel_tol * max(scale, float(yours.abs().max())))  # nan: False


def name_ratio(
    compared: Sequence[Compared], name: str, label: str = ""
) -> Diagnosis | None:
    """Name what is the same multiple of the truth at every draw."""
    ratios = [_find_ratio(c.yours, c.truth) for c in compared]
    first = ratios[0]
    if first is None or any(r is None or abs(r - first) > _SAME for r in ratios):
        return None
    if first and not _LEAST_RATIO <= abs(first) <= 1 / _LEAST_RATIO:
        return None  # nobody loses such a constant: a stand-in for infinity, a slip
    label = label or name or messages.VALUE_LABEL
    words = {"name": label, "factor": format_number(first)}
    if first == 0:
        return diagnose("zero", messages.RATIO_ZERO, **words)
    if abs(first + 1) < _SAME:
        return diagnose("sign", messages.RATIO_SIGN, **words)
    if name.endswith(".grad") and first > 1.5 and abs(first - round(first)) < _SAME:
        return diagnose("accumulated", messages.RATIO_ACCUMULATED, **words)
    return diagnose("factor", messages.RATIO_FACTOR, **words)


def _find_ratio(yours: Any, truth: Any) -> float | None:
    """Return k where yours is k times the truth, entry by entry; else None."""
    if not isinstance(yours, Tensor) or not isinstance(truth, Tensor):
        return None
    if yours.shape != truth.shape or not bool(truth.any()):
        return None
    ratio = float((yours * truth).sum() / (truth * truth).sum())
    return ratio if math.isfinite(ratio) and is_near(yours, ratio * truth) else None
