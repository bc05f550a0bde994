"""Whose name is it? Read from the release alone, never from what a student did.

What locked cells, tests and imports of the release bind is the instructor's; what its
answer and plain cells bind is the student's. The last of them in the notebook counts.
"""

from __future__ import annotations

import ast
import functools
import re
import symtable
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from IPython.core.inputtransformer2 import TransformerManager

from grader.submission.assignment import Cell

STUDENTS = ("plain", "answer")
BACKTICKED = re.compile(r"`([A-Za-z_]\w*)`")
READ_CELLS = 1024
WORD = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class CellNames:
    """What a cell does with the names of the notebook."""

    bound: frozenset[str] = frozenset()  # imports not among them
    imported: frozenset[str] = frozenset()
    read: frozenset[str] = frozenset()  # by the cell itself, or by a function in it
    free: frozenset[str] = frozenset()  # read and not bound in the same cell
    words: frozenset[str] = frozenset()  # of comments and docstrings too


def transform(source: str) -> str:
    """Turn magics and shell escapes into calls, as a notebook does."""
    return str(TransformerManager().transform_cell(source))


def parse(source: str, name: str = "<cell>") -> ast.Module | None:
    """Return the tree of a cell; None when it is no Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in a docstring
            return ast.parse(transform(source), name)
    except (SyntaxError, ValueError, RecursionError):
        return None


@functools.lru_cache(READ_CELLS)  # each submission of a class has the same release
def read_names(source: str) -> CellNames:
    """Find the names that a cell of the release binds and reads."""
    words = frozenset(WORD.findall(source))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            top = symtable.symtable(transform(source), "<cell>", "exec")
    except (SyntaxError, ValueError, RecursionError):
        return CellNames(words=words)
    bound, imported, read = set(), set(), set()
    for symbol in top.get_symbols():
        if symbol.is_imported():
            imported.add(symbol.get_name())
        elif symbol.is_assigned() or symbol.is_namespace():
            bound.add(symbol.get_name())
        if symbol.is_referenced():
            read.add(symbol.get_name())
    for table in _list_inner_tables(top):
        for symbol in table.get_symbols():
            if symbol.is_global() and symbol.is_referenced():
                read.add(symbol.get_name())
            if symbol.is_declared_global() and symbol.is_assigned():
                bound.add(symbol.get_name())
    return CellNames(
        bound=frozenset(bound),
        imported=frozenset(imported),
        read=frozenset(read),
        free=frozenset(read - bound - imported),
        words=words,
    )


def _list_inner_tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _list_inner_tables(child)


def find_imports(source: str) -> list[ast.stmt]:
    """Return the import statements at the top level of a cell, in `try` or `if` too."""
    tree = parse(source)
    found: list[ast.stmt] = []
    todo: list[ast.stmt] = [] if tree is None else list(tree.body)
    while todo:
        statement = todo.pop(0)
        if isinstance(statement, ast.Import | ast.ImportFrom):
            found.append(statement)
        elif isinstance(statement, ast.Try | ast.If | ast.With):
            todo = [*statement.body, *getattr(statement, "orelse", []), *todo]
    return found


@functools.lru_cache(READ_CELLS)
def list_imported(source: str) -> tuple[str, ...]:
    """Name the modules that a cell imports, at any place in it."""
    tree = parse(source)
    found: list[str] = []
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.append(node.module)
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True)
class Plan:
    """Whose the names of a notebook are, from the release alone.

    students: bound by answers and plain cells. shared: what a test binds is set on the
    student's side too, because cells of the release bind or read it there, or the
    master's answer defines it as a function; no other variable of a test goes there,
    for it may hold an expected value. handed_back: by cell, what a test has bound and
    the text of the release then gives the student.
    """

    students: frozenset[str]
    shared: frozenset[str]
    handed_back: dict[str, frozenset[str]]
    cells: dict[str, CellNames]


def make_plan(cells: Sequence[Cell]) -> Plan:
    """Read a master notebook."""
    code = [cell for cell in cells if cell.cell_type == "code"]
    names = {cell.id: read_names(_text(cell)) for cell in code}
    students: set[str] = set()
    locked: set[str] = set()
    shared: set[str] = set()
    for cell in code:
        found = names[cell.id]
        if cell.kind in STUDENTS:
            students |= found.bound | set(cell.binds)
            shared |= found.bound | found.read | set(cell.defines)
        elif cell.kind == "locked":
            locked |= found.bound | found.imported
            shared |= found.read
    return Plan(
        students=frozenset(students - locked),
        shared=frozenset(shared - locked),
        handed_back=_find_handed_back(cells, names),
        cells=names,
    )


def _text(cell: Cell) -> str:
    return cell.release if cell.kind == "answer" and cell.release else cell.source


def _find_handed_back(
    cells: Sequence[Cell], names: dict[str, CellNames]
) -> dict[str, frozenset[str]]:
    """Find the names that tests bound before, and a later text gives to the student."""
    tests: set[str] = set()
    found: dict[str, frozenset[str]] = {}
    said: set[str] = set()
    for cell in cells:
        if cell.cell_type == "markdown":
            said |= set(BACKTICKED.findall(_text(cell)))
        elif cell.kind in STUDENTS and cell.id in names:
            known = said | names[cell.id].words | set(cell.binds)
            found[cell.id] = frozenset(tests & known)
            tests -= found[cell.id]
            said = set()
        elif cell.kind == "check" and cell.id in names:
            tests |= names[cell.id].bound
    return found
