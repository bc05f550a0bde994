"""A master that keeps all rules, and each rule broken once."""

import json

import nbformat
import pytest

from grader.release.lint import find_solutions, lint

NAME = "solutions/01-tiny/tiny.ipynb"


def read(course):
    return nbformat.reads((course / NAME).read_text(), as_version=4)


def lint_changed(course, change):
    """Let `change` break the master, and list the rules that are then broken."""
    notebook = read(course)
    cells = {cell.id: cell for cell in notebook.cells}
    change(notebook, cells)
    (course / NAME).write_text(json.dumps(notebook))
    rules = [f"{breach.cell}: {breach.rule}" for breach in lint(course / NAME)]
    return [
        rule for rule in rules if "normal form" not in rule
    ]  # as json.dumps wrote it


def replace(cell_id, old, new):
    def change(notebook, cells):
        assert old in cells[cell_id].source
        cells[cell_id].source = cells[cell_id].source.replace(old, new)

    return change


def remove(cell_id):
    def change(notebook, cells):
        notebook.cells.remove(cells[cell_id])

    return change


def mark(cell_id, key, value):
    def change(notebook, cells):
        cells[cell_id].metadata["nbgrader"][key] = value

    return change


def print_something(notebook, cells):
    cells["setup"].outputs = [nbformat.v4.new_output("stream", text="hello")]


def tag_foreign(notebook, cells):
    cells["title"].metadata["colab"] = {}


def copy_answer(notebook, cells):
    notebook.cells.append(cells["square"].copy())


def take_other_kernel(notebook, cells):
    notebook.metadata.kernelspec.name = "conda-env"


def add_region(notebook, cells):
    """A second region is well as long as it has the same number."""
    region = "    ### BEGIN SOLUTION 1.2: it\n    pass\n    ### END SOLUTION"
    cells["square"].source += f"\n\n\ndef more():\n{region}"


def hide_a_test(notebook, cells):
    cells["test_square"].source = "### BEGIN HIDDEN TESTS\nsquare(2).points(2)"


# By name: how the master is broken, and a part of what is told.
BREACHES = {
    "title": (replace("title", "# 1", "1"), "no title"),
    "nothing-learnt": (replace("title", "- ", ""), "lacks a list"),
    "minutes": (replace("title", "minutes", "min"), "lacks 'minutes'"),
    "setup-unlocked": (mark("setup", "locked", False), "not the locked one"),
    "late-import": (replace("try_square", "# call", "import os  # call"), "imports"),
    "long": (replace("try_square", "# call", "1\n" * 31), "at most 30"),
    "outputs": (print_something, "has outputs"),
    "metadata": (tag_foreign, "other metadata"),
    "kernel": (take_other_kernel, "another kernelspec"),
    "grade-id": (mark("square", "grade_id", "cube"), "another grade_id"),
    "marker": (replace("square", "exercise: square", "exercise: sq"), "begin with"),
    "begin-text": (replace("square", " 1.1: return x times x", ""), "needs '### BEGIN"),
    "no-solution": (replace("square", "### END", "# END"), "needs '### BEGIN"),
    "two-numbers": (add_region, "needs '### BEGIN"),
    "wordy": (replace("square", "    secret =", "    1\n" * 11 + "    b ="), "13 l"),
    "no-check": (remove("test_square"), "has no check cell test_square"),
    "no-try-out": (remove("try_square"), "no free cell"),
    "no-answer": (remove("square"), "checks no answer"),
    "twice": (copy_answer, "2 cells with id 'square'"),
    "points": (replace("test_square", "(2)", "(3)"), "gives 3 points"),
    "no-number": (replace("test_square", ".points(2)", ""), "bare number"),
    "commented": (replace("test_square", "(2)", "(2)  # ok"), "bare number"),
    "hidden": (hide_a_test, "hides"),
    "colab": (replace("setup", "import", "'google.colab'  # import"), "looks for C"),
    "sys-path": (replace("try_square", "# call", "sys.path = []"), "sys.path"),
}  # fmt: skip


def test_good_master_keeps_all_rules(course):
    assert lint_changed(course, lambda notebook, cells: None) == []


@pytest.mark.parametrize(("change", "told"), BREACHES.values(), ids=BREACHES)
def test_broken_rule_is_told(course, change, told):
    assert any(told in rule for rule in lint_changed(course, change))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cells": 3}', "null"])
def test_file_that_is_no_notebook_is_one_breach(course, text):
    (course / NAME).write_text(text)
    assert [breach.cell for breach in lint(course / NAME)] == [""]


def test_solution_regions_are_found(course):
    answer = next(cell for cell in read(course).cells if cell.id == "square")
    assert find_solutions(answer) == ["    secret = x * x\n    return secret\n"]


def test_an_answer_may_have_several_functions(course):
    def change(notebook, cells):
        add_region(notebook, cells)
        source = cells["square"].source
        cells["square"].source = source.replace("SOLUTION 1.2", "SOLUTION 1.1")

    assert lint_changed(course, change) == []
