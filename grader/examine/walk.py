"""Walks one notebook: the student's cells over there, the instructor's out here."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from grader.cells.names import Plan
from grader.cells.namespace import Namespace
from grader.cells.runner import OutOfTime, Ran, Runner
from grader.cells.shell import make_builtins
from grader.check.draws import SEED
from grader.check.report import SHOW
from grader.errors import GraderError
from grader.examine.files import Files
from grader.examine.guard import (
    Pyplot,
    Replaced,
    SeedWatch,
    close_figures,
    derive,
    seed_all,
)
from grader.examine.judge import Case, doubt, judge_inside, judge_outside
from grader.examine.outputs import show_ran
from grader.examine.students import THEIRS, CellRan, Spent, Student
from grader.examine.wording import WORDS
from grader.submission.assignment import Cell, SubmittedNotebook
from grader.submission.result import Verdict

INSIDE = "inside"  # the tag by which an instructor lets a test run inside


@dataclass
class Walk:
    """One run through a notebook.

    skipped: cells that this run leaves out: pictures that nobody needs, and checks
    that must not precede what is shown.
    lost: by their ids, the student's cells that died or hung.
    """

    notebook: SubmittedNotebook
    plan: Plan
    student: Student
    files: Files
    seed: bytes
    skipped: frozenset[str] = frozenset()
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    outputs: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    lost: dict[str, CellRan] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    told: dict[str, list[str]] = field(default_factory=dict)  # staff, by cell

    def __post_init__(self) -> None:
        builtins = make_builtins(lambda: self._namespace)
        start = {"__name__": "__main__", "__builtins__": builtins, "__doc__": None}
        self._namespace: Namespace = Namespace(self.student.line, self.plan, start)
        self._runner = Runner(self._namespace)
        self._seeds = SeedWatch()
        self._pyplot = Pyplot(self._ask)
        self._answers: list[Cell] = []  # since the last check
        self._spent: Spent | None = None

    def run(self) -> None:
        """Run all cells in order."""
        self._seeds.patch()
        seed_all(derive(self.seed, self.notebook.name))
        self._reconnect()
        try:
            for position, cell in enumerate(self.notebook.cells):
                self._run_or_lose(cell, position)
        finally:
            self._runner.close()
            self._pyplot.restore()

    def _run_or_lose(self, cell: Cell, position: int) -> None:
        """Run a cell; whatever a process does to it costs this cell and no other."""
        try:
            if self._spent is not None and cell.cell_type == "code":
                raise self._spent
            self._run_cell(cell, position)
        except THEIRS as error:
            self._lose(cell, error)

    def _lose(self, cell: Cell, error: GraderError) -> None:
        self.lost[cell.id] = CellRan(lost="died", why=str(error))
        if cell.kind == "check" and cell.id not in self.skipped:
            case = Case(cell, self.plan, self._namespace, self.student.notes)
            fault = self.student.line.fault or error
            verdict = judge_outside(case, Ran(error=error), fault)
            self.verdicts[cell.id] = replace(verdict, notebook=self.notebook.name)
        while self._spent is None:
            try:
                self.student.restart()
                self._reconnect()
                return
            except Spent as spent:
                self._spent = spent
            except THEIRS:
                continue

    def _run_cell(self, cell: Cell, position: int) -> None:
        if cell.is_manual:
            words = WORDS["manual"]
            verdict = Verdict(cell.id, 0.0, cell.points, "manual", words)
            self.verdicts[cell.id] = replace(verdict, notebook=self.notebook.name)
        if cell.cell_type != "code" or cell.id in self.skipped:
            return
        start, told = time.monotonic(), len(self.student.notes)
        if cell.kind == "check":
            self._check(cell, position)
            self._answers = []
        else:
            self._run_theirs(cell, position)
        self.told[cell.id] = self.student.notes[told:]
        self._go_on()
        self.seconds[cell.id] = time.monotonic() - start

    def _run_theirs(self, cell: Cell, position: int) -> None:
        ran = self.student.run(cell, position + 1)
        self._reconnect()
        self.outputs[position] = ran.outputs
        if ran.lost:
            self.lost[cell.id] = ran
        if cell.kind == "answer":
            self._answers.append(cell)
        if not cell.own:
            self._run_release(cell, is_fine=not (ran.failed or ran.lost))

    def _go_on(self) -> None:
        """Take a fresh process when the present one is of no more use."""
        if self.student.line.fault is not None:
            self.student.restart()
            self._reconnect()

    def _ask(self, op: str, value: Any) -> Any:
        return self.student.line.ask(op, value)

    def _reconnect(self) -> None:
        line = self.student.line
        if line.read_seeds is not self._seeds.read:
            line.read_seeds = self._seeds.read
            line.around_call = self._around_call
            self._replaced = Replaced()
        if self._namespace.line is not line:
            self._namespace.connect(line)

    @contextmanager
    def _around_call(self, value: Any) -> Iterator[None]:
        self._replaced.tell(self.student.line)
        with self.files.around_call(self.student.line, value):
            yield

    # What the release binds.

    def _run_release(self, cell: Cell, *, is_fine: bool) -> None:
        """Run a locked cell out here too; of other cells of the release the imports."""
        self._namespace.hand_back(self.plan.handed_back.get(cell.id, frozenset()))
        if cell.kind != "locked":
            self._runner.run_imports(cell.release or cell.source)
            return
        with self._prepare(lambda report: None, cell):
            self._run_out_here(cell)
        names = self.plan.cells[cell.id].bound if cell.id in self.plan.cells else ()
        held = {name: dict.get(self._namespace, name) for name in names}
        classes = {name: kind for name, kind in held.items() if isinstance(kind, type)}
        if classes and is_fine and self.student.line.fault is None:
            self.student.share(classes)

    def _run_out_here(self, cell: Cell) -> Ran:
        seconds = self.student.budget.take()
        if seconds <= 0:
            return Ran(error=OutOfTime())
        line = self.student.line
        line.deadline = time.monotonic() + seconds
        line.names, line.cell = frozenset(), cell.id
        try:
            self.files.copy_new(line, cell.source)
            self._namespace.is_touched |= self.files.has_theirs
            if cell.id in self.plan.cells:
                self._namespace.fetch_all(self.plan.cells[cell.id].free)
        except GraderError as error:
            line.fault = line.fault or error
            return Ran(error=error)
        return self._runner.run(cell.source, f"<{cell.id}>", seconds=seconds)

    @contextmanager
    def _prepare(self, show: Any, cell: Cell) -> Iterator[None]:
        """Set what holds for one of the instructor's cells, and put it back."""
        self._seeds.start_cell()
        self._pyplot.patch()
        seed = SEED.set(derive(self.seed, self.notebook.name, cell.id))
        shower = SHOW.set(show)
        try:
            yield
        finally:
            SHOW.reset(shower)
            SEED.reset(seed)
            self.student.line.end_cell()
            close_figures()

    # Checks.

    def _check(self, cell: Cell, position: int) -> None:
        start = time.monotonic()
        case = Case(cell, self.plan, self._namespace, self.student.notes)
        case.answers = list(self._answers)
        case.lost = [self.lost[a.id] for a in self._answers if a.id in self.lost]
        if INSIDE in cell.tags:
            ran = self.student.run(cell, position + 1)
            self._reconnect()
            verdict = judge_inside(case, ran)
            self.outputs[position] = ran.outputs
        else:
            with self._prepare(case.reports.append, cell):
                done = self._run_out_here(cell)
            verdict = judge_outside(case, done, self.student.line.fault)
            verdict = doubt(case, verdict)
            self.outputs[position] = show_ran(cell, done, verdict, position + 1)
        self.verdicts[cell.id] = replace(
            verdict, seconds=time.monotonic() - start, notebook=self.notebook.name
        )
