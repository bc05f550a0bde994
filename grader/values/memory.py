"""Windows of memory that arrays and tensors view, and how they lie in them.

A window crosses as bytes under a number; whatever views it names that number, so views
of one memory stay views of one memory on the other side.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch

from grader.values.packing import (
    Mirror,
    Node,
    Packer,
    Unpack,
    Unpacker,
    check_int,
    check_list,
    refuse,
)

VALUE_BYTES = 256 << 20  # the most that one array may come to when it is copied
WHOLE_BYTES = 1 << 20  # up to here the whole memory crosses, so that any view shares it
QUICK_BYTES = 1 << 16  # up to here two byte strings are compared, else two arrays
MAX_AXES = 64  # numpy's own
CODE_POINTS = 0x110000


class Layout(NamedTuple):
    """How an array or a tensor lies in its window; strides and offset in bytes."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int

    def pack(self) -> Node:
        """Return its node."""
        return [list(self.shape), list(self.strides), self.offset]


class MemoryMirror(Mirror):
    """A window of memory that arrays or tensors view; `thing` is it as bytes."""

    tag = "memory"
    is_filled = False
    is_counted = False

    def __init__(self, view: np.ndarray[Any, Any], key: int = 0) -> None:
        super().__init__(view)
        self.key = key  # or 0 when nothing else can share it
        self.users = 0
        self.restricted: list[Any] = []  # views whose bytes cannot be just any
        self._seen: Any = b""

    def is_changed(self) -> bool:
        """Whether a byte differs from what the other side saw."""
        if self.thing.nbytes <= QUICK_BYTES:
            return bool(self.thing.tobytes() != self._seen)
        return not np.array_equal(self.thing, np.frombuffer(self._seen, np.uint8))

    def read(self) -> bytes:
        """Return its bytes, and remember them as seen."""
        self._seen = self.thing.tobytes()
        return bytes(self._seen)

    def take(self, packer: Packer) -> Node:
        """Return the number of the buffer with its bytes."""
        return packer.add_buffer(self.read())

    def give(self, unpacker: Unpacker, state: Node) -> None:
        """Replace its bytes."""
        data = unpacker.buffer(state)
        if len(data) != self.thing.nbytes or not self.thing.flags.writeable:
            refuse("bytes that do not fit their memory")
        before = self.thing.copy()
        self.thing[:] = np.frombuffer(data, np.uint8)
        try:
            for view in self.restricted:
                check_bytes(view)
        except ValueError:
            self.thing[:] = before
            raise
        self._seen = bytes(data)


def leave_memory(memory: MemoryMirror) -> list[Mirror]:
    """Count one view less; return the memory when it was the last."""
    memory.users -= 1
    return [memory] if memory.users == 0 else []


def find_memory(packer: Packer, key: int, size: int) -> MemoryMirror | None:
    """Return the window that starts at an address, if it is long enough."""
    known = packer.book.memories.get(key)
    if not isinstance(known, MemoryMirror) or known.thing.nbytes < size:
        return None
    return known if packer.book.find(known.thing) is known else None


def define_memory(packer: Packer, view: Any, key: int) -> MemoryMirror:
    """Let the other side make a window with the same bytes."""
    memory = MemoryMirror(view, key)
    packer.define(memory, packer.add_buffer(memory.read()))
    if key:
        packer.book.memories[key] = memory
    return memory


def _make_memory(unpacker: Unpacker, buffer: Node) -> Mirror:
    view = np.frombuffer(unpacker.buffer(buffer), np.uint8)  # the frame's own copy
    key = view.__array_interface__["data"][0]
    memory = MemoryMirror(view, key)
    memory.read()
    unpacker.book.memories[key] = memory
    return memory


def get_memory(unpacker: Unpacker, number: Node) -> MemoryMirror:
    """Return the window of that number.

    Raises: BadValue.
    """
    memory = unpacker.book.get(number)
    if not isinstance(memory, MemoryMirror):
        refuse("not a memory")
    return memory


def check_layout(node: Node, item_bytes: int, memory_bytes: int) -> Layout:
    """Return a layout that stays inside its window and copies to a bearable size.

    Raises: BadValue.
    """
    shape, strides, offset = check_list(node, 3)
    check_int(offset, 0, memory_bytes)
    if len(check_list(shape)) > MAX_AXES or len(check_list(strides)) != len(shape):
        refuse("not the shape of an array")
    size, low, high = item_bytes, offset, offset + item_bytes
    for count, step in zip(shape, strides, strict=True):
        check_int(count, 0, VALUE_BYTES)
        check_int(step, -VALUE_BYTES, VALUE_BYTES)
        size *= max(count, 1)
        low += min(0, (count - 1) * step)
        high += max(0, (count - 1) * step)
    if size > VALUE_BYTES:
        refuse("an array too large")
    if 0 not in shape and (low < 0 or high > memory_bytes):
        refuse("an array that reaches out of its memory")
    return Layout(tuple(shape), tuple(strides), offset)


def check_bytes(view: Any) -> None:
    """Check that the bytes of an array are values of its dtype.

    Raises: BadValue.
    """
    kind = view.dtype.kind
    if kind == "b" and view.size and view.view(np.uint8).max() > 1:
        refuse("a bool that is neither 0 nor 1")
    if kind == "U" and view.size:
        points = np.ascontiguousarray(view).view(np.uint32)
        if view.dtype.byteorder == ">":
            points = points.byteswap()
        if points.max() >= CODE_POINTS:
            refuse("a character that does not exist")


def read_device(value: Any) -> bytes:
    """Return the bytes of a tensor on another device."""
    flat = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
    return bytes(flat.numpy().tobytes())


def write_device(value: Any, data: bytearray) -> None:
    """Replace the bytes of a tensor on another device.

    Raises: BadValue.
    """
    if len(data) != value.numel() * value.element_size():
        refuse("bytes that do not fit their tensor")
    if data:
        if value.dtype is torch.bool:
            check_bytes(np.frombuffer(data, bool))
        flat = torch.frombuffer(data, dtype=value.dtype).reshape(value.shape)
        value.data.copy_(flat)


MAKERS: Mapping[str, tuple[int, Unpack]] = {"memory": (1, _make_memory)}
