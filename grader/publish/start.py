"""A first lesson of one's own: one exercise that works, to be changed bit by bit."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from grader.errors import GraderError
from grader.release.normal import tidy, to_text

NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
LOCKED = {"locked": True, "grade": False, "solution": False}
ANSWER = {"locked": False, "grade": False, "solution": True}
CHECK = {"locked": True, "grade": True, "solution": False, "points": 2}
TITLE = """\
# 20 · A lesson of my own

**You will be able to**

- differentiate a cube.

**You need** the power rule.

**Time** 10 minutes. **Points** 2."""
SETUP = """\
import torch

from grader import check, show

device = check.pick_device()"""
ASK = """\
## Exercise 20.1 `dL_dx` (2 points)

$L = \\sum_i a\\,x_i^3$, with $x$ of shape `(N,)` and $a$ of shape `()`.
`dL_dx(x, a)` returns $\\partial L/\\partial x$, shape `(N,)`."""
ANSWERED = '''\
# exercise: dL_dx
def dL_dx(x, a):
    """x: (N,), a: () → (N,)."""
    ### BEGIN SOLUTION 20.1: return dL_dx
    return 3 * a * x**2
    ### END SOLUTION'''
TRY = """\
with check.when_solved():
    print(dL_dx(torch.tensor([1.0, 2.0]), torch.tensor(0.5)))"""
GIVEN = '''\
# given: the loss, and the numbers that a check draws
def loss(x, a):
    """Sum of a times x cubed; x: (N,), a: () → ()."""
    return (a * x**3).sum()


def draw_x(generator):
    """Five numbers and a factor; cubes of 0 and 1 would hide mistakes."""
    x = 2 + torch.rand(5, generator=generator, dtype=torch.float64)
    a = 2 + torch.rand((), generator=generator, dtype=torch.float64)
    return {"x": x, "a": a}'''
CALL = 'check.gradient(dL_dx, of=loss, wrt="x", draw=draw_x, by_hand=True).points(2)'


class BadName(GraderError):
    """Name the lesson in small letters, digits and hyphens; a new one."""


def start_lesson(root: Path, name: str) -> Path:
    """Write a master with one exercise into `solutions/`; give its path."""
    path = root / "solutions" / name / f"{name}.ipynb"
    if not NAME.fullmatch(name):
        raise BadName(f"{name!r} is no name for a lesson: say A=my-lesson")
    if path.parent.exists():
        raise BadName(f"{path.parent} is there already: choose another name")
    cells = [
        new_markdown_cell(TITLE, id="title"),
        _make_code("setup", SETUP, LOCKED),
        new_markdown_cell(ASK, id="ask_dL_dx"),
        _make_code("dL_dx", ANSWERED, ANSWER),
        new_code_cell(TRY, id="try_dL_dx"),
        _make_code("given_dL_dx", GIVEN, LOCKED),
        _make_code("test_dL_dx", CALL, CHECK),
    ]
    path.parent.mkdir(parents=True)
    path.write_text(to_text(tidy(new_notebook(cells=cells))), encoding="utf-8")
    return path


def _make_code(cell_id: str, source: str, flags: dict[str, Any]) -> Any:
    role = {"schema_version": 3, "task": False, "grade_id": cell_id, **flags}
    return new_code_cell(source, id=cell_id, metadata={"nbgrader": role})
