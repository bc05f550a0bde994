"""The values that pass from intake to examine: what was given out, what came back.

Plain frozen data that pickles; reading files is `course`'s and `intake`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

KINDS = ("markdown", "plain", "locked", "answer", "check", "task")
"""What a cell is for.

markdown: text without a role · plain: code that students may change ·
locked: the instructor's cell, restored from the master · answer: the student's
(code, or text when `cell_type` is markdown) · check: a test, the master's source
with its hidden part · task: a description that a person marks.
"""


MAX_ID = 64  # characters of nbformat's cell ids


@dataclass(frozen=True)
class Cell:
    """One cell of a notebook, as released or as rebuilt with a student's source."""

    id: str  # the grade_id where nbgrader knows the cell; unique in its notebook
    kind: str  # one of KINDS
    source: str  # what is to run: of a check the hidden tests too
    cell_type: str = "code"  # code, markdown or raw
    points: float = 0.0  # of check, task, and of an answer that a person marks
    exercise: str = ""  # the word that an answer and its check share
    tags: tuple[str, ...] = ()  # the master's
    release: str = ""  # what the student was given: stub, no hidden tests
    own: bool = False  # the student added it: not a cell of the release
    nbgrader: Mapping[str, Any] = field(default_factory=dict)  # nbgrader's metadata
    cell_id: str = ""  # nbformat's id in the release
    attachments: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    binds: tuple[str, ...] = ()  # of an answer: the globals of the master's own
    defines: tuple[str, ...] = ()  # those of them that are functions or classes
    unfit: str = ""  # of a check: why an honest answer can fail it out here

    @property
    def is_manual(self) -> bool:
        """Whether a person gives the points."""
        return self.points > 0 and (self.kind != "check" or self.cell_type != "code")

    @property
    def is_graded(self) -> bool:
        """Whether nbgrader's gradebook has a row of points for it."""
        return self.kind in {"check", "task"} or bool(self.nbgrader.get("grade"))

    @property
    def is_answered(self) -> bool:
        """Whether an answer differs from the stub that was given out."""
        text = self.source.strip()
        return self.kind == "answer" and text not in {"", self.release.strip()}

    def with_source(self, source: str) -> Cell:
        """Give the same cell with the student's source."""
        return replace(self, source=source)


@dataclass(frozen=True)
class MasterNotebook:
    """A notebook of the release: stubs in the answers, hidden tests in the checks."""

    name: str  # without .ipynb
    cells: tuple[Cell, ...]
    kernelspec: Mapping[str, Any] = field(default_factory=dict)
    language: str = "python"

    @property
    def graded(self) -> tuple[Cell, ...]:
        """The cells that have points, in order."""
        return tuple(cell for cell in self.cells if cell.is_graded)


@dataclass(frozen=True)
class Assignment:
    """All that examining a submission needs of the course; no solution is in it."""

    name: str
    notebooks: tuple[MasterNotebook, ...]
    files: Mapping[str, bytes] = field(default_factory=dict)  # data, by relative path
    editable: tuple[str, ...] = ()  # of `files`: a student's version is used instead
    digest: str = ""  # of everything above, hidden tests included

    def notebook(self, name: str) -> MasterNotebook:
        """Give the master notebook of that name.

        Raises:
            KeyError: there is none.
        """
        for notebook in self.notebooks:
            if notebook.name == name:
                return notebook
        raise KeyError(name)


@dataclass(frozen=True)
class SubmittedNotebook:
    """A notebook rebuilt from the release and the student's answers.

    Checks and locked cells are the master's; answers, plain cells and the
    student's own cells are the student's. When `problem` is set there is nothing
    to run: its checks earn nothing, and the sentence is the reason.
    """

    name: str
    cells: tuple[Cell, ...]
    kernelspec: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True)
class Submission:
    """What one student handed in, rebuilt; the values are the student's text only."""

    student: str
    assignment: str
    notebooks: tuple[SubmittedNotebook, ...]
    repairs: tuple[str, ...] = ()  # one sentence each, for the student and staff
    digest: str = ""  # of the bytes handed in
    files: Mapping[str, bytes] = field(default_factory=dict)  # the student's, allowed


def build_notebook(
    notebook: SubmittedNotebook,
    outputs: Mapping[int, Sequence[Mapping[str, Any]]],
) -> dict[str, Any]:
    """Make an nbformat 4.5 dictionary; `outputs` by the position of the cell."""
    cells = [
        _build_cell(cell, outputs.get(position), position + 1)
        for position, cell in enumerate(notebook.cells)
    ]
    # A master may leave these out; readers of notebooks insist on them.
    kernelspec = {"name": "python3", "display_name": "Python 3", **notebook.kernelspec}
    metadata = {"kernelspec": kernelspec, "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def _build_cell(
    cell: Cell, outputs: Sequence[Mapping[str, Any]] | None, count: int
) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    if cell.nbgrader:
        metadata["nbgrader"] = dict(cell.nbgrader)
    if cell.tags:
        metadata["tags"] = list(cell.tags)
    built: dict[str, Any] = {
        "cell_type": cell.cell_type,
        "id": (cell.cell_id or cell.id)[:MAX_ID],
        "metadata": metadata,
        "source": cell.source,
    }
    if cell.attachments:
        built["attachments"] = {name: dict(a) for name, a in cell.attachments.items()}
    if cell.cell_type == "code":
        built["outputs"] = [dict(output) for output in outputs or ()]
        built["execution_count"] = None if outputs is None else count
    return built
