"""Checks of what happens to tensors: a training path, effects, expected errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from grader.answers import messages
from grader.answers.calls import (
    Misused,
    bind_inputs,
    call_quietly,
    is_unsolved,
    name_of,
)
from grader.answers.closeness import is_near
from grader.answers.inputs import ExerciseError, Inputs, cast_inputs, copy_inputs
from grader.answers.loops import Loop, Step, wrong_loops
from grader.answers.planted import tell_unasked
from grader.answers.reading import describe, diagnose
from grader.answers.truth import Reference, call_reference, refuse_proxy
from grader.check.ask import (
    Case,
    Diagnoses,
    Question,
    Stopped,
    name_leftovers,
    report_error,
    report_misuse,
    shows_report,
)
from grader.check.draws import Cases, Draw
from grader.check.gradients import name_mistakes
from grader.check.judge import judge
from grader.check.report import Report


@shows_report
def path(  # noqa: PLR0913  (the exercise is read off this one call)
    student: Callable[..., Any],
    *,
    loss: Reference,
    params: Sequence[str],
    draw: Draw | None = None,
    at: Any = None,
    lr: float,
    steps: int,
    name: str | None = None,
) -> Report:
    """Compare a training by hand with plain gradient descent by autograd.

    loss: named tensors → one number. params: those that are trained; the draw gives
    where they start. student: takes the inputs, lr and steps; returns the parameters
    after each step, a list of `steps` dicts (or tuples in the order of `params`).
    """
    refuse_proxy(loss)
    title = name or name_of(student)
    loop = Loop(loss, tuple(params), lr, steps)
    question = Question(
        title,
        {n: messages.PATH_LABEL.format(name=n, steps=steps) for n in params},
        loop.run,
        lambda cases, wrong: _name_path(loop, cases, wrong),
        lambda inputs, generator: {**inputs, "lr": lr, "steps": steps},
        lambda returned, given: stack_path(returned, loop),
        remark=lambda cases, wrong: _first_off(cases, loop),
    )
    return judge(student, question, Cases(draw, at, title))


def stack_path(returned: Any, loop: Loop) -> Any:
    """Make one (steps, ...) value of each parameter from the ways to write a path.

    Raises: Misused when there are not `steps` states.
    """
    if returned is None:
        return dict.fromkeys(loop.params)
    if isinstance(returned, Mapping):
        columns = {name: returned.get(name) for name in loop.params}
        return {n: _as_list(v, loop, n) for n, v in columns.items()}
    states = _as_list(returned, loop, messages.PATH_WORD)
    if len(loop.params) == 1 and not any(
        isinstance(s, (Mapping, tuple)) for s in states
    ):
        return {loop.params[0]: list(states)}
    rows = [_as_row(state, loop) for state in states]
    return {name: [row[name] for row in rows] for name in loop.params}


def _as_list(value: Any, loop: Loop, what: str) -> Any:
    if not isinstance(value, (list, tuple)) and not (
        isinstance(value, Tensor) and value.ndim
    ):
        raise Misused(messages.PATH_KIND, got=describe(value), want=loop.steps)
    if len(value) == loop.steps + 1:  # the start stands in front: accepted
        return value[1:]
    if len(value) != loop.steps:
        raise Misused(messages.PATH_LENGTH, want=loop.steps, got=len(value), name=what)
    return value


def _as_row(state: Any, loop: Loop) -> dict[str, Any]:
    if isinstance(state, Mapping):
        return {name: state.get(name) for name in loop.params}
    parts = list(state) if isinstance(state, Tensor) and state.ndim else state
    if isinstance(parts, (tuple, list)) and len(parts) == len(loop.params):
        return dict(zip(loop.params, parts, strict=True))
    raise Misused(
        messages.PATH_STATE, names=", ".join(loop.params), got=describe(state)
    )


def _name_path(loop: Loop, cases: Sequence[Case], wrong: Sequence[str]) -> Diagnoses:
    """Find the wrong loop that gives this path at every case; then look at step 1."""
    for kind, template, step in wrong_loops(loop):
        if all(_walks(loop, case, step) for case in cases):
            words = {"lr": f"{loop.lr:g}", "params": ", ".join(loop.params)}
            return {wrong[0]: diagnose(kind, template, messages.PATH_WORD, **words)}
    for template, chosen in (messages.RECORDED_BEFORE, 0), (messages.RECORDED_LAST, -1):
        if all(_recorded(loop, case, chosen) for case in cases):
            return {
                wrong[0]: diagnose("wrong-point", template, where=messages.PATH_WORD)
            }
    first = [_first_step(loop, case) for case in cases]
    return name_mistakes(loop.loss, first, loop.params, "")


def _walks(loop: Loop, case: Case, step: Step) -> bool:
    inputs = cast_inputs(case.inputs, torch.float64)
    other = loop.run(inputs, step)
    return all(
        isinstance(case.compared[name].yours, Tensor)
        and is_near(
            case.compared[name].yours - inputs[name], other[name] - inputs[name]
        )
        for name in loop.params
    )


def _recorded(loop: Loop, case: Case, chosen: int) -> bool:
    """Tell whether the right states stand at wrong places: one late, or the last."""
    for name in loop.params:
        truth, yours = case.compared[name].truth, case.compared[name].yours
        start = cast_inputs(case.inputs, torch.float64)[name][None]
        other = (
            torch.cat([start, truth[:-1]])
            if chosen == 0
            else truth[-1:].expand_as(truth)
        )
        if not isinstance(yours, Tensor) or not is_near(yours, other):
            return False
    return True


def _first_step(loop: Loop, case: Case) -> Case:
    """Read the gradient that the first step was made with."""
    start = cast_inputs(case.inputs, torch.float64)
    compared = {}
    for name in loop.params:
        yours = case.compared[name].yours
        if isinstance(yours, Tensor) and yours.shape == case.compared[name].truth.shape:
            grad = (start[name] - yours[0]) / loop.lr
            compared[name] = replace(case.compared[name], yours=grad)
    own = {n: v for n, v in case.inputs.items() if n not in ("lr", "steps")}
    return replace(case, inputs=own, compared=compared)


def _first_off(cases: Sequence[Case], loop: Loop) -> str:
    """Name the first step that is off, at the first case that shows it."""
    for case in cases:
        steps = [_steps_off(case, name) for name in loop.params]
        off = [step for found in steps for step in found]
        if off:
            return messages.FIRST_STEP_OFF.format(number=min(off) + 1)
    return ""


def _steps_off(case: Case, name: str) -> list[int]:
    compared = case.compared[name]
    yours, truth = compared.yours, compared.truth
    if not isinstance(yours, Tensor) or yours.shape != truth.shape:
        return []
    gap = (yours - truth).abs().reshape(len(truth), -1)
    return [
        i for i, worst in enumerate(gap.amax(1).tolist()) if worst > compared.tolerance
    ]


@shows_report
def effects(
    student: Callable[..., Any],
    *,
    expect: Callable[..., Mapping[str, Any]],
    draw: Draw | None = None,
    at: Any = None,
) -> Report:
    """Judge a function by what it does to its arguments and what it returns.

    expect: the same inputs → {"returns": value, "<name>.grad": the gradient left in
    an argument, "<name>": the value of an argument afterwards}; what is absent is not
    judged. An input that the draw made with requires_grad=True is such a leaf.
    """
    refuse_proxy(expect)
    title = name_of(student)
    cases = Cases(draw, at, title)
    leaves = cast_inputs(cases.take(1)[0], torch.float64, keep_leaves=True)
    wanted = list(first := _expected(expect, leaves))
    question = Question(
        title,
        {w: _label_effect(w) for w in wanted},
        lambda inputs: _expected(expect, inputs),
        name_leftovers,
        collect=lambda returned, given: {
            w: _effect(w, returned, given) for w in wanted
        },
        keep_leaves=True,
        versus=messages.REFERENCE,
        unnamed=lambda found: tell_unasked([case.compared for case in found]),
    )
    report = judge(student, question, cases)
    before = cast_inputs(cases.take(1)[0], torch.float64, keep_leaves=True)
    moving = {_label_effect(w) for w in wanted if not _stays(w, first[w], before)}
    if not moving or any(row.ok for row in report.rows if row.quantity in moving):
        return report
    return replace(report, status="wrong", score=0.0, headline="")


def _stays(wanted: str, expected: Any, before: Inputs) -> bool:
    """Tell whether doing nothing gives this effect, which then earns nothing alone."""
    was = _effect(wanted, ..., before)  # no answer is an Ellipsis
    both = isinstance(was, Tensor) and isinstance(expected, Tensor)
    return torch.equal(was, expected) if both else was is expected


def _label_effect(wanted: str) -> str:
    if wanted == "returns":
        return messages.VALUE_LABEL
    return (
        wanted if wanted.endswith(".grad") else messages.AFTER_LABEL.format(name=wanted)
    )


def _expected(
    expect: Callable[..., Mapping[str, Any]], inputs: Inputs
) -> dict[str, Any]:
    with torch.inference_mode(False), torch.enable_grad():
        expected = call_reference(expect, inputs)
    if not isinstance(expected, Mapping) or not expected:
        message = f"expect gave {describe(expected)}; a dict of effects is due"
        raise ExerciseError(message)
    known = ("returns", *inputs)
    strange = [n for n in expected if n.removesuffix(".grad") not in known]
    if strange:
        message = f"expect names {strange}: no returns, <input> or <input>.grad"
        raise ExerciseError(message)
    return {n: _detach(value) for n, value in expected.items()}


def _detach(value: Any) -> Any:
    return value.detach().clone() if isinstance(value, Tensor) else value


def _effect(wanted: str, returned: Any, given: Inputs) -> Any:
    if wanted == "returns":
        return returned
    value = given[wanted.removesuffix(".grad")]
    return _detach(value.grad if wanted.endswith(".grad") else value)


@shows_report
def error(
    student: Callable[..., Any],
    *,
    raises: type[BaseException] | tuple[type[BaseException], ...],
    draw: Draw | None = None,
) -> Report:
    """Judge whether calling the student's function raises this type of error."""
    title = name_of(student)
    inputs = copy_inputs(Cases(draw, None, title).take(1)[0]) if draw else {}
    args, kwargs = bind_inputs(student, inputs)
    outcome = call_quietly(student, *args, **kwargs)
    kinds, raised = raises if isinstance(raises, tuple) else (raises,), outcome.error
    want = " or ".join(kind.__name__ for kind in kinds)
    if raised is None:
        template = messages.NO_ERROR
        misused = Misused(template, got=describe(outcome.value), want=want)
        return report_misuse(misused, title)
    # NotImplementedError is a RuntimeError: a stub must not pass for one.
    if is_unsolved(raised) and NotImplementedError not in kinds:
        raise Stopped(report_error(raised, title))
    if not isinstance(raised, kinds):
        got = type(raised).__name__
        return report_misuse(Misused(messages.OTHER_ERROR, got=got, want=want), title)
    headline = messages.RIGHT_ERROR.format(got=type(raised).__name__)
    return Report(title, "right", 1.0, headline)
