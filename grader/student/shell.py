"""An IPython shell without a kernel: runs cells and keeps what they displayed."""

from __future__ import annotations

import ast
import builtins
import contextlib
import getpass
import inspect
import os
import sys
import time
import types
import warnings
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.error import StdinNotImplementedError
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.text import SList
from traitlets import Type
from traitlets.config import Config

from grader.student.outputs import Collector, Stream, finish

NO_INPUT: Final = "input() has nobody to ask while a notebook is graded."
NO_SHELL: Final = "There is no shell while a notebook is graded: skipped {command!r}."
SHELL_MAGICS: Final = (
    *("bash", "sh", "script", "system", "sx", "perl", "ruby", "pypy"),
    *("python", "python2", "python3", "pip", "conda", "mamba", "micromamba", "uv"),
)
KEPT_FRAMES: Final = 5  # at each end of an endless recursion
INLINE: Final = "module://matplotlib_inline.backend_inline"


@dataclass(frozen=True)
class Ran:
    """What a cell left: outputs as in a notebook file, and its error, if any."""

    outputs: list[dict[str, Any]]
    error: dict[str, Any] | None
    seconds: float


class Publisher(DisplayPublisher):
    """Hands displays to the collector."""

    def publish(
        self,
        data: Any,
        metadata: Any = None,
        *,
        transient: Any = None,
        update: bool = False,
        **kwargs: Any,
    ) -> None:
        """Add or update a display. Called by `IPython.display`; super is not needed."""
        self._validate_data(data, metadata)
        display_id = (transient or {}).get("display_id")
        if update:
            self.shell.collector.update(display_id, data, metadata)
        else:
            extra = {} if display_id is None else {"display_id": display_id}
            self.shell.collector.show("display_data", data, metadata, **extra)

    def clear_output(self, wait: bool = False) -> None:
        """Clear the cell. Called by `IPython.display.clear_output`."""
        self.shell.collector.clear(wait=wait)


class Hook(DisplayHook):
    """Hands the value of a cell's last expression to the collector."""

    def write_output_prompt(self) -> None:
        """Do nothing: the prompt is a number in the output. Called for each value."""

    def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
        """Add the result. Called by `__call__`; super would print it."""
        count = self.prompt_count
        collector = self.shell.collector
        collector.show("execute_result", format_dict, md_dict, execution_count=count)

    def finish_displayhook(self) -> None:
        """Do nothing: super would print a newline. Called after each value."""
        self._is_active = False


class Compiler(CachingCompiler):
    """Names the code of a cell as its prompt does."""

    def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:
        """Return the name that warnings and tracebacks show. Called by `cache`."""
        name = f"Cell In[{number}]"
        for path in (name, os.path.abspath(name)):  # else it looks through all modules
            inspect.modulesbyfile[path] = "__main__"
        return name


class Shell(InteractiveShell):
    """The student's shell; `start` makes it the one that `get_ipython` returns."""

    displayhook_class = Type(Hook)
    display_pub_class = Type(Publisher)
    compiler_class = Type(Compiler)

    def __init__(self, **traits: Any) -> None:
        self.collector = Collector(1 << 20)
        self._folder = ""  # where the first cell ran
        self._streams: dict[str, Stream] = {}
        super().__init__(**traits)

    @classmethod
    def start(cls, output_bytes: int = 1 << 20) -> Shell:
        """Make the shell of this process, in place of an earlier one."""
        cls.clear_instance()
        config = Config()
        config.HistoryManager.enabled = False  # it would write files, from a thread
        config.HistoryManager.hist_file = ":memory:"
        shell: Shell = cls.instance(config=config)
        shell.collector = Collector(output_bytes)
        for name in ("stdout", "stderr"):
            shell._streams[name] = Stream(name, shell.collector)
            setattr(sys, name, shell._streams[name])
        builtins.input = refuse_input
        getpass.getpass = refuse_input
        for name in SHELL_MAGICS:
            shell.register_magic_function(refuse_shell, "line_cell", name)
        shell.set_custom_exc((RecursionError,), show_deep_traceback)
        show_figures_inline(shell)
        return shell

    @property
    def names(self) -> dict[str, Any]:
        """The student's globals."""
        names: dict[str, Any] = self.user_ns
        return names

    def run(self, source: str, name: str, index: int) -> Ran:
        """Run one cell as `In[index]`; `name` is its id."""
        self.collector.take()  # what a thread wrote since the last cell
        self._find_footing()
        self.execution_count = index
        start = time.monotonic()
        failure: BaseException | None
        try:
            result = self.run_cell(source, store_history=True, cell_id=name)
            failure = result.error_before_exec or result.error_in_exec
        except BaseException as error:  # noqa: BLE001  interrupted, or bent by a student
            failure = error
            self._showtraceback(type(error), error, [])
        seconds = time.monotonic() - start
        outputs = finish(self.collector.take())
        return Ran(outputs, find_error(outputs, failure), seconds)

    def _find_footing(self) -> None:
        """Give the cell a folder and streams, whatever the cell before did to them."""
        try:
            here = os.getcwd()
            self._folder = self._folder or here
        except OSError:  # it was removed, the first one too perhaps
            with contextlib.suppress(OSError):
                os.makedirs(self._folder, exist_ok=True)
                os.chdir(self._folder)
        for name, stream in self._streams.items():
            if not callable(getattr(getattr(sys, name, None), "write", None)):
                setattr(sys, name, stream)

    def transform_cell(self, raw_cell: str) -> str:
        """Return a cell of mere Python as it is; super takes five times as long.

        Called by `run_cell`. One line may be a magic's name; a prompt may be in a cell.
        """
        is_mere = raw_cell[:1].isidentifier() or raw_cell[:1] in ("#", "@")
        if not is_mere or "\n" not in raw_cell.strip() or raw_cell.startswith("In ["):
            return str(super().transform_cell(raw_cell))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it is compiled again, and warns then
                ast.parse(raw_cell)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return str(super().transform_cell(raw_cell))
        return raw_cell.rstrip("\n") + "\n"

    def system(self, cmd: str) -> None:
        """Refuse `!command`. Called by IPython's own transformation."""
        refuse_shell(cmd)

    def getoutput(self, cmd: str, split: bool = True, depth: int = 0) -> Any:
        """Refuse `names = !command`. Called by IPython's own transformation."""
        refuse_shell(cmd)
        return SList() if split else ""

    def enable_gui(self, gui: Any = None) -> None:
        """Do nothing: there is no screen. Called by `%matplotlib` and `%gui`."""

    def ask_exit(self) -> None:
        """Do nothing: `exit` must not end the process. Called by `exit` and `quit`."""

    def _format_exception_for_storage(self, *about: Any, **options: Any) -> None:
        """Do nothing: super formats each traceback once more, 30 ms, for a history."""

    def _showtraceback(self, etype: Any, evalue: Any, stb: list[str]) -> None:
        """Keep an error. Called by every `show…traceback`; super would print it."""
        try:
            value = str(evalue)
        except BaseException:  # noqa: BLE001  a student's __str__
            value = ""
        self.collector.fail(etype.__name__, value, [str(line) for line in stb])


def find_error(
    outputs: list[dict[str, Any]], failure: BaseException | None
) -> dict[str, Any] | None:
    """Return the error that ended a cell, as it was displayed."""
    if failure is None:
        return None
    shown = [output for output in outputs if output["output_type"] == "error"]
    last = shown[-1] if shown else {"ename": type(failure).__name__}
    return {key: last.get(key, "") for key in ("ename", "evalue", "traceback")}


def show_deep_traceback(
    shell: Shell,
    etype: type[BaseException],
    value: BaseException,
    trace: types.TracebackType | None,
    tb_offset: int | None = None,
) -> list[str]:
    """Show the two ends of an endless recursion; all of it takes seconds to format."""
    frames = []
    while trace is not None:
        frames.append(trace)
        trace = trace.tb_next
    if len(frames) > 2 * KEPT_FRAMES:
        frames[KEPT_FRAMES - 1].tb_next = frames[-KEPT_FRAMES]
    formatter = shell.InteractiveTB
    lines = formatter.structured_traceback(etype, value, frames[0], tb_offset=tb_offset)
    shell._showtraceback(etype, value, lines)
    return list(lines)


def refuse_input(*prompt: object, **options: object) -> NoReturn:
    """Raise what a kernel without a person raises.

    Raises: StdinNotImplementedError.
    """
    raise StdinNotImplementedError(NO_INPUT)


def refuse_shell(line: str = "", cell: str | None = None) -> None:
    """Say that there is no shell; not an error, as set-up cells often install."""
    command = line.strip() or (cell or "").strip()[:80]
    sys.stderr.write(NO_SHELL.format(command=command) + "\n")


def show_figures_inline(shell: Shell) -> None:
    """Let figures appear below the cell as pictures, as in a notebook."""
    try:
        from IPython.core.pylabtools import (  # noqa: PLC0415
            activate_matplotlib,
            select_figure_formats,
        )
        from matplotlib_inline.backend_inline import (  # noqa: PLC0415
            configure_inline_support,
        )
    except ImportError:  # a course without matplotlib
        return
    activate_matplotlib(INLINE)
    configure_inline_support(shell, INLINE)  # type: ignore[no-untyped-call]
    select_figure_formats(shell, {"png"})  # only the first shell of a process gets them
