"""Three graded students: one late, one marked by hand, one with a hostile name."""

from dataclasses import replace
from datetime import datetime

import pytest

from grader.exports.grades import Wish, read_grades
from grader.grading.record import Graded, Recorder
from grader.lms.people import Person, write_people
from grader.reading.folder import Folder
from grader.submission.result import ReportView, Result, Verdict
from tests.grading.conftest import assignment, course, tables

__all__ = ["assignment", "course", "tables"]
PEOPLE = (
    Person("amina", "Amina", "Khan, Dr.", "amina@uni.edu", "101"),
    Person("bjarne", "Bjarne", "Berg", "bb@uni.edu", "102"),
    Person("eve", "=HYPERLINK(1)", "@SUM(A1)", "+eve@uni.edu", "103"),
)


@pytest.fixture
def grades(course, assignment):
    """Give the grades of `week1`: amina 5 of 5, bjarne 3.5 less 1, eve 0 for 1 of 2."""
    write_people(course, PEOPLE)
    report = ReportView("f", False, 0.0, "", "", ("sign",))

    def grade(student, f, g, status="wrong"):
        verdicts = (
            Verdict("test_f", f, 2.0, "right", "a message", (report,), 0.5, "ex"),
            Verdict("test_g", g, 3.0, status, notebook="ex"),
        )
        result = Result(student, "week1", "d", verdicts, seconds=1.5)
        page = {"ex": f"<p>{student}</p>"}
        return Graded(result, {"ex": "{}"}, page), Folder({"a": student.encode()})

    with Recorder(course, replace(assignment, files={})) as recorder:
        recorder.write(
            [grade("amina", 2, 3, "right"), grade("bjarne", 2, 1), grade("eve", 1, 0)]
        )
    with course.open_gradebook() as gradebook:
        due = datetime(2026, 11, 20, 10)
        gradebook.update_or_create_assignment("week1", duedate=due)
        book = gradebook.find_submission_notebook("ex", "week1", "bjarne")
        book.late_submission_penalty = 1.0
        mark = gradebook.find_grade("test_g", "ex", "week1", "bjarne")
        mark.manual_score = 1.5
        gradebook.db.commit()
    return read_grades(course, Wish(["week1"]))


@pytest.fixture
def there(course, grades, monkeypatch):
    """Stand in the course folder, as a command does."""
    monkeypatch.chdir(course.root)
    return course.root
