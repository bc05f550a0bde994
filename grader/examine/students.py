"""The student's side of one notebook: a process, and a fresh one after a death.

A fresh process runs the cells again that did no harm; then the notebook goes on.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from grader.errors import GraderError
from grader.proxies.errors import ExerciseLost, NotExaminable
from grader.proxies.line import Line
from grader.sandbox.limits import Limits
from grader.sandbox.process import StudentDied, StudentTimeout
from grader.submission.assignment import Cell
from grader.values.packing import BadValue
from grader.wire.frames import WireError

RESTARTS = 40  # more than a notebook has cells that can kill
OUTPUTS_SHOWN = 2000  # of one cell


class Spent(GraderError):
    """The student's process died too often: nothing more of this notebook is run."""


# What a student's process can bring about; all else is the grader's own fault.
THEIRS = (
    *(ExerciseLost, NotExaminable, BadValue, WireError, StudentDied, StudentTimeout),
    Spent,
)


class Forks(Protocol):
    """What gives a fresh process: `grader.sandbox.launcher.Zygote`."""

    def fork(self) -> Any:
        """Return a fresh student's process."""


@dataclass
class CellRan:
    """What running one of the student's cells gave."""

    outputs: list[dict[str, Any]] = field(default_factory=list)
    lost: str = ""  # "died" or "timed-out": what became of it
    failed: bool = False  # it raised an error
    why: str = ""


@dataclass(frozen=True)
class Budget:
    """The time that is left: for one cell, and for the whole submission."""

    cell_s: float
    end: float  # on the monotonic clock

    def take(self) -> float:
        """Return the seconds that the next cell may take; 0 when there are none."""
        return max(0.0, min(self.cell_s, self.end - time.monotonic()))


class Student:
    """One student's process at a time, and what a fresh one must be told again."""

    def __init__(
        self, forks: Forks, limits: Limits, budget: Budget, files: Mapping[str, bytes]
    ) -> None:
        self._forks = forks
        self._limits = limits
        self._files = files
        self.budget = budget
        self.restarts = 0
        self.notes: list[str] = []
        self._steps: list[Callable[[], Any]] = []
        self._process: Any = None
        self.line: Line
        self._start()

    def _start(self) -> None:
        self._process = self._forks.fork()
        self.line = Line(self._process)
        self.line.notes = self.notes
        self.line.deadline = self.budget.end
        if self._files:
            self.line.ask("write_files", tuple(self._files.items()))

    def restart(self) -> None:
        """Go on with a fresh process that has run the same cells.

        Raises: Spent when that dies too, again and again.
        """
        self.close()
        self.restarts += 1
        if self.restarts > RESTARTS:
            message = "the student's process died too often"
            raise Spent(message)
        self._start()
        steps, self._steps = self._steps, []
        for step in steps:
            step()
            if self.line.fault is not None:
                self.restart()

    def run(self, cell: Cell, number: int) -> CellRan:
        """Run a cell as `In[number]`; one that kills its process is not run again."""
        ran = self._try(cell, number)
        if ran.lost == "died" or self.line.fault is not None:
            self.restart()
        elif not ran.lost:
            self._steps.append(lambda: self.run(cell, number))
        return ran

    def _try(self, cell: Cell, number: int) -> CellRan:
        seconds = self.budget.take()
        if seconds <= 0:
            return CellRan(lost="timed-out", why="the submission's time was over")
        self.line.sources.add(number, cell.source)
        self.line.deadline = time.monotonic() + seconds
        message: dict[str, Any] = {"op": "run_cell", "source": cell.source}
        message |= {"name": cell.id, "index": number}
        try:
            self.line.flush()
            reply, _ = self._process.request(
                message | self.line.take_end(), timeout_s=seconds, on_callback=None
            )
        except StudentTimeout as late:
            ran = CellRan(lost="timed-out" if late.alive else "died", why=str(late))
            ran.outputs = _read_outputs(late.reply[0]) if late.reply else []
            if not late.alive:
                self.restart()
                ran.lost = "timed-out"
            return ran
        except (StudentDied, WireError, ExerciseLost, NotExaminable) as error:
            return CellRan(lost="died", why=str(error))
        finally:
            self.line.epoch += 1
        failed = "failed" in reply or reply.get("error") is not None
        return CellRan(_read_outputs(reply), failed=failed)

    def share(self, classes: Mapping[str, type]) -> None:
        """Let objects of a locked cell's classes cross by their attributes."""
        for name, kind in classes.items():
            self.line.share_class(name, kind)
        with contextlib.suppress(ExerciseLost, NotExaminable):  # kept as the fault
            self.line.ask("share", list(classes))
            self._steps.append(lambda: self.share(classes))

    def close(self) -> None:
        """End the process."""
        self.line.sources.close()
        if self._process is not None:
            self._process.kill()


def _read_outputs(reply: Mapping[str, Any]) -> list[dict[str, Any]]:
    outputs = reply.get("outputs")
    if not isinstance(outputs, list):
        return []
    return [output for output in outputs[:OUTPUTS_SHOWN] if isinstance(output, dict)]
