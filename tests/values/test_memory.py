"""Memory that arrays and tensors share stays shared, and no view leaves its window."""

import numpy as np
import pytest
import torch

from grader.values.packing import BadValue, Unpacker
from tests.two_sides import make_pair

GOOD = {
    "tensor": ["float32", 1, [[2], [4], 0], "cpu"],
    "array": ["<f4", 1, [[2], [4], 0]],
}


def load(place, kind="tensor", data=b"\x00" * 8, last="plain"):
    asks, _ = make_pair()
    fields = [place, last] if kind == "tensor" else [*place, True]
    unpacker = Unpacker(asks, [bytearray(data)])
    fills = [[3, [None, False, None, None]]] if kind == "tensor" else []
    unpacker.load([["memory", 1, 0], [kind, 3, *fields]], fills)
    return asks.book.get(3).thing


@pytest.mark.parametrize("kind", GOOD)
def test_layout_inside_its_window_is_taken(kind):
    assert tuple(load(GOOD[kind], kind).shape) == (2,)


@pytest.mark.parametrize("kind", GOOD)
@pytest.mark.parametrize(
    "layout",
    [
        [[3], [4], 0], [[2], [4], 1], [[2], [8], 0], [[2], [-4], 0], [[-1], [4], 0],
        [[2], [4], -4], [[2, 2], [4], 0], [[10**9], [0], 0], [[1 << 62] * 2, [0, 0], 0],
        [[2.0], [4], 0], [["2"], [4], 0], [[None], [4], 0], [[2], [4]], "x",
        [[2], [4], 10**30],
        [[0, 10**9, 10**9], [4, 4, 4], 0], [[1] * 65, [4] * 65, 0], [[True], [4], 0],
    ],
    ids=str,
)  # fmt: skip
def test_layout_that_lies_is_refused(kind, layout):
    place = list(GOOD[kind])
    place[2] = layout
    with pytest.raises(BadValue):
        load(place, kind)


def test_bytes_that_are_no_bools_are_refused():
    with pytest.raises(BadValue):
        load(["bool", 1, [[8], [1], 0], "cpu"], data=b"\x01\x02" * 4)
    with pytest.raises(BadValue):
        load(["|b1", 1, [[8], [1], 0]], "array", data=b"\x01\x02" * 4)


def test_bools_stay_bools_when_their_bytes_change():
    asks, _ = make_pair()
    Unpacker(asks, [bytearray(2)]).load(
        [["memory", 1, 0], ["array", 3, "|b1", 1, [[2], [1], 0], True]], []
    )
    with pytest.raises(BadValue):
        Unpacker(asks, [bytearray(b"\x07\x01")]).load([], [[1, 0]])
    assert asks.book.get(3).thing.tolist() == [False, False]


@pytest.mark.parametrize("number", [0, 2, 1.0, -1, "1", None, 1 << 60])
def test_number_that_is_not_the_other_sides_is_refused(number):
    asks, _ = make_pair()
    with pytest.raises(BadValue):
        Unpacker(asks, [bytearray(8)]).load([["memory", number, 0]], [])


def test_same_number_twice_is_refused():
    asks, _ = make_pair()
    with pytest.raises(BadValue):
        Unpacker(asks, [bytearray(8)]).load([["memory", 1, 0], ["memory", 1, 0]], [])


def test_bytes_of_another_length_are_refused():
    asks, _ = make_pair()
    Unpacker(asks, [bytearray(8)]).load([["memory", 1, 0]], [])
    with pytest.raises(BadValue):
        Unpacker(asks, [bytearray(9)]).load([], [[1, 0]])


def test_views_of_one_memory_stay_views_of_it():
    asks, _ = make_pair(pair=lambda: (base := np.zeros(6), base[2:4]))
    base, view = asks.call("pair")
    view[:] = 7
    assert base.tolist() == [0, 0, 7, 7, 0, 0]


def test_result_that_views_an_argument_does_so_here():
    asks, _ = make_pair(diagonal=torch.diagonal)
    t = torch.zeros(2, 2)
    asks.call("diagonal", t)[1] = 5
    assert t[1, 1] == 5


def test_small_part_of_a_large_memory_crosses_alone():
    asks, _ = make_pair(size=lambda a: a.base.nbytes)
    large = np.zeros(1 << 20)
    assert asks.call("size", large[5:9]) == 32


def test_read_only_array_stays_read_only():
    asks, _ = make_pair(write=lambda a: a.flags.writeable)
    array = np.arange(3)
    array.flags.writeable = False
    assert asks.call("write", array) is False
