"""The examiner's side of the sandbox: starts a zygote and takes students from it."""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

import grader
from grader.accelerators.memory import DriverMeter, Meter
from grader.errors import GraderError
from grader.sandbox.files import remove_tree
from grader.sandbox.jail import Level
from grader.sandbox.limits import Limits
from grader.sandbox.process import StudentDied, StudentProcess, StudentTimeout
from grader.sandbox.zygote import MESSAGE_BYTES
from grader.wire.frames import Asker

BOOT = """
import json, site, socket, sys, types
control = socket.socket(fileno=0)
config = json.loads(control.recv(65536))
package = sys.modules["grader"] = types.ModuleType("grader")  # its imports come later
package.__path__ = [config["package"] + "/grader"]
from grader.sandbox import zygote
home, limits = zygote.boot(control, config)
for name in [name for name in sys.modules if f"{name}.".startswith("grader.")]:
    del sys.modules[name]  # from here on the copy in the jail counts
repository = {config["package"]} - set(site.getsitepackages())  # of an editable install
sys.path[:] = [str(home.packages)] + [p for p in sys.path if p not in repository]
from grader.sandbox import zygote
zygote.main(control, home, limits)
"""
LEVELS: Final = {
    "full": ("full",),
    "reduced": ("full", "reduced"),
    "none": ("full", "reduced", "none"),
}
CLOSE_S: Final = 2.0  # for a zygote to end by itself
NOT_LINUX: Final = "Grading runs strangers' programs and needs Linux for that."
LOG_CHARS: Final = 2000


__all__ = ["SandboxError", "StudentDied", "StudentProcess", "StudentTimeout", "Zygote"]


class SandboxError(GraderError):
    """The sandbox could not be set up; the message says which layer is missing."""


class Zygote:
    """The warm process from which students come; use as a context manager."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        control: socket.socket,
        limits: Limits,
        log: IO[bytes],
        temporary: Path,
    ) -> None:
        self._process = process
        self._control = control
        self._limits = limits
        self._log = log
        self._temporary = temporary
        self._layers: tuple[str, ...] | None = None
        self._ordered: socket.socket | None = None  # our end of the next one's line
        self._spare: StudentProcess | None = None
        self._meter: Meter | None = None

    @classmethod
    def start(cls, limits: Limits, levels: Sequence[Level] | None = None) -> Self:
        """Start a zygote and return at once; the first fork waits until it is warm.

        levels: to try, best first; by default all that `limits.require` accepts.
        """
        if sys.platform != "linux":
            raise SandboxError(NOT_LINUX)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        log = tempfile.TemporaryFile()  # noqa: SIM115  closed with the zygote
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-I", "-B", "-X", "utf8", "-c", BOOT],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=log,
                env={},
                cwd="/",
                start_new_session=True,
            )
        name = f"grader-{secrets.token_hex(8)}"
        temporary = Path(tempfile.gettempdir(), name)
        config = {
            "package": str(Path(grader.__file__).resolve().parent.parent),
            "temporary": str(temporary),
            "levels": LEVELS[limits.require] if levels is None else levels,
            "limits": asdict(limits),
        }
        ours.send(json.dumps(config).encode())
        return cls(process, ours, limits, log, temporary)

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers of the sandbox in force; waits until the zygote is warm."""
        return self._wait_until_warm()

    def _wait_until_warm(self) -> tuple[str, ...]:
        if self._layers is None:
            jailed, _ = self._receive()
            if "failures" in jailed:
                raise SandboxError(describe_failures(jailed["failures"]))
            self._receive()
            self._layers = (jailed["level"], *jailed["layers"])
        return self._layers

    def fork(self) -> StudentProcess:
        """Return a fresh student's process.

        Raises: SandboxError when the zygote could not start.
        """
        self._wait_until_warm()
        student = self._spare or self._collect()
        self._spare = None
        self._ordered = self._order()  # the next one is made while this one works
        return student

    def _order(self) -> socket.socket:
        """Ask for a student's process without waiting for it; return our end."""
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._control, [b"{}"], [theirs.fileno()])
        return ours

    def _collect(self) -> StudentProcess:
        """Wait for the process on order."""
        channel = Asker(self._ordered or self._order())
        self._ordered = None
        answer, descriptors = self._receive()
        ask_why = partial(self._ask_why, answer["number"])
        student = StudentProcess(channel, descriptors[0], self._limits, ask_why)
        if self._limits.gpu_mb:
            self._meter = self._meter or DriverMeter()
            student.watch_gpu(self._meter)
        return student

    def _ask_why(self, number: int) -> str:
        """Return how a student's process ended, as the zygote saw it."""
        if self._ordered is not None:  # the answer to that order comes first
            self._spare = self._collect()
        self._control.send(json.dumps({"why": number}).encode())
        reason: str = self._receive()[0]["reason"]
        return reason

    def _receive(self) -> tuple[dict[str, Any], list[int]]:
        data, descriptors = b"", list[int]()
        with contextlib.suppress(ConnectionError):
            data, descriptors, _, _ = socket.recv_fds(self._control, MESSAGE_BYTES, 1)
        if not data:
            self._log.seek(0)
            last_words = self._log.read().decode(errors="replace")[-LOG_CHARS:]
            raise SandboxError(f"The zygote ended. {last_words.strip()}")
        return json.loads(data), descriptors

    def close(self) -> None:
        """End the zygote and every student."""
        if self._spare is not None:
            self._spare.kill()
        if self._ordered is not None:
            self._ordered.close()
        self._control.close()
        self._log.close()
        try:
            # One that still warms notices the end only when it is warm: seconds.
            self._process.wait(CLOSE_S if self._layers else 0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._temporary.exists():
            remove_tree(self._temporary)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def describe_failures(failures: dict[str, str]) -> str:
    """Say why no accepted level of the sandbox could be set up."""
    reasons = "; ".join(f"{level}: {reason}" for level, reason in failures.items())
    return (
        f"The sandbox cannot be set up here ({reasons}). "
        "Grading needs Linux 5.13 or later that allows user namespaces or Landlock. "
        "To run submissions unprotected, ask for it by name: require='none'."
    )
