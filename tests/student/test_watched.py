"""What a function does is seen in the process where it runs."""

import threading

import pytest
import torch

from grader.shortcuts.evidence import ASIDE, AUTOGRAD, HIDDEN
from grader.student.watched import watch

X = torch.tensor([1.0, 2.0], dtype=torch.float64)


def by_machine(x):
    with torch.enable_grad():
        leaf = torch.nn.Parameter(x)
        (leaf**2).sum().backward()
    return leaf.grad


def aside(x):
    found = []
    thread = threading.Thread(target=lambda: found.append(by_machine(x)))
    thread.start()
    thread.join()
    return found[0]


def unseen(x):
    with torch.overrides._pop_mode_temporarily():
        return by_machine(x)


def switched_off(x):
    with torch._C.DisableTorchFunction():
        return by_machine(x)


def off_and_on(x):
    with torch.overrides._pop_mode_temporarily():
        return 2 * x


@pytest.mark.parametrize(
    ("way", "function"),
    [
        (AUTOGRAD, by_machine),
        (ASIDE, aside),
        (AUTOGRAD, unseen),
        (AUTOGRAD, switched_off),
        (HIDDEN, off_and_on),
    ],
)
def test_way_is_told(way, function):
    watched, take = watch(None, function)
    assert torch.equal(watched(X), 2 * X)
    assert way in take()[0]


def test_honest_function_leaves_nothing():
    watched, take = watch(None, lambda x: (1 - torch.tanh(x) ** 2) * torch.tanh(x))
    watched(X)
    assert take() == ([], False)


def test_what_happens_outside_the_call_is_not_told():
    watched, take = watch(None, lambda x: 2 * x)
    watched(X)
    threading.Thread(target=int).start()
    assert take()[0] == []


def test_points_side_by_side_are_a_hint():
    def quotient(x, h=1e-6):
        return (torch.tanh(x + h) - torch.tanh(x - h)) / (2 * h)

    watched, take = watch(None, quotient)
    watched(X)
    assert take() == ([], True)


def test_hint_needs_every_call():
    watched, take = watch(None, lambda x: torch.log(x) + torch.log(1 - x))
    watched(torch.tensor(0.4999))
    watched(torch.tensor(0.2))
    assert take() == ([], False)
