"""Keeps what a student's code wrote from being run out here, by whatever a test calls.

Python tells of such calls by audit events (PEP 578), which no alias and no helper of a
locked cell goes round; what torch loads without one is replaced for the time.
"""

from __future__ import annotations

import contextlib
import functools
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import torch

from grader.proxies.errors import NotExaminable

Folders = tuple[Path, ...]
UNPICKLED = "unpickling {what}: bytes of the student's could run any code by it"
STARTED = "starting another program, which the student's files could direct"
LOADED = "running code from a file that the student's code may have written"
SCRIPTED = "loading a TorchScript program that the student's code may have written"
# What plain data is made of when it is unpickled: these run nothing.
HARMLESS: Mapping[str, frozenset[str]] = {
    "numpy.core.multiarray": frozenset({"_reconstruct", "scalar"}),
    "numpy._core.multiarray": frozenset({"_reconstruct", "scalar"}),
    "numpy.core.numeric": frozenset({"_frombuffer"}),
    "numpy._core.numeric": frozenset({"_frombuffer"}),
    "numpy": frozenset({"ndarray", "dtype"}),
    "collections": frozenset({"OrderedDict", "Counter", "deque"}),
    "builtins": frozenset({"set", "frozenset", "complex", "slice", "range"}),
    "datetime": frozenset({"date", "datetime", "time", "timedelta"}),
    "decimal": frozenset({"Decimal"}),
    "fractions": frozenset({"Fraction"}),
    "_codecs": frozenset({"encode"}),
}
STARTS = (
    *("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn"),
    *("pty.spawn", "os.startfile"),
)
SCRIPTS = ("import_ir_module", "import_ir_module_from_buffer")


class Watchman:
    """Hears Python's audit events, and refuses some while a cell runs out here."""

    def __init__(self) -> None:
        self.refused: NotExaminable | None = None
        self._folders: tuple[Path, ...] = ()  # where files of the student's come to lie
        self._is_needed: Callable[[], bool] = lambda: False

    @contextlib.contextmanager
    def on_duty(self, is_needed: Callable[[], bool]) -> Iterator[None]:
        """Refuse in the block what is needed; `refused` keeps it, swallowed or not.

        is_needed: whether anything of the student's has come out here.
        """
        self.refused, self._is_needed = None, is_needed
        self._folders = list_folders()
        own = {name: getattr(torch._C, name) for name in SCRIPTS}
        for name, load in own.items():
            setattr(torch._C, name, functools.partial(self._load_script, load))
        try:
            yield
        finally:
            self._folders = ()
            for name, load in own.items():
                setattr(torch._C, name, load)

    def hear(self, event: str, about: tuple[Any, ...]) -> None:
        """Raise for what must not be. Called by: Python, for every audit event."""
        judge = JUDGES.get(event)
        if judge is None or not self._folders or not self._is_needed():
            return
        why = judge(about, self._folders, sys._getframe(1))
        if why:
            self._refuse(why)

    def _refuse(self, why: str) -> NoReturn:
        self.refused = NotExaminable(why)
        raise self.refused

    def _load_script(self, load: Callable[..., Any], *args: Any, **more: Any) -> Any:
        return self._refuse(SCRIPTED) if self._is_needed() else load(*args, **more)


@functools.cache  # a hook stays for the life of the process
def find_watchman() -> Watchman:
    """Return the one of this process."""
    watchman = Watchman()
    sys.addaudithook(watchman.hear)
    return watchman


def _judge_class(about: tuple[Any, ...], folders: Folders, frame: FrameType) -> str:
    module, name = map(str, about)
    harmless = name in HARMLESS.get(module, ())
    return "" if harmless else UNPICKLED.format(what=f"{module}.{name}")


def _judge_code(about: tuple[Any, ...], folders: Folders, frame: FrameType) -> str:
    """Refuse code of a file in the folder; code of cells has names of its own."""
    return LOADED if _lies_in(folders, getattr(about[0], "co_filename", "")) else ""


def _judge_bytecode(about: tuple[Any, ...], folders: Folders, frame: FrameType) -> str:
    """Allow what imports read for themselves, but from the folder."""
    is_import = frame.f_code.co_filename.startswith("<frozen importlib")
    path = frame.f_locals.get("bytecode_path") if is_import else None
    return "" if is_import and not _lies_in(folders, path or "") else LOADED


def _judge_library(about: tuple[Any, ...], folders: Folders, frame: FrameType) -> str:
    return LOADED if about and _lies_in(folders, about[0] or "") else ""


def list_folders() -> Folders:
    """Return the working folder, and the one beside it for temporary files."""
    work, temporary = Path.cwd(), Path(tempfile.gettempdir())
    return (work, temporary) if temporary.parent == work.parent else (work,)


def _lies_in(folders: Folders, name: Any) -> bool:
    with contextlib.suppress(TypeError, ValueError, OSError):
        path = folders[0] / str(name)
        return bool(name) and any(map(path.is_relative_to, folders)) and path.exists()
    return False


Judge = Callable[[tuple[Any, ...], Folders, FrameType], str]
JUDGES: Mapping[str, Judge] = {
    **dict.fromkeys(STARTS, lambda about, folders, frame: STARTED),
    "pickle.find_class": _judge_class,
    "exec": _judge_code,
    "marshal.loads": _judge_bytecode,
    "marshal.load": _judge_bytecode,
    "ctypes.dlopen": _judge_library,
}
