"""What runs found for one assignment: a file to which each run only adds lines.

It says which bytes need no grading again, and keeps what the gradebook has no column
for: named mistakes, repairs, times. Points are the gradebook's business.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from grader.submission.result import Result, Verdict

WASTE = 4  # lines that are out of date, for each that holds, before it is rewritten
MIN_LINES = 1000  # a smaller file is not worth rewriting


@dataclass(frozen=True)
class Note:
    """What is remembered of one check cell's verdict."""

    notebook: str
    exercise: str
    status: str  # a key of grader.submission.result.STATUSES
    points: float | None  # None: no mark
    max_points: float
    message: str = ""
    kinds: tuple[str, ...] = ()  # the named mistakes; see grader.diagnose.KINDS
    seconds: float = 0.0


@dataclass(frozen=True)
class Record:
    """What is remembered of one submission."""

    student: str
    key: str  # of bytes, tests and grader: the result holds while it is the same
    digest: str = ""  # of the bytes alone
    time: str = ""  # when it was graded, ISO 8601
    seconds: float = 0.0
    notes: tuple[Note, ...] = ()
    repairs: tuple[str, ...] = ()
    staff: tuple[str, ...] = ()  # why something of it has no mark
    cells: Mapping[str, float] = field(default_factory=dict)  # seconds by "book/cell"


def make_record(result: Result, key: str, digest: str, time: str) -> Record:
    """Give what is to be remembered of a result."""
    return Record(
        result.student,
        key,
        digest,
        time,
        round(result.seconds, 4),
        tuple(map(_make_note, result.verdicts)),
        result.repairs,
        result.staff_notes,
        {f"{one.notebook}/{one.cell}": round(one.seconds, 4) for one in result.times},
    )


def _make_note(verdict: Verdict) -> Note:
    kinds = [kind for report in verdict.reports for kind in report.diagnosis_kinds]
    return Note(
        verdict.notebook,
        verdict.exercise,
        verdict.status,
        round(verdict.points, 4) if verdict.has_mark else None,
        verdict.max_points,
        verdict.message[:1000],
        tuple(dict.fromkeys(kinds)),
        round(verdict.seconds, 4),
    )


class Journal:
    """The records of one assignment, by student; the newest line of each holds."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.records, lines, is_torn = _read(path)
        self._is_stale = is_torn or lines > MIN_LINES + WASTE * len(self.records)

    def add(self, records: Iterable[Record]) -> None:
        """Add records; they are on the disk when this returns."""
        added = list(records)
        self.records |= {record.student: record for record in added}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self._is_stale:
            self._rewrite()
        else:
            _append(self._path, added)

    def _rewrite(self) -> None:
        """Drop what is out of date, or a line that a stop cut off."""
        fresh = self._path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        _append(fresh, self.records.values())
        os.replace(fresh, self._path)
        self._is_stale = False


def _append(path: Path, records: Iterable[Record]) -> None:
    lines = [json.dumps(asdict(record), ensure_ascii=True) for record in records]
    with open(path, "a", encoding="ascii") as file:
        file.write("".join(f"{line}\n" for line in lines))
        file.flush()
        os.fsync(file.fileno())


def read_records(path: Path) -> dict[str, Record]:
    """Give what is known of each student's submission; empty where nothing is."""
    return _read(path)[0]


def _read(path: Path) -> tuple[dict[str, Record], int, bool]:
    """Give records, the count of lines, and whether a line cannot be read.

    An unreadable line costs only the time to grade that submission again.
    """
    records: dict[str, Record] = {}
    lines, is_torn = 0, False
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}, 0, False
    for line in content.splitlines():
        lines += 1
        try:
            record = _parse(json.loads(line))
        except (ValueError, TypeError, KeyError, AttributeError):
            is_torn = True
        else:
            records[record.student] = record
    return records, lines, is_torn or not content.endswith(b"\n")


_NAMES = {one.name for one in fields(Record)}


def _parse(plain: Any) -> Record:
    known = {name: plain[name] for name in plain if name in _NAMES}
    notes = tuple(
        Note(**{**note, "kinds": tuple(note["kinds"])}) for note in known["notes"]
    )
    record = Record(**{**known, "notes": notes})
    return replace(record, repairs=tuple(record.repairs), staff=tuple(record.staff))
