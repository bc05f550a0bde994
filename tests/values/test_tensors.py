"""Gradients, leaves and parameters are on both sides what they are."""

import pytest
import torch

from grader.values.packing import BadValue, Unpacker
from tests.two_sides import make_pair


def test_leaf_and_its_gradient_cross():
    asks, _ = make_pair(backward=lambda w: (w**2).sum().backward())
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    asks.call("backward", w)
    asks.call("backward", w)
    assert w.is_leaf and torch.equal(w.grad, torch.tensor([4.0, 8.0]))


def test_gradient_set_here_is_seen_there():
    w = torch.nn.Parameter(torch.ones(2))
    asks, _ = make_pair(get=lambda: w, read=lambda: w.grad)
    ours = asks.call("get")
    assert isinstance(ours, torch.nn.Parameter)
    (3 * ours).sum().backward()
    assert asks.call("read").tolist() == [3, 3]
    ours.grad = None
    assert asks.call("read") is None


def test_update_of_a_parameter_reaches_the_other_side():
    w = torch.nn.Parameter(torch.ones(2))
    asks, _ = make_pair(get=lambda: w, total=lambda: w.sum().item())
    with torch.no_grad():
        asks.call("get").sub_(0.5)
    assert asks.call("total") == 1


def test_new_data_of_a_tensor_crosses():
    def swap(t):
        t.data = torch.full((3,), 7.0)

    asks, _ = make_pair(swap=swap)
    t = torch.zeros(2)
    asks.call("swap", t)
    assert t.tolist() == [7, 7, 7]


def test_wish_for_a_gradient_crosses():
    asks, _ = make_pair(freeze=lambda t: t.requires_grad_(False))
    t = torch.zeros(2, requires_grad=True)
    asks.call("freeze", t)
    assert not t.requires_grad


def test_subclass_crosses_as_a_tensor():
    class Liar(torch.Tensor):
        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):
            return True

    asks, _ = make_pair(lie=lambda: torch.ones(2).as_subclass(Liar))
    got = asks.call("lie")
    assert type(got) is torch.Tensor and got.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("place", "role", "state"),
    [
        (["int64", 1, [[1], [8], 0], "cpu"], "plain", [True, None]),
        (["float64", 1, [[1], [8], 0], "cpu"], "odd", [False, None]),
        (["float64", 9, [[1], [8], 0], "cpu"], "plain", [False, None]),
        (["float64", 1, [[1], [8], 0], "cpu"], "plain", [1, None]),
        (["float64", 1, [[1], [8], 0], "cpu"], "plain", [True, "x"]),
        (["quint8", 1, [[1], [1], 0], "cpu"], "plain", [False, None]),
        (["float64", 1, [[1], [3], 0], "cpu"], "plain", [False, None]),
        (["float64", None, [[10**9], [8], 0], "cpu"], "plain", [False, None]),
    ],
)
def test_bent_tensor_is_refused(place, role, state):
    asks, _ = make_pair()
    unpacker = Unpacker(asks, [bytearray(8)])
    defs = [["memory", 1, 0], ["tensor", 3, place, role]]
    with pytest.raises(BadValue):
        unpacker.load(defs, [[3, [None, *state, None]]])


def test_gradient_of_another_shape_is_refused():
    asks, _ = make_pair()
    unpacker = Unpacker(asks, [bytearray(16)])
    tensors = [
        ["tensor", 3, ["float64", 1, [[1], [8], 0], "cpu"], "plain"],
        ["tensor", 5, ["float64", 1, [[2], [8], 0], "cpu"], "plain"],
    ]
    with pytest.raises(BadValue):
        unpacker.load(
            [["memory", 1, 0], *tensors], [[3, [None, True, ["is", 5], None]]]
        )
