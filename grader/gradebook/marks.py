"""Rows in and out of nbgrader's gradebook, many at a time, through its own models.

One transaction for a batch: nbgrader's own way takes 91 calls for one submission.
What people gave (manual scores, extra credit, comments) is read and never written.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from grader.gradebook.structure import sync_structure
from grader.submission.assignment import Assignment
from grader.submission.result import Verdict

if TYPE_CHECKING:
    from nbgrader.api import Gradebook

TRIES = 3  # of a batch, when another run writes the same students
NO_RESPONSE = "No response."  # nbgrader's own words
Place = tuple[str, str]  # the names of a notebook and of a cell in it
Penalize = Callable[[str, float, float], float | None]  # student, score, seconds late


@dataclass(frozen=True)
class Marks:
    """What people gave in one submission, and the penalties that stand."""

    manual: Mapping[Place, float] = field(default_factory=dict)
    extra: Mapping[Place, float] = field(default_factory=dict)
    comments: Mapping[Place, str] = field(default_factory=dict)
    penalties: Mapping[str, float] = field(default_factory=dict)  # by notebook


@dataclass(frozen=True)
class Entry:
    """What is to stand in the gradebook for one submission after a run."""

    student: str
    verdicts: Sequence[Verdict]
    unanswered: frozenset[Place] = frozenset()  # answers that are still the stub
    is_new: bool = True  # not the bytes that were graded before: people look again
    timestamp: datetime | None = None


@dataclass(frozen=True)
class Change:
    """A score that a run changed; None is no mark."""

    student: str
    notebook: str
    cell: str
    before: float | None
    after: float | None


class MarkBook:
    """One assignment in an open gradebook: its rows are read once, batches written."""

    def __init__(
        self, gradebook: Gradebook, assignment: Assignment, penalize: Penalize
    ) -> None:
        import nbgrader.api  # noqa: PLC0415  slow to import

        self._api: Any = nbgrader.api
        self._db: Any = gradebook.db()
        # Rows are read once and written by this process alone; read again after
        # each commit they would cost more than all the rest.
        self._db.expire_on_commit = False
        self._penalize = penalize
        self.notes = sync_structure(gradebook, assignment)
        self._db.expire_all()
        row = gradebook.find_assignment(assignment.name)
        self._id, self._due = row.id, row.duedate
        self._load_cells(row.notebooks)
        self._load_submissions()
        self._db.commit()  # an open transaction would keep others from the tables

    def _load_cells(self, notebooks: Sequence[Any]) -> None:
        self._notebooks = {notebook.name: notebook.id for notebook in notebooks}
        self._cells: dict[str, Place] = {}
        self._graded: dict[Place, str] = {}
        self._commented: dict[Place, str] = {}
        for notebook in notebooks:
            tasks = list(notebook.task_cells)
            for rows, known in (
                ([*notebook.grade_cells, *tasks], self._graded),
                ([*notebook.solution_cells, *tasks], self._commented),
            ):
                known |= {(notebook.name, row.name): row.id for row in rows}
                self._cells |= {row.id: (notebook.name, row.name) for row in rows}

    def _load_submissions(self) -> None:
        """Read the rows of all students: five queries, whatever the class's size."""
        api, db = self._api, self._db
        names = {key: name for name, key in self._notebooks.items()}
        self._students = {student for (student,) in db.query(api.Student.id)}
        rows = db.query(api.SubmittedAssignment).filter_by(assignment_id=self._id)
        self._submissions = {row.student_id: row for row in rows}
        owners = {row.id: student for student, row in self._submissions.items()}
        parts = self._find_rows(db.query(api.SubmittedNotebook))
        self._parts = {
            (owners[part.assignment_id], names[part.notebook_id]): part
            for part in parts
            if part.notebook_id in names
        }
        places = {part.id: student for (student, _), part in self._parts.items()}
        grades = self._find_rows(db.query(api.Grade).join(api.SubmittedNotebook))
        comments = self._find_rows(db.query(api.Comment).join(api.SubmittedNotebook))
        self._grades = self._sort_rows(grades, places)
        self._comments = self._sort_rows(comments, places)

    def _find_rows(self, query: Any) -> list[Any]:
        submitted = self._api.SubmittedAssignment
        return list(query.join(submitted).filter(submitted.assignment_id == self._id))

    def _sort_rows(
        self, rows: Sequence[Any], owners: Mapping[str, str]
    ) -> dict[str, dict[Place, Any]]:
        """Give rows by student, then by cell."""
        found: dict[str, dict[Place, Any]] = {}
        for row in rows:
            if row.cell_id in self._cells and row.notebook_id in owners:
                mine = found.setdefault(owners[row.notebook_id], {})
                mine[self._cells[row.cell_id]] = row
        return found

    def knows(self, student: str) -> bool:
        """Whether the student is in the gradebook."""
        return student in self._students

    def read_marks(self, student: str) -> Marks:
        """Give what stands there for one student."""
        grades = self._grades.get(student, {})
        return Marks(
            manual=_pick(grades, "manual_score"),
            extra=_pick(grades, "extra_credit"),
            comments=_pick(self._comments.get(student, {}), "manual_comment"),
            penalties={
                name: part.late_submission_penalty
                for name in self._notebooks
                if (part := self._parts.get((student, name)))
                and part.late_submission_penalty
            },
        )

    def write(self, entries: Sequence[Entry]) -> list[Change]:
        """Write a batch in one transaction; give the scores that became others.

        Another run may add the same students at the same time: then their rows are
        read again, and the batch is written on.
        """
        from sqlalchemy.exc import IntegrityError, OperationalError  # noqa: PLC0415

        for _ in range(TRIES - 1):
            with contextlib.suppress(IntegrityError, OperationalError):
                return self._try_write(entries)
            self._load_submissions()
        return self._try_write(entries)

    def _try_write(self, entries: Sequence[Entry]) -> list[Change]:
        try:
            changes = [change for entry in entries for change in self._put(entry)]
            self._db.commit()
        except BaseException:
            self._db.rollback()
            raise
        return changes

    def _put(self, entry: Entry) -> list[Change]:
        self._make_rows(entry.student)
        submission = self._submissions[entry.student]
        if entry.timestamp is not None and submission.timestamp != entry.timestamp:
            submission.timestamp = entry.timestamp
        grades = self._grades[entry.student]
        changes = []
        for verdict in entry.verdicts:
            place = (verdict.notebook, verdict.exercise)
            grade = grades[place]
            score = verdict.points if verdict.has_mark else None
            before = grade.auto_score
            _update(grade, score, entry.is_new)
            if before != score:
                changes.append(Change(entry.student, *place, before, score))
        for place, comment in self._comments[entry.student].items():
            text = NO_RESPONSE if place in entry.unanswered else None
            if comment.auto_comment != text:
                comment.auto_comment = text
        self._put_penalties(entry.student, submission)
        return changes

    def _put_penalties(self, student: str, submission: Any) -> None:
        """Follow the course's rule for late hand-ins, as AssignLatePenalties does."""
        due = self._due
        if due is not None and submission.extension is not None:
            due += submission.extension
        late_s = 0.0
        if due is not None and submission.timestamp is not None:
            late_s = max(0.0, (submission.timestamp - due).total_seconds())
        for name in self._notebooks:
            part = self._parts[student, name]
            penalty = None
            if late_s > 0:
                score = self._sum_scores(student, name)
                penalty = self._penalize(student, score, late_s)
                penalty = None if penalty is None else min(max(penalty, 0.0), score)
            if part.late_submission_penalty != penalty:
                part.late_submission_penalty = penalty

    def _sum_scores(self, student: str, notebook: str) -> float:
        total = 0.0
        for (name, _), grade in self._grades[student].items():
            if name == notebook:
                manual, auto = grade.manual_score, grade.auto_score
                score = auto if manual is None else manual
                total += (score or 0.0) + (
                    0.0 if score is None else grade.extra_credit or 0.0
                )
        return total

    def _make_rows(self, student: str) -> None:
        """Add the rows that are missing: of a new student, or of new cells."""
        api, new_id = self._api, self._api.new_uuid
        made: list[Any] = []
        if student not in self._students:
            self._students.add(student)
            made.append(api.Student(id=student))
        if student not in self._submissions:
            row = api.SubmittedAssignment(
                id=new_id(), assignment_id=self._id, student_id=student
            )
            self._submissions[student] = row
            made.append(row)
        submission = self._submissions[student]
        for name, notebook_id in self._notebooks.items():
            if (student, name) not in self._parts:
                part = api.SubmittedNotebook(
                    id=new_id(), assignment_id=submission.id, notebook_id=notebook_id
                )
                self._parts[student, name] = part
                made.append(part)
        for model, known, cells in (
            (api.Grade, self._grades.setdefault(student, {}), self._graded),
            (api.Comment, self._comments.setdefault(student, {}), self._commented),
        ):
            for place in cells.keys() - known.keys():
                part = self._parts[student, place[0]]
                known[place] = model(
                    id=new_id(), notebook_id=part.id, cell_id=cells[place]
                )
                made.append(known[place])
        self._db.add_all(made)


def _update(grade: Any, score: float | None, is_new: bool) -> None:
    """Set the score; ask people to look where there is none, or at theirs again."""
    changed = grade.auto_score != score
    if changed:
        grade.auto_score = score
    if grade.manual_score is None:
        needed = score is None
    else:
        needed = bool(changed or is_new or grade.needs_manual_grade)
    if grade.needs_manual_grade != needed:
        grade.needs_manual_grade = needed


def _pick(rows: Mapping[Place, Any], column: str) -> dict[Place, Any]:
    values = {place: getattr(row, column) for place, row in rows.items()}
    return {place: value for place, value in values.items() if value is not None}
