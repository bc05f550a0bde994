"""nbgrader's own commands on this layout, with its stock grading and with ours."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from tests.commands import call
from tests.factory import make_cell, write_master

ROOT = Path(__file__).parent.parent
pytestmark = [pytest.mark.process, pytest.mark.timeout(300)]
SETUP = "import sys\nimport warnings\n\nimport torch\n\nfrom grader import check"
GIVEN = """\
def both(x):
    return {"square": x**2, "cube": x**3}


def draw(generator):
    return {"x": 2 + torch.rand((), generator=generator, dtype=torch.float64)}"""
ANSWER = """\
# exercise: powers
def powers(x):
    ### BEGIN SOLUTION 1.1: return square, cube
    return x**2, x**3
    ### END SOLUTION"""
# What each student writes, and the points that are due of 4: by the check, and by a
# second check cell whose author forgot `.points`.
STUDENTS = {
    "right": ("def powers(x):\n    return x * x, x * x * x", 4, 0),
    "partial": ("def powers(x):\n    return x * x, x", 2, 0),
    "stub": (None, 0, 0),
    "raises": ("def powers(x):\n    return 1 / 0", 0, 0),
    "warns": (
        "def powers(x):\n    warnings.warn('careful')\n"
        "    print('progress', file=sys.stderr)\n    return x**2, x**3",
        4,
        0,
    ),
}


def lay_out(course):
    """A course of one lesson, released and handed in by five students."""
    for name in ("pyproject.toml", "nbgrader_config.py"):
        shutil.copy(ROOT / name, course)
    check_call = "check.value(powers, of=both, draw=draw)"
    cells = [
        make_cell("text", "title", "# 1 · Powers"),
        make_cell("locked", "setup", SETUP),
        make_cell("locked", "given_powers", GIVEN),
        make_cell("answer", "powers", ANSWER),
        make_cell("check", "test_powers", f"{check_call}.points(4)", points=4),
        make_cell("check", "test_forgotten", check_call, points=4),
    ]
    write_master(course / "solutions" / "01-powers" / "powers.ipynb", cells)
    call(course, "nbgrader", "generate_assignment", "01-powers")
    for name, (source, *_) in STUDENTS.items():
        hand_in(course, name, source)


def take_engine_out(course):
    path = course / "nbgrader_config.py"
    config = path.read_text(encoding="utf-8")
    assert "\nuse_engine(c)\n" in config
    path.write_text(config.replace("\nuse_engine(c)\n", "\n"), encoding="utf-8")


@pytest.fixture(scope="module")
def courses(tmp_path_factory):
    """The same class graded by both, at the same time: stock waits for kernels."""
    folder = tmp_path_factory.mktemp("courses")
    engine, stock = folder / "engine", folder / "stock"
    engine.mkdir()
    lay_out(engine)
    shutil.copytree(engine, stock)
    take_engine_out(stock)
    with ThreadPoolExecutor() as threads:
        command = "nbgrader", "autograde", "01-powers"
        list(threads.map(lambda course: call(course, *command), (engine, stock)))
    return folder


@pytest.fixture(scope="module", params=["stock", "engine"])
def course(request, courses):
    return courses / request.param


def hand_in(course, name, source):
    notebook = json.loads((course / "notebooks/01-powers/powers.ipynb").read_text())
    for cell in notebook["cells"]:
        if cell["id"] == "powers" and source:
            cell["source"] = f"# exercise: powers\n{source}"
    path = course / "submitted" / name / "01-powers" / "powers.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(notebook))


@pytest.mark.parametrize("name", STUDENTS)
def test_grading_gives_the_points_that_are_due(course, name):
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        graded = book.find_submission_notebook("powers", "01-powers", name)
        scores = {grade.name: grade.score for grade in graded.grades}
    _, points, forgotten = STUDENTS[name]
    assert scores == {"test_powers": points, "test_forgotten": forgotten}


def test_validate_finds_a_right_answer_right(course):
    path = "submitted/right/01-powers/powers.ipynb"
    notebook = json.loads((course / path).read_text())
    notebook["cells"] = [c for c in notebook["cells"] if c["id"] != "test_forgotten"]
    (course / path).write_text(json.dumps(notebook))
    assert "Success" in call(course, "nbgrader", "validate", path)


def test_feedback_and_export_follow(course):
    call(course, "nbgrader", "generate_feedback", "01-powers")
    pages = sorted(course.glob("feedback/*/01-powers/powers.html"))
    assert len(pages) == len(STUDENTS)
    call(course, "nbgrader", "export", "--to", "grades.csv")
    rows = (course / "grades.csv").read_text().splitlines()
    assert len(rows) == 1 + len(STUDENTS)
    assert any(row.endswith("partial,,,,2.0,0.0,2.0,8.0") for row in rows)
