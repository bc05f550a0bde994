"""Asks for the name of each planted answer and judges it."""

from dataclasses import dataclass

import torch

from grader.answers.reading import read_answer
from grader.diagnose import Trial
from grader.diagnose.search import find_names
from grader.diagnose.whole.shapes import name_shape
from tests.diagnose.bank.exercise import Dice

DRAWS = 5
REL_TOL = 1e-9  # by which a float64 answer may be off


@dataclass(frozen=True)
class Outcome:
    """What became of one planted answer.

    verdict: "right", "second" (its kind is among the other readings), "wrong" or
        "silent".
    """

    exercise: str
    planted: object
    caught: bool
    verdict: str
    diagnosis: object


def make_trials(exercise, wrt, answer, draws=DRAWS):
    """Let an answer work on some draws."""
    trials = []
    for seed in range(draws):
        inputs = exercise.draw(Dice(seed))
        output = exercise.of(**inputs)
        upstream = Dice(100 + seed).normal(*output.shape) if output.dim() else None
        given = dict(inputs) if upstream is None else {**inputs, "upstream": upstream}
        found = answer(**{name: value.clone() for name, value in given.items()})
        trials.append(Trial(inputs, {wrt: torch.as_tensor(found).double()}, upstream))
    return trials


def is_caught(exercise, wrt, trials):
    """Compare with autograd, strictly, at every draw."""
    return any(not _is_right(exercise, wrt, trial) for trial in trials)


def _is_right(exercise, wrt, trial):
    leaves = {name: value.clone() for name, value in trial.inputs.items()}
    leaf = leaves[wrt].requires_grad_()
    out = exercise.of(**leaves)
    total = out.sum() if trial.upstream is None else (out * trial.upstream).sum()
    (right,) = torch.autograd.grad(total, leaf)
    yours = trial.answers[wrt]
    if yours.shape != right.shape:
        return False
    return bool((yours - right).abs().max() <= REL_TOL * right.abs().max())


def has_other_shape(wrt, trials):
    """Tell whether an answer has not the shape of its input; a check asks this first."""
    return any(trial.answers[wrt].shape != trial.inputs[wrt].shape for trial in trials)


def judge(exercise, planted):
    """Name one planted answer."""
    trials = make_trials(exercise, planted.wrt, planted.answer)
    caught = is_caught(exercise, planted.wrt, trials)
    asked = (planted.wrt,)
    if has_other_shape(planted.wrt, trials):
        named = name_shape(exercise.of, trials[0], asked).get(planted.wrt)
        named = named or _read_shape(trials[0], planted.wrt)
    else:
        named = find_names(exercise.of, trials, asked).get(planted.wrt)
    return Outcome(exercise.name, planted, caught, _weigh(planted, named), named)


def _read_shape(trial, wrt):
    """Give what a check says of a shape that nothing explains."""
    return read_answer(trial.answers[wrt], trial.inputs[wrt], None, wrt).problem


def _weigh(planted, named):
    if named is None:
        return "silent"
    if named.kind in planted.kinds:
        return "right"
    others = {other.kind for other in named.alternatives}
    return "second" if others & planted.kinds else "wrong"
