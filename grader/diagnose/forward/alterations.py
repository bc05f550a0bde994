"""What a slip makes of one forward value: an operand lost, a sign, another function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch

from grader.diagnose.diagnosis import Tensor
from grader.diagnose.forward.inputs import (
    Alteration,
    Make,
    alter,
    alter_inputs,
    put_value,
)
from grader.diagnose.forward.numbers import NUMBERED, alter_number
from grader.diagnose.links.operands import is_square
from grader.diagnose.scene import BLANKS, Scene
from grader.diagnose.tape import Step, Value

SUMS = ("add", "sub", "subtract")
FACTORS = ("mul", "multiply", "div", "divide", "truediv", "true_divide")
DIVISIONS = ("div", "divide", "truediv", "true_divide")
PRODUCTS = ("matmul", "mm", "mv", "bmm")
UNTOUCHED = ("broadcast", "clone", "expand", "to", "view", "reshape", "unsqueeze")
MOST_OTHERS = 4  # other values that are put in the place of one

# Functions of one entry that are taken for each other.
ALIKE: dict[str, tuple[str, ...]] = {
    "sigmoid": ("tanh",),
    "tanh": ("sigmoid",),
    "relu": ("sigmoid", "tanh"),
    "sin": ("cos",),
    "cos": ("sin",),
    "sinh": ("cosh",),
    "cosh": ("sinh",),
    "softmax": ("sigmoid",),
    "softplus": ("sigmoid", "relu"),
}


def list_alterations(scene: Scene) -> list[Alteration]:
    """List what may be computed wrongly, each line of the reference once."""

    def make() -> list[Alteration]:
        seen: dict[Any, Step] = {}
        for step in [*scene.tape.fused, *scene.tape.steps]:
            if step.operation not in UNTOUCHED and step.operation not in BLANKS:
                seen.setdefault(step.address[0], step)
        found = [
            replace(made, moves=step.output in scene.tangents)
            for step in seen.values()
            for made in _alter_step(scene, step)
        ]
        return [*found, *alter_inputs(scene), *_turn_all(list(seen.values()))]

    return scene.recall("alterations", make)


def _alter_step(scene: Scene, step: Step) -> Iterator[Alteration]:
    shape = step.output.data.shape
    for place, operand in enumerate(step.inputs):
        if operand.data.shape == shape:
            yield _keep_operand(scene, step, place)
    if step.operation in SUMS and len(step.inputs) == 2:
        how = f"with the opposite sign before {step.inputs[1].phrase}"
        yield alter(step, _turn_operand(1), ("sign", "wrong-point"), how)
    if step.operation in NUMBERED and len(step.inputs) == len(step.numbers) == 1:
        yield from alter_number(step)
    if step.operation in PRODUCTS:
        for place, operand in enumerate(step.inputs):
            if is_square(operand.data):
                how = f"with {operand.phrase} transposed"
                yield alter(step, _transpose(place), ("transposed", "wrong-point"), how)
    if step.operation == "sum" and len(step.inputs) == 1:
        yield alter(step, _average, ("reduction",), "as a mean")
    if step.operation == "softmax" and not step.part:
        kinds = ("reduction", "wrong-point")
        yield alter(step, _flatten, kinds, "with all its entries alike", kinds)
    if len(step.inputs) == 1 and not step.part:
        yield from _exchange_function(step)
    if not step.part:
        yield from _invert(step)
        yield from _put_others(scene, step)
    yield from _slip_in_divisor(step)
    yield from _slip_in_uses(scene, step)


def _keep_operand(scene: Scene, step: Step, place: int) -> Alteration:
    def make(_: Scene, step: Step | None, given: Sequence[Tensor]) -> Tensor:
        joins = step is not None and step.operation in (*SUMS, *FACTORS)
        if step is None or not joins or len(given) == 1:
            return given[place]
        fill = torch.zeros_like if step.operation in SUMS else torch.ones_like
        kept = [one if i == place else fill(one) for i, one in enumerate(given)]
        return step.run(kept)  # a minus or a fraction stays

    if len(step.inputs) == 1:
        if len(step.numbers) == 1 and step.operation in NUMBERED:
            how = f"without the number {step.numbers[0]:g}"
            lost = ("missing-link", "factor", "wrong-point")
            if step.operation not in FACTORS:
                lost = ("wrong-point", "missing-link", "missing-path")
            return alter(step, make, ("wrong-point", *lost), how, lost)
        if step.operation == "neg":
            return alter(step, make, ("sign", "wrong-point"), "without its minus")
        kinds = ("wrong-point", "missing-link")
        return alter(step, make, kinds, "without that step", kinds[::-1])
    others = [one for i, one in enumerate(step.inputs) if i != place]
    how = "without " + " and ".join(one.phrase for one in others)
    if step.operation in SUMS:
        kinds = ("wrong-point", "missing-path")
        moves = any(one in scene.tangents for one in others)
        return alter(step, make, kinds, how, kinds[::-1] if moves else kinds)
    kinds = ("wrong-point", "missing-link")
    return alter(step, make, kinds, how, kinds[::-1])


def _turn_operand(place: int) -> Make:
    def make(_: Scene, step: Step | None, given: Sequence[Tensor]) -> Tensor:
        assert step is not None
        turned = [-one if i == place else one for i, one in enumerate(given)]
        return step.run(turned)

    return make


def _transpose(place: int) -> Make:
    def make(_: Scene, step: Step | None, given: Sequence[Tensor]) -> Tensor:
        assert step is not None
        if not is_square(given[place]):
            raise KeyError(step.address)
        turned = [one.mT if i == place else one for i, one in enumerate(given)]
        return step.run(turned)

    return make


def _average(_: Scene, step: Step | None, given: Sequence[Tensor]) -> Tensor:
    assert step is not None
    result = step.run(given)
    return result * (result.numel() / given[0].numel())


def _flatten(_: Scene, step: Step | None, given: Sequence[Tensor]) -> Tensor:
    """Make all shares alike: a plain mean in the place of a weighted one."""
    assert step is not None
    result = step.run(given)
    for axis in reversed(range(result.dim())):
        if bool(((result.sum(axis) - 1).abs() < 1e-9).all()):
            return torch.full_like(result, 1 / result.shape[axis])
    raise KeyError(step.address)


def _slip_in_divisor(step: Step) -> Iterator[Alteration]:
    """Take the root, or the square, of what something is divided by."""
    if step.operation not in DIVISIONS or len(step.inputs) != 2:
        return
    kinds = ("wrong-point", "wrong-rule")

    def root(_: Scene, step: Step | None, given: Sequence[Tensor]) -> Tensor:
        return given[0] / given[1].sqrt()

    def square(_: Scene, step: Step | None, given: Sequence[Tensor]) -> Tensor:
        return given[0] / given[1] ** 2

    divisor = step.inputs[1].phrase
    yield alter(step, root, kinds, f"with the root of {divisor}", kinds[::-1])
    yield alter(step, square, kinds, f"with the square of {divisor}", kinds[::-1])


def _exchange_function(step: Step) -> Iterator[Alteration]:
    for name in ALIKE.get(step.operation, ()):
        function = getattr(torch, name)

        def make(
            _: Scene,
            step: Step | None,
            given: Sequence[Tensor],
            function: Callable[[Tensor], Tensor] = function,
        ) -> Tensor:
            return function(given[0])

        how = f"with {name} in place of {step.operation}"
        kinds = ("wrong-point", "wrong-rule")
        yield alter(step, make, kinds, how, kinds[::-1])


def _invert(step: Step) -> Iterator[Alteration]:
    def upside_down(_: Scene, step: Step | None, given: Sequence[Tensor]) -> Tensor:
        assert step is not None
        return 1 / step.run(given)

    def opposite(_: Scene, step: Step | None, given: Sequence[Tensor]) -> Tensor:
        assert step is not None
        return -step.run(given)

    kinds = ("wrong-point", "wrong-rule")
    if step.operation in FACTORS:
        yield alter(step, upside_down, kinds, "upside down", kinds[::-1])
    if step.operation in ("sub", "subtract", "rsub"):
        kinds_of_sign = ("sign", "wrong-point")
        how = "the other way round"
        yield alter(step, opposite, kinds_of_sign, how, ("wrong-rule", "sign"))


def _put_others(scene: Scene, step: Step) -> Iterator[Alteration]:
    """Put another value, of a name or an input, in a step's place."""
    values, _ = scene.crowd.get(tuple(step.output.data.shape), ([], None))
    others = [
        value
        for value in values
        if (value.name or value.step is None)
        and value is not step.output
        and value not in step.inputs
        and not _comes_later(scene, value, step)
    ]
    for value in others[:MOST_OTHERS]:
        how = f"with {value.phrase} in its place"
        made = alter(step, put_value(value), ("wrong-point",), how)
        yield replace(made, function_kinds=())


def _comes_later(scene: Scene, value: Value, step: Step) -> bool:
    if value.step is None:
        return False
    order = scene.recall(
        "order", lambda: {s: place for place, s in enumerate(scene.tape.steps)}
    )
    maker = step.output.step or step
    return order.get(value.step, 0) >= order.get(maker, 0)


def _slip_in_uses(scene: Scene, step: Step) -> Iterator[Alteration]:
    """Forget, at this use of a value alone, the step that made it."""
    for place, operand in enumerate(step.inputs):
        maker = operand.step
        if maker is None or len(operand.uses) < 2 or maker.operation in UNTOUCHED:
            continue
        for earlier in maker.inputs:
            if earlier.data.shape != operand.data.shape:
                continue
            how = f"with {earlier.phrase} in the place of {operand.phrase}"
            kinds = ("wrong-point", "missing-path")
            make = _use_there(place, earlier)
            yield Alteration(
                {step.address[0]: make}, kinds, (), step.words, step.phrase, how
            )


def _use_there(place: int, earlier: Value) -> Make:
    def make(scene: Scene, step: Step | None, given: Sequence[Tensor]) -> Tensor:
        assert step is not None
        data = scene.find_value(earlier.address).data.double()
        return step.run([data if i == place else one for i, one in enumerate(given)])

    return make


def _turn_all(steps: Sequence[Step]) -> Iterator[Alteration]:
    """Take every mean, sum and softmax along the other axis at once."""
    turning = [step for step in steps if step.turned is not None and not step.part]
    if len(turning) < 2:
        return

    def make(_: Scene, step: Step | None, given: Sequence[Tensor]) -> Tensor:
        assert step is not None
        assert step.turned is not None
        return step.turned(given)

    makes: dict[Any, Make] = {step.address[0]: make for step in turning}
    names = " and ".join(dict.fromkeys(step.phrase for step in turning))
    kinds = ("reduction", "wrong-point")
    how = "along another axis"
    yield Alteration(makes, kinds, kinds, turning[0].words, names, how)
