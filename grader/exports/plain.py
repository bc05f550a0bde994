"""CSV for spreadsheets and JSON Lines for programs; also as nbgrader's own exporters.

nbgrader export --exporter=grader.exports.plain.CsvExporter --to grades.csv
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nbgrader.plugins import ExportPlugin

from grader.exports.grades import Grade, Part, Wish, read_gradebook
from grader.lms.tables import Table, disarm, write_file, write_table

COLUMNS = (  # nbgrader's own, in its order
    *("assignment", "duedate", "timestamp", "student_id", "last_name", "first_name"),
    *("email", "raw_score", "late_submission_penalty", "score", "max_score"),
)


def write_csv(path: str | Path, grades: Iterable[Grade]) -> None:
    """Write a table with nbgrader's columns; text stays text in a spreadsheet."""
    rows = [
        (
            disarm(grade.assignment),
            str(grade.due or ""),
            str(grade.handed_in or ""),
            disarm(grade.person.id),
            disarm(grade.person.last_name),
            disarm(grade.person.first_name),
            disarm(grade.person.email),
            *map(show, (grade.points, grade.penalty, grade.score, grade.max_points)),
        )
        for grade in grades
    ]
    write_table(path, Table(COLUMNS, tuple(rows), has_mark=True))


def write_jsonl(path: str | Path, grades: Iterable[Grade]) -> None:
    """Write one JSON object a line, with every exercise."""
    lines = [json.dumps(make_plain(grade), ensure_ascii=False) for grade in grades]
    write_file(path, "".join(f"{line}\n" for line in lines).encode())


def make_plain(grade: Grade) -> dict[str, Any]:
    """Give a grade as JSON can hold it."""
    person = grade.person
    return {
        "assignment": grade.assignment,
        "student": person.id,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "email": person.email,
        "lms_user_id": person.lms_id,
        "score": round(grade.score, 4),
        "raw_score": round(grade.points, 4),
        "penalty": round(grade.penalty, 4),
        "max_score": grade.max_points,
        "due": grade.due.isoformat() if grade.due else None,
        "timestamp": grade.handed_in.isoformat() if grade.handed_in else None,
        "missing": grade.is_missing,
        "needs_person": grade.needs_person,
        "exercises": [_make_part(part) for part in grade.parts],
    }


def _make_part(part: Part) -> dict[str, Any]:
    note = part.note
    return {
        "notebook": part.notebook,
        "exercise": part.exercise.removeprefix("test_"),
        "points": part.points,
        "max_points": part.max_points,
        "status": note.status if note else "",
        "mistakes": list(note.kinds) if note else [],
        "seconds": note.seconds if note else None,
        "comment": part.comment,
    }


def show(points: float) -> str:
    """Write points as every platform reads them: a dot, at most two decimals."""
    return f"{round(points + 0.0, 2):g}"


class CsvExporter(ExportPlugin):
    """CSV with quoting, in which a name with a comma or an `=` harms nothing."""

    def export(self, gradebook: Any) -> None:
        """Write the file. Called by: `nbgrader export`; `super()` is not run."""
        write_csv(self.to or "grades.csv", _read(self, gradebook))


class JsonLinesExporter(ExportPlugin):
    """One JSON object for each submission."""

    def export(self, gradebook: Any) -> None:
        """Write the file. Called by: `nbgrader export`; `super()` is not run."""
        write_jsonl(self.to or "grades.jsonl", _read(self, gradebook))


def _read(plugin: Any, gradebook: Any) -> list[Grade]:
    """Give what nbgrader was asked for; its own options name students one by one."""
    wish = Wish([str(name) for name in plugin.assignment])
    students = {str(name) for name in plugin.student}
    grades = read_gradebook(gradebook, wish, {})
    return [one for one in grades if not students or one.person.id in students]
