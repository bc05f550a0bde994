"""One wrong answer with all that is known about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grader.diagnose.diagnosis import Tensor, Trial
from grader.diagnose.truth import Reference, Truth, is_close

FEWEST_NUMBERS = 4  # fewer are searched for the plainest changes only


@dataclass(frozen=True)
class Case:
    """One answer that is wrong, at every trial.

    name: the input whose gradient is asked; order: all that were asked, in order.
    """

    name: str
    order: tuple[str, ...]
    trials: tuple[Trial, ...]
    truths: tuple[Truth, ...]
    rel_tol: float
    reference: Reference

    @property
    def yours(self) -> list[Tensor]:
        """The student's gradient at each trial."""
        return [trial.answers[self.name] for trial in self.trials]

    @property
    def right(self) -> list[Tensor]:
        """The right gradient at each trial."""
        return [truth.gradients[self.name] for truth in self.truths]

    def equals(self, others: Sequence[Tensor]) -> bool:
        """Tell whether the answer is one of `others` at each trial."""
        cases = zip(self.yours, others, self.right, strict=True)
        return all(
            is_close(yours, other, self.rel_tol, right) for yours, other, right in cases
        )

    @property
    def says_little(self) -> bool:
        """Whether so few numbers were answered that chance could explain them."""
        count: int = sum(yours.numel() for yours in self.yours)
        return count < FEWEST_NUMBERS
