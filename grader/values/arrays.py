"""Numpy arrays, scalars and dtypes; the bytes of an array are its memory's."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from grader.values.memory import (
    MAX_AXES,
    VALUE_BYTES,
    WHOLE_BYTES,
    Layout,
    MemoryMirror,
    check_bytes,
    check_layout,
    define_memory,
    find_memory,
    get_memory,
    leave_memory,
)
from grader.values.packing import (
    CannotCross,
    Mirror,
    Node,
    Packer,
    Unpack,
    Unpacker,
    check_bool,
    check_int,
    check_list,
    check_text,
    from_hex,
    refuse,
)

DTYPE = re.compile(r"[<>|=]?[?biufcSUmMV]\d{0,6}(\[\d{0,4}[A-Za-z]{1,4}\])?")


class ArrayMirror(Mirror):
    """A numpy array; its numbers are its memory's."""

    tag = "array"
    is_filled = False

    def __init__(self, thing: Any, memory: MemoryMirror) -> None:
        super().__init__(thing)
        self.memory = memory
        self.held += memory.thing.base is thing
        memory.users += 1

    def release(self) -> list[Mirror]:
        """Give up the memory when this was its last view."""
        return leave_memory(self.memory)


class ObjectsMirror(Mirror):
    """A numpy array of Python objects."""

    tag = "objects"

    def __init__(self, thing: Any) -> None:
        super().__init__(thing)
        self._seen: list[Any] = []

    def is_changed(self) -> bool:
        """Whether an entry is another object."""
        now = self.thing.ravel().tolist()
        return any(a is not b for a, b in zip(now, self._seen, strict=True))

    def take(self, packer: Packer) -> Node:
        """Return the nodes of its entries."""
        self._seen = self.thing.ravel().tolist()
        return packer.pack_all(self._seen)

    def give(self, unpacker: Unpacker, state: Node) -> None:
        """Replace its entries."""
        self._seen = unpacker.unpack_all(check_list(state, self.thing.size))
        flat = np.empty(self.thing.size, object)
        for index, entry in enumerate(self._seen):
            flat[index] = entry
        self.thing[...] = flat.reshape(self.thing.shape)


def pack_array(packer: Packer, value: Any) -> Node:
    """Return the node of an array, of its base value for a subclass.

    Raises: CannotCross.
    """
    mirror = packer.book.find(value)
    if mirror is not None:
        return ["is", mirror.id]
    if isinstance(value, np.ma.MaskedArray):
        parts = np.ma.getdata(value), np.ma.getmaskarray(value)
        return ["masked", *packer.pack_all(parts)]
    if value.dtype.kind == "O":
        return packer.define(ObjectsMirror(value), list(value.shape))
    if value.dtype.hasobject or value.nbytes > VALUE_BYTES:
        message = f"an array of {value.dtype} with shape {value.shape}"
        raise CannotCross(message)
    base = value.view(np.ndarray)
    memory, layout = _place(packer, base)
    fields = pack_dtype(value.dtype), memory.id, layout.pack(), base.flags.writeable
    return packer.define(ArrayMirror(value, memory), *fields)


def _place(packer: Packer, value: Any) -> tuple[MemoryMirror, Layout]:
    """Find or define the memory that an array views, and how it lies there."""
    root = value
    while type(root.base) is np.ndarray:
        root = root.base
    if root.flags.f_contiguous:
        root = root.T
    if not root.flags.c_contiguous or not value.nbytes:
        copy = np.ascontiguousarray(value).reshape(-1).view(np.uint8)
        memory = define_memory(packer, copy, 0)
        strides = np.ascontiguousarray(value).reshape(value.shape).strides
        return memory, Layout(value.shape, strides, 0)
    low, high = np.lib.array_utils.byte_bounds(value)
    start = root.__array_interface__["data"][0]
    flat = root.reshape(-1).view(np.uint8)
    if flat.nbytes > WHOLE_BYTES:
        flat, start = flat[low - start : high - start], low
    memory_mirror = find_memory(packer, start, high - start)
    memory = memory_mirror or define_memory(packer, flat, start)
    address = value.__array_interface__["data"][0]
    return memory, Layout(value.shape, value.strides, address - start)


def _make_array(
    unpacker: Unpacker, dtype: Node, memory: Node, layout: Node, writeable: Node
) -> Mirror:
    kind = unpack_dtype(unpacker, dtype)
    window = get_memory(unpacker, memory)
    lies = check_layout(layout, kind.itemsize, window.thing.nbytes)
    made: Any = np.ndarray(lies.shape, kind, window.thing, lies.offset, lies.strides)
    check_bytes(made)
    if made.dtype.kind in "bU":
        window.restricted.append(made)
    made.flags.writeable = check_bool(writeable)
    return ArrayMirror(made, window)


def _make_objects(unpacker: Unpacker, shape: Node) -> Mirror:
    axes = [check_int(n, 0, VALUE_BYTES) for n in check_list(shape)]
    if len(axes) > MAX_AXES or math.prod(axes) > VALUE_BYTES >> 6:
        refuse("an array too large")
    return ObjectsMirror(np.empty(axes, object))


def pack_dtype(dtype: Any) -> Node:
    """Return the node of a numpy dtype."""
    if dtype.names is None:
        return dtype.str
    return [_pack_field(field) for field in dtype.descr]


def _pack_field(field: Sequence[Any]) -> Node:
    name, kind, *shape = field
    inner = kind if isinstance(kind, str) else [_pack_field(part) for part in kind]
    return [name, inner, list(shape[0]) if shape else []]


def unpack_dtype(unpacker: Unpacker, node: Node) -> Any:
    """Return the numpy dtype of a node; never one that holds objects.

    Raises: BadValue.
    """
    try:
        dtype = np.dtype(_read_dtype(node))
    except (TypeError, ValueError):
        refuse("not a dtype")
    if dtype.hasobject or dtype.itemsize > VALUE_BYTES:
        refuse("not a dtype of plain values")
    return dtype


def _read_dtype(node: Node) -> Any:
    if type(node) is list:
        return [
            (check_text(name), _read_dtype(kind), tuple(_read_axes(shape)))
            for name, kind, shape in (check_list(field, 3) for field in node)
        ]
    if not DTYPE.fullmatch(check_text(node)):
        refuse("not a dtype")
    return node


def _read_axes(node: Node) -> list[int]:
    return [check_int(n, 0, VALUE_BYTES) for n in check_list(node)]


def _pack_scalar(packer: Packer, value: Any) -> Node:
    if value.dtype.hasobject or value.dtype.names is not None:
        return packer.peer.pack_other(packer, value)
    return ["scalar", value.dtype.str, value.tobytes().hex()]


def _unpack_scalar(unpacker: Unpacker, dtype: Node, data: Node) -> Any:
    kind = unpack_dtype(unpacker, dtype)
    raw = from_hex(data)
    if kind.names is not None or len(raw) != kind.itemsize:
        refuse("bytes that do not fit their dtype")
    if not raw:
        return kind.type()
    array = np.frombuffer(raw, kind)
    check_bytes(array)
    return array[0]


def unpack_masked(unpacker: Unpacker, data: Node, mask: Node) -> Any:
    """Return a masked array.

    Raises: BadValue.
    """
    parts = unpacker.unpack(data), unpacker.unpack(mask)
    if any(type(part) is not np.ndarray for part in parts):
        refuse("not a masked array")
    if parts[0].shape != parts[1].shape or parts[1].dtype.kind != "b":
        refuse("a mask that does not fit")
    return np.ma.MaskedArray(parts[0], parts[1])


def unpack_unmasked(unpacker: Unpacker, data: Node, mask: Node) -> Any:
    """Return an array whose masked entries hold NaN: a mask hides from comparisons.

    Raises: BadValue.
    """
    made = unpack_masked(unpacker, data, mask)
    hidden = np.ma.getmaskarray(made)
    if not hidden.any():
        return made
    shown = np.array(np.ma.getdata(made))
    if shown.dtype.kind in "biu":
        shown = shown.astype(float)
    if shown.dtype.kind not in "fcOmM":
        refuse("a masked array of text or of records")
    shown[hidden] = np.array("NaT", shown.dtype) if shown.dtype.kind in "mM" else np.nan
    return shown


def _pack_dtype_value(packer: Packer, value: Any) -> Node:
    if value.hasobject:
        return packer.peer.pack_other(packer, value)
    return ["dtype", pack_dtype(value)]


SCALARS = set(np.sctypeDict.values()) - {np.object_, np.void}
PACKERS: Mapping[type, Any] = {
    np.ndarray: pack_array,
    np.ma.MaskedArray: pack_array,
    **{type(np.dtype(kind)): _pack_dtype_value for kind in (*SCALARS, np.void)},
    **dict.fromkeys(SCALARS, _pack_scalar),
}
UNPACKERS: Mapping[str, tuple[int, Unpack]] = {
    "scalar": (2, _unpack_scalar),
    "masked": (2, unpack_masked),
    "dtype": (1, unpack_dtype),
}
MAKERS: Mapping[str, tuple[int, Unpack]] = {
    "array": (4, _make_array),
    "objects": (1, _make_objects),
}
