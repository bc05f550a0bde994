"""One student's process as the examiner holds it: ask, interrupt, kill."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from grader.accelerators.memory import Guard, Meter
from grader.errors import GraderError
from grader.sandbox.limits import Limits, measure_trees
from grader.wire.frames import Asker, Buffer, WireClosed, WireError, WireTimeout

Reply = tuple[dict[str, Any], list[bytearray]]
OnCallback = Callable[
    [dict[str, Any], list[bytearray]], tuple[dict[str, Any], Sequence[Buffer]]
]
END_S: Final = 1.0  # for a student's process that has closed its line


class StudentTimeout(GraderError):
    """A request took too long; `alive` says whether the process can go on."""

    def __init__(self, seconds: float, alive: bool, reply: Reply | None = None) -> None:
        super().__init__(seconds, alive, reply)
        self.seconds = seconds
        self.alive = alive
        self.reply = reply

    def __str__(self) -> str:
        return f"no answer within {self.seconds:g} s"


class StudentDied(GraderError):
    """The student's process ended while it was asked something."""


class StudentProcess:
    """One student's process: ask it, interrupt it, kill it and all that it started."""

    def __init__(
        self,
        channel: Asker,
        pidfd: int,
        limits: Limits,
        ask_why: Callable[[], str],
    ) -> None:
        self._channel = channel
        self._pidfd = pidfd
        self._limits = limits
        self._ask_why = ask_why
        self._closed = False
        self._reason = ""  # why we ended it, if we did
        self._guard: Guard | None = None

    def watch_gpu(self, meter: Meter) -> None:
        """End it when its processes hold more GPU memory than they may."""
        pid = self.pid
        tree = lambda: set(measure_trees({pid}, alone=False)[pid])  # noqa: E731
        self._guard = Guard(meter, self._limits.gpu_mb, tree, self.end)
        self._guard.start()

    @property
    def pid(self) -> int:
        """Its number among the examiner's processes; -1 when it is dead."""
        info = Path(f"/proc/self/fdinfo/{self._pidfd}").read_text()
        return int(info.split("Pid:")[1].split()[0])

    def request(
        self,
        message: dict[str, Any],
        buffers: Sequence[Buffer] = (),
        *,
        timeout_s: float,
        on_callback: OnCallback | None = None,
    ) -> Reply:
        """Ask for one operation and wait for its reply, answering callbacks meanwhile.

        Raises: StudentTimeout, StudentDied; WireError when the reply breaks a rule.
        """
        deadline = time.monotonic() + timeout_s
        try:
            self._send(message, buffers, deadline)
            return self._receive(deadline, on_callback)
        except WireClosed:
            reason = self._wait_for_end()
            self.kill()
            raise StudentDied(reason) from None
        except WireTimeout:
            reply = self._interrupt_and_wait(on_callback)
            raise StudentTimeout(timeout_s, reply is not None, reply) from None
        except BaseException:  # it waits for an answer that will never come
            self.kill()
            raise

    def _send(
        self, message: dict[str, Any], buffers: Sequence[Buffer], deadline: float
    ) -> None:
        try:
            self._channel.send(message, buffers, deadline=deadline)
        except WireTimeout:  # half a frame is on the way: nothing can follow it
            self.kill()
            raise

    def _receive(self, deadline: float, on_callback: OnCallback | None) -> Reply:
        while True:
            reply, buffers = self._channel.receive(self._limits.caps, deadline)
            if reply.get("op") != "callback":
                return reply, buffers
            if on_callback is None:
                raise WireError("out of turn", "a callback that nobody asked for")
            self._send(*on_callback(reply, buffers), deadline)

    def _interrupt_and_wait(self, on_callback: OnCallback | None) -> Reply | None:
        """Interrupt; return the late reply, or kill when none comes."""
        if self._closed:
            return None
        self.interrupt()
        try:
            deadline = time.monotonic() + self._limits.interrupt_s
            return self._receive(deadline, on_callback)
        except (WireTimeout, WireError, WireClosed):
            self.kill()
            return None
        except BaseException:
            self.kill()
            raise

    def _wait_for_end(self) -> str:
        """Return why the process that closed its line has ended."""
        if not select.select([self._pidfd], [], [], END_S)[0]:
            self._signal(signal.SIGKILL)
            return "it closed its line"
        return self._reason or self._ask_why()

    def end(self, reason: str) -> None:
        """End it from another thread; who asks it something is told the reason."""
        self._reason = reason
        if not self._closed:
            self._signal(signal.SIGKILL)

    def interrupt(self) -> None:
        """Send SIGINT, as a notebook's stop button does."""
        self._signal(signal.SIGINT)

    def kill(self) -> None:
        """End the process and everything that it started."""
        if not self._closed:
            self._closed = True
            if self._guard is not None:
                self._guard.stop()
            self._signal(signal.SIGKILL)
            self._channel.close()
            os.close(self._pidfd)

    def _signal(self, signum: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signum)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
