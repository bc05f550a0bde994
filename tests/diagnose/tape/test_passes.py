"""Derivatives step by step: what flows, what is entrywise, what moves."""

import torch

from grader.diagnose.tape import Pass, Traits, record_tape
from grader.diagnose.tape.source import SiteFinder

x = torch.linspace(0.3, 1.7, 6, dtype=torch.float64).reshape(3, 2)
W = torch.linspace(-1, 1, 6, dtype=torch.float64).reshape(2, 3)


def of(x, W):
    h = torch.tanh(x @ W)
    p = torch.softmax(h, dim=1)
    return (p[:, 0] * h.sum(1)).cumsum(0).sum()


def run_pass():
    tape = record_tape(of, {"x": x, "W": W}, SiteFinder())
    return tape, Pass(tape, ["x"], None, Traits())


def test_entrywise_steps_have_slopes():
    _, backward = run_pass()
    entrywise = {
        edge.step.operation
        for edges in backward.edges.values()
        for edge in edges
        if edge.slope is not None
    }
    assert entrywise >= {"tanh", "exp", "div", "mul"}
    assert not entrywise & {"matmul", "sum", "cumsum", "getitem", "broadcast"}


def test_only_what_moves_with_a_target_is_differentiated():
    tape, backward = run_pass()
    assert tape.inputs["W"] not in backward.adjoint


def test_pushed_direction_agrees_with_the_gradient():
    tape, backward = run_pass()
    direction = torch.ones_like(x) * 0.7
    moved = backward.push_forward("x", direction)[tape.output]
    gradient = backward.adjoint[tape.inputs["x"]]
    assert torch.isclose(moved, (gradient * direction).sum(), rtol=1e-12)


def test_adjoint_pulled_back_is_the_gradient():
    tape, backward = run_pass()
    h = next(v for v in tape.values if v.name == "h")
    found = backward.pull_back({h: backward.adjoint[h]}, tape.inputs["x"])
    assert torch.allclose(found, backward.adjoint[tape.inputs["x"]], rtol=1e-12)


def test_zero_operand_teaches_nothing_about_a_place():
    def loop(x, W):
        h = torch.zeros(2, 2, dtype=x.dtype)
        for row in range(3):
            h = W[:, :2] @ h + x[row]
        return h

    tape = record_tape(loop, {"x": x, "W": W}, SiteFinder())
    backward = Pass(tape, ["W", "x"], torch.ones(2, 2, dtype=x.dtype), Traits())
    leaf = W.clone().requires_grad_()
    (right,) = torch.autograd.grad(loop(x, leaf).sum(), leaf)
    assert torch.allclose(backward.adjoint[tape.inputs["W"]], right, rtol=1e-12)
    moved = backward.push_forward("W", torch.ones_like(W))[tape.output]
    assert torch.isclose(moved.sum(), right.sum(), rtol=1e-12)
