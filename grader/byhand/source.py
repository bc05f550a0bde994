"""Reads a student's function, and what it calls, for ways round a derivation.

A live function is read through its source and its globals; a proxy, or the text of
cells, through the text alone. Names of the same notebook are followed.
"""

from __future__ import annotations

import ast
import functools
import inspect
import re
import textwrap
from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from grader.answers.calls import is_library
from grader.byhand.bindings import is_installed
from grader.byhand.cells import Notebook, read_notebook
from grader.byhand.differences import find_differences
from grader.byhand.nodes import (
    judge_constant,
    judge_node,
    judge_reading,
    judge_star,
    names_called,
    without_locals,
)
from grader.byhand.points import Lookup
from grader.byhand.text import split_lines
from grader.shortcuts.evidence import (
    ATTRIBUTES,
    AUTOGRAD,
    BUILTINS,
    DIFFERENCE,
    FUNC,
    HIDDEN,
    OF_MODULES,
    Shortcut,
    find_module,
)

_MAKES_DERIVATIVES = re.compile(r"[\\/]torch[\\/](_functorch|func|autograd)[\\/]")
_WRITES = re.compile(
    r"\b(?:save(?:txt|z\w*)?|tofile|write_text|write_bytes|dump)\b"
    r"|\bopen\([^)]*[\"'][wax]"
)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def read_function(function: Any) -> tuple[Shortcut, ...]:
    """Find the short cuts in a function and in what it reaches in its notebook.

    A proxy's cells are known out here, and so is the name under which the test found
    it; what it says of itself counts only where nothing else is known.
    """
    if getattr(function, "__grader_proxy__", False) is True:
        cells = getattr(function, "__grader_cells__", None)
        own = getattr(function, "__grader_source__", None)
        name = getattr(function, "_grader_known", None)
        name = name if isinstance(name, str) else getattr(function, "__name__", "")
        return read_cells(cells or [own or ""], name)
    reader = _Reader()
    reader.read_object(function, "")
    return tuple(reader.found)


def read_text(text: str, name: str) -> tuple[Shortcut, ...]:
    """Find the short cuts in the function `name` of a text, and in what it reaches."""
    return read_cells([text], name)


def read_cells(cells: Sequence[str], name: str) -> tuple[Shortcut, ...]:
    """Find the short cuts in what a notebook's cells last called `name`."""
    notebook = read_notebook(cells)
    reader = _Reader(notebook)
    try:
        reader.read_start(notebook.find(name), name)
    except RecursionError:  # deeper than anybody writes
        return (*reader.found, Shortcut(HIDDEN))
    return tuple(reader.found)


class _Reader:
    """Follows names from one function on, and keeps what it finds."""

    def __init__(self, notebook: Notebook | None = None) -> None:
        self._notebook = notebook or Notebook()
        self._writes = bool(_WRITES.search(self._notebook.text))
        self.found: dict[Shortcut, None] = {}
        self._seen: list[Any] = []  # the things themselves: an id may be used again

    def read_object(self, thing: Any, line: str) -> None:
        """Read what a name stands for: a module, function, class or wrapper."""
        if any(thing is seen for seen in self._seen):
            return
        self._seen.append(thing)
        if isinstance(thing, ast.AST):
            return
        if getattr(thing, "__grader_proxy__", False) is True:
            self.found |= dict.fromkeys(read_function(thing))
        elif isinstance(thing, ModuleType):
            beside = HIDDEN if _is_beside(thing) else None
            self._note(find_module(thing.__name__) or beside, line)
        elif isinstance(thing, FunctionType):
            self._read_live(thing, line)
        elif isinstance(thing, MethodType):
            self.read_object(thing.__func__, line)
        elif isinstance(thing, functools.partial):
            for part in (thing.func, *thing.args, *thing.keywords.values()):
                self.read_object(part, line)
        elif isinstance(thing, (staticmethod, classmethod)):
            self.read_object(thing.__func__, line)
        elif isinstance(thing, type):
            self._read_class(thing, line)
        elif callable(thing):
            self._note(find_module(str(getattr(thing, "__module__", ""))), line)
            self.read_object(type(thing), line)

    def _read_class(self, thing: type, line: str) -> None:
        self._note(find_module(thing.__module__), line)
        if thing.__module__ in ("__main__", "builtins") or not _is_installed(thing):
            for value in vars(thing).values() if thing.__module__ != "builtins" else ():
                self.read_object(value, line)

    def _read_live(self, function: FunctionType, line: str) -> None:
        filename = function.__code__.co_filename
        if _MAKES_DERIVATIVES.search(filename):
            self._note(AUTOGRAD if "autograd" in filename else FUNC, line)
        elif is_library(filename):
            self._note(find_module(function.__module__ or ""), line)
        else:
            names = _names_of(function)
            tree, text = _parse_source(function)
            if tree is None:
                self._read_code(function.__code__, names)
            else:
                self.read_tree(tree, text, names.get)
        if hasattr(function, "__wrapped__"):
            self.read_object(function.__wrapped__, line)

    def read_start(self, start: ast.AST | None, name: str) -> None:
        """Read what the cells called a name, and what may have put another there."""
        text, lookup = self._notebook.text, self._notebook.lookup
        for tree in (start, *self._notebook.changes.get(name, ())):
            self._follow(tree, text, "", lookup)
        lines = split_lines(text)
        for node in self._notebook.rewrites:
            self._note(HIDDEN, _line_of(node, lines))
        for star in self._notebook.stars:
            if not is_installed(star.module or ""):
                self._note(HIDDEN, _line_of(star, lines))

    def read_tree(self, tree: ast.AST, text: str, lookup: Lookup) -> None:
        """Read a syntax tree; `lookup` gives what a name of it stands for."""
        self._seen.append(tree)
        inner = without_locals(tree, lookup)
        lines = split_lines(text)
        docstrings = {id(node) for node in _docstrings(tree)}
        called = names_called(tree)
        reads = isinstance(tree, _FUNCTIONS) or self._writes
        for node in ast.walk(tree):
            line = _line_of(node, lines)
            if id(node) not in docstrings:
                self._note(judge_node(node, inner, text), line)
                self._note(judge_reading(node, inner) if reads else None, line)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                self._read_name(node.id, text, line, (inner, lookup))
                if node.id == "getattr" and id(node) not in called:
                    self._note(HIDDEN, line)
        for node in find_differences(tree, inner):
            self._note(DIFFERENCE, _line_of(node, lines))

    def _read_name(
        self, name: str, text: str, line: str, lookups: tuple[Lookup, Lookup]
    ) -> None:
        inner, lookup = lookups
        thing = inner(name)
        if thing is None:
            self._note(judge_star(name, self._notebook.stars), line)
        if thing is None or thing is lookup(name):
            for change in self._notebook.changes.get(name, ()):
                self._follow(change, text, line, lookup)
        self._follow(thing, text, line, lookup)

    def _follow(self, thing: Any, text: str, line: str, lookup: Lookup) -> None:
        if isinstance(thing, ast.Module):  # each of them may be it
            for part in thing.body:
                self._follow(part, text, line, lookup)
        elif isinstance(thing, ast.AST):
            if not any(thing is seen for seen in self._seen):
                self.read_tree(thing, text, lookup)
        elif thing is not None:
            self.read_object(thing, line)

    def _read_code(self, code: CodeType, names: Mapping[str, Any]) -> None:
        """Read compiled code, where a function has no source to be had."""
        for name in code.co_names:
            if name not in OF_MODULES:
                self._note(ATTRIBUTES.get(name) or BUILTINS.get(name), "")
            self.read_object(names.get(name), "")
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                self._read_code(constant, names)
            self._note(judge_constant(constant), "")

    def _note(self, way: str | None, line: str) -> None:
        if way is not None:
            self.found[Shortcut(way, line[:200])] = None


def _line_of(node: ast.AST, lines: Sequence[str]) -> str:
    at = getattr(node, "lineno", 0)
    return lines[at - 1].strip() if 0 < at <= len(lines) else ""


def _is_beside(module: ModuleType) -> bool:
    """Tell whether a module lies beside the notebook, where nobody reads it."""
    place = getattr(module, "__file__", None)
    return isinstance(place, str) and not is_library(place)


def _docstrings(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            yield body[0].value


def _names_of(function: FunctionType) -> Mapping[str, Any]:
    """Map what a live function can name: its globals, then what it closes over."""
    closed: dict[str, Any] = {}
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=False)
    for name, cell in cells:
        try:
            closed[name] = cell.cell_contents
        except ValueError:  # not bound yet
            continue
    return ChainMap(closed, function.__globals__)  # which may ask another process


def _parse_source(function: FunctionType) -> tuple[ast.AST | None, str]:
    """Parse a function's own source; of a lambda, every lambda of its line."""
    try:
        text = textwrap.dedent(inspect.getsource(function))
        tree: ast.AST = ast.parse(text)
    except (OSError, TypeError, SyntaxError, ValueError):
        return None, ""
    if function.__name__ == "<lambda>":
        lambdas = [node for node in ast.walk(tree) if isinstance(node, ast.Lambda)]
        tree = ast.Module(
            body=[ast.Expr(value=node) for node in lambdas], type_ignores=[]
        )
    return tree, text


def _is_installed(thing: type) -> bool:
    try:
        return is_library(inspect.getfile(thing))
    except (OSError, TypeError):  # made in a notebook, or built in
        return False
