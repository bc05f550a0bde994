"""Grades an assignment's submissions: who is to be graded, by whom, what came of it.

The main process alone reads folders and writes results; workers examine.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from grader.gradebook.course import Course, CourseError
from grader.gradebook.marks import Change
from grader.grading.record import ENGINE, Graded, Recorder
from grader.grading.seat import WorkerLost
from grader.reading.folder import Folder, read_folder
from grader.rehearsal.rehearsal import Place, Rehearsed, rehearse_once

if TYPE_CHECKING:
    from grader.grading.worker import Job, Setup
    from grader.sandbox.limits import Limits
    from grader.submission.assignment import Assignment
    from grader.submission.result import Verdict

BATCH = 20  # results in one transaction
BATCH_S = 2.0  # seconds that a result waits for others at most
TRIES = 2  # a worker can be lost by another's fault, such as a full memory
AHEAD = 2  # submissions that wait for each worker, so that none is idle


class Executor(Protocol):
    """Grades submissions somewhere: a Crew here, or workers on other machines."""

    workers: int
    limits: Limits

    def prepare(self, setup: Setup) -> None:
        """Say what is to be graded; before the first `submit`."""

    def submit(self, job: Job) -> Future[Graded]:
        """Grade one submission; see `grader.grading.crew.Crew.submit`."""

    def describe(self) -> str:
        """Say which layers of the sandbox are in force."""


@dataclass(frozen=True)
class Selection:
    """Which submissions: by a pattern of students; `force` takes the unchanged too."""

    student: str = "*"
    force: bool = False


@dataclass(frozen=True)
class Progress:
    """How far a run is."""

    done: int
    total: int
    seconds: float  # since the first submission was given out

    @property
    def left_s(self) -> float:
        """Seconds that the rest will take at this rate."""
        return self.seconds / self.done * (self.total - self.done) if self.done else 0.0


@dataclass(frozen=True)
class Line:
    """What a run says of one submission."""

    student: str
    points: float
    max_points: float
    verdicts: tuple[dict[str, Any], ...]
    repairs: tuple[str, ...] = ()
    staff: tuple[str, ...] = ()  # why something has no mark, and other evidence
    seconds: float = 0.0
    cells: Mapping[str, float] = field(default_factory=dict)  # seconds by book/cell


@dataclass
class Summary:
    """What a run did; grows while it runs."""

    assignment: str
    lines: list[Line] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    writing_s: float = 0.0  # of them: the gradebook and the folders
    sandbox: str = ""

    @property
    def for_staff(self) -> list[Line]:
        """The submissions of which something has no mark."""
        lines = self.lines
        return [li for li in lines if "staff" in {v["status"] for v in li.verdicts}]

    def to_plain(self) -> dict[str, Any]:
        """Give what `--json` prints."""
        return asdict(self)


Tell = Callable[[Progress, Line], None]


def autograde(
    course: Course,
    assignment: Assignment,
    executor: Executor,
    selection: Selection,
    tell: Tell,
) -> Summary:
    """Grade what is new or changed, and record it; `tell` hears of each result.

    Raises:
        CourseError: nothing was handed in, or the gradebook cannot be used.
        GraderError: the sandbox cannot be had.
    """
    summary = Summary(assignment.name)
    with Recorder(course, assignment) as recorder:
        todo = dict(select_folders(recorder, selection, summary))
        try:
            _Run(recorder, executor, summary, tell).grade(todo)
        finally:
            summary.notes += recorder.notes
            summary.sandbox = executor.describe()
    return summary


def select_folders(
    recorder: Recorder, selection: Selection, summary: Summary
) -> Iterator[tuple[str, Path]]:
    """Give the folders that are to be graded; the rest is named as unchanged.

    Raises:
        CourseError: there is none at all.
    """
    course, name = recorder.course, recorder.assignment.name
    folders = course.list_submissions(name, selection.student)
    if not folders:
        place = course.path("submitted", selection.student, name)
        raise CourseError(f"Nothing was handed in: there is no folder {place}")
    for student, path in folders.items():
        folder = read_folder(path, course.directories.ignore)
        if selection.force or not recorder.is_current(student, recorder.sign(folder)):
            yield student, path
        else:
            summary.unchanged.append(student)


class _Run:
    """The submissions that are under way, and the results that wait to be written."""

    def __init__(
        self, recorder: Recorder, executor: Executor, summary: Summary, tell: Tell
    ) -> None:
        self._recorder, self._executor = recorder, executor
        self._summary, self._tell = summary, tell
        limits = replace(executor.limits, cell_s=recorder.course.cell_s)
        # Not at the top: the workers start, and warm, before this is read.
        from grader.grading.worker import Setup  # noqa: PLC0415

        self._setup = Setup(recorder.assignment, limits)
        self._flying: dict[Future[Graded], Job] = {}
        self._batch: list[tuple[Graded, Folder]] = []
        self._tries: Counter[str] = Counter()
        self._written_at = 0.0
        self._unfit: Mapping[Place, str] = {}

    def grade(self, todo: dict[str, Path]) -> None:
        """Grade them all; what is finished is written also when the run is stopped."""
        waiting = iter(todo.items())
        start = self._written_at = time.monotonic()
        if todo:
            self._executor.prepare(self._setup)
            self._rehearse(waiting)
        try:
            while self._fill(waiting):
                done, _ = wait(self._flying, BATCH_S, FIRST_COMPLETED)
                for future in done:
                    line = self._land(future, self._flying.pop(future))
                    if line:
                        about = (len(todo), time.monotonic() - start)
                        self._tell(Progress(len(self._summary.lines), *about), line)
                self._write(at_least=BATCH)
        finally:
            self._write(at_least=1)
            self._summary.seconds = time.monotonic() - start

    def _rehearse(self, waiting: Iterator[tuple[str, Path]]) -> None:
        """Find the tests that the master's own answers fail; the class begins too."""
        from grader.gradebook.master import load_answers  # noqa: PLC0415  see __init__
        from grader.grading.worker import Rehearsal, make_seed  # noqa: PLC0415

        course, assignment = self._recorder.course, self._recorder.assignment
        answers = load_answers(course, assignment.name)
        seed = make_seed(course.secret, assignment.name, "rehearsal")
        job = Rehearsal("", Folder({}), seed=seed, answers=answers)

        def run() -> Rehearsed:
            tried = self._executor.submit(job)
            self._fill(waiting)
            return Rehearsed.from_json(tried.result().result.staff_notes[0])

        path = course.find_journal(assignment.name).with_suffix(".rehearsal")
        key = (assignment.digest, ENGINE, self._setup.limits, answers)
        try:
            found = rehearse_once(path, key, run) if answers else Rehearsed()
        except WorkerLost as lost:  # the class is graded all the same
            found = Rehearsed(notes=(f"The master's own answers: {lost}.",))
        self._unfit = found.unfit
        self._summary.notes += found.notes
        if self._unfit:
            again = [replace(job, unfit=self._unfit) for job in self._flying.values()]
            self._flying = {self._executor.submit(job): job for job in again}

    def _fill(self, waiting: Iterator[tuple[str, Path]]) -> bool:
        """Keep every worker busy, and few folders in memory; say if any is left."""
        from grader.grading.worker import Job, make_seed  # noqa: PLC0415  0.3 s

        recorder = self._recorder
        most = AHEAD * self._executor.workers
        while len(self._flying) < most and (pair := next(waiting, None)):
            student, path = pair
            if not recorder.may_record(student):
                note = f"{student} is not in the gradebook, and may not be added to it."
                self._summary.notes.append(note)
                continue
            folder = read_folder(path, recorder.course.directories.ignore)
            secret, name = recorder.course.secret, recorder.assignment.name
            seed = make_seed(secret, name, folder.digest)
            marks = recorder.read_marks(student)
            job = Job(student, folder, marks, seed, self._unfit)
            self._flying[self._executor.submit(job)] = job
        return bool(self._flying)

    def _land(self, future: Future[Graded], job: Job) -> Line | None:
        """Take a result; one whose worker was lost is tried again, then has no mark."""
        try:
            graded = future.result()
        except WorkerLost as lost:
            from grader.grading.worker import lose  # noqa: PLC0415  see _fill

            self._tries[job.student] += lost.tries
            if self._tries[job.student] < TRIES:
                self._flying[self._executor.submit(job)] = job
                return None
            graded = lose(job, self._setup, f"The grader was lost over it: {lost}.")
        self._batch.append((graded, job.folder))
        self._summary.lines.append(make_line(graded))
        return self._summary.lines[-1]

    def _write(self, at_least: int) -> None:
        """Write what is finished, when it is enough or has waited long enough."""
        late = time.monotonic() - self._written_at > BATCH_S
        if self._batch and (len(self._batch) >= at_least or late):
            start = time.monotonic()
            recorded = self._recorder.write(self._batch)
            self._summary.writing_s += time.monotonic() - start
            self._summary.changes += recorded.changes
            self._summary.notes += recorded.notes
            self._batch = []
        if late:
            self._written_at = time.monotonic()


def _describe_verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "notebook": verdict.notebook,
        "exercise": verdict.exercise,
        "status": verdict.status,
        "points": round(verdict.points, 4) if verdict.has_mark else None,
        "max_points": verdict.max_points,
        "message": verdict.message,
        "mistakes": [k for report in verdict.reports for k in report.diagnosis_kinds],
        "seconds": round(verdict.seconds, 4),
    }


def make_line(graded: Graded) -> Line:
    """Say of a result what a run tells of it."""
    result = graded.result
    return Line(
        result.student,
        round(result.points, 4),
        result.max_points,
        tuple(_describe_verdict(verdict) for verdict in result.verdicts),
        result.repairs,
        result.staff_notes,
        round(result.seconds, 4),
        {f"{one.notebook}/{one.cell}": round(one.seconds, 4) for one in result.times},
    )
