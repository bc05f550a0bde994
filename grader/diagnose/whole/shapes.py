"""Names the mistake behind a gradient of the wrong shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations

from grader.diagnose.diagnosis import Diagnosis, Tensor, Trial
from grader.diagnose.truth import Reference, Truth, compute_truth, is_close, pick_inputs

REL_TOL = 1e-6


def name_shape(
    reference: Reference, trial: Trial, wrt: tuple[str, ...]
) -> dict[str, Diagnosis | None]:
    """Name what went wrong for each answer that has another shape than its input.

    None: the shape is wrong in a way that no single slip explains.
    """
    try:
        (trial,) = pick_inputs(reference, [trial])
        truth = compute_truth(reference, trial)
        return {
            name: _name_one(Case(name, trial, truth))
            for name in wrt
            if name in trial.answers
            and name in truth.gradients
            and trial.answers[name].shape != truth.gradients[name].shape
        }
    except Exception:  # noqa: BLE001 - a diagnosis is a courtesy, never a failure
        return dict.fromkeys(wrt)


@dataclass(frozen=True)
class Case:
    """An answer of the wrong shape."""

    name: str
    trial: Trial
    truth: Truth

    @property
    def yours(self) -> Tensor:
        """The student's gradient."""
        return self.trial.answers[self.name]

    @property
    def right(self) -> Tensor:
        """The right gradient."""
        return self.truth.gradients[self.name]

    def name_as(self, kind: str, message: str, look: str) -> Diagnosis:
        """Make a diagnosis of this answer."""
        return Diagnosis(kind, self.name, message.format(name=self.name), look)


def _name_one(case: Case) -> Diagnosis | None:
    found = (read(case) for read in READINGS)
    return next((reading for reading in found if reading is not None), None)


def _read_transposed(case: Case) -> Diagnosis | None:
    if case.yours.dim() != 2 or not is_close(case.yours.mT, case.right, REL_TOL):
        return None
    return case.name_as(
        "transposed",
        "Your gradient for `{name}` is the right one transposed.",
        f"Compare its shape {tuple(case.yours.shape)} with that of `{case.name}`.",
    )


def _read_other(case: Case) -> Diagnosis | None:
    for other, theirs in case.truth.gradients.items():
        if other == case.name or not is_close(case.yours, theirs, REL_TOL):
            continue
        answer = case.trial.answers.get(other)
        if answer is not None and is_close(answer, case.right, REL_TOL):
            first, second = (n for n in case.trial.inputs if n in (case.name, other))
            return case.name_as(
                "swapped",
                f"The gradients for `{first}` and `{second}` have changed places.",
                "Look at the order in which you return them.",
            )
        return case.name_as(
            "wrong-input",
            f"Your gradient for `{{name}}` is the one for `{other}`.",
            f"Look at what `{case.name}` itself is multiplied by or added to.",
        )
    return None


def _read_reshaped(case: Case) -> Diagnosis | None:
    yours, right = case.yours, case.right
    if yours.numel() != right.numel():
        return None
    if not is_close(yours.reshape(right.shape), right, REL_TOL):
        return None
    return case.name_as(
        "shape",
        "The numbers for `{name}` are right, but their shape is "
        f"{tuple(yours.shape)} and not {tuple(right.shape)}.",
        "Look for an axis that is kept, added or dropped.",
    )


def _read_not_summed(case: Case) -> Diagnosis | None:
    for axes in _choose_axes(case.yours):
        for reduced in (case.yours.sum(axes), case.yours.mean(axes)):
            if _is_reshaped(reduced, case.right):
                return case.name_as(
                    "reduction",
                    "Your gradient for `{name}` still has an axis over which "
                    f"`{case.name}` was repeated: {tuple(case.yours.shape)} where "
                    f"{tuple(case.right.shape)} is due.",
                    f"Ask how many entries of the result one entry of `{case.name}` "
                    "has a part in.",
                )
    return None


def _read_summed(case: Case) -> Diagnosis | None:
    for axes in _choose_axes(case.right):
        for reduced in (case.right.sum(axes), case.right.mean(axes)):
            if _is_reshaped(reduced, case.yours):
                return case.name_as(
                    "reduction",
                    "Your gradient for `{name}` is summed over an axis that "
                    f"`{case.name}` itself has.",
                    f"Ask which entries of `{case.name}` differ from each other.",
                )
    return None


def _read_value(case: Case) -> Diagnosis | None:
    if not is_close(case.yours, case.truth.value, REL_TOL):
        return None
    return case.name_as(
        "value-returned",
        "You returned the value of the function, not its gradient for `{name}`.",
        "Look at what the last line returns.",
    )


def _read_jacobian(case: Case) -> Diagnosis | None:
    shape = case.truth.value.shape
    if tuple(case.yours.shape) != (*shape, *case.right.shape) or not len(shape):
        return None
    upstream = case.trial.upstream
    weight = (
        1 if upstream is None else upstream.reshape(*shape, *[1] * case.right.dim())
    )
    total = (case.yours * weight).sum(tuple(range(len(shape))))
    if not is_close(total, case.right, REL_TOL):
        return None
    return case.name_as(
        "shape",
        "You returned the whole Jacobian for `{name}`, not its product with the "
        "incoming gradient.",
        "Look at where the gradient of the output enters your formula.",
    )


READINGS: tuple[Callable[[Case], Diagnosis | None], ...] = (
    _read_transposed,
    _read_other,
    _read_reshaped,
    _read_value,
    _read_jacobian,
    _read_not_summed,
    _read_summed,
)


def _choose_axes(data: Tensor) -> Iterator[tuple[int, ...]]:
    for count in range(1, data.dim() + 1):
        yield from combinations(range(data.dim()), count)


def _is_reshaped(data: Tensor, other: Tensor) -> bool:
    same = data.numel() == other.numel()
    return same and is_close(data.reshape(other.shape), other, REL_TOL)
