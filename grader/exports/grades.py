"""What all exports tell: a student's points in an assignment, whole and by exercise.

Points are the gradebook's, people's included; statuses and mistakes are the journal's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from grader.gradebook.journal import Note, read_records
from grader.lms.people import Person, make_person

if TYPE_CHECKING:
    from nbgrader.api import Gradebook

    from grader.gradebook.course import Course


@dataclass(frozen=True)
class Part:
    """One exercise's points; None is no mark yet."""

    notebook: str
    exercise: str  # the grade_id of its check
    points: float | None
    max_points: float
    comment: str = ""  # a person's
    note: Note | None = None  # what the last run found


@dataclass(frozen=True)
class Grade:
    """One student's points in one assignment."""

    person: Person
    assignment: str
    points: float  # before the penalty
    penalty: float
    max_points: float
    due: datetime | None = None
    handed_in: datetime | None = None
    is_missing: bool = False  # nothing was handed in
    needs_person: bool = False  # something of it has no mark yet
    parts: tuple[Part, ...] = ()

    @property
    def score(self) -> float:
        """The points that count."""
        return max(0.0, self.points - self.penalty)


@dataclass(frozen=True)
class Wish:
    """Which grades: empty assignments are all of them."""

    assignments: Sequence[str] = ()
    student: str = "*"
    with_missing: bool = False  # also who handed in nothing


def read_grades(course: Course, wish: Wish) -> list[Grade]:
    """Read grades from the gradebook, by assignment and then by student.

    Raises:
        CourseError: an assignment is not in the gradebook.
    """
    with course.open_gradebook() as gradebook:
        known = [row.name for row in gradebook.assignments]
        for name in wish.assignments:
            if name not in known:
                raise course.refuse_unknown(name)
        notes = {
            name: read_records(course.find_journal(name))
            for name in wish.assignments or known
        }
        found = {
            name: {
                student: {(n.notebook, n.exercise): n for n in record.notes}
                for student, record in records.items()
            }
            for name, records in notes.items()
        }
        return read_gradebook(gradebook, wish, found)


def read_gradebook(
    gradebook: Gradebook,
    wish: Wish,
    notes: Mapping[str, Mapping[str, Mapping[tuple[str, str], Note]]],
) -> list[Grade]:
    """Read grades from an open gradebook; a few queries, whatever the class's size."""
    people = {row.id: make_person(row) for row in gradebook.students}
    people = {one: people[one] for one in sorted(people) if fnmatch(one, wish.student)}
    grades: list[Grade] = []
    for row in sorted(gradebook.assignments, key=lambda row: str(row.name)):
        if wish.assignments and row.name not in wish.assignments:
            continue
        sheet = _Sheet(gradebook.db, row, notes.get(row.name, {}))
        for student, person in people.items():
            if student in sheet.submissions:
                grades.append(sheet.make_grade(person))
            elif wish.with_missing:
                grades.append(sheet.make_missing(person))
    return grades


@dataclass
class _Sheet:
    """One assignment's rows, sorted by student."""

    db: Any
    assignment: Any
    notes: Mapping[str, Mapping[tuple[str, str], Note]]
    submissions: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        from nbgrader import api  # noqa: PLC0415  slow to import

        mine = api.SubmittedAssignment
        key = self.assignment.id
        rows = self.db.query(mine).filter_by(assignment_id=key)
        self.submissions = {row.student_id: row for row in rows}
        owners = {row.id: row.student_id for row in self.submissions.values()}
        names = {book.id: book.name for book in self.assignment.notebooks}
        books = self.db.query(api.SubmittedNotebook).join(mine)
        self._books: dict[str, tuple[str, str]] = {}
        self._penalties: dict[str, float] = {}
        for book in books.filter(mine.assignment_id == key):
            student = owners[book.assignment_id]
            self._books[book.id] = student, names[book.notebook_id]
            penalty = self._penalties.get(student, 0.0)
            self._penalties[student] = penalty + (book.late_submission_penalty or 0.0)
        self._cells = self._read_cells(api)
        self._grades = self._read_rows(api.Grade, api)
        self._comments = self._read_rows(api.Comment, api)

    def _read_cells(self, api: Any) -> dict[str, tuple[str, str, float]]:
        """Give notebook, name and points of each cell that has points."""
        cells: dict[str, tuple[str, str, float]] = {}
        for book in self.assignment.notebooks:
            for model in (api.GradeCell, api.TaskCell):
                for cell in self.db.query(model).filter_by(notebook_id=book.id):
                    cells[cell.id] = book.name, cell.name, cell.max_score
        return cells

    def _read_rows(self, model: Any, api: Any) -> dict[str, list[Any]]:
        rows: dict[str, list[Any]] = {}
        query = self.db.query(model).join(api.SubmittedNotebook)
        query = query.join(api.SubmittedAssignment)
        for row in query.filter(
            api.SubmittedAssignment.assignment_id == self.assignment.id
        ):
            rows.setdefault(self._books[row.notebook_id][0], []).append(row)
        return rows

    @property
    def max_points(self) -> float:
        return sum(points for _, _, points in self._cells.values())

    def make_missing(self, person: Person) -> Grade:
        due = self.assignment.duedate
        name, most = self.assignment.name, self.max_points
        return Grade(person, name, 0.0, 0.0, most, due, is_missing=True)

    def make_grade(self, person: Person) -> Grade:
        row = self.submissions[person.id]
        parts = self._make_parts(person.id)
        due = self.assignment.duedate
        if due is not None and row.extension is not None:
            due += row.extension
        return Grade(
            person,
            self.assignment.name,
            sum(part.points or 0.0 for part in parts),
            self._penalties.get(person.id, 0.0),
            self.max_points,
            due,
            row.timestamp,
            needs_person=any(part.points is None for part in parts),
            parts=parts,
        )

    def _make_parts(self, student: str) -> tuple[Part, ...]:
        texts = {}
        for comment in self._comments.get(student, ()):
            if comment.cell_id and comment.manual_comment:
                texts[self._books[comment.notebook_id][1], comment.name] = (
                    comment.manual_comment
                )
        notes = self.notes.get(student, {})
        parts = []
        for grade in self._grades.get(student, ()):
            if grade.cell_id not in self._cells:
                continue
            book, name, most = self._cells[grade.cell_id]
            place = book, name
            note = notes.get(place)
            comment = texts.get(place) or texts.get((book, name.removeprefix("test_")))
            parts.append(Part(*place, _sum(grade), most, comment or "", note))
        order = {place[:2]: n for n, place in enumerate(self._cells.values())}
        return tuple(sorted(parts, key=lambda p: order[p.notebook, p.exercise]))


def _sum(grade: Any) -> float | None:
    """Give a cell's points as nbgrader counts them: a person's before a test's."""
    score = grade.auto_score if grade.manual_score is None else grade.manual_score
    return None if score is None else score + (grade.extra_credit or 0.0)
