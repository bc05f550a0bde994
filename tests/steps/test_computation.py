import pytest
import torch

from grader.ink.numbers import CannotDraw
from grader.steps.computation import find_paths
from grader.steps.formulas import read_backward_name, write_formula
from grader.steps.record import record_call


def test_paths_multiply_and_add_up_to_the_gradient():
    def z(x, a, b):
        y = a * x**2 + b * x + 1
        return y**2 + 2 * y

    computation = record_call(z, {"x": 1.0, "a": 2.0, "b": 3.0})
    x = computation.find("x")
    products = [
        torch.stack([step.slopes[i] for step, i in path]).prod()
        for path in find_paths(x, computation.output)
    ]
    assert len(products) == 4
    assert float(sum(products)) == float(x.grad) == 98


def test_too_many_paths_are_told():
    def ladder(x):
        for _ in range(9):
            x = x * x
        return x

    computation = record_call(ladder, {"x": 1.0})
    with pytest.raises(CannotDraw, match="More than 200 paths"):
        find_paths(computation.find("x"), computation.output)


@pytest.mark.parametrize(
    ("operation", "operands", "text"),
    [
        ("mul", ["a", "x"], "a × x"),
        ("pow", ["x", "2"], "x²"),
        ("pow", ["x", "−1"], "x⁻¹"),
        ("pow", ["x", "0.5"], "x ^ 0.5"),
        ("rsub", ["p", "1"], "1 − p"),
        ("matmul", ["X", "w"], "X @ w"),
        ("sigmoid", ["z"], "sigmoid(z)"),
        ("add", ["x"], "add(x)"),
    ],
)
def test_formulas_are_written_as_on_paper(operation, operands, text):
    assert write_formula(operation, operands) == text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("MulBackward0", "mul"),
        ("LogSigmoidBackward0", "logsigmoid"),
        ("BinaryCrossEntropyBackward0", "binary_cross_entropy"),
        ("torch::autograd::CopySlices", "copy_slices"),
        ("Backward", "Backward"),
    ],
)
def test_autograds_names_become_words(name, text):
    assert read_backward_name(name) == text
