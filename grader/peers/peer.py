"""One end of the line between the examiner and a student's process.

Both ends are peers: each may ask the other to do something with values, and each keeps
what both hold in step. Which operations there are, and what cannot cross by value, is
the business of `grader.student.handles` and `grader.proxies.line`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from grader.peers.book import Book
from grader.peers.graphs import Graph, pack_flows, record_graphs
from grader.peers.joins import Link, check_number, join_graph, root_inner, take_flows
from grader.peers.kinds import MAKERS, PACKERS, UNPACKERS, pack_base
from grader.values import states, tensors
from grader.values.packing import (
    CannotCross,
    Node,
    Packer,
    Unpacker,
    check_bool,
    check_list,
    check_text,
    refuse,
)

Message = dict[str, Any]
Buffers = Sequence[bytes | bytearray | memoryview]


@dataclass(frozen=True)
class Outcome:
    """What came back for a request."""

    result: Any
    error: BaseException | None
    flows: list[tuple[Any, Any]]  # things, and gradients that are to go on from there
    reply: Message


class Peer:
    """One end: the book of what both hold, and the graphs that this end computed."""

    prunes = False  # whether this end decides what both may forget

    def __init__(self, first: int) -> None:
        self.book = Book(first)
        self.packers: dict[type, Any] = dict(PACKERS)
        self.unpackers: dict[str, Any] = dict(UNPACKERS)
        self.makers: dict[str, Any] = dict(MAKERS)
        self.namedtuples: dict[Any, Any] = {}
        self.shared_classes: dict[str, type] = {}
        self.record_classes: dict[str, type] = {}
        self.record_names: dict[type, list[str]] = {}
        self._graphs: dict[int, Graph] = {}
        self._next_graph = 0
        self._forgotten: list[int] = []  # graphs of the other side that may go

    # What an end must bring along.

    def send(
        self, message: Message, buffers: Buffers
    ) -> tuple[Message, list[bytearray]]:
        """Send a request and return the reply."""
        raise NotImplementedError

    def perform(self, message: Message, value: Any) -> Any:
        """Do what the other end asks for and return the result."""
        raise NotImplementedError

    def pack_object(self, packer: Packer, value: Any) -> Node:
        """Return the node of what does not cross by value.

        Raises: CannotCross.
        """
        raise CannotCross("an object of class " + type(value).__name__)

    def pack_error(self, packer: Packer, error: BaseException) -> Node:
        """Return the node of what `perform` raised."""
        raise NotImplementedError

    def unpack_error(self, unpacker: Unpacker, node: Node) -> BaseException:
        """Return the exception that the other end raised."""
        raise NotImplementedError

    def learn_classes(self, unpacker: Unpacker, nodes: Node) -> None:
        """Take the descriptions of classes that this end does not know yet."""

    def share_class(self, name: str, kind: type) -> None:
        """Let objects of a class that both ends have cross by their attributes."""
        self.shared_classes[name] = kind
        make: Any = kind.__new__
        if kind.__dictoffset__ and make is object.__new__:
            self.record_classes[name] = kind
            self.record_names[kind] = [name]

    def find_record_class(self, name: list[str]) -> type | None:
        """Return the class that both ends call by that name."""
        if len(name) != 2 or not states.is_open_place(name[0]):
            return self.record_classes.get(".".join(name))
        found = vars(sys.modules.get(name[0], self)).get(name[-1])
        return found if states.is_open_class(found) else None

    def find_record_name(self, kind: type) -> list[str] | None:
        """Return what both ends call a class, if its objects cross by attributes."""
        if kind in self.record_names:
            return self.record_names[kind]
        name = [str(kind.__module__), kind.__name__]
        return name if self.find_record_class(name) is kind else None

    def add_to_request(self) -> Message:
        """Return what else goes with a request."""
        return {}

    def add_to_reply(self) -> Message:
        """Return what else goes with a reply."""
        return {}

    def hear(self, reply: Message) -> None:
        """Take what else came with a reply."""

    # Asking.

    def request(self, op: str, value: Any, **fields: Any) -> Any:
        """Let the other end do something with a value; return the result.

        Raises: what was raised there; BadValue; what `send` raises.
        """
        outcome = self.exchange(op, value, **fields)
        return self.settle(outcome)

    def exchange(self, op: str, value: Any, **fields: Any) -> Outcome:
        """Send a request and read the reply; what was raised there is not yet raised.

        Raises: BadValue, CannotCross; what `send` raises.
        """
        packer = Packer(self)
        with torch._C.DisableTorchFunction():
            try:
                node = packer.pack(value)
                packer.fill_new()
            except CannotCross:
                self.book.discard(packer.defined)  # the other end never hears of them
                raise
            message = self._pack_message(packer, node)
        mode = [torch.is_grad_enabled(), str(torch.get_default_dtype())[6:]]
        message |= {"op": op, "mode": mode, **self.add_to_request(), **fields}
        reply, buffers = self.send(message, packer.buffers)
        with torch._C.DisableTorchFunction():
            outcome = self._read_reply(reply, Unpacker(self, buffers))
        self.forget(reply)
        return outcome

    def settle(self, outcome: Outcome) -> Any:
        """Return the result of a request, or raise what was raised for it."""
        self.hear(outcome.reply)
        take_flows(outcome.flows)
        if outcome.error is not None:
            raise outcome.error
        return outcome.result

    def _pack_message(self, packer: Packer, node: Node) -> Message:
        """Add to a value what else the other end must know."""
        packer.fill_new()
        self.book.pack_changes(packer)
        packer.fill_new()
        forgotten, self._forgotten = self._forgotten, []
        pruned = self.book.prune() if self.prunes else []
        return {
            "classes": packer.classes,
            "defs": packer.defs,
            "fills": packer.fills,
            "value": node,
            "prune": [pruned, forgotten],
        }

    def load(self, unpacker: Unpacker, message: Message) -> None:
        """Make what a message brings, and put into all things what they hold now."""
        self.learn_classes(unpacker, message.get("classes", []))
        unpacker.load(message.get("defs", []), message.get("fills", []))

    def _read_reply(self, reply: Message, unpacker: Unpacker) -> Outcome:
        self.load(unpacker, reply)
        graph = reply.get("graph")
        if graph is not None:
            self._join_all(unpacker, check_list(graph))
        elif unpacker.inner:
            refuse("a tensor with a history without its graph")
        result = unpacker.unpack(reply.get("value"))
        failed = reply.get("error")
        error = None if failed is None else self.unpack_error(unpacker, failed)
        pairs = [check_list(flow, 2) for flow in check_list(reply.get("flows", []))]
        flows = [
            (self.book.get(number), unpacker.unpack(grad)) for number, grad in pairs
        ]
        return Outcome(result, error, flows, reply)

    def forget(self, message: Message) -> None:
        """Forget what the other end says that nobody needs."""
        things, graphs = check_list(message.get("prune", [[], []]), 2)
        self.book.forget(things)
        for number in check_list(graphs):
            self._graphs.pop(check_number(number), None)

    def _join_all(self, unpacker: Unpacker, graphs: Node) -> None:
        told = [check_list(fields, 5) for fields in graphs]
        known = [self.book.get(n) for fields in told for n in check_list(fields[1])]
        if len({id(m) for m in (*known, *unpacker.inner)}) != len(known):
            refuse("a tensor with a history that is not in its graph")
        for number, outputs, inputs, saves, name in told:
            link = Link(check_number(number), self.pull, self._drop_graph)
            about = check_bool(saves), check_text(name)
            mirrors = [self.book.get(output) for output in outputs]
            join_graph(link, about, mirrors, unpacker.unpack_all(inputs))

    def _drop_graph(self, number: int) -> None:
        self._forgotten.append(number)

    def pull(self, number: int, grads: Sequence[Any], wanted: Sequence[bool]) -> Any:
        """Ask the other end for a product with the Jacobian of one of its graphs."""
        found = self.request("vjp", list(grads), graph=number, wanted=list(wanted))
        return [None] * len(wanted) if found is None else check_list(found, len(wanted))

    # Answering.

    def answer(
        self, message: Message, buffers: list[bytearray]
    ) -> tuple[Message, list[bytes]]:
        """Do what the other end asks for; whatever is raised on the way goes back.

        Raises: BadValue when the request itself breaks a rule.
        """
        unpacker = Unpacker(self, buffers)
        with torch._C.DisableTorchFunction():
            self.load(unpacker, message)
            root_inner(unpacker.inner)
            value = unpacker.unpack(message.get("value"))
        self.forget(message)
        grad, dtype = check_list(message.get("mode"), 2)
        result, error, before = None, None, torch.get_default_dtype()
        torch.set_default_dtype(tensors.find_dtype(dtype))
        try:
            with torch.set_grad_enabled(check_bool(grad)):
                result = self._do(message, value)
        except BaseException as raised:  # noqa: BLE001  the edge: it goes to the caller
            error = raised
        finally:
            if torch.get_default_dtype() is tensors.find_dtype(dtype):
                torch.set_default_dtype(before)
        return self._pack_reply(result, error)

    def _do(self, message: Message, value: Any) -> Any:
        if message.get("op") != "vjp":
            return self.perform(message, value)
        graph = self._graphs.get(check_number(message.get("graph")))
        if graph is None:
            refuse("the number of no graph")
        wanted = [check_bool(wants) for wants in check_list(message.get("wanted"))]
        return graph.pull(check_list(value, len(graph.outputs)), wanted)

    def _pack_reply(
        self, result: Any, error: BaseException | None
    ) -> tuple[Message, list[bytes]]:
        packer = Packer(self)
        with torch._C.DisableTorchFunction():
            try:
                node = packer.pack(result)
            except CannotCross as cannot:
                node, error = None, cannot
            failed = None if error is None else self.pack_error(packer, error)
            flows = pack_flows(packer)
            packer.fill_new()
            try:
                recorded = record_graphs(packer)
            except CannotCross as cannot:
                recorded, failed = [], self.pack_error(packer, cannot)
            message = self._pack_message(packer, node)
        message |= {"error": failed, "flows": flows, "graph": None}
        message |= self.add_to_reply()
        for graph, fields in recorded:
            self._next_graph += 1
            self._graphs[self._next_graph] = graph
            message["graph"] = [*(message["graph"] or ()), [self._next_graph, *fields]]
        return message, packer.buffers

    def pack_other(self, packer: Packer, value: Any) -> Node:
        """Return the node of a value whose type is not one of the standard ones."""
        node = pack_base(packer, value)
        if node is not None:
            return node
        name = self.find_record_name(type(value))
        if name is not None:
            return states.pack_record(packer, value, name)
        return self.pack_object(packer, value)
