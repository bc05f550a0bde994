import pytest
import torch

from grader.show import mutant_grid


def test_cells_say_caught_or_missed():
    drawing = mutant_grid({"x forgotten": {"x=1": False, "x=2": True, "x=3": None}})
    assert drawing.table.rows[0] == (
        "x forgotten",
        "missed",
        "caught",
        "not tried",
        "1 of 3",
    )
    assert "x forgotten: x=1 missed, x=2 caught, x=3 not tried." in drawing.alt


def test_what_is_missed_is_hatched_and_what_is_caught_ticked():
    svg = mutant_grid({"m": [True, False]}, ["a", "b"]).svg
    assert svg.count('fill="url(#hatch)"') == 1
    assert svg.count("l4 5 8 -10") == 1


def test_tensors_of_truths_are_read():
    assert mutant_grid({"m": torch.tensor([True, False])}).table.rows[0][1:3] == (
        "caught",
        "missed",
    )


@pytest.mark.parametrize("mutants", [None, {}, {"m": 3}, {"m": []}, {"m": "abc"}, [1]])
def test_what_cannot_be_drawn_is_told(mutants):
    assert mutant_grid(mutants, ["a", "b", "c"]).svg == ""
