"""A submission is ended at its cap of GPU memory; a meter of ours plays the driver."""

import threading
from dataclasses import dataclass, field

import pytest

from grader.accelerators.memory import Guard


@dataclass
class FakeMeter:
    used: dict = field(default_factory=dict)
    told: bool = True

    def by_process(self):
        return self.used if self.told else {}

    def in_all(self):
        return sum(self.used.values())


def make_guard(meter, ended, cap_mb=100):
    return Guard(meter, cap_mb, tree=lambda: {10, 11}, end=ended.append)


@pytest.mark.parametrize("told", [True, False], ids=["by process", "in all"])
def test_submission_is_ended_above_its_cap(told):
    meter, ended = FakeMeter({1: 500.0}, told), []
    guard = make_guard(meter, ended)
    meter.used |= {10: 60.0, 11: 60.0}
    assert guard.check()
    assert ended == ["more than 100 MB of GPU memory"]


@pytest.mark.parametrize("told", [True, False], ids=["by process", "in all"])
def test_submission_below_its_cap_goes_on(told):
    meter, ended = FakeMeter({1: 500.0}, told), []
    guard = make_guard(meter, ended)
    meter.used[10] = 90.0
    assert not guard.check()
    assert not ended


def test_neighbours_memory_is_not_held_against_a_submission():
    meter, ended = FakeMeter({10: 50.0}), []
    guard = make_guard(meter, ended)
    meter.used[77] = 10_000.0
    assert not guard.check()


def test_guard_looks_until_it_is_stopped():
    meter, ended, told = FakeMeter(), [], threading.Event()
    guard = Guard(meter, 100, lambda: {10}, lambda why: (ended.append(why), told.set()))
    guard.start()
    meter.used[10] = 101.0
    assert told.wait(5)
    guard.stop()
