"""Checks of what a student says (answers, bug hunts), and help around exercises."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import replace
from typing import Any

from grader.answers import messages
from grader.answers.calls import Misused, first_line, is_unsolved, name_of
from grader.answers.inputs import ExerciseError, Inputs, copy_inputs
from grader.answers.planted import plant, read_witness, write_numbers
from grader.answers.reading import (
    compare_plain,
    describe,
    format_value,
    read_answer,
)
from grader.answers.truth import Reference, differentiate
from grader.check.ask import Stopped, ask, shows_report, split_answer
from grader.check.draws import SEED, Cases, Draw
from grader.check.gradients import ask_gradient, name_mistakes
from grader.check.judge import DRAWS_TO_DIAGNOSE, judge
from grader.check.report import Report, Row, make_table, show_text_and_html
from grader.diagnose.diagnosis import KINDS

_EXPOSED = 0.1  # relative error at which an input shows the bug
_MOST_NAMED = 256  # bugs, the oldest go
_NAMED: dict[Hashable, set[str]] = {}  # what bugs were found to be, by their numbers

Answers = Mapping[str, Any]


@shows_report
def answers(
    yours: Answers | Callable[[], Answers], *, truth: Callable[[], Answers]
) -> Report:
    """Compare given answers with an experiment that is run now; equal entries count.

    yours: a dict, or a function that returns one.
    """
    title = messages.ANSWERS_TITLE
    given = ask(yours, {}, title=title).value if callable(yours) else yours
    right = truth()
    if not isinstance(right, Mapping) or not right:
        message = f"truth() gave {type(right).__name__}; a dict of answers is due"
        raise ExerciseError(message)
    given = {} if given is None else given
    if not isinstance(given, Mapping):
        words = {"got": describe(given), "name": next(iter(right))}
        raise Misused(messages.ANSWERS_DICT, **words)
    rows = tuple(_answer_row(name, given.get(name), right[name]) for name in right)
    blank = all(is_blank(given.get(name)) for name in right)
    report = count_rows(title, rows, blank)
    next_step = "" if report.passed else messages.ANSWERS_NEXT
    notes = _tell_unknown(given, right)
    return replace(report, next_step=next_step, notes=notes, versus=messages.EXPERIMENT)


def _tell_unknown(given: Answers, right: Answers) -> tuple[str, ...]:
    """Say which entries nobody asks for: a misspelt one counts as missing."""
    unknown = [name for name in given if name not in right]
    if not unknown:
        return ()
    words = {"got": ", ".join(repr(name)[:40] for name in unknown)}
    words["names"] = ", ".join(map(repr, right))
    return (messages.UNKNOWN_ENTRIES.format(**words),)


def count_rows(title: str, rows: tuple[Row, ...], blank: bool) -> Report:
    """Report rows of equal weight. blank: nothing has been answered."""
    good = sum(row.ok for row in rows)
    status = "partial" if good else "unsolved" if blank else "wrong"
    headline = messages.PARTIAL.format(right=good, total=len(rows))
    status = "right" if good == len(rows) else status
    return Report(title, status, good / len(rows), headline, rows)


def is_blank(answer: Any) -> bool:
    """Tell whether a place is still to be filled: None, ... or "?"."""
    return (
        answer is None or answer is ... or (isinstance(answer, str) and answer in "?")
    )


def _answer_row(name: str, answer: Any, right: Any) -> Row:
    ok = compare_plain(answer, right)
    blank = is_blank(answer) and not ok
    shown = messages.UNANSWERED if blank else format_value(answer)
    told = format_value(right) if ok else messages.NOT_SHOWN
    return Row(str(name), shown, "" if blank else told, None, ok, blank=blank)


@shows_report
def hunt(  # noqa: PLR0913  (the exercise is read off this one call)
    *,
    planted: Callable[..., Any],
    of: Reference,
    wrt: str | Sequence[str],
    witness: Any,
    kind: Any,
    repaired: Callable[..., Any],
    draw: Draw,
) -> Report:
    """Judge a bug hunt; a third of the score for each of its three parts.

    planted: the wrong gradient that was handed out. kind: the name of its mistake.
    witness: inputs at which it is more than 10 % off; both may be functions that
    return it. repaired: the student's own gradient.
    """
    plant(of, planted)
    names = (wrt,) if isinstance(wrt, str) else tuple(wrt)
    cases = copy_context().run(_draw_for_all, draw, name_of(planted))
    rows = (
        _judge_kind(kind, _read_bug(planted, of, names, cases)),
        _judge_witness(witness, planted, of, names, cases.take(1)[0]),
        _judge_repair(repaired, of, names, draw),
    )
    title = messages.HUNT_TITLE.format(name=name_of(planted))
    report = count_rows(title, rows, all(row.blank for row in rows))
    next_step = "" if report.passed else messages.HUNT_NEXT
    return replace(report, next_step=next_step, versus=messages.FOUND)


def _draw_for_all(draw: Draw, name: str) -> Cases:
    """Draw the same for every student: the bug is nobody's answer."""
    SEED.set(b"planted")
    return Cases(draw, None, name)


def _read_bug(
    planted: Callable[..., Any], of: Reference, wrt: tuple[str, ...], cases: Cases
) -> set[str]:
    """Return every name that the planted bug's numbers allow.

    Raises: ExerciseError when they tell none: no student could be judged.
    """
    question = ask_gradient(name_of(planted), of, wrt, "upstream", planted)
    named = replace(
        question, name=lambda found, wrong: name_mistakes(of, found, wrt, "upstream")
    )
    drawn = cases.take(DRAWS_TO_DIAGNOSE)
    draws = [question.extend(inputs, cases.generator) for inputs in drawn]
    code = getattr(of, "__code__", None)
    key = (code, wrt, write_numbers(planted, question.truth, draws))
    if key not in _NAMED:
        diagnoses = judge(planted, named, cases).diagnoses
        _NAMED[key] = {x.kind for d in diagnoses for x in (d, *d.alternatives)}
        for oldest in list(_NAMED)[:-_MOST_NAMED]:
            del _NAMED[oldest]
    if not _NAMED[key]:
        message = f"hunt: no mistake can be named in {name_of(planted)}"
        raise ExerciseError(message)
    return _NAMED[key]


def _judge_kind(kind: Any, right: set[str]) -> Row:
    given, problem = _call_if_needed(kind)
    if problem or is_blank(given):
        return _blank_row(messages.HUNT_KIND, problem)
    word = "-".join(re.split(r"[\s_-]+", str(given).strip().lower()))
    told = messages.KIND_RIGHT if word in right else messages.KIND_WRONG
    if word not in KINDS:
        told = messages.KIND_UNKNOWN
    return Row(messages.HUNT_KIND, str(given)[:40], told, None, word in right)


def _blank_row(quantity: str, problem: str) -> Row:
    blank = problem in ("", messages.UNSOLVED_PART)
    shown = problem or messages.UNANSWERED
    return Row(quantity, shown, "", None, False, blank=blank)


def _call_if_needed(part: Any) -> tuple[Any, str]:
    """Return a part of the answer, and what to show where it could not be had."""
    if not callable(part):
        return part, ""
    try:
        return ask(part, {}, title="").value, ""
    except Stopped as stopped:
        return None, _stopped_words(stopped)


def _stopped_words(stopped: Stopped) -> str:
    unsolved = stopped.report.status == "unsolved"
    return messages.UNSOLVED_PART if unsolved else stopped.report.headline


def _judge_witness(
    witness: Any,
    planted: Callable[..., Any],
    of: Reference,
    wrt: tuple[str, ...],
    like: Inputs,
) -> Row:
    given, problem = _call_if_needed(witness)
    if problem or is_blank(given):
        return _blank_row(messages.HUNT_WITNESS, problem)
    shown = format_value(given)
    try:
        error = _measure_bug(planted, of, wrt, read_witness(given, like))
    except Misused as misused:
        return Row(messages.HUNT_WITNESS, shown, misused.message, None, False)
    ok = error > _EXPOSED
    told = messages.WITNESS_RIGHT if ok else messages.WITNESS_WRONG
    return Row(messages.HUNT_WITNESS, shown, told, error, ok)


def _measure_bug(
    planted: Callable[..., Any], of: Reference, wrt: tuple[str, ...], inputs: Inputs
) -> float:
    """Return how far the planted gradient is off here, relative to the right one.

    Raises: Misused where one of both cannot be computed.
    """
    fails = Misused((messages.WITNESS_FAILS, ""))
    try:
        truth = differentiate(of, copy_inputs(inputs), wrt, "")
        bug = split_answer(ask(planted, copy_inputs(inputs), title="").value, truth, "")
    except (Stopped, RuntimeError, ValueError, IndexError):
        raise fails from None
    worst = 0.0
    for name in wrt:
        reading = read_answer(bug[name], truth[name], None, name)
        if reading.problem is not None or reading.tensor is None:
            return math.inf
        scale = float(truth[name].abs().max())
        gap = float((reading.tensor - truth[name]).abs().max())
        if not math.isfinite(scale):
            raise fails
        worst = max(worst, gap / scale if scale else math.inf if gap else 0.0)
    return worst


def _judge_repair(
    repaired: Callable[..., Any], of: Reference, wrt: tuple[str, ...], draw: Draw
) -> Row:
    """Judge the repair; its mistake is not named, it may be the bug's own."""
    title = name_of(repaired)
    question = ask_gradient(title, of, wrt, "upstream", repaired)
    question = replace(question, name=lambda found, wrong: {})
    try:
        report = judge(repaired, question, Cases(draw, None, title))
    except Stopped as stopped:
        return _blank_row(messages.HUNT_REPAIR, _stopped_words(stopped))
    except Misused as misused:
        return Row(messages.HUNT_REPAIR, title, misused.message, None, False)
    worst = max((row.error or 0.0 for row in report.rows), default=None)
    told = messages.REPAIR_RIGHT if report.passed else messages.REPAIR_WRONG
    if report.diagnosis is not None:  # of what is no number: None, a wrong shape
        told, worst = report.diagnosis.message, None
    return Row(messages.HUNT_REPAIR, title, told, worst, report.passed)


def kinds() -> None:
    """Show the names of mistakes, each with a sentence."""
    lines = [(kind, sentence) for kind, sentence in KINDS.items()]
    width = max(len(kind) for kind in KINDS)
    text = "\n".join(f"{kind.ljust(width)}  {sentence}" for kind, sentence in lines)
    show_text_and_html(text, make_table(messages.KINDS_HEAD, lines))


@contextmanager
def when_solved() -> Iterator[None]:
    """Keep a free cell polite while the exercise it uses is unsolved.

    A stub's NotImplementedError becomes one line; any other error passes.
    """
    try:
        yield
    except NotImplementedError as error:
        if not is_unsolved(error):
            raise
        stub = first_line(str(error)) or messages.UNSOLVED
        found = re.match(messages.STUB, stub)
        text = messages.COMES_FIRST.format(stub=stub.rstrip("."))
        if found:
            text = messages.EXERCISE_FIRST.format(exercise=found[1], what=found[2])
        show_text_and_html(text, "")
