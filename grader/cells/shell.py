"""What test cells find around them: builtins, magics, `display`, `type`."""

from __future__ import annotations

import builtins
import contextlib
import io
import sys
from collections.abc import Callable
from typing import Any

from grader.cells.names import transform
from grader.cells.namespace import Namespace
from grader.proxies.errors import NotExaminable
from grader.proxies.objects import is_students

HARMLESS = frozenset(
    {
        *("matplotlib", "load_ext", "reload_ext", "autoreload", "config", "precision"),
        *("pylab", "pdb", "xmode", "colors", "pprint", "doctest_mode", "unload_ext"),
    }
)
MAGIC = "the magic {name}, which needs a notebook's own kernel"
SHELL = "a shell command"
GENERATED = "text that the test made up or the student sent, run as code"


def find_type(value: Any) -> Any:
    """Return what `type(value)` is in a notebook, for a proxy too."""
    if is_students(value) and not issubclass(type(value), type):
        return value.__class__
    return type if is_students(value) else type(value)


class Notebook:
    """What `get_ipython()` gives a test cell: the harmless part of a shell."""

    def __init__(self, namespace: Namespace) -> None:
        self.user_ns = namespace
        self.kernel = None

    def run_line_magic(self, name: str, line: str, _stack_depth: int = 1) -> Any:
        """Run `%name line`."""
        if name in HARMLESS:
            return None
        if name in ("time", "timeit", "prun"):
            code = line.rpartition("-r1 ")[2] or line
            exec(compile(transform(code), "<magic>", "exec"), self.user_ns)
            return None
        return refuse_in(self.user_ns, MAGIC.format(name=f"%{name}"))

    def run_cell_magic(self, name: str, line: str, cell: str) -> Any:
        """Run a cell under `%%name line`."""
        if name not in ("time", "timeit", "capture"):
            return refuse_in(self.user_ns, MAGIC.format(name=f"%%{name}"))
        quiet = io.StringIO() if name == "capture" else sys.stdout
        with contextlib.redirect_stdout(quiet):
            exec(compile(transform(cell), "<magic>", "exec"), self.user_ns)
        return None

    def magic(self, line: str) -> Any:
        """Run a line magic in the old way."""
        name, _, rest = line.partition(" ")
        return self.run_line_magic(name.lstrip("%"), rest)

    def system(self, command: str) -> Any:
        """Refuse `!command`."""
        refuse_in(self.user_ns, SHELL)

    getoutput = system


def refuse_in(namespace: Namespace, what: str) -> Any:
    """Note that a test cell cannot be examined from outside.

    Raises: NotExaminable.
    """
    namespace.line.fault = NotExaminable(what)
    raise namespace.line.fault


def make_builtins(namespace: Callable[[], Namespace]) -> dict[str, Any]:
    """Return the builtins of test cells.

    What a student's process sent is never run: `exec` and `eval` take text only where
    it is written out in the cell, which `adapt` finds.
    """

    def run_code(run: Any, *, is_text_known: bool) -> Any:
        def guarded(code: Any, *where: Any, **options: Any) -> Any:
            if isinstance(code, str | bytes) and not is_text_known:
                refuse_in(namespace(), GENERATED)
            if not where:
                frame = sys._getframe(1)
                where = (frame.f_globals, frame.f_locals)
            return run(code, *where, **options)

        return guarded

    def refuse_text(code: Any, *args: Any, **options: Any) -> Any:
        if isinstance(code, str | bytes):
            refuse_in(namespace(), GENERATED)
        return compile(code, *args, **options)

    return {
        **vars(builtins),
        "exec": run_code(exec, is_text_known=False),
        "eval": run_code(eval, is_text_known=False),
        "compile": refuse_text,
        "__grader_exec__": run_code(exec, is_text_known=True),
        "__grader_eval__": run_code(eval, is_text_known=True),
        "__grader_compile__": compile,
    }


def show_text(*things: Any, **options: Any) -> None:
    """Print what a test displays."""
    for thing in things:
        print(thing)
