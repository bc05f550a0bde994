import pytest
import torch

from grader.show import jacobian

J = torch.tril(torch.ones(3, 4))


def test_small_jacobians_show_their_numbers():
    drawing = jacobian(J)
    assert drawing.table.rows[1] == ("y₁", "1", "1", "0", "0")
    assert "Rows: 1, 0, 0, 0; 1, 1, 0, 0; 1, 1, 1, 0." in drawing.alt


def test_wrong_cells_are_hatched_and_show_both():
    yours = J.clone()
    yours[2, 0] = -0.5
    drawing = jacobian(J, yours)
    assert drawing.svg.count('fill="url(#hatch)"') == 1
    assert ">−0.5 ≠ 1<" in drawing.svg
    assert "1 of 12 cells differ" in drawing.caption


def test_equal_ones_are_praised_not_hatched():
    drawing = jacobian(J, J.double() * (1 + 1e-7))
    assert "All your cells agree" in drawing.caption
    assert 'fill="url(#hatch)"' not in drawing.svg


def test_large_jacobians_are_told_by_size_and_fill():
    assert "hollow ones negative" in jacobian(torch.randn(30, 20)).caption


def test_more_axes_are_split_in_the_middle():
    assert len(jacobian(torch.ones(2, 3, 2, 3)).table.rows) == 6


@pytest.mark.parametrize(
    ("value", "yours", "words"),
    [
        (J, J[0], r"Yours has shape (1, 4)"),
        (J.T.expand(4, 3), "a", "Yours should be a tensor"),
        (None, None, "should be a tensor, but it is None"),
        (torch.ones(0, 3), None, "empty"),
        (torch.ones(1000, 1000), None, "up to 64"),
        (torch.full((2, 2), float("nan")), None, "Row i"),
    ],
)
def test_what_cannot_be_drawn_is_told(value, yours, words):
    assert words in jacobian(value, yours).caption
