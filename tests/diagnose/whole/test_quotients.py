"""Difference quotients are told by the error that they leave."""

import pytest
import torch

from grader.diagnose import Trial, name_mistake

POINTS = [torch.tensor(v, dtype=torch.float64) for v in (0.4, 0.9, 1.3, 1.8, 2.2)]


def of(x):
    return torch.exp(x) * torch.sin(x**2)


def name(answer):
    trials = [Trial({"x": x}, {"x": answer(x)}) for x in POINTS]
    return name_mistake(of, trials, ("x",))["x"]


@pytest.mark.parametrize("step", [1e-2, 1e-3, 1e-4, 1e-5])
def test_forward_quotient_is_named(step):
    found = name(lambda x: (of(x + step) - of(x)) / step)
    assert found.kind == "finite-difference"
    assert f"{step:g}" in found.message


def test_central_quotient_is_named():
    found = name(lambda x: (of(x + 0.01) - of(x - 0.01)) / 0.02)
    assert found.kind == "finite-difference"


def test_other_small_errors_are_not():
    slope = torch.exp(torch.ones(())) * 0.001
    assert name(lambda x: (of(x + 1e-6) - of(x - 1e-6)) / 2e-6 + slope) is None
