"""By hand means by hand in grading: what is found, and what staff are told."""

import pytest

from grader.submission.assignment import Cell

pytestmark = pytest.mark.process

GIVEN = """\
import torch
from grader import check
def bend(a, b):
    return torch.tanh(a * b)
def draw(generator):
    make = dict(generator=generator, dtype=torch.float64)
    return {"a": torch.randn((), **make), "b": torch.randn((), **make)}"""
CHECK = 'check.gradient(slope, of=bend, wrt="a", draw=draw, by_hand=True).points(2)'
HONEST = "def slope(a, b):\n    return (1 - torch.tanh(a * b) ** 2) * b"
MACHINE = """\
def tool(a, b):
    with torch.enable_grad():
        leaf = a.clone().requires_grad_()
        bend(leaf, b).backward()
    return leaf.grad
"""


@pytest.fixture
def grade_slope(grade):
    def run(*cells):
        given = Cell("given", "locked", GIVEN, release=GIVEN)
        *own, answer = cells
        own = [Cell(f"own-{k}", "plain", text, own=True) for k, text in enumerate(own)]
        answer = Cell("slope", "answer", answer, release="# stub")
        test = Cell("test_slope", "check", CHECK, points=2.0, release=CHECK)
        result = grade(given, *own, answer, test)
        return result.verdicts[0], " ".join(result.staff_notes)

    return run


def test_helper_of_another_cell_earns_nothing_and_staff_see_its_line(grade_slope):
    verdict, told = grade_slope(MACHINE, "def slope(a, b):\n    return tool(a, b)")
    assert (verdict.points, verdict.status) == (0.0, "cheated")
    assert "autograd: bend(leaf, b).backward()" in told


def test_function_that_lies_about_itself_is_read_where_it_was_defined(grade_slope):
    lies = "slope.__name__ = slope.__qualname__ = 'harmless'\n"
    lies += "harmless = lambda a, b: a\nslope.__code__ = slope.__code__.replace("
    lies += "co_filename='Cell In[1]', co_firstlineno=1)"
    verdict, _ = grade_slope(f"{MACHINE}slope = tool\n{lies}")
    assert verdict.points == 0


def test_what_only_runs_is_seen(grade_slope):
    hidden = 'import pathlib\npathlib.Path("aid.py").write_text("""import torch\n'
    hidden += f'bend = lambda a, b: torch.tanh(a * b)\n{MACHINE}""")\nimport aid'
    verdict, told = grade_slope(hidden, "def slope(a, b):\n    return aid.tool(a, b)")
    assert verdict.points == 0
    assert "seen while it ran" in told


def test_autograd_in_a_try_out_is_no_short_cut(grade_slope):
    tried = (
        f"{HONEST}\na = torch.tensor(1.0, requires_grad=True)\nbend(a, a).backward()"
    )
    verdict, told = grade_slope(MACHINE, tried)
    assert (verdict.points, told) == (2.0, "")


def test_points_side_by_side_are_told_to_staff(grade_slope):
    iterated = (
        "def slope(a, b):\n    t = torch.tanh(a * b)\n    torch.tanh(a * b + 1e-9)"
    )
    verdict, told = grade_slope(f"{iterated}\n    return (1 - t * t) * b")
    assert verdict.points == 2
    assert "two points side by side" in told
