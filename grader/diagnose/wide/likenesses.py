"""Any value of the tape, or a plain function of it, in the place of a factor.

This is the widest net: a slope, or an operand of a product, may be taken for another
value, for `1 - p` of one, or for a mean. It comes after all that is more telling.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch

from grader.diagnose.diagnosis import Diagnosis, Tensor
from grader.diagnose.links.link import Link, list_links, list_stretched_links
from grader.diagnose.links.points import find_operand_gradient, pull_at
from grader.diagnose.links.wording import SCALING, STEADY, shorten_name
from grader.diagnose.scene import Changes, Proposal, Scene, dot, project
from grader.diagnose.tape import Edge, Value

MOST_ENTRIES = 300_000  # of all functions of all values of one shape together

Function = Callable[[Tensor], Tensor]


def _between(rest: Tensor, data: Tensor) -> Tensor:
    """Give a number that is made of shares, where these are shares."""
    return torch.where((data > -1) & (data < 1), rest, torch.nan)


FUNCTIONS: dict[str, Function] = {
    "{}": lambda u: u,
    "-{}": lambda u: -u,
    "2·{}": lambda u: 2 * u,
    "{}/2": lambda u: u / 2,
    "1 - {}": lambda u: _between(1 - u, u),
    "1 + {}": lambda u: 1 + u,
    "1 - {}²": lambda u: _between(1 - u * u, u),
    "{}·(1 - {})": lambda u: _between(u * (1 - u), u),
}
# The same for what has axes; the axes count from the end, since values are stacked.
ALONG = "the mean of {} along the last axis"
ACROSS = "the mean of {} along the first of two axes"
AXES: dict[str, Function] = {ALONG: lambda u: u.mean(-1, keepdim=True).expand_as(u)}
TWO_AXES: dict[str, Function] = {
    ACROSS: lambda u: u.mean(-2, keepdim=True).expand_as(u)
}
ALL = {**FUNCTIONS, **AXES, **TWO_AXES}
NAMES = list(ALL)
SCALED = ("-{}", "2·{}", "{}/2")


class Likenesses(NamedTuple):
    """The functions of all values of one shape, functions first."""

    values: list[Value]
    stack: Tensor

    def find_rows(self, name: str) -> slice:
        """Find where one function of all values stands."""
        count, place = len(self.values), NAMES.index(name)
        return slice(place * count, (place + 1) * count)

    def say(self, index: int) -> str:
        """Write the function and its value."""
        name = shorten_name(self.values[index % len(self.values)])
        return NAMES[index // len(self.values)].replace("{}", name)

    def make(self, index: int, scene: Scene) -> Tensor:
        """Compute it in another scene."""
        value = scene.find_value(self.values[index % len(self.values)].address)
        return ALL[NAMES[index // len(self.values)]](value.data.double())

    def tell_kinds(self, index: int) -> Sequence[str]:
        """Tell what it is to put it in another's place."""
        name = NAMES[index // len(self.values)]
        if name in (ALONG, ACROSS):
            return ("reduction", "wrong-point")
        return ("wrong-point", "wrong-rule")


def list_likenesses(scene: Scene, shape: tuple[int, ...]) -> Likenesses | None:
    """Make the functions of all values of a shape; None where there are none."""

    def make() -> Likenesses | None:
        crowd = scene.crowd.get(shape)
        if crowd is None:
            return None
        values, stack = crowd
        room = MOST_ENTRIES // max(1, len(NAMES) * stack[0].numel())
        kept = stack[:room]
        if not len(kept):
            return None
        chosen = [FUNCTIONS, AXES, TWO_AXES][: 1 + min(len(shape), 2)]
        parts = [function(kept) for group in chosen for function in group.values()]
        return Likenesses(values[:room], torch.cat(parts))

    return scene.recall(f"likenesses {shape}", make)


def replace_slopes(scene: Scene) -> Iterator[Proposal]:
    """Take the derivative of a link, or a factor in it, for a function of a value."""
    adjoint, tangents = scene.backward.adjoint, scene.tangents
    for link in [*list_links(scene), *list_stretched_links(scene)]:
        likenesses = list_likenesses(scene, tuple(link.slope.shape))
        scaled = link.operation in SCALING and not link.others
        if likenesses is None or link.operation in STEADY or scaled:
            continue
        if link.made_by - {*SCALING, "broadcast"}:
            continue  # two steps lost at once are two mistakes
        weight = adjoint[link.result] * tangents[link.source]
        effects = project(likenesses.stack, weight) - dot(weight, link.slope)
        if link.made_by:
            held = {link.source, link.result, *link.between}
            effects[len(likenesses.values) :] = torch.nan
            for place, value in enumerate(likenesses.values):
                if value in held:
                    effects[place] = torch.nan
        yield _replace_slope(link, likenesses, effects)


def _replace_slope(link: Link, likenesses: Likenesses, effects: Tensor) -> Proposal:
    def change(index: int, other: Scene) -> Changes:
        found = link.find(other)
        gap = likenesses.make(index, other) - found.slope
        return {found.source: other.backward.adjoint[found.result] * gap}

    def describe(index: int) -> list[Diagnosis]:
        if link.operation in SCALING and len(link.others) == 1:
            other = link.others[0]
            kinds = likenesses.tell_kinds(index)
            return _describe_factor(link, other, likenesses.say(index), kinds)
        kinds = ("wrong-point", "wrong-rule") if link.made_by else ("wrong-rule",)
        message = (
            f"The derivative of {link.phrase} by {link.source.phrase} is taken "
            f"for {likenesses.say(index)}."
        )
        look = f"Write down the rule for {link.phrase} alone."
        return [Diagnosis(kind, link.words, message, look) for kind in kinds]

    return Proposal(effects, change, describe, lambda index: 6)


def _describe_factor(
    step: Link, moved: Value, text: str, kinds: Sequence[str]
) -> list[Diagnosis]:
    message = f"In the derivative of {step.phrase}, {text} stands for {moved.phrase}."
    look = f"Ask what belongs there when {step.phrase} is differentiated."
    return [Diagnosis(kind, step.words, message, look) for kind in kinds]


def replace_operands(scene: Scene) -> Iterator[Proposal]:
    """Put a function of a value in the place of an operand of a product of matrices."""
    for edge in scene.edges:
        if edge.slope is not None:
            continue
        for place, value in enumerate(edge.step.inputs):
            likenesses = list_likenesses(scene, tuple(value.data.shape))
            if place == edge.slot or likenesses is None:
                continue
            gradient = find_operand_gradient(scene, edge, place)
            if gradient is not None and gradient.numel():
                base = dot(edge.contribution, scene.tangents[edge.value])
                effects = project(likenesses.stack, gradient) - base
                for name in SCALED:  # another value, and a factor: two mistakes
                    effects[likenesses.find_rows(name)] = torch.nan
                yield _replace_operand(edge, place, likenesses, effects)


def _replace_operand(
    edge: Edge, place: int, likenesses: Likenesses, effects: Tensor
) -> Proposal:
    def change(index: int, other: Scene) -> Changes:
        found = other.find_edge(edge.step.address, edge.slot)
        share = pull_at(other, found, place, likenesses.make(index, other))
        return {found.value: share - found.contribution}

    def describe(index: int) -> list[Diagnosis]:
        step, moved = edge.step, edge.step.inputs[place]
        message = (
            f"In the derivative of {step.phrase}, {likenesses.say(index)} stands "
            f"for {moved.phrase}."
        )
        look = f"Ask what belongs there when {step.phrase} is differentiated."
        kinds = likenesses.tell_kinds(index)
        return [Diagnosis(kind, step.words, message, look) for kind in kinds]

    return Proposal(effects, change, describe, lambda index: 6)
