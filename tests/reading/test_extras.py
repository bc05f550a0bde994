"""A student's own files are used only where they cannot stand for something else."""

import pytest

from grader.reading.extras import choose_files, hides_module

MASTERS = {"data.csv": b"original", "model.py": b"# given out"}


@pytest.mark.parametrize(
    "name", ["torch.py", "torch/__init__.py", "json.py", "grader.py", "a.so", "b.PKL"]
)
def test_files_that_hide_a_module_are_seen(name):
    assert hides_module(name)


@pytest.mark.parametrize("name", ["helper.py", "mine/helper.py", "torch.csv", "x.png"])
def test_own_code_and_data_hide_nothing(name):
    assert not hides_module(name)


def test_the_original_of_a_given_file_counts():
    chosen, told = choose_files({"data.csv": b"mine", "new.csv": b"1"}, MASTERS)
    assert chosen == {"new.csv": b"1"}
    assert told == ["Files of the student that were not used: 'data.csv'."]


def test_an_editable_file_is_the_students():
    chosen, told = choose_files({"model.py": b"mine"}, MASTERS, ["model.py"])
    assert chosen == {"model.py": b"mine"}
    assert told == []
