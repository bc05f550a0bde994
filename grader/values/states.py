"""Objects that cross by what they hold: random generators, streams, and records.

A record is an object of a class that both sides have: torch's own modules and
optimizers, and the classes of locked cells. Its attributes cross and its methods run
where it is used. Objects of a student's own classes never cross this way.
"""

from __future__ import annotations

import io
import random
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from grader.values.packing import (
    BadValue,
    Mirror,
    Node,
    Packer,
    Unpack,
    Unpacker,
    check_int,
    check_list,
    check_text,
    make_hashed,
    refuse,
)

OPEN_MODULES = ("torch.nn.modules.", "torch.optim.", "torch.utils.data.dataset")
BIT_GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")


class RecordMirror(Mirror):
    """An object whose attributes are all there is to it."""

    tag = "record"

    def __init__(self, thing: Any) -> None:
        super().__init__(thing)
        self._seen: list[Any] = []

    def _parts(self) -> list[Any]:
        return [part for pair in vars(self.thing).items() for part in pair]

    def is_changed(self) -> bool:
        """Whether an attribute is another object."""
        now = self._parts()
        if len(now) != len(self._seen):
            return True
        return any(a is not b for a, b in zip(now, self._seen, strict=True))

    def take(self, packer: Packer) -> Node:
        """Return the nodes of its attributes' names and values."""
        self._seen = self._parts()
        return packer.pack_all(self._seen)

    def give(self, unpacker: Unpacker, state: Node) -> None:
        """Replace its attributes."""
        parts = unpacker.unpack_all(state)
        if len(parts) % 2 or any(type(name) is not str for name in parts[::2]):
            refuse("attributes without names")
        held = vars(self.thing)
        held.clear()
        held.update(make_hashed(dict, zip(parts[::2], parts[1::2], strict=True)))
        self._seen = self._parts()


class RandomMirror(Mirror):
    """A random generator; `read` and `write` get and set its state."""

    tag = "random"

    def __init__(self, thing: Any) -> None:
        super().__init__(thing)
        self._seen: Any = None

    def is_changed(self) -> bool:
        """Whether it drew, or was seeded."""
        return bool(_read_state(self.thing) != self._seen)

    def take(self, packer: Packer) -> Node:
        """Return its state."""
        self._seen = _read_state(self.thing)
        return packer.pack(self._seen)

    def give(self, unpacker: Unpacker, state: Node) -> None:
        """Set its state."""
        try:
            _write_state(self.thing, unpacker.unpack(state))
        except BadValue:
            raise
        except Exception:  # noqa: BLE001  each library has errors of its own
            refuse("not the state of a random generator")
        self._seen = _read_state(self.thing)


def _read_state(thing: Any) -> Any:
    if isinstance(thing, random.Random):
        return thing.getstate()
    if isinstance(thing, torch.Generator):
        return bytes(thing.get_state().numpy().tobytes())
    if isinstance(thing, np.random.RandomState):
        legacy: Any = thing.get_state()
        return (legacy[0], legacy[1].tobytes(), *legacy[2:])
    state = thing.bit_generator.state
    return _flatten(state)


def _flatten(state: Any) -> Any:
    """Return a bit generator's state without anything that can change in place."""
    if isinstance(state, dict):
        return tuple((name, _flatten(part)) for name, part in state.items())
    if isinstance(state, np.ndarray):
        return (state.dtype.str, state.tobytes())
    return int(state) if isinstance(state, np.integer) else state


def _write_state(thing: Any, state: Any) -> None:
    if isinstance(thing, random.Random):
        thing.setstate(state)
    elif isinstance(thing, torch.Generator):
        thing.set_state(torch.frombuffer(bytearray(state), dtype=torch.uint8))
    elif isinstance(thing, np.random.RandomState):
        name, keys, *rest = state
        thing.set_state((name, np.frombuffer(keys, np.uint32), *rest))
    else:
        thing.bit_generator.state = _unflatten(state)


def _unflatten(state: Any) -> Any:
    if not isinstance(state, tuple):
        return state
    if state and isinstance(state[0], str):
        return np.frombuffer(state[1], np.dtype(state[0])).copy()
    return {name: _unflatten(part) for name, part in state}


def _pack_random(packer: Packer, value: Any) -> Node:
    mirror = packer.book.find(value)
    if mirror is not None:
        return ["is", mirror.id]
    kind = type(value).__name__
    if isinstance(value, np.random.Generator):
        kind = type(value.bit_generator).__name__
    return packer.define(RandomMirror(value), kind)


def _make_random(unpacker: Unpacker, kind: Node) -> Mirror:
    if kind in BIT_GENERATORS:
        return RandomMirror(np.random.Generator(getattr(np.random, kind)()))
    known = {
        "Random": random.Random,
        "RandomState": np.random.RandomState,
        "Generator": torch.Generator,
    }
    make = known.get(check_text(kind))
    return RandomMirror(make()) if make is not None else refuse("an unknown generator")


def is_open_place(module: str) -> bool:
    """Whether a library's module may hold classes whose objects cross by attributes."""
    return module == "types" or module.startswith(OPEN_MODULES)


def is_open_class(kind: Any) -> bool:
    """Whether it is a library's class whose objects cross by their attributes."""
    if not isinstance(kind, type) or kind is SimpleNamespace:
        return kind is SimpleNamespace
    return str(kind.__module__).startswith(OPEN_MODULES)


def pack_record(packer: Packer, value: Any, name: Node) -> Node:
    """Return the node of a record; `name` is what both sides call its class."""
    mirror = packer.book.find(value)
    if mirror is not None:
        return ["is", mirror.id]
    return packer.define(RecordMirror(value), name)


def _make_record(unpacker: Unpacker, name: Node) -> Mirror:
    parts = [check_text(part) for part in check_list(name)]
    kind = unpacker.peer.find_record_class(parts)
    if kind is None:
        refuse("a record of a class that is not shared")
    make = kind.__new__ if kind is SimpleNamespace else object.__new__
    return RecordMirror(make(kind))


class StreamMirror(Mirror):
    """A stream in memory, of text or of bytes."""

    def __init__(self, thing: Any) -> None:
        super().__init__(thing)
        self.tag = STREAMS[type(thing)]
        self._seen: tuple[Any, int] = ("" if isinstance(thing, io.StringIO) else b"", 0)

    def _state(self) -> tuple[Any, int]:
        if self.thing.closed:
            return self._seen
        return self.thing.getvalue(), self.thing.tell()

    def is_changed(self) -> bool:
        """Whether something was written or read."""
        return self._state() != self._seen

    def take(self, packer: Packer) -> Node:
        """Return what it holds, and where it stands."""
        self._seen = self._state()
        return packer.pack_all(self._seen)

    def give(self, unpacker: Unpacker, state: Node) -> None:
        """Replace what it holds."""
        value, place = unpacker.unpack_all(check_list(state, 2))
        is_text = isinstance(self.thing, io.StringIO)
        if type(value) is not (str if is_text else bytes):
            refuse("not a stream")
        self._seen = value, check_int(place, 0, 1 << 40)
        if not self.thing.closed:
            self.thing.seek(0)
            self.thing.truncate()
            self.thing.write(value)
            self.thing.seek(place)


def pack_stream(packer: Packer, value: Any) -> Node:
    """Return the node of a stream in memory; a closed one holds nothing."""
    mirror = packer.book.find(value)
    if mirror is not None:
        return ["is", mirror.id]
    return packer.define(StreamMirror(value))


STREAMS: Mapping[type, str] = {io.StringIO: "text stream", io.BytesIO: "byte stream"}
PACKERS: Mapping[type, Any] = {
    random.Random: _pack_random,
    np.random.RandomState: _pack_random,
    np.random.Generator: _pack_random,
    torch.Generator: _pack_random,
    **dict.fromkeys(STREAMS, pack_stream),
}
MAKERS: Mapping[str, tuple[int, Unpack]] = {
    "random": (1, _make_random),
    "record": (1, _make_record),
    **{
        tag: (0, lambda unpacker, kind=kind: StreamMirror(kind()))
        for kind, tag in STREAMS.items()
    },
}
