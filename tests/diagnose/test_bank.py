"""The bank of planted mistakes: a sample here, all of it by `make bank`."""

import random
import subprocess
import sys

import pytest

from grader.diagnose import KINDS
from tests.diagnose.bank import fuzz
from tests.diagnose.bank.__main__ import BANKS
from tests.diagnose.bank.measure import is_caught, judge, make_trials

EXERCISES = [exercise for bank in BANKS.values() for exercise in bank]
NAMES = [exercise.name for exercise in EXERCISES]
DEVELOPED_ON = {"first"}


@pytest.mark.parametrize("exercise", EXERCISES, ids=NAMES)
def test_sample_of_mistakes_is_named_right(exercise):
    for planted in exercise.wrong[:2]:
        assert judge(exercise, planted).verdict == "right", planted.text


@pytest.mark.parametrize("exercise", EXERCISES, ids=NAMES)
def test_right_answers_are_right(exercise):
    for wrt, answer in exercise.right:
        assert not is_caught(exercise, wrt, make_trials(exercise, wrt, answer))


def test_bank_is_as_large_as_it_must_be():
    wrong, two, odd = (
        sum(len(getattr(exercise, group)) for exercise in EXERCISES)
        for group in ("wrong", "double", "unexplained")
    )
    assert len(EXERCISES) >= 25
    assert wrong >= 200 and odd >= 30 and two >= 20


def test_half_of_the_functions_came_after_the_search():
    later = sum(len(bank) for name, bank in BANKS.items() if name not in DEVELOPED_ON)
    assert later >= len(EXERCISES) / 2


def test_planted_kinds_are_known():
    planted = {
        kind for e in EXERCISES for p in [*e.wrong, *e.double] for kind in p.kinds
    }
    assert planted <= set(KINDS)


def test_two_changes_at_once_get_no_false_name():
    rng = random.Random(3)
    tally, strange = fuzz.run(EXERCISES[1::11], 2, 2, rng)
    assert not tally["false name"], strange


def test_one_change_gets_a_name():
    rng = random.Random(3)
    tally, strange = fuzz.run(EXERCISES[::11], 2, 1, rng)
    assert tally["own name"] + tally["earlier name"] == tally.total(), strange


@pytest.mark.process
def test_whole_bank_reaches_its_targets():
    program = [sys.executable, "-m", "tests.diagnose.bank"]
    halves = [list(BANKS)[::2], list(BANKS)[1::2]]  # at once: a minute less to wait
    started = [
        subprocess.Popen([*program, *half], stdout=subprocess.PIPE, text=True)
        for half in halves
    ]
    for process in started:
        printed, _ = process.communicate()
        assert process.returncode == 0, printed
