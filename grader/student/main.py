"""The request loop of a student's process; each request is one frame with an `op`.

Operations on the student's objects belong to `grader.student.handles`.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any, Final

from grader.accelerators.nodes import BROKEN_STATUS
from grader.student.outputs import mend
from grader.student.shell import Shell
from grader.wire.frames import Buffer, Caps, Channel, WireClosed, WireError

MAX_ERROR_CHARS: Final = 10_000
Reply = tuple[dict[str, Any], Sequence[Buffer]]
Operation = Callable[["Session", dict[str, Any], list[bytearray]], Reply]


class Session:
    """One student's process: its shell, its names and the line to the examiner."""

    def __init__(self, channel: Channel, caps: Caps, shell: Shell) -> None:
        self.channel = channel
        self.caps = caps
        self.shell = shell
        self.objects: dict[str, Any] = {}  # for the operations: handles live here
        self.busy = False

    @property
    def names(self) -> dict[str, Any]:
        """The student's globals."""
        return self.shell.names

    def call_back(
        self, message: dict[str, Any], buffers: Sequence[Buffer] = ()
    ) -> tuple[dict[str, Any], list[bytearray]]:
        """Ask the examiner something while it waits for a reply."""
        self.channel.send({**message, "op": "callback"}, buffers)
        return self.channel.receive(self.caps)

    def interrupt(self, signum: int, frame: types.FrameType | None) -> None:
        """Stop the student's code, but never in the middle of a frame."""
        if self.busy:
            raise KeyboardInterrupt


def serve(sock: socket.socket, caps: Caps, shell: Shell) -> None:
    """Answer requests until the examiner closes the socket."""
    session = Session(Channel(sock), caps, shell)
    signal.signal(signal.SIGINT, session.interrupt)
    renew_randomness()
    own_pid = os.getpid()
    while True:
        try:
            message, buffers = session.channel.receive(caps)
            reply = answer(session, message, buffers)
            leave_broken_gpu()
            if os.getpid() != own_pid:
                os._exit(0)  # a child that the student forked and did not end
            send_reply(session, *reply)
        except WireClosed:
            return


def leave_broken_gpu() -> None:
    """End here if an illegal access broke the GPU for this process, for good.

    Kernels run late: waiting for them, an error hits the exercise that made it, and a
    fresh process goes on with the others.
    """
    import torch  # noqa: PLC0415  the zygote has it

    if torch.cuda.is_initialized():
        try:
            torch.cuda.synchronize()
        except RuntimeError:
            os._exit(BROKEN_STATUS)


def send_reply(
    session: Session, reply: dict[str, Any], buffers: Sequence[Buffer]
) -> None:
    """Send a reply; in place of one that the wire cannot hold, say so."""
    try:
        session.channel.send(reply, buffers, caps=session.caps)
    except (WireError, TypeError, ValueError, RecursionError) as error:
        session.channel.send({"failed": describe(error)})


def renew_randomness() -> None:
    """Draw new states, as a fresh kernel has them; Python renews its own at a fork."""
    import numpy as np  # noqa: PLC0415  the zygote has it
    import torch  # noqa: PLC0415

    np.random.seed()
    torch.default_generator.seed()


def answer(
    session: Session, message: dict[str, Any], buffers: list[bytearray]
) -> Reply:
    """Do one operation; what it raises goes back as an error, never further."""
    try:
        operation = find_operation(str(message["op"]))
        session.busy = True
        try:
            return operation(session, message, buffers)
        finally:
            session.busy = False
    except BaseException as error:  # noqa: BLE001  the edge of the process
        return {"failed": describe(error)}, []


def describe(error: BaseException) -> dict[str, str]:
    """Return the type and the text of an error, whatever its own methods do."""
    try:
        text = str(error)
    except BaseException:  # noqa: BLE001  a student's __str__
        text = ""
    described: dict[str, str] = mend(
        {"ename": type(error).__name__, "evalue": text[:MAX_ERROR_CHARS]}
    )
    return described


def find_operation(name: str) -> Operation:
    """Return the operation of that name, ours or one on handles."""
    if name in OWN:
        return OWN[name]
    from grader.student.handles import OPERATIONS  # noqa: PLC0415  the other room's half

    operation: Operation = OPERATIONS[name]
    return operation


def run_cell(
    session: Session, message: dict[str, Any], buffers: list[bytearray]
) -> Reply:
    """Run a cell as a kernel would."""
    peer = session.objects.get("peer")
    if peer is not None and message.get("ended"):
        from grader.student.operations import end_cell  # noqa: PLC0415  as above

        end_cell(peer)
    ran = session.shell.run(message["source"], message["name"], message["index"])
    return {"outputs": ran.outputs, "error": ran.error, "seconds": ran.seconds}, []


def ping(session: Session, message: dict[str, Any], buffers: list[bytearray]) -> Reply:
    """Answer with the same buffers."""
    return {"python": sys.version_info[:2]}, buffers


OWN: dict[str, Operation] = {"run_cell": run_cell, "ping": ping}
