"""The same slip at every use of a step: in each turn of a loop, at each tanh."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch

from grader.diagnose.changes.mixing import describe_remake
from grader.diagnose.changes.paths import Flow, Scale, describe_flow
from grader.diagnose.changes.remakes import pull_edge, skip_step
from grader.diagnose.diagnosis import Diagnosis, Tensor
from grader.diagnose.links.link import link_edge
from grader.diagnose.links.operands import drop_operand, is_square, transpose_operand
from grader.diagnose.links.points import pull_at, push_at
from grader.diagnose.links.tempting import (
    SKIP,
    Rule,
    apply_rule,
    choose_rules,
)
from grader.diagnose.links.wording import STEADY, describe_point, describe_slope
from grader.diagnose.loops.groups import (
    Carry,
    Group,
    Way,
    list_groups,
    measure_way,
    push_edge,
    rerun,
)
from grader.diagnose.scene import Proposal, Scene
from grader.diagnose.tape import Edge, Value
from grader.diagnose.wide.multiples import as_is, describe_factor, inverse

MOST_NEIGHBOURS = 6
SHIFTS = (0, -1, 1)  # the same turn of a loop, the one before, the one after
SIBLING = (
    "sibling"  # stands for the value that the same operation makes before or after
)
RESULT = "result"  # stands for a step's own result among the neighbours


def repeat_scales(scene: Scene) -> Iterator[Proposal]:
    """Leave out, or turn round, what flows through all members of a group."""
    for group in list_groups(scene):
        yield _repeat_scales(scene, group)


def repeat_slips(scene: Scene) -> Iterator[Proposal]:
    """Try any other slip at all members of a group at once."""
    for group in list_groups(scene):
        yield _repeat_factors(scene, group)
        if all(edge.slope is not None for edge in group.edges):
            yield _repeat_rules(scene, group)
        else:
            yield _repeat_remakes(scene, group)
        if group.example.step.operation not in STEADY:
            for place in range(len(group.example.step.inputs)):
                yield _repeat_points(scene, group, place)


def _propose(
    scene: Scene,
    group: Group,
    ways: list[Way],
    describe: Callable[[int], list[Diagnosis]],
) -> Proposal:
    """Propose ways through a group; one that has no place here matches nothing."""
    effects = [_measure(scene, group.edges, way) for way in ways]

    def change(index: int, other: Scene) -> Tensor:
        return rerun(other, group.find(other), ways[index].pull)

    found = torch.tensor(effects, dtype=torch.float64)
    return Proposal(found, change, describe, lambda index: 4)


def _measure(scene: Scene, edges: list[Edge], way: Way) -> float:
    try:
        return measure_way(scene, edges, way.push)
    except (KeyError, RuntimeError):
        return float("nan")


def _repeat_scales(scene: Scene, group: Group) -> Proposal:
    kinds, numbers = ("missing-path", "sign"), (0.0, -1.0)

    def scale(number: float) -> Way:
        return Way(
            lambda scene, edge, incoming: number * pull_edge(scene, edge, incoming),
            lambda scene, edge, tangent: number * push_edge(scene, edge, tangent),
        )

    def describe(index: int) -> list[Diagnosis]:
        edge = group.example
        flow = Flow(edge.value, edge.contribution, edge)
        number = numbers[index]
        return describe_flow(flow, Scale(kinds[index], f"{number:g}", (number,)), scene)

    return _propose(scene, group, [scale(number) for number in numbers], describe)


def _repeat_factors(scene: Scene, group: Group) -> Proposal:
    """Lose an input as a factor at each turn, or have it twice."""
    shape = group.example.step.output.data.shape
    inputs = [v for v in scene.tape.inputs.values() if v.data.shape == shape]
    choices = [(value, power) for value in inputs for power in (-1, 1)]

    def use(value: Value, power: int) -> Way:
        def pull(scene: Scene, edge: Edge, incoming: Tensor) -> Tensor:
            factor = scene.tape.inputs[value.name].data ** power
            return pull_edge(scene, edge, incoming * factor)

        def push(scene: Scene, edge: Edge, tangent: Tensor) -> Tensor:
            factor = scene.tape.inputs[value.name].data ** power
            return push_edge(scene, edge, tangent) * factor

        return Way(pull, push)

    def describe(index: int) -> list[Diagnosis]:
        value, power = choices[index]
        make = as_is if power > 0 else inverse
        return describe_factor(group.example.value, value, make)

    return _propose(scene, group, [use(*choice) for choice in choices], describe)


def _repeat_rules(scene: Scene, group: Group) -> Proposal:
    example = link_edge(group.example)
    place = 0 if len(example.others) == 1 else None
    rules = list({**SKIP, **choose_rules(example)}.items())

    def replace(rule: Rule) -> Way:
        def carry(scene: Scene, edge: Edge, given: Tensor) -> Tensor:
            return given * apply_rule(link_edge(edge), rule, place)

        return Way(carry, carry)  # an entrywise slope is its own transpose

    def describe(index: int) -> list[Diagnosis]:
        other = None if place is None else example.others[place]
        return describe_slope(example, rules[index][0], other)

    return _propose(scene, group, [replace(rule) for _, rule in rules], describe)


def _repeat_remakes(scene: Scene, group: Group) -> Proposal:
    remakes = (skip_step, transpose_operand, drop_operand)
    pushes: tuple[Carry, ...] = (_push_past, _push_transposed, _push_ones)

    def use(index: int) -> Way:
        def pull(scene: Scene, edge: Edge, incoming: Tensor) -> Tensor:
            made = remakes[index](scene, edge, incoming)
            return pull_edge(scene, edge, incoming) if made is None else made

        return Way(pull, pushes[index])

    def describe(index: int) -> list[Diagnosis]:
        return describe_remake(remakes[index], group.example)

    return _propose(scene, group, [use(index) for index in range(3)], describe)


def _push_past(scene: Scene, edge: Edge, tangent: Tensor) -> Tensor:
    if tangent.shape != edge.step.output.data.shape:
        raise KeyError(edge.step.address)
    return tangent


def _push_transposed(scene: Scene, edge: Edge, tangent: Tensor) -> Tensor:
    for place, value in enumerate(edge.step.inputs):
        if place != edge.slot and is_square(value.data):
            return push_at(scene, edge, place, value.data.mT, tangent)
    raise KeyError(edge.step.address)


def _push_ones(scene: Scene, edge: Edge, tangent: Tensor) -> Tensor:
    if len(edge.step.inputs) != 2:
        raise KeyError(edge.step.address)
    place = 1 - edge.slot
    ones = torch.ones_like(edge.step.inputs[place].data)
    return push_at(scene, edge, place, ones, tangent)


def _repeat_points(scene: Scene, group: Group, place: int) -> Proposal:
    """Use, at each member, a value of the same or a neighbouring turn."""
    example = group.example
    operand = example.step.inputs[place]
    choices: list[tuple[Any, int]] = _list_neighbours(scene, operand)
    if example.step.output.data.shape == operand.data.shape:
        choices.append((RESULT, 0))
    choices += [((SIBLING, place), shift) for shift in (-1, 1)]

    def use(choice: tuple[Any, int]) -> Way:
        def pull(scene: Scene, edge: Edge, incoming: Tensor) -> Tensor:
            value = _find_neighbour(scene, edge, choice)
            return pull_at(scene, edge, place, value.data, incoming)

        def push(scene: Scene, edge: Edge, tangent: Tensor) -> Tensor:
            value = _find_neighbour(scene, edge, choice)
            return push_at(scene, edge, place, value.data, tangent)

        return Way(pull, push)

    def describe(index: int) -> list[Diagnosis]:
        key, _ = choices[index]
        if key == RESULT:
            value = example.step.output
        elif key[0] == SIBLING:
            value = _find_neighbour(scene, example, choices[index])
        else:
            value = _find_any(scene, key)
        return describe_point(example.step, operand, value, scene)

    return _propose(scene, group, [use(choice) for choice in choices], describe)


def _list_neighbours(scene: Scene, operand: Value) -> list[tuple[Any, int]]:
    keys = {
        value.address[0]: None
        for value in scene.tape.values
        if value.data.shape == operand.data.shape
        and scene.tape.counts[value.address[0]] > 1
    }
    return [(key, shift) for key in list(keys)[:MOST_NEIGHBOURS] for shift in SHIFTS]


def _find_neighbour(scene: Scene, edge: Edge, choice: tuple[Any, int]) -> Value:
    key, shift = choice
    if key == RESULT:
        return edge.step.output
    if key[0] == SIBLING:
        return _find_sibling(scene, edge.step.inputs[key[1]], shift)
    return scene.tape.values_at[key, edge.step.address[1] + shift]


def _find_sibling(scene: Scene, value: Value, shift: int) -> Value:
    """Find what the operation that made a value makes next, or made before."""
    if value.step is None:
        raise KeyError(value.address)
    operation, shape = value.step.operation, value.data.shape
    family = [
        step.output
        for step in scene.tape.steps
        if step.operation == operation and step.output.data.shape == shape
    ]
    place = family.index(value) + shift
    if not 0 <= place < len(family):
        raise KeyError(value.address)
    return family[place]


def _find_any(scene: Scene, key: Any) -> Value:
    return next(v for v in scene.tape.values if v.address[0] == key)
