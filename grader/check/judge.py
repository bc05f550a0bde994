"""Asks one question at several draws, compares, names what is wrong, reports."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from grader.answers import messages
from grader.answers.calls import Misused, find_line
from grader.answers.closeness import Compared, Rounding, compare_answer
from grader.answers.inputs import Inputs, cast_inputs, copy_inputs
from grader.answers.reading import ENTRIES_INLINE, diagnose, format_value, shape_text
from grader.check.ask import (
    Case,
    Diagnoses,
    Question,
    Stopped,
    ask,
    make_row,
    split_answer,
)
from grader.check.draws import Cases
from grader.check.report import SHOW, Report, Row
from grader.diagnose.diagnosis import Diagnosis

if TYPE_CHECKING:
    from grader.shortcuts import Shortcut

DRAWS = 3  # for a right answer
DRAWS_TO_DIAGNOSE = 5  # wrong names at 1, 2, 3, 4, 5 draws: 22, 7, 2, 0, 0 of 354

_INEXACT_DRAWS = 2
_EVIDENCE = 6  # lines that staff are shown

# Whether a crash while a mistake is named is raised, as our own tests want it.
STRICT: ContextVar[bool] = ContextVar("STRICT", default=False)


def judge(
    student: Callable[..., Any],
    question: Question,
    cases: Cases,
    *,
    by_hand: bool = False,
) -> Report:
    """Ask the student's function at each case, compare, and report.

    by_hand: what differentiates by machine earns nothing, be it right or wrong.
    """
    if by_hand:
        return _judge_by_hand(student, question, cases)
    return _report(question, _examine_all(student, question, cases), cases)


def _judge_by_hand(
    student: Callable[..., Any], question: Question, cases: Cases
) -> Report:
    from grader.byhand import read_function  # noqa: PLC0415  (only if asked)

    watched, take = _watch(student)
    try:
        found = _examine_all(watched, question, cases)
    except Stopped as stopped:
        shortcuts = (*read_function(student), *take()[0])
        if shortcuts and stopped.report.status != "unsolved":
            return _report_shortcuts(question, shortcuts)
        raise
    ran, is_beside = take()
    shortcuts = (*read_function(student), *ran)
    if shortcuts:
        return _report_shortcuts(question, shortcuts)
    report = _report(question, found, cases)
    report = _report_imprecise(report, found) if report.passed else report
    return replace(report, evidence=(messages.BESIDE,)) if is_beside else report


def _watch(
    student: Any,
) -> tuple[Callable[..., Any], Callable[[], tuple[list[Shortcut], bool]]]:
    """Return the student's function under watch, and what tells what was seen.

    A proxy is watched where it runs; an answer that cannot be called is told later.
    """
    from grader.shortcuts import WAYS, Shortcut, Watch  # noqa: PLC0415  (if asked)

    if getattr(student, "__grader_proxy__", False) is True:
        watch_there = getattr(student, "__grader_watch__", None)
        if not callable(watch_there):
            return student, lambda: ([], False)
        there, take_there = watch_there()

        def take() -> tuple[list[Shortcut], bool]:
            ways, is_beside = take_there()  # what they say of themselves: known words
            return [Shortcut(way) for way in WAYS if way in ways], is_beside is True

        return there, take
    watch = Watch()

    @functools.wraps(student)
    def watched(*args: Any, **kwargs: Any) -> Any:
        with watch, torch.no_grad():
            return student(*args, **kwargs)

    function = watched if callable(student) else student
    return function, lambda: (watch.found, watch.is_beside)


def _report_shortcuts(question: Question, shortcuts: Sequence[Shortcut]) -> Report:
    ways = list(dict.fromkeys(shortcut.way for shortcut in shortcuts))
    lines = dict.fromkeys(shortcut.line for shortcut in shortcuts if shortcut.line)
    return Report(
        question.title,
        "cheated",
        headline=messages.BY_HAND.format(ways=" and ".join(ways)),
        notes=tuple(messages.BY_HAND_LINE.format(line=line) for line in lines)[:3],
        next_step=messages.BY_HAND_NEXT,
        evidence=tuple(f"{s.way}: {s.line or messages.BY_HAND_RAN}" for s in shortcuts)[
            :_EVIDENCE
        ],
    )


def _report_imprecise(report: Report, found: Sequence[Case]) -> Report:
    """Send back what is right to fewer digits than any formula gives.

    One inexact draw of several is left alone: it may be badly conditioned.
    """
    inexact = [c for case in found for c in case.compared.values() if not c.exact]
    draws = sum(any(not c.exact for c in case.compared.values()) for case in found)
    if draws < min(_INEXACT_DRAWS, len(found)):
        return report
    worst = max(compared.error or 0.0 for compared in inexact)
    words = {"name": report.rows[0].quantity, "error": f"{worst:.0e}"}
    named = diagnose("finite-difference", messages.IMPRECISE, **words)
    rows = tuple(replace(row, ok=False) for row in report.rows)
    return replace(
        report,
        rows=rows,
        status="wrong",
        score=0.0,
        headline="",
        diagnoses=(named,),
        notes=(),
        next_step=messages.FIX_NEXT,
    )


def _examine_all(
    student: Callable[..., Any], question: Question, cases: Cases
) -> list[Case]:
    """Ask at each case of three draws; of five, when an answer is wrong."""
    found = [_examine(student, question, inputs, cases) for inputs in cases.take(DRAWS)]
    if not all(case.right for case in found):
        more = cases.take(DRAWS_TO_DIAGNOSE)[len(found) :]
        found += [_examine(student, question, inputs, cases) for inputs in more]
    vague = [n for n in question.labels if all(c.compared[n].vague for c in found)]
    return [_refuse_vague(case, vague, question) for case in found] if vague else found


def _refuse_vague(case: Case, vague: Sequence[str], question: Question) -> Case:
    """Refuse quantities that no draw could tell from wrong ones, for lack of digits."""
    compared = dict(case.compared)
    for name in vague:
        words = {"name": question.labels[name], "got": "float32", "want": "float64"}
        problem = diagnose("dtype", messages.LOW_PRECISION, **words)
        compared[name] = replace(compared[name], ok=False, problem=problem)
    return replace(case, compared=compared)


def _report(question: Question, found: Sequence[Case], cases: Cases) -> Report:
    if all(case.right for case in found):
        return _report_right(question, found, cases)
    return _report_wrong(question, found)


def _examine(
    student: Callable[..., Any], question: Question, inputs: Inputs, cases: Cases
) -> Case:
    drawn = inputs
    inputs = question.extend(drawn, cases.generator)
    keep = question.keep_leaves
    truth = question.truth(cast_inputs(inputs, torch.float64, keep_leaves=keep))
    given = copy_inputs(inputs, keep_leaves=keep)
    outcome = ask(student, given, title=question.title)
    rounding = Rounding(question.truth, inputs, truth)
    try:
        answer = question.collect(outcome.value, given)
        answers = split_answer(answer, truth, question.title)
        compared = {
            name: compare_answer(answers[name], truth[name], rounding, name, label)
            for name, label in question.labels.items()
        }
    except Exception as error:
        if isinstance(error, Misused) or not find_line(error):
            raise
        # An object of the student's own broke while it was read.
        raise Misused(messages.UNREADABLE, error=type(error).__name__) from None
    return Case(drawn, inputs, compared, outcome.notes)


def _report_right(question: Question, found: Sequence[Case], cases: Cases) -> Report:
    template = messages.RIGHT if cases.are_drawn else messages.RIGHT_AT
    last = found[-1].compared
    notes = dict.fromkeys(note for c in last.values() for note in c.notes)
    return Report(
        question.title,
        "right",
        1.0,
        template.format(draws=cases.draws, versus=question.versus),
        tuple(_label_row(question, c) for c in last.values()),
        notes=tuple(notes),
        versus=question.versus,
    )


def _label_row(question: Question, compared: Compared) -> Row:
    return replace(make_row(compared), quantity=question.labels[compared.quantity])


def _report_wrong(question: Question, found: Sequence[Case]) -> Report:
    wrong = [n for n in question.labels if not all(c.compared[n].ok for c in found)]
    first = next(case for case in found if not case.right)
    rows = []
    for name in question.labels:
        bad = next((c for c in found if not c.compared[name].ok), first)
        rows.append(_label_row(question, bad.compared[name]))
    named = _diagnose(question, found, wrong)
    diagnoses = tuple(d for d in (named.get(name) for name in wrong) if d is not None)
    right_cases = sum(case.right for case in found)
    total = len(question.labels)
    headline = messages.PARTIAL.format(right=total - len(wrong), total=total)
    if total == 1:
        words = {"right": right_cases, "draws": len(found)}
        headline = messages.SOME_DRAWS.format(**words) if right_cases else ""
    return Report(
        question.title,
        "partial" if len(wrong) < total else "wrong",
        (total - len(wrong)) / total,
        f"{headline} {question.remark(found, wrong)}".strip(),
        tuple(rows),
        diagnoses,
        _notes(question, found, diagnoses),
        messages.FIX_NEXT,
        question.versus,
    )


def _notes(
    question: Question, found: Sequence[Case], diagnoses: Sequence[Diagnosis]
) -> tuple[str, ...]:
    case = next(case for case in found if not case.right)
    notes = [] if diagnoses else [question.unnamed(found)]
    tensors = {n: v for n, v in case.drawn.items() if isinstance(v, Tensor)}
    inputs = ", ".join(_show_input(n, v) for n, v in tensors.items())
    notes.append(messages.SHOWN_DRAW.format(inputs=inputs))
    for compared in case.compared.values():
        notes += compared.notes
    return (*notes, *case.notes)


def _show_input(name: str, value: Tensor) -> str:
    """Write a small input out, but where it is graded: such draws are nobody's."""
    is_small = value.numel() <= ENTRIES_INLINE and SHOW.get() is None
    return (
        f"{name} = {format_value(value)}" if is_small else f"{name} {shape_text(value)}"
    )


def _diagnose(
    question: Question, found: Sequence[Case], wrong: Sequence[str]
) -> Diagnoses:
    named: Diagnoses = {}
    for name in wrong:
        problems = (case.compared[name].problem for case in found)
        named[name] = next((p for p in problems if p is not None), None)
    try:
        return named | _ask_names(question, found, named)
    except Exception:  # a name is a courtesy: without it the check stands
        if STRICT.get():
            raise
        return named


def _ask_names(
    question: Question, found: Sequence[Case], named: Diagnoses
) -> Diagnoses:
    """Name what has no name yet, and say more of a wrong shape where that is known."""
    numeric = [name for name, problem in named.items() if problem is None]
    shapes = [n for n, problem in named.items() if problem and problem.kind == "shape"]
    names = question.name(found, numeric) if numeric else {}
    causes = question.shapes(found, shapes) if shapes else {}
    return {n: d for n, d in names.items() if n in numeric} | {
        name: cause for name, cause in causes.items() if cause is not None
    }
