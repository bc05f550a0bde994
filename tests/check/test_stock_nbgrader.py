"""A real kernel runs check cells; stock nbgrader reads the points off its outputs."""

import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.utils import determine_grade

SETUP = """
import sys, warnings
import torch
from grader import check
def of(x):
    return (x**2).sum()
def draw(generator):
    n, = check.sizes(generator, 1)
    return {"x": torch.randn(n, generator=generator, dtype=torch.float64)}
def noisy(x):
    warnings.warn("noise")
    print("noise", file=sys.stderr)
    return 2 * x
def stub(x):
    raise NotImplementedError("Exercise 1.1: return it")
def helper(x):
    x.requires_grad_()
    of(x).backward()
    return x.grad
def cheat(x):
    return helper(x)
def half(x):
    return {"a": x, "b": x}
"""
CALL = "check.gradient({}, of=of, wrt='x', draw=draw, by_hand=True)"
CELLS = {
    "right": (CALL.format("lambda x: 2 * x") + ".points(2)", 2),
    "noisy": (CALL.format("noisy") + ".points(2)", 2),
    "wrong": (CALL.format("lambda x: -2 * x") + ".points(2)", 0),
    "raises": (CALL.format("lambda x: x @ undefined") + ".points(2)", 0),
    "stub": (CALL.format("stub") + ".points(2)", 0),
    "cheat": (CALL.format("cheat") + ".points(2)", 0),
    "bare": (CALL.format("lambda x: 2 * x"), 0),
    "partial": (
        "check.value(half, of=lambda x: {'a': x, 'b': 2 * x}, draw=draw).points(2)",
        1,
    ),
}


@pytest.mark.process
def test_points_are_those_of_the_checks():
    cells = [new_code_cell(source) for source, _ in CELLS.values()]
    for cell in cells:
        cell.metadata.nbgrader = {"grade": True, "solution": False, "points": 2}
    notebook = new_notebook(cells=[new_code_cell(SETUP), *cells])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    found = {
        name: determine_grade(cell)[0] for name, cell in zip(CELLS, cells, strict=True)
    }
    assert found == {name: points for name, (_, points) in CELLS.items()}
    streams = [out for cell in cells for out in cell.outputs if "name" in out]
    assert [out for out in streams if out.name == "stderr"] == []
    shown = [out.data for out in cells[5].outputs if out.output_type == "display_data"]
    assert "of(x).backward()" in shown[0]["text/html"]
