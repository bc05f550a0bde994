"""Sorts what was handed in by student, lets one try count, lays it where it goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from grader.grading.record import replace_folder
from grader.lms.archives import ArchiveError, File, open_nested
from grader.lms.names import Name, list_owners, read_name, split_copy
from grader.lms.people import Directory, Person, UnknownStudent, explain_bad_id
from grader.reading.folder import TIMESTAMP, show_name

if TYPE_CHECKING:
    from grader.gradebook.course import Course

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
RULES = ("last", "first")
MODE = 0o644


@dataclass(frozen=True)
class Try:
    """One file of one student, and what orders it among the student's tries."""

    student: str
    file: File
    name: Name
    base: str  # its name without "Copy of" and "(1)"
    count: int

    @property
    def order(self) -> tuple[int, datetime, int, str]:
        """Later tries are larger: the platform's number, the time, the copy's count."""
        time = self.file.time or datetime.min
        return self.name.attempt, time, self.count, self.file.name


@dataclass
class Collected:
    """What was laid where, what was not, and why."""

    students: dict[str, list[str]] = field(default_factory=dict)  # files that count
    unchanged: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # tries that do not count, lateness
    refused: list[str] = field(default_factory=list)  # a person has to look


@dataclass(frozen=True)
class Rules:
    """How to tell whose a file is, and which try counts."""

    directory: Directory
    which: str = "last"
    add_students: bool = False  # take names that the gradebook does not know
    participants: Mapping[str, str] = field(default_factory=dict)  # Moodle number → id
    times: Mapping[str, datetime] = field(default_factory=dict)  # by student, UTC
    zone: tzinfo | None = None  # of the times in the archive; None: they do not count


def collect(
    course: Course, assignment: str, files: Iterable[File], rules: Rules
) -> Collected:
    """Lay each student's counting files into `submitted/`; nothing else is touched."""
    done = Collected()
    tries = _sort_by_student(files, rules, done)
    for student, mine in sorted(tries.items()):
        chosen = _choose(mine, rules, done)
        content = {_place(one): one.file.content for one in chosen}
        stamp = _find_time(student, chosen, rules, done)
        if stamp:
            content[TIMESTAMP] = f"{stamp:%Y-%m-%d %H:%M:%S} UTC".encode()
        target = course.path("submitted", student, assignment)
        try:
            is_new = replace_folder(target, content, MODE)
        except OSError as error:  # a name too long for the disk, a file as a folder
            done.refused.append(f"{student}: cannot be laid out: {error.strerror}.")
            continue
        names = sorted(content.keys() - {TIMESTAMP})
        done.students[student] = names
        if not is_new:
            done.unchanged.append(student)
    return done


def _sort_by_student(
    files: Iterable[File], rules: Rules, done: Collected
) -> dict[str, list[Try]]:
    tries: dict[str, list[Try]] = {}
    for file in files:
        name = read_name(file.name)
        try:
            student = find_owner(file.name, name, rules)
        except UnknownStudent as error:
            done.refused.append(f"{show_name(file.name)}: {error}")
            continue
        for one in _open(file, name, done):
            if one.name.lower() == TIMESTAMP:  # a student does not say when it came
                done.notes.append(f"{student}: {TIMESTAMP} was left out.")
                continue
            base, count = split_copy(one.name)
            made = Try(student, one, name, base, count)
            tries.setdefault(student, []).append(made)
    return tries


def _open(file: File, name: Name, done: Collected) -> list[File]:
    """Give the file under the student's own name for it, or what is in its zip."""
    plain = replace(file, name=name.file)
    if not name.file.lower().endswith(ARCHIVES):
        return [plain]
    try:
        inner = open_nested(plain)
    except ArchiveError as error:
        done.refused.append(f"{show_name(file.name)}: {error}")
        return []
    return [
        replace(one, name=PurePosixPath(one.name).name)
        if one.name.lower().endswith(".ipynb")
        else one
        for one in inner.values()
    ]


def find_owner(path: str, name: Name, rules: Rules) -> str:
    """Give the id of the student whose file it is.

    Raises:
        UnknownStudent: nobody fits, or more than one.
    """
    found: Person | None = None
    if name.platform == "canvas":
        found = rules.directory.find(name.number, "lms")
    elif name.platform == "moodle" and name.number in rules.participants:
        return rules.participants[name.number]
    if found is None and name.platform != "loose":
        found = rules.directory.find(name.owner, "name", "id", "email")
    if found is None and name.platform == "loose":
        found = _find_loose(path, rules.directory)
    if found is not None:
        return found.id
    adopted = _adopt(name)
    if rules.add_students and not explain_bad_id(adopted):
        return adopted
    raise UnknownStudent(
        "no student of the gradebook fits: read the roster first, or say"
        " --add-students."
    )


def _find_loose(path: str, directory: Directory) -> Person | None:
    for word in list_owners(path):
        found = directory.find(word, "id", "email", "lms", "name")
        if found is not None:
            return found
    return None


def _adopt(name: Name) -> str:
    """Give what serves as an id where the gradebook knows nobody."""
    if name.platform == "canvas":
        return name.number
    if name.platform == "moodle":
        return name.owner
    parts = PurePosixPath(name.owner).parts
    return parts[0] if len(parts) > 1 else ""


def _choose(tries: list[Try], rules: Rules, done: Collected) -> list[Try]:
    """Let one try of each file count, by the rule; tell of the others."""
    by_base: dict[str, list[Try]] = {}
    for one in tries:
        by_base.setdefault(one.base.casefold(), []).append(one)
    chosen = []
    for same in by_base.values():
        ordered = sorted(same, key=lambda one: one.order)
        counts = ordered[-1 if rules.which == "last" else 0]
        chosen.append(counts)
        if len(same) > 1:
            what = show_name(counts.file.name)
            done.notes.append(
                f"{counts.student}: {len(same)} tries of {show_name(counts.base)};"
                f" the {rules.which} counts ({what})."
            )
    return chosen


def _place(one: Try) -> str:
    """Give the path in the student's folder: the notebook under its plain name."""
    is_notebook = one.base.lower().endswith(".ipynb")
    return one.base if is_notebook else one.file.name


def _find_time(
    student: str, chosen: list[Try], rules: Rules, done: Collected
) -> datetime | None:
    """Give when it was handed in, in UTC, where anything tells."""
    if student in rules.times:
        return rules.times[student]
    times = [one.file.time for one in chosen if one.file.time]
    if rules.zone is not None and times:
        return max(times).replace(tzinfo=rules.zone).astimezone(UTC)
    if any(one.name.late for one in chosen):
        done.notes.append(
            f"{student}: marked late by Canvas, but when is not known: --times says it."
        )
    return None


def read_when(text: str, zone: tzinfo) -> datetime | None:
    """Read a time as people and platforms write it, in UTC; None for none.

    Raises:
        ValueError: it is no time.
    """
    from dateutil import parser  # type: ignore[import-untyped]  # noqa: PLC0415

    if not text.strip(" -"):
        return None
    try:
        time: datetime = parser.parse(text)
    except OverflowError as error:
        raise ValueError(text) from error
    return (time if time.tzinfo else time.replace(tzinfo=zone)).astimezone(UTC)
