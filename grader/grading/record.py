"""The only writer: results into the gradebook, `autograded/` and `feedback/`.

The same result twice changes nothing; a run that is stopped goes on where it was.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self

from grader.gradebook.backup import back_up
from grader.gradebook.course import STATE_FOLDER, Course, CourseError, explain_database
from grader.gradebook.journal import Journal, Record, make_record
from grader.gradebook.locks import lock_assignment, lock_opening
from grader.gradebook.marks import Change, Entry, MarkBook, Marks, Place
from grader.pages.penalty import add_penalty
from grader.reading.folder import TIMESTAMP, Folder
from grader.submission.assignment import Assignment
from grader.submission.result import Result

ENGINE = version("gradients-by-hand")
ASIDE = ".grader-"  # begins the name of a folder that is being written or taken away


@dataclass(frozen=True)
class Graded:
    """What a worker makes of one submission: values and finished texts of files."""

    result: Result
    notebooks: Mapping[str, str] = field(default_factory=dict)  # file text by name
    pages: Mapping[str, str] = field(default_factory=dict)  # feedback by name
    files: Mapping[str, bytes] = field(default_factory=dict)  # the student's, editable
    unanswered: frozenset[Place] = frozenset()


@dataclass(frozen=True)
class Recorded:
    """What writing a batch did."""

    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()  # for staff


class Recorder:
    """Writes one assignment's results; the gradebook is opened at the first need."""

    def __init__(self, course: Course, assignment: Assignment) -> None:
        self.course = course
        self.assignment = assignment
        self.notes: list[str] = []
        self._stack = ExitStack()
        self._journal_path = course.find_journal(assignment.name)
        self._journal = Journal(self._journal_path)

    def sign(self, folder: Folder) -> str:
        """Give the key under which a result of these bytes holds good."""
        parts = (folder.digest, folder.timestamp, self.assignment.digest, ENGINE)
        secret = hashlib.sha256(self.course.secret).hexdigest()
        text = json.dumps([*parts, secret, self.course.cell_s])
        return hashlib.sha256(text.encode()).hexdigest()

    def is_current(self, student: str, key: str) -> bool:
        """Whether these bytes were graded by these tests, and the copy is there."""
        known = self._journal.records.get(student)
        is_same = known is not None and known.key == key
        return is_same and self._path("autograded", student).is_dir()

    @cached_property
    def _book(self) -> MarkBook:
        """The gradebook, backed up before it is opened; for this run alone."""
        name, state = self.assignment.name, self.course.root / STATE_FOLDER
        lock = self._journal_path.with_suffix(".lock")
        self._stack.enter_context(lock_assignment(self.course, name, lock))
        url = self.course.directories.db_url
        try:
            note = back_up(url, state / "backups")
        except (sqlite3.Error, OSError) as error:
            raise CourseError(explain_database(url, error)) from error
        self.notes += [note] if note else []
        with lock_opening(state / "lock"):
            gradebook = self._stack.enter_context(self.course.open_gradebook())
            book = MarkBook(gradebook, self.assignment, self.course.make_penalty())
        self.notes += book.notes
        return book

    def read_marks(self, student: str) -> Marks:
        """Give what people gave for this student's submission."""
        return self._book.read_marks(student)

    def may_record(self, student: str) -> bool:
        """Whether the student is known, or may be added (Autograde.create_student)."""
        return self.course.may_add_students or self._book.knows(student)

    def write(self, batch: Sequence[tuple[Graded, Folder]]) -> Recorded:
        """Write a batch: gradebook, folders, and then that it is done.

        In this order, so that a stop or a power cut at any moment leaves at most work
        to repeat.
        """
        notes: list[str] = []
        entries = [self._make_entry(graded, folder, notes) for graded, folder in batch]
        changes = self._book.write(entries)
        try:
            for graded, folder in batch:
                self._write_folders(graded, folder)
            os.sync()  # 1 ms a submission; an fsync for each file would take 15
            self._journal.add(self._make_records(batch))
        except OSError as error:
            raise CourseError(f"Results cannot be written: {error}") from error
        return Recorded(tuple(changes), tuple(notes))

    def _make_entry(self, graded: Graded, folder: Folder, notes: list[str]) -> Entry:
        result = graded.result
        known = self._journal.records.get(result.student)
        timestamp, note = _read_time(folder.timestamp)
        notes += [f"{result.student}: {note}"] if note else []
        return Entry(
            result.student,
            result.verdicts,
            graded.unanswered,
            is_new=known is None or known.digest != folder.digest,
            timestamp=timestamp,
        )

    def _make_records(self, batch: Sequence[tuple[Graded, Folder]]) -> list[Record]:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return [
            make_record(graded.result, self.sign(folder), folder.digest, now)
            for graded, folder in batch
        ]

    def _write_folders(self, graded: Graded, folder: Folder) -> None:
        student = graded.result.student
        stamp = {TIMESTAMP: folder.timestamp.encode()} if folder.timestamp else {}
        notebooks = {
            f"{name}.ipynb": text.encode() for name, text in graded.notebooks.items()
        }
        penalties = self._book.read_marks(student).penalties
        pages = {
            f"{name}.html": add_penalty(page, penalties.get(name, 0.0)).encode()
            for name, page in graded.pages.items()
        }
        data = {**self.assignment.files, **graded.files}
        for step, files in (
            ("autograded", {**data, **stamp, **notebooks}),
            ("feedback", {**stamp, **pages}),
        ):
            mode = self.course.read_mode(step)
            replace_folder(self._path(step, student), files, mode)
            self.course.share(step, self.assignment.name, student)

    def _path(self, step: str, student: str) -> Path:
        return self.course.path(step, student, self.assignment.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)


def replace_folder(target: Path, files: Mapping[str, bytes], mode: int) -> bool:
    """Put a folder of these files in the place of another at once; say if it changed.

    `mode` is the files' permissions. Nothing is touched where nothing differs.
    """
    if _holds(target, files):
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    for left in target.parent.glob(f"{ASIDE}{target.name}-*"):
        shutil.rmtree(left, ignore_errors=True)  # of a run that was stopped
    fresh = Path(tempfile.mkdtemp(prefix=f"{ASIDE}{target.name}-", dir=target.parent))
    for name, content in files.items():
        path = fresh / PurePosixPath(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(mode)
    fresh.chmod(0o755)
    old = fresh.with_name(f"{fresh.name}-old")
    with contextlib.suppress(FileNotFoundError):
        os.rename(target, old)
    os.rename(fresh, target)
    shutil.rmtree(old, ignore_errors=True)
    return True


def _holds(folder: Path, files: Mapping[str, bytes]) -> bool:
    """Whether a folder has these files and no others."""
    if not folder.is_dir():
        return False
    found = {path for path in folder.rglob("*") if not path.is_dir()}
    if found != {folder / PurePosixPath(name) for name in files}:
        return False
    return all((folder / name).read_bytes() == files[name] for name in files)


def _read_time(text: str) -> tuple[datetime | None, str]:
    """Read a time of handing in as nbgrader writes it; give it, or a sentence."""
    if not text:
        return None, ""
    from nbgrader.utils import parse_utc  # noqa: PLC0415

    try:
        return parse_utc(text), ""
    except (ValueError, OverflowError, TypeError, AttributeError):
        return None, f"{TIMESTAMP} cannot be read ({text[:40]!r}): lateness is unknown."
