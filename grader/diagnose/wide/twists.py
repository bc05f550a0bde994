"""What flows back, with its entries in other places: dropped, shifted, averaged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch

from grader.diagnose.changes.paths import Flow, list_flows
from grader.diagnose.diagnosis import Diagnosis, Tensor
from grader.diagnose.scene import Changes, Proposal, Scene, dot

Twist = Callable[[Tensor, int], Tensor]  # of a flow, along one of its axes


class Words(NamedTuple):
    """How a twist is told."""

    kinds: tuple[str, ...]
    text: str


def drop_first(flow: Tensor, axis: int) -> Tensor:
    """Leave out the first entry."""
    return _drop(flow, axis, 0)


def drop_last(flow: Tensor, axis: int) -> Tensor:
    """Leave out the last entry."""
    return _drop(flow, axis, -1)


def _drop(flow: Tensor, axis: int, place: int) -> Tensor:
    kept = flow.clone()
    kept.select(axis, place).zero_()
    return kept


def shift_up(flow: Tensor, axis: int) -> Tensor:
    """Move each entry one place up; nothing comes to the first."""
    return _drop(flow.roll(1, axis), axis, 0)


def shift_down(flow: Tensor, axis: int) -> Tensor:
    """Move each entry one place down; nothing comes to the last."""
    return _drop(flow.roll(-1, axis), axis, -1)


def roll_up(flow: Tensor, axis: int) -> Tensor:
    """Move each entry one place up, the last to the first."""
    return flow.roll(1, axis)


def roll_down(flow: Tensor, axis: int) -> Tensor:
    """Move each entry one place down, the first to the last."""
    return flow.roll(-1, axis)


def spread_mean(flow: Tensor, axis: int) -> Tensor:
    """Give the mean to all."""
    return flow.mean(axis, keepdim=True).expand_as(flow)


def add_up(flow: Tensor, axis: int) -> Tensor:
    """Add up from the first entry on."""
    return flow.cumsum(axis)


def add_down(flow: Tensor, axis: int) -> Tensor:
    """Add up from the last entry on."""
    return flow.flip(axis).cumsum(axis).flip(axis)


_SHIFTED = Words(
    ("wrong-point", "reduction", "wrong-rule"),
    "is one place off: each entry goes to a neighbour",
)
_ADDED = Words(("reduction", "wrong-rule"), "is added up along the way")
TWISTS: dict[Twist, Words] = {
    drop_first: Words(("missing-path", "reduction"), "lacks its first entry"),
    drop_last: Words(("missing-path", "reduction"), "lacks its last entry"),
    shift_up: _SHIFTED,
    shift_down: _SHIFTED,
    roll_up: _SHIFTED,
    roll_down: _SHIFTED,
    spread_mean: Words(
        ("reduction",), "is averaged, and the mean given to every entry"
    ),
    add_up: _ADDED,
    add_down: _ADDED,
}


def twist_flows(scene: Scene) -> Iterator[Proposal]:
    """Let what flows back come to the wrong entries."""
    flows = list_flows(scene)
    target = Flow(scene.target, scene.right, None)
    if len(scene.backward.entering.get(scene.target, ())) > 1:
        flows = [*flows, target]
    cases: list[tuple[Flow, Twist, int]] = []
    effects: list[float] = []
    for flow in flows:
        if flow.edge is not None and flow.edge.step.operation == "broadcast":
            continue
        tangent = scene.tangents[flow.value]
        own = dot(flow.share, tangent)
        for axis, size in enumerate(flow.share.shape):
            for twist in TWISTS if size > 1 else ():
                cases.append((flow, twist, axis))
                effects.append(dot(twist(flow.share, axis), tangent) - own)
    if not cases:
        return

    def change(index: int, other: Scene) -> Changes:
        flow, twist, axis = cases[index]
        value, share = flow.find(other)
        return {value: twist(share, axis) - share}

    def describe(index: int) -> list[Diagnosis]:
        return _describe(*cases[index])

    yield Proposal(
        torch.tensor(effects, dtype=torch.float64), change, describe, lambda index: 5
    )


def _describe(flow: Flow, twist: Twist, axis: int) -> list[Diagnosis]:
    words, value = TWISTS[twist], flow.value.phrase
    where = flow.edge.step.words if flow.edge else flow.value.words
    through = (
        f"through {flow.edge.step.phrase} to {value}" if flow.edge else f"to {value}"
    )
    along = f" (along axis {axis})" if flow.share.dim() > 1 else ""
    message = f"What flows back {through} {words.text}{along}."
    look = f"Ask which entries of {value} each entry of it belongs to."
    return [Diagnosis(kind, where, message, look) for kind in words.kinds]
