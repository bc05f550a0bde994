"""What a tape is made of: values, and the steps between them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from grader.diagnose.diagnosis import Tensor
from grader.diagnose.tape.source import Site

# A place in the reference and how often it ran before: the same on every tape.
Address = tuple[Any, ...]
Run = Callable[[Sequence[Tensor]], Tensor]

WHOLE = "as written"  # marks the result of a fused call that the reference wrote
# What parts of a fused call are called.
PARTS = {
    "add": "addition",
    "div": "division",
    "mul": "product",
    "neg": "minus sign",
    "pow": "power",
    "rsub": "difference",
    "sqrt": "square root",
    "sub": "difference",
    "to": "one-hot target",
}


# How calls are written whose source cannot be read; numbers come after tensors.
SIGNS = {
    **{"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**", "matmul": "@"},
    **{"truediv": "/", "true_divide": "/", "multiply": "*", "subtract": "-"},
}
TURNED = {"rsub": "-", "rdiv": "/", "rpow": "**", "rtruediv": "/"}  # numbers first
LONGEST_OPERAND = 24


@dataclass(eq=False)
class Value:
    """A tensor on the tape: an input, a constant of the reference, or a result."""

    data: Tensor
    address: Address
    name: str = ""
    step: Step | None = None
    call: str = ""  # the fused call, or the part of one, whose result this is
    uses: list[tuple[Step, int]] = field(default_factory=list)

    @property
    def words(self) -> str:
        """How the reference calls it: its name, or the text that made it."""
        if self.name:
            return self.name
        if self.step is None:
            return "a constant"
        if self.step.operation == "broadcast":
            return self.step.inputs[0].words
        return self.step.words

    @property
    def phrase(self) -> str:
        """The same for a sentence, in backticks."""
        if self.step is not None and self.step.operation == "broadcast":
            return self.step.inputs[0].phrase
        if self.name or self.call == WHOLE:
            return f"`{self.words}`"
        if self.call:
            return f"the {self.call} in `{self.words}`"
        return self.step.phrase if self.step is not None else self.words


@dataclass(eq=False)
class Step:
    """One call as the reference wrote it, or one part of a fused call.

    operation: the plain name, `"sigmoid"`; inputs: one value for each tensor slot.
    numbers: the Python numbers among its arguments.
    part: how this part of a fused call is named; `""` for a call as written.
    turned: the same call along another axis, where it has one.
    """

    operation: str
    run: Run
    inputs: tuple[Value, ...]
    output: Value
    site: Site
    address: Address
    numbers: tuple[float, ...] = ()
    part: str = ""
    turned: Run | None = None

    @property
    def words(self) -> str:
        """The source text of the call, or its name and operands where there is none."""
        if self.site.text:
            return self.site.text
        if self.operation == "broadcast":
            return self.inputs[0].words
        return _write_call(self)

    @property
    def phrase(self) -> str:
        """The same for a sentence, in backticks; a part is named beside its call."""
        if self.part:
            return f"the {PARTS.get(self.part, self.part)} in `{self.words}`"
        return f"`{self.words}`"


def _write_call(step: Step) -> str:
    """Write a call as Python would: `x**2`, `p[1]`, `1 - p`, `y * log(p)`."""
    operands = [_write_operand(value) for value in step.inputs]
    numbers = [f"{number:g}" for number in step.numbers]
    name = step.operation
    if name == "neg" and operands:
        return f"-{_enclose(operands[0], '*')}"
    if name == "getitem":
        return f"{', '.join(operands)}[{', '.join(numbers) or '…'}]"
    ahead = name in TURNED or name in ("mul", "multiply")
    parts = [*numbers, *operands] if ahead else [*operands, *numbers]
    sign = {**SIGNS, **TURNED}.get(name, "")
    if sign and len(parts) == 2:
        space = "" if sign == "**" else " "
        return f"{space}{sign}{space}".join(_enclose(part, sign) for part in parts)
    return f"{name}({', '.join(operands)})"


def _write_operand(value: Value) -> str:
    words = value.words
    return "…" if len(words) > LONGEST_OPERAND or words == "a constant" else words


def _enclose(words: str, sign: str) -> str:
    """Put brackets round what binds less than the sign beside it."""
    looser = {"+": (), "-": (" + ", " - "), "**": (" ", "-")}.get(sign, (" + ", " - "))
    outside = re.sub(r"\(.*\)|\[.*\]", "", words)
    return f"({words})" if any(mark in outside for mark in looser) else words


@dataclass(eq=False)
class Tape:
    """A recorded run of the reference.

    fused: calls that were taken apart; their parts are among the steps.
    """

    inputs: dict[str, Value]
    steps: list[Step]
    values: list[Value]
    fused: list[Step]
    output: Value
    used_variant: bool

    def __post_init__(self) -> None:
        self.values_at = {value.address: value for value in self.values}
        self.steps_at = {step.address: step for step in [*self.steps, *self.fused]}
        places = [*self.steps_at, *self.values_at]
        self.counts = Counter(address[0] for address in places)
