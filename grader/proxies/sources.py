"""The student's cells as text: where a function, a class or an error is in them."""

from __future__ import annotations

import inspect
import io
import linecache
import re
from typing import Any

from grader.values.packing import check_int, check_list

MAX_NUMBER = 1 << 52


class Sources:
    """The cells that ran in one student's process, by the number they ran under."""

    def __init__(self) -> None:
        self._cells: dict[int, list[str]] = {}
        self._names: set[str] = set()

    def add(self, number: int, source: str) -> None:
        """Keep a cell."""
        self._cells[number] = [
            line.rstrip("\n") + "\n" for line in io.StringIO(source, newline=None)
        ]

    def list_cells(self) -> list[str]:
        """Return the text of all cells, in their order."""
        return ["".join(self._cells[number]) for number in sorted(self._cells)]

    def find_line(self, place: Any) -> str:
        """Return a line of a cell, or "" when there is none of that number."""
        lines, number = self._find(place)
        return lines[number - 1] if lines else ""

    def find_block(self, place: Any, class_name: str = "") -> str | None:
        """Return the function at a place, or the class of that name around it."""
        lines, number = self._find(place)
        if not lines:
            return None
        start = number - 1
        if class_name:
            head = re.compile(rf"\s*class\s+{re.escape(class_name)}\b")
            start = next((k for k, line in enumerate(lines) if head.match(line)), start)
        return "".join(inspect.getblock(lines[start:]))

    def show_to_inspect(self, place: Any) -> tuple[str, int]:
        """Return file name and line under which `inspect` finds a place.

        Raises: OSError as `inspect` does when there is none.
        """
        lines, number = self._find(place)
        if not lines:
            message = "could not get source code"
            raise OSError(message)
        name = f"<cell {place[0]} of the student>"
        linecache.cache[name] = (sum(map(len, lines)), None, lines, name)
        self._names.add(name)
        return name, number

    def _find(self, place: Any) -> tuple[list[str], int]:
        if place is None:
            return [], 0
        cell, number = (check_int(part, 0, MAX_NUMBER) for part in check_list(place, 2))
        lines = self._cells.get(cell, [])
        return (lines, number) if 1 <= number <= len(lines) else ([], 0)

    def close(self) -> None:
        """Take the cells from where `inspect` finds them."""
        for name in self._names:
            linecache.cache.pop(name, None)
