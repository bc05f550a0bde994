"""What crosses comes out as it went in, and what is bent is refused."""

import datetime as dt
import math
import random
from collections import Counter, OrderedDict, defaultdict, namedtuple
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from grader.values.packing import BadValue, Unpacker
from tests.two_sides import make_pair

Point = namedtuple("Point", "x y")
VALUES = [
    None, True, 0, -5, 2.5, -0.0, 10**40, "", "héllo \U0001f600", "\ud800 half",
    b"\x00ab", b"long" * 200, 1 + 2j, (), (1, (2, "a")), [1, [2, [3]]],
    {"a": 1, 7: [None]}, {1, "b"},
    frozenset({1, 2}), range(2, 9, 3), slice(1, None, -1), ..., NotImplemented,
    Decimal("1.50"), Fraction(1, 3), dt.date(2024, 2, 29), dt.timedelta(1, 2, 3),
    dt.datetime(2024, 1, 2, 3, 4, tzinfo=dt.UTC), dt.time(1, 2), Path("a/b.txt"),
    OrderedDict(b=1, a=2), Counter("hello"), bytearray(b"xyz"), Point(1, 2),
    np.float32(1.5), np.bool_(True), np.datetime64("2024-01-02"), np.str_("é"),
    np.dtype("f8"), np.dtype([("a", "i4"), ("b", "f8", (2,))]),
    torch.float16, torch.Size([2, 3]), torch.device("cpu"),
]  # fmt: skip
ARRAYS = [
    np.arange(6).reshape(2, 3), np.arange(12.0).reshape(3, 4)[::2, ::-1], np.array(5),
    np.zeros((0, 3)), np.array(["a", "bcd"]), np.array([True, False]),
    np.asfortranarray(np.arange(6).reshape(2, 3)),
    np.array([1, "x", None], dtype=object), np.broadcast_to(np.arange(3), (2, 3)),
    np.ma.MaskedArray([1.0, 2.0], [False, True]), np.array(["2024-01"], dtype="M8[M]"),
    np.zeros(2, dtype=[("a", "i4"), ("b", "f8")]), np.arange(3, dtype=">i4"),
]  # fmt: skip
TENSORS = [
    torch.arange(6.0).reshape(2, 3).T, torch.tensor(3), torch.zeros(0, 2),
    torch.tensor([True, False]), torch.ones(2, dtype=torch.bfloat16),
    torch.tensor([1 + 2j]).conj(), torch.eye(3).to_sparse(),
    torch.zeros(3).expand(2, 3),
]  # fmt: skip


@pytest.fixture(scope="module")
def echo():
    asks, _ = make_pair(echo=lambda *values: values)
    return lambda value: asks.call("echo", (value,))[0][0]


@pytest.fixture
def receive():
    """Let the other side make a value, so that it crosses one way only."""

    def run(value):
        asks, _ = make_pair(make=lambda: value)
        return asks.call("make")

    return run


@pytest.mark.parametrize("value", VALUES, ids=lambda value: f"{type(value).__name__}")
def test_value_crosses_unchanged(receive, value):
    got = receive(value)
    assert got == value
    if not isinstance(value, Point):
        assert type(got) is type(value)


def test_special_floats_keep_their_kind(receive):
    assert math.isnan(receive(math.nan))
    assert receive([math.inf, -math.inf]) == [math.inf, -math.inf]
    assert math.copysign(1, receive(-0.0)) == -1


def test_namedtuple_keeps_name_and_fields(receive):
    got = receive(Point(1, 2))
    assert (type(got).__name__, got._fields, got.y) == ("Point", ("x", "y"), 2)


def test_defaultdict_keeps_its_factory(receive):
    got = receive(defaultdict(list, a=[1]))
    got["b"].append(2)
    assert got == {"a": [1], "b": [2]}


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype}{a.shape}")
def test_array_crosses_unchanged(receive, array):
    got = receive(array)
    assert (type(got), got.dtype, got.shape) == (type(array), array.dtype, array.shape)
    np.testing.assert_array_equal(got, array)


@pytest.mark.parametrize("tensor", TENSORS, ids=lambda t: f"{t.dtype}{tuple(t.shape)}")
def test_tensor_crosses_unchanged(receive, tensor):
    got = receive(tensor)
    assert (got.dtype, got.shape, got.layout) == (
        tensor.dtype,
        tensor.shape,
        tensor.layout,
    )
    assert torch.equal(got.to_dense(), tensor.to_dense())


@pytest.mark.parametrize(
    "make",
    [
        lambda: np.random.default_rng(1),
        lambda: np.random.RandomState(1),
        lambda: torch.Generator().manual_seed(3),
        lambda: random.Random(4),
    ],
)
def test_random_generator_keeps_its_state_and_gives_it_back(make):
    draw = {
        "Generator": lambda g: (
            g.random() if hasattr(g, "random") else torch.rand(2, generator=g).tolist()
        ),
        "RandomState": lambda g: g.rand(),
        "Random": lambda g: g.random(),
    }[type(make()).__name__]
    asks, _ = make_pair(draw=draw)
    ours, same = make(), make()
    assert asks.call("draw", ours) == draw(same)
    assert draw(ours) == draw(same)


def test_cycle_crosses(receive):
    knot = [1]
    knot.append({"self": knot})
    got = receive(knot)
    assert got[1]["self"] is got


@pytest.mark.parametrize(
    "node",
    [
        ["tuple"], ["tuple", 3], ["no such tag", 1], [], [[]], {"a": 1}, ["int", "zz"],
        ["int", "0x" + "f" * 10**6], ["float", "1e5"], ["complex", "a", 2],
        ["bytes", "xyz"], ["bytes", 99], ["bytes", -1], ["range", 1, 2, 0],
        ["range", 1.5, 2, 1],
        ["frozenset", [["tuple", [["is", 5]]]]], ["is", 5], ["is", "a"], ["is", True],
        ["Decimal", "1e99999999"], ["Decimal", "x"], ["Fraction", 1, 0],
        ["date", "soon"],
        ["namedtuple", "P", ["x", "x"], [1, 2]], ["namedtuple", "P", ["class"], [1]],
        ["namedtuple", "P", ["__import__('os')"], [1]],
        ["namedtuple", "P", ["a"], [1, 2]],
        ["scalar", "O", "00"], ["scalar", "|b1", "02"], ["scalar", "<f8", "00"],
        ["scalar", "<U1", "ffffffff"], ["dtype", "O"], ["dtype", [["a", "O", []]]],
        ["dtype", "f8,O"], ["torch.dtype", "qint8"], ["torch.device", "meta"],
        ["torch.Size", [1.5]], ["torch.Size", [-1]], ["sparse", 1, 2, 3],
        ["masked", 1, 2], ["halves", "zz"], ["timedelta", 10**12, 0, 0],
        ["items", [1]], ["keys", [["is", 1]]],
        ["Timestamp", "ns", 1, "../../etc"], ["index", ["plain", "O", 0], [None]],
    ],
    ids=str,
)  # fmt: skip
def test_bent_node_is_refused(node):
    asks, _ = make_pair()
    with pytest.raises(BadValue):
        Unpacker(asks, [bytearray(8)]).unpack(node)


def test_refusal_is_a_value_error():
    assert issubclass(BadValue, ValueError)
