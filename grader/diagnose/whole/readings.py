"""Readings of the answer as a whole: what it is instead of the right gradient."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch

from grader.diagnose.diagnosis import Diagnosis
from grader.diagnose.sizes import is_near
from grader.diagnose.truth import compute_truth, is_close
from grader.diagnose.whole.case import Case
from grader.diagnose.whole.scales import measure_scales, read_scale


def read_zero(case: Case) -> Diagnosis | None:
    """Zero everywhere."""
    if any(bool(yours.any()) for yours in case.yours):
        return None
    return Diagnosis(
        "zero",
        case.name,
        f"Your gradient for `{case.name}` is zero everywhere.",
        f"Ask how the result changes when `{case.name}` moves a little.",
    )


def read_value(case: Case) -> Diagnosis | None:
    """The function's value instead of its slope."""
    values = [truth.value for truth in case.truths]
    if all(value.numel() == 1 for value in values):  # also at every entry
        pairs = zip(values, case.right, strict=True)
        values = [value.reshape(()).expand(right.shape) for value, right in pairs]
    if not case.equals(values):
        return None
    return Diagnosis(
        "value-returned",
        case.name,
        f"You returned the value of the function, not its gradient for `{case.name}`.",
        "Look at what the last line returns.",
    )


def read_swapped(case: Case) -> Diagnosis | None:
    """Two gradients that changed places."""
    for other in case.order:
        if other == case.name or not _has_answer(case, other):
            continue
        theirs = [trial.answers[other] for trial in case.trials]
        pairs = zip(theirs, case.right, strict=True)
        crossed = all(is_close(them, right, case.rel_tol) for them, right in pairs)
        if crossed and case.equals([t.gradients[other] for t in case.truths]):
            first, second = (n for n in case.order if n in (case.name, other))
            return Diagnosis(
                "swapped",
                case.name,
                f"The gradients for `{first}` and `{second}` have changed places.",
                "Look at the order in which you return them.",
            )
    return None


def read_sign(case: Case) -> Diagnosis | None:
    """The opposite of the right gradient."""
    if not case.equals([-right for right in case.right]):
        return None
    return Diagnosis(
        "sign",
        case.name,
        f"Your gradient for `{case.name}` has the opposite sign everywhere.",
        "Look for a minus that was lost, or a difference taken backwards.",
    )


def read_other_input(case: Case) -> Diagnosis | None:
    """The right gradient, but for another input."""
    for other in case.truths[0].gradients:
        if other == case.name or other not in case.trials[0].inputs:
            continue
        if case.equals([truth.gradients[other] for truth in case.truths]):
            return Diagnosis(
                "wrong-input",
                case.name,
                f"Your gradient for `{case.name}` is the one for `{other}`.",
                f"Look at what `{case.name}` itself is multiplied by or added to.",
            )
    return None


def read_accumulated(case: Case) -> Diagnosis | None:
    """Gradients of earlier draws, or of other inputs, still in the sum."""
    message = _find_sum(case)
    if message is None:
        return None
    return Diagnosis(
        "accumulated",
        case.name,
        message,
        "Look for a `.grad`, or a variable of yours, that is not cleared in between.",
    )


def read_inverse(case: Case) -> Diagnosis | None:
    """One over the right gradient."""
    if any(not bool(right.all()) for right in case.right):
        return None
    if not case.equals([1 / right for right in case.right]):
        return None
    return Diagnosis(
        "wrong-rule",
        case.name,
        f"Your gradient for `{case.name}` is one over the right one: "
        "the quotient of small changes stands upside down.",
        "Look at which change is divided by which.",
    )


def read_transposed(case: Case) -> Diagnosis | None:
    """The whole gradient transposed."""
    if any(right.dim() != 2 or right.shape[0] == 1 for right in case.right):
        return None
    if not case.equals([right.mT for right in case.right]):
        return None
    return Diagnosis(
        "transposed",
        case.name,
        f"Your gradient for `{case.name}` is the right one transposed.",
        f"Look at which index of `{case.name}` belongs to rows and which to columns.",
    )


def read_reversed(case: Case) -> Diagnosis | None:
    """The whole gradient from its end to its beginning."""
    if any(right.dim() != 1 or len(right) < 2 for right in case.right):
        return None
    if not case.equals([right.flip(0) for right in case.right]):
        return None
    return Diagnosis(
        "transposed",
        case.name,
        f"Your gradient for `{case.name}` is the right one in reverse order.",
        f"Look at which entry of `{case.name}` each entry of your answer belongs to.",
    )


def read_upstream(case: Case) -> Diagnosis | None:
    """The incoming gradient not used."""
    for trial, yours in zip(case.trials, case.yours, strict=True):
        if trial.upstream is None:
            return None
        plain = compute_truth(case.reference, trial, torch.ones_like(trial.upstream))
        if not is_close(yours, plain.gradients[case.name], case.rel_tol):
            return None
    return Diagnosis(
        "missing-link",
        "upstream",
        f"Your gradient for `{case.name}` ignores the incoming gradient `upstream`.",
        "Look at where the gradient of the output enters your formula.",
    )


def read_earlier(case: Case) -> Diagnosis | None:
    """The right gradient at the draw before."""
    pairs = list(zip(case.yours[1:], case.right[:-1], strict=True))
    if not pairs or not all(is_close(a, b, case.rel_tol) for a, b in pairs):
        return None
    return Diagnosis(
        "wrong-point",
        case.name,
        f"Your gradient for `{case.name}` belongs to the values of the call before.",
        "Look for a value that was computed once and is used again later.",
    )


SINGLE: tuple[Callable[[Case], Diagnosis | None], ...] = (
    read_zero,
    read_value,
    read_swapped,
    read_sign,
    read_other_input,
    read_accumulated,
    read_transposed,
    read_reversed,
    read_upstream,
    read_earlier,
    read_inverse,
)


def read_whole(case: Case) -> list[Diagnosis]:
    """List every reading of the whole answer, in order of precedence."""
    found = [reading for read in SINGLE if (reading := read(case)) is not None]
    return (
        found[:1]
        if found[:1] and found[0].kind == "zero"
        else [
            *found,
            *read_scale(case),
        ]
    )


def _has_answer(case: Case, name: str) -> bool:
    return all(
        name in trial.answers and name in truth.gradients
        for trial, truth in zip(case.trials, case.truths, strict=True)
    )


def _find_sum(case: Case) -> str | None:
    shapes = {tuple(right.shape) for right in case.right}
    if len(shapes) == 1 and len(case.right) > 1:
        sums = [sum(case.right[: i + 1]) for i in range(len(case.right))]
        if case.equals(sums):
            return (
                f"Your gradient for `{case.name}` is the sum of the gradients "
                "of all calls so far."
            )
    scales = measure_scales(case)
    if scales and len(set(map(round, scales))) > 1 and min(scales) > 0.5:
        counts = all(is_near(scale, round(scale), case.rel_tol) for scale in scales)
        steps = {round(b) - round(a) for a, b in pairwise(scales)}
        if counts and len(steps) == 1:
            return (
                f"Your gradient for `{case.name}` grows with each call: "
                "once, twice, three times the right one."
            )
    return _find_other_sum(case)


def _find_other_sum(case: Case) -> str | None:
    for other in case.order:
        if other == case.name or not _has_answer(case, other):
            continue
        theirs = [truth.gradients[other] for truth in case.truths]
        same = all(a.shape == b.shape for a, b in zip(theirs, case.right, strict=True))
        sums = [a + b for a, b in zip(theirs, case.right, strict=True)] if same else []
        if sums and case.equals(sums):
            return f"Your gradient for `{case.name}` still holds the one for `{other}`."
    return None
