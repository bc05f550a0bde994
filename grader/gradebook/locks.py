"""Keeps a second run of the same assignment out; two assignments run at once."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from grader.gradebook.course import Course, CourseError, tell_database

BUSY = "Another run is grading {assignment}: wait until it is done."


@contextlib.contextmanager
def lock_assignment(course: Course, assignment: str, path: Path) -> Iterator[None]:
    """Hold the assignment for one run, in the folder and in a shared database.

    Raises:
        CourseError: another run has it; the system frees a dead one's lock.
    """
    course.make_state_folder()
    with _lock_file(path, assignment), _lock_database(course, assignment):
        yield


@contextlib.contextmanager
def lock_opening(path: Path) -> Iterator[None]:
    """Let one run after the other open the gradebook: the first makes its tables."""
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _lock_file(path: Path, assignment: str) -> Iterator[None]:
    path.parent.mkdir(exist_ok=True)
    with open(path, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CourseError(BUSY.format(assignment=assignment)) from None
        yield


@contextlib.contextmanager
def _lock_database(course: Course, assignment: str) -> Iterator[None]:
    """Hold a lock of PostgreSQL's, which other machines see too."""
    url = course.directories.db_url
    if not url.startswith("postgresql"):
        yield
        return
    from sqlalchemy import create_engine, text  # noqa: PLC0415  slow to import

    with tell_database(url):
        engine: Any = create_engine(url)
    key = make_key(course.directories.course_id, assignment)
    try:
        with tell_database(url), engine.connect() as connection:
            asked = text("select pg_try_advisory_lock(:key)")
            if not connection.execute(asked, {"key": key}).scalar():
                raise CourseError(BUSY.format(assignment=assignment))
            connection.commit()  # the lock is the session's, not the transaction's
            yield
    finally:
        engine.dispose()  # closes the session, which frees the lock


def make_key(course_id: str, assignment: str) -> int:
    """Give the number by which PostgreSQL knows a lock: 64 bits with a sign."""
    digest = hashlib.sha256(f"{course_id}\0{assignment}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
