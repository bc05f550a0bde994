"""Numbers are told by what they mean."""

import math

import pytest
import torch

from grader.diagnose import Trial
from grader.diagnose.sizes import describe_number, list_sizes


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0.5, "1/2"),
        (-2.0, "-2"),
        (1 / 3, "1/3"),
        (1 / math.log(10), "1/ln 10"),
        (math.sqrt(2 * math.pi), "√(2π)"),
        (0.123456, "0.1235"),
    ],
)
def test_number_is_written_as_a_person_would(number, words):
    assert describe_number(number) == words


def test_sizes_are_named_by_input_and_axis():
    trials = [Trial({"x": torch.ones(n, 3), "w": torch.ones(3)}, {}) for n in (5, 7)]
    sizes = list_sizes(trials)
    assert sizes["x.shape[0]"] == (5, 7)
    assert sizes["x.shape[1]"] == (3, 3)
    assert sizes["1/x.shape[0]"] == (1 / 5, 1 / 7)
    assert sizes["x.shape[0]·x.shape[1]"] == (15, 21)
    assert sizes["(x.shape[0] - 1)"] == (4, 6)
