"""Finds the exercises in a notebook's cells, and says in which state each one is."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MARKER = re.compile(r"^[ \t]*#[ \t]*exercise:[ \t]*([\w.-]+)[ \t]*$", re.MULTILINE)
STUB = re.compile(r"^[ \t]*raise NotImplementedError\([\"']Exercise", re.MULTILINE)
LIST = re.compile(r"complete\.look\(\s*[\"']([^\"']*)[\"']\s*\)")  # in the last cell
FOREIGN = re.compile(r"^[ \t]*[%!]")  # IPython's own lines, no Python

DONE, TO_DO, BROKEN, LOST = "answered", "to do", "no Python", "missing"


@dataclass(frozen=True)
class CodeCell:
    """A code cell: its text, and the names that it goes by."""

    source: str
    names: frozenset[str] = frozenset()

    def is_answer(self, word: str) -> bool:
        """Whether this is the answer cell of an exercise: its marker line decides."""
        marker = MARKER.search(self.source)
        return marker[1] == word if marker else word in self.names


@dataclass(frozen=True)
class State:
    """How an exercise stands in the file."""

    word: str
    state: str
    note: str = ""


def read_cells(notebook: Mapping[str, Any]) -> list[CodeCell]:
    """Take the code cells of a notebook's JSON; what is no cell is passed over."""
    cells = notebook.get("cells")
    found = []
    for cell in cells if isinstance(cells, list) else []:
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            source = cell.get("source", "")
            text = "".join(source) if isinstance(source, list) else str(source)
            found.append(CodeCell(text, _find_names(cell)))
    return found


def _find_names(cell: Mapping[str, Any]) -> frozenset[str]:
    metadata = cell.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    role = metadata.get("nbgrader")
    grade_id = role.get("grade_id") if isinstance(role, dict) else None
    names = (cell.get("id"), metadata.get("id"), grade_id)
    return frozenset(name for name in names if isinstance(name, str))


def find_words(cells: Sequence[CodeCell]) -> list[str]:
    """Read the list of exercises that the last cell of each lesson holds."""
    lists = [found for cell in cells for found in LIST.findall(cell.source)]
    return lists[-1].split() if lists else []


def find_marked(cells: Sequence[CodeCell]) -> list[str]:
    """Name the exercises whose marker lines are there, in their order."""
    words = [word for cell in cells for word in MARKER.findall(cell.source)]
    return list(dict.fromkeys(words))


def find_states(words: Sequence[str], cells: Sequence[CodeCell]) -> list[State]:
    """Say for each exercise how it stands; the last cell that answers it counts."""
    return [_find_state(word, cells) for word in words]


def _find_state(word: str, cells: Sequence[CodeCell]) -> State:
    mine = [cell for cell in cells if cell.is_answer(word)]
    if not mine:
        return State(word, LOST, f"no cell begins with '# exercise: {word}'")
    note = f"stands in {len(mine)} cells: keep one" if len(mine) > 1 else ""
    answered = [cell for cell in mine if not STUB.search(cell.source)]
    source = (answered or mine)[-1].source
    if stubs := len(STUB.findall(source)):
        return State(word, TO_DO, note or _count_stubs(stubs))
    line = _find_mistake(source)
    if line is None:
        return State(word, DONE, note)
    return State(word, BROKEN, f"line {line} of the cell cannot be read")


def _count_stubs(stubs: int) -> str:
    return f"{stubs} lines begin with 'raise'" if stubs > 1 else ""


def _find_mistake(source: str) -> int | None:
    """Give the line where the text stops being Python; an empty answer is one too."""
    lines = ["pass" if FOREIGN.match(line) else line for line in source.splitlines()]
    try:
        tree = ast.parse("\n".join(lines))
    except (SyntaxError, ValueError, RecursionError) as error:
        return getattr(error, "lineno", None) or 1
    return None if tree.body else 1
