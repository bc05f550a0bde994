import re
from xml.etree import ElementTree

import pytest

from grader.ink.boxes import draw_boxes
from grader.ink.numbers import CannotDraw
from grader.ink.plan import MOST_BOXES, PAGE_PX, Arrow, Box, Emphasis, plan_boxes

SPACE = "{http://www.w3.org/2000/svg}"
PAIR = [Box("x", "x", "", ("value 3",), "leaf"), Box("y", "y", "x²", ("value 9",))]


def texts(svg):
    root = ElementTree.fromstring(svg)
    return ["".join(text.itertext()) for text in root.iter(f"{SPACE}text")]


def test_a_box_says_name_formula_and_lines():
    assert texts(draw_boxes(PAIR, [Arrow("x", "y")])) == [
        "x", "value 3", "y = x²", "value 9",
    ]  # fmt: skip


def test_an_emphasised_arrow_points_backward_and_is_labelled():
    svg = draw_boxes(PAIR, [Arrow("x", "y")], Emphasis(frozenset("xy"), {0: "×6"}))
    assert 'marker-start="url(#rust)"' in svg
    assert "×6" in texts(svg)


def test_a_cut_arrow_is_crossed_out():
    assert "<circle" in draw_boxes(PAIR, [Arrow("x", "y", cut=True)])


def test_two_uses_of_a_value_are_two_arrows():
    svg = draw_boxes(PAIR, [Arrow("x", "y"), Arrow("x", "y")])
    paths = re.findall(r'<path d="(M[^"]+)"[^>]*marker-end', svg)
    assert len(set(paths)) == 2


def test_hostile_names_are_escaped():
    names = texts(draw_boxes([Box("k", "</text><script>", "")], []))
    assert names == ["</text><script>"]


def test_a_long_chain_stands_upright():
    boxes = [Box(i, f"v{i}", "", ("value 1",)) for i in range(12)]
    plan = plan_boxes(boxes, [Arrow(i, i + 1) for i in range(11)])
    assert plan.upright
    assert plan.size()[0] < PAGE_PX


def test_a_long_call_keeps_the_name_of_its_function():
    box = Box("L", "loss", "binary_cross_entropy(prediction, target)", ("value 1",))
    assert texts(draw_boxes([box], []))[0] == "loss = binary_cross_entropy(…)"


@pytest.mark.parametrize("count", [0, MOST_BOXES + 1])
def test_nothing_and_too_much_are_told(count):
    with pytest.raises(CannotDraw):
        draw_boxes([Box(i, str(i)) for i in range(count)], [])
