"""Submission and assignment in, verdicts and executed notebooks out.

Touches no database and no shared file, so any worker can do it; the same bytes and the
same seed give the same draws and the same points.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from grader.accelerators.devices import CPU, Devices, use_devices
from grader.cells.names import WORD, Plan, list_imported, make_plan, read_names
from grader.examine.files import enter_folder
from grader.examine.guard import keep_libraries, keep_settings
from grader.examine.outputs import find_hidden_lines
from grader.examine.students import Budget, Forks, Student
from grader.examine.walk import Walk
from grader.examine.wording import WORDS
from grader.sandbox.limits import Limits
from grader.submission.assignment import (
    Assignment,
    Cell,
    Submission,
    SubmittedNotebook,
    build_notebook,
)
from grader.submission.result import CellTime, Result, Verdict

PICTURE = "picture"  # the tag of a cell that draws, and does nothing else


def examine(
    submission: Submission,
    assignment: Assignment,
    zygote: Forks,
    *,
    limits: Limits,
    seed: bytes,
) -> Result:
    """Run a submission's cells and the assignment's tests.

    seed: the course's secret and the submission's digest, mixed.
    Raises: GraderError when the sandbox cannot give a process; no mark then.
    """
    start = time.monotonic()
    budget = Budget(limits.cell_s, start + limits.submission_s)
    verdicts: list[Verdict] = []
    notes: list[str] = []
    notebooks: dict[str, dict[str, Any]] = {}
    times: list[CellTime] = []
    given = {**assignment.files, **submission.files}
    imported = list_libraries(assignment)
    with (
        use_devices(Devices("auto" if limits.gpu_mb else CPU)),
        keep_libraries(imported),
        keep_settings(),
    ):
        for notebook in submission.notebooks:
            master = assignment.notebook(notebook.name)
            table = _Table(zygote, limits, budget, assignment.files, given, seed)
            done = table.examine(notebook, make_plan(master.cells))
            verdicts += done.verdicts
            notes += done.notes
            times += [CellTime(notebook.name, *pair) for pair in done.seconds.items()]
            notebooks[notebook.name] = done.notebook
    return Result(
        student=submission.student,
        assignment=assignment.name,
        digest=submission.digest,
        verdicts=tuple(verdicts),
        notebooks=notebooks,
        repairs=submission.repairs,
        staff_notes=tuple(dict.fromkeys(notes)),
        seconds=time.monotonic() - start,
        times=tuple(times),
    )


def list_libraries(assignment: Assignment) -> list[str]:
    """Name what the release imports, but for modules among its own files."""
    cells = [cell for notebook in assignment.notebooks for cell in notebook.cells]
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    names = dict.fromkeys(name for source in code for name in list_imported(source))
    own = {name.partition("/")[0].removesuffix(".py") for name in assignment.files}
    return [name for name in names if name.partition(".")[0] not in own]


@dataclass(frozen=True)
class _Done:
    """What examining one notebook gave."""

    verdicts: list[Verdict]
    notes: list[str]
    notebook: dict[str, Any]
    seconds: dict[str, float] = field(default_factory=dict)  # by cell


@dataclass(frozen=True)
class _Table:
    """What all notebooks of a submission are examined with."""

    forks: Forks
    limits: Limits
    budget: Budget
    files: Mapping[str, bytes]  # of the assignment
    given: dict[str, bytes]  # to the student: these, and what was handed in
    seed: bytes

    def examine(self, notebook: SubmittedNotebook, plan: Plan) -> _Done:
        """Examine one notebook; hidden tests come where nothing shown follows them."""
        if notebook.problem:
            verdicts = [_refuse(notebook, c) for c in notebook.cells if c.is_graded]
            return _Done(verdicts, [], build_notebook(notebook, {}))
        late = find_late_checks(notebook.cells, plan)
        walk = self._walk(notebook, plan, late)
        found, notes = dict(walk.verdicts), list(walk.student.notes)
        if late:
            second = self._walk(notebook, plan, frozenset())
            found |= {name: second.verdicts[name] for name in late}
            walk.outputs |= {
                k: second.outputs.get(k, [])
                for k, cell in enumerate(notebook.cells)
                if cell.id in late
            }
            walk.seconds |= {name: second.seconds.get(name, 0.0) for name in late}
            notes += [note for name in late for note in second.told.get(name, ())]
        ordered = [found[c.id] for c in notebook.cells if c.id in found]
        built = build_notebook(notebook, walk.outputs)
        return _Done(ordered, notes, built, walk.seconds)

    def _walk(
        self, notebook: SubmittedNotebook, plan: Plan, skipped: frozenset[str]
    ) -> Walk:
        student = Student(self.forks, self.limits, self.budget, self.given)
        skipped |= find_idle_pictures(notebook.cells)
        with contextlib.closing(student), enter_folder(self.files) as files:
            walk = Walk(notebook, plan, student, files, self.seed, skipped)
            walk.run()
        return walk


def find_late_checks(cells: Sequence[Cell], plan: Plan) -> frozenset[str]:
    """Return the checks that a second process runs, in which nothing is shown.

    Those with hidden tests, unless they stand at the end: what a student's process was
    asked there must not come out in what it shows later.
    """
    checks = [cell for cell in cells if cell.kind == "check"]
    hidden = [cell for cell in checks if find_hidden_lines(cell)]
    code = [cell for cell in cells if cell.cell_type == "code"]
    if not hidden or code[code.index(hidden[0]) :] == hidden:
        return frozenset()
    late: set[str] = set()
    bound: set[str] = set()
    for cell in checks:
        names = plan.cells.get(cell.id)
        needs_late = names is not None and bool(names.free & bound)
        if cell in hidden or needs_late:
            late.add(cell.id)
            bound |= names.bound | names.imported if names is not None else set()
    return frozenset(late)


def find_idle_pictures(cells: Sequence[Cell]) -> frozenset[str]:
    """Return the pictures that are as they were given and that nothing later needs.

    Drawing them takes most of a lesson's time, and no point depends on it.
    """
    idle: set[str] = set()
    later: list[str] = []  # the sources that will run, from the end
    for cell in reversed([cell for cell in cells if cell.cell_type == "code"]):
        is_given = cell.kind == "plain" and cell.source.strip() == cell.release.strip()
        is_picture = PICTURE in cell.tags and is_given
        if is_picture and not any(_needs(source, cell) for source in later):
            idle.add(cell.id)
        else:
            later.append(cell.source)
    return frozenset(idle)


def _needs(source: str, picture: Cell) -> bool:
    names = read_names(picture.release)
    mentioned = (names.bound | names.imported).intersection(WORD.findall(source))
    return bool(mentioned and mentioned & read_names(source).read)


def _refuse(notebook: SubmittedNotebook, cell: Cell) -> Verdict:
    if cell.is_manual:
        return Verdict(
            cell.id, 0.0, cell.points, "manual", WORDS["manual"], notebook=notebook.name
        )
    return Verdict(
        cell.id, 0.0, cell.points, "unsolved", notebook.problem, notebook=notebook.name
    )
