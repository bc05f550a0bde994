"""Rules that hold for every drawing."""

import subprocess
import sys

import pytest
import torch

from grader import show
from grader.ink.drawing import Drawing

JUNK = {
    "None": None,
    "text": "abc",
    "number": 3,
    "nan": float("nan"),
    "function": lambda *args: None,
    "broken": lambda *args, **kwargs: 1 / 0,
    "empty tensor": torch.empty(0),
    "nan tensor": torch.full((3, 2), float("nan")),
    "huge tensor": torch.zeros(1).expand(10**6),
    "whole numbers": torch.arange(6).reshape(2, 3),
    "complex": torch.ones(2, dtype=torch.complex64),
    "dict": {"a": None, 3: "x", "": [None]},
    "list": [None, "x", [1]],
    "gradient": torch.ones(3, requires_grad=True) * 2,
}
TAKES_TWO = {
    "curves", "predictions", "secant", "step_errors", "graph_nodes", "descent_paths",
    "decision_surface", "decision_line", "prediction",
}  # fmt: skip


def call(name, thing):
    draw = getattr(show, name)
    if name == "decision_line":
        return draw(thing, thing, before=thing)
    if name == "decision_surface":
        return draw(thing, torch.ones(3, 2), torch.ones(3))
    if name == "prediction":
        return draw("?", thing, thing)
    return draw(thing, thing) if name in TAKES_TWO else draw(thing)


@pytest.mark.parametrize("name", show.__all__)
@pytest.mark.filterwarnings("error")
def test_junk_becomes_a_picture_or_a_sentence(name):
    for kind, thing in JUNK.items():
        drawing = call(name, thing)
        assert isinstance(drawing, Drawing), kind
        assert drawing.svg or drawing.caption or drawing.table, kind
        assert repr(drawing), kind


@pytest.mark.parametrize("name", show.__all__)
def test_no_drawing_hides_behind_its_module(name):
    assert callable(getattr(show, name))
    assert getattr(show, name).__doc__


@pytest.mark.process
def test_matplotlib_is_loaded_by_who_plots_only():
    code = "import sys, grader.show; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
