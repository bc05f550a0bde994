"""Draws the backward pass step by step, one arrow at a time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

from grader.ink.boxes import draw_boxes
from grader.ink.drawing import Drawing, Panel, Steps, draw_politely
from grader.ink.numbers import CannotDraw, summarise
from grader.ink.plan import Emphasis, plan_boxes
from grader.show.graphs import (
    describe_steps,
    join_names,
    make_arrows,
    make_box,
    number_arrows,
    read_computation,
    tabulate_steps,
    write_grad,
    write_slope,
    write_value,
)
from grader.steps.computation import Computation, Step
from grader.steps.record import record_call

MOST_PANELS = 40  # each holds a picture of some kilobytes
SO_FAR = " so far"


@draw_politely
def backward_steps(
    output: Any, names: Mapping[str, Any] | None = None, **more_names: Any
) -> Drawing:
    """Draw the backward pass from a tensor step by step, one arrow at a time.

    Each step says the upstream gradient, the local derivative and their product.
    names: as in `graph`.
    """
    named = join_names(names, more_names, sys._getframe(2))
    return _draw(read_computation(output, named))


@draw_politely
def backward_steps_of(function: Callable[..., Any], /, **inputs: Any) -> Drawing:
    """Run a function on its named inputs and draw its backward pass step by step."""
    return _draw(record_call(function, inputs))


def _draw(computation: Computation) -> Drawing:
    steps, output = computation.steps(), computation.output
    uses = [
        (step, i)
        for step in reversed(steps)
        for i, _ in step.sources()
        if i in step.shares
    ]
    if not uses:
        raise CannotDraw(computation.note or "No gradient flows back in this graph.")
    if len(uses) > MOST_PANELS:
        raise CannotDraw(
            f"This backward pass has {len(uses)} steps; up to {MOST_PANELS} are drawn. "
            "Draw a smaller example, or a part of it."
        )
    story = _Story(output, steps)
    panels = (story.start(), *(story.go_back(step, i) for step, i in uses))
    caption = (
        "Each step sends a gradient back along one arrow: upstream times local "
        "derivative. Gradients that arrive at the same box are added."
    )
    title = f"Backward pass from {output.name}, step by step"
    table = tabulate_steps(steps)
    return Steps(title, caption=caption, table=table, panels=panels)


class _Story:
    """The backward pass so far: what has arrived where, and the next panel."""

    def __init__(self, output: Step, steps: Sequence[Step]) -> None:
        self.output, self.steps = output, steps
        self.arrows, self.numbers = make_arrows(steps), number_arrows(steps)
        self.arrived: dict[Step, Tensor] = {}
        self.waiting: dict[Step, int] = {}
        for step in steps:
            for i, operand in step.sources():
                if i in step.shares:
                    self.waiting[operand] = self.waiting.get(operand, 0) + 1
        lines = {
            step: (f"value {write_value(step)}", write_grad(step)) for step in steps
        }
        for step, count in self.waiting.items():
            if count > 1:
                lines[step] = (lines[step][0], lines[step][1] + SO_FAR)
        widest = [make_box(step, lines[step]) for step in steps]
        self.plan = plan_boxes(widest, self.arrows, labelled=True)

    def start(self) -> Panel:
        """Return the panel before the first arrow: the output's own gradient."""
        name, grad = self.output.name, self.output.grad
        assert grad is not None  # or nothing would flow back
        self.arrived[self.output] = grad
        words = f"Start at {name}. Its derivative by itself, d{name}/d{name}, is 1."
        if grad.numel() > 1:
            words = (
                f"Start at {name}: each of its entries gets an upstream gradient of 1."
            )
        return self._panel(name, words, Emphasis(frozenset({self.output})))

    def go_back(self, step: Step, i: int) -> Panel:
        """Return the panel of one arrow and let its share arrive."""
        operand, share = step.operands[i], step.shares[i]
        assert isinstance(operand, Step)  # only a value gets a share
        before = self.arrived.get(operand)
        total = share if before is None else before + share
        self.arrived[operand] = total
        self.waiting[operand] -= 1
        words = f"From {step.name} = {step.formula()} back to {operand.name}: "
        words += self._multiply(step, i, operand.name)
        if before is not None:
            words += (
                f" {operand.name} held {summarise(before)} already, and gradients are "
                f"added: {summarise(total)}."
            )
        if self.waiting[operand]:
            words += f" {self.waiting[operand]} more to come for {operand.name}."
        labels = {self.numbers[step, i]: write_slope(step, i, sign="×")}
        return self._panel(
            operand.name, words, Emphasis(frozenset({step, operand}), labels)
        )

    def _multiply(self, step: Step, i: int, operand: str) -> str:
        """Say upstream, local derivative and product; or what a vector becomes."""
        upstream, slope = self.arrived[step], step.slopes.get(i)
        share = summarise(step.shares[i])
        named = f"upstream d{self.output.name}/d{step.name}"
        if slope is None or slope.shape != upstream.shape:
            return (
                f"{named} is {summarise(upstream)}; pulled back through "
                f"{step.operation} it becomes {share}."
            )
        local = f"local d{step.name}/d{operand}"
        return f"{named} {summarise(upstream)} × {local} {summarise(slope)} = {share}."

    def _panel(self, label: str, words: str, emphasis: Emphasis) -> Panel:
        boxes = [
            make_box(step, (f"value {write_value(step)}", self._grad_line(step)))
            for step in self.steps
        ]
        alt = f"{words} The graph: {describe_steps(self.steps)}"
        svg = draw_boxes(
            boxes, self.arrows, emphasis, plan=self.plan, words=(label, words)
        )
        return Panel(label, svg, alt, words)

    def _grad_line(self, step: Step) -> str:
        if step in self.arrived:
            partial = SO_FAR if self.waiting.get(step) else ""
            return f"grad {summarise(self.arrived[step])}{partial}"
        return "grad ?" if step in self.waiting else write_grad(step)
