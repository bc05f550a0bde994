"""A link left out on one of the ways that lead through it."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from grader.diagnose.diagnosis import Diagnosis
from grader.diagnose.links.link import Link, list_links, list_stretched_links
from grader.diagnose.links.wording import SCALING, STEADY
from grader.diagnose.scene import Changes, Proposal, Scene, dot
from grader.diagnose.tape import Edge


def skip_on_one_way(scene: Scene) -> Iterator[Proposal]:
    """Leave out an inner derivative in one of several terms."""
    cases: list[tuple[Edge, Link]] = []
    for link in [*list_links(scene), *list_stretched_links(scene)]:
        leaving = scene.backward.entering.get(link.result, ())
        scaled = link.operation in SCALING and not link.others
        if len(leaving) > 1 and link.operation not in STEADY and not scaled:
            cases += [(edge, link) for edge in leaving]
    if not cases:
        return
    tangents = scene.tangents
    effects = [
        dot(edge.contribution * (1 - link.slope), tangents[link.source])
        for edge, link in cases
    ]

    def change(index: int, other: Scene) -> Changes:
        edge, link = cases[index]
        found = other.find_edge(edge.step.address, edge.slot)
        there = link.find(other)
        return {there.source: found.contribution * (1 - there.slope)}

    def describe(index: int) -> list[Diagnosis]:
        edge, link = cases[index]
        message = (
            f"In what comes back through {edge.step.phrase}, the derivative of "
            f"{link.phrase} by {link.source.phrase} is left out."
        )
        look = f"Look at every way back from {link.phrase} to {link.source.phrase}."
        return [Diagnosis("missing-link", link.words, message, look)]

    yield Proposal(
        torch.tensor(effects, dtype=torch.float64), change, describe, lambda index: 3
    )
