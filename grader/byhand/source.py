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
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from grader.answers.calls import is_library
from grader.byhand.cells import read_notebook
from grader.byhand.differences import find_differences
from grader.shortcuts.evidence import (
    ATTRIBUTES,
    AUTOGRAD,
    BUILTINS,
    COMPLEX,
    DIFFERENCE,
    FUNC,
    HIDDEN,
    OF_MODULES,
    Shortcut,
    find_module,
)

Lookup = Callable[[str], Any]
_LOCAL = ast.Pass()  # what a local name stands for: nothing that is known
_WORD = re.compile(r"[\w.]+")  # a text that could be a name
_MAKES_DERIVATIVES = re.compile(r"[\\/]torch[\\/](_functorch|func|autograd)[\\/]")


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
    reader = _Reader()
    start = notebook.find(name)
    if start is not None:
        reader.read_tree(start, notebook.text, notebook.definitions.get)
    return tuple(reader.found)


class _Reader:
    """Follows names from one function on, and keeps what it finds."""

    def __init__(self) -> None:
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
            self._note(find_module(thing.__name__), line)
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

    def read_tree(self, tree: ast.AST, text: str, lookup: Lookup) -> None:
        """Read a syntax tree; `lookup` gives what a name of it stands for."""
        self._seen.append(tree)
        lookup = _without_locals(tree, lookup)
        lines = text.splitlines()
        docstrings = {id(node) for node in _docstrings(tree)}
        for node in ast.walk(tree):
            at = getattr(node, "lineno", 0)
            line = lines[at - 1].strip() if 0 < at <= len(lines) else ""
            if id(node) not in docstrings:
                self._note(_judge_node(node, lookup), line)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                self._follow(lookup(node.id), text, line, lookup)
        for node in find_differences(tree):
            self._note(DIFFERENCE, lines[node.lineno - 1].strip())  # type: ignore[attr-defined]

    def _follow(self, thing: Any, text: str, line: str, lookup: Lookup) -> None:
        if isinstance(thing, ast.AST):
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
            self._note(_judge_constant(constant), "")

    def _note(self, way: str | None, line: str) -> None:
        if way is not None:
            self.found[Shortcut(way, line[:200])] = None


def _without_locals(tree: ast.AST, lookup: Lookup) -> Lookup:
    """Leave out a function's own names: they only look like the notebook's."""
    if not isinstance(tree, (ast.FunctionDef, ast.Lambda, ast.Module)):
        return lookup
    functions = [
        n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.Lambda))
    ]
    own: set[str] = {
        a.arg for f in functions for a in ast.walk(f) if isinstance(a, ast.arg)
    }
    for node in (n for f in functions for n in ast.walk(f)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            own.add(node.id)
    return lambda name: _LOCAL if name in own else lookup(name)


def _judge_node(node: ast.AST, lookup: Lookup) -> str | None:
    """Return the way that one node of a tree stands for, or None."""
    match node:
        case ast.Attribute():
            return _judge_attribute(node, lookup)
        case ast.Name(id=name, ctx=ast.Load()) if lookup(name) is None:
            return BUILTINS.get(name)
        case ast.keyword(arg="requires_grad", value=value):
            off = isinstance(value, ast.Constant) and value.value is False
            return None if off else AUTOGRAD
        case ast.Call(func=ast.Name(id="getattr"), args=[_, name, *_]):
            known = isinstance(name, ast.Constant)
            return ATTRIBUTES.get(str(name.value)) if known else HIDDEN  # type: ignore[attr-defined]
        case ast.Constant(value=value):
            return _judge_constant(value)
        case _:
            return _judge_import(node)


def _judge_attribute(node: ast.Attribute, lookup: Lookup) -> str | None:
    base = node.value
    if node.attr in OF_MODULES and not _is_module(base, lookup):
        return None
    return None if _is_own_object(base, lookup) else ATTRIBUTES.get(node.attr)


def _judge_import(node: ast.AST) -> str | None:
    if isinstance(node, ast.Import):
        modules = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        modules = [f"{node.module}.{alias.name}" for alias in node.names]
    else:
        return None
    return next((way for way in map(find_module, modules) if way), None)


def _judge_constant(value: Any) -> str | None:
    if isinstance(value, complex):
        return COMPLEX
    if isinstance(value, str) and _WORD.fullmatch(value):
        words = set(value.split(".")) & set(ATTRIBUTES) - OF_MODULES - {"grad"}
        return ATTRIBUTES[words.pop()] if words else None
    return None


def _is_module(base: ast.AST, lookup: Lookup) -> bool:
    if not isinstance(base, ast.Name):
        return False
    thing = lookup(base.id)
    imported = isinstance(thing, (ModuleType, ast.Import, ast.ImportFrom))
    return imported or (thing is None and base.id in ("torch", "np", "numpy"))


def _is_own_object(base: ast.AST, lookup: Lookup) -> bool:
    """Tell whether a method is called on an object of the student's own class."""
    thing = lookup(base.id) if isinstance(base, ast.Name) else None
    own = getattr(type(thing), "__module__", "") == "__main__"
    return own and not isinstance(thing, (ast.AST, ModuleType, FunctionType))


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
