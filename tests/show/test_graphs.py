import base64
import re
from xml.etree import ElementTree

import pytest
import torch

from grader.show import graph, graph_nodes, graph_of


def leaf(value):
    return torch.tensor(value, requires_grad=True)


def picture(drawing):
    (data,) = re.findall(
        r'src="data:image/svg\+xml;base64,([^"]+)"', drawing._repr_html_()
    )
    return ElementTree.fromstring(base64.b64decode(data))


def texts(drawing):
    space = "{http://www.w3.org/2000/svg}"
    return ["".join(t.itertext()) for t in picture(drawing).iter(f"{space}text")]


def test_every_box_has_value_and_gradient():
    x, a, b = leaf(1.0), leaf(2.0), leaf(3.0)
    y = a * x**2 + b * x + 1
    z = y**2 + 2 * y
    drawing = graph(z, {"x": x, "a": a, "b": b, "y": y, "z": z})
    written = texts(drawing)
    assert {"value 48", "grad 98", "y = v₄ + 1"} <= set(written)
    assert "y = v₄ + 1, value 6, grad 14" in drawing.alt
    assert ("x", "leaf", "1", "98") in drawing.table.rows


def test_names_come_from_the_caller_if_none_are_given():
    slope = leaf(3.0)
    result = slope * 2
    assert "result = slope × 2" in texts(graph(result))


def test_highlighted_paths_are_written_out():
    x = leaf(3.0)
    y = x**2
    drawing = graph(y + x, x=x, y=y, highlight="x")
    assert drawing.notes == ("output → y → x: 1 · 6 = 6", "output → x: 1 = 1")
    assert "2 paths lead from output back to x. Their sum is 7." in drawing.caption
    assert "×6" in texts(drawing)


def test_a_tensor_can_be_highlighted_by_itself():
    x = leaf(3.0)
    assert graph(x**2, x=x, highlight=x).notes == ("output → x: 6 = 6",)


def test_what_is_not_in_the_graph_cannot_be_highlighted():
    x = leaf(3.0)
    drawing = graph(x**2, x=x, highlight="w")
    assert drawing.caption == "highlight: w is not in this graph."


def test_no_way_back_is_said():
    x = leaf(3.0)
    y = x**2
    d = y.detach()
    drawing = graph(d * x, x=x, y=y, d=d, highlight="y")
    assert "No gradient comes back" in drawing.caption
    assert "⊗ cuts the way back" in drawing.caption


def test_lines_can_be_left_out():
    x = leaf(3.0)
    assert texts(graph(x**2, x=x, values=False, grads=False)) == ["x", "output = x²"]


def test_vectors_are_summarised():
    w = torch.ones(100, 3, requires_grad=True)
    drawing = graph((w * 2).sum(), w=w)
    assert "value (100, 3) all 1" in texts(drawing)
    assert len(drawing.alt) < 1000


def test_a_function_is_drawn_as_written():
    def loss(w, x):
        p = torch.sigmoid(w * x)
        return -torch.log(p)

    written = texts(graph_of(loss, w=0.0, x=2.0, highlight="w"))
    assert "p = sigmoid(v₁)" in written
    assert "×−1" in written


def test_an_engines_values_are_drawn():
    class Value:
        def __init__(self, data, parents=(), op=""):
            self.data, self.grad, self.parents, self.op = data, 0, parents, op

    assert "output = v₁ + v₂" in texts(graph(Value(3, (Value(1), Value(2)), "+")))


def test_any_graph_can_be_drawn():
    nodes = {"x": {"value": 1.0, "kind": "leaf"}, "y": {"formula": "x²", "grad": "one"}}
    assert texts(graph_nodes(nodes, [("x", "y")])) == [
        "x",
        "value 1",
        "y = x²",
        "grad one",
    ]


@pytest.mark.parametrize("edges", [[("x", "q")], ["xyz"], 3, [("x", "x")]])
def test_edges_that_lead_nowhere_are_told(edges):
    assert graph_nodes({"x": 1.0}, edges).svg == ""


def test_hostile_names_stay_text():
    x = leaf(1.0)
    drawing = graph(x**2, {"</text><script>alert(1)</script>": x, "\x00\u202e": x})
    assert "<script" not in drawing._repr_html_()
    assert "</text><script>alert(" in texts(drawing)[0]


@pytest.mark.parametrize("cut", [3, [3], (1, 2), "ab", [()]])
def test_a_cut_that_is_no_pair_of_tensors_is_told(cut):
    x = leaf(1.0)
    assert "pair of tensors" in graph(x**2, x=x, cut=cut).caption


def test_a_copied_value_has_no_single_slope():
    row = torch.tensor([1.0, 4.0])
    drawn = graph_of(lambda w, x: (w * x).sum(), w=2.0, x=row, highlight="w")
    assert "×5" not in drawn.svg
    assert "=" not in drawn.notes[0]
