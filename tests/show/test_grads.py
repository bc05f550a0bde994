import pytest
import torch

from grader.show import filling


def test_columns_hold_what_grad_held():
    drawing = filling([2.0, 4.0, 6.0])
    assert drawing.alt == "Columns. .grad holds 2, 4, 6 after the calls, in order."
    assert drawing.svg.count(">+2<") == 2


def test_none_is_not_zero():
    drawing = filling({"w": [None, 2.0, 0.0]}, calls=["zero_grad", "backward"])
    assert drawing.table.columns == (".grad of", "zero_grad", "backward", "call 3")
    assert drawing.table.rows == (("w", "None", "2", "0"),)
    assert "Dashed: what was cleared." in drawing.caption


def test_each_entry_of_a_vector_has_its_row():
    drawing = filling([torch.tensor([1.0, -2.0]), torch.tensor([2.0, -4.0])])
    assert [row[0] for row in drawing.table.rows] == [".grad[0]", ".grad[1]"]


@pytest.mark.parametrize(
    ("grads", "words"),
    [
        ([], "empty"),
        (None, "None"),
        ([torch.ones(2), torch.ones(3)], "different shapes"),
        ([torch.ones(100)], "too many"),
        (["a"], "one is of type str"),
        ([float("nan")], "Grey"),
    ],
)
def test_what_cannot_be_drawn_is_told(grads, words):
    assert words in filling(grads).caption
