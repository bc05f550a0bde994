"""Frames on a socket: a header, one JSON object and raw buffers, under caps.

The other end may be hostile. Every number is checked before memory is taken for it,
everything is copied before it is looked at, and descriptors that are sent along are
never received. What the values mean is left to `grader.values`.
"""

from __future__ import annotations

import json
import os
import re
import select
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from grader.errors import GraderError

MAGIC = b"GbH1"
HEADER = struct.Struct("<4s8sII")  # magic, turn, bytes of JSON, number of buffers
LENGTH = struct.Struct("<Q")
SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")  # half a pair cannot be written to a file
CHUNK = 1 << 20  # bytes taken before the first of a long buffer has arrived
IOV_BATCH = 64  # buffers for one writev, well under any system's IOV_MAX

Buffer = bytes | bytearray | memoryview


@dataclass(frozen=True)
class Caps:
    """The most that one frame, and all frames of a submission, may hold."""

    json_bytes: int = 8 << 20
    buffer_bytes: int = 64 << 20
    buffers: int = 4096
    depth: int = 64
    reply_bytes: int = 128 << 20
    total_bytes_per_submission: int = 1 << 30


class WireError(GraderError):
    """The other end broke a rule of the wire; `rule` names it."""

    def __init__(self, rule: str, detail: str = "") -> None:
        super().__init__(rule, detail)
        self.rule = rule
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.rule}: {self.detail}" if self.detail else self.rule


class WireTimeout(GraderError):
    """The deadline passed before a whole frame had crossed."""


class WireClosed(GraderError):
    """The other end closed the socket."""


class Channel:
    """Sends and receives frames over one connected stream socket, which it owns.

    Each frame carries the turn of the frame that it answers.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.received_bytes = 0
        self.turn = bytes(8)
        sock.setblocking(False)

    def fileno(self) -> int:
        """Return the socket's descriptor, for select and poll."""
        return self.sock.fileno()

    def close(self) -> None:
        """Close the socket."""
        self.sock.close()

    def send(
        self,
        message: dict[str, Any],
        buffers: Sequence[Buffer] = (),
        *,
        deadline: float | None = None,
        caps: Caps | None = None,
    ) -> None:
        """Send one frame; `deadline` is on the monotonic clock, None waits for ever.

        Raises: WireTimeout, WireClosed; and, before anything is sent, WireError beyond
        the caps, ValueError, TypeError or RecursionError for what JSON cannot hold.
        """
        text = json.dumps(
            message, allow_nan=False, ensure_ascii=False, separators=(",", ":")
        ).encode()
        views = [memoryview(buffer).cast("B") for buffer in buffers]
        if caps is not None:
            _check_sizes(len(text), [view.nbytes for view in views], caps)
            _check_depth(message, caps.depth)
        head = HEADER.pack(MAGIC, self._begin_turn(), len(text), len(views))
        head += b"".join(LENGTH.pack(view.nbytes) for view in views)
        parts = [memoryview(head + text), *(view for view in views if view.nbytes)]
        while parts:
            parts = _skip(parts, self._send_some(parts, deadline))

    def _begin_turn(self) -> bytes:
        return self.turn

    def _end_turn(self, turn: bytes) -> None:
        self.turn = turn

    def _send_some(self, parts: list[memoryview], deadline: float | None) -> int:
        while True:
            try:
                # write, not sendmsg: the jail refuses the call that carries descriptors
                return os.writev(self.sock.fileno(), parts[:IOV_BATCH])
            except BlockingIOError:
                self._wait(select.POLLOUT, deadline)
            except (BrokenPipeError, ConnectionResetError) as error:
                raise WireClosed("the other end is gone") from error

    def receive(
        self, caps: Caps, deadline: float | None = None
    ) -> tuple[dict[str, Any], list[bytearray]]:
        """Receive one frame.

        Raises: WireError when a rule is broken, WireTimeout, WireClosed.
        """
        head = self._read(HEADER.size, deadline)
        magic, turn, json_bytes, count = HEADER.unpack(head)
        _require(magic == MAGIC, "not a frame")
        self._end_turn(turn)
        _require(count <= caps.buffers, "too many buffers", str(count))
        table = self._read(count * LENGTH.size, deadline)
        sizes = [size for (size,) in LENGTH.iter_unpack(table)]
        self.received_bytes += _check_sizes(json_bytes, sizes, caps)
        _require(
            self.received_bytes <= caps.total_bytes_per_submission,
            "submission sent too much",
            f"{self.received_bytes} bytes",
        )
        text = self._read(json_bytes, deadline)
        buffers = [self._read(size, deadline) for size in sizes]
        return parse_message(text, caps), buffers

    def _read(self, size: int, deadline: float | None) -> bytearray:
        data, filled = bytearray(min(size, CHUNK)), 0
        while filled < size:
            if filled == len(data):  # grows with what came, not with what was promised
                data.extend(bytes(min(size - filled, filled)))
            with memoryview(data) as whole, whole[filled:] as free:
                filled += self._receive_some(free, deadline)
            if deadline is not None and time.monotonic() > deadline:
                raise WireTimeout("the frame did not end in time")
        return data

    def _receive_some(self, free: memoryview, deadline: float | None) -> int:
        while True:
            try:
                count = self.sock.recv_into(free)
            except BlockingIOError:
                self._wait(select.POLLIN, deadline)
            except ConnectionResetError as error:
                raise WireClosed("the other end is gone") from error
            else:
                if count == 0:
                    raise WireClosed("the other end is gone")
                return count

    def _wait(self, event: int, deadline: float | None) -> None:
        poll = select.poll()
        poll.register(self.sock, event)
        if deadline is None:
            poll.poll()
            return
        left_s = deadline - time.monotonic()
        if left_s <= 0 or not poll.poll(left_s * 1000):
            raise WireTimeout("nothing crossed in time")


class Asker(Channel):
    """The examiner's end: takes one frame for each that it sent, and no other.

    The turn cannot be guessed: an answer prepared before its question is refused.
    """

    def _begin_turn(self) -> bytes:
        self.turn = os.urandom(8)
        return self.turn

    def _end_turn(self, turn: bytes) -> None:
        _require(bool(self.turn) and turn == self.turn, "out of turn")
        self.turn = b""


def parse_message(text: bytes | bytearray, caps: Caps) -> dict[str, Any]:
    """Read a JSON object: no NaN, no infinity, no half characters, limited depth.

    Raises: WireError.
    """
    try:
        message = json.loads(text.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:  # also UnicodeDecodeError, huge ints
        raise WireError("not JSON", type(error).__name__) from error
    _require(isinstance(message, dict), "not a JSON object", type(message).__name__)
    _check_depth(message, caps.depth)
    if SURROGATE.search(text):
        _check_surrogates(message)
    return dict(message)


def _check_sizes(json_bytes: int, sizes: list[int], caps: Caps) -> int:
    """Return the bytes of a frame."""
    largest = max(sizes, default=0)
    total = HEADER.size + LENGTH.size * len(sizes) + json_bytes + sum(sizes)
    _require(len(sizes) <= caps.buffers, "too many buffers", str(len(sizes)))
    _require(json_bytes <= caps.json_bytes, "JSON too long", f"{json_bytes} bytes")
    _require(largest <= caps.buffer_bytes, "buffer too long", f"{largest} bytes")
    _require(total <= caps.reply_bytes, "reply too long", f"{total} bytes")
    return total


def _check_depth(message: Any, depth: int) -> None:
    level = [message]
    for _ in range(depth + 1):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise WireError("nested too deeply", f"more than {depth} levels")


def _check_surrogates(message: Any) -> None:
    try:
        json.dumps(message, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise WireError("half a character", "a lone surrogate") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _require(holds: bool, rule: str, detail: str = "") -> None:
    if not holds:
        raise WireError(rule, detail)


def _skip(parts: list[memoryview], count: int) -> list[memoryview]:
    """Return what is left of `parts` after `count` bytes have been sent."""
    while parts and count >= parts[0].nbytes:
        count -= parts[0].nbytes
        parts = parts[1:]
    return [parts[0][count:], *parts[1:]] if parts else []
