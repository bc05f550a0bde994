"""A constant multiple of the right gradient: a reduction or a factor."""

from __future__ import annotations

from grader.diagnose.diagnosis import Diagnosis
from grader.diagnose.sizes import (
    describe_number,
    explain_size,
    is_near,
    is_plain_constant,
    list_sizes,
)
from grader.diagnose.truth import is_close
from grader.diagnose.whole.case import Case

LEAST_GAP = 0.02  # a smaller constant factor is no slip but another kind of error


def read_scale(case: Case) -> list[Diagnosis]:
    """A constant multiple of the right gradient: reduction or factor."""
    scales = measure_scales(case)
    if scales is None:
        return []
    if all(is_near(scale, -1, case.rel_tol) for scale in scales):
        return []  # that is a sign, and read before
    sizes, constants = _name_sizes(case, scales), _name_constant(case, scales)
    return [*constants, *sizes] if is_plain_constant(scales) else [*sizes, *constants]


def measure_scales(case: Case) -> list[float] | None:
    """Find the one number per trial that turns right into yours, if there is one."""
    scales = []
    for yours, right in zip(case.yours, case.right, strict=True):
        size = float((right * right).sum())
        if size == 0:
            if bool(yours.any()):
                return None
            continue
        scale = float((yours * right).sum()) / size
        if scale == 0 or not is_close(yours, scale * right, case.rel_tol):
            return None
        scales.append(scale)
    return scales if len(scales) == len(case.trials) else None


def _name_sizes(case: Case, scales: list[float]) -> list[Diagnosis]:
    known = list_sizes(case.trials, [truth.value for truth in case.truths])
    name = _find_size(case, scales, known) or _find_pair(case, scales, known)
    if not name:
        return []
    if name.removeprefix("1/") in case.trials[0].inputs and name[:2] == "1/":
        return [_describe_lost_input(case, name)]
    return [
        Diagnosis(
            "reduction",
            case.name,
            f"Your gradient for `{case.name}` is `{name}` times the right one: "
            f"{explain_size(name)}",
            "Look at what the result is divided by, and how often.",
        )
    ]


def _find_size(
    case: Case, scales: list[float], known: dict[str, tuple[float, ...]]
) -> str:
    for name, sizes in known.items():
        pairs = zip(scales, sizes, strict=True)
        if all(is_near(scale, size, case.rel_tol) for scale, size in pairs):
            return name
    return ""


def _find_pair(
    case: Case, scales: list[float], known: dict[str, tuple[float, ...]]
) -> str:
    """Find two sizes, one for the other; only where draws vary all of them."""
    if len({round(scale, 9) for scale in scales}) < 2:
        return ""
    for divisor, sizes in known.items():
        if divisor.startswith("1/") or "·" not in divisor:
            continue
        rest = [scale * size for scale, size in zip(scales, sizes, strict=True)]
        name = _find_size(case, rest, known)
        if name and not name.startswith("1/"):
            return f"{name}/({divisor})"
    return ""


def _describe_lost_input(case: Case, name: str) -> Diagnosis:
    """A whole number among the inputs, such as an exponent, is left out."""
    lost = name.removeprefix("1/")
    return Diagnosis(
        "factor",
        case.name,
        f"Your gradient for `{case.name}` is `{name}` times the right one: "
        f"`{lost}` is missing as a factor.",
        f"Ask which rule brings `{lost}` down.",
    )


def _name_constant(case: Case, scales: list[float]) -> list[Diagnosis]:
    scale = scales[0]
    same = all(is_near(scale, other, case.rel_tol) for other in scales)
    if not same or scale < 0 or abs(scale - 1) < LEAST_GAP:
        return []
    number = describe_number(scale, case.rel_tol)
    exactly = "" if "." in number else "exactly "
    factor = Diagnosis(
        "factor",
        case.name,
        f"Your gradient for `{case.name}` is {exactly}{number} times the right one.",
        "Look for a constant that is lost, or used twice.",
    )
    if scale < 1.5 or not is_near(scale, round(scale), case.rel_tol):
        return [factor]
    stale = Diagnosis(
        "accumulated",
        case.name,
        f"Your gradient for `{case.name}` is {number} times the right one, "
        f"as after {number} backward passes without clearing.",
        "Look for a `.grad` that is not cleared in between.",
    )
    return [factor, stale] if scale < 2.5 else [stale, factor]
