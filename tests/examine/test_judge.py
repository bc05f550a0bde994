"""Points are read from a last line, and everything odd gives none."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch

from grader.cells.names import make_plan
from grader.cells.runner import NOTHING
from grader.examine.examine import find_late_checks
from grader.examine.judge import Case, find_root, judge_outside, read_points
from grader.examine.outputs import find_hidden_lines
from grader.submission.assignment import Cell
from tests.two_sides import Connected

MOST = 3.0


@pytest.mark.parametrize(
    ("value", "points"),
    [
        (NOTHING, 3), (None, 3), (True, 3), (2, 2), (1.5, 1.5), (0, 0), (3.0, 3),
        (np.float32(1), 1), (np.int64(2), 2), (torch.tensor(1.5), 1.5),
        (np.array(2.0), 2),
        (Fraction(1, 2), 0.5), (3 + 1e-12, 3), (-1e-12, 0),
    ],
)  # fmt: skip
def test_number_is_the_points(value, points):
    assert read_points(value, MOST)[:2] == (points, "")


@pytest.mark.parametrize(
    "value",
    [
        math.nan, math.inf, -math.inf, -1, 3.5, "2", b"2", False, [1], [], {}, 1j, (2,),
        np.array([1.0]), torch.tensor([1.0]), np.nan, Decimal("nan"), np.bool_(True),
        10**400,
    ],
    ids=repr,
)  # fmt: skip
def test_anything_else_gives_none_and_is_told(value):
    assert read_points(value, MOST)[:2] == (0, "number")


def test_students_object_gives_none():
    thing = Connected("class A:\n    def __float__(self): return 1.0\na = A()")["a"]
    assert read_points(thing, MOST)[:2] == (0, "students")


def test_object_that_only_the_instructor_can_have_made_is_a_display():
    assert read_points(object, MOST)[0] == 0  # a class could have crossed
    assert read_points(pytest.mark, MOST)[0] == 3


@pytest.mark.parametrize(
    ("source", "root"),
    [
        ("f(x).y[0]", "f"),
        ("a.b()", "a"),
        ("1 + f()", None),
        ("(x)", "x"),
        ("[x]", None),
    ],
)
def test_root_of_the_last_line(source, root):
    import ast  # noqa: PLC0415

    assert find_root(ast.parse(source, mode="eval").body) == root


def check(name, source, release=None):
    return Cell(
        name,
        "check",
        source,
        points=1.0,
        release=source if release is None else release,
    )


def test_hidden_lines_are_those_that_were_not_given():
    cell = check("t", "a = 1\n\nassert f(3)\nb = 2", "a = 1\nb = 2")
    assert find_hidden_lines(cell) == {3}


def test_hidden_tests_come_late_unless_nothing_follows():
    hidden = check("h", "assert f(1)", "# hidden")
    own = Cell("own", "plain", "print(1)")
    plan = make_plan([own, hidden])
    assert find_late_checks([own, hidden], plan) == set()
    assert find_late_checks([hidden, own], plan) == {"h"}


def test_check_that_reads_a_late_name_is_late_too():
    hidden, later = check("h", "case = 1", "# hidden"), check("l", "assert case")
    plan = make_plan([hidden, later])
    assert find_late_checks([hidden, later, Cell("o", "plain", "1")], plan) == {
        "h",
        "l",
    }


@pytest.mark.process
@pytest.mark.parametrize(
    ("answer", "expected"), [("1", (1, "right")), ("2", (0, "staff"))]
)
def test_loss_in_an_unfit_test_gives_no_mark(grade, answer, expected):
    result = grade(
        Cell("a", "answer", f"x = {answer}", exercise="a", release="x = None"),
        Cell("t", "check", "assert x == 1", points=1, exercise="a", unfit="it leans"),
    )
    (verdict,) = result.verdicts
    assert (verdict.points, verdict.status) == expected
    assert ("t: it leans" in result.staff_notes) == (expected[1] == "staff")


@pytest.mark.parametrize(("answer", "is_told"), [("float('nan')", True), ("x", False)])
def test_full_points_for_nan_are_told(answer, is_told):
    cell = Connected(f"def thirds(x): return {answer}")
    check = Cell("check", "check", "", points=3.0)
    cell.line.cell = check.id
    ran = cell.run("min(3, 3 - abs(thirds(1.0) - 1))")
    case = Case(check, make_plan([check]), cell.names, cell.line.notes)
    assert judge_outside(case, ran, None).points == 3
    assert any("NaN" in note for note in cell.line.notes) is is_told
