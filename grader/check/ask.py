"""What a check asks, asking it, and how an answer stands in the report."""

from __future__ import annotations

import functools
import math
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, ParamSpec

import torch
from torch import Tensor

from grader.accelerators.devices import CPU, DEVICES, full_precision
from grader.answers import messages
from grader.answers.calls import (
    Misused,
    Outcome,
    bind_inputs,
    call_quietly,
    find_line,
    first_line,
    is_unsolved,
    leave_as_found,
    name_of,
)
from grader.answers.closeness import Compared, name_ratio
from grader.answers.inputs import Inputs, bring_to_cpu
from grader.answers.planted import find_leftover, find_movement
from grader.answers.reading import count_digits, describe, format_number, format_value
from grader.check.report import WORST_SHOWN, Entry, Report, Row, show_report
from grader.diagnose.diagnosis import Diagnosis

P = ParamSpec("P")
Diagnoses = dict[str, "Diagnosis | None"]
Namer = Callable[["Sequence[Case]", Sequence[str]], Diagnoses]


@dataclass(frozen=True)
class Question:
    """What one check asks.

    labels: each quantity and how the report calls it, in the order of the answer.
    truth: named inputs in any float dtype, on the CPU → the value of each quantity.
    name: names the mistakes of the wrong quantities, from all cases.
    extend: adds to drawn inputs what the student is given besides.
    collect: makes the answer of what the function returned and what it was given.
    keep_leaves: drawn leaves that require grad are given as such, with their .grad.
    versus: whose values yours are compared with.
    remark: says more about the wrong quantities, or "".
    unnamed: says why no mistake is named.
    shapes: names what wrong shapes come from.
    """

    title: str
    labels: Mapping[str, str]
    truth: Callable[[Inputs], dict[str, Any]]
    name: Namer
    extend: Callable[[Inputs, torch.Generator], Inputs] = lambda inputs, generator: (
        inputs
    )
    collect: Callable[[Any, Inputs], Any] = lambda returned, given: returned
    keep_leaves: bool = False
    versus: str = messages.AUTOGRAD
    remark: Callable[[Sequence[Case], Sequence[str]], str] = lambda cases, wrong: ""
    unnamed: Callable[[Sequence[Case]], str] = lambda cases: messages.NO_PATTERN
    shapes: Namer = lambda cases, wrong: {}


@dataclass(frozen=True)
class Case:
    """One call: its inputs, and each quantity compared."""

    drawn: Inputs
    inputs: Inputs  # what the student's function was given: `drawn`, extended
    compared: Mapping[str, Compared]
    notes: tuple[str, ...] = ()

    @property
    def right(self) -> bool:
        """Whether all quantities are right here."""
        return all(compared.ok for compared in self.compared.values())


def name_ratios(
    cases: Sequence[Case], wrong: Sequence[str], label: str = "{name}"
) -> Diagnoses:
    """Name what differs by one constant at every case; for values without a graph."""
    return {
        n: name_ratio(
            [case.compared[n] for case in cases], n, n and label.format(name=n)
        )
        for n in wrong
    }


def name_leftovers(cases: Sequence[Case], wrong: Sequence[str]) -> Diagnoses:
    """Name what an argument held before the call and still shows, or how it moved."""
    named = name_ratios(cases, wrong)
    for name in wrong:
        draws = [(case.inputs, case.compared[name]) for case in cases]
        named[name] = find_leftover(draws) or find_movement(draws) or named[name]
    return named


class Stopped(Exception):
    """The report is made already: the student's code raised, or is not solved yet."""

    def __init__(self, report: Report) -> None:
        super().__init__(report.title)
        self.report = report


@contextmanager
def _as_usual() -> Iterator[None]:
    """Compute as in a fresh notebook, silently, and leave all as it was found."""
    quiet = warnings.catch_warnings()
    with leave_as_found(), full_precision(), torch.inference_mode(False), quiet:
        # A warning that reaches stderr costs all points under stock nbgrader.
        warnings.simplefilter("ignore")
        yield


def shows_report(make_report: Callable[P, Report]) -> Callable[P, Report]:
    """Make a check of it: the state is left as found, the report is shown."""

    @functools.wraps(make_report)
    def check(*args: P.args, **kwargs: P.kwargs) -> Report:
        with _as_usual():
            try:
                report = make_report(*args, **kwargs)
            except Stopped as stopped:
                report = stopped.report
            except Misused as misused:
                report = report_misuse(misused, name_of(next(iter(args), None)))
        return show_report(report)

    return check


def ask(
    function: Callable[..., Any], inputs: Mapping[str, Any], *, title: str
) -> Outcome:
    """Call a student's function with the inputs that its signature takes.

    Raises: Stopped with the report when it raises or is not solved yet.
    """
    try:
        args, kwargs = bind_inputs(function, inputs)
    except Misused as misused:
        raise Stopped(report_misuse(misused, title)) from None
    outcome = call_quietly(function, *args, **kwargs)
    if isinstance(outcome.error, Misused):
        raise outcome.error
    if outcome.error is not None:
        report = report_error(outcome.error, title)
        if _only_there_fails(function, inputs):
            told = {"device": DEVICES.get().chosen}
            look = messages.MIXED_DEVICES.format(**told)
            report = replace(report, diagnoses=(), next_step=look)
        raise Stopped(report) from None
    return outcome


def _only_there_fails(function: Callable[..., Any], inputs: Mapping[str, Any]) -> bool:
    """Whether the inputs lie on an accelerator, and copies on the CPU do not fail."""
    devices = DEVICES.get()
    if devices.chosen == CPU:
        return False
    args, kwargs = bind_inputs(function, bring_to_cpu(inputs))
    return call_quietly(function, *args, **kwargs).error is None


def report_misuse(misused: Misused, title: str) -> Report:
    """Report a call that could not be made, before any number was compared."""
    return Report(title, "wrong", headline=misused.message, next_step=misused.look)


def report_error(error: BaseException, title: str) -> Report:
    """Report what the student's code raised, in at most a few lines."""
    if is_unsolved(error):
        stub = first_line(str(error))
        found = re.match(messages.STUB, stub)
        if found:
            stub = messages.UNSOLVED_STUB.format(exercise=found[1], what=found[2])
        headline, next_step = stub or messages.UNSOLVED, messages.UNSOLVED_NEXT
        return Report(title, "unsolved", headline=headline, next_step=next_step)
    text = messages.RAISED.format(
        name=type(error).__name__, text=first_line(str(error))
    )
    line = find_line(error)
    notes = (messages.RAISED_LINE.format(line=line),) if line else ()
    named = _diagnose_error(str(error))
    look = "" if named else messages.explain_error(str(error))
    return Report(
        title,
        "raised",
        headline=text.rstrip(": "),
        diagnoses=named,
        notes=notes,
        next_step=look or (messages.FIX_NEXT if named else messages.RAISED_NEXT),
    )


def _diagnose_error(text: str) -> tuple[Diagnosis, ...]:
    found = (said for part, said in messages.TELLING_ERRORS.items() if part in text)
    return tuple(Diagnosis(kind, "", *template) for kind, template in found)[:1]


def split_answer(value: Any, truth: Mapping[str, Any], title: str) -> dict[str, Any]:
    """Give each quantity its part of the answer: by name, by place, or the whole.

    Raises: Stopped when parts are missing.
    """
    names = list(truth)
    if isinstance(value, Mapping):
        return {name: _find_entry(value, name, title) for name in names}
    if len(names) == 1:
        return {names[0]: _unwrap(value, truth[names[0]])}
    if value is None:
        return dict.fromkeys(names)
    scalars = all(not isinstance(t, Tensor) or t.ndim == 0 for t in truth.values())
    if isinstance(value, (tuple, list)) or (
        scalars and isinstance(value, Tensor) and value.ndim == 1
    ):
        if len(value) == len(names):
            return dict(zip(names, value, strict=True))
        got = str(len(value))
    else:
        got = describe(value)
    words = {"want": len(names), "names": ", ".join(names), "got": got}
    raise Stopped(report_misuse(Misused(messages.WRONG_COUNT, **words), title))


def _find_entry(value: Mapping[Any, Any], name: str, title: str) -> Any:
    for key in (name, f"d{name}", f"dL_d{name}", f"dL/d{name}"):
        if key in value:
            return value[key]
    if name == "" and len(value) == 1:
        return next(iter(value.values()))
    got = ", ".join(repr(key)[:30] for key in value) or "none"
    misused = Misused(messages.MISSING_NAME, name=name, got=got)
    raise Stopped(report_misuse(misused, title))


def _unwrap(value: Any, truth: Any) -> Any:
    """Take a lone tensor out of a tuple of one."""
    if isinstance(value, (tuple, list)) and len(value) == 1:
        inner = value[0]
        if (
            not isinstance(truth, Tensor)
            or truth.ndim == 0
            or isinstance(inner, Tensor)
        ):
            return inner
    return value


def make_row(compared: Compared) -> Row:
    """Make the line that a report shows of one quantity."""
    digits = 5 if compared.ok else count_digits(compared.error)
    yours = format_value(compared.yours, digits)
    truth = format_value(compared.truth, digits)
    entries, off, total = _worst_entries(compared, digits)
    return Row(
        compared.quantity,
        yours,
        truth,
        compared.error,
        compared.ok,
        entries,
        off,
        total,
    )


def _worst_entries(
    compared: Compared, digits: int
) -> tuple[tuple[Entry, ...], int, int]:
    yours, truth = compared.yours, compared.truth
    if compared.ok or not isinstance(yours, Tensor) or not isinstance(truth, Tensor):
        return (), 0, 0
    if yours.shape != truth.shape or truth.ndim == 0 or not truth.is_floating_point():
        return (), 0, truth.numel()
    gap = (yours - truth).abs().nan_to_num(math.inf, math.inf)
    off = gap > compared.tolerance
    order = gap.flatten().argsort(descending=True)[: min(WORST_SHOWN, int(off.sum()))]
    # `torch.unravel_index` imports sympy at its first use: 1.3 s in a lesson.
    places = torch.ones(truth.shape).nonzero()
    entries = []
    for place in order.tolist():
        mine, right = float(yours.flatten()[place]), float(truth.flatten()[place])
        error = abs(mine - right) / abs(right) if right else math.inf
        where = str(places[place].tolist())
        shown = [format_number(number, digits) for number in (mine, right)]
        entries.append(Entry(where, shown[0], shown[1], error))
    return tuple(entries), int(off.sum()), truth.numel()
