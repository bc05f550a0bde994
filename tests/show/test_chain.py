from xml.etree import ElementTree

import torch

from grader.show import links


def bars(drawing):
    space = "{http://www.w3.org/2000/svg}"
    rects = ElementTree.fromstring(drawing.svg).iter(f"{space}rect")
    return [float(rect.get("width")) for rect in rects if rect.get("x")]


def test_lengths_are_to_scale_where_they_can_be():
    drawing = links({"cos(x²)": -3.0, "2x": 6.0}, product="dy/dx")
    assert drawing.table.rows[-1] == ("dy/dx", "−18")
    short, long, product = bars(drawing)
    assert product == 3 * long == 6 * short


def test_lengths_are_logarithmic_where_small_bars_would_vanish():
    drawing = links({"dL/dp": 813.36, "dp/dz": 0.001228})
    assert "lengths are logarithmic" in drawing.caption
    assert min(bars(drawing)) > 20


def test_yours_stands_beside_autograds():
    drawing = links({"a": 2.0, "b": 1.0}, autograd={"a": 2.0, "b": -1.0})
    assert [row[-1] for row in drawing.table.rows] == ["yes", "no"]
    assert "b 1, but autograd −1" in drawing.alt
    assert "1 ≠" in drawing.svg


def test_a_link_not_worked_out_leaves_the_product_open():
    drawing = links({"a": 2.0, "b": None}, product="c")
    assert drawing.table.rows == (("a", "2"), ("b", "none yet"), ("c", "none yet"))


def test_vectors_count_by_their_norm():
    assert links({"dL/dw": torch.tensor([3.0, 4.0])}).table.rows == (("dL/dw", "5"),)


def test_numbers_that_are_not_finite_have_no_bar():
    drawing = links({"a": float("nan"), "b": float("inf"), "c": 0.0})
    assert "NaN" in drawing.alt
    assert "∞" in drawing.svg


def test_what_is_no_dict_of_numbers_is_told():
    assert "should be a dict" in links([1, 2]).caption
    assert "a should be a number" in links({"a": "x"}).caption
    assert "empty" in links({}).caption
