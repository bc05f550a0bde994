"""Watches a function as it computes: every torch call, as it is written."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from grader.ink.numbers import CannotDraw, call_politely, clean, describe
from grader.steps.computation import (
    Computation,
    PullBack,
    Step,
    name_steps,
    send_back,
    sort_steps,
)

BLOCKED = (
    "No gradient can flow back from {}: every way back is cut, or nothing asks for one."
)
# What only looks at a tensor, or changes its flags, makes no new value.
SILENT = frozenset({"requires_grad_", "retain_grad", "backward", "register_hook"})
PROPERTIES: Mapping[str, str] = {"T": "t", "mT": "t", "H": "t", "data": "data"}
SYNONYMS: Mapping[str, str] = {
    "subtract": "sub", "multiply": "mul", "divide": "div", "true_divide": "div",
    "truediv": "div", "floordiv": "//", "absolute": "abs", "negative": "neg",
}  # fmt: skip


def record_call(function: Callable[..., Any], inputs: Mapping[str, Any]) -> Computation:
    """Run a function on copies of its inputs and return what it computed.

    Raises CannotDraw when it fails or returns no tensor.
    """
    copies = copy_inputs(inputs)
    recorder = _Recorder(function, copies)
    output = recorder.run(**copies)
    if not isinstance(output, Tensor):
        raise CannotDraw(
            f"The function should return one tensor, but this is {describe(output)}."
        )
    step = recorder.step_of(output)
    if not step.operands:
        raise CannotDraw("The function computed nothing from its inputs.")
    step.kind = "output"
    name = getattr(function, "__name__", "output")
    step.name = step.name or ("output" if name == "<lambda>" else clean(name, 24))
    name_steps(sort_steps(step))
    if not output.requires_grad:
        return Computation(step, BLOCKED.format(step.name))
    step.grad = torch.ones_like(output.detach())
    send_back(step)
    return Computation(step)


def copy_inputs(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Copy tensors and numbers as fresh leaves; the caller's `.grad` is left alone.

    Those that want a gradient keep wanting it; if none does, all of them do.
    """
    some_want = any(getattr(value, "requires_grad", False) for value in inputs.values())
    copies: dict[str, Any] = {}
    for name, value in inputs.items():
        wants = getattr(value, "requires_grad", False) or not some_want
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = torch.tensor(float(value))  # noqa: PLW2901 a number is a tensor here
        if isinstance(value, Tensor):
            value = value.detach().clone()  # noqa: PLW2901 the copy takes its place
            value.requires_grad_(wants and value.is_floating_point())
        copies[name] = value
    return copies


class _Recorder(TorchFunctionMode):
    """Notes every call that makes a tensor, with its operands and its names."""

    def __init__(self, function: Callable[..., Any], inputs: Mapping[str, Any]) -> None:
        super().__init__()
        self.function = function
        self.made: dict[int, Step] = {}
        self.kept: list[Tensor] = []  # an id is a name only while its tensor lives
        self.frame: FrameType | None = None
        for name, value in inputs.items():
            if isinstance(value, Tensor):
                self.step_of(value).name = clean(name, 24)

    def run(self, **inputs: Any) -> Any:
        """Call the function under the recorder, by name where it has names."""
        named = hasattr(self.function, "__code__")
        with self:
            if named or isinstance(self.function, torch.nn.Module):
                result = call_politely(self.function, **inputs)
            else:
                result = call_politely(self.function, *inputs.values())
        if self.frame is not None:
            self._take_names(self.frame)
        self.frame = None
        return result

    def step_of(self, tensor: Tensor) -> Step:
        """Return the step of a tensor; one that was not made here is an input."""
        if id(tensor) not in self.made:
            kind = "leaf" if tensor.requires_grad else "data"
            step = Step(id(tensor), kind=kind, value=tensor.detach().clone())
            step.name = find_outside(self.function, tensor)
            self.made[id(tensor)] = step
            self.kept.append(tensor)
        return self.made[id(tensor)]

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Called by torch for each of its functions, with this mode itself off."""
        operation, kwargs = read_operation(func), dict(kwargs or {})
        replay = Replay(func, args, kwargs)
        operands = [self._read_operand(value) for value in flatten(args, kwargs)]
        result = func(*args, **kwargs)
        changed = args[0] if operation == "setitem" else result
        for number, made in enumerate(_tensors(changed) if operation else ()):
            # `x.float()` and the like may hand back what they were given.
            if id(made) in self.made and not operation_changes(func):
                continue
            step = Step(id(made), operation, list(operands))
            step.value = made.detach().clone()
            step.pull_back = replay.of(number)
            if not made.requires_grad:
                step.kind, step.cut = "data", replay.tracked
            self.made[id(made)] = step
            self.kept.append(made)
        self._follow_frames()
        return result

    def _read_operand(self, value: Any) -> Step | float | str:
        if isinstance(value, Tensor):
            return self.step_of(value)
        return value if isinstance(value, str) else float(value)

    def _follow_frames(self) -> None:
        """Take the names that the function, and what it calls, gives its values."""
        code = getattr(self.function, "__code__", None)
        frame: FrameType | None = sys._getframe(2)
        frames = []
        while frame is not None and code is not None:
            frames.append(frame)
            if frame.f_code is code:
                self.frame = frame
                break
            frame = frame.f_back
        else:
            return
        for found in reversed(frames):
            module = str(found.f_globals.get("__name__", ""))
            if not module.startswith(("torch", "grader.")):
                self._take_names(found)

    def _take_names(self, frame: FrameType) -> None:
        for name, value in list(frame.f_locals.items()):
            if isinstance(value, Tensor) and (step := self.made.get(id(value))):
                step.name = step.name or clean(name, 24)


class Replay:
    """One recorded call, ready to be run again for its vector–Jacobian product."""

    def __init__(
        self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> None:
        self.func = func
        self.args, self.kwargs = copy_tensors(tuple(args)), copy_tensors(dict(kwargs))
        self.tracked = any(
            isinstance(value, Tensor) and value.requires_grad
            for value in flatten(args, kwargs)
        )

    def of(self, number: int) -> PullBack:
        """Return the way back through output `number` of the call."""
        return lambda grad: self._pull_back(grad, number)

    def _pull_back(self, grad: Tensor, number: int) -> list[Tensor | None]:
        args, kwargs = copy_tensors(self.args), copy_tensors(self.kwargs)
        operands = list(flatten(args, kwargs))
        leaves = [op for op in operands if isinstance(op, Tensor) and _is_real(op)]
        for leaf in leaves:
            leaf.requires_grad_()
        with torch.enable_grad():
            # A second copy: a call that works in place must not change a leaf.
            result = self.func(*_alias(args), **_alias(kwargs))
            if not list(_tensors(result)):
                return [None] * len(operands)
            output = list(_tensors(result))[number]
        grads = torch.autograd.grad(output, leaves, grad, allow_unused=True)
        found = {id(leaf): got for leaf, got in zip(leaves, grads, strict=True)}
        return [found.get(id(operand)) for operand in operands]


def read_operation(func: Callable[..., Any]) -> str:
    """Return what a torch function does, in the formulas' words; "" for a look."""
    raw = getattr(func, "__name__", "")
    if raw == "__get__":
        return PROPERTIES.get(
            getattr(getattr(func, "__self__", None), "__name__", ""), ""
        )
    if raw in SILENT or raw.startswith("_"):
        raw = raw.strip("_") if raw.startswith("__") else ""
    bare = raw.strip("_")
    return SYNONYMS.get(bare, bare)


def operation_changes(func: Callable[..., Any]) -> bool:
    """Whether a torch function works in place."""
    name = getattr(func, "__name__", "")
    return name == "__setitem__" or (name.endswith("_") and not name.startswith("_"))


def flatten(args: Any, kwargs: Mapping[str, Any]) -> Iterator[Tensor | float | str]:
    """Yield the operands of a call: tensors, numbers, and sizes as text."""
    for value in args:
        if isinstance(value, list | tuple) and any(
            isinstance(v, Tensor) for v in value
        ):
            yield from flatten(value, {})
        elif isinstance(value, list | tuple):
            yield str(tuple(value))
        elif isinstance(value, Tensor):
            yield value
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield float(value)
    for name, value in kwargs.items():
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, int | float | tuple) and not isinstance(value, bool):
            yield f"{name}={value}"


def copy_tensors(value: Any) -> Any:
    """Copy a structure with fresh tensors in it."""
    return _map_tensors(value, lambda tensor: tensor.detach().clone())


def _alias(value: Any) -> Any:
    return _map_tensors(value, lambda tensor: tensor.clone())


def _map_tensors(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    if isinstance(value, Tensor):
        return change(value)
    if type(value) in (list, tuple):
        return type(value)(_map_tensors(part, change) for part in value)
    if type(value) is dict:
        return {key: _map_tensors(part, change) for key, part in value.items()}
    return value


def _tensors(result: Any) -> Iterator[Tensor]:
    if isinstance(result, Tensor):
        yield result
    elif isinstance(result, list | tuple):
        yield from (part for part in result if isinstance(part, Tensor))


def _is_real(tensor: Tensor) -> bool:
    return bool(tensor.is_floating_point() or tensor.is_complex())


def find_outside(function: Callable[..., Any], tensor: Tensor) -> str:
    """Find the name of a tensor that a function uses without being given it."""
    if isinstance(function, torch.nn.Module):
        parameters = dict(function.named_parameters())
        return next((clean(k, 24) for k, v in parameters.items() if v is tensor), "")
    if not inspect.isfunction(function):
        return ""
    outside = inspect.getclosurevars(function)
    for name, value in {**outside.globals, **outside.nonlocals}.items():
        if value is tensor:
            return clean(name, 24)
    return ""
