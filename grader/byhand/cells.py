"""Reads cells as one text: what each name of the notebook was defined as, last.

A cell that is no Python is left out; it cannot hide the others.
"""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_MAGIC = re.compile(r"(?m)^(\s*)(?:[%!?].*|[\w.]+\?+)$")
_CAPTURE = re.compile(r"(?m)^(\s*[\w, ]+=\s*)[%!].*$")  # `names = !ls`
_BLOCKS = (ast.If, ast.Try, ast.With, ast.For, ast.While)


@dataclass(frozen=True)
class Notebook:
    """All cells as one text, their trees, and the definitions of their names."""

    text: str
    trees: Sequence[ast.Module]
    definitions: dict[str, ast.AST]

    def find(self, name: str) -> ast.AST | None:
        """Return what defined a name; else the cells that mention it."""
        if name in self.definitions:
            return self.definitions[name]
        body = [
            node for tree in self.trees if _mentions(tree, name) for node in tree.body
        ]
        return ast.Module(body, []) if body else None


def read_notebook(cells: Sequence[str]) -> Notebook:
    """Parse cells; the lines of their trees are those of the whole text."""
    texts = [textwrap.dedent(cell) for cell in cells]
    trees: list[ast.Module] = []
    definitions: dict[str, ast.AST] = {}
    above = 0
    for text in texts:
        tree = _parse(text, above)
        if tree is not None:
            trees.append(tree)
            definitions |= dict(_list_definitions(tree.body))
        above += len(text.splitlines())
    lines = [line for text in texts for line in text.splitlines()]
    return Notebook("\n".join(lines), trees, definitions)


def _parse(text: str, above: int) -> ast.Module | None:
    text = _CAPTURE.sub(r"\1None", _MAGIC.sub(r"\1pass", text))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in a text
            return ast.parse(above * "\n" + text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _list_definitions(body: Sequence[ast.stmt]) -> Iterator[tuple[str, ast.AST]]:
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name, node
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                yield (alias.asname or alias.name).split(".")[0], node
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for part in (part for target in targets for part in ast.walk(target)):
                if isinstance(part, ast.Name):
                    yield part.id, node.value
        elif isinstance(node, _BLOCKS):
            for field in ("body", "handlers", "orelse", "finalbody"):
                parts = getattr(node, field, [])
                for part in parts:
                    inner = part.body if isinstance(part, ast.ExceptHandler) else [part]
                    yield from _list_definitions(inner)


def _mentions(tree: ast.AST, name: str) -> bool:
    nodes = ast.walk(tree)
    return any(isinstance(node, ast.Name) and node.id == name for node in nodes)
