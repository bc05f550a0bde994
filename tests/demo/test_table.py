import pytest

from tests.demo.table import Graded, find_reason, write_table


def display(text):
    return {"output_type": "display_data", "data": {"text/plain": text}}


REASONS = {
    "named": (
        [display("✗ f: wrong\n0 of 1\nWhat happened: The sign.\nLook: there")],
        "The sign.",
    ),
    "unsolved": (
        [{"output_type": "stream", "text": "Not solved yet.\n"}],
        "not solved yet",
    ),
    "headline": ([display("! f: raised\nNameError: x\nNext: look")], "NameError: x"),
    "error": (
        [{"output_type": "error", "ename": "E", "evalue": "\x1b[31mred"}],
        "E: red",
    ),
    "nothing": ([], "nothing was run"),
}


@pytest.mark.parametrize(("outputs", "reason"), REASONS.values(), ids=REASONS)
def test_reason_is_the_named_mistake_or_what_was_said(outputs, reason):
    assert find_reason(outputs) == reason


def test_table_tells_a_reason_once_for_all_its_exercises():
    graded = Graded(
        "ada",
        {"f": 0.0, "g": 1.5, "h": 0.0},
        dict.fromkeys("fgh", 2.0),
        {"f": "same", "h": "same"},
    )
    lines = write_table([graded], ["f", "g", "h"]).splitlines()
    assert lines[2].split() == ["ada", "0", "1.5", "0", "1.5"]
    assert lines[3].strip() == "f, h: same"


def test_missing_mark_is_no_zero():
    graded = Graded("ada", {"f": None}, {"f": 2.0}, {"f": "no mark"})
    assert write_table([graded], ["f"]).splitlines()[2].split() == ["ada", "-", "0"]
