"""The commands `grader roster`, `grader collect` and `grader extend`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from grader.errors import GraderError
from grader.gradebook.course import CourseError, open_course
from grader.reading.folder import list_names

if TYPE_CHECKING:
    from grader.lms.collect import Collected
    from grader.lms.people import Directory
    from grader.lms.tables import Table

DONE, LOOK = 0, 1  # exit codes: all taken, something waits for a person
MAX_LISTED = 20


def run_roster(options: Namespace) -> int:
    """Bring a roster into the gradebook; give the exit code."""
    from grader.lms.people import write_people  # noqa: PLC0415
    from grader.lms.roster import read_roster  # noqa: PLC0415

    course = open_course()
    roster = read_roster(options.file, options.id_column)
    added, changed, same = write_people(course, roster.people)
    mapped = sum(bool(person.lms_id) for person in roster.people)
    print(
        f"{len(roster.people)} students from {roster.kind}: {added} added,"
        f" {changed} completed, {same} unchanged; {mapped} with the platform's id"
    )
    _tell("Refused:", roster.refused)
    return LOOK if roster.refused else DONE


def run_collect(options: Namespace) -> int:
    """Lay what was handed in into `submitted/`; give the exit code."""
    from grader.lms.archives import take_files  # noqa: PLC0415
    from grader.lms.collect import Rules, collect  # noqa: PLC0415
    from grader.lms.people import read_people  # noqa: PLC0415

    course = open_course()
    if options.assignment not in course.list_assignments():
        raise course.refuse_unknown(options.assignment)
    zone = read_zone(options.timezone)
    directory = read_people(course)
    participants: dict[str, str] = {}
    times: dict[str, datetime] = {}
    if options.worksheet:
        participants, times = read_worksheet(options.worksheet, directory, zone)
    if options.times:
        times |= read_times(options.times, zone)
    taken = take_files(options.source)
    rules = Rules(
        directory,
        options.which,
        options.add_students,
        participants,
        times,
        zone if options.file_times else None,
    )
    done = collect(course, options.assignment, taken.files, rules)
    done.refused[:0] = taken.refused
    _tell_collected(done)
    return LOOK if done.refused else DONE


def read_zone(name: str) -> ZoneInfo:
    """Give the time zone of that name.

    Raises:
        CourseError: there is none.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = f"There is no time zone {name!r}; one is 'Europe/Berlin'."
        raise CourseError(message) from None


def read_worksheet(
    path: str, directory: Directory, zone: ZoneInfo
) -> tuple[dict[str, str], dict[str, datetime]]:
    """Read Moodle's grading worksheet: participants' numbers, and when they came.

    Raises:
        GraderError: it is no worksheet.
    """
    from grader.lms.roster import find_student, read_number  # noqa: PLC0415
    from grader.lms.tables import read_table  # noqa: PLC0415

    table = read_table(path)
    identifier = table.demand("Identifier")
    when = table.find("Last modified (submission)")
    participants, times = {}, {}
    for row in table.rows:
        student = find_student(table, row, directory)
        if student is None:
            continue
        participants[read_number(row[identifier])] = student
        time = _read_cell(table, row, when, zone)
        if time:
            times[student] = time
    return participants, times


def read_times(path: str, zone: ZoneInfo) -> dict[str, datetime]:
    """Read a table of students' ids and the times when they handed in.

    Raises:
        GraderError: a column is missing, or a time is none.
    """
    from grader.lms.tables import read_table  # noqa: PLC0415

    table = read_table(path)
    who = table.demand("student_id", "id")
    when = table.demand("timestamp", "time", "submitted_at")
    found = ((row[who], _read_cell(table, row, when, zone)) for row in table.rows)
    return {student: time for student, time in found if time}


def _read_cell(
    table: Table, row: tuple[str, ...], column: int | None, zone: ZoneInfo
) -> datetime | None:
    from grader.lms.collect import read_when  # noqa: PLC0415

    if column is None:
        return None
    try:
        return read_when(row[column], zone)
    except ValueError:
        number = table.rows.index(row) + 2
        message = f"Row {number}: {row[column]!r} is no time."
        raise GraderError(message) from None


def run_extend(options: Namespace) -> int:
    """Give students more time; give the exit code."""
    from grader.lms.late import grant_extension  # noqa: PLC0415

    course = open_course()
    more = timedelta(days=options.days, hours=options.hours)
    for student in options.students:
        grant_extension(course, options.assignment, student, more)
    who = list_names(options.students)
    print(f"{who}: {more} more for {options.assignment}")
    print("Penalties follow when these are graded again, with --force.")
    return DONE


def _tell_collected(done: Collected) -> None:
    count, same = len(done.students), len(done.unchanged)
    print(f"{count} students handed in, {same} of them as before")
    _tell("", done.notes)
    _tell("Not taken; please look:", done.refused)


def _tell(title: str, sentences: Iterable[str]) -> None:
    lines = list(sentences)
    if lines and title:
        print(title)
    for line in lines[:MAX_LISTED]:
        print(f"  {clean_line(line)}")
    if len(lines) > MAX_LISTED:
        print(f"  … and {len(lines) - MAX_LISTED} more")


def clean_line(text: str) -> str:
    """Show a stranger's text without what a terminal would act on."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
