"""Reads cells as one text: what each name of the notebook was defined as, last.

A cell that is no Python did not run: it is left out, and cannot hide the others.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from grader.byhand.bindings import list_changes, list_definitions, stays_in_force
from grader.byhand.rewrites import find_rewrites, list_magic_code
from grader.byhand.text import parse, read_cell, split_lines

_KEPT = 1024  # cells of a few notebooks, read once for each place they stand at
_CODE = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.Name),
    *(ast.Import, ast.ImportFrom),
)


@dataclass
class Notebook:
    """All cells as one text, their trees, and the definitions of their names.

    changes: what puts something into a name's object, or may bind the name from afar.
    stars: the modules of which all names were imported.
    rewrites: what can bind any name at all.
    """

    text: str = ""
    trees: list[ast.Module] = field(default_factory=list)
    definitions: dict[str, list[ast.AST]] = field(default_factory=dict)
    changes: dict[str, list[ast.AST]] = field(default_factory=dict)
    stars: list[ast.ImportFrom] = field(default_factory=list)
    rewrites: list[ast.AST] = field(default_factory=list)

    def lookup(self, name: str) -> ast.AST | None:
        """Return what defined a name: one tree, or several that may have."""
        found = self.definitions.get(name, [])
        return found[0] if len(found) == 1 else ast.Module(found, []) if found else None  # type: ignore[arg-type]

    def find(self, name: str) -> ast.AST | None:
        """Return what defined a name; else the cells that mention it."""
        if name in self.definitions:
            return self.lookup(name)
        body = [
            node for tree in self.trees if _mentions(tree, name) for node in tree.body
        ]
        return ast.Module(body, []) if body else None


def read_notebook(cells: Sequence[str]) -> Notebook:
    """Parse cells; the lines of their trees are those of the whole text."""
    notebook = Notebook()
    lines: list[str] = []
    for cell in map(read_cell, cells):
        for part in _read_parts(cell.text, len(lines)):
            _add(notebook, part, is_doubtful=cell.is_doubtful or part.is_inner)
        lines += split_lines(cell.text)
    notebook.text = "\n".join(lines)
    for tree in notebook.trees:
        notebook.rewrites += find_rewrites(tree, notebook.lookup)
    return notebook


@dataclass(frozen=True)
class _Part:
    """A cell, or what a magic in it runs.

    bindings: whether the cell may have stopped before it, the name, what it is.
    """

    tree: ast.Module
    bindings: tuple[tuple[bool, str, ast.AST], ...]
    changes: tuple[tuple[str, ast.AST], ...]
    is_inner: bool


@functools.lru_cache(_KEPT)  # each check reads all cells that have run
def _read_parts(text: str, offset: int) -> tuple[_Part, ...]:
    """Read a cell that so many lines stand above; nothing where it is no Python."""
    tree = parse(text)
    if tree is None:
        return ()
    ast.increment_lineno(tree, offset)
    return tuple(_read_trees(tree, is_inner=False))


def _read_trees(tree: ast.Module, *, is_inner: bool) -> Iterator[_Part]:
    bindings, is_doubtful = [], False
    for statement in tree.body:
        is_doubtful |= not stays_in_force(statement)  # it may stop the cell here
        bindings += [(is_doubtful, *one) for one in list_definitions(statement)]
    yield _Part(tree, tuple(bindings), tuple(list_changes(tree)), is_inner)
    for line, inner in list_magic_code(tree):
        ast.increment_lineno(inner, line - 1)
        yield from _read_trees(inner, is_inner=True)


def _add(notebook: Notebook, part: _Part, *, is_doubtful: bool) -> None:
    notebook.trees.append(part.tree)
    for may_be_left_out, name, node in part.bindings:
        if name == "*" and isinstance(node, ast.ImportFrom):
            notebook.stars.append(node)
            continue
        known = notebook.definitions.get(name, [])
        kept = [one for one in known if _is_code(one) or _is_code(node)]
        stays = is_doubtful or may_be_left_out
        notebook.definitions[name] = [*(kept if stays else []), node]
    for name, change in part.changes:
        notebook.changes.setdefault(name, []).append(change)


def _is_code(node: ast.AST) -> bool:
    """Tell whether a definition is code: data that a try-out left is not."""
    return isinstance(node, _CODE)


def _mentions(tree: ast.AST, name: str) -> bool:
    nodes = ast.walk(tree)
    return any(isinstance(node, ast.Name) and node.id == name for node in nodes)
