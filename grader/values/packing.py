"""Values as nodes of JSON and raw buffers: what crosses, and how it is checked.

A node is null, a bool, a number, a text, or a list `[tag, …]`. What can change in place
is defined once, under a number, and named by it from then on. Both ends use this; the
other end may be hostile, so every field is checked before anything is built from it.
Which kinds there are is the business of the modules beside this one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, NoReturn, Protocol

from grader.errors import GraderError

Node = Any  # None, bool, int, float, str or a list that starts with a tag
Pack = Callable[["Packer", Any], Node]
Unpack = Callable[..., Any]

SMALL_INT = 1 << 62  # larger ones cross as hexadecimal text
DEPTH = 24  # a tuple in a tuple takes two levels of JSON, of which a frame has 64


class BadValue(GraderError, ValueError):
    """What arrived breaks a rule of the wire: nothing is built from it."""


class CannotCross(GraderError):
    """An object has no form in which it could be handed to the other side."""


def refuse(rule: str) -> NoReturn:
    """Refuse what arrived.

    Raises: BadValue, always.
    """
    raise BadValue(rule)


class Mirror:
    """One thing that both sides hold, and what the other side last saw of it."""

    tag = ""
    is_filled = True  # what it holds follows its definition
    is_hashing = False  # it cannot be filled before its entries are
    is_counted = True  # forgotten when nobody else refers to it
    held = 2  # references that a mirror and the call of getrefcount account for

    def __init__(self, thing: Any) -> None:
        self.thing = thing
        self.id = 0
        self.key = 0  # of a memory: the address where it starts

    def is_changed(self) -> bool:
        """Whether the other side does not know its present state."""
        return False

    def take(self, packer: Packer) -> Node:
        """Return its state for the other side, and remember it as seen."""
        raise NotImplementedError

    def give(self, unpacker: Unpacker, state: Node) -> None:
        """Take over the state that the other side sent, and remember it as seen."""
        raise NotImplementedError

    def release(self) -> list[Mirror]:
        """Return what else can be forgotten together with it."""
        return []


class Codec(Protocol):
    """What packing must know of the end that it works for."""

    book: Any
    packers: dict[type, Any]
    unpackers: dict[str, Any]
    makers: dict[str, Any]
    namedtuples: dict[Any, Any]

    def pack_other(self, packer: Packer, value: Any) -> Node:
        """Return the node of a value whose type is not one of the standard ones."""

    def find_record_class(self, name: list[str]) -> type | None:
        """Return the class that both ends call by that name."""


class Packer:
    """Turns the values of one message into nodes and buffers.

    defs: what the other side is to make. fills: what it is to put into things that
    both sides have, the new ones among them.
    """

    def __init__(self, peer: Codec) -> None:
        self.peer = peer
        self.book = peer.book
        self.buffers: list[bytes] = []
        self.defs: list[Node] = []
        self.fills: list[Node] = []
        self.classes: list[Node] = []  # descriptions that the other side lacks
        self.new: list[Mirror] = []
        self.defined: list[Mirror] = []
        self.inner: list[Any] = []  # tensors that have a history on this side
        self._depth = 0

    def pack(self, value: Any) -> Node:
        """Return the node of a value.

        Raises: CannotCross.
        """
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is float:
            return value if math.isfinite(value) else ["float", repr(value)]
        if kind is int:
            small = -SMALL_INT < value < SMALL_INT
            return value if small else ["int", hex(value)]
        if kind is str:
            return value if value.isascii() else pack_text(value)
        return self._pack_deeper(kind, value)

    def _pack_deeper(self, kind: type, value: Any) -> Node:
        if self._depth >= DEPTH:
            message = f"a value nested more than {DEPTH} deep"
            raise CannotCross(message)
        self._depth += 1
        try:
            pack = self.peer.packers.get(kind, self.peer.pack_other)
            return pack(self, value)
        finally:
            self._depth -= 1

    def pack_all(self, values: Iterable[Any]) -> list[Node]:
        """Return the nodes of several values."""
        return [self.pack(value) for value in values]

    def define(self, mirror: Mirror, *fields: Node) -> Node:
        """Let the other side make something; return the node that names it."""
        self.book.enter(mirror)
        self.defs.append([mirror.tag, mirror.id, *fields])
        self.new.append(mirror)
        self.defined.append(mirror)
        return ["is", mirror.id]

    def fill(self, mirror: Mirror) -> None:
        """Send what a thing holds now."""
        self.fills.append([mirror.id, mirror.take(self)])

    def fill_new(self) -> None:
        """Send what the new things hold, and the new things that these hold."""
        while self.new:
            mirror = self.new.pop()
            if mirror.is_filled:
                self.fill(mirror)

    def add_buffer(self, data: bytes) -> int:
        """Keep bytes for the frame and return their number in it."""
        self.buffers.append(data)
        return len(self.buffers) - 1


class Unpacker:
    """Builds the values of one message that arrived."""

    def __init__(self, peer: Codec, buffers: list[bytearray]) -> None:
        self.peer = peer
        self.book = peer.book
        self.buffers = buffers
        self.inner: list[Any] = []  # tensors that have a history on the other side

    def load(self, defs: Node, fills: Node) -> None:
        """Make what is new, then put into all things what they hold now.

        Raises: BadValue.
        """
        for node in check_list(defs):
            if type(node) is not list or len(node) < 2 or type(node[0]) is not str:
                refuse("not a definition")
            arity, make = self.peer.makers.get(node[0], (-1, None))
            if make is None or len(node) != arity + 2:
                refuse(f"unknown definition {node[0][:40]!r}")
            self.book.adopt(make(self, *node[2:]), node[1])
        pairs = [check_list(pair, 2) for pair in check_list(fills)]
        given = [(self.book.get(number), state) for number, state in pairs]
        given.sort(
            key=lambda pair: pair[0].is_hashing
        )  # entries first, then their hash
        for mirror, state in given:
            mirror.give(self, state)

    def unpack(self, node: Node) -> Any:
        """Return the value of a node.

        Raises: BadValue.
        """
        kind = type(node)
        if kind is list:
            if not node or type(node[0]) is not str:
                refuse("a list without a tag")
            arity, unpack = self.peer.unpackers.get(node[0], (-1, None))
            if unpack is None or len(node) != arity + 1:
                refuse(f"unknown tag {node[0][:40]!r} with {len(node) - 1} fields")
            return unpack(self, *node[1:])
        if node is None or kind in (bool, int, float, str):
            return node
        return refuse("a node of type " + kind.__name__)

    def unpack_all(self, nodes: Node) -> list[Any]:
        """Return the values of a list of nodes."""
        return [self.unpack(node) for node in check_list(nodes)]

    def buffer(self, index: Node) -> bytearray:
        """Return a buffer of the frame."""
        return self.buffers[check_int(index, 0, len(self.buffers) - 1)]


def check_int(node: Node, low: int, high: int) -> int:
    """Return an integer that lies between two others.

    Raises: BadValue.
    """
    if type(node) is not int or not low <= node <= high:
        refuse(f"not an integer between {low} and {high}")
    return int(node)


def check_text(node: Node, limit: int = 1 << 16) -> str:
    """Return a text of limited length.

    Raises: BadValue.
    """
    if type(node) is not str or len(node) > limit:
        refuse(f"not a text of up to {limit} characters")
    return str(node)


def check_list(node: Node, length: int | None = None) -> list[Any]:
    """Return a list, of that length if one is given.

    Raises: BadValue.
    """
    if type(node) is not list or length not in (None, len(node)):
        refuse(f"not a list of {length if length is not None else 'any'} entries")
    return list(node)


def check_bool(node: Node) -> bool:
    """Return a bool.

    Raises: BadValue.
    """
    if type(node) is not bool:
        refuse("not a bool")
    return bool(node)


def pack_text(value: str) -> Node:
    """Return text; half characters, which JSON cannot carry, as hexadecimal bytes."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return ["halves", value.encode("utf-16-le", "surrogatepass").hex()]
    return value


def from_hex(node: Node) -> bytes:
    """Return the bytes of a hexadecimal text.

    Raises: BadValue.
    """
    try:
        return bytes.fromhex(check_text(node, 1 << 24))
    except ValueError:
        return refuse("not hexadecimal")


def make_hashed(make: Callable[[Any], Any], items: Any) -> Any:
    """Build a set or a dictionary from what arrived.

    Raises: BadValue when an entry cannot be hashed.
    """
    try:
        return make(items)
    except TypeError:
        return refuse("an entry that has no hash")
