"""The command `grader export`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from grader.exports.canvas import fill_canvas, find_column
from grader.exports.grades import Grade, Wish, read_grades
from grader.exports.gradescope import write_results
from grader.exports.moodle import fill_moodle, pack_feedback
from grader.exports.plain import write_csv, write_jsonl
from grader.gradebook.course import CourseError, open_course
from grader.gradebook.journal import read_records
from grader.lms.command import clean_line
from grader.lms.tables import read_table, write_file, write_table

if TYPE_CHECKING:
    from grader.gradebook.course import Course

FOLDER = "exports"
MAX_LISTED = 20


def run_export(options: Namespace) -> int:
    """Write what was asked for, say where it lies; give the exit code."""
    course = open_course()
    wish = Wish(options.assignments, options.student)
    grades = read_grades(course, wish)
    if not grades:
        raise CourseError("There are no grades of that kind: grade first.")
    writers = {
        "csv": _export_plain,
        "jsonl": _export_plain,
        "canvas": _export_canvas,
        "moodle": _export_moodle,
        "gradescope": _export_gradescope,
    }
    notes = writers[options.to](course, grades, options)
    waiting = sum(grade.needs_person for grade in grades)
    if waiting:
        print(f"{waiting} submissions have exercises that wait for a person's mark.")
    for note in notes[:MAX_LISTED]:
        print(f"  {clean_line(note)}")
    if len(notes) > MAX_LISTED:
        print(f"  … and {len(notes) - MAX_LISTED} more")
    return 0


def _name_output(options: Namespace, name: str) -> Path:
    return Path(options.output) if options.output else Path(FOLDER) / name


def _export_plain(
    course: Course, grades: list[Grade], options: Namespace
) -> Sequence[str]:
    path = _name_output(options, f"grades.{options.to}")
    write = {"csv": write_csv, "jsonl": write_jsonl}[options.to]
    write(path, grades)
    print(f"{len(grades)} grades written to {path}")
    return ()


def _demand_file(options: Namespace, what: str) -> Path:
    if not options.file:
        raise CourseError(f"Say which file to fill: --file and {what}.")
    return Path(options.file)


def _name_filled(options: Namespace, source: Path) -> Path:
    name = f"{source.stem}-filled.csv"
    return Path(options.output) if options.output else source.with_name(name)


def _export_canvas(
    course: Course, grades: list[Grade], options: Namespace
) -> Sequence[str]:
    source = _demand_file(options, "the gradebook that Canvas exported")
    table = read_table(source)
    names = sorted({grade.assignment for grade in grades})
    if options.column and len(names) > 1:
        raise CourseError("--column is for one assignment: say which.")
    columns = {name: find_column(table, name, options.column or "") for name in names}
    filled = fill_canvas(table, columns, grades, scale=options.scale)
    path = _name_filled(options, source)
    write_table(path, filled.table)
    print(f"{filled.count} grades written to {path}: import it in Canvas' Gradebook")
    return filled.notes


def _export_moodle(
    course: Course, grades: list[Grade], options: Namespace
) -> Sequence[str]:
    source = _demand_file(options, "Moodle's offline grading worksheet")
    names = {grade.assignment for grade in grades}
    if len(names) != 1:
        raise CourseError("A worksheet of Moodle is for one assignment: say which.")
    table = read_table(source)
    filled = fill_moodle(table, grades, scale=options.scale)
    path = _name_filled(options, source)
    pages = {
        grade.person.id: course.path("feedback", grade.person.id, grade.assignment)
        for grade in grades
    }
    archive = path.with_name(f"{path.stem}-feedback.zip")
    count, notes = pack_feedback(archive, table, grades, pages)
    write_table(path, filled.table)
    print(f"{filled.count} grades written to {path}")
    print(f"{count} students' feedback written to {archive}")
    return (*filled.notes, *notes)


def _export_gradescope(
    course: Course, grades: list[Grade], options: Namespace
) -> Sequence[str]:
    folder = _name_output(options, "gradescope")
    names = {grade.assignment for grade in grades}
    seconds = {
        (name, student): record.seconds
        for name in names
        for student, record in read_records(course.find_journal(name)).items()
    }
    for grade in grades:
        took = seconds.get((grade.assignment, grade.person.id), 0.0)
        place = folder / grade.assignment / grade.person.id / "results.json"
        write_file(place, write_results(grade, took).encode())
    print(f"{len(grades)} results.json written below {folder}")
    return ()
