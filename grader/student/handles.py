"""The student's end of the line: objects that stay here, under numbers.

What may be done with them is in `operations`; what they are is told by `describe`.
Knows no test.
"""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Iterator
from typing import Any, Protocol

from grader.peers import specials
from grader.peers.peer import Buffers, Message, Peer
from grader.student import describe
from grader.student.operations import PERFORM, Heard, end_cell, listen, set_seeds
from grader.values.mirrors import make_extended
from grader.values.packing import (
    CannotCross,
    Node,
    Packer,
    Unpacker,
    check_int,
    check_text,
    refuse,
)
from grader.values.plain import pack_namedtuple_class

MAX_NUMBER = 1 << 52
CAUSES = 3  # of an error that are told
HELD_HERE = 3  # references by the table, a loop and getrefcount's argument


class Line(Protocol):
    """What this module needs of `grader.student.main.Session`."""

    channel: Any
    caps: Any
    objects: dict[str, Any]
    busy: bool

    @property
    def names(self) -> dict[str, Any]:
        """The student's globals."""

    def call_back(self, message: Message, buffers: Any = ()) -> Any:
        """Ask the examiner something while it waits for a reply."""


class StudentPeer(Peer):
    """Answers for the student's objects, and asks for the instructor's functions."""

    def __init__(self, session: Line) -> None:
        super().__init__(first=1)
        self.session = session
        self._next_number = 1
        self._things: dict[int, Any] = {}
        self._numbers: dict[int, int] = {}  # by the id of a thing that is kept
        self._told: set[int] = set()  # classes that the examiner knows
        self._borrowed: dict[int, Any] = {}  # the instructor's functions, by number
        self._heard = Heard()
        self.own_builtins: dict[str, Any] = {}  # while a test has replaced them
        self.unpackers |= {
            "handle": (1, lambda unpacker, number: self.get_thing(number)),
            "library": (2, _find_in_library),
            "bound": (
                2,
                lambda unpacker, node, name: getattr(unpacker.unpack(node), name),
            ),
            "module": (1, lambda unpacker, name: _import(name)),
            "shared": (1, self._find_shared),
            "theirs": (2, self._borrow),
            "their iterator": (1, self._borrow_iterator),
        }

    @property
    def names(self) -> dict[str, Any]:
        """The student's globals."""
        return self.session.names

    def keep(self, thing: Any) -> int:
        """Return the number of a thing that stays here."""
        number = self._numbers.get(id(thing))
        if number is None:
            number = self._next_number
            self._next_number += 1
            self._things[number] = thing
            self._numbers[id(thing)] = number
        return number

    def get_thing(self, number: Node) -> Any:
        """Return the thing of that number.

        Raises: BadValue.
        """
        if check_int(number, 0, MAX_NUMBER) not in self._things:
            refuse("the number of nothing")
        return self._things[number]

    def forget(self, message: Message) -> None:
        """Let go of things that the examiner no longer holds."""
        super().forget(message)
        for number in message.get("release", []):
            thing = self._things.pop(number, None)
            self._numbers.pop(id(thing), None)

    # What does not cross by value.

    def pack_other(self, packer: Packer, value: Any) -> Node:
        """Return the node of a value of no standard type.

        One of a student's class that extends a built-in one crosses as its base value,
        with the number of the object for its own methods.
        """
        if not describe.is_extended(value):
            return super().pack_other(packer, value)
        known = packer.book.find(value)
        if known is not None:
            return ["is", known.id]
        thing = self._pack_kept(packer, value)
        if isinstance(value, list | dict | set):
            return packer.define(make_extended(value), thing)
        return ["extended", super().pack_other(packer, value), thing]

    def pack_object(self, packer: Packer, value: Any) -> Node:
        """Return the number of an object that stays here, and what it is."""
        if isinstance(value, BaseException):
            return self.pack_error(packer, value)
        if isinstance(value, type):
            is_plain = describe.is_namedtuple(value)
            return (
                pack_namedtuple_class(value)
                if is_plain
                else self._pack_class(packer, value)
            )
        if type(value) is types.ModuleType and sys.modules.get(value.__name__) is value:
            return ["module", value.__name__]
        if type(value) is types.MappingProxyType:
            return packer.pack(dict(value))
        return self._pack_kept(packer, value)

    def _pack_kept(self, packer: Packer, value: Any) -> Node:
        for number, thing in self._borrowed.items():
            if thing is value:
                return ["yours", number]
        kind = describe.FUNCTIONS.get(type(value))
        place = specials.find_pure(value) if kind == "builtin" else None
        if place is not None:
            return ["pure", *place]
        if kind is not None:
            names = describe.list_plain_parameters(value)
            return ["function", self.keep(value), kind, *_name(value), names]
        node = self._pack_class(packer, type(value))
        return ["object", self.keep(value), node, describe.find_hash(value)]

    def _pack_class(self, packer: Packer, kind: type) -> Node:
        number = self.keep(kind)
        if number not in self._told:
            self._told.add(number)
            bases = [self._pack_class(packer, base) for base in kind.__bases__]
            place = describe.locate(kind)
            packer.classes.append(
                [
                    number,
                    list(place) if place else None,
                    _name(kind),
                    bases if kind is not object else [],
                    describe.list_specials(kind),
                    describe.list_methods(kind),
                ]
            )
        return ["handle", number]

    def pack_error(self, packer: Packer, error: BaseException, depth: int = 0) -> Node:
        """Return the node of an exception, also when it is a mere value."""
        try:
            args = packer.pack(tuple(error.args))
        except CannotCross:
            args = ["tuple", []]
        kind = self._pack_class(packer, type(error))
        text = packer.pack(describe.find_text(error))
        cause = error.__cause__ if depth < CAUSES else None
        told = None if cause is None else self.pack_error(packer, cause, depth + 1)
        place = describe.find_place(error)
        return ["error", self.keep(error), kind, args, text, place, told]

    def unpack_error(self, unpacker: Unpacker, node: Node) -> BaseException:
        """Return what the instructor's function raised: its kind, not its text."""
        found = getattr(sys.modules["builtins"], check_text(node), None)
        if isinstance(found, type) and issubclass(found, Exception):
            return found()
        return RuntimeError()

    # The instructor's functions.

    def _borrow(self, unpacker: Unpacker, number: Node, name: Node) -> Any:
        if number not in self._borrowed:

            def borrowed(*args: Any, **kwargs: Any) -> Any:
                pairs = tuple(kwargs.items())
                return self.request("call", (args, pairs), thing=number)

            borrowed.__name__ = borrowed.__qualname__ = check_text(name)
            self._borrowed[number] = borrowed
        return self._borrowed[number]

    def give_back(self) -> None:
        """Forget functions that were lent for one test cell and are kept nowhere."""
        for number, function in list(self._borrowed.items()):
            if sys.getrefcount(function) <= HELD_HERE:
                del self._borrowed[number]

    def _borrow_iterator(self, unpacker: Unpacker, number: Node) -> Iterator[Any]:
        while True:
            goes_on, item = self.request("next", None, thing=number)
            if not goes_on:
                return
            yield item

    def send(
        self, message: Message, buffers: Buffers
    ) -> tuple[Message, list[bytearray]]:
        """Call back the examiner; answer what it asks before it replies."""
        session = self.session
        session.busy = False  # an interrupt must not fall into a frame
        try:
            reply, received = session.call_back(
                {**message, "do": message["op"]}, buffers
            )
            while "op" in reply:
                session.busy = True
                answer, out = self.answer(reply, received)
                session.busy = False
                session.channel.send(answer, out)
                reply, received = session.channel.receive(session.caps)
        finally:
            session.busy = True
        return reply, received

    # Answering.

    def _find_shared(self, unpacker: Unpacker, name: Node) -> Any:
        found = self.shared_classes.get(check_text(name))
        return refuse("a class that is not shared") if found is None else found

    def share(self, names: list[str]) -> None:
        """Let objects of these classes of a locked cell cross by their attributes."""
        for name in names:
            kind = self.names.get(name)
            if isinstance(kind, type):
                self.share_class(name, kind)

    def perform(self, message: Message, value: Any) -> Any:
        """Do one operation; keep what is printed meanwhile."""
        set_seeds(message.get("seeds"))
        if message.get("ended"):
            end_cell(self)
        with listen() as self._heard:
            return PERFORM[message["op"]](self, value)

    def add_to_reply(self) -> Message:
        """Return what was printed and warned of."""
        heard, self._heard = self._heard, Heard()
        return heard.as_message()


def _name(thing: Any) -> list[str]:
    parts = [
        getattr(thing, f"__{part}__", "") for part in ("name", "qualname", "module")
    ]
    return [part if isinstance(part, str) else "" for part in parts]


def _import(name: Node) -> Any:
    return importlib.import_module(check_text(name))


def _find_in_library(unpacker: Unpacker, module: Node, name: Node) -> Any:
    found = _import(module)
    for part in check_text(name).split("."):
        found = getattr(found, part)
    return found


def answer_request(session: Line, message: Message, buffers: list[bytearray]) -> Any:
    """Do one operation that the examiner asks for.

    Called by: `grader.student.main`, which sends the reply.
    """
    peer = session.objects.get("peer")
    if peer is None:
        peer = session.objects["peer"] = StudentPeer(session)
    return peer.answer(message, buffers)


OPERATIONS = dict.fromkeys([*PERFORM, "vjp"], answer_request)
