import pytest
import torch

from grader.plots import bowl as sampling
from grader.plots.landscapes import descent, descent_paths

X = torch.tensor([1.0, 2.0, 3.0, 4.0])


@pytest.fixture(autouse=True)
def _coarse_bowl(monkeypatch):
    monkeypatch.setattr(sampling, "GRID", 9)  # rules do not need smooth rings


def loss(w, b):
    return ((w * X + b - (2 * X + 1)) ** 2).mean()


def bowl(p):
    return (p**2).sum()


def test_the_path_is_gradient_descent():
    drawing = descent(loss, (0, 0), lrs=[0.1], steps=10)
    assert drawing.table.columns == ("path", "steps", "w", "b", "loss")
    assert drawing.table.rows == (("lr 0.1", "10", "2.034", "0.7755", "0.02111"),)


def test_the_lowest_point_is_found():
    assert "about (2, 1)" in descent(loss, steps=3).alt


def test_too_large_a_rate_leaves_the_picture():
    drawing = descent(bowl, (1.0, 2.0), lrs=[0.1, 1.3])
    assert "lr 1.3" in drawing.caption
    assert "leaves the picture at step" in drawing.caption


def test_parameters_that_overflow_end_the_path():
    drawing = descent(bowl, (1.0, 2.0), lrs=[0.1, 1e20], steps=5)
    assert int(drawing.table.rows[1][1]) < 5


def test_given_paths_are_drawn():
    paths = {"yours": [(0, 0), (3.5, 1.2)], "autograd": torch.zeros(2, 2)}
    assert descent_paths(loss, paths).table.rows[0][:4] == ("yours", "1", "3.5", "1.2")


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda a, b, c: a, "it takes 3"),
        (lambda w, b: torch.tensor(1.0), "does not depend"),
        (lambda w, b: w * float("nan") + b, "not finite anywhere"),
        (3, "A function is wanted"),
    ],
)
def test_what_is_no_bowl_is_told(function, words):
    assert words in descent(function).caption
