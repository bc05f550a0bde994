"""A request brings back results, errors and settings; bent replies are refused."""

import random

import pytest
import torch

from grader.values.packing import BadValue
from tests.two_sides import make_pair


def fail():
    raise KeyError("gone")


def test_error_over_there_is_raised_here():
    asks, _ = make_pair(fail=fail)
    with pytest.raises(RuntimeError, match="KeyError: 'gone'"):
        asks.call("fail")


def test_change_before_an_error_comes_back():
    def spoil(x):
        x.clear()
        raise ValueError

    asks, _ = make_pair(spoil=spoil)
    ours = [1]
    with pytest.raises(RuntimeError):
        asks.call("spoil", ours)
    assert ours == []


def test_grad_mode_and_default_dtype_go_along():
    asks, _ = make_pair(see=lambda: (torch.is_grad_enabled(), torch.ones(1).dtype))
    torch.set_default_dtype(torch.float64)
    try:
        with torch.no_grad():
            assert asks.call("see") == (False, torch.float64)
    finally:
        torch.set_default_dtype(torch.float32)


def test_both_ends_may_ask():
    asks, answers = make_pair(twice=lambda: answers.call("give") * 2)
    asks.functions["give"] = lambda: 21
    assert asks.call("twice") == 42


def bend_node(node, rng):
    """Change one place of a reply into something else."""
    if isinstance(node, dict):
        key = rng.choice(sorted(node))
        return {**node, key: bend_node(node[key], rng)}
    if isinstance(node, list) and node and rng.random() < 0.8:
        k = rng.randrange(len(node))
        return [*node[:k], bend_node(node[k], rng), *node[k + 1 :]]
    odd = [
        None,
        True,
        -1,
        0,
        3,
        10**20,
        1.5,
        "x",
        [],
        [[]],
        {},
        ["is", 1],
        ["tuple", [1]],
    ]
    return rng.choice(odd)


def test_bent_replies_raise_nothing_but_refusals():
    rng = random.Random(0)
    w = torch.nn.Parameter(torch.ones(2))

    def everything(x):
        return {"a": (x * w).sum(), "b": [x, {1, 2}], "c": torch.nn.Linear(2, 1)}

    outcomes = {"taken": 0, "refused": 0}
    for _ in range(400):
        asks, _ = make_pair(everything=everything)
        asks.bend = lambda reply: bend_node(reply, rng)
        try:
            asks.call("everything", torch.ones(2, requires_grad=True))
            outcomes["taken"] += 1
        except (BadValue, RuntimeError):
            outcomes["refused"] += 1
    assert outcomes["refused"] > 100
