"""How objects cross that stay where they are: as numbers, and as what they are.

A student's object comes out as a proxy and goes back in as itself. An instructor's
function goes in as something to call back; other objects of the instructor's do not.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import sys
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from grader.peers.modules import WELL_KNOWN, find_library_place, is_odd
from grader.peers.peer import Outcome
from grader.peers.specials import get_pure
from grader.proxies.classes import (
    find_base,
    find_shared,
    make_class,
    make_extended,
    make_object,
    read_facts,
)
from grader.proxies.errors import ODD_NAME, OF_THE_PAST, NotExaminable
from grader.proxies.functions import RemoteFunction, get_target, make_function
from grader.proxies.objects import Facts, Ref, RemoteType, get_ref, is_students
from grader.values.arrays import unpack_masked, unpack_unmasked
from grader.values.mirrors import make_extended as mirror_extended
from grader.values.packing import (
    CannotCross,
    Mirror,
    Node,
    Packer,
    Unpack,
    Unpacker,
    check_int,
    check_list,
    check_text,
    refuse,
)

NAME_LENGTH = 500
MAX_NUMBER = 1 << 52
RAISABLE = (Exception, SystemExit)  # of the rest none may pass through a test
MASKED = frozenset({"ma", "mask", "filled", "compressed"})
ONLY_THEIRS = "the module {name!r}, which only the student's cells import"


class StudentRaised(Exception):
    """What the student's code raised has no class out here that fits it."""


class Crossing:
    """The proxies of one student's process, and the functions lent to it."""

    def __init__(self, line: Any) -> None:
        self._line = line
        self._classes: dict[int, Facts] = {}
        self._proxies: weakref.WeakValueDictionary[int, Any]
        self._proxies = weakref.WeakValueDictionary()
        self._released: set[int] = set()
        self._lent: dict[int, Any] = {}  # for one test cell
        self._given: dict[int, Any] = {}  # lent under a name of the student's side
        self.unpackers: dict[str, tuple[int, Unpack]] = {
            "handle": (1, lambda unpacker, number: self._find_class(number)),
            "object": (3, self._make_object),
            "function": (6, self._make_function),
            "error": (6, self._make_error),
            "pure": (2, lambda unpacker, *place: get_pure(*place)),
            "module": (1, lambda unpacker, name: find_module(name)),
            "masked": (2, self._unpack_masked),
            "extended": (2, self._make_extended),
            "yours": (1, lambda unpacker, number: self.find_lent(number)),
        }

    def learn_classes(self, nodes: Node) -> None:
        """Take the descriptions of classes of the student's process."""
        for node in check_list(nodes):
            facts = read_facts(node, self._classes)
            self._classes[facts.number] = facts

    def take_released(self) -> list[int]:
        """Return the numbers of objects that have no proxy any longer."""
        released, self._released = self._released, set()
        return list(released)

    # Going in.

    def pack(self, packer: Packer, value: Any) -> Node:
        """Return the node of what does not cross by value.

        Raises: CannotCross.
        """
        if is_students(value):
            return self._pack_proxy(packer, value)
        if isinstance(value, types.ModuleType):
            return ["module", value.__name__]
        if isinstance(value, type) and value in self._line.shared_classes.values():
            return ["shared", value.__name__]
        place = find_library_place(value)
        if place is not None:
            return ["library", *place]
        return self._lend(packer, value)

    def _lend(self, packer: Packer, value: Any) -> Node:
        """Lend a function or an iterator, or what an open file holds."""
        if isinstance(value, io.TextIOBase | io.BufferedIOBase):
            return packer.pack(read_stream(value))
        is_called = callable(value) and not isinstance(value, type)
        if not is_called and not isinstance(value, Iterator):
            message = f"an object of class {type(value).__name__}"
            raise CannotCross(message)
        self._lent[id(value)] = value
        if not is_called:
            return ["their iterator", id(value)]
        return ["theirs", id(value), str(getattr(value, "__name__", "function"))]

    def _pack_proxy(self, packer: Packer, value: Any) -> Node:
        kind = type(value)
        if issubclass(kind, RemoteType) or not issubclass(kind, RemoteFunction):
            ref = get_ref(value)
            line, number, thing, name = ref.line, ref.number, None, ""
        else:
            line, number, thing, name = get_target(value)
        if line is not self._line:
            raise CannotCross(OF_THE_PAST)
        if thing is not None:
            return ["bound", packer.pack(thing), name]
        return ["handle", number]

    def find_lent(self, number: Node) -> Any:
        """Return what was lent under a number.

        Raises: BadValue.
        """
        lent = self._given | self._lent
        if check_int(number, 0, 1 << 64) not in lent:
            refuse("nothing that was lent")
        return lent[number]

    def keep_lent(self) -> None:
        """Leave what was lent with the student's process."""
        self._given |= self._lent

    def take_back(self) -> None:
        """Take back what was lent for one test cell."""
        self._lent.clear()

    # Coming out.

    def _find_class(self, number: Node) -> Any:
        return self.find_class(self._get_facts(["handle", number]))

    def find_class(self, facts: Facts) -> Any:
        """Return what a class is out here: the instructor's, a library's, a proxy."""
        shared = find_shared(self._line, facts)
        return shared or facts.real or make_class(self._line, facts)

    def _get_facts(self, node: Node) -> Facts:
        tag, number = check_list(node, 2)
        if tag != "handle" or type(number) is not int or number not in self._classes:
            refuse("an unknown class")
        return self._classes[number]

    def _keep(self, number: Node, make: Callable[[], Any]) -> Any:
        proxy = self._proxies.get(check_int(number, 1, MAX_NUMBER))
        if proxy is None:
            proxy = self._proxies[number] = make()
            weakref.finalize(proxy, self._release, number).atexit = False
        self._released.discard(number)
        return proxy

    def _release(self, number: int) -> None:
        self._released.add(number)

    def _make_object(self, unpacker: Unpacker, number: Node, *about: Node) -> Any:
        ref = self._read_ref(unpacker, ["object", number, *about])
        return self._keep(number, lambda: make_object(ref))

    def _read_ref(self, unpacker: Unpacker, node: Node) -> Ref:
        tag, number, kind, hashed = check_list(node, 4)
        facts, known = self._get_facts(kind), unpacker.unpack(hashed)
        if tag != "object" or (known not in (None, False) and type(known) is not int):
            refuse("not an object")
        return Ref(self._line, check_int(number, 1, MAX_NUMBER), facts, hash=known)

    def _make_extended(self, unpacker: Unpacker, base: Node, thing: Node) -> Any:
        value, ref = unpacker.unpack(base), self._read_ref(unpacker, thing)
        if self._proxies.get(ref.number) is None:  # no proxy that asks to forget it
            self._released.discard(ref.number)
        return make_extended(ref, value)

    def make_container(self, unpacker: Unpacker, thing: Node) -> Mirror:
        """Make a list, dict or set that has a student's methods too."""
        ref = self._read_ref(unpacker, thing)
        kind = find_base(make_class(self._line, ref.facts), (list, dict, set))
        return mirror_extended(make_extended(ref, kind()))

    def _unpack_masked(self, unpacker: Unpacker, data: Node, mask: Node) -> Any:
        """Leave masks only to a test that speaks of them."""
        unpack = unpack_masked if self._line.names & MASKED else unpack_unmasked
        return unpack(unpacker, data, mask)

    def _make_function(self, unpacker: Unpacker, number: Node, *about: Node) -> Any:
        return self._keep(number, lambda: make_function(self._line, number, about))

    def _make_error(
        self, unpacker: Unpacker, number: Node, kind: Node, args: Node, *about: Node
    ) -> Any:
        facts, values = self._get_facts(kind), unpacker.unpack(args)
        text, place = unpacker.unpack(about[0]), about[1]
        cause = unpacker.unpack(about[2])
        is_cause = cause is None or isinstance(cause, BaseException)
        if type(text) is not str or type(values) is not tuple or not is_cause:
            refuse("not an error")
        ref = Ref(self._line, check_int(number, 1, MAX_NUMBER), facts, text=text)

        def make() -> Any:
            made: Any = make_error(ref, values)
            made.__grader_line__ = self._line.sources.find_line(place)
            made.__cause__ = cause
            return made

        if facts.real is None:
            return self._keep(number, make)
        self._release(number)  # nothing of it is needed over there
        return make()


def make_error(ref: Ref, args: tuple[Any, ...]) -> BaseException:
    """Return an exception of the class over there, or of what comes nearest."""
    made: Any = None
    kind = ref.facts.real
    if kind is None:
        made = make_object(ref)
    elif issubclass(kind, RAISABLE):
        with contextlib.suppress(Exception):  # a class may want other arguments
            made = kind(*args) if kind.__module__ == "builtins" else kind.__new__(kind)
    if not isinstance(made, RAISABLE):
        return StudentRaised(f"{ref.facts.names[0]}: {ref.text}")
    made.args = args
    return made


def read_stream(file: Any) -> io.StringIO | io.BytesIO:
    """Return a stream in memory that stands where an open file does.

    Raises: CannotCross when it is not open for reading.
    """
    try:
        place = file.tell()
        data = file.read()
        file.seek(place)
    except (OSError, ValueError):
        message = "a file that is not open for reading"
        raise CannotCross(message) from None
    return io.StringIO(data) if isinstance(data, str) else io.BytesIO(data)


def find_module(name: Node) -> Any:
    """Return a module of that name out here, for a name that the student imported.

    Raises: NotExaminable.
    """
    module = sys.modules.get(check_text(name, NAME_LENGTH))
    if module is None and name in WELL_KNOWN:
        with contextlib.suppress(ImportError):
            return importlib.import_module(name)
    if module is None or name.partition(".")[0] in ("grader", "__main__"):
        raise NotExaminable(ONLY_THEIRS.format(name=name))
    return module


def check_names(names: Any, outcome: Outcome) -> Outcome:
    """Refuse what stands under the name of a library, and is another thing.

    Raises: NotExaminable.
    """
    pairs = outcome.result if type(outcome.result) is list else ()
    for name, pair in zip(names, pairs, strict=False):
        if type(pair) is tuple and is_odd(name, pair[-1] if pair else None):
            raise NotExaminable(ODD_NAME.format(name=name))
    return outcome
