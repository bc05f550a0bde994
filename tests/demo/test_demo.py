"""The demo as a stranger runs it, in a folder of its own."""

import csv

import pytest

from tests.demo import course
from tests.demo.__main__ import run_demo
from tests.demo.sample_class import (
    ASSIGNMENT,
    CLASS,
    NOTEBOOK,
    expect_points,
    read_answers,
)
from tests.demo.table import read_graded

pytestmark = [pytest.mark.process, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    run_demo(folder)
    return folder


def read_block():
    """Give the lines that the README shows as the output of `make demo`."""
    readme = (course.ROOT / "README.md").read_text(encoding="utf-8")
    block = readme.partition("$ make demo")[2].partition("$ make test")[0]
    return [line for line in block.splitlines()[1:] if line != "..."]


@pytest.mark.parametrize("student", CLASS, ids=lambda student: student.name)
def test_points_are_those_that_the_answers_deserve(folder, student):
    graded = read_graded(folder, ASSIGNMENT, NOTEBOOK, student.name)
    exercises = course.list_exercises(folder)
    expected = expect_points(student, exercises, read_answers())
    assert {name: graded.points[name] for name in exercises} == expected
    wrong = {name for name in exercises if expected[name] != exercises[name][1]}
    assert set(graded.reasons) == wrong


def test_second_run_grades_nobody_and_prints_what_the_readme_shows(folder, capsys):
    before = (folder / "gradebook.db").stat().st_mtime_ns
    run_demo(folder)
    said = capsys.readouterr().out.replace(str(folder), "build/demo")
    assert "the marks stand" in said
    assert (folder / "gradebook.db").stat().st_mtime_ns == before
    assert [line for line in read_block() if line not in said.splitlines()] == []


def test_each_student_gets_a_page_and_a_row(folder):
    for student in CLASS:
        assert (
            folder / "feedback" / student.name / ASSIGNMENT / f"{NOTEBOOK}.html"
        ).is_file()
    with (folder / "grades.csv").open(newline="") as rows:
        assert {row["student_id"] for row in csv.DictReader(rows)} == {
            s.name for s in CLASS
        }


def test_colabs_personal_data_is_not_kept(folder):
    kept = folder / "autograded" / "chidi" / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    assert "A Student" not in kept.read_text()
