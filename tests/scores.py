"""Reads from a gradebook of SQLite what points stand in it."""

import contextlib
import sqlite3
from typing import NamedTuple

QUERY = """
select whole.student_id, assignment.name, notebook.name, base_cell.name,
    auto_score, manual_score, needs_manual_grade
from grade join base_cell on base_cell.id = grade.cell_id
join notebook on notebook.id = base_cell.notebook_id
join submitted_notebook part on part.id = grade.notebook_id
join submitted_assignment whole on whole.id = part.assignment_id
join assignment on assignment.id = whole.assignment_id
"""


class Score(NamedTuple):
    """A row for one student's answer to one check."""

    student: str
    assignment: str
    notebook: str
    cell: str
    points: float | None  # the program's
    by_hand: float | None
    needs_person: bool


def read_scores(folder):
    """Give all rows of the gradebook in a course folder, doubled ones too."""
    with contextlib.closing(sqlite3.connect(folder / "gradebook.db")) as database:
        return [Score(*row) for row in database.execute(QUERY)]
