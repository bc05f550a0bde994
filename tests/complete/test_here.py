"""The same question in Colab, VS Code, Jupyter and without a file."""

import json
import sys
from types import ModuleType, SimpleNamespace

import pytest

from grader.complete import look

DONE = "# exercise: f\ndef f(x):\n    return x"
NOTEBOOK = {"cells": [{"cell_type": "code", "source": DONE}]}


@pytest.fixture
def shell(monkeypatch):
    """A shell with a history and nothing else."""
    fake = SimpleNamespace(user_ns={"In": ["", DONE.replace("f\n", "g\n", 1)]})
    ipython = SimpleNamespace(get_ipython=lambda: fake)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    return fake


def put_colab(monkeypatch, answer):
    """Stand in for Colab's page, which holds the live notebook."""
    for name in ("google", "google.colab", "google.colab._message"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    sys.modules["google.colab._message"].blocking_request = answer


def read_first_line(capsys):
    return capsys.readouterr().out.splitlines()[0]


def test_without_a_file_the_history_is_looked_at(shell, capsys):
    look("f g")
    assert read_first_line(capsys) == (
        "What you ran since the kernel started: 1 of 2 exercises found"
    )


def test_jupyter_names_its_file(shell, capsys, tmp_path, monkeypatch):
    path = tmp_path / "one.ipynb"
    path.write_text(json.dumps(NOTEBOOK))
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    look("f g")
    out = capsys.readouterr().out
    assert out.startswith("one.ipynb, as it was last saved: 1 of 2 exercises")
    assert "Save (Ctrl+S)" in out


def test_vscode_names_its_file(shell, capsys, tmp_path):
    path = tmp_path / "one.ipynb"
    path.write_text(json.dumps(NOTEBOOK))
    shell.user_ns["__vsc_ipynb_file__"] = str(path)
    look("f")
    assert "1 of 1 exercises found, all answered" in read_first_line(capsys)


@pytest.mark.parametrize("text", ["{", "[]", "null"])
def test_broken_file_falls_back_on_the_history(
    shell, capsys, tmp_path, monkeypatch, text
):
    path = tmp_path / "one.ipynb"
    path.write_text(text)
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    look("g")
    assert read_first_line(capsys).startswith("What you ran")


def test_colabs_page_is_asked(shell, capsys, monkeypatch):
    put_colab(monkeypatch, lambda *_, **__: {"ipynb": NOTEBOOK})
    look("f")
    assert read_first_line(capsys).startswith("This notebook: 1 of 1")


@pytest.mark.parametrize("answer", [None, {}, {"ipynb": None}])
def test_colab_without_an_answer_falls_back(shell, capsys, monkeypatch, answer):
    put_colab(monkeypatch, lambda *_, **__: answer)
    look("g")
    assert read_first_line(capsys).startswith("What you ran")
