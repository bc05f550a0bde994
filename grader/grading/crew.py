"""Worker processes of this machine: they start before it is known what to grade.

`concurrent.futures.ProcessPoolExecutor` gives up all work when one process dies and
does not tell over which submission it was; here only that one is lost.
"""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from grader.grading.seat import OpenEngine, Seat

if TYPE_CHECKING:
    from grader.grading.record import Graded
    from grader.grading.worker import Engine, Job, Setup
    from grader.sandbox.limits import Limits
    from grader.submission.assignment import Submission
    from grader.submission.result import Result


@contextlib.contextmanager
def open_sandbox(limits: Limits) -> Iterator[Engine]:
    """Start a zygote and give the engine over it; ends all its processes."""
    from grader.sandbox.launcher import Zygote  # noqa: PLC0415  where it runs only

    with Zygote.start(limits) as zygote:
        # The zygote warms while torch and the checks are imported here.
        from grader.examine.examine import examine  # noqa: PLC0415

        yield _Sandboxed(zygote, examine)


@dataclass(frozen=True)
class _Sandboxed:
    zygote: Any
    run: Callable[..., Result]

    def examine(self, submission: Submission, setup: Setup, seed: bytes) -> Result:
        options = {"limits": setup.limits, "seed": seed}
        return self.run(submission, setup.assignment, self.zygote, **options)

    def describe(self) -> str:
        return ", ".join(self.zygote.layers)


class Seats:
    """Some worker processes of one machine; each grades one submission at a time."""

    def __init__(self, limits: Limits, open_engine: OpenEngine, count: int) -> None:
        self._idle: queue.SimpleQueue[Seat] = queue.SimpleQueue()
        self._all = [Seat(limits, open_engine) for _ in range(count)]
        for seat in self._all:
            self._idle.put(seat)

    def prepare(self, setup: Setup) -> None:
        """Say what is to be graded; before the first `grade`."""
        for seat in self._all:
            seat.setup = setup

    def grade(self, job: Job) -> Graded:
        """Grade a submission in the next free process; see `Seat.grade`."""
        seat = self._idle.get()
        try:
            return seat.grade(job)
        finally:
            self._idle.put(seat)

    def describe(self) -> str:
        """Say which layers of the sandbox are in force; after the first result."""
        return next((seat.layers for seat in self._all if seat.layers), "")

    def close(self) -> None:
        """End all processes."""
        for seat in self._all:
            seat.ask_to_end()
        for seat in self._all:
            seat.close()


class Crew:
    """The seats of this machine; `submit` gives futures, as executors do."""

    def __init__(self, limits: Limits, open_engine: OpenEngine, workers: int) -> None:
        self._seats = Seats(limits, open_engine, workers)
        self._threads = ThreadPoolExecutor(workers)
        self.workers = workers
        self.limits = limits

    def prepare(self, setup: Setup) -> None:
        """Say what is to be graded; before the first `submit`."""
        self._seats.prepare(setup)

    def submit(self, job: Job) -> Future[Graded]:
        """Grade a submission in the next free process.

        The future raises WorkerLost when the process is lost over it, and another
        GraderError when no submission can be graded.
        """
        return self._threads.submit(self._seats.grade, job)

    def describe(self) -> str:
        """Say which layers of the sandbox are in force; after the first result."""
        return self._seats.describe()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: Any) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._seats.close()
