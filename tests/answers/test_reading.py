"""What may come back for an answer, and what is said of it."""

import math
from fractions import Fraction

import numpy
import pytest
import torch

from grader.answers.reading import (
    count_digits,
    describe,
    format_number,
    format_value,
    read_answer,
)

ROW = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
ONE = torch.tensor(2.0, dtype=torch.float64)


def test_shape_that_is_due_is_told_for_any_quantity():
    """Of a returned value or a Jacobian, too: nothing is said of gradients."""
    reading = read_answer(ROW[:2], ROW, ROW, "returned value")
    said = "Your returned value has shape (2,); it should be (3,)."
    assert reading.problem.message == said


@pytest.mark.parametrize(
    "value",
    [
        ROW,
        ROW.float(),
        ROW.numpy(),
        ROW.tolist(),
        tuple(ROW),
        [torch.tensor(1.0), 2, 3.0],
        numpy.float32([1, 2, 3]),
    ],
)
def test_rows_are_read(value):
    reading = read_answer(value, ROW, ROW, "w")
    assert reading.problem is None
    assert reading.tensor.dtype == torch.float64
    assert torch.equal(reading.tensor, ROW)


@pytest.mark.parametrize("value", [ONE, 2.0, 2, numpy.float64(2), torch.tensor([2.0])])
def test_single_numbers_are_read(value):
    assert torch.equal(read_answer(value, ONE, ROW, "b").tensor, ONE)


def repr_short(value):
    return describe(value)[:24]


STRANGE = [
    (None, "none-returned"),
    ("2", "none-returned"),
    (b"2", "none-returned"),
    ([], "none-returned"),
    ([[1.0], [2.0, 3.0]], "none-returned"),
    ([1.0, None, 3.0], "none-returned"),
    ({1, 2, 3}, "none-returned"),
    (object(), "none-returned"),
    (Fraction(1, 2), "none-returned"),
    (print, "none-returned"),
    (torch, "none-returned"),
    (numpy.array(["a"]), "none-returned"),
    (numpy.array([None, 1, 2]), "none-returned"),
    (10**400, "none-returned"),
    (ROW.to_sparse(), "none-returned"),
    (ROW.to("meta"), "none-returned"),
    (True, "dtype"),
    (1j, "dtype"),
    (ROW.long(), "dtype"),
    (ROW.bool(), "dtype"),
    (ROW + 0j, "dtype"),
    (ROW.half(), "dtype"),
    (ROW.bfloat16(), "dtype"),
    (numpy.array([1, 2, 3]), "dtype"),
    (ROW[:2], "shape"),
    (ROW[None], "shape"),
    (ROW[:, None], "shape"),
    (ONE, "shape"),
    (torch.empty(0, dtype=torch.float64), "shape"),
    (torch.empty(3, 0, dtype=torch.float64), "shape"),
    (ROW / 0, "not-finite"),
    (ROW * math.nan, "not-finite"),
]


@pytest.mark.parametrize(("value", "kind"), STRANGE, ids=repr_short)
def test_strange_answers_have_a_kind(value, kind):
    reading = read_answer(value, ROW, ROW, "w")
    assert reading.problem.kind == kind
    assert reading.problem.message.startswith("Your w ")
    assert reading.problem.look.endswith("?")


def test_infinite_truth_wants_the_same():
    truth = torch.tensor([math.inf, math.nan, 1.0], dtype=torch.float64)
    assert read_answer(truth.clone(), truth, ROW, "w").problem is None
    assert read_answer(ROW, truth, ROW, "w").problem.kind == "not-finite"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (torch.tensor(-0.0), "0"),
        (torch.tensor([1.0, -2.5]), "[1, -2.5]"),
        (torch.zeros(3, 5), "tensor (3, 5)"),
        (torch.zeros(0), "tensor (0,)"),
        (True, "True"),
        (RuntimeError, "RuntimeError"),
        ("word", "'word'"),
        ([1, 2.0], "[1, 2]"),
        (None, "None"),
    ],
)
def test_values_are_written_short(value, text):
    assert format_value(value) == text


def test_long_values_are_cut():
    assert len(format_value("x" * 500)) <= 60
    assert len(describe("x" * 500)) <= 60


@pytest.mark.parametrize(
    ("error", "digits"), [(None, 5), (0.0, 5), (1.0, 5), (1e-8, 10), (1e-30, 17)]
)
def test_digits_suffice_to_see_the_difference(error, digits):
    assert count_digits(error) == digits
    assert format_number(1 / 3, 3) == "0.333"
