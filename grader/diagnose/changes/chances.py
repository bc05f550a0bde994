"""Slips in `scale * (softmax(z) - target)`, however the reference wrote its loss.

A person simplifies the loss of a softmax or a sigmoid to one difference, of which the
tape may hold neither side: it has a logarithm, a sum, an index. So each adjoint is
tried as a multiple of the chances of its own value less a target of zeros and ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from grader.diagnose.diagnosis import Diagnosis, Tensor
from grader.diagnose.scene import Changes, Proposal, Scene, dot
from grader.diagnose.tape import Value

CLOSE = 1e-9
MOST_ENTRIES = 2000
MOST_FORMS = 4
SIGMOID = None  # in place of an axis


@dataclass(frozen=True)
class Parts:
    """An adjoint that is `scale * (chances - target)`.

    scale: one number, or one for each row; target: zeros and ones, or a value.
    """

    scale: Tensor
    chances: Tensor
    target: Tensor
    data: Tensor


@dataclass(frozen=True)
class Slip:
    """What a slip makes of the difference, or of the chances in it alone."""

    make: Callable[[Parts, Tensor], Tensor]
    kinds: tuple[str, ...]
    text: str


WHOLE = (
    Slip(lambda p, _: p.chances + p.target, ("sign",), "the target has the wrong sign"),
    Slip(lambda p, _: p.chances, ("missing-path",), "the target is left out"),
    Slip(lambda p, _: -p.target, ("missing-path",), "{chances} is left out"),
    Slip(
        lambda p, _: p.chances - (p.target == p.target.amax(-1, keepdim=True)).double(),
        ("wrong-point",),
        "the target is made a decision (0 or 1)",
    ),
    Slip(
        lambda p, _: (p.chances - p.target) * p.chances * (1 - p.chances),
        ("wrong-rule",),
        "the derivative of {chances} is there once too often",
    ),
    Slip(
        lambda p, _: (p.chances - p.target) * p.chances,
        ("wrong-rule", "wrong-point"),
        "{chances} is there as a factor too",
    ),
    Slip(
        lambda p, _: p.target * (p.chances - 1),
        ("wrong-rule", "missing-path"),
        "{chances} is treated entry by entry, but each entry moves the others too",
    ),
    Slip(
        lambda p, _: -p.target / p.chances,
        ("missing-link",),
        "the derivative of {chances} is left out",
    ),
)
INSTEAD = (
    Slip(lambda p, other: other, ("wrong-point",), "{other} stands"),
    Slip(lambda p, o: o.sigmoid(), ("wrong-point",), "the sigmoid of {other} stands"),
    Slip(
        lambda p, o: o.exp(), ("wrong-point", "missing-link"), "exp of {other} stands"
    ),
    Slip(lambda p, o: o.softmax(-1), ("wrong-point",), "the softmax of {other} stands"),
    Slip(
        lambda p, o: o.softmax(0),
        ("reduction", "wrong-point"),
        "a softmax of {other} along another axis stands",
    ),
    Slip(lambda p, o: o.log_softmax(-1), ("wrong-point",), "the log of chances stands"),
    Slip(lambda p, o: _decide(p), ("wrong-point",), "a decision (0 or 1) stands"),
)


def change_chances(scene: Scene) -> Iterator[Proposal]:
    """Make a slip in a simplified difference of chances and target."""
    count = 0
    for value in list(scene.backward.adjoint):
        if value not in scene.tangents or count >= MOST_FORMS:
            continue
        axes = [*reversed(range(value.data.dim())), SIGMOID]
        for axis in axes:
            known = None
            parts = _take_apart(scene, value, axis)
            if parts is None:
                known = _find_target(scene, value, axis)
                if known is not None:
                    parts = _take_apart(scene, value, axis, known)
            if parts is not None:
                count += 1
                yield _propose(scene, (value, known), axis, parts)
                break


def _take_apart(
    scene: Scene, value: Value, axis: int | None, known: Value | None = None
) -> Parts | None:
    data, adjoint = value.data, scene.backward.adjoint[value]
    if not 2 <= data.numel() <= MOST_ENTRIES or not bool(adjoint.any()):
        return None
    chances = data.sigmoid() if axis is SIGMOID else data.softmax(axis)
    if known is not None:
        return _fit_target(chances, known.data.double(), adjoint, value)
    ratio = (adjoint / chances).flatten().sort().values
    alike = (ratio[1:] - ratio[:-1]).abs() <= CLOSE * ratio[1:].abs()
    if not bool(alike.any()):
        return None
    scale = _find_longest(ratio, alike)
    target = chances - adjoint / scale
    rounded = target.round()
    is_choice = bool(((rounded == 0) | (rounded == 1)).all()) and bool(rounded.any())
    if not is_choice or float((target - rounded).abs().max()) > 1e-6:
        return None
    return Parts(torch.tensor(scale).double(), chances, rounded, data)


def _fit_target(
    chances: Tensor, target: Tensor, adjoint: Tensor, value: Value
) -> Parts | None:
    """See an adjoint as a number for each row times chances less a known target."""
    gap = chances - target
    if adjoint.dim() != 2 or not bool(gap.all()):
        return None
    ratio = adjoint / gap
    scale = ratio[:, :1]
    if float((ratio - scale).abs().max()) > 1e-8 * float(scale.abs().max()):
        return None
    return Parts(scale, chances, target, value.data)


def _find_target(scene: Scene, value: Value, axis: int | None) -> Value | None:
    """Find a value of the tape that chances are compared with, row by row."""
    if axis is SIGMOID or value.data.dim() != 2:
        return None
    others, _ = scene.crowd[tuple(value.data.shape)]
    for other in others:
        if other not in scene.tangents and _take_apart(scene, value, axis, other):
            return other
    return None


def _find_longest(ratio: Tensor, alike: Tensor) -> float:
    """Find the number that stands most often in a sorted list."""
    best = length = place = 0
    for index, same in enumerate(alike.tolist()):
        length = length + 1 if same else 0
        if length > best:
            best, place = length, index
    return float(ratio[place])


def _decide(parts: Parts) -> Tensor:
    """Make a decision of chances."""
    if parts.data.dim() and bool(((parts.chances.sum(-1) - 1).abs() < CLOSE).all()):
        most = parts.chances.amax(-1, keepdim=True)
        return (parts.chances == most).to(parts.data.dtype)
    return (parts.chances > 0.5).to(parts.data.dtype)


def _propose(
    scene: Scene, form: tuple[Value, Value | None], axis: int | None, parts: Parts
) -> Proposal:
    value, known = form
    others, _ = scene.crowd[tuple(value.data.shape)]
    cases: list[tuple[Slip, Value]] = [(slip, value) for slip in WHOLE]
    cases += [(slip, other) for slip in INSTEAD for other in others]

    def make(index: int, own: Parts, scene: Scene) -> Tensor:
        slip, other = cases[index]
        if slip in WHOLE:
            return own.scale * slip.make(own, own.data)
        if not own.data.dim():
            raise KeyError(value.address)
        data = scene.find_value(other.address).data.double()
        return own.scale * (slip.make(own, data) - own.target)

    def change(index: int, other: Scene) -> Changes:
        found = other.find_value(value.address)
        target = other.find_value(known.address) if known is not None else None
        own = _take_apart(other, found, axis, target)
        if own is None:
            raise KeyError(value.address)
        return {found: make(index, own, other) - other.backward.adjoint[found]}

    adjoint, tangent = scene.backward.adjoint[value], scene.tangents[value]
    effects = [dot(make(i, parts, scene) - adjoint, tangent) for i in range(len(cases))]

    def describe(index: int) -> list[Diagnosis]:
        return _describe(value, axis, *cases[index])

    return Proposal(
        torch.tensor(effects, dtype=torch.float64), change, describe, lambda index: 4
    )


def _describe(
    value: Value, axis: int | None, slip: Slip, other: Value
) -> list[Diagnosis]:
    squash = "sigmoid" if axis is SIGMOID else "softmax"
    chances = f"the {squash} of {value.phrase}"
    text = slip.text.format(chances=chances, other=other.phrase)
    message = f"In what flows back to {value.phrase}, {text}"
    message += "." if slip in WHOLE else f" where {chances} belongs."
    look = "Ask which two things are compared when the result is judged."
    return [Diagnosis(kind, value.words, message, look) for kind in slip.kinds]
