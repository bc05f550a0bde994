"""Modules and optimizers of torch cross by what they hold; other objects do not."""

import pytest
import torch
from torch import nn

from grader.values.packing import BadValue, CannotCross, Unpacker
from tests.two_sides import make_pair


class Node:
    def __init__(self, value):
        self.value = value


def test_module_crosses_with_its_parameters():
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    asks, _ = make_pair(get=lambda: net, first=lambda: net[0].weight.sum().item())
    ours = asks.call("get")
    assert isinstance(ours[0], nn.Linear)
    assert torch.equal(ours(torch.ones(1, 2)), net(torch.ones(1, 2)))
    with torch.no_grad():
        ours[0].weight.fill_(2)
    assert asks.call("first") == 12


def test_training_step_over_there_moves_our_module():
    def step(model, optimizer):
        optimizer.zero_grad()
        model(torch.ones(1, 2)).sum().backward()
        optimizer.step()

    asks, _ = make_pair(step=step)
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    before = model.weight.detach().clone()
    asks.call("step", model, optimizer)
    assert torch.allclose(model.weight, before - 0.5)


def test_object_of_a_shared_class_crosses_by_its_attributes():
    asks, answers = make_pair(double=lambda node: Node(node.value * 2))
    for end in (asks, answers):
        end.share_class("Node", Node)
    assert asks.call("double", Node(4)).value == 8


def test_object_of_another_class_does_not_cross():
    asks, _ = make_pair(echo=lambda x: x)
    with pytest.raises(CannotCross):
        asks.call("echo", Node(1))


@pytest.mark.parametrize(
    "name", [["Node"], ["os", "system"], ["builtins", "object"], ["torch.nn", "x"], []]
)
def test_record_of_a_class_that_is_not_shared_is_refused(name):
    asks, _ = make_pair()
    with pytest.raises(BadValue):
        Unpacker(asks, []).load([["record", 1, name]], [[1, []]])
