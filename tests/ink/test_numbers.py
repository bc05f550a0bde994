import pytest
import torch

from grader.ink.numbers import (
    CannotDraw,
    call_politely,
    clean,
    read_number,
    read_numbers,
    read_tensor,
    summarise,
    write_number,
    write_power,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-0.0, "0"),
        (-1e-400, "0"),
        (6.691762447357178, "6.6918"),
        (-5.4668, "−5.4668"),
        (1e-8, "1e−8"),
        (250000.0, "250000"),
        (1.5e9, "1.5e9"),
        (float("nan"), "NaN"),
        (float("-inf"), "−∞"),
        (torch.tensor(2.0, requires_grad=True), "2"),
    ],
)
def test_numbers_are_short_and_signed(value, text):
    assert write_number(value) == text


def test_powers_are_written_as_text():
    assert write_power(-8) == "10⁻⁸"


@pytest.mark.parametrize("value", ["3", None, ..., 1j, torch.tensor(1j), [[1], [2, 3]]])
def test_what_holds_no_real_numbers_is_not_read(value):
    assert read_tensor(value) is None


def test_a_float16_tensor_with_gradient_is_read():
    tensor = torch.ones(2, dtype=torch.float16, requires_grad=True)
    assert read_tensor(tensor).dtype == torch.float64


def test_reading_a_number_names_what_is_wrong():
    with pytest.raises(CannotDraw, match=r"x should be one number.*\(2,\)"):
        read_number(torch.ones(2), "x")
    with pytest.raises(CannotDraw, match=r"hs\[1\] should be a number, but it is None"):
        read_numbers([1.0, None], "hs")


@pytest.mark.parametrize(
    ("tensor", "text"),
    [
        (torch.tensor(3.0), "3"),
        (torch.tensor([1.0, -2.0]), "[1, −2]"),
        (torch.arange(6.0).reshape(2, 3), "(2, 3) 0 … 5"),
        (torch.ones(7), "(7,) all 1"),
        (torch.tensor([1.0, float("nan"), 2, 3]), "(4,) 1 … 3, 1 not finite"),
        (torch.empty(0), "(0,)"),
        (None, "none"),
    ],
)
def test_tensors_become_one_short_line(tensor, text):
    assert summarise(tensor) == text


def test_hostile_text_becomes_one_plain_line():
    assert clean("a\x00\u202eb\nc\x1b[31m") == "ab c[31m"
    assert len(clean("x" * 10_000)) == 60


def test_a_text_that_cannot_be_written_is_named_by_its_type():
    class Rude:
        def __str__(self):
            raise RuntimeError

    assert clean(Rude()) == "Rude"


def test_an_unsolved_function_is_told_politely():
    def todo(x):
        raise NotImplementedError("Exercise 1.1: return slope")

    with pytest.raises(CannotDraw, match=r"^Exercise 1.1 comes first: return slope.$"):
        call_politely(todo, 1)


def test_a_failing_function_is_told_with_its_error():
    with pytest.raises(CannotDraw, match="raised ZeroDivisionError: division by zero"):
        call_politely(lambda: 1 / 0)
