"""Remembers what explained an answer, for when another student gives the same.

What explained one answer at all draws, and explains another at all of its own, is the
same reading of both: it is only confirmed, and not searched for again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from grader.diagnose.diagnosis import KINDS, Diagnosis
from grader.diagnose.scene import Proposal

Key = tuple[Any, ...]
FAR = 3  # the rank of values that have nothing to do with a step
POINT = list(KINDS).index("wrong-point")
MOST_KEYS = 64  # references and their inputs; the oldest go
MOST_KNOWN = 8  # explanations of one


@dataclass(frozen=True)
class Hit:
    """A change that gives the student's numbers, and how it reads.

    key: its place among others. variant: of the tape that it was found on.
    """

    key: tuple[int, int, int, int]
    proposal: Proposal
    index: int
    variant: int

    @property
    def is_weak(self) -> bool:
        """Whether a later round may know a likelier reading.

        Such are vague readings, and a value from far away that happens to fit.
        """
        vague, order, rank, _ = self.key
        return bool(vague) or (order == POINT and rank >= FAR)

    @property
    def readings(self) -> Sequence[Diagnosis]:
        """Its own reading, and those that go with it."""
        return self.proposal.describe(self.index)


class Memory:
    """The hits that explained earlier answers, the latest first."""

    def __init__(self) -> None:
        self._known: OrderedDict[Key, list[list[Hit]]] = OrderedDict()

    def list_known(self, key: Key) -> list[list[Hit]]:
        """Return what explained answers to the same question."""
        return list(self._known.get(key, ()))

    def keep(self, key: Key, hits: list[Hit]) -> None:
        """Remember what explained an answer."""
        known = self._known.setdefault(key, [])
        known.insert(0, hits)
        del known[MOST_KNOWN:]
        self._known.move_to_end(key)
        while len(self._known) > MOST_KEYS:
            self._known.popitem(last=False)
