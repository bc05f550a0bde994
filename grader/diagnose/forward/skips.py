"""Steps of the forward values forgotten: an earlier value taken for a later one."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from grader.diagnose.diagnosis import Diagnosis, Tensor
from grader.diagnose.scene import Proposal, Scene, dot
from grader.diagnose.tape import Value

MOST_PAIRS = 40


def skip_values(scene: Scene) -> Iterator[Proposal]:
    """Compute with an earlier value in place of a later one, all that follows too."""
    named = [
        (later, earlier)
        for later in scene.tape.values
        if later.step is not None and later.name
        for earlier in _list_ancestors(later)
        if earlier.name  # a slip takes one name for another
    ]
    inside = [  # a part of a fused call left out
        (step.output, operand)
        for step in scene.tape.steps
        if step.part
        for operand in step.inputs[: len(step.inputs) if step.operation == "mul" else 1]
        if operand.data.shape == step.output.data.shape
    ]
    pairs = [*named, *inside][:MOST_PAIRS]
    effects = []
    for pair in pairs:
        found = _recompute(scene, *pair)
        gap = (
            float("nan") if found is None else dot(found - scene.right, scene.direction)
        )
        effects.append(gap)
    if not pairs:
        return

    def change(index: int, other: Scene) -> Tensor:
        later, earlier = (other.find_value(v.address) for v in pairs[index])
        found = _recompute(other, later, earlier)
        if found is None:
            raise KeyError(later.address)
        return found

    def describe(index: int) -> list[Diagnosis]:
        later, earlier = pairs[index]
        message = (
            f"Your answer is computed with {earlier.phrase} in place of {later.phrase}."
        )
        look = f"Compute {later.phrase} alone and compare it with yours."
        step = later.step
        kinds = ["missing-link", "wrong-point"] if step and step.part else []
        return [
            Diagnosis(kind, later.words, message, look)
            for kind in kinds or ["wrong-point"]
        ]

    yield Proposal(
        torch.tensor(effects, dtype=torch.float64), change, describe, lambda index: 6
    )


def _list_ancestors(later: Value) -> list[Value]:
    """List the values of its shape that a value was made from in two steps or more."""
    found: list[Value] = []
    waiting = [v for v in later.step.inputs if v.step] if later.step else []
    seen = set(waiting)
    while waiting:
        value = waiting.pop()
        assert value.step is not None
        for earlier in value.step.inputs:
            if earlier in seen:
                continue
            seen.add(earlier)
            if earlier.data.shape == later.data.shape:
                found.append(earlier)
            if earlier.step is not None:
                waiting.append(earlier)
    return found


def _recompute(scene: Scene, later: Value, earlier: Value) -> Tensor | None:
    """Run the tape again with one value replaced by an earlier one."""
    leaf = scene.target.data.detach().clone().requires_grad_()
    made: dict[Value, Tensor] = {scene.target: leaf}
    try:
        with torch.enable_grad():
            for step in scene.tape.steps:
                if step.output is later:
                    made[later] = made.get(earlier, earlier.data)
                elif any(value in made for value in step.inputs):
                    given = [made.get(value, value.data) for value in step.inputs]
                    made[step.output] = step.run(given)
            output = made[scene.tape.output]
            upstream = scene.trial.upstream
            total = (output if upstream is None else output * upstream).sum()
            (found,) = torch.autograd.grad(total, leaf)
    except (RuntimeError, KeyError, IndexError):
        return None
    return found
