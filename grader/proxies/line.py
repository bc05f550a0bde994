"""The examiner's end of the line to one student's process: asking, and its faults."""

from __future__ import annotations

import contextlib
import inspect
import sys
import threading
import time
import types
import warnings
from collections.abc import Callable
from typing import Any, Protocol

from grader.errors import GraderError
from grader.peers.kinds import holds_nan
from grader.peers.peer import Buffers, Message, Peer
from grader.proxies.classes import read_warning
from grader.proxies.crossing import Crossing, check_names
from grader.proxies.errors import CANNOT_CROSS, LOST, ExerciseLost, NotExaminable, Owed
from grader.proxies.functions import (
    RemoteMethod,
    guard_attribute,
    guard_record,
    read_signature,
)
from grader.proxies.objects import Facts, RemoteType, is_students
from grader.proxies.operators import Place, find_place
from grader.proxies.sources import Sources
from grader.values.packing import (
    CannotCross,
    Node,
    Packer,
    Unpacker,
    check_list,
    check_text,
    refuse,
)

LEAST_S = 0.01  # a request that is too late is still sent, to find out in what state
SAID_CHARACTERS = 1 << 20


class Process(Protocol):
    """What this module needs of `grader.sandbox.process.StudentProcess`."""

    def request(
        self, message: Message, buffers: Any, *, timeout_s: float, on_callback: Any
    ) -> tuple[Message, list[bytearray]]:
        """Send a request and wait for the reply."""


class Line(Peer):
    """One student's process, as proxies use it.

    deadline: on the monotonic clock, for whatever is asked. fault: why this process
    is of no more use. notes: sentences for staff. cell: the present test cell. names:
    what it mentions. literals: where the instructor's cells have a literal as an
    operand, by file name. epoch: how often the student's code may have run.
    """

    prunes = True

    def __init__(self, process: Process) -> None:
        super().__init__(first=0)
        self.process = process
        self.deadline = float("inf")
        self.fault: GraderError | None = None
        self.notes: list[str] = []
        self.sources = Sources()
        self.cell = ""
        self.names: frozenset[str] = frozenset()
        self.literals: dict[str, frozenset[Place]] = {}
        self.epoch, self.nan_cells = 0, set[str]()  # cells to which an answer held one
        self.read_seeds: Callable[[], Message | None] = lambda: None
        self.around_call: Callable[[Any], Any] = contextlib.nullcontext
        self.crossing = Crossing(self)
        self.unpackers |= self.crossing.unpackers
        for kind in ("list", "dict", "set"):
            self.makers[f"extended {kind}"] = (1, self.crossing.make_container)
        self._is_reading = False
        self._turn = threading.RLock()  # a test may call from threads of its own
        self._owes_end, self._owed = False, Owed()

    # Asking.

    def ask(self, op: str, value: Any) -> Any:
        """Let the student's process do something.

        Raises: what the student's code raised; ExerciseLost, NotExaminable.
        """
        is_call = op in ("call", "method")
        around = self.around_call(value) if is_call else contextlib.nullcontext()
        with self._owed.settle(), around:
            found = self.request(op, value)
        if holds_nan(found):
            self.nan_cells.add(self.cell)
        return found

    def exchange(self, op: str, value: Any, **fields: Any) -> Any:
        """Send a request and read the reply; keep whatever goes wrong as the fault.

        Raises: ExerciseLost, NotExaminable.
        """
        try:
            with self._turn:
                return self._watch(op, value, **fields)
        except CannotCross as error:
            self.fault = NotExaminable(CANNOT_CROSS.format(what=error))
            raise self.fault from None

    def _watch(self, op: str, value: Any, **fields: Any) -> Any:
        if self.fault is not None:
            raise ExerciseLost(LOST)
        if self._is_reading:
            refuse("something to be asked while a reply is read")
        self.epoch += op != "names"
        try:
            outcome = super().exchange(op, value, **fields)
            return check_names(value, outcome) if op == "names" else outcome
        except CannotCross:
            raise
        except (ExerciseLost, NotExaminable) as error:
            self.fault = self.fault or error
            raise
        except GraderError as error:  # the process, the wire, or a bad value on it
            self.fault = self.fault or error
            raise ExerciseLost(str(error)) from None
        except Exception as error:
            if self.fault is not None:  # of a request that this one was waiting for
                raise ExerciseLost(LOST) from None
            self.fault = NotExaminable(f"the grader failed: {type(error).__name__}")
            raise self.fault from error
        except BaseException:  # the cell's time is over in the middle of an exchange
            self.fault = self.fault or ExerciseLost(LOST)
            raise

    def flush(self) -> None:
        """Send what changed out here, before cells run over there."""
        if self.book.has_changes():
            self.ask("nothing", None)

    def end_cell(self) -> None:
        """Take back what was lent for a test cell; the next request tells its end."""
        self.crossing.take_back()
        self._owes_end = True

    def take_end(self) -> Message:
        """Return what a request must say of the test cell before."""
        owed, self._owes_end = {"ended": self._owes_end}, False
        return owed

    def offer(self, name: str, value: Any) -> bool:
        """Set a name over there; return False when its value cannot cross."""
        try:
            with self._turn:
                self.settle(self._watch("bind", ((name, value),)))
        except CannotCross:
            return False
        self.crossing.keep_lent()
        return True

    def send(
        self, message: Message, buffers: Buffers
    ) -> tuple[Message, list[bytearray]]:
        """Send a request to the process.

        Raises: StudentTimeout, StudentDied, WireError; BadValue when it failed.
        """
        seconds = min(max(self.deadline - time.monotonic(), LEAST_S), 1e6)
        options: Any = {"timeout_s": seconds, "on_callback": self._answer_callback}
        reply, received = self.process.request(message, buffers, **options)
        if reply.get("failed") is not None:
            refuse(f"a reply that could not be made: {str(reply['failed'])[:200]}")
        return reply, received

    def _read_reply(self, reply: Message, unpacker: Unpacker) -> Any:
        self._is_reading = True
        try:
            return super()._read_reply(reply, unpacker)
        finally:
            self._is_reading = False

    def add_to_request(self) -> Message:
        """Return which things may go, and the random states that a test has set."""
        released = self.crossing.take_released()
        return {"release": released, "seeds": self.read_seeds(), **self.take_end()}

    def hear(self, reply: Message) -> None:
        """Print what was printed over there, and warn of what was warned of."""
        out, err = check_list(reply.get("said", ["", ""]), 2)
        sys.stdout.write(check_text(out, SAID_CHARACTERS))
        sys.stderr.write(check_text(err, SAID_CHARACTERS))
        for kind, text in map(read_warning, check_list(reply.get("warned", []))):
            warnings.warn(text, kind, stacklevel=4)

    # What proxies ask for.

    def call(self, function: Any, args: Any, kwargs: Any) -> Any:
        """Call a student's function or class."""
        return self.ask("call", (function, tuple(args), tuple(kwargs.items())))

    def operate(self, name: str, operands: Any, kwargs: Any = ()) -> Any:
        """Do what a special method stands for."""
        pairs = tuple(dict(kwargs).items())
        return self.ask("operate", (name, tuple(operands), pairs))

    def get_attribute(self, thing: Any, name: str) -> Any:
        """Read an attribute of a student's object."""
        return guard_attribute(self, thing, name, self.ask("get", (thing, name)))

    def make_method(self, thing: Any, name: str) -> Any:
        """Return a method of a student's object, without asking."""
        return RemoteMethod(self, thing, name)

    def signature(self, function: Any) -> inspect.Signature:
        """Return the signature of a student's function."""
        return read_signature(*self.ask("signature", function))

    def find_source(self, thing: Any) -> str | None:
        """Return the text of a student's function or class, from the cells that ran."""
        name = thing.__name__ if isinstance(thing, RemoteType) else ""
        return self.sources.find_block(self.ask("source", thing), name)

    def place_source(self, function: Any) -> tuple[str, int]:
        """Return where `inspect` finds the source of a student's function.

        Raises: OSError.
        """
        return self.sources.show_to_inspect(self.ask("source", function))

    def find_class(self, facts: Facts) -> Any:
        """Return what a class of the student's process is out here."""
        return self.crossing.find_class(facts)

    # Wall 5, and what staff should know.

    def note(self, sentence: str) -> None:
        """Tell staff something once."""
        told = f"{self.cell}: {sentence}"
        if told not in self.notes:
            self.notes.append(told)

    def mentions(self, facts: Facts) -> bool:
        """Whether the present test cell names the class, or one it comes from."""
        return bool(facts.list_names() & self.names)

    def means(self, facts: Facts) -> bool:
        """Whether the present test cell has found the class itself under a name."""
        return facts.meant_in == self.cell or any(map(self.means, facts.bases))

    def allows_literal(self, facts: Facts, frame: types.FrameType) -> bool:
        """Whether an operator has a literal beside an object of a class it names."""
        places = self.literals.get(frame.f_code.co_filename, frozenset())
        return self.mentions(facts) and find_place(frame) in places

    # What crosses without value, and calls back.

    def pack_other(self, packer: Packer, value: Any) -> Node:
        """Return the node of a value of no standard type."""
        if is_students(value) and packer.book.find(value) is None:
            return self.pack_object(packer, value)
        return super().pack_other(packer, value)

    def pack_object(self, packer: Packer, value: Any) -> Node:
        """Return the number of a student's object, or lend a function."""
        return self.crossing.pack(packer, value)

    def load(self, unpacker: Unpacker, message: Message) -> None:
        """Take what a message brings; watch over objects of classes of both sides."""
        super().load(unpacker, message)
        for mirror in self.book.tagged("record"):
            guard_record(self, mirror.thing)

    def learn_classes(self, unpacker: Unpacker, nodes: Node) -> None:
        """Take the descriptions of the student's classes."""
        self.crossing.learn_classes(nodes)

    def unpack_error(self, unpacker: Unpacker, node: Node) -> BaseException:
        """Return the exception that the student's code raised."""
        error = unpacker.unpack(node)
        return error if isinstance(error, BaseException) else refuse("no error")

    def pack_error(self, packer: Packer, error: BaseException) -> Node:
        """Return the kind of what an instructor's function raised, not its text."""
        return type(error).__name__ if type(error).__module__ == "builtins" else ""

    def _answer_callback(self, message: Message, buffers: list[bytearray]) -> Any:
        return self.answer({**message, "op": message.get("do")}, buffers)

    def perform(self, message: Message, value: Any) -> Any:
        """Call a function that was lent, or take the next from an iterator."""
        thing = self.crossing.find_lent(message.get("thing"))
        if message["op"] == "next":
            return next(((True, item) for item in thing), (False, None))
        if message["op"] != "call" or type(value) is not tuple or len(value) != 2:
            refuse("an unknown callback")
        args, pairs = value
        with self._owed.keep(judges=bool(args or pairs)):
            return thing(*args, **dict(pairs))
