"""Records the calls of a reference as steps between values."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from grader.diagnose.diagnosis import Tensor
from grader.diagnose.tape.calls import (
    WITH_AXIS,
    changes_argument,
    is_same,
    join_shapes,
    keep_data,
    name_function,
    open_call,
    pick_result,
    read_view,
    tidy_options,
    turn_call,
    write_view,
)
from grader.diagnose.tape.rules import BROADCASTING, find_rule
from grader.diagnose.tape.source import Site, SiteFinder
from grader.diagnose.tape.steps import WHOLE, Address, Step, Tape, Value
from grader.diagnose.truth import copy_value

MOST_STEPS = 2000  # a longer reference is not taped: a diagnosis must stay quick
SILENT = {"requires_grad_", "retain_grad", "register_hook"}


def record_tape(
    reference: Callable[..., Tensor],
    arguments: dict[str, Any],
    finder: SiteFinder,
    variant: int = 0,
) -> Tape | None:
    """Run the reference and write down its steps; None where that cannot be done."""
    recorder = Recorder(finder, variant)
    copies = {name: copy_value(value) for name, value in arguments.items()}
    inputs = {
        name: recorder.add_input(name, value)
        for name, value in copies.items()
        if isinstance(value, torch.Tensor)
    }
    try:
        with torch.enable_grad(), recorder:
            result = reference(**copies)
        if not isinstance(result, torch.Tensor):
            return None
        output = recorder.value_of(result)
    except Exception:  # noqa: BLE001 - no tape then: the answer is read as a whole
        return None
    for step in recorder.steps:
        for slot, value in enumerate(step.inputs):
            value.uses.append((step, slot))
    return Tape(
        inputs,
        recorder.steps,
        recorder.values,
        recorder.fused,
        output,
        recorder.used_variant,
    )


class Recorder(TorchFunctionMode):
    """Watches torch calls; writes each as one step, or takes it apart by a rule.

    variant: which of two ways of taking a call apart is used, where there are two.
    """

    def __init__(self, finder: SiteFinder, variant: int) -> None:
        super().__init__()
        self.finder, self.variant = finder, variant
        self.steps: list[Step] = []
        self.values: list[Value] = []
        self.fused: list[Step] = []
        self.used_variant = False
        self._known: dict[int, tuple[Tensor, Value, int]] = {}
        self._seen: Counter[Address] = Counter()
        self._site = Site(())
        self._depth = self._inner = 0

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Called by torch for each of its functions, with this mode switched off."""
        kwargs = kwargs or {}
        name = name_function(func)
        if name in SILENT:
            return func(*args, **kwargs)
        if len(self.steps) > MOST_STEPS:
            raise RuntimeError("the reference is too long for a tape")
        if not self._depth:
            self._site, self._inner = self.finder.find_site(sys._getframe(1)), 0
            self._name_operands(args)
        if changes_argument(name, kwargs):
            return self._write_change(func, name, args, kwargs)
        taken_apart = self._take_apart(func, name, args, kwargs)
        if taken_apart is not None:
            return taken_apart
        args = self._broadcast(name, args)
        result = func(*args, **kwargs)
        self._write_results(func, name, result, args, kwargs)
        return result

    def add_input(self, name: str, data: Tensor) -> Value:
        """Put a named input on the tape."""
        return self._remember(data, Value(data.clone(), ("input", name), name))

    def value_of(self, tensor: Tensor) -> Value:
        """Find the value that a tensor now is; a new constant where it is unknown."""
        known = self._known.get(id(tensor))
        if known is None:
            return self._remember(tensor, Value(tensor, self._address("constant")))
        _, value, version = known
        if tensor._version != version and tensor._is_view():
            return self._reread_view(tensor)
        return value

    def _remember(self, tensor: Tensor, value: Value) -> Value:
        self._known[id(tensor)] = (tensor, value, tensor._version)
        self.values.append(value)
        return value

    def _address(self, name: str) -> Address:
        """Name a place so that other runs find it: where, what, how often before."""
        self._inner += 1
        # Parts of one fused call are told apart by their order inside it.
        key = (self._site.place, name, self._inner if self._depth else 0)
        self._seen[key] += 1
        return (key, self._seen[key] - 1)

    def _name_operands(self, args: tuple[Any, ...]) -> None:
        if len(self._site.operands) != len(args):
            return
        for text, argument in zip(self._site.operands, args, strict=True):
            known = self._known.get(id(argument))
            if known and not known[1].name and text.isidentifier():
                known[1].name = text

    def _take_apart(
        self,
        func: Callable[..., Any],
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Tensor | None:
        rule, is_variant = find_rule(name, self.variant)
        if rule is None:
            return None
        before = (len(self.steps), len(self.values), len(self.fused))
        self._depth += 1
        try:
            with self:
                result = rule(*args, **tidy_options(kwargs))
            value = self.value_of(result)
            agrees = is_same(func(*args, **kwargs), result)
        except Exception:  # noqa: BLE001 - an unusual call stays in one piece
            agrees = False
        finally:
            self._depth -= 1
        if not agrees:
            del (
                self.steps[before[0] :],
                self.values[before[1] :],
                self.fused[before[2] :],
            )
            return None
        self.used_variant |= is_variant
        value.call = name if self._depth else WHOLE
        self.fused.append(self._make_step(func, name, value, args, kwargs))
        return result

    def _broadcast(self, name: str, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Write each broadcast of an operand as a step of its own."""
        if name not in BROADCASTING:
            return args
        shapes = {arg.shape for arg in args if isinstance(arg, torch.Tensor)}
        if len(shapes) < 2:
            return args
        shape = join_shapes(shapes)
        return tuple(self._expand(arg, shape) for arg in args)

    def _expand(self, arg: Any, shape: Sequence[int]) -> Any:
        floating = isinstance(arg, torch.Tensor) and arg.is_floating_point()
        if not floating or arg.shape == shape:
            return arg
        wide = arg.expand(shape)
        self._write_results(torch.Tensor.expand, "broadcast", wide, (arg, shape), {})
        return wide

    def _write_results(
        self,
        func: Callable[..., Any],
        name: str,
        result: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        if isinstance(result, torch.Tensor):
            known = id(result) in self._known
            if result.is_floating_point() and not known:
                value = self._remember(result, Value(result, self._address(name)))
                self._write_step(self._make_step(func, name, value, args, kwargs))
        elif isinstance(result, (tuple, list)):
            for index, part in enumerate(result):
                if isinstance(part, torch.Tensor):
                    pick = pick_result(func, index)
                    self._write_results(pick, name, part, args, kwargs)

    def _make_step(
        self,
        func: Callable[..., Any],
        name: str,
        value: Value,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Step:
        tensors, run = open_call(func, args, kwargs)
        turned = turn_call(func, args, kwargs) if name in WITH_AXIS else None
        return Step(
            name,
            run,
            tuple(self.value_of(tensor) for tensor in tensors),
            value,
            self._site,
            self._address(f"step {name}"),
            tuple(float(arg) for arg in args if type(arg) in (int, float)),
            name if self._depth else "",
            turned,
        )

    def _write_step(self, step: Step) -> None:
        if step.output.step is None:
            step.output.step = step
        self.steps.append(step)

    def _write_change(
        self,
        func: Callable[..., Any],
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        """Write a change in place as a step from the old value to a new one."""
        target = kwargs.get("out")
        if target is None and args:
            target = args[0]
        if not isinstance(target, torch.Tensor) or not target.is_floating_point():
            return func(*args, **kwargs)
        keep_data(self.values, target)
        base = target._base
        old_base = self.value_of(base) if base is not None else None

        def change(*given: Any, **named: Any) -> Tensor:
            if named.get("out") is None:
                copy = given[0].clone()
                func(copy, *given[1:], **named)
            else:
                copy = named["out"].clone()
                func(*given, **{**named, "out": copy})
            return copy

        step = self._make_step(change, name, Value(target, ()), args, kwargs)
        result = func(*args, **kwargs)
        step.output = self._replace_value(target, name)
        self._write_step(step)
        if old_base is not None:
            self._write_view(base, old_base, target, step.output)
        return result

    def _replace_value(self, target: Tensor, name: str) -> Value:
        old = self._known.get(id(target))
        value = Value(target.detach().clone(), self._address(name))
        value.name = old[1].name if old else ""
        return self._remember(target, value)

    def _write_view(self, base: Tensor, old: Value, view: Tensor, new: Value) -> None:
        value = self._replace_value(base, "write")
        parts = ("write", write_view(view), (old, new), value)
        self._write_step(Step(*parts, self._site, self._address("step write")))

    def _reread_view(self, view: Tensor) -> Value:
        old = self.value_of(view._base)
        value = self._replace_value(view, "view")
        parts = ("view", read_view(view), (old,), value)
        self._write_step(Step(*parts, self._site, self._address("step view")))
        return value
