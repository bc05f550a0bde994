"""Lists, dictionaries, sets and bytearrays: they can change in place on both sides."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Mapping
from typing import Any

from grader.values.packing import (
    Mirror,
    Node,
    Packer,
    Unpack,
    Unpacker,
    check_text,
    from_hex,
    make_hashed,
    refuse,
)


class ListMirror(Mirror):
    """A list; it changed when other objects stand in it."""

    tag = "list"

    def __init__(self, thing: list[Any]) -> None:
        super().__init__(thing)
        self._seen: list[Any] = []

    def is_changed(self) -> bool:
        """Whether an entry is another object, or there are more or fewer."""
        seen = self._seen
        if len(self.thing) != len(seen):
            return True
        return any(a is not b for a, b in zip(self.thing, seen, strict=True))

    def take(self, packer: Packer) -> Node:
        """Return the nodes of its entries."""
        self._seen = list.copy(self.thing)
        return packer.pack_all(self._seen)

    def give(self, unpacker: Unpacker, state: Node) -> None:
        """Replace its entries."""
        self._seen = unpacker.unpack_all(state)
        self.thing[:] = self._seen


class DictMirror(Mirror):
    """A dictionary of one of the standard kinds."""

    tag = "dict"
    is_hashing = True

    def __init__(self, thing: dict[Any, Any]) -> None:
        super().__init__(thing)
        self._seen: list[Any] = []

    def is_changed(self) -> bool:
        """Whether a key or a value is another object, or the order is another."""
        now = self._parts()
        if len(now) != len(self._seen):
            return True
        return any(a is not b for a, b in zip(now, self._seen, strict=True))

    def take(self, packer: Packer) -> Node:
        """Return the nodes of its keys and values, one after the other."""
        self._seen = self._parts()
        return packer.pack_all(self._seen)

    def give(self, unpacker: Unpacker, state: Node) -> None:
        """Replace its items."""
        parts = unpacker.unpack_all(state)
        if len(parts) % 2:
            refuse("a key without a value")
        made = make_hashed(dict, zip(parts[::2], parts[1::2], strict=True))
        kind = OrderedDict if isinstance(self.thing, OrderedDict) else dict
        kind.clear(self.thing)
        kind.update(self.thing, made)
        self._seen = self._parts()

    def _parts(self) -> list[Any]:
        kind = OrderedDict if isinstance(self.thing, OrderedDict) else dict
        return [part for pair in kind.items(self.thing) for part in pair]


class SetMirror(Mirror):
    """A set."""

    tag = "set"
    is_hashing = True

    def __init__(self, thing: set[Any]) -> None:
        super().__init__(thing)
        self._seen: list[Any] = []

    def is_changed(self) -> bool:
        """Whether other objects stand in it."""
        return {id(entry) for entry in self._seen} != {id(e) for e in self.thing}

    def take(self, packer: Packer) -> Node:
        """Return the nodes of its entries."""
        self._seen = list(self.thing)
        return packer.pack_all(self._seen)

    def give(self, unpacker: Unpacker, state: Node) -> None:
        """Replace its entries."""
        made = make_hashed(set, unpacker.unpack_all(state))
        set.clear(self.thing)
        set.update(self.thing, made)
        self._seen = list(self.thing)


class BytearrayMirror(Mirror):
    """A bytearray."""

    tag = "bytearray"

    def __init__(self, thing: bytearray) -> None:
        super().__init__(thing)
        self._seen = b""

    def is_changed(self) -> bool:
        """Whether a byte differs."""
        return bytes(self.thing) != self._seen

    def take(self, packer: Packer) -> Node:
        """Return its bytes in hexadecimal."""
        self._seen = bytes(self.thing)
        return self._seen.hex()

    def give(self, unpacker: Unpacker, state: Node) -> None:
        """Replace its bytes."""
        self._seen = from_hex(state)
        self.thing[:] = self._seen


def make_extended(thing: Any) -> Mirror:
    """Return the mirror of an object whose class extends a list, dict or set."""
    kinds: dict[type, type[Mirror]] = {
        list: ListMirror,
        dict: DictMirror,
        set: SetMirror,
    }
    mirror = next(kind for base, kind in kinds.items() if isinstance(thing, base))(
        thing
    )
    mirror.tag = f"extended {mirror.tag}"
    return mirror


FACTORIES: Mapping[str, Any] = {
    "none": None,
    **{kind.__name__: kind for kind in (int, float, str, list, dict, set, bool)},
}
DICTS: Mapping[str, Any] = {
    "dict": dict,
    "OrderedDict": OrderedDict,
    "Counter": Counter,
    "defaultdict": defaultdict,
}


def pack_mirrored(mirror_type: type[Mirror]) -> Any:
    """Return the packer of a kind whose definition needs nothing but its number."""

    def pack(packer: Packer, value: Any) -> Node:
        mirror = packer.book.find(value)
        if mirror is not None:
            return ["is", mirror.id]
        return packer.define(mirror_type(value))

    return pack


def pack_dict(packer: Packer, value: dict[Any, Any]) -> Node:
    """Return the node of a dictionary, of its standard kind for a subclass."""
    mirror = packer.book.find(value)
    if mirror is not None:
        return ["is", mirror.id]
    flavour = next(
        name for name in reversed(list(DICTS)) if isinstance(value, DICTS[name])
    )
    factory = getattr(value, "default_factory", None)
    names = [name for name, known in FACTORIES.items() if known is factory]
    return packer.define(DictMirror(value), flavour, (names or ["none"])[0])


def _make_dict(unpacker: Unpacker, flavour: Node, factory: Node) -> Mirror:
    kind = DICTS.get(check_text(flavour))
    if kind is None or check_text(factory) not in FACTORIES:
        refuse("an unknown kind of dictionary")
    return DictMirror(
        defaultdict(FACTORIES[factory]) if flavour == "defaultdict" else kind()
    )


PACKERS: Mapping[type, Any] = {
    list: pack_mirrored(ListMirror),
    set: pack_mirrored(SetMirror),
    bytearray: pack_mirrored(BytearrayMirror),
    **dict.fromkeys(DICTS.values(), pack_dict),
}
UNPACKERS: Mapping[str, tuple[int, Unpack]] = {
    "is": (1, lambda unpacker, number: unpacker.book.get(number).thing),
}
MAKERS: Mapping[str, tuple[int, Unpack]] = {
    "list": (0, lambda unpacker: ListMirror([])),
    "dict": (2, _make_dict),
    "set": (0, lambda unpacker: SetMirror(set())),
    "bytearray": (0, lambda unpacker: BytearrayMirror(bytearray())),
}
