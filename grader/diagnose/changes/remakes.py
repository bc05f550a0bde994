"""What a slip makes of the share that flows back through one edge.

Each function gives the changed share for an incoming gradient, or None where the slip
has no place at that edge.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch

from grader.diagnose.diagnosis import Tensor
from grader.diagnose.links.operands import find_flippable, is_square
from grader.diagnose.scene import Scene
from grader.diagnose.tape import Edge, Local, Value

MOST_SEEDS = 64  # entries along one axis for which a diagonal is still looked for

Remake = Callable[[Scene, Edge, Tensor], Tensor | None]


def pull_edge(scene: Scene, edge: Edge, incoming: Tensor) -> Tensor:
    """Give one edge's share of an incoming gradient."""
    if edge.slope is not None:
        return incoming * edge.slope
    shares = scene.backward.split(edge.step, incoming)
    return next(share for other, share in shares if other.slot == edge.slot)


def transpose_share(scene: Scene, edge: Edge, incoming: Tensor) -> Tensor | None:
    """The share itself transposed."""
    if not is_square(edge.value.data):
        return None
    return pull_edge(scene, edge, incoming).mT


def transpose_incoming(scene: Scene, edge: Edge, incoming: Tensor) -> Tensor | None:
    """The incoming gradient transposed before the step is gone back through."""
    if edge.slope is not None or not is_square(incoming):
        return None
    return pull_edge(scene, edge, incoming.mT)


def go_forward(scene: Scene, edge: Edge, incoming: Tensor) -> Tensor | None:
    """The Jacobian used where its transpose is due."""
    if edge.slope is not None or incoming.shape != edge.value.data.shape:
        return None
    return scene.backward.push_edge(edge, incoming)


def flip_share(scene: Scene, edge: Edge, incoming: Tensor) -> Tensor | None:
    """The share in the other direction."""
    if edge.slope is not None or len(edge.step.inputs) < 2:
        return None
    axes = find_flippable(edge, edge.value.data)
    return pull_edge(scene, edge, incoming).flip(axes) if axes else None


def turn_share(scene: Scene, edge: Edge, incoming: Tensor) -> Tensor | None:
    """A softmax, say, taken along another axis on the way back."""
    turned = edge.step.turned
    if turned is None or edge.slope is not None or not incoming.numel():
        return None
    given = [value.data for value in edge.step.inputs]
    local = Local(replace(edge.step, run=turned), [edge.slot], given)
    shape = local.output.shape
    if shape != incoming.shape:
        number = incoming.flatten()[0]
        if not bool((incoming == number).all()):
            return None
        incoming = number.expand(shape)
    return local.pull(incoming)[0] if not local.is_constant else None


def overwrite_last(scene: Scene, edge: Edge, incoming: Tensor) -> Tensor | None:
    """A scatter that overwrites where it should add."""
    places = _find_repeats(edge)
    if places is None:
        return None
    share = torch.zeros_like(edge.value.data).flatten()
    share[places] = incoming.flatten()  # the last one stays
    return share.reshape(edge.value.data.shape)


def overwrite_first(scene: Scene, edge: Edge, incoming: Tensor) -> Tensor | None:
    """Only the first of several uses of an entry."""
    places = _find_repeats(edge)
    if places is None:
        return None
    share = torch.zeros_like(edge.value.data).flatten()
    share[places.flip(0)] = incoming.flatten().flip(0)
    return share.reshape(edge.value.data.shape)


def average_repeats(scene: Scene, edge: Edge, incoming: Tensor) -> Tensor | None:
    """The mean over an entry's uses instead of their sum."""
    places = _find_repeats(edge)
    if places is None:
        return None
    shape = edge.value.data.shape
    counts = torch.bincount(places, minlength=edge.value.data.numel()).clamp(min=1)
    return pull_edge(scene, edge, incoming) / counts.reshape(shape)


def spread_evenly(scene: Scene, edge: Edge, incoming: Tensor) -> Tensor | None:
    """A reduction that picks or weighs entries, gone back through as a plain sum."""
    smaller = edge.step.output.data.numel() < edge.value.data.numel()
    if edge.slope is not None or not smaller or len(edge.step.inputs) != 1:
        return None
    return _stretch(incoming, edge.value)


def spread_mean(scene: Scene, edge: Edge, incoming: Tensor) -> Tensor | None:
    """The same as a plain mean."""
    share = spread_evenly(scene, edge, incoming)
    ratio = edge.step.output.data.numel() / edge.value.data.numel()
    return None if share is None else share * ratio


def spread_values(scene: Scene, edge: Edge, incoming: Tensor) -> Tensor | None:
    """The same with the entries themselves as weights."""
    share = spread_evenly(scene, edge, incoming)
    return None if share is None else share * edge.value.data


def weigh_by_itself(scene: Scene, edge: Edge, incoming: Tensor) -> Tensor | None:
    """A product gone back through with the value itself for the other operand."""
    smaller = edge.step.output.data.numel() < edge.value.data.numel()
    if edge.slope is not None or not smaller or len(edge.step.inputs) != 2:
        return None
    share = _stretch(incoming, edge.value)
    return None if share is None else share * edge.value.data


def spread_turned_values(scene: Scene, edge: Edge, incoming: Tensor) -> Tensor | None:
    """The same with the entries of the transposed matrix as weights."""
    share = spread_evenly(scene, edge, incoming)
    square = is_square(edge.value.data)
    return None if share is None or not square else share * edge.value.data.mT


def spread_diagonal(scene: Scene, edge: Edge, incoming: Tensor) -> Tensor | None:
    """The same as a plain trace."""
    share = spread_evenly(scene, edge, incoming)
    if share is None or not is_square(edge.value.data):
        return None
    return share * torch.eye(edge.value.data.shape[-1], dtype=share.dtype)


def spread_result(scene: Scene, edge: Edge, incoming: Tensor) -> Tensor | None:
    """The same with the result as weight."""
    share = spread_evenly(scene, edge, incoming)
    result = _stretch(edge.step.output.data, edge.value)
    return None if share is None or result is None else share * result


def weigh_by_result(scene: Scene, edge: Edge, incoming: Tensor) -> Tensor | None:
    """The share times the step's result."""
    result = edge.step.output.data
    if edge.slope is not None or result.dim():
        return None
    return pull_edge(scene, edge, incoming) * result


def divide_by_result(scene: Scene, edge: Edge, incoming: Tensor) -> Tensor | None:
    """The share over the step's result."""
    result = edge.step.output.data
    if edge.slope is not None or result.dim():
        return None
    return pull_edge(scene, edge, incoming) / result


def weigh_by_power(scene: Scene, edge: Edge, incoming: Tensor) -> Tensor | None:
    """The share times e to the result: a logarithm taken for its argument."""
    result = edge.step.output.data
    if edge.slope is not None or result.dim() or "log" not in edge.step.operation:
        return None
    return pull_edge(scene, edge, incoming) * result.exp()


def skip_step(scene: Scene, edge: Edge, incoming: Tensor) -> Tensor | None:
    """A step that mixes entries gone over as if it were not there."""
    if edge.slope is not None or incoming.shape != edge.value.data.shape:
        return None
    return incoming


def keep_diagonal(scene: Scene, edge: Edge, incoming: Tensor) -> Tensor | None:
    """Only what an entry does to its own entry of the result."""
    if edge.slope is not None or incoming.shape != edge.value.data.shape:
        return None
    if len(edge.step.inputs) > 1:
        return None  # nobody takes a matrix product for entrywise
    diagonal = find_diagonal(lambda seed: pull_edge(scene, edge, seed), edge.value.data)
    return None if diagonal is None else incoming * diagonal


def keep_square_diagonal(scene: Scene, edge: Edge, incoming: Tensor) -> Tensor | None:
    """Only the diagonal of a square share."""
    data = edge.value.data
    if edge.slope is not None or not is_square(data):
        return None
    eye = torch.eye(data.shape[-1], dtype=data.dtype)
    return pull_edge(scene, edge, incoming) * eye


def subtract_mean(scene: Scene, edge: Edge, incoming: Tensor) -> Tensor | None:
    """A softmax with the plain mean in place of the weighted one."""
    axis = _find_shares(edge)
    if axis is None:
        return None
    return edge.step.output.data * (incoming - incoming.mean(axis, keepdim=True))


def subtract_sum(scene: Scene, edge: Edge, incoming: Tensor) -> Tensor | None:
    """A softmax with the plain sum in place of the weighted one."""
    axis = _find_shares(edge)
    if axis is None:
        return None
    return edge.step.output.data * (incoming - incoming.sum(axis, keepdim=True))


def subtract_only(scene: Scene, edge: Edge, incoming: Tensor) -> Tensor | None:
    """A softmax without the chances in front."""
    axis = _find_shares(edge)
    if axis is None:
        return None
    weighted = (incoming * edge.step.output.data).sum(axis, keepdim=True)
    return incoming - weighted


def _find_shares(edge: Edge) -> int | None:
    """Find the axis along which a step's results are shares of one."""
    data = edge.step.output.data
    if edge.step.operation != "softmax" or edge.value.data.shape != data.shape:
        return None
    for axis in reversed(range(data.dim())):
        if bool(((data.sum(axis) - 1).abs() < 1e-9).all()):
            return axis
    return None


def find_diagonal(pull: Callable[[Tensor], Tensor], like: Tensor) -> Tensor | None:
    """Find the diagonal of a Jacobian that mixes entries along one axis only."""
    for axis in range(like.dim()):
        seed = torch.zeros_like(like)
        corner = tuple(slice(None) if i == axis else 0 for i in range(like.dim()))
        seed[corner] = 1.0
        outside = pull(seed).clone()
        outside[corner] = 0
        if bool(outside.any()) or like.shape[axis] > MOST_SEEDS:
            continue
        diagonal = torch.zeros_like(like)
        for index in range(like.shape[axis]):
            seed = torch.zeros_like(like)
            seed.select(axis, index).fill_(1.0)
            diagonal.select(axis, index).copy_(pull(seed).select(axis, index))
        return diagonal
    return None


def _find_repeats(edge: Edge) -> Tensor | None:
    """Find which entry of its input each entry of a picking step comes from.

    None where the step does more than pick, or picks nothing twice.
    """
    data, result = edge.value.data, edge.step.output.data
    if edge.slope is not None or len(edge.step.inputs) != 1 or result.numel() < 2:
        return None
    counted = torch.arange(data.numel(), dtype=data.dtype).reshape(data.shape)
    places = edge.step.run([counted]).flatten().round().long()
    inside = int(places.min()) >= 0 and int(places.max()) < data.numel()
    if not inside or places.numel() == places.unique().numel():
        return None
    picked = data.flatten()[places].reshape(result.shape)
    return places if torch.equal(picked, result) else None


def _stretch(result: Tensor, value: Value) -> Tensor | None:
    """Repeat the result of a reduction over the axis that it lost."""
    shape = tuple(value.data.shape)
    if result.numel() == 1:
        return result.reshape(()).expand(shape)
    for axis, size in enumerate(shape):
        kept = (*shape[:axis], 1, *shape[axis + 1 :])
        lost = (*shape[:axis], *shape[axis + 1 :])
        if size > 1 and tuple(result.shape) in (kept, lost):
            return result.reshape(kept).expand(shape)
    return None
