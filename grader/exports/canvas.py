"""Fills the gradebook that an instructor exported from Canvas; Canvas reads it back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from grader.exports.grades import Grade
from grader.exports.plain import show
from grader.lms.people import Directory
from grader.lms.roster import find_person
from grader.lms.tables import Table, TableError, fold

_ID = re.compile(r"^(?P<title>.*?)\s*\((?P<number>\d+)\)\s*$", re.DOTALL)
_POINTS = "pointspossible"
# Whose row it is: column of Canvas, and what the gradebook calls that.
_KEYS = (
    ("ID", ("lms",)),
    ("SIS Login ID", ("id", "email")),
    ("SIS User ID", ("id", "lms")),
    ("Email", ("email",)),
)


@dataclass(frozen=True)
class Filled:
    """The table with points in it, and what a person should know."""

    table: Table
    count: int  # cells that were filled
    notes: tuple[str, ...] = ()


def find_column(table: Table, assignment: str, title: str = "") -> int:
    """Give the column of an assignment: `Title (number)`, by title or number.

    Raises:
        TableError: none fits, or several do.
    """
    wanted = title or assignment
    columns = []
    for index, name in enumerate(table.header):
        found = _ID.match(name)
        names = {name, found["title"], found["number"]} if found else set()
        if fold(wanted) in {fold(one) for one in names}:
            columns.append(index)
    if len(columns) == 1:
        return columns[0]
    has = ", ".join(repr(name) for name in table.header if _ID.match(name)) or "none"
    many = "More than one column is" if columns else "No column is"
    raise TableError(
        f"{many} called {wanted!r}: say which with --column; there are: {has}."
    )


def fill_canvas(
    table: Table, columns: Mapping[str, int], grades: Iterable[Grade], *, scale: bool
) -> Filled:
    """Put points into these columns (by assignment); every other cell stays.

    Raises:
        TableError: a column has another maximum, and `scale` is not said.
    """
    found = list(grades)
    factors = {
        name: _find_factor(table, columns[name], found, name, scale=scale)
        for name in columns
    }
    by_student: dict[str, list[Grade]] = {}
    for grade in found:
        by_student.setdefault(grade.person.id, []).append(grade)
    directory = Directory(grade.person for grade in found)
    rows, notes, seen, count = [], [], set(), 0
    for row in table.rows:
        is_head = fold(row[0]) == _POINTS
        person = None if is_head else find_person(table, row, directory, _KEYS)
        filled = list(row)
        if person is not None and person.id in seen:
            notes.append(f"{person.id} has two rows: only the first was filled.")
        elif person is not None:
            seen.add(person.id)
            for grade in by_student[person.id]:
                points = show(grade.score * factors[grade.assignment])
                filled[columns[grade.assignment]] = points
                count += 1
        rows.append(filled)
    notes += [
        f"{student} has no row in the file."
        for student in sorted(set(by_student) - seen)
    ]
    return Filled(table.with_rows(rows), count, tuple(notes))


def _find_factor(
    table: Table, column: int, grades: list[Grade], name: str, *, scale: bool
) -> float:
    most = max((g.max_points for g in grades if g.assignment == name), default=0.0)
    possible = next((row[column] for row in table.rows if fold(row[0]) == _POINTS), "")
    try:
        theirs = float(possible)
    except ValueError:
        return 1.0  # Canvas has no maximum for it
    if theirs == most or most <= 0:
        return 1.0
    if scale:
        return theirs / most
    raise TableError(
        f"{table.header[column]!r} has {show(theirs)} points in Canvas and"
        f" {name} has {show(most)}: change one, or say --scale."
    )
