"""What runs on a Dask worker: worker processes as long as a run lasts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from distributed import WorkerPlugin, get_worker

from grader.grading.crew import Seats

if TYPE_CHECKING:
    from grader.grading.record import Graded
    from grader.grading.seat import OpenEngine
    from grader.grading.worker import Job, Setup
    from grader.sandbox.limits import Limits


class SeatsPlugin(WorkerPlugin):
    """Starts the processes of one run on a Dask worker, and ends them."""

    def __init__(
        self, name: str, limits: Limits, open_engine: OpenEngine, setup: Setup
    ) -> None:
        self.name = name
        self._parts = limits, open_engine
        self._setup = setup

    def setup(self, worker: Any) -> None:
        """Start a process for each thread. Called by: the Dask worker."""
        self.seats = Seats(*self._parts, worker.state.nthreads)
        self.seats.prepare(self._setup)

    def teardown(self, worker: Any) -> None:
        """End the processes. Called by: the Dask worker."""
        self.seats.close()


def grade_there(name: str, job: Job) -> Graded:
    """Grade in a worker process of this Dask worker. Called by: the Dask worker."""
    seats: Seats = get_worker().plugins[name].seats
    return seats.grade(job)


def describe_there(name: str, dask_worker: Any) -> str:
    """Name the sandbox's layers on this machine. Called by: `Client.run`."""
    seats: Seats = dask_worker.plugins[name].seats
    return seats.describe()
