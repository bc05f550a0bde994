"""The figures of a class: pure arithmetic on grades and records, no files.

Points count as shares of an exercise's maximum, so that exercises can be compared.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from grader.diagnose import KINDS
from grader.exports.grades import Grade, Part
from grader.gradebook.journal import Record

GROUP = 0.27  # the part of a class that is called its strong or its weak end
"""Kelley (1939): 27 % at each end tells items apart best when scores are normal."""
MIN_CLASS = 8  # below that strong and weak say nothing
WORTH_WORDS = {"wrong", "partial"}  # statuses in which a mistake could be named
Place = tuple[str, str]  # notebook and grade_id of a check


@dataclass(frozen=True)
class Exercise:
    """One exercise in numbers."""

    place: Place
    max_points: float
    mean: float  # share of the points, 0..1; NaN never: 0 where nobody has a mark
    statuses: Mapping[str, int]
    strong: float | None = None  # mean share of the strong end of the class
    weak: float | None = None
    link: float | None = None  # correlation with the rest of the points, −1..1
    seconds: float = 0.0  # median time of its check

    @property
    def name(self) -> str:
        """The exercise's word."""
        return self.place[1].removeprefix("test_")


@dataclass(frozen=True)
class Mistake:
    """One named mistake in numbers."""

    kind: str
    words: str
    times: int
    students: int
    places: tuple[tuple[Place, int], ...]  # where, the most frequent first


@dataclass(frozen=True)
class Figures:
    """All that a report says in numbers."""

    assignment: str
    handed_in: int
    missing: int
    max_points: float
    scores: tuple[float, ...]
    exercises: tuple[Exercise, ...]
    mistakes: tuple[Mistake, ...]
    unnamed: int  # wrong answers that no mistake explains
    seconds: tuple[float, ...] = ()  # that grading a submission took
    hours: tuple[float, ...] = ()  # handed in so long after the date; before: negative
    repaired: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    refused: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    waiting: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def mean(self) -> float:
        """The mean of the scores; 0 where there is none."""
        return statistics.fmean(self.scores) if self.scores else 0.0

    @property
    def median(self) -> float:
        """The median of the scores; 0 where there is none."""
        return statistics.median(self.scores) if self.scores else 0.0

    @property
    def full(self) -> int:
        """How many have all points."""
        return sum(score >= self.max_points for score in self.scores)

    def to_plain(self) -> dict[str, Any]:
        """Give what `--json` prints: no names of students."""
        return {
            "assignment": self.assignment,
            "handed_in": self.handed_in,
            "missing": self.missing,
            "max_points": self.max_points,
            "mean": round(self.mean, 4),
            "median": round(self.median, 4),
            "full": self.full,
            "exercises": [
                {
                    "notebook": one.place[0],
                    "exercise": one.name,
                    "max_points": one.max_points,
                    "mean": round(one.mean, 4),
                    "statuses": dict(one.statuses),
                    "strong": one.strong,
                    "weak": one.weak,
                    "link": one.link,
                    "seconds": one.seconds,
                }
                for one in self.exercises
            ],
            "mistakes": [
                {"kind": one.kind, "times": one.times, "students": one.students}
                for one in self.mistakes
            ],
            "unnamed": self.unnamed,
            "repaired": len(self.repaired),
            "refused": len(self.refused),
            "waiting": len(self.waiting),
        }


def count(
    assignment: str, grades: Sequence[Grade], records: Mapping[str, Record]
) -> Figures:
    """Count a class; `grades` holds also who handed in nothing."""
    present = [grade for grade in grades if not grade.is_missing]
    mine = [records[one.person.id] for one in present if one.person.id in records]
    return Figures(
        assignment,
        len(present),
        len(grades) - len(present),
        max((grade.max_points for grade in grades), default=0.0),
        tuple(grade.score for grade in present),
        _count_exercises(present),
        _count_mistakes(mine),
        sum(
            note.status in WORTH_WORDS and not note.kinds
            for record in mine
            for note in record.notes
        ),
        tuple(record.seconds for record in mine if record.seconds),
        _count_hours(present),
        {one.student: one.repairs for one in mine if one.repairs and not _is_lost(one)},
        {one.student: one.repairs for one in mine if one.repairs and _is_lost(one)},
        _find_waiting(present, records),
    )


def _is_lost(record: Record) -> bool:
    """Whether nothing of a submission could be judged."""
    return all(note.status in {"unsolved", "manual"} for note in record.notes)


def _find_waiting(
    grades: Sequence[Grade], records: Mapping[str, Record]
) -> dict[str, tuple[str, ...]]:
    """Say by student what a person has to mark or look at."""
    waiting: dict[str, tuple[str, ...]] = {}
    for grade in grades:
        open_parts = [part.exercise for part in grade.parts if part.points is None]
        record = records.get(grade.person.id)
        staff = record.staff if record and open_parts else ()
        names = ", ".join(name.removeprefix("test_") for name in open_parts)
        if open_parts:
            waiting[grade.person.id] = (f"No mark yet: {names}.", *staff)
    return waiting


def _count_exercises(grades: Sequence[Grade]) -> tuple[Exercise, ...]:
    order: dict[Place, Part] = {}
    for grade in grades:
        for part in grade.parts:
            order.setdefault(_place(part), part)
    table = [
        {
            _place(part): part
            for part in grade.parts
            if part.points is not None and part.max_points > 0
        }
        for grade in grades
    ]
    totals = [sum(part.points or 0.0 for part in row.values()) for row in table]
    strong, weak = _split(totals)
    made = []
    for place, first in order.items():
        shares = [_share(row.get(place)) for row in table]
        known = [share for share in shares if share is not None]
        parts = [p for grade in grades for p in grade.parts if _place(p) == place]
        notes = [part.note for part in parts if part.note]
        made.append(
            Exercise(
                place,
                first.max_points,
                statistics.fmean(known) if known else 0.0,
                Counter(note.status for note in notes),
                _mean([shares[n] for n in strong]),
                _mean([shares[n] for n in weak]),
                _correlate(shares, totals, first.max_points),
                statistics.median(note.seconds for note in notes) if notes else 0.0,
            )
        )
    return tuple(made)


def _place(part: Part) -> Place:
    return part.notebook, part.exercise


def _share(part: Part | None) -> float | None:
    return None if part is None else (part.points or 0.0) / part.max_points


def _mean(shares: Sequence[float | None]) -> float | None:
    known = [share for share in shares if share is not None]
    return statistics.fmean(known) if known else None


def _split(totals: Sequence[float]) -> tuple[list[int], list[int]]:
    """Give the positions of the strong and of the weak end of the class."""
    if len(totals) < MIN_CLASS:
        return [], []
    order = sorted(range(len(totals)), key=lambda n: totals[n])
    size = max(1, round(GROUP * len(totals)))
    return order[-size:], order[:size]


def _correlate(
    shares: Sequence[float | None], totals: Sequence[float], points: float
) -> float | None:
    """Correlate an exercise with the points that all others gave."""
    pairs = [
        (share, total - share * points)
        for share, total in zip(shares, totals, strict=True)
        if share is not None
    ]
    if len(pairs) < MIN_CLASS:
        return None
    try:
        mine, rest = zip(*pairs, strict=True)
        return statistics.correlation(mine, rest)
    except statistics.StatisticsError:  # all have the same
        return None


def _count_mistakes(records: Sequence[Record]) -> tuple[Mistake, ...]:
    places: dict[str, Counter[Place]] = {}
    students: dict[str, set[str]] = {}
    for record in records:
        for note in record.notes:
            for kind in note.kinds:
                found = places.setdefault(kind, Counter())
                found[note.notebook, note.exercise] += 1
                students.setdefault(kind, set()).add(record.student)
    made = [
        Mistake(
            kind,
            KINDS.get(kind, kind),
            found.total(),
            len(students[kind]),
            tuple(found.most_common()),
        )
        for kind, found in places.items()
    ]
    return tuple(sorted(made, key=lambda one: (-one.students, -one.times, one.kind)))


def _count_hours(grades: Sequence[Grade]) -> tuple[float, ...]:
    return tuple(
        (grade.handed_in - grade.due).total_seconds() / 3600
        for grade in grades
        if grade.due is not None and grade.handed_in is not None
    )
