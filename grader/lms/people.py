"""Who is in the class: found by whatever a platform calls each student."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

from grader.errors import GraderError
from grader.lms.tables import fold

if TYPE_CHECKING:
    from grader.gradebook.course import Course

# Of nbgrader's table of students, in the order of a Person's fields.
COLUMNS = ("id", "first_name", "last_name", "email", "lms_user_id")
MAX_ID = 100  # characters; it becomes a folder's name
_BAD_ID = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|,;]|^[.\s~-]|[.\s]$')


class UnknownStudent(GraderError):
    """Say who is meant: no student, or more than one, fits."""


@dataclass(frozen=True)
class Person:
    """A student as nbgrader's gradebook has one; empty text is unknown."""

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    lms_id: str = ""  # nbgrader's lms_user_id

    @property
    def full_name(self) -> str:
        """The name as Moodle writes it."""
        return f"{self.first_name} {self.last_name}".strip()


def explain_bad_id(student: str) -> str:
    """Say why a name cannot be a student's id, or nothing when it can."""
    if not student or student != unicodedata.normalize("NFC", student):
        return "it is empty" if not student else "its letters are not in normal form"
    if len(student) > MAX_ID:
        return f"it is longer than {MAX_ID} characters"
    if _BAD_ID.search(student) or not student.isprintable():
        return "it cannot be a folder's name"
    return ""


class Directory:
    """All students of a course, by id, platform id, email and name."""

    def __init__(self, people: Iterable[Person]) -> None:
        self.people = {person.id: person for person in people}
        self._by_key: dict[tuple[str, str], set[str]] = {}
        for person in self.people.values():
            for kind, value in self._list_keys(person):
                if value:
                    self._by_key.setdefault((kind, value), set()).add(person.id)

    def _list_keys(self, person: Person) -> list[tuple[str, str]]:
        first, last = fold(person.first_name), fold(person.last_name)
        return [
            ("id", person.id.casefold()),
            ("lms", person.lms_id.casefold()),
            ("email", person.email.casefold()),
            ("name", first + last),
            ("name", last + first),
        ]

    def find(self, value: str, *kinds: str) -> Person | None:
        """Give the one student with this id, lms id, email or name; `kinds` in order.

        Raises:
            UnknownStudent: several fit.
        """
        for kind in kinds:
            folded = fold(value) if kind == "name" else value.strip().casefold()
            found = self._by_key.get((kind, folded), set()) if folded else set()
            if len(found) > 1:
                names = ", ".join(sorted(found)[:5])
                raise UnknownStudent(f"{value!r} can be any of {names}.")
            if found:
                return self.people[next(iter(found))]
        return None


def read_people(course: Course) -> Directory:
    """Read all students from the gradebook."""
    with course.open_gradebook() as gradebook:
        return Directory([make_person(row) for row in gradebook.students])


def make_person(row: Any) -> Person:
    """Read a student's row of the gradebook."""
    return Person(*(getattr(row, column) or "" for column in COLUMNS))


def write_people(course: Course, people: Sequence[Person]) -> tuple[int, int, int]:
    """Add and complete students in one transaction; say how many are which.

    Nothing that is known is emptied. Returns: added, changed, unchanged.
    """
    from nbgrader import api  # noqa: PLC0415  slow to import

    counts = [0, 0, 0]
    with course.open_gradebook() as gradebook:
        db: Any = gradebook.db
        known = {row.id: row for row in db.query(api.Student)}
        for person in people:
            values = dict(zip(COLUMNS, astuple(person), strict=True))
            given = {name: text for name, text in values.items() if text}
            row = known.get(person.id)
            if row is None:
                db.add(api.Student(**given))
                counts[0] += 1
                continue
            changed = {k: v for k, v in given.items() if getattr(row, k) != v}
            for name, text in changed.items():
                setattr(row, name, text)
            counts[1 if changed else 2] += 1
        db.commit()
    return counts[0], counts[1], counts[2]
