"""Results reach nbgrader's gradebook and folders; what people gave stays theirs."""

import sqlite3
import stat
from dataclasses import replace
from datetime import datetime

import pytest

from grader.gradebook import backup
from grader.gradebook.course import CourseError, explain_database
from grader.gradebook.marks import Change
from grader.grading.record import Graded, Recorder, replace_folder
from grader.reading.folder import Folder
from grader.submission.assignment import Cell
from grader.submission.result import Result, Verdict

WHY = Cell(
    "why",
    "answer",
    "YOUR ANSWER HERE",
    "markdown",
    points=4.0,
    release="YOUR ANSWER HERE",
    nbgrader={"grade_id": "why", "grade": True, "solution": True, "points": 4.0},
)


@pytest.fixture
def assignment(assignment):
    (notebook,) = assignment.notebooks
    written = replace(notebook, cells=(*notebook.cells, WHY))
    return replace(assignment, notebooks=(written,), files={"data.csv": b"1"})


def grade(student="ada", f=2.0, g=0.0, text="bytes", timestamp=""):
    verdicts = (
        Verdict("test_f", f, 2.0, "right", notebook="ex"),
        Verdict("test_g", g, 3.0, "wrong", notebook="ex"),
        Verdict("why", 0.0, 4.0, "manual", notebook="ex"),
    )
    result = Result(student, "week1", "digest", verdicts)
    unanswered = frozenset({("ex", "g")})
    graded = Graded(
        result, {"ex": '{"cells": []}'}, {"ex": "<p>page</p>"}, {}, unanswered
    )
    return graded, Folder({"ex.ipynb": text.encode()}, timestamp=timestamp)


@pytest.fixture
def write(course, assignment):
    def run(*batch, **changed):
        with Recorder(course, replace(assignment, **changed)) as recorder:
            return recorder.write(batch)

    return run


@pytest.fixture
def query(course):
    def run(sql, *values):
        with sqlite3.connect(course.root / "gradebook.db") as database:
            return database.execute(sql, values).fetchall()

    return run


GRADES = """
select base_cell.name, auto_score, manual_score, needs_manual_grade
from grade join base_cell on base_cell.id = grade.cell_id order by base_cell.name
"""


def test_scores_and_comments_reach_the_gradebook(write, query, course):
    write(grade())
    assert query(GRADES) == [
        ("test_f", 2, None, 0),
        ("test_g", 0, None, 0),
        ("why", None, None, 1),
    ]
    comments = (
        "select base_cell.name, auto_comment from comment join base_cell on cell_id"
    )
    assert set(query(comments + " = base_cell.id")) == {
        ("f", None),
        ("g", "No response."),
        ("why", None),
    }
    with course.open_gradebook() as gradebook:
        submission = gradebook.find_submission("week1", "ada")
        assert (submission.score, submission.max_score) == (2, 9)
        assert submission.needs_manual_grade


def test_folders_are_as_nbgrader_leaves_them(write, course):
    write(grade(timestamp="2026-11-22 10:00:00 UTC"))
    autograded = course.root / "autograded/ada/week1"
    names = sorted(path.name for path in autograded.iterdir())
    assert names == ["data.csv", "ex.ipynb", "timestamp.txt"]
    assert stat.S_IMODE((autograded / "ex.ipynb").stat().st_mode) == 0o444
    page = course.root / "feedback/ada/week1/ex.html"
    assert page.read_text() == "<p>page</p>"
    assert stat.S_IMODE(page.stat().st_mode) == 0o644


def snapshot(root):
    files = {path: path.stat().st_mtime_ns for path in root.rglob("*.ipynb")}
    with sqlite3.connect(root / "gradebook.db") as database:
        return files, list(database.iterdump())


def test_the_same_result_twice_changes_nothing(write, course):
    write(grade(), grade("bob"))
    before = snapshot(course.root)
    assert write(grade(), grade("bob")).changes == ()
    assert snapshot(course.root) == before


def test_what_people_gave_survives_a_regrade(write, query):
    write(grade())
    query(
        "update grade set manual_score = 3.5, needs_manual_grade = 0, extra_credit = 1"
    )
    query("update comment set manual_comment = 'well put'")
    changes = write(grade(f=1.0, g=3.0)).changes
    assert changes == (
        Change("ada", "ex", "test_f", 2.0, 1.0),
        Change("ada", "ex", "test_g", 0.0, 3.0),
    )
    rows = query("select manual_score, extra_credit from grade")
    assert rows == [(3.5, 1)] * 3
    assert query("select distinct manual_comment from comment") == [("well put",)]
    needs = {name: needed for name, _, _, needed in query(GRADES)}
    assert needs == {"test_f": 1, "test_g": 1, "why": 0}


def test_a_new_hand_in_is_looked_at_again(write, query):
    write(grade())
    query("update grade set manual_score = 3.5, needs_manual_grade = 0")
    write(grade(text="other bytes"))
    assert [needed for *_, needed in query(GRADES)] == [1, 1, 1]


def test_staff_cells_have_no_mark(write, query):
    graded, folder = grade()
    staff = replace(graded.result.verdicts[0], status="staff", points=0.0)
    verdicts = (staff, *graded.result.verdicts[1:])
    write((replace(graded, result=replace(graded.result, verdicts=verdicts)), folder))
    assert query(GRADES)[0] == ("test_f", None, None, 1)


def test_late_hand_ins_follow_the_courses_rule(write, query):
    write(grade())
    query("update assignment set duedate = '2026-11-20 00:00:00'")
    late = grade(timestamp="2026-11-22 10:00:00 UTC")
    write(late)
    query("update grade set extra_credit = 0.5 where auto_score = 2")
    write(late)
    assert query("select late_submission_penalty from submitted_notebook") == [(2.5,)]
    (stamp,) = query("select timestamp from submitted_assignment")
    assert datetime.fromisoformat(stamp[0]) == datetime(2026, 11, 22, 10)
    query("update submitted_assignment set extension = '1970-01-04 00:00:00'")  # 3 days
    write(late)
    assert query("select late_submission_penalty from submitted_notebook") == [(None,)]


def test_a_bad_timestamp_is_told(write):
    told = write(grade(timestamp="yesterday-ish"))
    assert told.notes == (
        "ada: timestamp.txt cannot be read ('yesterday-ish'): lateness is unknown.",
    )


def test_repaired_tests_reach_rows_that_stand(write, query, assignment):
    write(grade())
    (notebook,) = assignment.notebooks
    cells = [c for c in notebook.cells if c.id != "test_g"]
    more = replace(notebook.cells[-1], id="more", points=5.0)
    graded, folder = grade()
    verdicts = tuple(
        replace(v, exercise="more") if v.exercise == "test_g" else v
        for v in graded.result.verdicts
    )
    graded = replace(graded, result=replace(graded.result, verdicts=verdicts))
    write((graded, folder), notebooks=(replace(notebook, cells=(*cells, more)),))
    assert [row[0] for row in query(GRADES)] == ["more", "test_f", "why"]


def test_the_gradebook_is_backed_up_before_a_run(write, course):
    write(grade())
    write(grade(f=0.0))
    first, second = sorted((course.root / ".grader/backups").iterdir())
    for path, scores in ((first, []), (second, [(2,), (0,), (None,)])):
        with sqlite3.connect(path) as database:
            found = database.execute("select auto_score from grade").fetchall()
        assert sorted(found, key=str) == sorted(scores, key=str)


def test_graded_submissions_are_known_again(course, assignment):
    graded, folder = grade()
    with Recorder(course, assignment) as recorder:
        assert not recorder.is_current("ada", recorder.sign(folder))
        recorder.write([(graded, folder)])
    with Recorder(course, assignment) as recorder:
        assert recorder.is_current("ada", recorder.sign(folder))
        other = Folder({"ex.ipynb": b"other"})
        assert not recorder.is_current("ada", recorder.sign(other))
    with Recorder(course, replace(assignment, digest="other tests")) as recorder:
        assert not recorder.is_current("ada", recorder.sign(folder))


def test_a_damaged_state_costs_only_time(course, assignment):
    with Recorder(course, assignment) as recorder:
        recorder.write([grade()])
    course.find_journal("week1").write_text("{")
    with Recorder(course, assignment) as recorder:
        assert not recorder.is_current("ada", recorder.sign(grade()[1]))


def test_a_folder_is_replaced_whole(tmp_path):
    target = tmp_path / "a"
    left = tmp_path / ".grader-a-left"
    left.mkdir()
    assert replace_folder(target, {"x/y.txt": b"1", "z": b""}, 0o444)
    assert not replace_folder(target, {"x/y.txt": b"1", "z": b""}, 0o444)
    assert replace_folder(target, {"z": b"2"}, 0o444)
    assert [path.name for path in target.iterdir()] == ["z"]
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_second_run_is_kept_out(course, assignment):
    with Recorder(course, assignment) as first, Recorder(course, assignment) as second:
        first.write([grade()])
        with pytest.raises(CourseError, match="Another run is grading"):
            second.write([grade()])
    with Recorder(course, assignment) as third:
        third.write([grade()])


def test_a_locked_gradebook_is_told(course, write, monkeypatch):
    monkeypatch.setattr(backup, "BACKUP_S", 0.1)
    database = sqlite3.connect(course.root / "gradebook.db", isolation_level=None)
    database.execute("BEGIN EXCLUSIVE")
    with pytest.raises(CourseError, match="locked by another program"):
        write(grade())
    database.close()


def test_what_cannot_be_written_is_told(write, course):
    (course.root / "autograded").write_text("a file in the place of the folder")
    with pytest.raises(CourseError, match="Results cannot be written"):
        write(grade())


def test_two_assignments_are_written_at_once(course, assignment):
    other = replace(assignment, name="week2")
    with Recorder(course, assignment) as first, Recorder(course, other) as second:
        assert first.read_marks("ada") == second.read_marks("ada")
        first.write([grade("ada"), grade("bob")])
        second.write([grade("bob"), grade("zoe")])
        first.write([grade("zoe")])
    with course.open_gradebook() as gradebook:
        assert sorted(one.id for one in gradebook.students) == ["ada", "bob", "zoe"]
        assert gradebook.find_submission("week2", "bob").score == 2


def test_passwords_of_a_database_are_not_shown():
    text = explain_database("postgresql://me:hidden@host/db", ValueError("no"))
    assert "postgresql://me:***@host/db" in text
