"""A real Dask cluster with TLS: the same results, also when its workers are killed."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from grader.cohort.cluster import Address, Cluster, ClusterError
from grader.errors import GraderError
from grader.grading.seat import WorkerLost
from grader.grading.worker import Job, Setup
from grader.reading.folder import Folder
from grader.sandbox.limits import Limits
from grader.submission.assignment import Assignment
from grader.submission.result import Result

ROOT = Path(__file__).parent.parent.parent
pytest.importorskip("distributed", reason="Dask is not installed: extra `cluster`")
LONGEST_S = 60


class Engine:
    """Does as the student's name says; a Dask worker is this process's parent."""

    def describe(self):
        return "full"

    def examine(self, submission, setup, seed):
        what, _, where = submission.student.partition(":")
        if what == "seat-killer":
            os.kill(os.getpid(), signal.SIGKILL)
        if what == "machine-killer" or (what == "once" and not Path(where).exists()):
            Path(where).touch()
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(LONGEST_S)
        if what == "hopeless":
            raise GraderError("no process can be had")
        return Result(submission.student, submission.assignment, submission.digest, ())


@contextlib.contextmanager
def open_engine(limits):
    yield Engine()


def find_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def make_certificate(folder):
    """One key for all: what `openssl` makes for a cluster of one's own."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"]
    command += ["-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=grader-test"]
    command += ["-keyout", key, "-out", cert]
    subprocess.run(command, check=True, capture_output=True)
    return str(cert), str(cert), str(key)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A scheduler and two workers in processes of their own, spoken to by TLS."""
    folder = tmp_path_factory.mktemp("cluster")
    ca, cert, key = make_certificate(folder)
    where = f"tls://127.0.0.1:{find_port()}"
    tls = ["--tls-ca-file", ca, "--tls-cert", cert, "--tls-key", key]
    scheduler = ["scheduler", "--host", where, "--no-dashboard", *tls]
    worker = ["worker", where, "--nthreads", "1", "--no-dashboard", *tls]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    env |= {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}
    with contextlib.ExitStack() as stack, open(folder / "log", "w") as log:
        for command in (scheduler, worker, worker):
            process = subprocess.Popen(
                [Path(sys.executable).parent / "dask", *command],
                env=env,
                cwd=folder,
                stdout=log,
                stderr=log,
            )
            stack.callback(process.wait, LONGEST_S)
            stack.callback(process.terminate)
        yield Address(where, ca, cert, key)


@pytest.fixture(scope="module")
def cluster(address):
    with Cluster(Limits(), open_engine, address) as connected:
        connected.prepare(Setup(Assignment("week1", ()), Limits()))
        yield connected


def submit(cluster, student):
    return cluster.submit(Job(student, Folder()))


@pytest.mark.process
class TestCluster:
    """One cluster for all, since it takes seconds to start."""

    def test_results_come_back(self, cluster):
        jobs = [submit(cluster, f"s{number}") for number in range(6)]
        names = [job.result(LONGEST_S).result.student for job in jobs]
        assert names == [f"s{number}" for number in range(6)]
        assert cluster.describe() == "full"
        assert cluster.workers in {1, 2}

    def test_a_lost_process_is_replaced(self, cluster):
        with pytest.raises(WorkerLost, match="the worker process ended"):
            submit(cluster, "seat-killer").result(LONGEST_S)
        assert submit(cluster, "ada").result(LONGEST_S)

    def test_an_error_for_all_submissions_is_handed_on(self, cluster):
        with pytest.raises(GraderError, match="no process can be had"):
            submit(cluster, "hopeless").result(LONGEST_S)

    def test_a_lost_machine_s_submission_is_graded_elsewhere(self, cluster, tmp_path):
        graded = submit(cluster, f"once:{tmp_path / 'died'}").result(LONGEST_S)
        assert graded.result.verdicts == ()

    def test_a_submission_that_ends_machines_is_given_up(self, cluster, tmp_path):
        with pytest.raises(WorkerLost) as raised:
            submit(cluster, f"machine-killer:{tmp_path / 'x'}").result(LONGEST_S)
        assert raised.value.tries == 2
        assert submit(cluster, "ada").result(LONGEST_S)

    def test_strangers_are_not_let_in(self, address, cluster, tmp_path):
        stranger = Address(address.scheduler, *make_certificate(tmp_path))
        with pytest.raises(ClusterError, match="There is no scheduler at tls"):
            Cluster(Limits(), open_engine, stranger)


BAD = {
    "no address": (Address("here"), "'here' is no scheduler's address"),
    "http": (Address("http://a:1"), "is no scheduler's address"),
    "tls without files": (Address("tls://a:1"), "needs --tls-ca"),
    "no such file": (Address("tls://a:1", "x", "y", "z"), "There is no file 'x'"),
    "open": (Address("tcp://10.0.0.7:8786"), "is not encrypted"),
}


@pytest.mark.parametrize(("where", "sentence"), BAD.values(), ids=BAD)
def test_a_bad_address_is_one_sentence(where, sentence):
    with pytest.raises(ClusterError, match=sentence):
        where.check()


def test_one_s_own_machine_needs_no_encryption():
    Address("tcp://127.0.0.1:8786").check()
    Address("tcp://localhost:8786").check()
    Address("tcp://10.0.0.7:8786", trusts_network=True).check()


@pytest.mark.process
def test_no_scheduler_is_one_sentence(monkeypatch):
    monkeypatch.setattr("grader.cohort.cluster.CONNECT_S", 0.5)
    where = Address(f"tcp://127.0.0.1:{find_port()}")
    with pytest.raises(ClusterError, match=r"^There is no scheduler at tcp://127"):
        Cluster(Limits(), open_engine, where)


def test_a_scheduler_that_is_gone_is_one_sentence():
    def lose():
        raise TimeoutError("Timed out trying to connect")

    cluster = Cluster.__new__(Cluster)
    cluster._client = type("Client", (), {"nthreads": staticmethod(lose)})()
    with pytest.raises(ClusterError, match="call it again to go on"):
        assert cluster.workers
