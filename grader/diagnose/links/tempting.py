"""Tempting wrong derivatives of one link, made from its value, argument and slope.

No rule here knows an operation: `1 - f²` is wrong for a sigmoid and right for tanh,
and a rule that happens to be right changes nothing and so explains nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import torch

from grader.diagnose.diagnosis import Diagnosis, Tensor
from grader.diagnose.links.link import Link, list_links, list_stretched_links
from grader.diagnose.links.wording import (
    PRODUCTS,
    SCALING,
    STEADY,
    describe_moved,
    describe_slope,
)
from grader.diagnose.scene import Changes, Proposal, Scene

# A wrong derivative, from argument z, value f, slope d, and the other operand or
# the step's number (nan where there is none).
Rule = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]

SKIP: dict[str, Rule] = {"1": lambda z, f, d, o: torch.ones_like(d)}
SKIP_BUT_SIGN: dict[str, Rule] = {"±1": lambda z, f, d, o: d.sign()}
LIKELY: dict[str, Rule] = {
    "{f}": lambda z, f, d, o: f,
    "{z}": lambda z, f, d, o: z,
    "{f}·(1 - {f})": lambda z, f, d, o: f * (1 - f),
    "1 - {f}²": lambda z, f, d, o: 1 - f * f,
    "1 - {z}²": lambda z, f, d, o: 1 - z * z,
    "{z}·(1 - {z})": lambda z, f, d, o: z * (1 - z),
    "1 - {f}": lambda z, f, d, o: _share(1 - f),
    "1 - {z}": lambda z, f, d, o: _share(1 - z),
    "{f}²": lambda z, f, d, o: f * f,
    "1 + {f}²": lambda z, f, d, o: 1 + f * f,
    "-{f}": lambda z, f, d, o: -f,
    "that of a rectifier": lambda z, f, d, o: torch.where(
        f > 0, (z > 0) * 1.0, math.nan
    ),
    "the square of the right one": lambda z, f, d, o: d * d,
    "1 over the root of 1 + {z}²": lambda z, f, d, o: (1 + z * z).rsqrt(),
    "1 over the root of 1 - {z}²": lambda z, f, d, o: (1 - z * z).rsqrt(),
    "1/(1 + {z}²)": lambda z, f, d, o: 1 / (1 + z * z),
    "1 minus the right one": lambda z, f, d, o: _invert_gate(d),
    "that of a sigmoid": lambda z, f, d, o: z.sigmoid() * (1 - z.sigmoid()),
    "that of tanh": lambda z, f, d, o: 1 - z.tanh() ** 2,
    "cos {z}": lambda z, f, d, o: z.cos(),
    "sin {z}": lambda z, f, d, o: z.sin(),
    "-sin {z}": lambda z, f, d, o: -z.sin(),
    "e to the power {z}": lambda z, f, d, o: z.exp(),
}
# In a loop, the number of a step changes from turn to turn and can be lost.
LOST_NUMBER: dict[str, Rule] = {"a number lost": lambda z, f, d, o: d / o}
ONE_LESS: dict[str, Rule] = {"one less": lambda z, f, d, o: d * o / (o - 1)}
UNARY: dict[str, Rule] = {
    **LIKELY,
    "{z} times the right one": lambda z, f, d, o: z * d,
    "the right one divided by {z}": lambda z, f, d, o: d / z,
    "{f} times the right one": lambda z, f, d, o: f * d,
    "the right one divided by {f}": lambda z, f, d, o: d / f,
    "1 over the right one": lambda z, f, d, o: 1 / d,
    "1/{z}": lambda z, f, d, o: 1 / z,
    "1/{f}": lambda z, f, d, o: 1 / f,
    "1/{z}²": lambda z, f, d, o: 1 / (z * z),
    "{z}²": lambda z, f, d, o: z * z,
    "ln {z}": lambda z, f, d, o: z.log(),
    "{z}·{f}": lambda z, f, d, o: z * f,
    "an integral": lambda z, f, d, o: z * f / (o + 1),
    "that of a power": lambda z, f, d, o: z * f / o,
    "that of a power of e": lambda z, f, d, o: z * f / math.e,
}
BINARY: dict[str, Rule] = {
    "{f}": lambda z, f, d, o: f,
    "{z} times the right one": lambda z, f, d, o: z * d,
    "the right one divided by {z}": lambda z, f, d, o: d / z,
    "1 over the right one": lambda z, f, d, o: 1 / d,
    "-{f}": lambda z, f, d, o: -f,
    "{z}·{f}/{o}": lambda z, f, d, o: z * f / o,
    "1/{o}": lambda z, f, d, o: 1 / o,
    "1/{o}²": lambda z, f, d, o: 1 / (o * o),
    "ln {o}": lambda z, f, d, o: o.log(),
}
# Of straight lines and products, few wrong rules tempt anybody.
STRAIGHT = {"{f}": UNARY["{f}"]}
PRODUCT = {"{f}": BINARY["{f}"]}
# Of a stretch of steps, its argument or value is another value and not a rule.
OF_ONE_STEP = (
    *(
        "{z}",
        "{f}",
        "the square of the right one",
        "1 minus the right one",
        "that of a rectifier",
    ),
    *("1 over the root of 1 + {z}²", "1 over the root of 1 - {z}²", "1/(1 + {z}²)"),
    *("cos {z}", "sin {z}", "-sin {z}", "e to the power {z}"),
)
STRETCH = {name: rule for name, rule in LIKELY.items() if name not in OF_ONE_STEP}

# A rule that a stretch holds is not wrong there: only the value it is taken at is.
OWN_RULES = {"that of a sigmoid": "sigmoid", "that of tanh": "tanh"}

# A link, and which of its other operands a rule may speak of (None: its number).
Place = tuple[Link, int | None]


def skip_links(scene: Scene) -> Iterator[Proposal]:
    """Leave out the derivative of one link."""
    places: list[Place] = [(link, None) for link in list_links(scene)]
    yield from _propose(scene, places, SKIP)
    factors: list[Place] = [
        (link, None) for link in list_links(scene) if link.operation in SCALING
    ]
    yield from _propose(scene, factors, SKIP_BUT_SIGN)


def use_tempting_rules(scene: Scene) -> Iterator[Proposal]:
    """Replace the derivative of one link by a tempting one."""
    links = [link for link in list_links(scene) if link.operation not in STEADY]
    single = [link for link in links if not link.others]
    bent: list[Place] = [
        (link, None) for link in single if link.operation not in SCALING
    ]
    straight: list[Place] = [
        (link, None) for link in single if link.operation in SCALING
    ]
    yield from _propose(scene, bent, UNARY)
    yield from _propose(scene, straight, STRAIGHT)
    pairs = _pair_operands(links)
    products = [pair for pair in pairs if pair[0].operation in PRODUCTS]
    others = [pair for pair in pairs if pair[0].operation not in PRODUCTS]
    yield from _propose(scene, products, PRODUCT)
    yield from _propose(scene, others, BINARY)


def use_rules_on_stretches(scene: Scene) -> Iterator[Proposal]:
    """Replace the derivative of a stretch of steps."""
    places: list[Place] = [(link, None) for link in list_stretched_links(scene)]
    yield from _propose(scene, places, STRETCH)


def choose_rules(link: Link) -> dict[str, Rule]:
    """Choose the rules that tempt at every turn of a loop."""
    if link.operation in STEADY:
        return {}
    if link.operation in PRODUCTS and link.others:
        return PRODUCT
    if link.others:
        return BINARY
    if link.operation in SCALING:
        return {**LOST_NUMBER, **ONE_LESS} if link.is_part else LOST_NUMBER
    return {**LIKELY, **LOST_NUMBER}


def _invert_gate(slope: Tensor) -> Tensor:
    """Open a gate where it is closed, and close it where it is open."""
    return torch.where((slope == 0) | (slope == 1), 1 - slope, math.nan)


def _share(rest: Tensor) -> Tensor:
    """Give one minus a number, where that is below one: else nobody thinks of it."""
    return torch.where((rest > 0) & (rest < 2), rest, math.nan)


def apply_rule(link: Link, rule: Rule, place: int | None = None) -> Tensor:
    """Compute a tempting derivative of a link."""
    return rule(link.source.data, link.result.data, link.slope, _operand(link, place))


def _pair_operands(links: Sequence[Link]) -> list[Place]:
    return [
        (link, place)
        for link in links
        for place, other in enumerate(link.others)
        if other.data.shape == link.slope.shape
    ]


def _operand(link: Link, place: int | None) -> Tensor:
    if place is not None:
        return link.others[place].data
    number = link.numbers[0] if link.numbers else math.nan
    return torch.full((), number, dtype=torch.float64)


def _propose(
    scene: Scene, places: list[Place], rules: dict[str, Rule]
) -> Iterator[Proposal]:
    """Try all rules on all links, those of one shape together."""
    by_shape: dict[tuple[int, ...], list[Place]] = {}
    for place in places:
        by_shape.setdefault(tuple(place[0].slope.shape), []).append(place)
    for group in by_shape.values():
        yield _propose_group(scene, group, list(rules.items()))


def _propose_group(
    scene: Scene, places: list[Place], rules: list[tuple[str, Rule]]
) -> Proposal:
    effects = _measure(scene, places, [rule for _, rule in rules])

    def pick(index: int) -> tuple[Link, int | None, str, Rule]:
        (link, place), (name, rule) = (
            places[index % len(places)],
            rules[index // len(places)],
        )
        return link, place, name, rule

    def change(index: int, other: Scene) -> Changes:
        link, place, _, rule = pick(index)
        found = link.find(other)
        gap = apply_rule(found, rule, place) - found.slope
        return {found.source: other.backward.adjoint[found.result] * gap}

    def describe(index: int) -> list[Diagnosis]:
        link, place, name, _ = pick(index)
        if link.made_by & {OWN_RULES.get(name, "")}:
            return describe_moved(link, name)
        return describe_slope(link, name, None if place is None else link.others[place])

    return Proposal(
        effects, change, describe, lambda index: 1 + bool(pick(index)[0].others)
    )


def _measure(scene: Scene, places: list[Place], rules: list[Rule]) -> Tensor:
    """Give the effect of each rule on each link, rules first."""
    adjoint, tangents = scene.backward.adjoint, scene.tangents
    links = [link for link, _ in places]
    z = torch.stack([link.source.data for link in links])
    f = torch.stack([link.result.data for link in links])
    d = torch.stack([link.slope for link in links])
    o = torch.stack([_operand(*place).expand(d.shape[1:]) for place in places])
    weight = torch.stack([adjoint[k.result] * tangents[k.source] for k in links])
    flat = weight.reshape(len(links), -1)
    own = (flat * d.reshape(len(links), -1)).sum(1)
    parts = [rule(z, f, d, o).reshape(len(links), -1) for rule in rules]
    return torch.cat([(flat * part).sum(1) - own for part in parts])
