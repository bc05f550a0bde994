import pytest
import torch

from grader.plots.decisions import cross_window, decision_line, decision_surface

X = torch.tensor([[-1.0, 0.0], [-2.0, 1.0], [1.0, 0.0], [2.0, -1.0]])
Y = torch.tensor([0, 0, 1, 1])


def test_lines_are_told_with_what_they_get_right():
    before, after = ([0.0, 1.0], 0.5), (torch.tensor([1.0, 0.0]), torch.tensor(0.0))
    drawing = decision_line(X, Y, before=before, after=after, names=("hours", "grade"))
    assert drawing.table.columns[1] == "w for hours"
    assert [row[-1] for row in drawing.table.rows] == ["1 of 4", "4 of 4"]
    assert "after: 1 · hours + 0 · grade + 0 = 0, 4 of 4 right" in drawing.alt


@pytest.mark.parametrize(
    ("line", "ends"),
    [
        ((1, 0, 0), [(0, -1), (0, 1)]),
        ((0, 1, 0), [(-1, 0), (1, 0)]),
        ((1, 1, 0), [(-1, 1), (1, -1)]),
        ((0, 0, 1), []),
        ((1, 0, 9), []),
        ((float("nan"), 1, 0), []),
    ],
)
def test_a_line_is_cut_at_the_window(line, ends):
    assert cross_window(line, [(-1, 1), (-1, 1)]) == ends


def test_no_line_is_said_where_there_is_none():
    assert "no line here" in decision_line(X, Y, before=([0, 0], 1)).svg


@pytest.mark.parametrize(
    "model",
    [
        lambda x: x[:, 0],
        lambda x: torch.sigmoid(x[:, :1]),
        lambda x: torch.stack([-x[:, 0], x[:, 0]], 1),
        lambda x: torch.stack([-x[:, 0], x[:, 0], x[:, 0] - 9], 1),
    ],
    ids=["logit", "probability", "two scores", "three scores"],
)
def test_probabilities_and_scores_are_understood(model):
    assert decision_surface(model, X, Y).table.rows == (("model", "4 of 4"),)


def test_models_stand_side_by_side():
    models = {"before": lambda x: -x[:, 0], "after": torch.nn.Linear(2, 1).double()}
    assert [row[0] for row in decision_surface(models, X, Y).table.rows] == list(models)


@pytest.mark.parametrize("model", [None, lambda x: None, lambda x: x[:3]])
def test_a_model_that_cannot_decide_is_told(model):
    assert decision_surface(model, X, Y).svg == ""


@pytest.mark.parametrize("features", [X[:3], X[:, 0], None, X * float("inf")])
def test_points_that_cannot_be_drawn_are_told(features):
    assert decision_line(features, Y, before=([1, 1], 0)).svg == ""
