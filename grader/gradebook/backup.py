"""Copies of a SQLite gradebook, made before a run writes to it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

KEPT_BACKUPS = 10
BACKUP_S = 10.0  # to wait for another program that writes


def back_up(url: str, folder: Path) -> str:
    """Copy a SQLite gradebook into `folder`; say so, or why not."""
    from sqlalchemy.engine import make_url  # noqa: PLC0415  slow to import

    address = make_url(url)
    if not address.drivername.startswith("sqlite"):
        return "The gradebook is not SQLite: it was not backed up."
    source = Path(address.database or "").absolute()  # as SQLite takes it
    if not source.is_file():
        return ""
    folder.mkdir(parents=True, exist_ok=True)
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    target = folder / f"gradebook-{stamp}.db"
    with (
        closing(
            sqlite3.connect(source.as_uri() + "?mode=ro", uri=True, timeout=0.5)
        ) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new, progress=_make_patience(time.monotonic() + BACKUP_S))
    for outdated in sorted(folder.glob("gradebook-*.db"))[:-KEPT_BACKUPS]:
        outdated.unlink()
    return f"The gradebook was backed up to {target}."


def _make_patience(until: float) -> Callable[[int, int, int], None]:
    """Stop a copy that waits for another's lock: sqlite3 would wait for ever."""

    def wait(status: int, remaining: int, total: int) -> None:
        is_locked = status in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
        if is_locked and time.monotonic() > until:
            raise sqlite3.OperationalError("database is locked")

    return wait
