"""A run grades what is new, records it, and survives whatever becomes of a worker."""

import json
import pickle
from concurrent.futures import Future
from dataclasses import replace

import pytest

from grader.errors import GraderError
from grader.gradebook.course import CourseError
from grader.grading.autograde import Progress, Selection, autograde
from grader.grading.seat import WorkerLost
from grader.grading.worker import Worker, make_seed
from grader.sandbox.limits import Limits
from grader.submission.assignment import build_notebook
from grader.submission.result import Result, Verdict


class Exec:
    """An engine without walls, for answers that this file wrote."""

    def describe(self):
        return "full"

    def examine(self, submission, setup, seed):
        verdicts, notebooks = [], {}
        for notebook in submission.notebooks:
            names = {}
            for cell in notebook.cells:
                status = self.run(cell, names)
                if cell.kind == "check":
                    points = cell.points if status == "right" else 0.0
                    place = {"notebook": notebook.name}
                    verdict = Verdict(cell.id, points, cell.points, status, **place)
                    verdicts.append(verdict)
            notebooks[notebook.name] = build_notebook(notebook, {})
        values = (submission.student, submission.assignment, submission.digest)
        return Result(*values, tuple(verdicts), notebooks)

    def run(self, cell, names):
        try:
            if cell.cell_type == "code":
                exec(cell.source, names)
        except AssertionError:
            return "wrong"
        except Exception:  # noqa: BLE001  an answer may raise anything
            return "raised"
        return "right"


class Here:
    """An executor in this process; `fate` may raise in the place of a worker."""

    def __init__(self, engine=None, fate=lambda job: None):
        self.engine, self.fate = engine or Exec(), fate
        self.limits, self.workers, self.seen = Limits(), 2, []

    def prepare(self, setup):
        self.setup = setup
        self.worker = Worker(self.engine, setup)

    def submit(self, job):
        future = Future()
        self.seen.append(job.student)
        try:
            self.fate(job)
            future.set_result(self.worker.grade(job))
        except GraderError as error:
            future.set_exception(error)
        return future

    def describe(self):
        return self.engine.describe()


@pytest.fixture
def submit(course, solved):
    """Lay a solved notebook, or another file, into a student's folder."""

    def run(student, content=None):
        folder = course.root / f"submitted/{student}/week1"
        folder.mkdir(parents=True, exist_ok=True)
        content = json.dumps(solved) if content is None else content
        (folder / "ex.ipynb").write_text(content)

    return run


@pytest.fixture
def run(course, assignment):
    """Run over the class; give the summary and the points by student."""

    def grade(executor=None, told=None, force=False, student="*", **changed):
        heard = [] if told is None else told
        summary = autograde(
            course,
            replace(assignment, **changed),
            executor or Here(),
            Selection(student, force),
            lambda progress, line: heard.append((progress, line)),
        )
        return summary, {line.student: line.points for line in summary.lines}

    return grade


def test_a_class_is_graded_and_recorded(course, submit, run):
    submit("ada")
    submit("bob", "{}")
    told = []
    summary, points = run(told=told)
    assert points == {"ada": 5.0, "bob": 0.0}
    assert summary.for_staff == []
    assert [progress.done for progress, _ in told] == [1, 2]
    with course.open_gradebook() as gradebook:
        assert gradebook.find_submission("week1", "ada").score == 5
    page = (course.root / "feedback/bob/week1/ex.html").read_text()
    assert "holds JSON, but not a notebook" in page


def test_only_what_is_new_is_graded_again(submit, run, solved):
    submit("ada")
    submit("bob")
    run()
    solved["cells"].pop()
    submit("bob")
    summary, points = run()
    assert summary.unchanged == ["ada"]
    assert list(points) == ["bob"]


def test_force_tells_whose_points_changed(submit, run, assignment):
    submit("ada")
    run()
    assert run(force=True)[0].changes == []
    (notebook,) = assignment.notebooks
    cells = [
        replace(c, source="assert g(3) == 7") if c.id == "test_g" else c
        for c in notebook.cells
    ]
    repaired = (replace(notebook, cells=tuple(cells)),)
    (change,) = run(notebooks=repaired, digest="repaired")[0].changes
    assert (change.student, change.cell) == ("ada", "test_g")
    assert (change.before, change.after) == (3, 0)


def test_a_failing_grader_gives_no_mark(course, submit, run):
    class Broken(Exec):
        def examine(self, submission, setup, seed):
            raise ZeroDivisionError("oops")

    submit("ada")
    summary, _ = run(Here(Broken()))
    assert "The grader failed: ZeroDivisionError: oops" in summary.for_staff[0].staff
    with course.open_gradebook() as gradebook:
        submission = gradebook.find_submission("week1", "ada")
        assert [grade.auto_score for grade in submission.notebooks[0].grades] == [
            None,
            None,
        ]
        assert submission.needs_manual_grade


@pytest.mark.parametrize("points", [float("nan"), float("inf"), -1.0, 2.5, "2", None])
def test_impossible_points_are_no_mark(points, submit, run):
    class Odd(Exec):
        def examine(self, submission, setup, seed):
            result = super().examine(submission, setup, seed)
            odd = replace(result.verdicts[0], points=points)
            return replace(result, verdicts=(odd, result.verdicts[1]))

    submit("ada")
    (line,) = run(Here(Odd()))[0].for_staff
    assert [verdict["status"] for verdict in line.verdicts] == ["staff", "right"]


class Suspicious(Exec):
    """Takes the master's own answer for a cheat."""

    def examine(self, submission, setup, seed):
        result = super().examine(submission, setup, seed)
        if submission.student:
            return result
        accused = (replace(v, status="cheated", points=0.0) for v in result.verdicts)
        return replace(result, verdicts=tuple(accused))


def test_who_was_graded_before_a_test_was_unfit_is_graded_again(
    course, submit, run, solved
):
    master = course.path("source", ".", "week1")
    master.mkdir(parents=True)
    (master / "ex.ipynb").write_text(json.dumps(solved))
    submit("ada")
    jobs = []
    summary, _ = run(Here(Suspicious(), fate=jobs.append))
    marked = [bool(job.unfit) for job in jobs if job.student == "ada"]
    assert marked == [False, True]
    assert len(summary.lines) == 1


def test_a_lost_worker_is_tried_again(submit, run):
    lost = []

    def fate(job):
        if job.student == "ada" and not lost:
            lost.append(job)
            raise WorkerLost("killed")

    submit("ada")
    submit("bob")
    assert run(Here(fate=fate))[1] == {"ada": 5.0, "bob": 5.0}


def test_a_submission_that_kills_workers_goes_to_staff(submit, run):
    def fate(job):
        if job.student == "eve":
            raise WorkerLost("killed")

    for name in ("ada", "eve", "zoe"):
        submit(name)
    summary, points = run(Here(fate=fate))
    assert points == {"ada": 5.0, "eve": 0.0, "zoe": 5.0}
    assert summary.for_staff[0].student == "eve"
    assert "lost over it: killed" in summary.for_staff[0].staff[0]


def test_what_was_graded_before_a_stop_is_kept(submit, run):
    def fate(job):
        if job.student == "eve":
            raise KeyboardInterrupt

    for name in ("ada", "bob", "eve"):
        submit(name)
    executor = Here(fate=fate)
    executor.workers = 1
    with pytest.raises(KeyboardInterrupt):
        run(executor)
    assert run()[0].unchanged == ["ada", "bob"]


def test_no_sandbox_ends_the_run(submit, run):
    def fate(job):
        raise GraderError("no sandbox here")

    submit("ada")
    with pytest.raises(GraderError, match="no sandbox here"):
        run(Here(fate=fate))
    assert run()[0].unchanged == []


def test_nothing_handed_in_is_an_error(run):
    with pytest.raises(CourseError, match="Nothing was handed in"):
        run()


def test_a_pattern_selects_students(submit, run):
    submit("ada")
    submit("bob")
    assert list(run(student="a*")[1]) == ["ada"]


def test_unknown_students_stay_out_where_the_course_says_so(course, submit, run):
    course.app.config.Autograde.create_student = False
    submit("ada")
    summary, points = run()
    assert points == {}
    assert "ada is not in the gradebook, and may not be added to it." in summary.notes


def test_draws_depend_on_bytes_and_secret_alone(hand_in, solved):
    def seed(files, secret=b"s", name="week1"):
        return make_seed(secret, name, hand_in(files).digest)

    same = seed({"ex.ipynb": solved})
    assert seed({"ex.ipynb": solved}) == same
    assert seed({"ex.ipynb": solved}, b"t") != same
    assert seed({"ex.ipynb": solved}, name="week2") != same
    assert seed({"ex.ipynb": solved, "x": "y"}) != same


def test_workers_are_told_no_secret(course, submit, run):
    executor = Here()
    submit("ada")
    run(executor)
    assert course.secret not in pickle.dumps(executor.setup)


def test_progress_tells_the_time_left():
    assert Progress(10, 30, 5.0).left_s == 10.0
    assert Progress(0, 30, 5.0).left_s == 0.0
