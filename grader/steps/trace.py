"""Reads the graph that autograd recorded behind a tensor, as a computation.

Autograd keeps only what its backward pass needs. Values that it did not keep are taken
from the named tensors, or computed again; nothing is written to any `.grad`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from grader.ink.numbers import CannotDraw, describe
from grader.steps.computation import (
    MOST_STEPS,
    Computation,
    Step,
    name_steps,
    send_back,
    sort_steps,
)
from grader.steps.formulas import read_backward_name
from grader.steps.saved import (
    UNKNOWN,
    evaluate,
    guess_operand,
    is_same,
    is_shared,
    merge_equal,
    pull_back_again,
    read_saved,
    read_shape,
    solve_operand,
)

Cut = tuple[Tensor, Tensor]
ROUNDS = 3  # of finding values from neighbours; two were enough so far


def trace_tensor(
    output: Any, names: Mapping[str, Tensor], cuts: Sequence[Cut] = ()
) -> Computation:
    """Return the computation behind `output`, with every value and gradient.

    cuts: pairs of a tensor and the copy of it that was made outside the graph.
    Raises CannotDraw when there is no recorded graph behind it.
    """
    if not isinstance(output, Tensor):
        raise CannotDraw(
            f"A graph is drawn of a tensor, but this is {describe(output)}."
        )
    if output.grad_fn is None:
        raise CannotDraw(
            "Nothing was recorded behind this tensor: it was given, detached, or "
            "computed with tracking off. So there is no graph to draw."
        )
    walk = _Walk(names, cuts)
    step = walk.visit(output.grad_fn, output.output_nr)
    step.kind, step.value = "output", output.detach()
    step.name = step.name or "output"
    walk.complete()
    name_steps(sort_steps(step))
    step.grad = torch.ones_like(step.value)
    send_back(step)
    lost = walk.recall_grads()
    unused = [copy for _, copy in walk.cuts if not walk.is_used(copy)]
    notes = [FREED] * lost + [CUT_UNSEEN] * bool(unused)
    return Computation(step, " ".join(notes))


FREED = (
    "An earlier backward() freed what this graph had saved: a gradient is shown where "
    "a .grad still holds it. Drawn before backward(), the graph has them all."
)
CUT_UNSEEN = (
    "The copy given as cut is not used by itself here, and what is done outside the "
    "graph leaves no trace: show.graph_of draws it from the function."
)


class _Walk:
    """One reading of one recorded graph."""

    def __init__(self, names: Mapping[str, Tensor], cuts: Sequence[Cut]) -> None:
        self.names = names
        self.cuts = list(cuts)
        self.made: dict[Any, Step] = {}
        self.functions: dict[Step, Any] = {}
        self.completed: set[Step] = set()

    def visit(self, function: Any, number: int) -> Step:
        """Return the step that a recorded function made, with all that is behind it.

        The stack is a list: a deep graph must not exhaust Python's own.
        """
        stack = [(function, number)]
        while stack:
            at = stack.pop()
            if at in self.made:
                continue
            if len(self.made) > MOST_STEPS:
                raise CannotDraw(
                    f"More than {MOST_STEPS} operations were recorded behind this "
                    "tensor. Draw a smaller example, or a part of it."
                )
            self.made[at] = self._start(*at)
            stack += [next_ for next_ in at[0].next_functions if next_[0] is not None]
        for step in list(self.made.values()):
            if step in self.functions and not step.operands:
                step.operands = [
                    self.made.get(next_, UNKNOWN)
                    for next_ in self.functions[step].next_functions
                ]
        return self.made[function, number]

    def _start(self, function: Any, number: int) -> Step:
        leaf = getattr(function, "variable", None)
        if isinstance(leaf, Tensor):
            name = next((k for k, v in self.names.items() if v is leaf), "")
            return Step(id(leaf), kind="leaf", name=name, value=leaf.detach())
        step = Step((id(function), number), read_backward_name(function.name()))
        step.pull_back = _PullBack(step, function, number)
        self.functions[step] = function
        for name, tensor in self.names.items():
            if tensor.grad_fn is function and tensor.output_nr == number:
                step.key, step.name, step.value = id(tensor), name, tensor.detach()
                break
        return step

    def complete(self) -> None:
        """Find constants and missing values, until nothing new turns up."""
        while fresh := [s for s in self.functions if s not in self.completed]:
            self.completed.update(fresh)
            for step in fresh:
                self._take_saved(step)
            for _ in range(ROUNDS):
                self._infer_values(fresh)

    def _take_saved(self, step: Step) -> None:
        saved = read_saved(self.functions[step])
        if step.operation in {"pow", "rsub"} and len(step.operands) == 1:
            step.operands.append(UNKNOWN)
        for i, value in saved.items():
            if i >= len(step.operands):
                continue
            operand = step.operands[i]
            if isinstance(operand, Step):
                if operand.value is None and isinstance(value, Tensor):
                    operand.value = value
            elif isinstance(value, Tensor):
                step.operands[i] = self._constant(value, is_shared)
            else:
                step.operands[i] = value

    def _infer_values(self, fresh: Sequence[Step]) -> None:
        """Compute what was not kept: forward from operands, backward from results."""
        for step in fresh:
            for behind in sort_steps(step):
                if behind.value is None and behind in self.functions:
                    behind.value = evaluate(behind, self.functions[behind])
        for step in fresh:
            for i, operand in enumerate(step.operands):
                if operand == UNKNOWN:
                    self._find_constant(step, i)
                elif isinstance(operand, Step) and operand.value is None:
                    found = solve_operand(step, i)
                    shape = read_shape(self.functions.get(operand))
                    if found is not None and tuple(found.shape) == shape:
                        operand.value = found

    def _find_constant(self, step: Step, i: int) -> None:
        """Find an operand that was not kept, from the result and the named tensors."""
        found = solve_operand(step, i)
        if found is not None:
            # A single number may be anybody's: only longer data have a name.
            same = is_same if found.numel() > 1 else is_shared
            step.operands[i] = self._constant(merge_equal(found), same)
            return
        data = [v for v in self.names.values() if not v.requires_grad and v.numel() > 1]
        guessed = guess_operand(step, i, data, self.functions[step])
        if guessed is not None:
            step.operands[i] = self._constant(guessed, is_shared)

    def _constant(
        self, value: Tensor, same: Callable[[Tensor, Tensor], bool]
    ) -> Step | float:
        """Return an untracked value: a cut copy, a named tensor, or a number."""
        alike = [(k, v) for k, v in self.names.items() if same(v, value)]
        name = next((k for k, v in alike if not v.requires_grad), "")
        sources = [source for source, copy in self.cuts if is_same(copy, value)]
        sources += [v for _, v in alike if v.requires_grad and is_shared(v, value)]
        if sources:
            return self._cut(sources[0], name, value)
        if not name and value.numel() == 1:
            return float(value)
        key = ("data", name or value.data_ptr())
        step = Step(key, kind="data", name=name or "data", value=value.detach())
        return self.made.setdefault(key, step)

    def is_used(self, copy: Tensor) -> bool:
        """Whether a copy that was given as cut stands in the graph."""
        cuts = (step for step in self.made.values() if step.cut)
        return any(s.value is not None and is_same(copy, s.value) for s in cuts)

    def _cut(self, source: Tensor, name: str, value: Tensor) -> Step:
        """Return a copy that detach made, and what is behind it."""
        key = ("cut", name, id(source))
        if key not in self.made:
            step = Step(key, "detach", name=name, value=value.detach(), cut=True)
            self.made[key] = step
            step.operands = [self._source(source)]
        return self.made[key]

    def _source(self, source: Tensor) -> Step:
        if source.grad_fn is not None:
            return self.visit(source.grad_fn, source.output_nr)
        for step in self.made.values():
            if step.key == id(source):
                return step
        name = next((k for k, v in self.names.items() if v is source), "")
        kind = "leaf" if source.requires_grad else "data"
        step = Step(id(source), kind=kind, name=name, value=source.detach())
        return self.made.setdefault(id(source), step)

    def recall_grads(self) -> bool:
        """Take what `.grad` holds where a gradient was lost; False if none was."""
        held = {id(tensor): tensor for tensor in self.names.values()}
        lost = [step for step in self.made.values() if step.lost]
        for step in lost:
            tensor = held.get(step.key) if isinstance(step.key, int) else None
            if tensor is None or not (tensor.is_leaf or tensor.retains_grad):
                continue
            if tensor.grad is not None:
                step.grad = tensor.grad.detach()
        return bool(lost)


class _PullBack:
    """Calls one recorded function: the gradient of its output in, shares out."""

    def __init__(self, step: Step, function: Any, number: int) -> None:
        self.step, self.function, self.number = step, function, number

    def __call__(self, grad: Tensor) -> Sequence[Tensor | None] | None:
        try:
            return self._call(grad)
        except Exception:  # noqa: BLE001 freed; or a student's own backward, which may do anything
            return pull_back_again(self.step, self.function, grad)

    def _call(self, grad: Tensor) -> Sequence[Tensor | None]:
        grads = [
            grad
            if i == self.number
            else torch.zeros(m.shape, dtype=m.dtype, device=m.device)
            for i, m in enumerate(self.function._input_metadata)
        ]
        apply = getattr(self.function, "apply", self.function)
        with torch.no_grad():  # what was saved wants gradients itself
            shares = apply(*(grads or [grad]))
        shares = shares if isinstance(shares, tuple) else (shares,)
        behind = self.function.next_functions
        return [
            share if share is None or next_ is None else _reduce(share, next_, i)
            for share, (next_, i) in zip(shares, behind, strict=False)
        ]


def _reduce(share: Tensor, function: Any, number: int) -> Tensor:
    """Sum a share over the copies that broadcasting made; the engine does it later."""
    return share.sum_to_size(function._input_metadata[number].shape)
