"""Something too much: another link's derivative as a factor, a term of its own."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from grader.diagnose.changes.paths import Flow, list_flows
from grader.diagnose.diagnosis import Diagnosis, Tensor
from grader.diagnose.links.link import Link, list_links
from grader.diagnose.links.wording import STEADY
from grader.diagnose.scene import Changes, Proposal, Scene, dot, project
from grader.diagnose.tape import Value

MOST_SLOPES = 24
TIMES = (1.0, -1.0, 2.0, -2.0, 0.5, -0.5)
DECAYS = (2.0, -2.0)


def add_slopes(scene: Scene) -> Iterator[Proposal]:
    """Multiply what flows back by the derivative of a link that is not on its way."""
    by_shape: dict[tuple[int, ...], list[Link]] = {}
    for link in list_links(scene):
        single = not link.others and link.operation not in STEADY
        if single and not bool((link.slope == link.slope.flatten()[0]).all()):
            by_shape.setdefault(tuple(link.slope.shape), []).append(link)
    for flow in list_flows(scene):
        links = by_shape.get(tuple(flow.share.shape), [])[:MOST_SLOPES]
        if links:
            yield _add_slope(scene, flow, links)


def _add_slope(scene: Scene, flow: Flow, links: list[Link]) -> Proposal:
    weight = flow.share * scene.tangents[flow.value]
    effects = project(torch.stack([link.slope for link in links]), weight)

    def change(index: int, other: Scene) -> Changes:
        value, share = flow.find(other)
        return {value: share * (links[index].find(other).slope - 1)}

    def describe(index: int) -> list[Diagnosis]:
        phrase, value = links[index].phrase, flow.value.phrase
        return [
            Diagnosis(
                "wrong-rule",
                flow.value.words,
                f"What flows back to {value} is multiplied by the derivative of "
                f"{phrase}, which does not belong there.",
                f"List the steps from the result back to {value}.",
            )
        ]

    return Proposal(effects - weight.sum(), change, describe, lambda index: 4)


def scale_by_sums(scene: Scene) -> Iterator[Proposal]:
    """Divide by the sum, or the mean, of some weights where that is not due."""
    sums = [
        value
        for value in scene.tape.values
        if value not in scene.tangents
        and value.data.numel() > 1
        and value.data.is_floating_point()
    ]
    output = scene.tape.output
    cases = [(value, way) for value in sums for way in range(4)]
    if not cases:
        return
    own = dot(scene.right, scene.direction)
    effects = [own * (_measure(scene, *case) - 1) for case in cases]

    def change(index: int, other: Scene) -> Changes:
        value, way = cases[index]
        factor = _measure(other, other.find_value(value.address), way)
        found = other.find_value(output.address)
        return {found: other.backward.adjoint[found] * (factor - 1)}

    def describe(index: int) -> list[Diagnosis]:
        value, way = cases[index]
        done = "divided" if way % 2 else "multiplied"
        what = ("sum", "number of entries over the sum")[way // 2]
        message = f"Your gradient is {done} by the {what} of {value.phrase} too often."
        look = "Look at what the result is divided by."
        return [Diagnosis("reduction", scene.name, message, look)]

    yield Proposal(
        torch.tensor(effects, dtype=torch.float64), change, describe, lambda index: 5
    )


def _measure(scene: Scene, value: Value, way: int) -> float:
    """Give a sum, or a number of entries over it, or one over these."""
    total = float(value.data.sum())
    if way // 2:
        total = value.data.numel() / total if total else 0.0
    return 1 / total if way % 2 and total else total


def add_terms(scene: Scene) -> Iterator[Proposal]:
    """Have a term too much: a multiple of the input, such as the decay of a weight."""
    scalars = [value for value in scene.crowd.get((), ([], None))[0] if value.name]
    factors: list[Value | None] = [None, *scalars]
    # Of single numbers many multiples would fit by chance.
    often = TIMES if scene.target.data.dim() else DECAYS
    cases = [(scene.target, f, times) for f in factors for times in often]
    effects = [dot(_make_term(scene, *case), scene.direction) for case in cases]

    def change(index: int, other: Scene) -> Tensor:
        return other.right + _make_term(other, *cases[index])

    def describe(index: int) -> list[Diagnosis]:
        value, factor, times = cases[index]
        parts = [f"{times:g}"] * (times != 1) + [
            one.words for one in (factor, value) if one is not None
        ]
        message = f"Your gradient has a term too much: `{' * '.join(parts)}`."
        look = f"Ask whether the result has a term in which `{scene.name}` makes that."
        return [Diagnosis("wrong-rule", scene.name, message, look)]

    yield Proposal(
        torch.tensor(effects, dtype=torch.float64), change, describe, lambda index: 6
    )


def _make_term(
    scene: Scene, value: Value, factor: Value | None, times: float
) -> Tensor:
    term = scene.find_value(value.address).data.double() * times
    if factor is not None:
        term = term * scene.find_value(factor.address).data
    return term
