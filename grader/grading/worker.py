"""Grades one submission: intake, examine, and the finished texts of its files.

A worker owns an engine and may be anywhere; it opens no database and writes no file.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from grader.errors import GraderError
from grader.gradebook.marks import Marks
from grader.grading.feedback import PageMaker, compose_notebook, sum_scores
from grader.grading.intake import intake
from grader.grading.judge import find_unanswered, judge_result
from grader.grading.record import Graded
from grader.reading.folder import Folder
from grader.reading.sanitize import clean_text
from grader.rehearsal.rehearsal import Place, mark_unfit, rehearse
from grader.submission.assignment import Assignment, Submission
from grader.submission.result import Result

if TYPE_CHECKING:
    from grader.sandbox.limits import Limits

PICTURES = (".png", ".jpg", ".jpeg", ".gif")


@dataclass(frozen=True)
class Setup:
    """All that a worker needs to know once; it pickles, and holds no secret."""

    assignment: Assignment
    limits: Limits


class Engine(Protocol):
    """Examines submissions, one after the other."""

    def examine(self, submission: Submission, setup: Setup, seed: bytes) -> Result:
        """Give the verdicts and the notebooks as they ran."""

    def describe(self) -> str:
        """Say which layers of the sandbox are in force."""


@dataclass(frozen=True)
class Job:
    """One submission to grade, and what people gave before."""

    student: str
    folder: Folder
    marks: Marks = field(default_factory=Marks)
    seed: bytes = b""  # of the draws; see make_seed
    unfit: Mapping[Place, str] = field(default_factory=dict)  # see rehearsal


@dataclass(frozen=True)
class Rehearsal(Job):
    """The master's own answers, before those of the class."""

    answers: Mapping[Place, str] = field(default_factory=dict)


class Worker:
    """Grades one submission after another with an open engine."""

    def __init__(self, engine: Engine, setup: Setup) -> None:
        self._engine = engine
        self._setup = setup
        self._pages = PageMaker()

    def grade(self, job: Job) -> Graded:
        """Grade one submission; what goes wrong here gives no mark, and a note.

        Raises:
            GraderError: no submission could be examined, this one or another.
        """
        start = time.perf_counter()
        if isinstance(job, Rehearsal):
            return self._rehearse(job)
        submission = intake(job.student, job.folder, self._setup.assignment)
        submission = mark_unfit(submission, job.unfit)
        try:
            result = self._engine.examine(submission, self._setup, job.seed)
        except GraderError:
            raise
        except Exception as error:  # noqa: BLE001  one submission, not the class
            reason = f"The grader failed: {type(error).__name__}: {error}"
            result = make_lost(submission, reason)
        result = replace(result, seconds=time.perf_counter() - start)
        return finish(result, submission, job.marks, self._setup, self._pages)

    def _rehearse(self, job: Rehearsal) -> Graded:
        def examine(submission: Submission) -> Result:
            return self._engine.examine(submission, self._setup, job.seed)

        found = rehearse(self._setup.assignment, job.answers, examine)
        notes = (found.to_json(),)
        empty = Result("", self._setup.assignment.name, "", (), staff_notes=notes)
        return Graded(empty)


def make_seed(secret: bytes, assignment: str, digest: str) -> bytes:
    """Same bytes, same course, same draws; nobody outside can tell them.

    digest: of the folder that was handed in.
    """
    text = f"{assignment}\0{digest}".encode()
    return hmac.digest(secret, text, hashlib.sha256)


def make_lost(submission: Submission, reason: str) -> Result:
    """Give a result without verdicts: no marks, and staff are told why."""
    return Result(
        submission.student,
        submission.assignment,
        submission.digest,
        (),
        staff_notes=(reason,),
    )


def lose(job: Job, setup: Setup, reason: str) -> Graded:
    """Make what is recorded when a worker was lost over a submission."""
    submission = intake(job.student, job.folder, setup.assignment)
    lost = make_lost(submission, reason)
    return finish(lost, submission, job.marks, setup, PageMaker())


def finish(
    result: Result,
    submission: Submission,
    marks: Marks,
    setup: Setup,
    maker: PageMaker,
) -> Graded:
    """Hold the result against the submission and make the texts of its files."""
    result = judge_result(result, submission)
    files = setup.assignment.files
    pictures = {n: files[n] for n in files if n.lower().endswith(PICTURES)}
    notebooks, pages = {}, {}
    for notebook in submission.notebooks:
        name = notebook.name
        verdicts = [v for v in result.verdicts if v.notebook == name]
        built = None if notebook.problem else result.notebooks.get(name)
        made = compose_notebook(notebook, built, verdicts, result.repairs)
        notebooks[name] = json.dumps(made, ensure_ascii=False) + "\n"
        scores = sum_scores(name, verdicts, marks)
        title = f"{name} · {clean_text(submission.student, 100)}"
        pages[name] = maker.make_page(title, made, scores, pictures)
    own = submission.files
    return Graded(
        replace(result, notebooks={}),
        notebooks,
        pages,
        {name: own[name] for name in setup.assignment.editable if name in own},
        find_unanswered(submission),
    )
