"""Grades on the workers of a Dask cluster that is already running.

Each Dask worker gets worker processes of its own, one for each of its threads, and
loses them at the end; `submit` is that of `concurrent.futures`, as a Crew's is.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import uuid
import warnings
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from grader.errors import GraderError
from grader.grading.seat import OpenEngine, WorkerLost

if TYPE_CHECKING:
    from grader.grading.record import Graded
    from grader.grading.worker import Job, Setup
    from grader.sandbox.limits import Limits

GONE = "The scheduler is gone; what was graded is kept: call it again to go on."
CONNECT_S = 20  # to wait for the scheduler, and then for a first worker


class ClusterError(GraderError):
    """Look at the cluster: its address, certificates, and workers."""


@dataclass(frozen=True)
class Address:
    """Where the scheduler is, and the files that prove who speaks."""

    scheduler: str  # tls://host:8786, or tcp:// on a machine or network of one's own
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    trusts_network: bool = False

    def check(self) -> None:
        """Hold the address against what is safe.

        Raises:
            ClusterError: it is none, a file is missing, or strangers could listen.
        """
        url = urlsplit(self.scheduler)
        if url.scheme not in {"tcp", "tls"} or not url.hostname:
            raise ClusterError(
                f"{self.scheduler!r} is no scheduler's address: say tls://host:8786."
            )
        files = (self.ca_file, self.cert_file, self.key_file)
        if url.scheme == "tls" and not all(files):
            raise ClusterError(
                "tls:// needs --tls-ca, --tls-cert and --tls-key, all three."
            )
        for name in filter(None, files):
            if not Path(name).is_file():
                raise ClusterError(f"There is no file {name!r}.")
        if url.scheme == "tcp" and not (self.trusts_network or _is_local(url.hostname)):
            raise ClusterError(
                f"{self.scheduler} is not encrypted, and who reaches it can run"
                " programs and read hidden tests: use tls://, or say --trust-network"
                " where nobody else is on the network."
            )

    def make_security(self) -> Any:
        """Give Dask's own setting for these files."""
        from distributed import Security  # noqa: PLC0415  slow, and an extra

        if not self.scheduler.startswith("tls:"):
            return None
        return Security(
            tls_ca_file=self.ca_file,
            tls_client_cert=self.cert_file,
            tls_client_key=self.key_file,
            require_encryption=True,
        )


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


class Cluster:
    """The cluster's workers for one run; the database stays with this process."""

    def __init__(self, limits: Limits, open_engine: OpenEngine, where: Address) -> None:
        """Connect, and wait for a first worker.

        Raises:
            ClusterError: Dask is not installed, or there is no such cluster.
        """
        where.check()
        self._client = _connect(where)
        self._open_engine = open_engine
        self._name = f"grader-{uuid.uuid4().hex[:12]}"
        # Equal calls must not be one: `pure` would merge two equal submissions.
        self._executor = self._client.get_executor(pure=False)
        self.limits = limits

    @property
    def workers(self) -> int:
        """How many submissions the cluster grades at once now."""
        try:
            threads: dict[str, int] = self._client.nthreads()
        except (OSError, CancelledError) as error:
            raise ClusterError(GONE) from error
        return max(1, sum(threads.values()))

    def prepare(self, setup: Setup) -> None:
        """Start the worker processes; also of Dask workers that join later."""
        from grader.cohort.there import SeatsPlugin  # noqa: PLC0415  needs Dask

        plugin = SeatsPlugin(self._name, self.limits, self._open_engine, setup)
        try:
            self._client.register_plugin(plugin)
        except Exception as error:  # whatever a worker of another version raises
            message = f"The cluster's workers cannot grade: {error}"
            raise ClusterError(message) from error

    def submit(self, job: Job) -> Future[Graded]:
        """Grade a submission on some worker; the future raises as a Crew's does."""
        from grader.cohort.there import grade_there  # noqa: PLC0415  needs Dask

        ours: Future[Graded] = Future()
        with warnings.catch_warnings():  # of a large graph: a notebook with pictures
            warnings.simplefilter("ignore", UserWarning)
            theirs = self._executor.submit(grade_there, self._name, job)
        theirs.add_done_callback(partial(_hand_on, ours))
        return ours

    def describe(self) -> str:
        """Say which layers of the sandbox are in force, by the weakest worker."""
        from grader.cohort.there import describe_there  # noqa: PLC0415  needs Dask

        asked = self._client.run(describe_there, self._name, on_error="ignore")
        found = {layers for layers in asked.values() if layers}
        weak = sorted(layers for layers in found if not layers.startswith("full"))
        return weak[0] if weak else next(iter(found), "")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: Any) -> None:
        with contextlib.suppress(Exception):  # the cluster may be gone: so are ours
            self._executor.shutdown(wait=False)
            self._client.unregister_worker_plugin(self._name)
        with contextlib.suppress(Exception):
            self._client.close(timeout=CONNECT_S)


def _connect(where: Address) -> Any:
    try:
        from distributed import Client  # noqa: PLC0415  slow, and an extra
    except ImportError:
        message = "Dask is not installed: pip install 'gradients-by-hand[cluster]'."
        raise ClusterError(message) from None
    for name in ("distributed", "distributed.client"):  # we say it ourselves
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        client = Client(
            where.scheduler,
            security=where.make_security(),
            timeout=CONNECT_S,
            set_as_default=False,
        )
    except (OSError, ValueError) as error:  # TimeoutError and TLS errors are OSErrors
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        message = f"There is no scheduler at {where.scheduler}: {reason}"
        raise ClusterError(message) from None
    try:
        client.wait_for_workers(1, timeout=CONNECT_S)
    except OSError:
        client.close()
        message = f"The cluster at {where.scheduler} has no worker: start one."
        raise ClusterError(message) from None
    return client


def _hand_on(ours: Future[Graded], theirs: Future[Graded]) -> None:
    """Give on what Dask found, in our own words where the worker was lost."""
    from distributed import KilledWorker  # noqa: PLC0415  slow, and an extra

    try:
        ours.set_result(theirs.result())
    except KilledWorker as error:
        lost = WorkerLost("the machine's worker ended")
        lost.tries = error.allowed_failures + 1  # Dask has tried it elsewhere already
        ours.set_exception(lost)
    except CancelledError:
        ours.set_exception(ClusterError(GONE))
    except Exception as error:  # noqa: BLE001  whatever it is belongs to the caller
        ours.set_exception(error)
