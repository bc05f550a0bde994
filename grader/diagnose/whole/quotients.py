"""Recognises the error that a difference quotient leaves behind."""

from __future__ import annotations

from collections.abc import Callable

import torch

from grader.diagnose.diagnosis import Diagnosis, Tensor, Trial
from grader.diagnose.truth import Reference, copy_value
from grader.diagnose.whole.case import Case

STEPS = tuple(10.0**-power for power in range(1, 9))
LARGEST_ERROR = 0.2  # of the gradient; a worse answer is no approximation
ENTRIES = 2  # that are tried at each draw, those that are off most
MATCH = 0.02  # of the error: so well must the quotient explain it
ROUNDING = 1e-15  # of the function's value, before it is divided by the step

Quotient = Callable[[Callable[[float], float], float], float]

QUOTIENTS: dict[str, Quotient] = {
    "forward": lambda f, h: (f(h) - f(0.0)) / h,
    "central": lambda f, h: (f(h) - f(-h)) / (2 * h),
    "backward": lambda f, h: (f(0.0) - f(-h)) / h,
}


def read_quotient(case: Case) -> Diagnosis | None:
    """Find the step and the form of a difference quotient that gives the answer."""
    if _measure_error(case) > LARGEST_ERROR:
        return None
    for step in STEPS:
        for name, quotient in QUOTIENTS.items():
            if _explains(case.reference, case, quotient, step):
                return Diagnosis(
                    "finite-difference",
                    case.name,
                    f"Your gradient for `{case.name}` is a {name} difference quotient "
                    f"with a step of {step:g}, not a derivative.",
                    "Use the rules of differentiation in place of a small step.",
                )
    return None


def _measure_error(case: Case) -> float:
    """Give the largest error relative to the largest gradient, over all draws."""
    pairs = list(zip(case.yours, case.right, strict=True))
    error = max(float((yours - right).abs().max()) for yours, right in pairs)
    size = max(float(right.abs().max()) for _, right in pairs)
    return error / size if size else float("inf")


def _explains(
    reference: Reference, case: Case, quotient: Quotient, step: float
) -> bool:
    compared = 0
    for trial, yours, right in zip(case.trials, case.yours, case.right, strict=True):
        errors = (yours - right).abs().flatten()
        for index in errors.argsort(descending=True)[:ENTRIES].tolist():
            error = float(errors[index])
            if error <= case.rel_tol * float(right.abs().max()):
                continue
            move = _make_move(reference, trial, case.name, index)
            gap = abs(quotient(move, step) - float(yours.flatten()[index]))
            if gap > MATCH * error + ROUNDING * abs(move(0.0)) / step:
                return False
            compared += 1
    return compared > 0


def _make_move(
    reference: Reference, trial: Trial, name: str, index: int
) -> Callable[[float], float]:
    """See the objective as a function of one entry of one input."""
    arguments = trial.inputs

    def move(distance: float) -> float:
        moved = {key: copy_value(value) for key, value in arguments.items()}
        moved[name].view(-1)[index] += distance
        with torch.no_grad():
            output: Tensor = reference(**moved)
            weighted = output if trial.upstream is None else output * trial.upstream
        return float(weighted.sum())

    return move
