"""What the executed notebook shows of a test cell, and feedback of a check's report.

Of a cell with hidden tests it shows only whether it passed: what a student's function
printed or raised there could tell what it was called with.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from grader.cells.runner import Ran
from grader.examine.wording import WORDS
from grader.submission.assignment import Cell
from grader.submission.result import ReportView, Verdict

TEXT_SHOWN = 500  # characters of an error's text
PRINTED_SHOWN = 4000  # characters that a test printed


def find_hidden_lines(cell: Cell) -> frozenset[int]:
    """Return the lines of a test cell that the student was not given, from 1."""
    if cell.kind != "check" or not cell.release:
        return frozenset()
    ours, given = cell.source.splitlines(), cell.release.splitlines()
    matcher = difflib.SequenceMatcher(None, ours, given, autojunk=False)
    blocks = matcher.get_matching_blocks()
    shown = {k for block in blocks for k in range(block.a, block.a + block.size)}
    return frozenset(
        k + 1 for k, line in enumerate(ours) if line.strip() and k not in shown
    )


def describe_error(error: BaseException) -> str:
    """Return class and text of an error, bounded."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001  a proxy's text comes from the student's process
        text = ""
    name = type(error).__name__
    return f"{name}: {text[:TEXT_SHOWN]}" if text else name


def view_report(report: Any, *, hidden: bool) -> ReportView:
    """Return a check's report as feedback shows it; of a hidden test only its kinds."""
    kinds = tuple(diagnosis.kind for diagnosis in report.diagnoses)
    if hidden:
        return ReportView("hidden test", report.passed, report.score, "", "", kinds)
    return ReportView(
        title=report.title,
        passed=report.passed,
        score=report.score,
        html=report._repr_html_(),
        text=str(report),
        diagnosis_kinds=kinds,
    )


def show_ran(
    cell: Cell, ran: Ran, verdict: Verdict, number: int
) -> list[dict[str, Any]]:
    """Return the outputs of a test cell for the executed notebook."""
    if find_hidden_lines(cell):
        passed = verdict.points >= verdict.max_points
        return [] if passed else [_show_error("HiddenTest", WORDS["hidden"], [])]
    shown: list[dict[str, Any]] = []
    if ran.out.strip():
        text = ran.out[:PRINTED_SHOWN]
        shown.append({"output_type": "stream", "name": "stdout", "text": text})
    for report in verdict.reports:
        data = {"text/html": report.html, "text/plain": report.text}
        shown.append({"output_type": "display_data", "data": data, "metadata": {}})
    if ran.error is not None:
        lines = cell.source.splitlines()
        at = lines[ran.line - 1].strip() if 0 < ran.line <= len(lines) else ""
        name, _, text = describe_error(ran.error).partition(": ")
        shown.append(_show_error(name, text, [f"line {ran.line}: {at}"] if at else []))
    elif verdict.points < verdict.max_points:
        shown.append(_show_points(verdict.points, number))
    return shown


def _show_points(points: float, number: int) -> dict[str, Any]:
    return {
        "output_type": "execute_result",
        "data": {"text/plain": f"{points:g}"},
        "metadata": {},
        "execution_count": number,
    }


def _show_error(name: str, text: str, lines: Sequence[str]) -> dict[str, Any]:
    trace = [*lines, f"{name}: {text}" if text else name]
    return {"output_type": "error", "ename": name, "evalue": text, "traceback": trace}
