import json
from pathlib import Path

import pytest

from grader.cli import main

ROOT = Path(__file__).parent.parent.parent
COPY = ROOT / "notebooks" / "05-one-neuron" / "one-neuron.ipynb"
MASTER = ROOT / "solutions" / "05-one-neuron" / "one-neuron.ipynb"


def test_fresh_copy_is_all_to_do(capsys):
    assert main(["complete", str(COPY)]) == 1
    assert "14 of 14 exercises found, 14 still to do" in capsys.readouterr().out


def test_solved_lesson_is_complete(capsys):
    assert main(["complete", str(MASTER)]) == 0
    assert "all answered" in capsys.readouterr().out


def test_deleted_exercise_is_missed(capsys, tmp_path):
    notebook = json.loads(COPY.read_text())
    notebook["cells"] = [one for one in notebook["cells"] if one["id"] != "dL_dp"]
    path = tmp_path / "mine.ipynb"
    path.write_text(json.dumps(notebook))
    assert main(["complete", str(path)]) == 1
    assert "✗ dL_dp    missing" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["<html>", "[]", ""])
def test_file_that_is_no_notebook_is_one_sentence(capsys, tmp_path, text):
    path = tmp_path / "mine.ipynb"
    path.write_text(text)
    assert main(["complete", str(path)]) == 2
    assert "is no notebook" in capsys.readouterr().err
