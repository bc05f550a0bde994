"""Numbers that give an answer away: a planted bug's, or an old gradient in them."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from grader.answers import messages
from grader.answers.calls import Misused, bind_inputs, call_quietly
from grader.answers.closeness import Compared, is_near
from grader.answers.inputs import Inputs, cast_inputs, copy_inputs
from grader.answers.reading import diagnose, read_answer
from grader.diagnose.diagnosis import Diagnosis

Bug = Callable[..., Any]
Answers = Mapping[str, Any]
_MARK = "__grader_planted__"


def plant(of: Callable[..., Any], *planted: Bug) -> None:
    """Mark wrong gradients of `of` as bugs to be hunted: no check names them.

    Belongs in the locked cell that defines the bugs; a copy is told by its numbers.
    """
    known = getattr(of, _MARK, ())
    setattr(of, _MARK, known + tuple(bug for bug in planted if bug not in known))


def is_own_answer(student: Callable[..., Any]) -> bool:
    """Tell whether it is an exercise's answer: made in the answer cell of its name.

    Who makes a planted mistake in an answer of one's own is told its name; a bug that
    is handed to a check, or copied to a cell beside, is not. A proxy stands for what a
    released check cell asks.
    """
    if getattr(student, "__grader_proxy__", False) is True:
        return True
    code = getattr(student, "__code__", None)
    if code is None:
        return False
    lines = (line.strip() for line in linecache.getlines(code.co_filename))
    return next(filter(None, lines), "") == f"# exercise: {student.__name__}"


def find_leftover(draws: Sequence[tuple[Inputs, Compared]]) -> Diagnosis | None:
    """Name the argument whose gradient from before the call is still in the answer."""
    for name in draws[0][0]:
        if all(_holds(compared, inputs[name]) for inputs, compared in draws):
            words = {"name": draws[0][1].quantity, "holder": name}
            return diagnose("accumulated", messages.LEFTOVER, where=name, **words)
    return None


def find_movement(draws: Sequence[tuple[Inputs, Compared]]) -> Diagnosis | None:
    """Name an argument that is as it was before the call, or went the other way."""
    name = draws[0][1].quantity
    steps = [_measure_steps(compared, inputs, name) for inputs, compared in draws]
    if any(step is None or not bool(step[1].any()) for step in steps):
        return None
    pairs = [step for step in steps if step is not None]
    if not any(bool(made.any()) for made, _ in pairs):
        return diagnose("zero", messages.STANDING, where=name, name=name)
    if all(is_near(made, -due) for made, due in pairs):
        return diagnose("sign", messages.OTHER_WAY, where=name, name=name)
    return None


def _measure_steps(
    compared: Compared, inputs: Inputs, name: str
) -> tuple[Tensor, Tensor] | None:
    """Return how far an argument or its gradient has moved, and how far it should."""
    before = inputs.get(name.removesuffix(".grad"))
    before = getattr(before, "grad", None) if name.endswith(".grad") else before
    parts = (compared.yours, compared.truth, before)
    tensors = [part for part in parts if isinstance(part, Tensor)]
    if len(tensors) < len(parts):
        return None
    yours, truth, old = (part.detach().cpu().double() for part in tensors)
    same = yours.shape == truth.shape == old.shape
    return (yours - old, truth - old) if same else None


def _holds(compared: Compared, argument: Any) -> bool:
    known = (compared.yours, compared.truth, getattr(argument, "grad", None))
    parts = [part for part in known if isinstance(part, Tensor)]
    if len(parts) < len(known):
        return False
    yours, truth, old = (part.detach().cpu().double() for part in parts)
    same = yours.shape == truth.shape == old.shape
    return same and bool(old.any()) and is_near(yours, truth + old)


def tell_unasked(draws: Sequence[Mapping[str, Compared]]) -> str:
    """Say that a gradient arrived where none is due, or that nothing is explained."""
    for one in (compared for draw in draws for compared in draw.values()):
        if one.truth is None and isinstance(one.yours, Tensor):
            some = bool(one.yours.any())
            template = messages.UNASKED if some else messages.UNASKED_ZEROS
            return template.format(name=one.quantity)
    return messages.NO_PATTERN


def find_planted(
    of: Callable[..., Any], draws: Sequence[tuple[Inputs, Answers]]
) -> set[str]:
    """Return the names whose answers are a planted bug's at every draw."""
    names = set(draws[0][1]) if draws else set()
    found: set[str] = set()
    for bug in getattr(of, _MARK, ()):
        found |= {name for name in names - found if _fits(bug, draws, name)}
    return found


def _fits(bug: Bug, draws: Sequence[tuple[Inputs, Answers]], name: str) -> bool:
    return all(_gives(bug, inputs, answers[name]) for inputs, answers in draws)


def _gives(bug: Bug, inputs: Inputs, yours: Any) -> bool:
    """Tell whether the bug returns this tensor here, alone or among others."""
    try:
        args, kwargs = bind_inputs(bug, copy_inputs(inputs))
    except Misused:
        return False
    value = call_quietly(bug, *args, **kwargs).value
    parts = value.values() if isinstance(value, Mapping) else value
    parts = parts if isinstance(value, (tuple, list, Mapping)) else (value,)
    if not isinstance(yours, Tensor):
        return False
    theirs = (read_answer(part, yours, None, "").tensor for part in parts)
    return any(other is not None and is_near(yours, other) for other in theirs)


def read_witness(given: Any, like: Inputs) -> Inputs:
    """Make float64 tensors of what the student wrote.

    Raises: Misused for missing, unknown or unreadable inputs.
    """
    if not isinstance(given, Mapping) or set(given) != set(like):
        raise Misused((messages.WITNESS_NAMES, ""), names=", ".join(like))
    return {name: _read_input(name, given[name], value) for name, value in like.items()}


def _read_input(name: str, given: Any, like: Any) -> Any:
    if not isinstance(like, Tensor):
        return given
    misused = Misused((messages.WITNESS_VALUE, ""), name=name)
    try:
        tensor = torch.as_tensor(given).detach().cpu()
    except (TypeError, ValueError, RuntimeError):
        raise misused from None
    tensor = tensor.to(torch.float64 if like.is_floating_point() else like.dtype)
    if tensor.ndim != like.ndim or not bool(tensor.isfinite().all()):
        raise misused
    return tensor


def write_numbers(bug: Bug, truth: Bug, draws: Sequence[Inputs]) -> str:
    """Write what a bug and the truth give at these draws: equal for equal numbers."""
    calls = [bind_inputs(bug, copy_inputs(inputs)) for inputs in draws]
    given = [call_quietly(bug, *args, **kwargs) for args, kwargs in calls]
    due = [truth(cast_inputs(inputs, torch.float64)) for inputs in draws]
    return repr([*map(_to_plain, due), *(_to_plain(one.value) for one in given)])


def _to_plain(value: Any) -> Any:
    """Give a tensor's type and numbers, also of those within."""
    if isinstance(value, Tensor):
        return str(value.dtype), value.tolist()
    if isinstance(value, Mapping):
        return [(name, _to_plain(part)) for name, part in value.items()]
    if isinstance(value, (tuple, list)):
        return list(map(_to_plain, value))
    return value
