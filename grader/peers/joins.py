"""The side that asked: the other side's graph as an operation of its own graph."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import torch

from grader.values.packing import Mirror, Node, check_int, refuse
from grader.values.tensors import TensorMirror

NAME_LENGTH = 60

Pull = Callable[[int, Sequence[Any], Sequence[bool]], Sequence[Any]]


class Link:
    """This side's end of a graph of the other side; tells it when it is not needed."""

    def __init__(self, number: int, pull: Pull, forget: Callable[[int], None]) -> None:
        self.number = number
        self.pull = pull
        weakref.finalize(self, forget, number).atexit = False


class Joined(torch.autograd.Function):
    """The other side's graph as one operation of this side's."""

    @staticmethod
    def forward(ctx: Any, link: Link, saves: bool, raws: Any, *inputs: Any) -> Any:
        """Give the values that have arrived a history.

        Called by: `join_graph`; the values are computed already.
        """
        ctx.link = link
        ctx.held = inputs  # a leaf that only the graph knows still takes its gradient
        ctx.saves = saves
        ctx.set_materialize_grads(False)
        if saves:
            ctx.save_for_backward(torch.empty(0))
        return tuple(raws)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Ask the other side for the product.

        Called by: torch. `saved_tensors` raises torch's own error at a second pass.
        """
        if ctx.saves:
            _ = ctx.saved_tensors
        wanted = ctx.needs_input_grad[3:]
        return (None, None, None, *ctx.link.pull(ctx.link.number, grads, wanted))


class Rooted(torch.autograd.Function):
    """Gives a tensor that has a history over there one here, which ends at its root."""

    @staticmethod
    def forward(ctx: Any, raw: Any, root: Any) -> Any:
        """Return the tensor.

        Called by: `root_inner`.
        """
        return raw[0]

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        """Pass the gradient on to the root.

        Called by: torch.
        """
        return None, grad


def root_inner(mirrors: Sequence[TensorMirror]) -> None:
    """Make arguments with a history what they are for the caller: no leaves."""
    for mirror in mirrors:
        with torch.enable_grad():
            mirror.root = mirror.thing.detach().requires_grad_()
            Rooted.apply([mirror.thing], mirror.root)
        mirror.settle()
        mirror.remember()


@functools.lru_cache(256)  # names come from the other side
def find_joint(name: str) -> Any:
    """Return an operation whose `grad_fn` has that name, which says nothing else."""
    if not name.isidentifier() or len(name) > NAME_LENGTH:
        return Joined
    made: Any = type("Joint", (Joined,), {})
    made._backward_cls.__name__ = name
    return made


def join_graph(
    link: Link, about: tuple[bool, str], mirrors: list[Mirror], inputs: Any
) -> None:
    """Give results a history that leads to the other side.

    about: whether it can be used only once, and what its operation is called there.

    Raises: BadValue.
    """
    saves, name = about
    known = [m for m in mirrors if isinstance(m, TensorMirror)]
    floats = [m for m in known if m.thing.is_floating_point() or m.thing.is_complex()]
    if not floats or len(floats) != len(mirrors) or not all(map(_takes_grad, inputs)):
        refuse("a graph of something else than tensors")
    raws = [m.thing if _is_bare(m) else m.thing.detach().clone() for m in floats]
    keeps = [_is_bare(m) and m.thing.grad is not None for m in floats]
    with torch.enable_grad():
        joined = find_joint(name).apply(link, saves, raws, *inputs)
        for mirror, made, keep in zip(floats, joined, keeps, strict=True):
            if made is not mirror.thing:
                mirror.thing.copy_(made)
            elif keep:
                made.retain_grad()
            mirror.settle()
            mirror.remember()


def _is_bare(mirror: TensorMirror) -> bool:
    return mirror.role == "inner" and mirror.thing.grad_fn is None


def _takes_grad(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and (
        value.is_floating_point() or value.is_complex()
    )


def take_flows(flows: Sequence[tuple[Mirror, Any]]) -> None:
    """Take gradients on from where they left the other side.

    Raises: BadValue, and what torch raises for a graph that was used already.
    """
    for mirror, grad in flows:
        if not _takes_grad(mirror.thing) or not _takes_grad(grad):
            refuse("a gradient for something else than a tensor")
        if grad.shape != mirror.thing.shape or grad.dtype != mirror.thing.dtype:
            refuse("a gradient that does not fit its tensor")
        if mirror.thing.requires_grad:
            torch.autograd.backward(mirror.thing, grad)


def check_number(node: Node) -> int:
    """Return the number of a graph.

    Raises: BadValue.
    """
    return check_int(node, 0, 1 << 52)
