"""What examining gives: a verdict for each test cell, all of a submission together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

STATUSES: dict[str, str] = {
    "right": "all points",
    "partial": "some of the points",
    "wrong": "the values are wrong",
    "unsolved": "the answer is still the stub, or nothing was handed in",
    "raised": "the student's code raised an error",
    "timed-out": "the student's code did not end in its time",
    "died": "the student's process ended",
    "cheated": "a method that the exercise forbids, or a trick",
    "manual": "a person gives the points",
    "staff": "the grader could not judge: no mark, staff are told",
}


@dataclass(frozen=True)
class ReportView:
    """A check's report as it is shown: safe text of ours, and plain text."""

    title: str
    passed: bool
    score: float  # 0..1
    html: str
    text: str
    diagnosis_kinds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """Points for one test cell, and why."""

    exercise: str  # grade_id of the test cell; unique within its notebook
    points: float
    max_points: float
    status: str  # a key of STATUSES
    message: str = ""
    reports: tuple[ReportView, ...] = ()
    seconds: float = 0.0
    notebook: str = ""  # which of the assignment's notebooks

    @property
    def has_mark(self) -> bool:
        """Whether the points count: not for staff's and people's cells."""
        return self.status not in {"staff", "manual"}


@dataclass(frozen=True)
class CellTime:
    """Seconds that running one cell took, its checks and requests included."""

    notebook: str
    cell: str
    seconds: float


@dataclass(frozen=True)
class Result:
    """All of one submission: verdicts by notebook, and the notebooks as they ran."""

    student: str
    assignment: str
    digest: str
    verdicts: tuple[Verdict, ...]
    notebooks: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    repairs: tuple[str, ...] = ()
    staff_notes: tuple[str, ...] = ()
    seconds: float = 0.0
    times: tuple[CellTime, ...] = ()  # of each cell that ran, in order

    @property
    def points(self) -> float:
        """The points that the checks gave."""
        return sum(verdict.points for verdict in self.verdicts if verdict.has_mark)

    @property
    def max_points(self) -> float:
        """The points that could be had, also from people."""
        return sum(verdict.max_points for verdict in self.verdicts)
