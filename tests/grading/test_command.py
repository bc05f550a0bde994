"""The commands end to end on a course of two notebooks, in a real sandbox."""

import functools
import html
import json
import re
import shutil

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from grader.cli import main
from tests.commands import run
from tests.scores import read_scores

pytestmark = pytest.mark.process

ONE = ("--workers", "1")  # each takes seconds to start
SOLVED = "def double(x):\n    return 2 * x"
WRONG = "def double(x):\n    return x"
CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "mini"
from grader.seams import use_engine
use_engine(c)
"""


def meta(grade_id, **more):
    flags = {"grade": False, "locked": False, "solution": False, "task": False}
    return {"nbgrader": flags | {"grade_id": grade_id, "schema_version": 3} | more}


def write_masters(folder, hidden="assert double(7) == 14"):
    answer = f"### BEGIN SOLUTION\n{SOLVED}\n### END SOLUTION"
    test = "assert double(1) == 2\n### BEGIN HIDDEN TESTS\n{}\n### END HIDDEN TESTS"
    double = meta("test_double", grade=True, locked=True, points=2)
    ex = [
        new_markdown_cell("# Doubling $2x$", id="title"),
        new_code_cell(answer, id="double", metadata=meta("double", solution=True)),
        new_code_cell(test.format(hidden), id="test_double", metadata=double),
    ]
    mark = meta("why", grade=True, solution=True, points=3)
    why = [new_markdown_cell("because", id="why", metadata=mark)]
    folder.mkdir(parents=True, exist_ok=True)
    for name, cells in (("ex", ex), ("why", why)):
        notebook = new_notebook(cells=cells)
        notebook.metadata.kernelspec = {"name": "python3", "language": "python"}
        nbformat.write(notebook, folder / f"{name}.ipynb")


def write_submission(folder, answer, why="a reason", name="ex"):
    folder.mkdir(parents=True, exist_ok=True)
    ex = [
        new_code_cell(answer, id="double", metadata=meta("double", solution=True)),
        new_code_cell("import os; os.environ"),
    ]
    mark = meta("why", grade=True, solution=True, points=3)
    nbformat.write(new_notebook(cells=ex), folder / f"{name}.ipynb")
    cells = [new_markdown_cell(why, id="why", metadata=mark)]
    nbformat.write(new_notebook(cells=cells), folder / "why.ipynb")


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Three students: right, wrong in a renamed file with a script, and broken."""
    root = tmp_path_factory.mktemp("mini")
    (root / "nbgrader_config.py").write_text(CONFIG)
    write_masters(root / "source/week1")
    submitted = root / "submitted"
    write_submission(submitted / "ada/week1", SOLVED)
    script = "<script>alert(1)</script>"
    write_submission(submitted / "bob/week1", WRONG, script, "Copy of ex")
    (submitted / "eve/week1").mkdir(parents=True)
    (submitted / "eve/week1/ex.ipynb").symlink_to("/etc/passwd")
    return root


@pytest.fixture(scope="module")
def call(course):
    return functools.partial(run, course)


@pytest.fixture(scope="module")
def graded(call):
    """The first run over the class, as JSON."""
    done = call("grader", "autograde", "week1", *ONE, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def read_points(course):
    return {
        (one.student, one.cell): [one.points, one.needs_person]
        for one in read_scores(course)
    }


EXPECTED = {
    ("ada", "test_double"): [2, 0],
    ("ada", "why"): [None, 1],
    ("bob", "test_double"): [0, 0],
    ("bob", "why"): [None, 1],
    ("eve", "test_double"): [0, 0],
    ("eve", "why"): [0, 0],
}


def test_a_class_is_graded_into_the_gradebook(course, graded):
    assert read_points(course) == EXPECTED
    repairs = {line["student"]: " ".join(line["repairs"]) for line in graded["lines"]}
    assert "test_double: deleted; put back" in repairs["ada"]
    assert "'Copy of ex.ipynb' was taken for ex.ipynb" in repairs["bob"]
    assert "it is a symbolic link" in repairs["eve"]


def test_feedback_tells_no_hidden_test_and_runs_nothing(course, graded):
    for student in ("ada", "bob", "eve"):
        page = (course / f"feedback/{student}/week1/ex.html").read_text()
        text = html.unescape(re.sub("<[^>]+>", "", page))
        assert "double(7)" not in text
        assert "assert double(1) == 2" in text
    assert "<math" in page
    why = (course / "feedback/bob/week1/why.html").read_text()
    assert "<script" not in why
    assert "< script>" in (course / "autograded/bob/week1/why.ipynb").read_text()


@pytest.fixture
def autograde(course, graded, monkeypatch, capsys):
    """Run the command here, where all is loaded; give its code and what it printed."""
    monkeypatch.chdir(course)

    def run_here(*options):
        code = main(["autograde", *options])
        return code, capsys.readouterr()

    return run_here


def test_an_unchanged_class_is_not_graded_again(course, autograde):
    before = (course / "autograded/ada/week1/ex.ipynb").stat().st_mtime_ns
    code, (out, told) = autograde("week1")
    assert (code, out[:28]) == (0, "week1: 0 graded, 3 unchanged"), told
    assert (course / "autograded/ada/week1/ex.ipynb").stat().st_mtime_ns == before


def test_a_dry_run_says_what_it_would_do(autograde):
    _, (out, told) = autograde("week1", "--dry-run", "--force")
    assert out.startswith("3 would be graded, 0 are unchanged"), told
    assert "  eve: ex: No notebook ex.ipynb was handed in" in out


def test_nbgraders_own_commands_use_the_engine(course, graded, call):
    shutil.rmtree(course / "autograded")
    shutil.rmtree(course / "feedback")
    done = call("nbgrader", "autograde", "week1", "--force")
    assert done.returncode == 0, done.stderr
    assert "ada: 2 of 5 points" in done.stderr
    assert read_points(course) == EXPECTED
    by_us = (course / "feedback/bob/week1/ex.html").read_text()
    done = call("nbgrader", "generate_feedback", "week1", "--force")
    assert done.returncode == 0, done.stderr
    assert (course / "feedback/bob/week1/ex.html").read_text() == by_us


def test_a_repaired_test_tells_whose_points_changed(course, autograde):
    write_masters(course / "source/week1", hidden="assert double(7) == 7")
    _, (out, told) = autograde("week1", *ONE, "--force", "--student", "[ab]*")
    assert "Points changed:\n  ada: test_double 2 → 0" in out, told
    assert "The gradebook was backed up to" in out


ERRORS = {
    ("week2",): "There is no assignment 'week2' here; did you mean 'week1'?",
    ("week1", "--student", "zoe"): "Nothing was handed in: there is no folder",
}


@pytest.mark.parametrize(("arguments", "sentence"), ERRORS.items())
def test_errors_are_one_sentence(arguments, sentence, autograde):
    code, (_, told) = autograde("--dry-run", *arguments)
    assert code == 2
    assert told.startswith(f"grader: {sentence}")
    assert told.count("\n") == 1
