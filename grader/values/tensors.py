"""Tensors, with `.grad` and what they share; torch's dtypes, devices and sizes.

A tensor with a history crosses as its values only; `grader.peers.graphs` joins the two
graphs. Tensors on another device than the CPU share nothing on the other side.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch

from grader.values.memory import (
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
    read_device,
    write_device,
)
from grader.values.packing import (
    Mirror,
    Node,
    Packer,
    Unpack,
    Unpacker,
    check_bool,
    check_int,
    check_list,
    check_text,
    refuse,
)

DEVICE = re.compile(r"(cpu|cuda)(:\d{1,3})?")
DTYPES: Mapping[str, Any] = {
    str(kind).removeprefix("torch."): kind
    for kind in vars(torch).values()
    if isinstance(kind, torch.dtype)
    and not str(kind).startswith(("torch.q", "torch.bit"))
}
ROLES = ("plain", "parameter", "inner")  # inner: the result of a recorded operation


class TensorMirror(Mirror):
    """A tensor: where its numbers lie, whether it wants a gradient, that gradient."""

    tag = "tensor"

    def __init__(self, thing: Any, memory: MemoryMirror | None, role: str) -> None:
        super().__init__(thing)
        self.memory = memory
        self.role = role
        self.node = (thing.grad_fn, thing.output_nr)  # the operation it came from
        self.root: Any = None  # of an inner one, where it came to: where its graph ends
        self._seen: tuple[Any, ...] = ()
        self._seen_data = b""  # of one on another device
        self._seen_grad: Any = None
        if memory is not None:
            memory.users += 1

    def is_changed(self) -> bool:
        """Whether its place, its gradient or its wish for one is another."""
        if self._look() != self._seen or self._grad() is not self._seen_grad:
            return True
        return self.memory is None and read_device(self.thing) != self._seen_data

    def take(self, packer: Packer) -> Node:
        """Return its place if that is new, its wish for a gradient, the gradient."""
        place = None
        if self._seen and self._look() != self._seen and self.memory is not None:
            old = self.memory
            self.memory, layout = find_place(packer, self.thing)
            self.memory.users += 1
            packer.book.discard(leave_memory(old))
            place = pack_place(self.thing, self.memory, layout)
        data = None
        if self.memory is None and read_device(self.thing) != self._seen_data:
            data = packer.add_buffer(read_device(self.thing))
        self.remember()
        return [place, self._seen[-1], packer.pack(self._seen_grad), data]

    def give(self, unpacker: Unpacker, state: Node) -> None:
        """Take over place, wish and gradient."""
        place, wish, grad, data = check_list(state, 4)
        if place is not None:
            self.thing.data, memory = make_tensor(unpacker, place)
            memory.users += 1
            if self.memory is not None:
                unpacker.book.discard(leave_memory(self.memory))
            self.memory = memory
        if data is not None:
            write_device(self.thing, unpacker.buffer(data))
        gradient = unpacker.unpack(grad)
        if gradient is not None and not isinstance(gradient, torch.Tensor):
            refuse("a gradient that is no tensor")
        try:
            if check_bool(wish) != self._look()[-1]:
                self.thing.requires_grad_(wish)
            if gradient is not self._grad():
                self.thing.grad = gradient
        except RuntimeError:  # an integer's gradient, a gradient of another shape
            refuse("a gradient that does not fit its tensor")
        self.remember()

    def remember(self) -> None:
        """Take its present state as what the other side has."""
        self._seen = self._look()
        self._seen_grad = self._grad()
        if self.memory is None:
            self._seen_data = read_device(self.thing)

    def settle(self) -> None:
        """Take the operation that it comes from as known to both sides."""
        self.node = (self.thing.grad_fn, self.thing.output_nr)

    @property
    def is_rebased(self) -> bool:
        """Whether something was done to it in place that its gradient goes through."""
        return self.thing.grad_fn is not None and self.thing.grad_fn is not self.node[0]

    def release(self) -> list[Mirror]:
        """Give up the memory when this was its last view."""
        return [] if self.memory is None else leave_memory(self.memory)

    def _look(self) -> tuple[Any, ...]:
        now = self.thing
        wish = now.is_leaf and now.requires_grad
        start = now.data_ptr() if self.memory is not None else 0
        return (start, now.dtype, now.shape, now.stride(), wish)

    def _grad(self) -> Any:
        now = self.thing
        return now.grad if now.is_leaf or now.retains_grad else None


def pack_tensor(packer: Packer, value: Any) -> Node:
    """Return the node of a tensor, of its base value for a subclass.

    Raises: CannotCross.
    """
    known = packer.book.find(value)
    if known is not None:
        return ["is", known.id]
    plain = value.layout == torch.strided and value.device.type in ("cpu", "cuda")
    if not plain or str(value.dtype)[6:] not in DTYPES:
        return _pack_sparse(packer, value)
    if value.is_conj() or value.is_neg():
        value = value.resolve_conj().resolve_neg()
    role = "plain" if value.grad_fn is None else "inner"
    if isinstance(value, torch.nn.Parameter):
        role = "parameter"
    if value.device.type != "cpu":
        memory, layout = None, Layout(tuple(value.shape), tuple(value.stride()), 0)
    else:
        memory, layout = find_place(packer, value)
    mirror = TensorMirror(value, memory, role)
    if role == "inner":
        packer.inner.append(mirror)
    return packer.define(mirror, pack_place(value, memory, layout), role)


def _pack_sparse(packer: Packer, value: Any) -> Node:
    if value.layout != torch.sparse_coo:
        return packer.peer.pack_other(packer, value)
    whole = value.detach().coalesce()
    parts = [packer.pack(part) for part in (whole.indices(), whole.values())]
    return ["sparse", *parts, list(whole.shape)]


def _unpack_sparse(unpacker: Unpacker, indices: Node, values: Node, shape: Node) -> Any:
    parts = unpacker.unpack(indices), unpacker.unpack(values)
    if any(not isinstance(part, torch.Tensor) for part in parts):
        refuse("not a sparse tensor")
    try:
        return torch.sparse_coo_tensor(*parts, check_list(shape), check_invariants=True)
    except (RuntimeError, TypeError):
        return refuse("not a sparse tensor")


def find_place(packer: Packer, value: Any) -> tuple[MemoryMirror, Layout]:
    """Find or define the memory that a tensor views, and how it lies there."""
    item = value.element_size()
    storage = value.untyped_storage()
    start, size = storage.data_ptr(), storage.nbytes()
    shape, strides = tuple(value.shape), value.stride()
    offset = value.storage_offset() * item
    reach = item + sum(
        (n - 1) * step * item for n, step in zip(shape, strides, strict=True)
    )
    low = 0
    if value.numel() == 0:
        size = offset = 0
    elif size > WHOLE_BYTES:
        low, size = offset, reach
    key = start + low if size else 0
    memory = find_memory(packer, key, offset + reach - low) if size else None
    if memory is None:
        flat = torch.empty(0, dtype=torch.uint8, device="cpu")
        flat.set_(storage, low, (size,), (1,))
        memory = define_memory(packer, flat.numpy(), key)
    return memory, Layout(shape, tuple(step * item for step in strides), offset - low)


def pack_place(value: Any, memory: MemoryMirror | None, layout: Layout) -> Node:
    """Return where the numbers of a tensor lie and what they are."""
    number = None if memory is None else memory.id
    return [str(value.dtype)[6:], number, layout.pack(), str(value.device)]


def make_tensor(unpacker: Unpacker, place: Node) -> tuple[Any, MemoryMirror]:
    """Make a tensor that views a memory of this side.

    Raises: BadValue.
    """
    name, number, layout, _ = check_list(place, 4)
    dtype = find_dtype(name)
    memory = get_memory(unpacker, number)
    lies = check_layout(layout, dtype.itemsize, memory.thing.nbytes)
    steps = [step // dtype.itemsize for step in lies.strides]
    if any(step % dtype.itemsize or step < 0 for step in (*lies.strides, lies.offset)):
        refuse("strides that do not fit their dtype")
    if dtype is torch.bool:
        check_bytes(memory.thing.view(bool))
        memory.restricted.append(memory.thing.view(bool))
    flat = torch.from_numpy(memory.thing) if memory.thing.nbytes else torch.empty(0)
    made = torch.empty(0, dtype=dtype, device="cpu")
    start = lies.offset // dtype.itemsize
    return made.set_(flat.untyped_storage(), start, lies.shape, tuple(steps)), memory


def _make_mirror(unpacker: Unpacker, place: Node, role: Node) -> Mirror:
    if check_text(role) not in ROLES:
        refuse("an unknown role of a tensor")
    make: Any = _make_on_device if check_list(place, 4)[1] is None else make_tensor
    made, memory = make(unpacker, place)
    if role == "parameter":
        made = torch.nn.Parameter(made, requires_grad=False)
    mirror = TensorMirror(made, memory, role)
    if role == "inner":
        unpacker.inner.append(mirror)
    return mirror


def _make_on_device(unpacker: Unpacker, place: Node) -> tuple[Any, None]:
    name, _, layout, device = place
    dtype = find_dtype(name)
    shape = check_layout(layout, 0, VALUE_BYTES).shape
    if dtype.itemsize * torch.Size(shape).numel() > VALUE_BYTES:
        refuse("a tensor too large")
    there = find_device(device)
    if there.type == "cuda" and not torch.cuda.is_available():
        there = torch.device("cpu")
    return torch.zeros(shape, dtype=dtype, device=there), None


def find_dtype(name: Node) -> Any:
    """Return torch's dtype of that name.

    Raises: BadValue.
    """
    return DTYPES.get(check_text(name)) or refuse("an unknown dtype")


def find_device(name: Node) -> Any:
    """Return torch's device of that name.

    Raises: BadValue.
    """
    if not DEVICE.fullmatch(check_text(name)):
        refuse("not a device")
    return torch.device(name)


def _unpack_size(nodes: Node) -> Any:
    return torch.Size(check_int(n, 0, VALUE_BYTES) for n in check_list(nodes))


PACKERS: Mapping[type, Any] = {
    torch.Tensor: pack_tensor,
    torch.nn.Parameter: pack_tensor,
    torch.dtype: lambda packer, value: ["torch.dtype", str(value)[6:]],
    torch.device: lambda packer, value: ["torch.device", str(value)],
    torch.Size: lambda packer, value: ["torch.Size", list(value)],
}
UNPACKERS: Mapping[str, tuple[int, Unpack]] = {
    "torch.dtype": (1, lambda unpacker, name: find_dtype(name)),
    "torch.device": (1, lambda unpacker, name: find_device(name)),
    "torch.Size": (1, lambda unpacker, nodes: _unpack_size(nodes)),
    "sparse": (3, _unpack_sparse),
}
MAKERS: Mapping[str, tuple[int, Unpack]] = {"tensor": (2, _make_mirror)}
