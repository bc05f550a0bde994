"""The right derivative of a slightly different function: one call changed throughout.

A student computes the forward values too. A step forgotten there, or a sum taken
along another axis, changes values and derivatives together.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from grader.diagnose.diagnosis import Diagnosis, Tensor
from grader.diagnose.forward.temptations import (
    NAMED,
    Rewrite,
    mean_for_sum,
    other_correction,
    other_side,
    stand_up,
    sum_for_mean,
    use_inverse,
)
from grader.diagnose.scene import Proposal, Scene
from grader.diagnose.tape import Step
from grader.diagnose.tape.calls import WITH_AXIS, name_function, turn_axis
from grader.diagnose.tape.source import SiteFinder
from grader.diagnose.truth import copy_value

MOST_REWRITES = 120
INVERSES = ("inverse", "linalg_inv", "linalg_solve")


class Rewriter(TorchFunctionMode):
    """Runs a reference with the calls at one place replaced."""

    def __init__(
        self, finder: SiteFinder, place: Any, name: str, rewrite: Rewrite
    ) -> None:
        super().__init__()
        self.finder, self.place, self.name = finder, place, name
        self.rewrite = rewrite

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Called by torch for each of its functions, with this mode switched off."""
        kwargs = kwargs or {}
        if name_function(func) == self.name:
            site = self.finder.find_site(sys._getframe(1))
            if site.place == self.place:
                return self.rewrite(func, args, kwargs)
        return func(*args, **kwargs)


def rewrite_calls(scene: Scene) -> Iterator[Proposal]:
    """Differentiate the function with one call changed."""
    cases: list[tuple[Step, Rewrite]] = []
    effects: list[float] = []
    for step in _list_calls(scene):
        is_single = scene.tape.counts[step.address[0]] == 1
        chosen = _choose_rewrites(step, is_single=is_single)
        for rewrite in [*chosen, other_side] if _chooses(scene, step) else chosen:
            found = _differentiate(scene, step, rewrite)
            if found is not None and len(cases) < MOST_REWRITES:
                cases.append((step, rewrite))
                gap = (found - scene.right) * scene.direction
                effects.append(float(gap.sum()))
    if not cases:
        return

    def change(index: int, other: Scene) -> Tensor:
        found = _differentiate(other, *cases[index])
        if found is None:
            raise KeyError(cases[index][0].address)
        return found

    def describe(index: int) -> list[Diagnosis]:
        return _describe(*cases[index])

    yield Proposal(
        torch.tensor(effects, dtype=torch.float64), change, describe, lambda index: 6
    )


def _list_calls(scene: Scene) -> list[Step]:
    """List each place once, as the reference wrote it."""
    seen: dict[Any, Step] = {}
    for step in [*scene.tape.fused, *scene.tape.steps]:
        if not step.part and step.operation != "broadcast" and step.site.place:
            seen.setdefault((step.site.place, step.operation), step)
    return list(seen.values())


def _chooses(scene: Scene, step: Step) -> bool:
    """Tell whether a step lets some entries through and others not."""
    slopes = [edge.slope for edge in scene.backward.edges.get(step, ())]
    return bool(slopes) and all(
        slope is not None and bool(((slope == 0) | (slope == 1)).all())
        for slope in slopes
    )


def _choose_rewrites(step: Step, *, is_single: bool) -> list[Rewrite]:
    shape = step.output.data.shape
    inputs = [value.data.shape for value in step.inputs]
    chosen: list[Rewrite] = []
    chosen += NAMED.get(step.operation, ())
    if is_single and [len(one) for one in (*inputs, shape)] == [1, 1, 1]:
        chosen.append(stand_up)  # in a loop it would grow with each turn
    if step.operation in WITH_AXIS:
        chosen.append(turn_axis)
    if step.operation in INVERSES:
        chosen.append(use_inverse)
    return chosen


def _differentiate(scene: Scene, step: Step, rewrite: Rewrite) -> Tensor | None:
    arguments = {n: copy_value(value) for n, value in scene.trial.inputs.items()}
    leaf = arguments[scene.name].requires_grad_()
    arguments[scene.name] = leaf.clone()
    rewriter = Rewriter(scene.draws.finder, step.site.place, step.operation, rewrite)
    upstream = scene.trial.upstream
    try:
        with torch.enable_grad():
            with rewriter:
                output = scene.draws.reference(**arguments)
            if upstream is not None and output.shape != upstream.shape:
                return None
            total = (output if upstream is None else output * upstream).sum()
            (found,) = torch.autograd.grad(total, leaf)
    except Exception:  # noqa: BLE001 - a rewrite may not fit: then it explains nothing
        return None
    return found


def _describe(step: Step, rewrite: Rewrite) -> list[Diagnosis]:
    kind, message = WORDS[rewrite]
    look = f"Compute {step.phrase} alone and compare it with yours."
    return [Diagnosis(kind, step.words, message.format(step=step.phrase), look)]


WORDS: dict[Rewrite, tuple[str, str]] = {
    turn_axis: ("reduction", "Your answer fits {step} taken along another axis."),
    sum_for_mean: ("reduction", "Your answer fits a sum in place of {step}."),
    mean_for_sum: ("reduction", "Your answer fits a mean in place of {step}."),
    other_correction: (
        "reduction",
        "Your answer fits {step} with another divisor: n and n - 1 are mixed up.",
    ),
    use_inverse: (
        "wrong-rule",
        "Your answer fits {step} with the matrix itself in place of its inverse.",
    ),
    other_side: (
        "wrong-rule",
        "{step} is open where it should be closed, and closed where it should be open.",
    ),
    stand_up: (
        "reduction",
        "At {step}, a column meets a row: each entry of one is paired with each of "
        "the other, not only with its own.",
    ),
}
