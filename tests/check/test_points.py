"""Stock nbgrader reads a check cell's last line as the points; nothing else."""

import pytest
from IPython.core.formatters import DisplayFormatter
from nbformat.v4 import new_code_cell, new_output
from nbgrader.utils import determine_grade

from grader.check.report import Report

HALF = Report("t", "partial", 0.5)
FULL = Report("t", "right", 1.0)
NONE = Report("t", "unsolved", 0.0)


def grade(last_line, *streams):
    """Build the cell as a kernel leaves it, and let nbgrader 0.9.6 grade it."""
    cell = new_code_cell("check")
    cell.metadata.nbgrader = {
        "grade": True,
        "solution": False,
        "points": 4,
        "locked": True,
    }
    cell.outputs = [new_output("stream", name=name, text="x") for name in streams]
    data, _ = DisplayFormatter().format(last_line)
    cell.outputs.append(new_output("execute_result", data=data, execution_count=1))
    return determine_grade(cell)


@pytest.mark.parametrize(("report", "points"), [(FULL, 4), (HALF, 2), (NONE, 0)])
def test_points_become_the_grade(report, points):
    assert grade(report.points(4)) == (points, 4)


def test_printed_report_costs_nothing():
    assert grade(FULL.points(4), "stdout") == (4, 4)


def test_anything_on_stderr_would_cost_all():
    assert grade(FULL.points(4), "stderr") == (0, 4)


@pytest.mark.parametrize("report", [FULL, HALF, NONE])
def test_bare_report_is_never_mistaken_for_points(report):
    assert grade(report) == (0, 4)


def test_bare_report_says_what_is_missing():
    data, _ = DisplayFormatter().format(FULL)
    assert ".points(n)" in data["text/html"]
