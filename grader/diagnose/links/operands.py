"""An operand of a step left out, turned, or differentiated on the way back.

Each function gives the changed share for an incoming gradient, or None where the slip
has no place at that edge.
"""

from __future__ import annotations

import torch

from grader.diagnose.diagnosis import Tensor
from grader.diagnose.links.points import pull_at
from grader.diagnose.scene import Scene
from grader.diagnose.tape import Edge, Local, Value
from grader.diagnose.tape.local import agrees

MOST_OPERANDS = 3
SLIDING = {"unfold", "as_strided", "stack"}
PRODUCTS = ("mul", "multiply", "matmul", "mm", "mv", "bmm", "dot", "einsum")


def is_square(data: Tensor) -> bool:
    """Tell whether the last two axes are alike, and transposing changes something."""
    return data.dim() >= 2 and bool(data.shape[-1] == data.shape[-2] > 1)


def transpose_operand(scene: Scene, edge: Edge, incoming: Tensor) -> Tensor | None:
    """A square operand transposed."""
    if edge.slope is not None:
        return None
    for place, value in enumerate(edge.step.inputs):
        if place != edge.slot and is_square(value.data):
            return pull_at(scene, edge, place, value.data.mT, incoming)
    return None


def flip_operand(scene: Scene, edge: Edge, incoming: Tensor) -> Tensor | None:
    """A kernel, or another vector, used in the other direction."""
    place = 1 - edge.slot
    if edge.slope is not None or len(edge.step.inputs) != 2 or place not in (0, 1):
        return None
    data = edge.step.inputs[place].data
    axes = find_flippable(edge, data)
    return pull_at(scene, edge, place, data.flip(axes), incoming) if axes else None


def find_flippable(edge: Edge, data: Tensor) -> tuple[int, ...]:
    """Choose the axes along which something slides: a kernel's own."""
    if edge.step.operation.startswith("conv"):
        return tuple(range(2, data.dim()))
    makers = {value.step.operation for value in edge.step.inputs if value.step}
    return (0,) if data.dim() == 1 and makers & SLIDING else ()


def differentiate_operand(scene: Scene, edge: Edge, incoming: Tensor) -> Tensor | None:
    """The derivative of a product's other operand in the place of that operand."""
    place = 1 - edge.slot
    if len(edge.step.inputs) != 2 or edge.step.operation not in PRODUCTS:
        return None
    slope = _differentiate_maker(scene, edge.step.inputs[place])
    return None if slope is None else pull_at(scene, edge, place, slope, incoming)


def _differentiate_maker(scene: Scene, value: Value) -> Tensor | None:
    """Give the derivative of the entrywise step that made a value."""
    maker = value.step
    while maker is not None and maker.operation == "broadcast":
        maker = maker.inputs[0].step
    if maker is None or len(maker.inputs) != 1:
        return None
    if maker.inputs[0].data.shape != maker.output.data.shape:
        return None
    data = maker.inputs[0].data
    local, moved = (Local(maker, [0], [d]) for d in (data, data * 1.1 + 0.1))
    if local.is_constant:
        return None
    ones = torch.ones_like(maker.output.data)
    slope = local.pull(ones)[0]
    if torch.equal(slope, moved.pull(ones)[0]):
        return None  # of a straight line: that is a factor left out
    weight = scene.backward.traits.draw_like(slope)
    if not agrees(local.pull(weight)[0], weight * slope):
        return None
    return slope.expand(value.data.shape)


def drop_operand(scene: Scene, edge: Edge, incoming: Tensor) -> Tensor | None:
    """The next operand of a product left out: ones in its place."""
    return _drop_operand(scene, edge, incoming, 1)


def drop_second_operand(scene: Scene, edge: Edge, incoming: Tensor) -> Tensor | None:
    """The operand after the next left out, where a product has three."""
    return _drop_operand(scene, edge, incoming, 2)


def _drop_operand(
    scene: Scene, edge: Edge, incoming: Tensor, step: int
) -> Tensor | None:
    count = len(edge.step.inputs)
    if edge.slope is not None or not step < count <= MOST_OPERANDS:
        return None
    place = (edge.slot + step) % count
    ones = torch.ones_like(edge.step.inputs[place].data)
    return pull_at(scene, edge, place, ones, incoming)
