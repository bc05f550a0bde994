"""Where a wrong shape comes from."""

import pytest
import torch

from grader.diagnose import Trial, name_shape

g = torch.Generator().manual_seed(0)
INPUTS = {
    "W": torch.randn(5, 3, generator=g, dtype=torch.float64),
    "b": torch.randn(3, generator=g, dtype=torch.float64),
    "c": torch.randn(7, 3, generator=g, dtype=torch.float64),
    "X": torch.randn(7, 5, generator=g, dtype=torch.float64),
}
U = torch.randn(7, 3, generator=g, dtype=torch.float64)


def of(W, b, c, X):
    return X @ W + b + 2 * c


@pytest.mark.parametrize(
    ("kind", "name", "answer"),
    [
        ("transposed", "W", U.T @ INPUTS["X"]),
        ("reduction", "b", U),
        ("shape", "b", U.sum(0, keepdim=True)),
        ("wrong-input", "b", 2 * U),
        ("reduction", "c", 2 * U.sum(0)),
        ("value-returned", "b", of(**INPUTS)),
    ],
)
def test_wrong_shape_is_named(kind, name, answer):
    found = name_shape(of, Trial(INPUTS, {name: answer}, U), (name,))
    assert found[name].kind == kind


def test_swapped_shapes_are_named_on_both_sides():
    answers = {"b": 2 * U, "c": U.sum(0)}
    found = name_shape(of, Trial(INPUTS, answers, U), ("b", "c"))
    assert {name: one.kind for name, one in found.items()} == {
        "b": "swapped",
        "c": "swapped",
    }


def test_whole_jacobian_is_named():
    x = INPUTS["b"]
    trial = Trial({"x": x}, {"x": torch.diag(2 * x)}, U[0])
    assert name_shape(lambda x: x**2, trial, ("x",))["x"].kind == "shape"


def test_wrong_numbers_in_a_wrong_shape_get_no_name():
    found = name_shape(of, Trial(INPUTS, {"b": U * U}, U), ("b",))
    assert found == {"b": None}


def test_right_shape_gets_no_entry():
    assert name_shape(of, Trial(INPUTS, {"b": U.sum(0)}, U), ("b",)) == {}
