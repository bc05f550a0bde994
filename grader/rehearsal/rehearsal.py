"""Finds the tests that an honest answer fails out here, though not in a notebook.

Nearly all test cells run outside the student's process as they would inside; a test
can still lean on what only a notebook's own kernel has. The master's own answers tell:
where they lose points outside and none inside, a student who loses points has no mark,
and staff are told. A student who earns all points has earned them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from grader.submission.assignment import (
    Assignment,
    Cell,
    MasterNotebook,
    Submission,
    SubmittedNotebook,
)
from grader.submission.result import Result, Verdict

Place = tuple[str, str]  # notebook and cell
Examine = Callable[[Submission], Result]

INSIDE = "inside"  # the tag by which an instructor lets a test run inside
SUSPECT = ("wrong", "raised", "partial", "died", "cheated")
UNFIT = (
    "out here the master's own answer earns {points:g} of {most:g} points, in a "
    "notebook all ({why}). Who earns all keeps them; the others have no mark. Tag the "
    "test `inside` to let it run in the student's process"
)
ACCUSED = (
    "the master's own answer is taken for one that is not by hand ({why}). Who earns "
    "all points keeps them; the others have no mark. Take `by_hand` off the test, or "
    "write the answer in another way"
)
BROKEN = (
    "{cell}: the master's own answer earns {points:g} of {most:g} points, in a "
    "notebook too: {why}"
)


@dataclass(frozen=True)
class Rehearsed:
    """What the master's answers showed.

    unfit: tests that cannot be judged out here, and why. notes: about the others.
    """

    unfit: Mapping[Place, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Give the text that `from_json` reads."""
        unfit = [[*place, why] for place, why in self.unfit.items()]
        return json.dumps({"unfit": unfit, "notes": self.notes})

    @classmethod
    def from_json(cls, text: str) -> Rehearsed:
        """Read what `to_json` gave.

        Raises: ValueError, KeyError, TypeError for another text.
        """
        plain = json.loads(text)
        unfit = {(str(n), str(c)): str(why) for n, c, why in plain["unfit"]}
        return cls(unfit, tuple(map(str, plain["notes"])))


def rehearse(
    assignment: Assignment, answers: Mapping[Place, str], examine: Examine
) -> Rehearsed:
    """Let the master's answers try the tests, outside, and where they fail inside."""
    submission = hand_in(assignment, answers)
    lost = {
        (verdict.notebook, verdict.exercise): verdict
        for verdict in examine(submission).verdicts
        if verdict.status in SUSPECT and verdict.points < verdict.max_points
    }
    if not lost:
        return Rehearsed()
    unfit = {p: _say(ACCUSED, v) for p, v in lost.items() if v.status == "cheated"}
    lost = {place: v for place, v in lost.items() if place not in unfit}
    if not lost:
        return Rehearsed(unfit)
    inside = {
        (verdict.notebook, verdict.exercise): verdict
        for verdict in examine(move_inside(submission, frozenset(lost))).verdicts
    }
    notes = []
    for place, verdict in lost.items():
        again = inside.get(place)
        if again is not None and again.points >= again.max_points:
            unfit[place] = _say(UNFIT, verdict)
        else:
            notes.append(_say(BROKEN, verdict))
    return Rehearsed(unfit, tuple(notes))


def _say(sentence: str, verdict: Verdict) -> str:
    return sentence.format(
        cell=verdict.exercise,
        points=verdict.points,
        most=verdict.max_points,
        why=(verdict.message or verdict.status)[:200],
    )


def hand_in(assignment: Assignment, answers: Mapping[Place, str]) -> Submission:
    """Make a submission of the master's own answers."""

    def solve(notebook: MasterNotebook) -> SubmittedNotebook:
        cells = (
            cell.with_source(answers.get((notebook.name, cell.id), cell.source))
            for cell in notebook.cells
        )
        return SubmittedNotebook(notebook.name, tuple(cells), notebook.kernelspec)

    notebooks = tuple(map(solve, assignment.notebooks))
    return Submission("", assignment.name, notebooks, digest=assignment.digest)


def move_inside(submission: Submission, places: frozenset[Place]) -> Submission:
    """Tag some tests so that they run inside."""

    def tag(name: str, cell: Cell) -> Cell:
        is_meant = (name, cell.id) in places
        return replace(cell, tags=(*cell.tags, INSIDE)) if is_meant else cell

    return _change(submission, tag)


def mark_unfit(submission: Submission, unfit: Mapping[Place, str]) -> Submission:
    """Tell examine which tests it cannot judge out here."""

    def mark(name: str, cell: Cell) -> Cell:
        why = unfit.get((name, cell.id))
        return replace(cell, unfit=why) if why else cell

    return _change(submission, mark) if unfit else submission


def _change(submission: Submission, change: Callable[[str, Cell], Cell]) -> Submission:
    notebooks = tuple(
        replace(book, cells=tuple(change(book.name, cell) for cell in book.cells))
        for book in submission.notebooks
    )
    return replace(submission, notebooks=notebooks)


def rehearse_once(
    path: Path, signature: tuple[Any, ...], run: Callable[[], Rehearsed]
) -> Rehearsed:
    """Rehearse, unless the same masters and the same grader did before.

    path: where it is remembered.
    """
    key = hashlib.sha256(repr(signature).encode()).hexdigest()
    try:
        first, _, rest = path.read_text(encoding="utf-8").partition("\n")
        if first == key:
            return Rehearsed.from_json(rest)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    found = run()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{key}\n{found.to_json()}\n", encoding="utf-8")
    return found
