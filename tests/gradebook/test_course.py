"""A course folder is read through its own configuration; errors are one sentence."""

import os
import sqlite3
import stat

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from grader.gradebook.course import CourseError, explain_database, open_course
from grader.gradebook.master import load_assignment


@pytest.fixture
def folder(tmp_path):
    """A course in folders of its own naming, as its configuration says."""
    config = [
        "c = get_config()",
        "c.CourseDirectory.source_directory = 'masters'",
        "c.CourseDirectory.directory_structure = "
        "'{nbgrader_step}/{assignment_id}/by-{student_id}'",
        "c.CourseDirectory.student_id_exclude = 'eve'",
        "c.Execute.timeout = 7",
        "c.ClearSolutions.code_stub = {'python': 'pass  # TODO'}",
    ]
    (tmp_path / "nbgrader_config.py").write_text("\n".join(config))
    for name in ("ada", "eve", "bob"):
        (tmp_path / f"submitted/week1/by-{name}").mkdir(parents=True)
    (tmp_path / "submitted/week1/notes.txt").write_text("")
    masters = tmp_path / "masters/week1/by-."
    masters.mkdir(parents=True)
    nbformat.write(make_master(), masters / "ex.ipynb")
    (masters / "data.csv").write_text("1,2")
    return tmp_path


def make_master():
    def meta(grade_id, **more):
        flags = {"grade": False, "locked": False, "solution": False, "task": False}
        return {"nbgrader": flags | {"grade_id": grade_id, "schema_version": 3} | more}

    answer = "def f(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION"
    hidden = "### BEGIN HIDDEN TESTS\nassert f(7) == 14\n### END HIDDEN TESTS"
    cells = [
        new_markdown_cell("# Doubling", id="title"),
        new_code_cell(answer, id="f", metadata=meta("f", solution=True)),
        new_code_cell(
            f"assert f(1) == 2\n{hidden}",
            id="test_f",
            metadata=meta("test_f", grade=True, locked=True, points=2),
        ),
        new_markdown_cell(
            "why?",
            id="why",
            metadata=meta("why", grade=True, solution=True, points=1),
        ),
    ]
    return new_notebook(cells=cells)


def test_folders_follow_the_configuration(folder):
    course = open_course(folder)
    assert list(course.list_submissions("week1")) == ["ada", "bob"]
    assert list(course.list_submissions("week1", "b*")) == ["bob"]
    assert course.path("autograded", "ada", "week1") == (
        folder / "autograded/week1/by-ada"
    )
    assert course.cell_s == 7
    assert course.directories.db_url == f"sqlite:///{folder}/gradebook.db"


def test_masters_become_an_assignment_without_solutions(folder):
    assignment = load_assignment(open_course(folder), "week1")
    (notebook,) = assignment.notebooks
    kinds = {cell.id: cell.kind for cell in notebook.cells}
    assert kinds == {
        "title": "markdown",
        "f": "answer",
        "test_f": "check",
        "why": "answer",
    }
    answer, test, why = notebook.cells[1:]
    assert answer.source == answer.release == "def f(x):\n    pass  # TODO"
    assert "assert f(7)" in test.source
    assert test.release == "assert f(1) == 2"
    assert (test.exercise, test.points, test.is_manual) == ("f", 2, False)
    assert (why.points, why.is_manual) == (1, True)
    assert assignment.files == {"data.csv": b"1,2"}
    assert "return 2 * x" not in repr(assignment)


def test_a_changed_test_has_another_digest(folder):
    course = open_course(folder)
    before = load_assignment(course, "week1").digest
    assert load_assignment(course, "week1").digest == before
    path = folder / "masters/week1/by-./ex.ipynb"
    path.write_text(path.read_text().replace("f(7) == 14", "f(8) == 16"))
    assert load_assignment(course, "week1").digest != before


def test_the_secret_is_made_once_for_the_owner(folder):
    secret = open_course(folder).secret
    assert open_course(folder).secret == secret
    assert len(secret) == 32
    mode = os.stat(folder / ".grader/secret").st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_an_unknown_assignment_gets_a_hint(folder):
    with pytest.raises(CourseError, match="did you mean 'week1'"):
        load_assignment(open_course(folder), "weak1")


def test_a_broken_configuration_is_one_sentence(tmp_path):
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\nc.X.y = nothing\n")
    with pytest.raises(CourseError, match=r"config\.py is broken: NameError"):
        open_course(tmp_path)


def test_a_broken_master_names_its_file(folder):
    path = folder / "masters/week1/by-./ex.ipynb"
    path.write_text(path.read_text().replace("### END SOLUTION", ""))
    with pytest.raises(CourseError, match=r"ex\.ipynb cannot be used: RuntimeError"):
        load_assignment(open_course(folder), "week1")


def test_database_errors_say_what_to_do():
    locked = sqlite3.OperationalError("database is locked")
    assert "try again later" in explain_database("sqlite:///g.db", locked)
    old = sqlite3.OperationalError("no such column: student.lms_user_id")
    assert "nbgrader db upgrade" in explain_database("sqlite:///g.db", old)


@pytest.mark.parametrize(
    ("shared", "folder", "file"), [(0, 0o700, 0o600), (1, 0o770, 0o660)]
)
def test_secret_is_the_owner_s_or_the_group_s(tmp_path, shared, folder, file):
    text = f"c = get_config()\nc.CourseDirectory.groupshared = {shared}\n"
    (tmp_path / "nbgrader_config.py").write_text(text)
    before = os.umask(0o022)
    try:
        assert open_course(tmp_path).secret
    finally:
        os.umask(before)
    state = tmp_path / ".grader"
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (state, state / "secret")]
    assert modes == [folder, file]
