"""All that both sides hold and that can change in place; who last saw what.

A thing crosses once as a definition; after that each message brings what changed. The
examiner forgets things that nobody holds any longer and tells the other side.
"""

from __future__ import annotations

import sys
from typing import Any

from grader.values.packing import Mirror, Node, Packer, check_int, check_list, refuse

MAX_NUMBER = 1 << 52


class Book:
    """All mirrors of one side; numbers of its own making are `first`, `first` + 2, …"""

    def __init__(self, first: int) -> None:
        self._next = first
        self._first = first
        self._by_id: dict[int, Mirror] = {}
        self._by_thing: dict[int, Mirror] = {}
        self.memories: dict[int, Mirror] = {}  # by the address where they start

    def __len__(self) -> int:
        return len(self._by_id)

    def find(self, thing: Any) -> Mirror | None:
        """Return the mirror of a thing, if it has crossed."""
        return self._by_thing.get(id(thing))

    def get(self, number: Node) -> Mirror:
        """Return the mirror of that number.

        Raises: BadValue.
        """
        mirror = self._by_id.get(check_int(number, 0, MAX_NUMBER))
        return refuse("the number of nothing") if mirror is None else mirror

    def enter(self, mirror: Mirror) -> None:
        """Give a number to a thing of this side that crosses for the first time."""
        self._keep(mirror, self._next)
        self._next += 2

    def adopt(self, mirror: Mirror, number: Node) -> None:
        """Keep a thing that was made for the other side, under its number.

        Raises: BadValue when the number is not the other side's, or not new.
        """
        taken = check_int(number, 0, MAX_NUMBER) in self._by_id
        if taken or number % 2 == self._first % 2:
            refuse("a number that is not free")
        self._keep(mirror, number)

    def _keep(self, mirror: Mirror, number: int) -> None:
        mirror.id = number
        self._by_id[number] = mirror
        self._by_thing[id(mirror.thing)] = mirror

    def tagged(self, tag: str) -> list[Mirror]:
        """Return all mirrors of one tag."""
        return [mirror for mirror in self._by_id.values() if mirror.tag == tag]

    def has_changes(self) -> bool:
        """Whether anything changed on this side since the other last saw it."""
        return any(mirror.is_changed() for mirror in self._by_id.values())

    def pack_changes(self, packer: Packer) -> None:
        """Send what changed on this side since the other last saw it."""
        for mirror in list(self._by_id.values()):
            if mirror.is_changed():
                packer.fill(mirror)

    def forget(self, numbers: Node) -> None:
        """Forget things that the other side no longer needs."""
        for number in check_list(numbers):
            known = self._by_id.get(check_int(number, 0, MAX_NUMBER))
            self.discard([] if known is None else [known])

    def discard(self, mirrors: list[Mirror]) -> None:
        """Forget things, and what goes with them."""
        for mirror in mirrors:
            self._drop(mirror)

    def prune(self) -> list[int]:
        """Forget what nobody else on this side holds; return the numbers."""
        dropped: list[int] = []
        for number in list(self._by_id):  # not the mirrors: what they saw holds others
            mirror = self._by_id.get(number)
            if mirror is None or not mirror.is_counted:
                continue
            if sys.getrefcount(mirror.thing) <= mirror.held:
                dropped += self._drop(mirror)
            del mirror
        return dropped

    def _drop(self, mirror: Mirror) -> list[int]:
        if self._by_id.pop(mirror.id, None) is None:
            return []
        self._by_thing.pop(id(mirror.thing), None)
        if self.memories.get(mirror.key) is mirror:
            del self.memories[mirror.key]
        dropped = [mirror.id]
        for other in mirror.release():
            dropped += self._drop(other)
        return dropped
