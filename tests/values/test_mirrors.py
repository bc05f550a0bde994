"""What both sides hold stays in step, and is forgotten when nobody needs it."""

import gc
import sys

import numpy as np
import pytest
import torch

from grader.values.packing import BadValue, CannotCross, Unpacker
from tests.two_sides import make_pair


def change(thing):
    kind = type(thing)
    if kind is list:
        thing[:] = [9, *thing]
    elif kind is dict:
        thing["new"] = thing.pop("old")
    elif kind is set:
        thing.add("new")
    else:
        thing[0] = 9


@pytest.mark.parametrize(
    "make",
    [
        lambda: [1, 2],
        lambda: {"old": 1},
        lambda: {1},
        lambda: bytearray(b"ab"),
        lambda: np.zeros(2),
        lambda: np.array([1, "a"], dtype=object),
        lambda: torch.zeros(2),
    ],
    ids=["list", "dict", "set", "bytearray", "array", "objects", "tensor"],
)
def test_change_in_place_comes_back(make):
    asks, _ = make_pair(change=change)
    ours, expected = make(), make()
    asks.call("change", ours)
    change(expected)
    assert list(ours) == list(expected)


def test_change_out_here_is_seen_over_there():
    kept = []
    asks, _ = make_pair(keep=kept.append, read=lambda: kept[0])
    ours = [1]
    asks.call("keep", ours)
    ours.append([2])
    assert asks.call("read") is ours
    assert kept[0] == [1, [2]]


def test_identity_is_kept():
    asks, _ = make_pair(same=lambda a, b: a is b)
    one = [1]
    assert asks.call("same", one, one) is True
    assert asks.call("same", one, [1]) is False


def test_things_nobody_holds_are_forgotten_on_both_sides():
    asks, answers = make_pair(echo=lambda x: x)
    for _ in range(20):
        asks.call("echo", [torch.zeros(3), {"a": np.zeros(2)}])
    asks.call("echo", 1)
    gc.collect()
    asks.call("echo", 1)
    assert (len(asks.book), len(answers.book)) == (0, 0)


def test_last_change_before_it_is_forgotten_arrives():
    kept = []
    asks, _ = make_pair(keep=kept.append, nothing=lambda: None)
    ours = [1]
    asks.call("keep", ours)
    ours.append(2)
    del ours
    asks.call("nothing")
    assert kept == [[1, 2]]


def test_value_that_cannot_cross_leaves_no_trace():
    asks, answers = make_pair(echo=lambda x: x)
    with pytest.raises(CannotCross):
        asks.call("echo", [[1], {"deep": object()}])
    assert asks.call("echo", [[2]]) == [[2]]
    assert len(answers.book) <= 2


@pytest.mark.parametrize(
    "state", [3, ["x"], [["is", 99]], ["a"], [["is", 1], 1]], ids=str
)
def test_bent_state_of_a_dict_is_refused(state):
    asks, _ = make_pair()
    unpacker = Unpacker(asks, [])
    with pytest.raises(BadValue):
        unpacker.load([["dict", 1, "dict", "none"]], [[1, state]])


def test_long_list_is_compared_quickly():
    asks, _ = make_pair(total=sum)
    assert asks.call("total", list(range(10_000))) == 49_995_000
    assert sys.getrefcount(asks) > 0
