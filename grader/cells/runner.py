"""Runs one of the instructor's cells out here, as a notebook would."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import ctypes
import functools
import io
import linecache
import math
import sys
import threading
import time
import traceback
import types
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from grader.cells.adapt import Adapt
from grader.cells.names import find_imports, transform
from grader.cells.namespace import Namespace, NotebookModule
from grader.cells.refuse import find_watchman
from grader.cells.shell import Notebook, find_type, show_text
from grader.proxies.operators import find_literal_operations

PRINTED_CHARACTERS = 1 << 16
GRACE_S = 1.0  # a request that is under way has a deadline of its own
COMPILED = 1024  # cells that are kept compiled
REPEAT_S = 0.2  # an interrupt that a test swallowed comes again
NOTHING = object()


class OutOfTime(BaseException):
    """A test cell took too long out here."""


@dataclass
class Ran:
    """How an instructor's cell ended: its value, or what was raised."""

    value: Any = NOTHING
    error: BaseException | None = None
    out: str = ""
    line: int = 0  # where in the cell the error came up
    tree: ast.Module = field(default_factory=lambda: ast.Module([], []))


@dataclass
class Code:
    """A cell made ready: its statements, and its last expression on its own."""

    body: types.CodeType
    last: types.CodeType | None
    names: frozenset[str]
    literals: frozenset[Any]
    tree: ast.Module
    lines: tuple[str, ...]


@functools.lru_cache(COMPILED)  # each submission runs the same cells
def compile_cell(source: str, name: str) -> Code:
    """Compile a cell.

    Raises: SyntaxError.
    """
    text = transform(source)
    tree = ast.parse(text, name)
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    literals = find_literal_operations(tree)
    tree = ast.fix_missing_locations(Adapt(tree).visit(tree))
    last, body = None, tree.body
    if body and isinstance(body[-1], ast.Expr) and not is_quiet(source):
        last = body[-1].value
        body = body[:-1]
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    module = ast.Module(body, [])
    return Code(
        compile(module, name, "exec", flags, dont_inherit=True),
        None
        if last is None
        else compile(ast.Expression(last), name, "eval", flags, dont_inherit=True),
        frozenset(names),
        literals,
        tree,
        tuple(line + "\n" for line in text.splitlines()),
    )


@functools.lru_cache(COMPILED)
def compile_imports(source: str) -> tuple[types.CodeType, ...]:
    """Compile the import statements of a cell, each on its own."""
    modules = [ast.Module([statement], []) for statement in find_imports(source)]
    return tuple(
        compile(ast.fix_missing_locations(module), "<import>", "exec")
        for module in modules
    )


def is_quiet(source: str) -> bool:
    """Whether a cell ends in a semicolon, which keeps its value from being shown."""
    last = source.rstrip().rpartition("\n")[2]
    return last.partition("#")[0].rstrip().endswith(";")


class Runner:
    """Runs the cells of one notebook in one namespace."""

    def __init__(self, namespace: Namespace) -> None:
        self.namespace = namespace
        self.module = NotebookModule(namespace)
        self._files: list[str] = []
        self._alarm = Alarm()
        shell = Notebook(namespace)
        dict.__getitem__(namespace, "__builtins__").update(
            get_ipython=lambda: shell, display=show_text, __grader_type__=find_type
        )

    def run(self, source: str, name: str, *, seconds: float) -> Ran:
        """Run a cell; whatever it raises is returned."""
        out = io.StringIO()
        ran = Ran()
        with (
            swap_main(self.module),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            try:
                code = compile_cell(source, name)
                ran.tree = code.tree
                linecache.cache[name] = (len(source), None, list(code.lines), name)
                self._files.append(name)
                self.namespace.line.names |= code.names
                self.namespace.line.literals[name] = code.literals
                with self._alarm.after(seconds + GRACE_S), self._watch():
                    ran.value = self._run_code(code)
            except BaseException as error:  # noqa: BLE001  the edge: a verdict follows
                ran.error = error
                ran.line = find_line(error, name)
        self._alarm.stop()  # also when the time was over while it was being stopped
        ran.error = find_watchman().refused or ran.error
        ran.out = out.getvalue()[:PRINTED_CHARACTERS]
        return ran

    def _watch(self) -> AbstractContextManager[None]:
        return find_watchman().on_duty(lambda: self.namespace.is_touched)

    def _run_code(self, code: Code) -> Any:
        self._run_one(code.body)
        return NOTHING if code.last is None else self._run_one(code.last)

    def _run_one(self, code: types.CodeType) -> Any:
        result = eval(code, self.namespace)
        if code.co_flags & 0x80:  # inspect.CO_COROUTINE
            with asyncio.Runner() as runner:
                return runner.run(result)
        return result

    def run_imports(self, source: str) -> None:
        """Run the import statements of a cell of the release, those that can be run."""
        for code in compile_imports(source):
            with contextlib.suppress(Exception):
                exec(code, self.namespace)

    def close(self) -> None:
        """Forget the sources."""
        self._alarm.close()
        for name in self._files:
            linecache.cache.pop(name, None)


def find_line(error: BaseException, name: str) -> int:
    """Return the line of a file where an error came up, the innermost; 0 for none."""
    frames = traceback.walk_tb(error.__traceback__)
    found = [line for frame, line in frames if frame.f_code.co_filename == name]
    if not found and isinstance(error, SyntaxError):
        return error.lineno or 0
    return found[-1] if found else 0


@contextlib.contextmanager
def swap_main(module: types.ModuleType) -> Iterator[None]:
    """Let `__main__` be the notebook, as pickle, dataclasses and typing expect."""
    before = sys.modules["__main__"]
    sys.modules["__main__"] = module
    try:
        yield
    finally:
        sys.modules["__main__"] = before


class Alarm:
    """Raises OutOfTime in this thread when a cell's time is over, again and again.

    Works in any thread, unlike a signal; a single long call into C is not interrupted.
    One watcher for all cells of a notebook, who looks five times a second: to start
    one for each cell, or to wake it, costs as much as running a small cell.
    """

    def __init__(self) -> None:
        self._thread = ctypes.c_ulong(threading.get_ident())
        self._lock = threading.Lock()
        self._end = math.inf  # on the monotonic clock
        self._done = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    @contextlib.contextmanager
    def after(self, seconds: float) -> Iterator[None]:
        """Raise it in the block when so many seconds are over."""
        self._end = time.monotonic() + seconds
        try:
            yield
        finally:
            self.stop()

    def stop(self) -> None:
        """Raise it no more; one that is on its way ends here."""
        with contextlib.suppress(OutOfTime):
            self._end = math.inf
            with self._lock:  # the watcher is not between looking and raising
                pass
            # Taking an interrupt back by a NULL leaves Python 3.11 looking for it at
            # every call, so one that is on its way is awaited.
            for _ in range(100):
                pass

    def close(self) -> None:
        """End the watcher."""
        self._done.set()
        self._watcher.join()

    def _watch(self) -> None:
        while not self._done.wait(REPEAT_S):
            with self._lock:
                if time.monotonic() >= self._end:
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(
                        self._thread, ctypes.py_object(OutOfTime)
                    )
