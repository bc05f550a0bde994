"""Worker processes: a lost one is replaced, an impossible engine is told."""

import contextlib
import os
import pickle
import signal

import pytest

from grader.errors import GraderError
from grader.grading.crew import Crew
from grader.grading.seat import WorkerLost
from grader.grading.worker import Job, Setup
from grader.reading.folder import Folder
from grader.sandbox.limits import Limits
from grader.submission.result import Result

pytestmark = pytest.mark.process


class Engine:
    """Does as the student's name says."""

    def describe(self):
        return f"pid {os.getpid()}"

    def examine(self, submission, setup, seed):
        if submission.student == "killer":
            os.kill(os.getpid(), signal.SIGKILL)
        if submission.student == "hopeless":
            raise GraderError("no process can be had")
        return Result(submission.student, submission.assignment, submission.digest, ())


@contextlib.contextmanager
def open_engine(limits):
    yield Engine()


@contextlib.contextmanager
def open_nothing(limits):
    raise GraderError("no sandbox here")
    yield


@pytest.fixture
def crew(assignment):
    with Crew(Limits(), open_engine, 1) as started:
        started.prepare(Setup(assignment, Limits()))
        yield started


def grade(crew, student):
    return crew.submit(Job(student, Folder())).result(timeout=60)


def test_a_lost_worker_is_replaced(crew):
    before = grade(crew, "ada"), crew.describe()
    with pytest.raises(WorkerLost, match="the worker process ended"):
        grade(crew, "killer")
    assert grade(crew, "bob").result.student == "bob"
    assert crew.describe() != before[1]


def test_an_error_for_all_submissions_is_handed_on(crew):
    with pytest.raises(GraderError, match="no process can be had"):
        grade(crew, "hopeless")


def test_an_engine_that_cannot_start_is_told(assignment):
    with Crew(Limits(), open_nothing, 1) as crew:
        crew.prepare(Setup(assignment, Limits()))
        with pytest.raises(GraderError, match="no sandbox here"):
            grade(crew, "ada")


def test_a_loss_crosses_to_another_machine():
    lost = pickle.loads(pickle.dumps(WorkerLost("gone")))
    assert (str(lost), lost.tries) == ("gone", 1)
