import torch

from grader.plots.curves import curves, grad_norms, losses

NAN, INF = float("nan"), float("inf")


def test_curves_are_told_in_words_and_rows():
    drawing = curves([0, 1, 2], {"naive": [1, 2, 0], "stable": [0, 0, 0]}, x_name="z")
    assert "naive goes from 1 to 0; smallest 0 at 2, largest 2 at 1." in drawing.alt
    assert drawing.table.rows[1] == ("1", "2", "0")


def test_where_a_curve_is_not_finite_is_marked():
    drawing = curves([0, 1, 2], {"naive": [INF, 2, 1], "stable": [1, 2, 3]})
    assert drawing.caption.startswith("× marks where naive cannot be drawn")


def test_zero_is_marked_on_a_logarithmic_axis():
    assert "× marks" in losses({"a": [1.0, 0.0, 0.1]}, log=True).caption


def test_trainings_of_different_length_share_a_picture():
    drawing = losses({"long": [3, 2, 1], "short": [3]})
    assert drawing.caption == ""
    assert drawing.table.rows[2] == ("2", "1", "")


def test_norms_are_taken_of_gradients():
    layer = torch.tensor([3.0, 4.0], requires_grad=True)
    assert grad_norms({"net": [layer, 1.0]}).table.rows[0] == ("1", "5")


def test_named_layers_keep_their_order():
    assert grad_norms({"net": {"W1": 0.5, "W2": 1.0}}).table.rows[0] == ("1", "0.5")


def test_lengths_that_differ_are_told():
    assert "2 values for 3 points" in curves([1, 2, 3], {"a": [1, 2]}).caption


def test_only_what_is_nan_gives_a_picture_still():
    assert "no finite value" in losses([NAN, NAN]).alt
