"""Tolerances: rounding passes, 0.1 % off does not, at any size."""

import pytest
import torch

from grader.answers.closeness import Rounding, compare_answer, is_near
from grader.answers.inputs import cast_inputs
from grader.answers.reading import compare_plain
from grader.answers.truth import differentiate


def normalise(x, u):
    h = (x - x.mean(1, keepdim=True)) / torch.sqrt(x.var(1, keepdim=True) + 1e-5)
    return (h * u).sum()


def saturated(x, u):
    return (torch.tanh(x**3) * u).sum()


def cancels(x, u):
    return (torch.softmax(x, 1)).sum() + 0 * u.sum()


def compare(of, answer, seed=0, size=1.0):
    generator = torch.Generator().manual_seed(seed)
    x, u = torch.randn(2, 5, 7, generator=generator, dtype=torch.float64)

    def truth(inputs):
        found = differentiate(of, inputs, ("x",), "")["x"]
        return {"x": size * found}

    inputs = {"x": x, "u": u}
    right = truth(cast_inputs(inputs, torch.float64))
    yours = answer(right["x"], lambda dtype: truth(cast_inputs(inputs, dtype))["x"])
    return compare_answer(yours, right["x"], Rounding(truth, inputs, right), "x", "x")


SIZES = pytest.mark.parametrize("size", [1e-8, 1.0, 1e8])
OF = pytest.mark.parametrize("of", [normalise, saturated, cancels])


@SIZES
@OF
@pytest.mark.parametrize("seed", range(5))
def test_float32_rounding_passes(of, size, seed):
    assert compare(of, lambda t, at: at(torch.float32), seed, size).ok


@SIZES
@pytest.mark.parametrize("of", [normalise, saturated])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_near_miss_is_never_surely_right(of, size, dtype):
    compared = compare(of, lambda t, at: (1.001 * t).to(dtype), size=size)
    assert not compared.ok or compared.vague


@SIZES
def test_one_entry_off_fails(size):
    def answer(t, at):
        t = t.clone()
        t[2, 3] *= 1.001
        return t

    assert not compare(normalise, answer, size=size).ok


def test_zero_by_cancellation_passes():
    assert compare(cancels, lambda t, at: torch.zeros_like(t)).ok
    assert compare(cancels, lambda t, at: 1e-16 + t).ok
    assert not compare(cancels, lambda t, at: 1e-3 + t).ok


def test_exact_answer_measures_nothing():
    def never(inputs):
        raise AssertionError

    x = torch.ones(3, dtype=torch.float64)
    compared = compare_answer(x, x, Rounding(never, {"x": x}, {"x": x}), "x", "x")
    assert compared.ok
    assert compared.exact


@pytest.mark.parametrize(
    ("off", "exact"), [(0, True), (1e-15, True), (1e-10, False), (1e-7, False)]
)
def test_digits_of_a_difference_quotient_are_not_exact(off, exact):
    assert compare(normalise, lambda t, at: t * (1 + off)).exact == exact


def test_reference_that_refuses_other_values_is_still_judged():
    def picky(x, u):
        if x.dtype != torch.float64 or "jitter" in repr(type(x)):
            raise ValueError
        return (x**2).sum()

    assert compare(picky, lambda t, at: t * (1 + 1e-8)).ok
    assert not compare(picky, lambda t, at: t * 1.001).ok


@pytest.mark.parametrize(
    ("value", "truth", "same"),
    [
        (1, True, False),
        (True, True, True),
        (2, 2.0, True),
        (float("nan"), float("nan"), True),
        (torch.tensor(3), 3, True),
        ([1, [2]], (1, (2,)), True),
        ([1], 1, False),
        ("A", "a ", True),
        (ValueError, "valueerror", True),
        (None, None, True),
        (None, 0, False),
        ({"a": 1}, {"a": 1}, True),
    ],
)
def test_plain_values_are_compared_by_kind(value, truth, same):
    assert compare_plain(value, truth) is same


def test_near_needs_the_same_shape():
    assert is_near(torch.ones(3), torch.ones(3))
    assert not is_near(torch.ones(3), torch.ones(1, 3))
    assert not is_near(torch.full((2,), torch.nan), torch.ones(2))
