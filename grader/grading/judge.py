"""Holds what examine gave against the submission: one verdict for each cell, in range.

Fails closed: what is missing or impossible has no mark and goes to staff.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from grader.gradebook.marks import NO_RESPONSE, Place
from grader.submission.assignment import Cell, Submission, SubmittedNotebook
from grader.submission.result import STATUSES, Result, Verdict

TOO_MUCH = 1e-6  # points above the maximum that are rounding


def find_unanswered(submission: Submission) -> frozenset[Place]:
    """Give the answers that are still the stub."""
    return frozenset(
        (notebook.name, cell.id)
        for notebook in submission.notebooks
        for cell in notebook.cells
        if cell.kind == "answer" and not cell.is_answered
    )


def judge_result(result: Result, submission: Submission) -> Result:
    """Give exactly one verdict for each cell with points, each within its range."""
    found: dict[Place, list[Verdict]] = {}
    for verdict in result.verdicts:
        found.setdefault((verdict.notebook, verdict.exercise), []).append(verdict)
    verdicts, notes = [], list(result.staff_notes)
    for notebook in submission.notebooks:
        for cell in notebook.cells:
            if not cell.is_graded:
                continue
            given = found.pop((notebook.name, cell.id), [])
            verdict = _judge_cell(cell, notebook, given)
            is_told = any(note.startswith(f"{cell.id}: ") for note in notes)
            if verdict.status == "staff" and not is_told:
                notes.append(f"{notebook.name}, {cell.id}: {verdict.message}")
            verdicts.append(replace(verdict, notebook=notebook.name))
    repairs = tuple(dict.fromkeys((*submission.repairs, *result.repairs)))
    return replace(
        result,
        student=submission.student,
        digest=submission.digest,
        verdicts=tuple(verdicts),
        repairs=repairs,
        staff_notes=tuple(notes),
    )


def _judge_cell(
    cell: Cell, notebook: SubmittedNotebook, given: list[Verdict]
) -> Verdict:
    blank = Verdict(cell.id, 0.0, cell.points, "staff")
    if notebook.problem:
        return replace(blank, status="unsolved", message=notebook.problem)
    if cell.kind == "answer" and not cell.is_answered:
        return replace(blank, status="unsolved", message=NO_RESPONSE)
    if cell.is_manual:
        return replace(blank, status="manual")
    if len(given) != 1:
        message = f"{len(given)} verdicts were given instead of one."
        return replace(blank, message=message)
    return _judge_verdict(replace(given[0], max_points=cell.points))


def _judge_verdict(verdict: Verdict) -> Verdict:
    """Give the verdict, or no mark where it cannot be one."""
    status, points = verdict.status, verdict.points
    if status == "staff":
        return replace(verdict, points=0.0)
    message = ""
    if status not in STATUSES or status == "manual":
        message = f"the status {status!r} is none of a test's."
    elif not _is_in_range(points, verdict.max_points):
        message = f"{points!r} points of {verdict.max_points:g} are out of range."
    if message:
        return replace(verdict, points=0.0, status="staff", message=message)
    return replace(verdict, points=min(float(points), verdict.max_points))


def _is_in_range(points: Any, max_points: float) -> bool:
    is_number = isinstance(points, int | float) and math.isfinite(points)
    return is_number and 0 <= points <= max_points + TOO_MUCH
