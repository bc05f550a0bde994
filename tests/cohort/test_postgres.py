"""The gradebook on a real PostgreSQL server, alone and with two instructors."""

import threading
from dataclasses import replace

import pytest

from grader.gradebook.course import CourseError, open_course
from grader.grading.record import Graded, Recorder
from grader.reading.folder import Folder
from grader.submission.result import Result, Verdict

pytestmark = pytest.mark.process
CLASS = [f"s{number:02}" for number in range(40)]


@pytest.fixture
def make_course(postgres, tmp_path):
    """Open a course folder, one for each instructor, on the one database."""

    def make(name):
        root = tmp_path / name
        root.mkdir()
        (root / "nbgrader_config.py").write_text(
            f"c = get_config()\nc.CourseDirectory.db_url = {postgres!r}\n"
        )
        return open_course(root)

    return make


def grade(student, points=2.0):
    verdicts = (
        Verdict("test_f", points, 2.0, "right", notebook="ex"),
        Verdict("test_g", 0.0, 3.0, "wrong", notebook="ex"),
    )
    graded = Graded(Result(student, "", "d", verdicts), {"ex": "{}"}, {"ex": "<p>"})
    return graded, Folder({"ex.ipynb": b"bytes"})


def count_rows(course, name):
    with course.open_gradebook() as gradebook:
        found = gradebook.assignment_submissions(name)
        return len(found), sum(submission.score for submission in found)


def test_results_reach_postgresql_once(make_course, assignment):
    course = make_course("one")
    once = replace(assignment, name="once")
    for _ in range(2):
        with Recorder(course, once) as recorder:
            recorder.write([grade("ada"), grade("bob", 1.0)])
    assert count_rows(course, "once") == (2, 3.0)
    assert "not SQLite" in recorder.notes[0]


def test_two_instructors_grade_different_assignments_at_once(make_course, assignment):
    courses = {"left": make_course("a"), "right": make_course("b")}
    errors = []

    def run(name, students):
        try:
            with Recorder(courses[name], replace(assignment, name=name)) as recorder:
                for start in range(0, len(students), 4):
                    batch = [grade(student) for student in students[start : start + 4]]
                    recorder.write(batch)
        except Exception as error:  # noqa: BLE001  a thread must hand on its error
            errors.append(error)

    orders = {"left": CLASS, "right": CLASS[::-1]}
    threads = [threading.Thread(target=run, args=pair) for pair in orders.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    for name, course in courses.items():
        assert count_rows(course, name) == (len(CLASS), 2.0 * len(CLASS))


def test_one_assignment_is_for_one_run_also_between_machines(make_course, assignment):
    here, there = make_course("here"), make_course("there")
    with Recorder(here, assignment) as first, Recorder(there, assignment) as second:
        first.write([grade("ada")])
        with pytest.raises(CourseError, match="Another run is grading week1"):
            second.write([grade("ada")])
    with Recorder(there, assignment) as third:
        third.write([grade("ada")])


def test_no_server_is_one_sentence_without_the_password(tmp_path, assignment):
    pytest.importorskip("psycopg")
    url = "postgresql+psycopg://me:hidden@127.0.0.1:1/db?connect_timeout=2"
    text = f"c = get_config()\nc.CourseDirectory.db_url = {url!r}\n"
    (tmp_path / "nbgrader_config.py").write_text(text)
    recorder = Recorder(open_course(tmp_path), assignment)
    with recorder, pytest.raises(CourseError, match="cannot be used") as raised:
        recorder.write([grade("ada")])
    assert "hidden" not in str(raised.value)
    assert "\n" not in str(raised.value)
