"""Another number in a step: its opposite, one more or less, twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from grader.diagnose.diagnosis import Tensor
from grader.diagnose.forward.inputs import Alteration, Kinds, Make, alter
from grader.diagnose.scene import Scene
from grader.diagnose.tape import Step

# How a step with one number works, as a function of its operand and the number.
NUMBERED: dict[str, Callable[[Tensor, float], Tensor]] = {
    "add": lambda z, n: z + n,
    "sub": lambda z, n: z - n,
    "rsub": lambda z, n: n - z,
    "mul": lambda z, n: z * n,
    "div": lambda z, n: z / n,
    "rdiv": lambda z, n: n / z,
    "pow": lambda z, n: z**n,
}
NUMBERED["truediv"] = NUMBERED["div"]


def alter_number(step: Step) -> Iterator[Alteration]:
    """Use another number: its opposite, one more or less, its double."""
    number, operation = step.numbers[0], step.operation
    run, sum_like = NUMBERED[operation], operation in ("add", "sub", "rsub")

    def use(change: Callable[[float], float]) -> Make:
        def make(_: Scene, step: Step | None, given: Sequence[Tensor]) -> Tensor:
            assert step is not None
            return run(given[0], change(step.numbers[0]))

        return make

    def back(_: Scene, step: Step | None, given: Sequence[Tensor]) -> Tensor:
        assert step is not None
        return step.numbers[0] + given[0]

    lost = ("wrong-point", "missing-path")
    if operation == "rsub":
        yield alter(step, back, ("sign", "wrong-point"), "with a plus")
        how = f"without the number {number:g}"
        yield alter(step, use(lambda n: 0.0), lost, how)
    elif sum_like:
        how = f"with the opposite sign before {number:g}"
        yield alter(step, use(lambda n: -n), ("sign", "wrong-point"), how)
    elif operation == "pow":
        kinds: Kinds = ("wrong-point", "wrong-rule", "factor")
        for other in (number - 1, number + 1, -number):
            if other not in (0, 1):
                shift = other - number
                how = f"to the power of {other:g}"
                make = use(lambda n, shift=shift: n + shift)  # type: ignore[misc]
                yield alter(step, make, kinds, how)
    else:
        kinds = ("wrong-point", "factor")
        way = "divided" if operation == "mul" else "multiplied"
        if operation != "rdiv":
            how = f"{way} by {number:g}"
            yield alter(step, use(lambda n: 1 / n if n else n), kinds, how, kinds[::-1])
        if step.part and operation == "div":
            for shift, text in ((-1, "one less"), (1, "one more")):
                make = use(lambda n, shift=shift: n + shift or n)  # type: ignore[misc]
                how = f"with a divisor of {text}"
                yield alter(step, make, ("reduction",), how)
        how = f"with {number:g} twice"
        yield alter(step, use(lambda n: n * n), kinds, how, kinds[::-1])
