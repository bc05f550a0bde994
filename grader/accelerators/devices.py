"""On which device a lesson computes, and how its tensors come and go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor

CPU = "cpu"
CUDA = "cuda"


class Devices:
    """All that checks know of accelerators; a test puts another in its place.

    allowed: "auto" takes CUDA where there is one, "cpu" never.
    chosen: where drawn inputs are placed; "cpu" until a lesson picks.
    """

    def __init__(self, allowed: str = "auto") -> None:
        self.allowed = allowed
        self.chosen = CPU

    def is_there(self) -> bool:
        """Whether this machine has a CUDA device that torch can use."""
        return bool(torch.cuda.is_available())

    def pick(self) -> str:
        """Choose for the lesson: "cuda" if it may be and is there, else "cpu"."""
        self.chosen = CUDA if self.allowed != CPU and self.is_there() else CPU
        return self.chosen

    def name(self, tensor: Tensor) -> str:
        """Name the device that holds the tensor, without its number."""
        return str(tensor.device.type)

    def to_cpu(self, tensor: Tensor) -> Tensor:
        """Bring it here, where all comparing is done."""
        return tensor.cpu()

    def place(self, value: Any) -> Any:
        """Bring a drawn tensor to the chosen device; a leaf stays one, with `.grad`.

        What the draw itself put on a device stays there, as what is no tensor.
        """
        if self.chosen == CPU or not isinstance(value, Tensor):
            return value
        return value if self.name(value) != CPU else _move(value, self.send)

    def bring_back(self, value: Any) -> Any:
        """Bring a tensor to the CPU; a leaf stays one, with `.grad`."""
        return _move(value, self.to_cpu) if isinstance(value, Tensor) else value

    def send(self, tensor: Tensor) -> Tensor:
        """Copy a tensor to the chosen device."""
        return tensor.to(self.chosen)


def _move(value: Tensor, move: Callable[[Tensor], Tensor]) -> Tensor:
    moved = move(value.detach())
    if value.is_leaf and value.requires_grad:
        moved.requires_grad_()
        if value.grad is not None:
            moved.grad = move(value.grad.detach())
    return moved


# One object for a notebook: each of its cells may run in a context of its own.
DEVICES: ContextVar[Devices] = ContextVar("DEVICES", default=Devices())  # noqa: B039


@contextmanager
def use_devices(devices: Devices) -> Iterator[None]:
    """Let checks in the block see these devices and no choice that was made before."""
    token = DEVICES.set(devices)
    try:
        yield
    finally:
        DEVICES.reset(token)


@contextmanager
def full_precision() -> Iterator[None]:
    """Switch TF32 off: it keeps 10 bits of 23, which reads as a wrong gradient."""
    places = [] if DEVICES.get().chosen == CPU else list(_find_switches())
    before = [place.fp32_precision for place in places]
    for place in places:
        place.fp32_precision = "ieee"
    try:
        yield
    finally:
        for place, was in zip(places, before, strict=True):
            place.fp32_precision = was


def _find_switches() -> Iterator[Any]:
    """Give torch's switches; torch 2.8 has others, which are left alone."""
    libraries = torch.backends.cuda.matmul, torch.backends.cudnn
    parts = (
        libraries[0],
        *(getattr(libraries[1], name, None) for name in ("conv", "rnn")),
    )
    return (part for part in parts if hasattr(part, "fp32_precision"))
