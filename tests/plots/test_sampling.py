import math

import pytest
import torch

from grader.ink.numbers import CannotDraw
from grader.plots.sampling import sample, slope_at, spread, value_at


@pytest.mark.parametrize(
    "f",
    [torch.sin, math.sin, lambda x: math.sin(float(x))],
    ids=["torch", "math", "float"],
)
def test_any_way_of_writing_a_function_has_value_and_slope(f):
    assert value_at(f, 1.0) == pytest.approx(math.sin(1))
    assert slope_at(f, 1.0) == pytest.approx(math.cos(1), rel=1e-8)


def test_a_constant_has_slope_zero():
    assert slope_at(lambda x: 3.0, 1.0) == 0


def test_points_run_from_end_to_end():
    assert spread(-1, 1, 3) == [-1, 0, 1]


@pytest.mark.parametrize("result", [None, "3", torch.ones(2)])
def test_what_is_no_number_is_told(result):
    with pytest.raises(CannotDraw):
        sample(lambda x: result, [1.0])
