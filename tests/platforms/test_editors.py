"""What comes back from six editors is graded as if nothing had happened to it."""

import functools
import json

import pytest

from grader.cli import main
from grader.examine.examine import examine
from grader.gradebook.course import open_course
from grader.gradebook.master import load_assignment
from grader.grading.intake import intake
from grader.reading.folder import Folder
from grader.sandbox.limits import Limits
from tests.demo.sample_class import ASSIGNMENT, NOTEBOOK, ROOT, Student, solve
from tests.platforms.editors import EDITORS, SECRET_ID, SECRET_NAME

pytestmark = [pytest.mark.process, pytest.mark.timeout(600)]
LIMITS = Limits(cell_s=60, submission_s=300)
# Two mistakes and two stubs: full points alone could hide an answer that was lost.
STYLES = {"dL_dp": "sign flipped", "recap": "two forgotten", "stable": "stub"}


@pytest.fixture(scope="module")
def solved():
    """The copy as it was given out, with a student's answers in it."""
    notebook = json.loads(solve(Student("amina", {**STYLES, "bug_e": "stub"})))
    for cell in notebook["cells"]:
        cell["metadata"].pop("tags", None)
    return notebook


@pytest.fixture(scope="module")
def assignment():
    return load_assignment(open_course(ROOT), ASSIGNMENT)


@pytest.fixture(scope="module")
def grade(assignment, zygote):
    """Take a file in and examine it; the draws are the same for all."""

    @functools.cache
    def grade_it(name, content):
        submission = intake("amina", Folder({name: content}), assignment)
        return examine(submission, assignment, zygote, limits=LIMITS, seed=b"same")

    return grade_it


@pytest.fixture(scope="module")
def due(grade, solved):
    """The points of the file as a plain program would save it."""
    result = grade(f"{NOTEBOOK}.ipynb", json.dumps(solved).encode())
    assert result.repairs == () and result.staff_notes == ()
    return read_points(result)


def read_points(result):
    return {one.exercise: (one.points, one.status) for one in result.verdicts}


def test_the_class_has_right_wrong_and_unsolved_answers(due):
    statuses = {status for _, status in due.values()}
    assert {"right", "unsolved"} < statuses and statuses & {"wrong", "partial"}


@pytest.mark.parametrize("editor", EDITORS)
def test_file_is_graded_right(grade, solved, due, editor):
    name, content = EDITORS[editor](solved)
    result = grade(name, content)
    assert read_points(result) == due
    assert result.staff_notes == ()


def test_name_and_number_that_colab_adds_stay_behind(grade, solved):
    name, content = EDITORS["colab"](solved)
    assert SECRET_NAME.encode() in content
    kept = json.dumps(grade(name, content).notebooks)
    assert SECRET_NAME not in kept and SECRET_ID not in kept


@pytest.mark.parametrize("editor", EDITORS)
def test_every_exercise_is_found_by_the_student_too(solved, editor, tmp_path, capsys):
    name, content = EDITORS[editor](solved)
    (tmp_path / name).write_bytes(content)
    assert main(["complete", str(tmp_path / name)]) == 1
    said = capsys.readouterr().out
    assert "14 of 14 exercises found, 2 still to do" in said
