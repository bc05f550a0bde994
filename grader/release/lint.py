"""The rules that every master keeps, so that grading and teaching can rely on them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from grader.release.normal import KERNELSPEC, to_text

MAX_LINES = 30  # of any code cell
USUAL_LINES = 13  # of nine code cells in ten
MAX_ANSWER_LINES = 10  # between BEGIN and END SOLUTION
# What the title cell tells: what is learnt (a list), what is needed, how long it takes.
FRAME = {"a list": r"^- ", "'need'": r"\bneed\b", "'minutes'": r"\bminutes\b"}
WORD = re.compile(r"[A-Za-z]\w*")
BEGIN = re.compile(r"^\s*### BEGIN SOLUTION (\d+\.\d+): \S.*$", re.MULTILINE)
REGION = re.compile(
    r"^\s*### BEGIN SOLUTION[^\n]*\n(.*?)^\s*### END SOLUTION", re.MULTILINE | re.DOTALL
)
# What nbformat raises for a file that is no notebook depends on where it breaks.
BROKEN = (ValueError, KeyError, TypeError, AttributeError, nbformat.ValidationError)
POINTS_CALL = re.compile(r"\.points\((\d+(?:\.\d+)?)\)$")


@dataclass(frozen=True)
class Breach:
    """One rule broken in one place."""

    path: Path
    cell: str  # its id, "" for the whole notebook
    rule: str

    def __str__(self) -> str:
        place = f"{self.path}: {self.cell}" if self.cell else str(self.path)
        return f"{place}: {self.rule}"


def lint(path: Path) -> list[Breach]:
    """Hold one master to all rules; a file that is no notebook breaks one."""
    text = path.read_text(encoding="utf-8")
    try:
        notebook = _read_notebook(text)
    except BROKEN as error:
        first_line = str(error).strip().splitlines()[0]
        return [Breach(path, "", f"is no valid notebook: {first_line}")]
    broken = [(_find_id(cell), rule) for cell, rule in _check_all(notebook, text)]
    return [Breach(path, cell, rule) for cell, rule in broken]


def find_solutions(cell: NotebookNode) -> list[str]:
    """Give the text between the marks, of each region in the cell."""
    return REGION.findall(cell.source)


def _read_notebook(text: str) -> NotebookNode:
    """Read strictly; nbformat by itself gives a second cell of an id a new one.

    Raises:
        ValueError: two cells have one id, or the text is no notebook.
    """
    ids = Counter(cell.get("id") for cell in json.loads(text)["cells"])
    for cell_id, count in ids.items():
        if count > 1:
            message = f"{count} cells with id {cell_id!r}"
            raise ValueError(message)
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    return notebook


def _check_all(notebook: NotebookNode, text: str) -> Iterator[tuple[Any, str]]:
    if text != to_text(notebook):
        yield None, "is not in normal form: run make tidy"
    if notebook.metadata.get("kernelspec") != KERNELSPEC:
        yield None, "has another kernelspec: run make tidy"
    yield from _check_frame(notebook.cells)
    yield from _check_sizes(notebook.cells)
    for cell in notebook.cells:
        for rule in _find_breaches(cell):
            yield cell, rule
    yield from _check_exercises(notebook.cells)


def _check_frame(cells: list[NotebookNode]) -> Iterator[tuple[Any, str]]:
    if len(cells) < 2:
        yield None, "has no title cell and no set-up cell"
        return
    title, setup = cells[:2]
    if title.cell_type != "markdown" or not title.source.startswith("# "):
        yield title, "is the first cell and no title: begin with '# '"
    for words, pattern in FRAME.items():
        if not re.search(pattern, title.source, re.MULTILINE):
            yield title, f"lacks {words} (what is learnt, needed, how long)"
    if setup.id != "setup" or not _read_role(setup).get("locked"):
        yield setup, "is the second cell and not the locked one with id 'setup'"
    for cell in cells[2:]:
        if re.search(r"^(import|from) ", cell.source, re.MULTILINE) and _is_code(cell):
            yield cell, "imports: imports stand in the set-up cell only"


def _check_sizes(cells: list[NotebookNode]) -> Iterator[tuple[Any, str]]:
    lengths = {cell.id: _count_lines(cell) for cell in cells if _is_code(cell)}
    for cell in cells:
        if lengths.get(cell.id, 0) > MAX_LINES:
            yield cell, f"has {lengths[cell.id]} lines: at most {MAX_LINES}"
    longer = sum(length > USUAL_LINES for length in lengths.values())
    if longer > len(lengths) / 10:
        yield None, f"{longer} of {len(lengths)} code cells pass {USUAL_LINES} lines"


def _find_breaches(cell: NotebookNode) -> Iterator[str]:
    """Yield the rules that one cell breaks by itself."""
    role = _read_role(cell)
    checks: list[tuple[bool, str]] = [
        (bool(cell.get("outputs")), "has outputs: run make tidy"),
        (bool(set(cell.metadata) - {"nbgrader", "tags"}), "has other metadata"),
        (
            bool(role) and role.get("grade_id") != cell.id,
            "has another grade_id than id",
        ),
        (
            "HIDDEN TESTS" in cell.source,
            "hides tests: draws are fresh, none are needed",
        ),
        ("sys.path" in cell.source, "changes sys.path"),
        ("google.colab" in cell.source, "looks for Colab: the release adds that"),
        (bool(find_solutions(cell)) and not role.get("solution"), "is no answer cell"),
    ]
    yield from (rule for broken, rule in checks if broken)
    find: Callable[[NotebookNode], Iterator[str]] | None = None
    if role.get("solution") and _is_code(cell):
        find = _find_answer_breaches
    elif role.get("grade") and _is_code(cell):
        find = _find_test_breaches
    if find:
        yield from find(cell)


def _find_answer_breaches(cell: NotebookNode) -> Iterator[str]:
    if not WORD.fullmatch(cell.id):
        yield "is no word: ids are permanent words"
    if cell.source.splitlines()[:1] != [f"# exercise: {cell.id}"]:
        yield f"does not begin with '# exercise: {cell.id}'"
    solutions = find_solutions(cell)
    numbers = BEGIN.findall(cell.source)
    if not solutions or len(numbers) != len(solutions) or len(set(numbers)) != 1:
        yield "needs '### BEGIN SOLUTION 5.3: what to return' … '### END SOLUTION'"
    for solution in solutions:
        lines = [line for line in solution.splitlines() if line.strip()]
        if len(lines) > MAX_ANSWER_LINES:
            yield f"answers in {len(lines)} lines: at most {MAX_ANSWER_LINES}"


def _find_test_breaches(cell: NotebookNode) -> Iterator[str]:
    """A check cell ends in a number, or nbgrader gives full points to anything."""
    last = cell.source.rstrip().splitlines()[-1]
    points = _read_role(cell)["points"]
    called = POINTS_CALL.search(last)
    if not cell.id.startswith("test_"):
        yield "is a check cell: its id is 'test_' and the exercise's word"
    if called is None:
        yield "does not end in .points(n), a bare number"
    elif float(called[1]) != points:
        yield f"gives {called[1]} points, and nbgrader is told {points}"


def _check_exercises(cells: list[NotebookNode]) -> Iterator[tuple[Any, str]]:
    """Each answer has one check after it, and a free cell to try it out before."""
    tried = False  # whether a free cell came since the check before
    waiting: list[NotebookNode] = []  # answers whose check has not come yet
    for cell in filter(_is_code, cells):
        role = _read_role(cell)
        tried = tried or not role
        if role.get("solution"):
            waiting.append(cell)
        elif role.get("grade"):
            checked = [one for one in waiting if cell.id == f"test_{one.id}"]
            if not checked:
                yield cell, "checks no answer that stands before it"
            elif not tried:
                yield cell, "has no free cell before it to try the answer out"
            waiting = [one for one in waiting if one not in checked]
            tried = False
    for cell in waiting:
        yield cell, f"has no check cell test_{cell.id} after it"


def _is_code(cell: NotebookNode) -> bool:
    return bool(cell.cell_type == "code")


def _read_role(cell: NotebookNode) -> dict[str, Any]:
    """Give nbgrader's metadata of a cell, empty where it has none."""
    return dict(cell.metadata.get("nbgrader", {}))


def _count_lines(cell: NotebookNode) -> int:
    """Count what is read: no blank lines, not the marks of a solution."""
    lines = (line.strip() for line in cell.source.splitlines())
    return sum(bool(line) and " SOLUTION" not in line for line in lines)


def _find_id(cell: NotebookNode | None) -> str:
    return "" if cell is None else str(cell.id)
