"""Reads who is in the class, and whose row it is, in tables of any platform."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.lms.people import Directory, Person, UnknownStudent, explain_bad_id
from grader.lms.tables import Table, TableError, read_table
from grader.reading.folder import show_name

OWN = "id, first_name, last_name, email, lms_user_id"
Row = Sequence[str]
Columns = Iterable[tuple[str, Sequence[str]]]
_NUMBER = re.compile(r"(\d+)\s*$")
# What a worksheet may say of a student, and what the gradebook calls that.
_COLUMNS = (
    ("Email address", ("email",)),
    ("Username", ("id",)),
    ("ID number", ("lms", "id")),
    ("Full name", ("name",)),
)


@dataclass(frozen=True)
class Roster:
    """Who is in a table, and which rows were refused and why."""

    kind: str  # Canvas, Moodle, or CSV
    people: tuple[Person, ...]
    refused: tuple[str, ...] = ()


def read_roster(path: str | Path, id_column: str = "") -> Roster:
    """Read a roster; `id_column` names the column that becomes the student's id.

    Raises:
        TableError: it is no roster of a known kind, or nobody is in it.
    """
    table = read_table(path)
    kind, read_row = _find_kind(table, id_column)
    people: dict[str, Person] = {}
    refused = []
    for number, row in enumerate(table.rows, start=2):
        person = read_row(row)
        if person is None:
            continue
        reason = explain_bad_id(person.id)
        if person.id in people:
            reason = "the row before has the same id"
        if reason:
            refused.append(f"Row {number}: id {show_name(person.id)}: {reason}.")
        else:
            people[person.id] = person
    if not people:
        raise TableError(f"Nobody is in {str(path)!r}.")
    return Roster(kind, tuple(people.values()), tuple(refused))


def _find_kind(
    table: Table, id_column: str
) -> tuple[str, Callable[[Row], Person | None]]:
    if table.find("Student") is not None and table.find("ID") is not None:
        return "Canvas", _make_canvas(table, id_column)
    if table.find("id", "student_id") is not None:
        return "CSV", _make_own(table, id_column)
    if table.find("Email address", "E-mail") is not None:
        return "Moodle", _make_moodle(table, id_column)
    if id_column and table.find(id_column) is not None:
        return "CSV", _make_own(table, id_column)
    raise TableError(f"This is no roster: it needs the columns {OWN}.")


def _make_getter(table: Table, *names: str) -> Callable[[Row], str]:
    column = table.find(*names)
    return lambda row: "" if column is None else row[column].strip()


def _make_canvas(table: Table, id_column: str) -> Callable[[Row], Person | None]:
    """Canvas: `Last, First`, its own number in ID, the login in SIS Login ID."""
    if id_column:
        table.demand(id_column)
    name, number = _make_getter(table, "Student"), _make_getter(table, "ID")
    choices = [id_column] if id_column else ["SIS Login ID", "SIS User ID", "ID"]
    getters = [_make_getter(table, choice) for choice in choices]
    email = _make_getter(table, "Email")

    def read(row: Row) -> Person | None:
        if not number(row) or name(row) in {"Student, Test", "Test Student"}:
            return None  # the row of possible points, or Canvas' own test student
        last, comma, first = name(row).partition(",")
        if not comma:
            first, _, last = name(row).rpartition(" ")
        login = next((get(row) for get in getters if get(row)), "")
        address = email(row) or (login if "@" in login else "")
        return Person(login, first.strip(), last.strip(), address, number(row))

    return read


def _make_moodle(table: Table, id_column: str) -> Callable[[Row], Person | None]:
    """Moodle: participants, grader report or grading worksheet; one per email."""
    if id_column:
        table.demand(id_column)
    first = _make_getter(table, "First name")
    last = _make_getter(table, "Last name", "Surname")
    full = _make_getter(table, "Full name")
    email = _make_getter(table, "Email address", "E-mail")
    number = _make_getter(table, "ID number")
    choices = [id_column] if id_column else ["Username", "ID number"]
    getters = [_make_getter(table, choice) for choice in choices]

    def read(row: Row) -> Person | None:
        login = next((get(row) for get in getters if get(row)), "")
        if not login and not id_column:
            login = email(row).partition("@")[0]
        names = first(row), last(row)
        if not any(names):
            head, _, tail = full(row).rpartition(" ")
            names = head, tail
        return Person(login, *names, email(row), number(row))

    return read


def _make_own(table: Table, id_column: str) -> Callable[[Row], Person | None]:
    if id_column:
        table.demand(id_column)
    columns = [
        (id_column or "id", "student_id"),
        ("first_name", "first name"),
        ("last_name", "last name", "surname"),
        ("email", "e-mail"),
        ("lms_user_id", "lms_id"),
    ]
    getters = [_make_getter(table, *names) for names in columns]
    return lambda row: Person(*(get(row) for get in getters))


def read_number(identifier: str) -> str:
    """Give the number in `Participant 123`, in whatever language."""
    found = _NUMBER.search(identifier)
    return found.group(1) if found else ""


def find_student(table: Table, row: Row, directory: Directory) -> str | None:
    """Give the id of the student whose row of a worksheet it is."""
    found = find_person(table, row, directory, _COLUMNS)
    return found.id if found else None


def find_person(
    table: Table, row: Row, directory: Directory, columns: Columns
) -> Person | None:
    """Give whose row it is by the first column that tells; None: nobody fits alone."""
    for title, kinds in columns:
        column = table.find(title)
        if column is None or not row[column]:
            continue
        try:
            found = directory.find(row[column], *kinds)
        except UnknownStudent:
            continue
        if found is not None:
            return found
    return None
