"""The right rule at the wrong value: a step evaluated at another value's numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import torch

from grader.diagnose.diagnosis import Diagnosis, Tensor
from grader.diagnose.links.link import Link, list_links
from grader.diagnose.links.wording import (
    PRODUCTS,
    SCALING,
    STEADY,
    describe_mirror,
    describe_point,
)
from grader.diagnose.scene import Changes, Proposal, Scene, dot, project
from grader.diagnose.tape import Edge, Local, Value

MOST_LOOPED = 10  # values tried one by one where a step cannot take them together

Place = tuple[Link, int | None]  # a link, and its other operand that is replaced


def move_links(scene: Scene) -> Iterator[Proposal]:
    """Evaluate an entrywise derivative at other values of the same shape."""
    yield from move_operands(scene, list_links(scene))


def mirror_links(scene: Scene) -> Iterator[Proposal]:
    """Evaluate an entrywise derivative at the value with the opposite sign."""
    links = [
        link
        for link in list_links(scene)
        if link.operation not in (*STEADY, *SCALING)
        and not link.others
        and not link.is_gate
    ]
    adjoint, tangents = scene.backward.adjoint, scene.tangents
    effects = [
        dot(
            adjoint[link.result] * tangents[link.source],
            link.slope_at(-link.source.data) - link.slope,
        )
        for link in links
    ]
    if not links:
        return

    def change(index: int, other: Scene) -> Changes:
        found = links[index].find(other)
        gap = found.slope_at(-found.source.data) - found.slope
        return {found.source: other.backward.adjoint[found.result] * gap}

    def describe(index: int) -> list[Diagnosis]:
        return describe_mirror(links[index])

    yield Proposal(
        torch.tensor(effects, dtype=torch.float64), change, describe, lambda index: 3
    )


def move_operands(scene: Scene, links: Sequence[Link]) -> Iterator[Proposal]:
    """Put other values into each operand of entrywise links."""
    places: list[Place] = []
    for link in links:
        if link.operation in STEADY or tuple(link.slope.shape) not in scene.crowd:
            continue
        if link.operation not in PRODUCTS:
            places.append((link, None))
        places += [
            (link, place)
            for place, other in enumerate(link.others)
            if other.data.shape == link.slope.shape
        ]
    for (link, place), slopes in zip(places, _slopes_of(scene, places), strict=True):
        yield _move_link(scene, link, place, slopes)


def _slopes_of(scene: Scene, places: list[Place]) -> list[Tensor]:
    """Find the slopes at all values that fit, with one backward call for all."""
    leaves, results = [], []
    with torch.enable_grad():
        for link, place in places:
            stack = scene.crowd[tuple(link.slope.shape)][1]
            own = stack if place is None else link.source.data.expand(stack.shape)
            leaf = own.detach().clone().requires_grad_()
            leaves.append(leaf)
            try:
                result = link.evaluate(leaf, {} if place is None else {place: stack})
            except RuntimeError:  # some steps cannot take many values at once
                continue
            if result.shape == leaf.shape and result.requires_grad:
                results.append(result.sum())
    if not results:
        return [torch.full_like(leaf, math.nan) for leaf in leaves]
    found = torch.autograd.grad(torch.stack(results).sum(), leaves, allow_unused=True)
    return [
        torch.full_like(leaf, math.nan) if slope is None else slope
        for leaf, slope in zip(leaves, found, strict=True)
    ]


def _move_link(scene: Scene, link: Link, place: int | None, slopes: Tensor) -> Proposal:
    values, _ = scene.crowd[tuple(link.slope.shape)]
    weight = scene.backward.adjoint[link.result] * scene.tangents[link.source]
    effects = project(slopes - link.slope, weight)
    moved = link.source if place is None else link.others[place]

    def change(index: int, other: Scene) -> Changes:
        found = link.find(other)
        point = other.find_value(values[index].address)
        slope = _slope_there(found, place, point.data.double())
        adjoint = other.backward.adjoint[found.result]
        return {found.source: adjoint * (slope - found.slope)}

    def describe(index: int) -> list[Diagnosis]:
        return describe_point(link, moved, values[index], scene)

    near = {link.result, link.source, *link.others}
    return Proposal(effects, change, describe, rank_values(values, near, moved))


def _slope_there(link: Link, place: int | None, points: Tensor) -> Tensor:
    if place is None:
        return link.slope_at(points)
    return link.slope_at(link.source.data, {place: points})


def rank_values(
    values: list[Value], near: set[Value], moved: Value | None = None
) -> Callable[[int], int]:
    """Prefer the step's own values, then the inputs, then all others.

    moved: the value that belongs there; what it is made from comes second too.
    """
    before = list_makers(moved)

    def rank(index: int) -> int:
        value = values[index]
        known = value.step is None or value in before
        return 1 if value in near else 2 if known else 3

    return rank


def list_makers(value: Value | None) -> set[Value]:
    """List what a value is made from, in one step besides a broadcast."""
    step = value.step if value is not None else None
    while step is not None and step.operation == "broadcast":
        step = step.inputs[0].step
    return set(step.inputs) if step is not None else set()


def move_steps(scene: Scene) -> Iterator[Proposal]:
    """Put other values into the operands of steps that mix entries."""
    for edge in [*scene.edges, *scene.whole_edges]:
        if edge.slope is None:
            for place, value in enumerate(edge.step.inputs):
                crowd = scene.crowd.get(tuple(value.data.shape))
                if crowd is not None:
                    yield _move_step(scene, edge, place, crowd)


def _move_step(
    scene: Scene, edge: Edge, place: int, crowd: tuple[list[Value], Tensor]
) -> Proposal:
    values, stack = crowd
    base = dot(edge.contribution, scene.tangents[edge.value])
    effects = _try_together(scene, edge, place, stack)
    if effects is None:
        values = _nearest(scene, edge, values)
        effects = _try_one_by_one(scene, edge, place, values)

    def change(index: int, other: Scene) -> Changes:
        found = other.find_edge(edge.step.address, edge.slot)
        point = other.find_value(values[index].address)
        share = pull_at(other, found, place, point.data)
        return {found.value: share - found.contribution}

    def describe(index: int) -> list[Diagnosis]:
        moved = edge.step.inputs[place]
        return describe_point(edge.step, moved, values[index], scene)

    near = {edge.step.output, *edge.step.inputs}
    moved = edge.step.inputs[place]
    return Proposal(effects - base, change, describe, rank_values(values, near, moved))


def _try_together(scene: Scene, edge: Edge, place: int, stack: Tensor) -> Tensor | None:
    """Try all values at once, where the edge's push is linear in the operand."""
    if place == edge.slot:
        return None if not _is_linear(scene, edge) else torch.zeros(0)
    gradient = find_operand_gradient(scene, edge, place)
    if gradient is None:
        return None
    return project(stack, gradient) if gradient.numel() else torch.zeros(0)


def find_operand_gradient(scene: Scene, edge: Edge, place: int) -> Tensor | None:
    """Find what an edge carries as a linear function of another operand.

    None where it is not linear in it; empty where it does not depend on it.
    """
    if not _is_linear(scene, edge):
        return None
    given = [value.data for value in edge.step.inputs]
    given[edge.slot] = scene.tangents[edge.value]
    leaf = given[place].detach().clone().requires_grad_()
    given[place] = leaf
    adjoint = scene.backward.adjoint[edge.step.output]
    with torch.enable_grad():
        total = (edge.step.run(given) * adjoint).sum()
    if not total.requires_grad:
        return torch.zeros(0)
    (gradient,) = torch.autograd.grad(total, leaf)
    own = dot(gradient, leaf.detach())
    if abs(own - float(total.detach())) > 1e-9 * max(
        abs(own), abs(float(total.detach()))
    ):
        return None
    return gradient


def _is_linear(scene: Scene, edge: Edge) -> bool:
    return scene.backward.traits.linear.get((edge.step.address[0], edge.slot), False)


def _nearest(scene: Scene, edge: Edge, values: list[Value]) -> list[Value]:
    near = {edge.step.output, *edge.step.inputs}
    ranked = sorted(range(len(values)), key=rank_values(values, near))
    return [values[index] for index in ranked[:MOST_LOOPED]]


def _try_one_by_one(
    scene: Scene, edge: Edge, place: int, values: list[Value]
) -> Tensor:
    tangent = scene.tangents[edge.value]
    found = [dot(pull_at(scene, edge, place, value.data), tangent) for value in values]
    return torch.tensor(found, dtype=torch.float64)


def pull_at(
    scene: Scene,
    edge: Edge,
    place: int,
    data: Tensor,
    incoming: Tensor | None = None,
) -> Tensor:
    """Pull an adjoint back through a step one of whose operands is replaced."""
    given = [value.data for value in edge.step.inputs]
    given[place] = data.double()  # a constant may be float32
    local = Local(edge.step, [edge.slot], given)
    if local.is_constant:
        return torch.zeros_like(edge.contribution)
    if incoming is None:
        incoming = scene.backward.adjoint[edge.step.output]
    return local.pull(incoming)[0]


def push_at(
    scene: Scene, edge: Edge, place: int, data: Tensor, tangent: Tensor
) -> Tensor:
    """Push a tangent through a step one of whose operands is replaced."""
    given = [value.data for value in edge.step.inputs]
    given[place] = data.double()  # a constant may be float32
    if place != edge.slot and _is_linear(scene, edge):
        given[edge.slot] = tangent
        return edge.step.run(given).detach()
    return Local(edge.step, [edge.slot], given).push(0, tangent)
