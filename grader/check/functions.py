"""Checks a custom `torch.autograd.Function` by what its `.apply` does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from grader.answers import messages
from grader.answers.calls import Misused, call_quietly, name_of
from grader.answers.closeness import is_near
from grader.answers.inputs import Inputs, cast_inputs, copy_inputs
from grader.answers.reading import describe, diagnose
from grader.answers.truth import (
    DIRECTION,
    FORWARD,
    SECOND,
    UPSTREAM,
    BothWays,
    Reference,
    add_directions,
    call_reference,
    differentiate,
    find_differentiable,
    refuse_proxy,
)
from grader.check.ask import Case, Diagnoses, Question, shows_report
from grader.check.draws import Cases, Draw
from grader.check.gradients import name_mistakes, name_shapes
from grader.check.judge import judge
from grader.check.report import Report
from grader.diagnose.diagnosis import Diagnosis

Apply = Callable[..., Any]
_STEP = 1e-6  # central difference in float64: about 1e-10 off
_NUMERIC_TOL = 1e-6
_GRADCHECK_TOL = 1e-5  # over all inputs at once


@shows_report
def function(  # noqa: PLR0913  (as gradient)
    student: Any,
    *,
    of: Reference,
    draw: Draw | None = None,
    at: Any = None,
    order: int = 1,
    numeric: bool = True,
) -> Report:
    """Compare a custom autograd Function with the reference, forward and backward.

    student: the class; called by `.apply` with the draw's values in their order.
    Forward values always; backward with a random upstream gradient, so that one
    which ignores it fails. order=2: the gradients' own gradients too.
    numeric=False: backward is not to be forward's derivative (straight-through);
    a reference whose gradient is not its own derivative means the same.
    """
    refuse_proxy(of)
    title = name_of(student)
    spied = _Spied(student)
    cases = Cases(draw, at, title)
    wrt = tuple(find_differentiable(of, cases.take(1)[0]))
    both = BothWays(wrt, order)
    question = Question(
        title,
        _label(wrt, order),
        lambda inputs: both.run(lambda values: call_reference(of, values), inputs),
        lambda found, wrong: _name_mistakes(of, spied.apply, wrt, found, wrong),
        lambda inputs, generator: add_directions(of, inputs, wrt, generator),
        shapes=lambda found, wrong: name_shapes(of, found, wrong, UPSTREAM),
    )

    def answer(**inputs: Any) -> dict[str, Any]:
        return spied.answer(both, inputs)

    answer.__name__ = title
    report = judge(answer, question, cases)
    if numeric and report.passed and not _passes_gradcheck(of, spied, both, cases):
        raise Misused(messages.GRADCHECK)
    return report


def _label(wrt: Sequence[str], order: int) -> dict[str, str]:
    labels = {FORWARD: messages.FORWARD_LABEL}
    labels |= {name: messages.GRADIENT_LABEL.format(name=name) for name in wrt}
    if order == 2:
        seconds = {SECOND + n: messages.SECOND_LABEL.format(name=n) for n in wrt}
        labels |= seconds
    return labels


class _Spied:
    """A student's Function, whose backward is overheard.

    The autograd engine sums a gradient that is too large without a word, so what
    backward itself returned must be looked at. A proxy gives its `apply`, and what
    tells that, by `__grader_overhear__()`.
    """

    def __init__(self, student: Any) -> None:
        if isinstance(student, torch.autograd.Function):
            raise Misused(messages.INSTANCE_GIVEN)
        self._returned: list[Any] = []
        self._ask: Callable[[], Any] = lambda: self._returned
        owner: Any = (
            student if isinstance(student, type) else getattr(student, "__self__", None)
        )
        is_function = isinstance(owner, type) and issubclass(
            owner, torch.autograd.Function
        )
        if is_function and getattr(owner, "__grader_proxy__", False) is True:
            apply, self._ask = owner.__grader_overhear__()
        else:
            student = self._overhear(owner) if is_function else student
            apply = getattr(
                student, "apply", None if isinstance(student, type) else student
            )
        if not callable(apply):
            raise Misused(messages.NO_APPLY, got=describe(student))
        self.apply: Apply = apply

    def _overhear(self, owner: Any) -> Any:
        def backward(ctx: Any, *upstream: Any) -> Any:
            grads = owner.backward(ctx, *upstream)
            self._returned[:] = grads if isinstance(grads, tuple) else (grads,)
            return grads

        if owner.backward is torch.autograd.Function.backward:  # it defines vjp
            return owner
        return type(owner.__name__, (owner,), {"backward": staticmethod(backward)})

    def answer(self, both: BothWays, inputs: Inputs) -> dict[str, Any]:
        """Run both ways; a gradient of a wrong shape is given as it was returned."""
        self._returned.clear()
        found = both.run(lambda values: self.apply(*values.values()), inputs)
        for name, returned in zip(inputs, self._ask(), strict=False):
            grad = found.get(name)
            if isinstance(returned, Tensor) and isinstance(grad, Tensor):
                found[name] = (
                    grad if returned.shape == grad.shape else returned.detach()
                )
        return found


def _name_mistakes(
    of: Reference,
    apply: Apply,
    wrt: Sequence[str],
    found: Sequence[Case],
    wrong: Sequence[str],
) -> Diagnoses:
    named: Diagnoses = {}
    for name in wrong:
        if name.startswith(SECOND):
            named[name] = _name_second(found, name)
        elif name in wrt:
            named[name] = (
                _name_ignored_upstream(of, found, name)
                or _name_exchanged(of, found, name)
                or (FORWARD in wrong and _name_own_forward(apply, found, name))
                or None
            )
    if any(named.get(name) is None for name in wrong if name in wrt):
        others = name_mistakes(of, found, wrt, UPSTREAM)
        named |= {n: d for n, d in others.items() if named.get(n) is None}
    return named


def _name_second(found: Sequence[Case], name: str) -> Diagnosis | None:
    yours = [case.compared[name].yours for case in found]
    if any(not isinstance(y, Tensor) or bool(y.any()) for y in yours):
        return None
    return diagnose("detached", messages.SECOND_CUT, where="backward")


def _name_ignored_upstream(
    of: Reference, found: Sequence[Case], name: str
) -> Diagnosis | None:
    for case in found:
        inputs = cast_inputs(case.inputs, torch.float64)
        inputs[UPSTREAM] = torch.ones_like(inputs[UPSTREAM])
        if not _matches(case, name, _differentiate(of, inputs, name)):
            return None
    return diagnose("missing-link", messages.UPSTREAM_IGNORED, where=UPSTREAM)


def _name_exchanged(
    of: Reference, found: Sequence[Case], name: str
) -> Diagnosis | None:
    """Recognise a rule for the input used on the output, or the other way round."""
    shapes = ((c.compared[FORWARD].truth.shape, c.inputs[name].shape) for c in found)
    if any(of_output != of_input for of_output, of_input in shapes):
        return None
    if all(_matches(c, name, _at_output(of, c, name)) for c in found):
        return diagnose("wrong-point", messages.OUTPUT_FOR_INPUT, where=name)
    for rule in _RULES_FROM_OUTPUT:
        if all(_misuses_rule(rule, case, name) for case in found):
            return diagnose("wrong-point", messages.INPUT_FOR_OUTPUT, where=name)
    return None


# Derivatives written with the output y: sigmoid, tanh, exp, sqrt, 1/x, softplus.
_RULES_FROM_OUTPUT: tuple[Callable[[Tensor], Tensor], ...] = (
    lambda y: y * (1 - y),
    lambda y: 1 - y * y,
    lambda y: y,
    lambda y: 1 / (2 * y),
    lambda y: -y * y,
    lambda y: 1 - torch.exp(-y),
)


def _misuses_rule(rule: Callable[[Tensor], Tensor], case: Case, name: str) -> bool:
    """Tell whether the rule is right for the output, and was used on the input."""
    inputs = cast_inputs(case.inputs, torch.float64)
    g, output = inputs[UPSTREAM], case.compared[FORWARD].truth
    fits = is_near(g * rule(output), case.compared[name].truth)
    return fits and _matches(case, name, g * rule(inputs[name]))


def _at_output(of: Reference, case: Case, name: str) -> Tensor:
    inputs = cast_inputs(case.inputs, torch.float64)
    return _differentiate(
        of, inputs | {name: case.compared[FORWARD].truth.clone()}, name
    )


def _name_own_forward(
    apply: Apply, found: Sequence[Case], name: str
) -> Diagnosis | None:
    """Recognise a backward that is right for the student's own, wrong forward."""
    for case in found:
        inputs = cast_inputs(case.inputs, torch.float64)
        yours = case.compared[name].yours
        if not isinstance(yours, Tensor) or yours.shape != inputs[name].shape:
            return None
        numeric = _difference(apply, inputs, case.drawn, (name,))
        slope = (yours * inputs[DIRECTION + name]).sum()
        if numeric is None or not is_near(slope, numeric, _NUMERIC_TOL):
            return None
    return diagnose("wrong-rule", messages.OWN_FORWARD, where=FORWARD)


def _difference(
    apply: Apply, inputs: Inputs, names: Iterable[str], moved: Sequence[str]
) -> Tensor | None:
    """Difference a forward along the random direction of the moved inputs.

    This is what gradcheck's fast mode does; the real one loads 487 modules (1 s).
    """
    ends = []
    for step in (_STEP, -_STEP):
        values = {n: inputs[n] for n in names}
        values |= {n: inputs[n] + step * inputs[DIRECTION + n] for n in moved}
        ends.append(call_quietly(apply, *values.values()).value)
    if not all(isinstance(end, Tensor) and end.is_floating_point() for end in ends):
        return None
    up, down = (end.detach().cpu().double() for end in ends)
    g = inputs[UPSTREAM]
    return ((up - down) * g).sum() / (2 * _STEP) if up.shape == g.shape else None


def _passes_gradcheck(
    of: Reference, spied: _Spied, both: BothWays, cases: Cases
) -> bool:
    """Compare backward with differences of forward, where the reference's agree."""
    drawn = cast_inputs(cases.take(1)[0], torch.float64)
    inputs = add_directions(of, drawn, both.wrt, cases.generator)

    def reference(*values: Any) -> Any:
        return call_reference(of, dict(zip(drawn, values, strict=True)))

    def agrees(apply: Apply) -> bool:
        given = copy_inputs(inputs)
        grads = both.run(lambda values: apply(*values.values()), given)
        slopes = [(grads[n] * inputs[DIRECTION + n]).sum() for n in both.wrt]
        numeric = _difference(apply, inputs, drawn, both.wrt)
        slope = torch.stack(slopes).sum()
        return numeric is not None and is_near(slope, numeric, _GRADCHECK_TOL)

    return agrees(spied.apply) or not agrees(reference)


def _differentiate(of: Reference, inputs: Inputs, name: str) -> Tensor:
    own = {n: v for n, v in inputs.items() if not n.startswith(DIRECTION)}
    return differentiate(of, own, (name,), UPSTREAM)[name]


def _matches(case: Case, name: str, candidate: Tensor) -> bool:
    yours = case.compared[name].yours
    return isinstance(yours, Tensor) and is_near(yours, candidate)
