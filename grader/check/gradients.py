"""Checks of numbers: value, gradient, vjp, jacobian, and the links of a chain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from grader.answers import messages
from grader.answers.calls import name_of
from grader.answers.closeness import is_near
from grader.answers.inputs import cast_inputs
from grader.answers.planted import find_planted, is_own_answer
from grader.answers.reading import diagnose
from grader.answers.truth import (
    Reference,
    add_intermediates,
    add_upstream,
    cut_chain,
    differentiate,
    differentiate_chain,
    differentiate_fully,
    evaluate,
    refuse_proxy,
)
from grader.check.ask import Case, Diagnoses, Question, name_ratios, shows_report
from grader.check.draws import Cases, Draw
from grader.check.judge import judge
from grader.check.report import Report
from grader.diagnose.diagnosis import Diagnosis, Trial


@shows_report
def value(  # noqa: PLR0913  (as gradient)
    student: Callable[..., Any],
    *,
    of: Reference,
    draw: Draw | None = None,
    at: Any = None,
    by_hand: bool = False,
    name: str | None = None,
) -> Report:
    """Compare what the student's function returns with what `of` returns.

    Both may return a tuple or a dict: each entry counts by itself.
    """
    refuse_proxy(of)
    title = name or name_of(student)
    cases = Cases(draw, at, title)
    entries = evaluate(of, cast_inputs(cases.take(1)[0], torch.float64))
    labels = {e: messages.ENTRY_LABEL.format(name=e) for e in entries}
    question = Question(
        title,
        {"": messages.VALUE_LABEL} if "" in entries else labels,
        lambda inputs: evaluate(of, inputs),
        partial(name_ratios, label=messages.ENTRY_LABEL),
        versus=messages.REFERENCE,
    )
    return judge(student, question, cases, by_hand=by_hand)


@shows_report
def gradient(  # noqa: PLR0913  (the exercise is read off this one call)
    student: Callable[..., Any],
    *,
    of: Reference,
    wrt: str | Sequence[str],
    draw: Draw | None = None,
    at: Any = None,
    by_hand: bool = False,
    upstream: str = "upstream",
    name: str | None = None,
) -> Report:
    """Compare the student's gradient with autograd's at fresh draws.

    of: the reference, ordinary PyTorch on named tensors → scalar or tensor.
    draw: generator → named tensors, or a list of such cases. at: given inputs.
    student: takes those names; returns one tensor for each name in `wrt`, as a tuple
        or a dict. Where `of` gives a tensor it also takes `upstream`, of its shape.
    """
    refuse_proxy(of)
    title = name or name_of(student)
    question = ask_gradient(title, of, wrt, upstream, student)
    return judge(student, question, Cases(draw, at, title), by_hand=by_hand)


@shows_report
def vjp(  # noqa: PLR0913  (as gradient)
    student: Callable[..., Any],
    *,
    of: Reference,
    wrt: str | Sequence[str],
    draw: Draw | None = None,
    at: Any = None,
    by_hand: bool = False,
) -> Report:
    """Compare a vector–Jacobian product: student(upstream, **inputs)."""
    refuse_proxy(of)
    title = name_of(student)
    question = ask_gradient(title, of, wrt, "upstream", student)
    extend = question.extend
    first = replace(
        question,
        extend=lambda inputs, generator: _upstream_first(extend(inputs, generator)),
    )
    return judge(student, first, Cases(draw, at, title), by_hand=by_hand)


def _upstream_first(inputs: dict[str, Any]) -> dict[str, Any]:
    """Put it before the others, for a function that takes its arguments by place."""
    return {"upstream": inputs.get("upstream", torch.ones(())), **inputs}


def ask_gradient(
    title: str,
    of: Reference,
    wrt: str | Sequence[str],
    upstream: str,
    student: Callable[..., Any],
) -> Question:
    """Ask for gradients; a bug planted for a hunt is named in an own answer only."""
    names = (wrt,) if isinstance(wrt, str) else tuple(wrt)

    def find_hidden(cases: Sequence[Case]) -> set[str]:
        return set() if is_own_answer(student) else _find_planted(of, cases, names)

    def name(cases: Sequence[Case], wrong: Sequence[str]) -> Diagnoses:
        hidden = find_hidden(cases)
        if hidden >= set(names):
            return {}
        named = name_mistakes(of, cases, names, upstream)
        return {name: found for name, found in named.items() if name not in hidden}

    return Question(
        title,
        {n: messages.GRADIENT_LABEL.format(name=n) for n in names},
        lambda inputs: differentiate(of, inputs, names, upstream),
        name,
        lambda inputs, generator: add_upstream(of, inputs, generator, upstream),
        shapes=lambda cases, wrong: name_shapes(of, cases, wrong, upstream),
        unnamed=lambda cases: (
            messages.PLANTED if find_hidden(cases) else messages.NO_PATTERN
        ),
    )


def _find_planted(of: Reference, cases: Sequence[Case], wrt: Sequence[str]) -> set[str]:
    draws = [(c.inputs, {name: c.compared[name].yours for name in wrt}) for c in cases]
    return find_planted(of, draws)


def name_mistakes(
    of: Reference, cases: Sequence[Case], wrt: Sequence[str], upstream: str
) -> Diagnoses:
    """Ask `diagnose` which one wrong step gives these numbers, at all cases."""
    from grader.diagnose import name_mistake  # noqa: PLC0415  (only if wrong)

    trials = [_make_trial(case, wrt, upstream, "") for case in cases]
    whole = [trial for trial in trials if all(name in trial.answers for name in wrt)]
    return dict(name_mistake(of, whole, tuple(wrt))) if whole else {}


def name_shapes(
    of: Reference, cases: Sequence[Case], wrong: Sequence[str], upstream: str
) -> Diagnoses:
    """Ask `diagnose` what a wrong shape comes from, at the first case that has one."""
    from grader.diagnose import name_shape  # noqa: PLC0415  (only if wrong)

    for case in cases:
        trial = _make_trial(case, wrong, upstream, "shape")
        if trial.answers:
            return dict(name_shape(of, trial, tuple(wrong)))
    return {}


def _make_trial(case: Case, wrt: Sequence[str], upstream: str, problem: str) -> Trial:
    """Collect the answers without a problem, or with this kind of it."""
    inputs = cast_inputs(case.inputs, torch.float64)
    g = inputs.pop(upstream, None)
    chosen = {n: c for n, c in case.compared.items() if n in wrt}
    answers = {
        name: compared.yours
        for name, compared in chosen.items()
        if isinstance(compared.yours, Tensor)
        and (compared.problem.kind if compared.problem else "") == problem
    }
    return Trial(inputs, answers, g)


@shows_report
def jacobian(  # noqa: PLR0913  (as gradient)
    student: Callable[..., Any],
    *,
    of: Reference,
    wrt: str | Sequence[str],
    draw: Draw | None = None,
    at: Any = None,
    by_hand: bool = False,
) -> Report:
    """Compare full Jacobians: the output's axes first, then the input's."""
    refuse_proxy(of)
    title = name_of(student)
    names = (wrt,) if isinstance(wrt, str) else tuple(wrt)
    question = Question(
        title,
        {n: messages.JACOBIAN_LABEL.format(name=n) for n in names},
        lambda inputs: differentiate_fully(of, inputs, names),
        lambda cases, wrong: _name_jacobians(of, cases, names, wrong),
    )
    return judge(student, question, Cases(draw, at, title), by_hand=by_hand)


def _name_jacobians(
    of: Reference, cases: Sequence[Case], wrt: Sequence[str], wrong: Sequence[str]
) -> Diagnoses:
    """Name a transposed one; else what one random product with it tells."""
    named: Diagnoses = {name: _name_transposed(cases, name) for name in wrong}
    if all(named.values()):
        return named
    generator = torch.Generator().manual_seed(0)  # any vector serves, also the same
    products = [_multiply_left(case, wrt, generator) for case in cases]
    return name_mistakes(of, products, wrt, "upstream") | {
        name: found for name, found in named.items() if found is not None
    }


def _name_transposed(cases: Sequence[Case], name: str) -> Diagnosis | None:
    for case in cases:
        truth, yours = case.compared[name].truth, case.compared[name].yours
        inner = case.inputs[name].ndim
        order = [*range(truth.ndim - inner, truth.ndim), *range(truth.ndim - inner)]
        if not isinstance(yours, Tensor) or not is_near(yours, truth.permute(order)):
            return None
    return diagnose("transposed", messages.JACOBIAN_TRANSPOSED, where=name)


def _multiply_left(case: Case, wrt: Sequence[str], generator: torch.Generator) -> Case:
    """Turn the Jacobians into gradients for one random upstream tensor."""
    first = case.compared[wrt[0]].truth
    shape = first.shape[: first.ndim - case.inputs[wrt[0]].ndim]
    g = torch.randn(shape, generator=generator, dtype=torch.float64)
    compared = {}
    for name in wrt:
        jacobian, truth = case.compared[name].yours, case.compared[name].truth
        if isinstance(jacobian, Tensor) and jacobian.shape == truth.shape:
            product = torch.tensordot(g, jacobian, g.ndim)
            compared[name] = replace(case.compared[name], yours=product)
    return replace(case, inputs={**case.inputs, "upstream": g}, compared=compared)


@shows_report
def links(  # noqa: PLR0913  (as gradient)
    student: Callable[..., Any],
    *,
    of: Reference,
    wrt: Sequence[str],
    draw: Draw | None = None,
    at: Any = None,
    by_hand: bool = False,
) -> Report:
    """Compare every link of a chain: the score is the share that is right.

    of: named tensors → dict of intermediates in order; the last, one number, is the
        output. wrt: inputs and intermediates in backward order.
    student: is given the inputs, and the intermediates that it names; returns a dict
        (or tuple) of the output's gradients.
    """
    refuse_proxy(of)
    title = name_of(student)
    wrt = tuple(wrt)
    question = Question(
        title,
        {name: messages.GRADIENT_LABEL.format(name=name) for name in wrt},
        lambda inputs: differentiate_chain(of, inputs, wrt),
        lambda cases, wrong: _name_links(of, cases, wrt, wrong),
        lambda inputs, generator: add_intermediates(of, inputs),
        remark=lambda cases, wrong: messages.FIRST_BROKEN.format(name=wrong[0]),
    )
    return judge(student, question, Cases(draw, at, title), by_hand=by_hand)


def _name_links(
    of: Reference, cases: Sequence[Case], wrt: Sequence[str], wrong: Sequence[str]
) -> Diagnoses:
    """Name the mistake of each broken link; those of inputs together (swapped?)."""
    inputs = tuple(name for name in wrt if name in cases[0].drawn)
    groups = [(name,) for name in wrong if name not in inputs]
    named: Diagnoses = {}
    for names in [*groups, inputs] if set(wrong) & set(inputs) else groups:
        cut = cut_chain(of, cases[0].drawn, names[0])
        named |= name_mistakes(cut, cases, names, "")
    return named
