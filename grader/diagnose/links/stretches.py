"""Changes of a stretch of several steps at once: left out, moved, read as a product."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from grader.diagnose.changes.remakes import find_diagonal
from grader.diagnose.diagnosis import Diagnosis, Tensor
from grader.diagnose.links.link import (
    Link,
    list_between,
    list_links,
    list_stretched_links,
    list_stretches,
)
from grader.diagnose.links.points import move_operands
from grader.diagnose.scene import Changes, Proposal, Scene, dot
from grader.diagnose.tape import Value
from grader.diagnose.tape.steps import WHOLE

MOST_SHORT = 12  # stretches that mix entries and are looked into
MOST_MOVED = 12  # stretches that are tried at other values


def skip_stretches(scene: Scene) -> Iterator[Proposal]:
    """Pass the gradient over an entrywise stretch as if it were not there."""
    pairs = [pair[:2] for pair in list_stretches(scene) if pair[2]]
    yield from _skip(scene, [pair for pair in pairs if not is_inside(*pair)])


def skip_odd_stretches(scene: Scene) -> Iterator[Proposal]:
    """Do the same where the stretch begins or ends within a fused call."""
    pairs = [pair[:2] for pair in list_stretches(scene)]
    yield from _skip(scene, [pair for pair in pairs if is_inside(*pair)])


def is_inside(source: Value, result: Value) -> bool:
    """Tell whether an end lies within a fused call."""
    return any(
        value.step is not None and value.step.part and value.call != WHOLE
        for value in (source, result)
    )


def skip_mixing_stretches(scene: Scene) -> Iterator[Proposal]:
    """Pass the gradient over any other stretch as if it were not there."""
    pairs = [pair[:2] for pair in list_stretches(scene) if not pair[2]]
    yield from _skip(scene, [pair for pair in pairs if not is_inside(*pair)])


def _skip(scene: Scene, pairs: list[tuple[Value, Value]]) -> Iterator[Proposal]:
    if not pairs:
        return
    adjoint, tangents = scene.backward.adjoint, scene.tangents
    effects = torch.tensor(
        [dot(adjoint[r], tangents[s] - tangents[r]) for s, r in pairs],
        dtype=torch.float64,
    )

    def change(index: int, other: Scene) -> Changes:
        source = other.find_value(pairs[index][0].address)
        result = other.find_value(pairs[index][1].address)
        incoming = other.backward.adjoint[result]
        return {result: -incoming, source: incoming}

    def describe(index: int) -> list[Diagnosis]:
        source, result = pairs[index][0].phrase, pairs[index][1].phrase
        step = pairs[index][1].step
        if step is not None and step.operation == "broadcast":
            return [_describe_entrywise(*pairs[index])]
        return [
            Diagnosis(
                "missing-link",
                pairs[index][1].words,
                f"The derivative of {result} by {source} is left out: "
                "the gradient is passed on as if nothing happened between them.",
                f"Look at the steps from {result} back to {source}.",
            )
        ]

    yield Proposal(effects, change, describe, lambda index: 2)


def multiply_pairs(scene: Scene) -> Iterator[Proposal]:
    """Read a composition of two functions as their product, and similar slips."""
    links = [link for link in list_links(scene) if not link.others]
    by_source: dict[Value, list[Link]] = {}
    for link in links:
        by_source.setdefault(link.source, []).append(link)
    for inner in links:
        for outer in by_source.get(inner.result, ()):
            yield _propose_pair(scene, inner, outer)


def _propose_pair(scene: Scene, inner: Link, outer: Link) -> Proposal:
    adjoint, tangents = scene.backward.adjoint, scene.tangents
    weight = adjoint[outer.result] * tangents[inner.source]
    slopes = _slopes_of_pair(inner, outer)
    right = outer.slope * inner.slope
    effects = torch.stack([((slope - right) * weight).sum() for slope in slopes])

    def change(index: int, other: Scene) -> Changes:
        first, second = inner.find(other), outer.find(other)
        slope = _slopes_of_pair(first, second)[index]
        incoming = other.backward.adjoint[second.result]
        return {
            first.result: -incoming * second.slope,
            first.source: incoming * slope,
        }

    def describe(index: int) -> list[Diagnosis]:
        kind, text = PAIR_WORDS[index]
        message = text.format(
            outer=outer.phrase, inner=inner.phrase, source=inner.source.phrase
        )
        look = f"Ask what {outer.phrase} is a function of, and take one link at a time."
        return [Diagnosis(kind, outer.words, message, look)]

    return Proposal(effects, change, describe, lambda index: 2)


PAIR_WORDS = (
    (
        "wrong-rule",
        "The composition {outer} of {inner} is differentiated like a product.",
    ),
    (
        "wrong-point",
        "The outer derivative of {outer} is taken at the derivative of {inner}.",
    ),
    (
        "wrong-point",
        "The outer derivative of {outer} is taken at the derivative of {inner}, "
        "instead of being multiplied by it.",
    ),
    (
        "wrong-rule",
        "The derivatives of {outer} and {inner} are added, not multiplied.",
    ),
)


def _slopes_of_pair(inner: Link, outer: Link) -> list[Tensor]:
    x, y = inner.source.data, inner.result.data
    value = outer.evaluate(x, {}).detach()
    return [
        outer.slope_at(x) * y + value * inner.slope,
        outer.slope_at(inner.slope) * inner.slope,
        outer.slope_at(inner.slope),
        outer.slope + inner.slope,
    ]


def move_stretches(scene: Scene) -> Iterator[Proposal]:
    """Evaluate the derivative of a whole entrywise stretch at another value."""
    yield from move_operands(scene, list_stretched_links(scene)[:MOST_MOVED])


def keep_diagonals(scene: Scene) -> Iterator[Proposal]:
    """Treat a stretch that mixes entries as if it worked entry by entry."""
    for source, result in _list_short(scene):
        if not source.data.dim():
            continue
        diagonal = _diagonal_of(scene, source, result)
        if diagonal is None:
            continue
        incoming = scene.backward.adjoint[result]
        effect = dot(incoming, diagonal * scene.tangents[source])
        effect -= dot(incoming, scene.tangents[result])
        yield _propose_diagonal(source, result, effect)


def _propose_diagonal(source: Value, result: Value, effect: float) -> Proposal:
    def change(index: int, other: Scene) -> Changes:
        first = other.find_value(source.address)
        last = other.find_value(result.address)
        diagonal = _diagonal_of(other, first, last)
        if diagonal is None:
            raise KeyError(source.address)
        incoming = other.backward.adjoint[last]
        return {last: -incoming, first: incoming * diagonal}

    def describe(index: int) -> list[Diagnosis]:
        return [_describe_entrywise(source, result)]

    return Proposal(torch.tensor([effect], dtype=torch.float64), change, describe)


def _list_short(scene: Scene) -> list[tuple[Value, Value]]:
    """List stretches that mix entries within few steps, such as a softmax."""

    def make() -> list[tuple[Value, Value]]:
        place = {step.output: i for i, step in enumerate(scene.tape.steps)}
        pairs = [pair[:2] for pair in list_stretches(scene) if not pair[2]]
        pairs.sort(key=lambda pair: place[pair[1]] - place.get(pair[0], -1))
        return pairs[:MOST_SHORT]

    return scene.recall("short stretches", make)


def turn_stretches(scene: Scene) -> Iterator[Proposal]:
    """Use the Jacobian of a stretch that mixes entries where its transpose is due."""
    pairs = _list_short(scene)
    adjoint, tangents = scene.backward.adjoint, scene.tangents
    effects = [
        dot(_push_between(scene, source, result), tangents[source])
        - dot(adjoint[result], tangents[result])
        for source, result in pairs
    ]
    if not pairs:
        return

    def change(index: int, other: Scene) -> Changes:
        source = other.find_value(pairs[index][0].address)
        result = other.find_value(pairs[index][1].address)
        incoming = other.backward.adjoint[result]
        return {result: -incoming, source: _push_between(other, source, result)}

    def describe(index: int) -> list[Diagnosis]:
        source, result = pairs[index]
        return [
            Diagnosis(
                "transposed",
                result.words,
                f"From {result.phrase} back to {source.phrase}, the Jacobian is used "
                "where its transpose is due.",
                f"Ask which entries of {result.phrase} one entry of {source.phrase} "
                "has a part in.",
            )
        ]

    yield Proposal(torch.tensor(effects, dtype=torch.float64), change, describe)


def _push_between(scene: Scene, source: Value, result: Value) -> Tensor:
    """Push the gradient of a stretch's result forward through the stretch."""
    changes = {source: scene.backward.adjoint[result]}
    return scene.backward.push_from(changes, list_between(scene, source, result))[
        result
    ]


def _describe_entrywise(source: Value, result: Value) -> Diagnosis:
    return Diagnosis(
        "wrong-rule",
        result.words,
        f"{result.phrase} is treated entry by entry, but each entry of "
        f"{source.phrase} moves other entries of it too.",
        "Look for terms in which the two indices differ.",
    )


def _diagonal_of(scene: Scene, source: Value, result: Value) -> Tensor | None:
    between = list_between(scene, source, result)

    def pull(seed: Tensor) -> Tensor:
        return scene.backward.pull_through(between, {result: seed}, source)

    return find_diagonal(pull, source.data)
