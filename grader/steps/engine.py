"""Reads the graph behind a value of a student's own small engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from grader.ink.numbers import CannotDraw, clean, read_tensor
from grader.steps.computation import (
    MOST_STEPS,
    Computation,
    Step,
    name_steps,
    sort_steps,
)
from grader.steps.formulas import SYMBOLS


def read_engine(value: Any, names: Mapping[str, Any] | None = None) -> Computation:
    """Read the graph behind a value of a student's own engine.

    Such a value has `.data`, and under one of the usual names its parents: values, or
    pairs of a value and its local slope. Raises CannotDraw when there are too many.
    """
    made: dict[int, Step] = {}
    kept, waiting = [], [value]
    while waiting:
        node = waiting.pop()
        if id(node) in made:
            continue
        kept.append(node)
        if len(made) > MOST_STEPS:
            raise CannotDraw(f"More than {MOST_STEPS} values stand behind this one.")
        made[id(node)] = _read_value(node, names or {})
        waiting += [parent for parent, _ in _parents(node)]
    for node in kept:
        _join(made[id(node)], [(made[id(p)], slope) for p, slope in _parents(node)])
    output = made[id(value)]
    output.kind, output.name = "output", output.name or "output"
    name_steps(sort_steps(output))
    return Computation(output)


def _read_value(node: Any, names: Mapping[str, Any]) -> Step:
    operation = clean(_first(node, ("op", "_op", "operation")) or "", 24)
    own = clean(_first(node, ("label", "name", "_label")) or "", 24)
    name = own or next((k for k, v in names.items() if v is node), "")
    step = Step(id(node), SYMBOLS.get(operation, operation), name=name)
    step.value = read_tensor(getattr(node, "data", None))
    step.grad = read_tensor(getattr(node, "grad", None))
    return step


def _join(step: Step, parents: list[tuple[Step, Any]]) -> None:
    """Give a step its operands, with slopes and shares where the engine keeps them."""
    step.kind = "step" if parents else "leaf"
    step.operation = step.operation or ("made" if parents else "")
    step.operands = [operand for operand, _ in parents]
    for i, (_, slope) in enumerate(parents):
        local = read_tensor(slope)
        if local is not None and step.grad is not None:
            step.slopes[i], step.shares[i] = local, local * step.grad


def _parents(node: Any) -> list[tuple[Any, Any]]:
    """Return the parents of a value with their local slopes, None where not kept."""
    found = _first(node, PARENTS)
    if not isinstance(found, list | tuple | set | frozenset):
        return []
    return [
        (entry[0], entry[1])
        if isinstance(entry, tuple) and len(entry) == 2
        else (entry, None)
        for entry in found
    ]


def _first(node: Any, names: Sequence[str]) -> Any:
    return next((v for name in names if (v := getattr(node, name, None))), None)


PARENTS = ("parents", "_parents", "_prev", "prev", "children", "_children")
