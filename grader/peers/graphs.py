"""Joins the autograd graphs of two processes: a gradient goes through both.

The side that computed keeps its graph and its number; that is here. The other side puts
one operation into its own graph, see `joins`; its backward pass asks for
a vector–Jacobian product over there. As that product is an operation like any other,
second and higher orders work the same way.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from graphlib import TopologicalSorter
from typing import Any

import torch

from grader.values.packing import (
    CannotCross,
    Node,
    Packer,
)
from grader.values.tensors import TensorMirror


class Graph:
    """A graph that this side computed: the other side may ask for products with it."""

    def __init__(self, outputs: list[Any], inputs: list[Any], cuts: list[Any]) -> None:
        self.outputs = outputs
        self.inputs = inputs
        self._cuts = cuts  # (operation, which output): the graph ends there

    def pull(self, grads: Sequence[Any], wanted: Sequence[bool]) -> list[Any]:
        """Return the product of `grads` with the Jacobian for the wanted inputs."""
        pairs = [
            (o, g) for o, g in zip(self.outputs, grads, strict=True) if g is not None
        ]
        inputs = [x for x, wants in zip(self.inputs, wanted, strict=True) if wants]
        if not pairs or not inputs:
            return [None] * len(wanted)
        with _cut_graph(self._cuts):
            found = iter(
                torch.autograd.grad(
                    [output for output, _ in pairs],
                    inputs,
                    [grad for _, grad in pairs],
                    allow_unused=True,
                    retain_graph=True,
                    create_graph=torch.is_grad_enabled(),
                )
            )
        return [next(found) if wants else None for wants in wanted]


@contextmanager
def _cut_graph(cuts: Sequence[tuple[Any, int]]) -> Iterator[None]:
    """Let no gradient pass these operations: the other side takes it on from there.

    A hook before an operation runs after its gradient was captured for the caller.
    """

    def stop(number: int) -> Callable[[Any], Any]:
        def zero(grads: Any) -> Any:
            return tuple(
                torch.zeros_like(grad) if k == number and grad is not None else grad
                for k, grad in enumerate(grads)
            )

        return zero

    hooks = [node.register_prehook(stop(number)) for node, number in cuts]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def record_graphs(packer: Packer) -> list[tuple[Graph, Node]]:
    """Keep the graphs behind the tensors of a reply; none when none has a history.

    For the other side of each its outputs, its inputs, whether it can be used only once
    and what its operation is called. One graph, unless a result led to another: a
    gradient then passes by each, for hooks and `retain_grad`.
    """
    known = [m for m in packer.book.tagged("tensor") if m not in packer.inner]
    outputs = [*packer.inner, *(m for m in known if m.is_rebased)]
    ends = {m.node: m for m in known if m.node[0] is not None}
    own = {m.node: m for m in packer.inner}
    groups = [outputs] if outputs else []
    if len(own) == len(outputs) > 1:
        groups = _order_outputs(outputs, own, ends)
    made = []
    for group in groups:
        others = {
            key: m for key, m in own.items() if len(groups) > 1 and m not in group
        }
        made.append(_record(packer, group, ends | others))
    for mirror in outputs:
        if mirror.is_rebased:
            mirror.root = None  # from now on its graph ends where it is now
        mirror.settle()
    return made


def _order_outputs(
    outputs: list[Any], own: dict[Any, Any], ends: dict[Any, Any]
) -> list[list[Any]]:
    """Return results that lead to others each on its own, the earlier ones first."""
    sorter: TopologicalSorter[int] = TopologicalSorter()
    is_chain = False
    for number, mirror in enumerate(outputs):
        others = {key: m for key, m in own.items() if m is not mirror}
        _, cut, _ = _walk_graph([mirror.thing.grad_fn], ends | others)
        before = [outputs.index(own[key]) for key in cut if key in others]
        is_chain = is_chain or bool(before)
        sorter.add(number, *before)
    return [[outputs[k]] for k in sorter.static_order()] if is_chain else [outputs]


def _record(
    packer: Packer, outputs: list[Any], ends: dict[Any, Any]
) -> tuple[Graph, Node]:
    leaves, cut, saves = _walk_graph([m.thing.grad_fn for m in outputs], ends)
    inputs = [*leaves, *(_find_start(ends[key]) for key in cut)]
    stops = [key for key in cut if not ends[key].is_rebased]
    graph = Graph([m.thing for m in outputs], inputs, stops)
    told = [*packer.pack_all(leaves), *(["is", ends[key].id] for key in cut)]
    name = type(outputs[0].thing.grad_fn).__name__ if len(outputs) == 1 else ""
    return graph, [[m.id for m in outputs], told, saves, name]


def _find_start(mirror: Any) -> Any:
    """Return the tensor by which a gradient leaves a graph at an argument.

    Raises: CannotCross when that version of it is gone.
    """
    if not mirror.is_rebased:
        return mirror.thing
    if mirror.root is None:
        message = "a tensor that was changed in place more than once"
        raise CannotCross(message)
    return mirror.root


def _walk_graph(
    starts: Sequence[Any], ends: dict[Any, TensorMirror]
) -> tuple[list[Any], list[Any], bool]:
    """Return the leaves, the operations where the graph is cut, and if it saves."""
    leaves: dict[int, Any] = {}
    cut: dict[Any, None] = {}
    seen = set(starts)
    todo, saves = list(seen), False
    while todo:
        node = todo.pop()
        saves = saves or _saves_tensors(node)
        for child, number in node.next_functions:
            if child is None:
                continue
            if (child, number) in ends:
                cut[child, number] = None
            elif hasattr(child, "variable"):
                leaves[id(child.variable)] = child.variable
            elif child not in seen:
                seen.add(child)
                todo.append(child)
    return list(leaves.values()), list(cut), saves


def _saves_tensors(node: Any) -> bool:
    if isinstance(node, torch.autograd.function.BackwardCFunction):
        try:
            return len(node.saved_tensors) > 0
        except RuntimeError:  # used up already
            return True
    kind: Any = type(node)
    return _kind_saves(kind)


@functools.cache
def _kind_saves(kind: Any) -> bool:  # a class, of which there are few
    return any(name.startswith("_raw_saved") for name in dir(kind))


def pack_flows(packer: Packer) -> list[Node]:
    """Send the gradients that reached the roots of arguments with a history."""
    flows: list[Node] = []
    for mirror in packer.book.tagged("tensor"):
        root = mirror.root if isinstance(mirror, TensorMirror) else None
        if root is not None and root.grad is not None:
            flows.append([mirror.id, packer.pack(root.grad)])
            root.grad = None
    return flows
