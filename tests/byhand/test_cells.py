"""All cells of a notebook are read as one, whatever some of them hold."""

import pytest

from grader.byhand.source import read_cells
from grader.shortcuts.evidence import AUTOGRAD, Shortcut

TOOL = "def tool(f, x):\n    f(x).backward()\n    return x.grad"
ANSWER = "def d(x):\n    return tool(loss, x)"
TRIED = "x = torch.tensor(1.0, requires_grad=True)\nloss(x).backward()\nprint(d(2.0))"


def test_helper_of_another_cell_is_found_with_its_line():
    found = read_cells([TOOL, "1 + 1", ANSWER], "d")
    assert Shortcut(AUTOGRAD, "f(x).backward()") in found


@pytest.mark.parametrize(
    "other",
    ["I think: it is 2x!", "x = !ls", "%%time\n%pip install x\nd?", "'\\q'", "\x00"],
)
def test_odd_cell_hides_no_other(other):
    assert read_cells([TOOL, other, f"{ANSWER}\nfiles = !ls"], "d")


def test_autograd_tried_out_in_another_cell_is_no_short_cut():
    assert read_cells(["def d(x):\n    return 2 * x", TRIED], "d") == ()


def test_last_definition_counts():
    assert read_cells([TOOL, "def tool(f, x):\n    return 2 * x", ANSWER], "d") == ()
    assert read_cells(["tool = None", ANSWER, f"if True:\n    {TOOL}"], "d") == ()
    indented = TOOL.replace("\n", "\n    ")
    assert read_cells([ANSWER, f"if True:\n    {indented}"], "d")


@pytest.mark.parametrize(
    "made", ["d, e = tool, 1", "d: object = tool", "d = [tool][0]"]
)
def test_other_ways_to_define_are_followed(made):
    assert read_cells([TOOL, made], "d")


def test_name_that_nothing_defines_is_sought_where_it_is_mentioned():
    assert read_cells([TOOL, "globals()['d'] = tool\nd", TRIED.replace("d", "e")], "d")
