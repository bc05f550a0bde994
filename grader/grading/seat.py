"""A worker process of its own: started by exec, fed over a socket, replaced when lost.

By `subprocess` and not by `multiprocessing`: the workers of a Dask cluster are daemons,
which may have no children of that kind.
"""

from __future__ import annotations

import contextlib
import gc
import pickle
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from grader.errors import GraderError

if TYPE_CHECKING:
    from grader.grading.record import Graded
    from grader.grading.worker import Engine, Job, Setup
    from grader.sandbox.limits import Limits

EXTRA_S = 120.0  # above the submission's own limit: intake, tests outside, pages
CLOSE_S = 5.0  # for a worker to end by itself
COLLECT_AFTER = (50_000, 20, 20)  # torch is large: looking through it takes 0.1 s
PROGRAM = "from grader.grading.seat import main; main()"

OpenEngine = Callable[["Limits"], AbstractContextManager["Engine"]]


class WorkerLost(GraderError):
    """A worker process ended or hung over one submission, which has no mark."""

    tries = 1  # processes that were lost over it


class Seat:
    """One worker process, started at once and again after it was lost."""

    def __init__(self, limits: Limits, open_engine: OpenEngine) -> None:
        self._limits, self._open_engine = limits, open_engine
        self.setup: Setup | None = None
        self.layers = ""
        self._start()

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                # Ctrl-C is for the main process alone.
                start_new_session=True,
            )
        self._line = Connection(ours.detach())
        self._knows: Setup | None = None
        # What the other side needs before it can unpickle anything of ours.
        self._line.send(sys.path)
        self._line.send_bytes(pickle.dumps((self._limits, self._open_engine)))

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def grade(self, job: Job) -> Graded:
        """Grade one submission.

        Raises:
            WorkerLost: the process ended or hung over it; the next job has a new one.
            GraderError: no submission can be graded.
        """
        if self._process.poll() is not None:
            self._line.close()
            self._start()
        try:
            if self._knows is not self.setup:
                self._line.send(self.setup)
                self.layers = self._receive()
                self._knows = self.setup
            self._line.send(job)
            graded: Graded = self._receive()
        except (EOFError, OSError) as error:
            self._kill()
            message = "the worker process ended"
            raise WorkerLost(message) from error
        return graded

    def _receive(self) -> Any:
        timeout_s = self._limits.submission_s + EXTRA_S
        if not self._line.poll(timeout_s):
            self._kill()
            message = f"no result within {timeout_s:g} s"
            raise WorkerLost(message)
        answer = self._line.recv()
        if isinstance(answer, GraderError):
            raise answer
        return answer

    def _kill(self) -> None:
        self._line.close()
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(CLOSE_S)

    def ask_to_end(self) -> None:
        """Let the process end when it has done what it does."""
        if self._knows is None:  # nothing was to be graded: it may still be starting
            self._process.terminate()
        with contextlib.suppress(OSError):
            self._line.send(None)

    def close(self) -> None:
        """End the process; it ends its zygote and students."""
        self.ask_to_end()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(CLOSE_S)
        if self._process.poll() is None:
            self._kill()


def main() -> None:
    """Grade what comes in until the line is closed.

    Called by: a worker process, as its whole program.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    gc.disable()  # what is imported stays
    with (
        contextlib.suppress(EOFError, ConnectionError),
        Connection(int(sys.argv[1])) as line,
    ):
        sys.path[:] = line.recv()
        limits, open_engine = pickle.loads(line.recv_bytes())
        try:
            with open_engine(limits) as engine:
                _answer_jobs(engine, line)
        except GraderError as error:  # there is no engine to be had
            line.recv()
            line.send(error)


def _leave(signum: int, frame: object) -> None:
    """End by the way of all `with` blocks, so that the zygote ends too."""
    sys.exit(0)


def _answer_jobs(engine: Engine, line: Connection[Any, Any]) -> None:
    # Not at the top: the zygote starts first and warms meanwhile.
    from grader.grading.worker import Job, Worker  # noqa: PLC0415

    worker: Worker | None = None
    while (message := line.recv()) is not None:
        try:
            if isinstance(message, Job) and worker is not None:
                line.send(worker.grade(message))
            else:
                worker = Worker(engine, message)
                line.send(engine.describe())
                gc.freeze()
                gc.set_threshold(*COLLECT_AFTER)
                gc.enable()
        except GraderError as error:
            line.send(error)
