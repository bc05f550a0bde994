"""The values a diagnosis is made of; knows nothing of how it is found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Tensor = Any  # torch.Tensor: torch is followed neither by mypy nor by this module

# Stable identifiers in the published order of precedence: where algebra makes two
# readings the same, the earlier one is named and the later one is an alternative.
KINDS: dict[str, str] = {
    "none-returned": "Nothing was returned for a gradient that was asked.",
    "shape": "The gradient does not have the shape of its input.",
    "dtype": "The numbers are right but of another type than the input.",
    "detached": "The result is cut off from the graph that should carry gradients.",
    "not-finite": "The gradient holds nan or inf where the right one is finite.",
    "zero": "The gradient is zero everywhere although the right one is not.",
    "value-returned": "A value of the forward pass was returned, not its derivative.",
    "swapped": "The gradients were returned in another order than asked.",
    "sign": "The gradient, or one part of it, has the opposite sign.",
    "wrong-input": "This is the gradient for another input.",
    "accumulated": "Earlier gradients are still in the sum (stale gradients).",
    "missing-path": "One branch of a fan-out, or one term of a sum, is left out.",
    "missing-link": "The local derivative of one operation is left out.",
    "reduction": "A sum, a mean or a broadcast axis is handled as another one.",
    "transposed": "A matrix, or one of two terms, is transposed.",
    "factor": "A constant factor is missing or too much.",
    "wrong-rule": "A local derivative is replaced by a tempting wrong one.",
    "wrong-point": "The right rule is used at the wrong value.",
    "finite-difference": "The numbers come from a difference quotient.",
}


@dataclass(frozen=True)
class Diagnosis:
    """A named mistake.

    kind: a stable identifier, one of `KINDS`.
    where: the operation or input it concerns, as written in the reference
        (`"torch.sigmoid(z)"`, `"w"`), or `""` for the whole answer.
    message: one sentence that names the mistake in the exercise's symbols; an
        alternative that adds nothing to the reading before it has none.
    look: one sentence that says where to look; never the answer.
    alternatives: other readings that the numbers cannot tell apart, likeliest first.
    """

    kind: str
    where: str
    message: str
    look: str = ""
    alternatives: tuple[Diagnosis, ...] = ()


@dataclass(frozen=True, eq=False)  # tensors do not compare as one truth
class Trial:
    """One draw with what the student answered for it.

    inputs: every named input, floating point ones as float64.
    answers: the student's gradients by input name, float64, each in the shape of
        its input; names that were not answered may be absent.
    upstream: the gradient of the objective by the output, in the output's shape;
        None for a scalar output.
    """

    inputs: dict[str, Tensor]
    answers: dict[str, Tensor]
    upstream: Tensor | None = None
