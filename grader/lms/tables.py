"""Tables as text: CSV files of spreadsheets and platforms, read and written whole.

What a stranger wrote into a cell never becomes a formula in a table that we make.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from grader.errors import GraderError

MAX_BYTES = 100_000_000  # a class of fifty thousand has about ten
MAX_CELL = 1_000_000  # characters; Moodle's feedback column holds whole pages
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes a spreadsheet take a cell for a formula, full-width forms included."""
DELIMITERS = ",;\t|"


class TableError(GraderError):
    """Look at the table: it cannot be read, or a column is missing."""


@dataclass(frozen=True)
class Table:
    """A header and rows of equal length, and how the file was written."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    delimiter: str = ","
    has_mark: bool = False  # a byte order mark, which Excel wants to see again

    def find(self, *names: str) -> int | None:
        """Give the first column with one of these names, whatever their case."""
        titles = [fold(title) for title in self.header]
        wanted = [fold(name) for name in names]
        return next((titles.index(name) for name in wanted if name in titles), None)

    def demand(self, *names: str) -> int:
        """Give that column.

        Raises:
            TableError: there is none.
        """
        found = self.find(*names)
        if found is None:
            message = (
                f"The table has no column {names[0]!r}; it has {self.header[:12]}."
            )
            raise TableError(message)
        return found

    def with_rows(self, rows: Iterable[Sequence[str]]) -> Table:
        """Give the same table with other rows."""
        return replace(self, rows=tuple(map(tuple, rows)))


def fold(text: str) -> str:
    """Make names comparable: case, blanks and punctuation do not count."""
    return "".join(c for c in text.casefold() if c.isalnum())


def read_table(path: str | Path) -> Table:
    """Read a CSV file as Canvas, Moodle or a spreadsheet writes it.

    Raises:
        TableError: it is no table, or too large.
    """
    content = Path(path).read_bytes()
    if len(content) > MAX_BYTES:
        raise TableError(
            f"{str(path)!r} has {len(content) >> 20} MB: that is no table."
        )
    text, has_mark = _decode(content, path)
    delimiter = _find_delimiter(text)
    before = csv.field_size_limit(MAX_CELL)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise TableError(f"{str(path)!r} is no table: {error}.") from error
    finally:
        csv.field_size_limit(before)
    lines = [line for line in lines if any(cell.strip() for cell in line)]
    if not lines:
        raise TableError(f"{str(path)!r} is empty.")
    header = tuple(cell.strip() for cell in lines[0])
    width = len(header)
    rows = [tuple((line + [""] * width)[:width]) for line in lines[1:]]
    return Table(header, tuple(rows), delimiter, has_mark)


def _decode(content: bytes, path: str | Path) -> tuple[str, bool]:
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise TableError(
            f"{str(path)!r} is a spreadsheet or an archive: save it as CSV."
        )
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace"), False
    if b"\0" in content:
        raise TableError(f"{str(path)!r} is no text.")
    try:
        return content.decode("utf-8-sig"), content.startswith(b"\xef\xbb\xbf")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace"), False  # Excel in western Europe


def _find_delimiter(text: str) -> str:
    """Give the sign that parts the header: quoted parts do not count."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    bare = "".join(first.split('"')[::2])
    return max(DELIMITERS, key=lambda sign: (bare.count(sign), -DELIMITERS.index(sign)))


def write_table(path: str | Path, table: Table) -> None:
    """Write a table as CSV, at once: never half of it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=table.delimiter, lineterminator="\r\n")
    writer.writerows([table.header, *table.rows])
    write_file(path, text.getvalue().encode("utf-8-sig" if table.has_mark else "utf-8"))


def write_file(path: str | Path, content: bytes) -> None:
    """Put a whole file in the place of another, at once."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.new")
    fresh.write_bytes(content)
    os.replace(fresh, target)


def disarm(text: str) -> str:
    """Keep a cell text, in a spreadsheet too: an apostrophe before what may be more."""
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text
