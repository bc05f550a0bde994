"""From how a test cell ended to its verdict; fails closed.

Three outcomes are never mixed: the student is wrong, the submission broke, or the
grader cannot tell, which gives no mark.
"""

from __future__ import annotations

import ast
import math
import numbers
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from grader.cells.names import Plan
from grader.cells.namespace import Namespace
from grader.cells.runner import NOTHING, OutOfTime, Ran
from grader.errors import GraderError
from grader.examine.outputs import describe_error, find_hidden_lines, view_report
from grader.examine.students import CellRan
from grader.examine.wording import NOTES, WORDS
from grader.proxies.errors import NAN, Mixed, NotExaminable
from grader.proxies.objects import is_students
from grader.sandbox.process import StudentTimeout
from grader.submission.assignment import Cell
from grader.submission.result import Verdict
from grader.values.packing import BadValue
from grader.wire.frames import WireError

OURS = (GraderError, ImportError, SyntaxError)  # in a test cell: its author's, or ours
DOUBTED = ("wrong", "raised", "partial", "died", "cheated")
ROUND_OFF = 1e-9  # of points that were summed up
GLOBAL = re.compile(r"^\s*global\s+([\w\s,]+)", re.MULTILINE)
NO_NAME = re.compile(r"name '(\w+)' is not defined")
DATA = (
    "builtins",
    "numpy",
    "torch",
    "pandas",
    "decimal",
    "fractions",
    "grader",
)


@dataclass
class Case:
    """A test cell that is to be judged, and what is known around it."""

    cell: Cell
    plan: Plan
    namespace: Namespace
    notes: list[str]
    answers: list[Cell] = field(default_factory=list)
    lost: list[CellRan] = field(default_factory=list)
    reports: list[Any] = field(default_factory=list)

    @property
    def is_hidden(self) -> bool:
        """Whether the student was not given all of it."""
        return bool(find_hidden_lines(self.cell))

    def note(self, key: str, **words: Any) -> None:
        """Tell staff something."""
        sentence = NOTES[key].format(cell=self.cell.id, **words)
        if sentence not in self.notes:
            self.notes.append(sentence)

    def decide(self, points: float, status: str, message: str = "") -> Verdict:
        """Return the verdict; of hidden tests the message tells nothing."""
        most = self.cell.points
        if status in ("right", "partial", "wrong", "raised"):
            status = "right" if points >= most else "partial" if points > 0 else status
        hidden = self.is_hidden
        if hidden and status in ("wrong", "raised", "partial"):
            message = WORDS["hidden"]
        return Verdict(
            exercise=self.cell.id,
            points=points,
            max_points=most,
            status=status,
            message="" if status == "right" else message,
            reports=tuple(view_report(r, hidden=hidden) for r in self.reports),
        )

    def lose(self, status: str, message: str) -> Verdict:
        """Return the verdict where the process was lost; a hidden test is not told."""
        if self.is_hidden:
            self.note("hidden", status=status)
            status, message = "wrong", WORDS["hidden"]
        return self.decide(0.0, status, message)


def judge_outside(case: Case, ran: Ran, fault: GraderError | None) -> Verdict:
    """Judge a test cell that ran out here."""
    if fault is not None:
        return _judge_fault(case, fault)
    if isinstance(ran.error, OutOfTime):
        return case.lose("timed-out", WORDS["timed-out"])
    if ran.error is not None:
        return _judge_error(case, ran.error)
    for report in case.reports:
        for why in getattr(report, "evidence", ()):
            case.note("byhand", why=why)
    points, note, got = read_points(ran.value, case.cell.points)
    if ran.value is not NOTHING and ran.value is not None and _is_students(case, ran):
        points, note = 0.0, "students"
    line = case.namespace.line
    is_full = points >= case.cell.points and _read_number(ran.value) is not None
    if is_full and case.cell.id in line.nan_cells:
        line.note(NAN)
    if note:
        case.note(note, got=got, most=f"{case.cell.points:g}")
    if points > 0:
        return case.decide(points, "right", _count(case, points))
    status = _read_reports(case)  # which say what was raised
    return case.decide(0.0, status, WORDS["unsolved"] if status == "unsolved" else "")


def doubt(case: Case, verdict: Verdict) -> Verdict:
    """Give no mark in place of a loss that may be the fault of the place, out here."""
    is_lost = verdict.points < verdict.max_points
    if not case.cell.unfit or not is_lost or verdict.status not in DOUBTED:
        return verdict
    case.note("unfit", why=case.cell.unfit)
    return case.decide(0.0, "staff", WORDS["staff"])


def _count(case: Case, points: float) -> str:
    return WORDS["fewer"].format(points=points, most=case.cell.points)


def _judge_fault(case: Case, fault: GraderError) -> Verdict:
    if isinstance(fault, NotExaminable):
        case.note("staff", why=str(fault))
        return case.decide(0.0, "staff", WORDS["staff"])
    if isinstance(fault, StudentTimeout):
        return case.lose("timed-out", WORDS["timed-out"])
    words = WORDS["died"]
    if isinstance(fault, WireError | BadValue):
        case.note("wire", why=str(fault)[:200])
        words = WORDS["unreadable"]
    return case.lose("died", words.format(error=str(fault)[:200]))


def _judge_error(case: Case, error: BaseException) -> Verdict:
    """Nothing was earned; find out whose fault it is."""
    theirs = isinstance(getattr(error, "__grader_line__", None), str)
    about_us = not isinstance(error, Mixed) and isinstance(error, OURS)
    if about_us and not theirs:
        case.note("staff", why=describe_error(error))
        return case.decide(0.0, "staff", WORDS["staff"])
    name = _find_shared_name(case, error, theirs=theirs)
    if name:
        case.note("shared", name=name)
        return case.decide(0.0, "staff", WORDS["staff"])
    if case.lost:
        ran = case.lost[0]
        return case.decide(0.0, ran.lost, WORDS[ran.lost].format(error=ran.why))
    if case.answers and not any(answer.is_answered for answer in case.answers):
        return case.decide(0.0, "unsolved", WORDS["unsolved"])
    if theirs and isinstance(error, NotImplementedError):
        return case.decide(0.0, "unsolved", WORDS["unsolved"])
    status = "raised" if theirs else "wrong"
    message = WORDS[status].format(error=describe_error(error))
    return case.decide(0.0, status, message)


def _find_shared_name(case: Case, error: BaseException, *, theirs: bool) -> str:
    """Return a name that is the test's out here and the student's over there, or ""."""
    missing = NO_NAME.search(str(error)) if isinstance(error, NameError) else None
    if theirs and missing and dict.__contains__(case.namespace, missing[1]):
        return str(missing[1])
    names = case.plan.cells.get(case.cell.id)
    texts = "\n".join(answer.source for answer in case.answers)
    declared = {
        name.strip() for found in GLOBAL.findall(texts) for name in found.split(",")
    }
    both = declared & (names.bound & names.read if names else frozenset())
    return min((n for n in both if dict.__contains__(case.namespace, n)), default="")


def _read_reports(case: Case) -> str:
    """Return the status of a cell without points: what its checks say."""
    if case.lost:
        return case.lost[0].lost
    if case.answers and not any(answer.is_answered for answer in case.answers):
        return "unsolved"
    statuses = [getattr(report, "status", "") for report in case.reports]
    for status in ("cheated", "raised", "unsolved"):
        if status in statuses:
            return status
    return "wrong"


def read_points(value: Any, most: float) -> tuple[float, str, str]:
    """Read points from a last line as nbgrader does for numbers; else give none.

    An object that only the instructor can have made is a display: full points, as
    in nbgrader. Returns the points, a key of NOTES or "", and what was there.
    """
    if value is NOTHING or value is None or value is True:
        return most, "", ""
    if is_students(value):
        return 0.0, "students", ""
    number = _read_number(value)
    if number is None and not _is_data(value):
        return most, "", ""
    if number is None or not -ROUND_OFF <= number <= most + ROUND_OFF:
        return 0.0, "number", type(value).__name__ if number is None else repr(number)
    return min(max(number, 0.0), most), "", ""


def _read_number(value: Any) -> float | None:
    if isinstance(value, torch.Tensor) and value.dim() == 0:
        value = value.detach().item()
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _is_data(value: Any) -> bool:
    """Whether a value might have come from the student's process as it is."""
    if isinstance(value, list | tuple | set | dict):
        return not value or any(_is_data(part) for part in value)
    return type(value).__module__.partition(".")[0] in DATA


def _is_students(case: Case, ran: Ran) -> bool:
    """Whether the last line is only a name of the student's, or what it returned."""
    aliases = {
        target.id: find_root(statement.value)
        for statement in ran.tree.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    last = ran.tree.body[-1] if ran.tree.body else None
    root = find_root(last.value) if isinstance(last, ast.Expr) else None
    for _ in aliases:
        root = aliases.get(root, root) if root is not None else None
    if root is None or root in dict.__getitem__(case.namespace, "__builtins__"):
        return False
    return not dict.__contains__(case.namespace, root)


def find_root(node: ast.expr | None) -> str | None:
    """Return the name that an attribute, an entry or a call is taken of."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call | ast.Await):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


def judge_inside(case: Case, ran: CellRan) -> Verdict:
    """Judge a test cell that its instructor lets run inside: by its outputs."""
    case.note("inside")
    if ran.lost:
        return case.decide(0.0, ran.lost, WORDS[ran.lost].format(error=ran.why))
    if ran.failed:
        return case.decide(0.0, "wrong", WORDS["inside"])
    shown = [o for o in ran.outputs if o.get("output_type") == "execute_result"]
    if not shown:
        return case.decide(case.cell.points, "right")
    text = shown[0].get("data", {}).get("text/plain")
    try:
        value: Any = float(text)
    except (TypeError, ValueError):
        value = ""
    points, note, got = read_points(value, case.cell.points)
    if note:
        case.note(note, got=got, most=f"{case.cell.points:g}")
    return case.decide(points, "wrong", WORDS["inside"])
