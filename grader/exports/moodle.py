"""Fills Moodle's offline grading worksheet, and packs feedback as Moodle takes it."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from grader.exports.canvas import Filled
from grader.exports.grades import Grade
from grader.exports.plain import show
from grader.lms.people import Directory
from grader.lms.roster import find_student, read_number
from grader.lms.tables import Table, TableError

_UNSAFE = str.maketrans(dict.fromkeys('_/\\:*?"<>|\n\r\t', " "))


def fill_moodle(table: Table, grades: Iterable[Grade], *, scale: bool) -> Filled:
    """Put points and a comment into the worksheet; every other cell stays.

    Raises:
        TableError: it is no worksheet, or has another maximum and no `scale`.
    """
    found = {grade.person.id: grade for grade in grades}
    directory = Directory(grade.person for grade in found.values())
    column = table.demand("Grade")
    comment = table.find("Feedback comments")
    rows, notes, seen = [], [], set()
    for row in table.rows:
        filled = list(row)
        student = find_student(table, row, directory)
        if student is not None and student not in seen:
            seen.add(student)
            grade = found[student]
            filled[column] = show(
                grade.score * _find_factor(table, row, grade, scale=scale)
            )
            if comment is not None:
                filled[comment] = write_comment(grade)
        rows.append(filled)
    for student in sorted(found.keys() - seen):
        notes.append(f"{student} has no row in the worksheet, or shares a name in it.")
    return Filled(table.with_rows(rows), len(seen), tuple(notes))


def _find_factor(
    table: Table, row: tuple[str, ...], grade: Grade, *, scale: bool
) -> float:
    column = table.find("Maximum grade")
    try:
        theirs = float(row[column].replace(",", ".")) if column is not None else 0.0
    except ValueError:
        return 1.0  # a scale of words
    if theirs <= 0 or theirs == grade.max_points or grade.max_points <= 0:
        return 1.0
    if scale:
        return theirs / grade.max_points
    raise TableError(
        f"Moodle's maximum is {show(theirs)} and {grade.assignment} has"
        f" {show(grade.max_points)}: change one, or say --scale."
    )


def write_comment(grade: Grade) -> str:
    """Say in one line what the points are made of; our words only."""
    parts = [
        f"{part.exercise.removeprefix('test_')}"
        f" {'–' if part.points is None else show(part.points)}/{show(part.max_points)}"
        for part in grade.parts
    ]
    late = f", {show(grade.penalty)} off for lateness" if grade.penalty else ""
    total = f"{show(grade.score)} of {show(grade.max_points)} points{late}"
    return f"{total}: {', '.join(parts)}" if parts else total


def pack_feedback(
    path: Path, table: Table, grades: Iterable[Grade], pages: Mapping[str, Path]
) -> tuple[int, tuple[str, ...]]:
    """Write the zip for “upload multiple feedback files”: a folder for each student.

    pages: the folder of feedback pages by student. Gives the count of students, and
    notes. Moodle finds the student by the number between the first two underscores.
    Source: Moodle 4, mod/assign/feedback/file/importziplib.php.
    """
    directory = Directory(grade.person for grade in grades)
    identifier, name = table.demand("Identifier"), table.find("Full name")
    count, notes = 0, []
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    with zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED) as archive:
        for row in table.rows:
            student = find_student(table, row, directory)
            number = read_number(row[identifier])
            if student is None or not number:
                continue
            files = sorted(pages[student].glob("*.html")) if student in pages else []
            if not files:
                notes.append(f"{student} has no feedback page.")
                continue
            owner = (row[name] if name is not None else student).translate(_UNSAFE)
            folder = f"{owner.strip() or student}_{number}_assignsubmission_file_"
            for file in files:
                archive.writestr(f"{folder}/{file.name}", file.read_bytes())
            count += 1
    fresh.replace(path)
    return count, tuple(notes)
