"""Nothing of the masters is given out: the search finds what is planted."""

import json
import zipfile
from pathlib import Path

import pytest

from grader.publish.leaks import REGION, Private, find_leaks, find_private
from grader.publish.tree import build_wheel

ROOT = Path(__file__).parent.parent.parent
MASTER = ROOT / "solutions" / "05-one-neuron" / "one-neuron.ipynb"
TABLE = ROOT / "tests" / "lessons" / "wrong" / "12-capstone.txt"


@pytest.fixture(scope="module")
def private():
    return find_private(ROOT)


def write_notebook(path, source, outputs=()):
    cell = {"cell_type": "code", "source": source, "outputs": list(outputs)}
    path.write_text(json.dumps({"cells": [cell]}))


def test_every_answer_of_every_master_is_found(tmp_path, private):
    for master in ROOT.glob("solutions/*/*.ipynb"):
        for cell in json.loads(master.read_text())["cells"]:
            lines = [line for line in cell["source"] if "### " not in line]
            write_notebook(tmp_path / "a.ipynb", lines)
            is_answer = bool(REGION.search("".join(cell["source"])))
            assert bool(find_leaks(tmp_path, private)) == is_answer, cell["id"]


def test_lines_of_hints_and_given_cells_are_public(private):
    assert "loss.backward()" not in private.lines


def test_published_tree_has_no_leak(tree, private):
    assert find_leaks(tree, private) == []


def test_wheel_of_the_package_has_no_leak(tmp_path, private):
    build_wheel(ROOT, tmp_path)
    assert find_leaks(tmp_path, private) == []


@pytest.mark.parametrize("name", ["README.md", "a.py", "notebooks/a/a.ipynb"])
def test_line_of_a_solution_is_found(tmp_path, private, name):
    line = next(one for one in sorted(private.lines) if "sigmoid(" in one)
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if name.endswith(".ipynb"):
        write_notebook(path, f"def f():\n    {line}")
    else:
        path.write_text(f"text\n  {line}\n")
    (leak,) = find_leaks(tmp_path, private)
    assert leak.place == name and repr(line) in leak.what


@pytest.mark.parametrize("copied", [MASTER, TABLE], ids=lambda path: path.suffix)
def test_copied_master_or_table_of_answers_is_found(tmp_path, private, copied):
    (tmp_path / f"innocent{copied.suffix}").write_bytes(copied.read_bytes())
    assert find_leaks(tmp_path, private)


def test_hidden_test_is_found_by_its_marks(tmp_path):
    write_notebook(tmp_path / "a.ipynb", "### BEGIN HIDDEN TESTS\nassert f(1) == 1")
    (leak,) = find_leaks(tmp_path, Private())
    assert "hidden tests" in leak.what


def test_archives_are_looked_into(tmp_path, private):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(MASTER, "one-neuron.ipynb")
    assert find_leaks(tmp_path, private)[0].place == "a.zip/one-neuron.ipynb"


@pytest.mark.parametrize(
    "name", ["solutions/a", "gradebook.db", "x/gradebook.db.1", "tests/t", ".grader/s"]
)
def test_folder_of_the_masters_is_found_by_its_name(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    (leak,) = find_leaks(tmp_path, Private())
    assert leak.what == "is no file for students"
