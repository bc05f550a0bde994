"""Custom autograd Functions, right and wrong in the ways that students find."""

import pytest
import torch

from grader import check
from grader.check.functions import _Spied


def vector(generator):
    (n,) = check.sizes(generator, 1)
    return {"x": torch.randn(n, generator=generator, dtype=torch.float64)}


def matrix_and_row(generator):
    n, d = check.sizes(generator, 2)
    x = torch.randn(n + 1, d, generator=generator, dtype=torch.float64)
    return {"x": x[1:], "s": x[0]}


def sigmoid(x):
    return torch.sigmoid(x)


def make(forward=torch.sigmoid, backward=None, save="y"):
    """Make a Function; backward takes upstream and what was saved."""

    class Mine(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = forward(x)
            ctx.save_for_backward({"x": x, "y": y}[save])
            return y

        @staticmethod
        def backward(ctx, g):
            return backward(g, *ctx.saved_tensors)

    return Mine


SIGMOID = make(backward=lambda g, y: g * y * (1 - y))


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("student", [SIGMOID, SIGMOID.apply], ids=["class", "apply"])
def test_right_function_earns_all(student, order):
    report = check.function(student, of=sigmoid, draw=vector, order=order)
    assert report.passed, str(report)
    assert len(report.rows) == 1 + order


WRONG = {
    "ignores upstream": (make(backward=lambda g, y: y * (1 - y)), "missing-link"),
    "sign": (make(backward=lambda g, y: -g * y * (1 - y)), "sign"),
    "input for output": (
        make(backward=lambda g, x: g * x * (1 - x), save="x"),
        "wrong-point",
    ),
    "output for input": (
        make(backward=lambda g, y: g * torch.sigmoid(y) * (1 - torch.sigmoid(y))),
        "wrong-point",
    ),
    "fits a wrong forward": (
        make(torch.tanh, lambda g, y: g * (1 - y * y)),
        "wrong-rule",
    ),
    "returns None": (make(backward=lambda g, y: None), "none-returned"),
    "nothing but zeros": (make(backward=lambda g, y: 0 * g), "zero"),
    "nan": (make(backward=lambda g, y: g / 0 * 0), "not-finite"),
}


@pytest.mark.parametrize(("student", "kind"), WRONG.values(), ids=WRONG)
def test_mistake_is_named(student, kind):
    report = check.function(student, of=sigmoid, draw=vector)
    assert report.score <= 0.5
    assert report.diagnosis.kind == kind, str(report)


def test_all_zero_forward_and_backward_earns_nothing():
    student = make(lambda x: 0 * x, lambda g, y: 0 * g)
    assert check.function(student, of=sigmoid, draw=vector).score == 0


def test_one_number_is_given_a_random_upstream_too():
    class Sum(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return (x**2).sum()

        @staticmethod
        def backward(ctx, g):
            return 2 * ctx.saved_tensors[0]

    report = check.function(Sum, of=lambda x: (x**2).sum(), draw=vector)
    assert report.diagnosis.kind == "missing-link"
    assert "upstream gradient" in report.diagnosis.message


@pytest.mark.parametrize(
    ("backward", "kind"),
    [
        (lambda g, y: (g, g), "none-returned"),
        (lambda g, y: g[:-1], "shape"),
    ],
    ids=["too many", "too short"],
)
def test_number_and_shape_that_torch_refuses_are_named(backward, kind):
    report = check.function(make(backward=backward), of=sigmoid, draw=vector)
    assert report.status == "raised"
    assert report.diagnosis.kind == kind


class Scale(torch.autograd.Function):
    """x: (N, D) times s: (D,)."""

    @staticmethod
    def forward(ctx, x, s):
        ctx.save_for_backward(x, s)
        return x * s

    @staticmethod
    def backward(ctx, g):
        x, s = ctx.saved_tensors
        return g * s, (g * x).sum(0)


class Unsummed(Scale):
    @staticmethod
    def backward(ctx, g):
        x, s = ctx.saved_tensors
        return g * s, g * x


def test_gradient_that_the_engine_would_sum_is_seen():
    def of(x, s):
        return x * s

    assert check.function(Scale, of=of, draw=matrix_and_row, order=2).passed
    for student in (Unsummed, Unsummed.apply):
        report = check.function(student, of=of, draw=matrix_and_row)
        assert [row.ok for row in report.rows] == [True, True, False]
        assert report.diagnosis.kind == "reduction"


def test_proxy_tells_what_its_backward_returned():
    spied = _Spied(Unsummed)

    class Proxy(torch.autograd.Function):
        __grader_proxy__ = True

        @classmethod
        def __grader_overhear__(cls):
            return spied.apply, lambda: spied._returned

    report = check.function(Proxy, of=lambda x, s: x * s, draw=matrix_and_row)
    assert report.diagnosis.kind == "reduction"


def test_second_order_needs_a_graph():
    def cut(g, y):
        return (g * y * (1 - y)).detach()

    report = check.function(make(backward=cut), of=sigmoid, draw=vector, order=2)
    assert [row.ok for row in report.rows] == [True, True, False]
    assert report.diagnosis.kind == "detached"


def test_number_beside_tensors_takes_no_gradient():
    class Power(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, n):
            ctx.save_for_backward(x)
            ctx.n = n
            return x**n

        @staticmethod
        def backward(ctx, g):
            return g * ctx.n * ctx.saved_tensors[0] ** (ctx.n - 1), None

    def draw(generator):
        return vector(generator) | {"n": 3}

    assert check.function(Power, of=lambda x, n: x**n, draw=draw).passed


def test_straight_through_is_taken_at_its_word():
    def of(x):
        return x + (x.round() - x).detach()

    student = make(torch.round, lambda g, y: g)
    assert check.function(student, of=of, draw=vector).passed
    assert check.function(student, of=of, draw=vector, numeric=False).passed
    assert not check.function(student, of=torch.round, draw=vector).passed


def test_forward_that_depends_on_more_than_its_input_fails():
    calls = []

    def forward(x):
        calls.append(1)
        return torch.sigmoid(x) + 1e-10 * len(calls)

    def backward(g, y):
        return g * y * (1 - y)

    report = check.function(make(forward, backward), of=sigmoid, draw=vector)
    assert "differences of forward" in str(report)
    assert report.score == 0


@pytest.mark.parametrize(
    ("student", "words"),
    [
        (3, "a class made from torch.autograd.Function"),
        (make(lambda x: x[:-1], lambda g, y: g), "forward gives"),
        (make(lambda x: None, lambda g, y: g), "forward gives"),
    ],
    ids=["number", "shape", "none"],
)
def test_misuse_is_told(student, words):
    report = check.function(student, of=sigmoid, draw=vector)
    assert report.score == 0
    assert words in str(report)


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
def test_instance_is_told():
    report = check.function(SIGMOID(), of=sigmoid, draw=vector)
    assert "the class itself is meant" in str(report)


def test_stub_is_friendly():
    def backward(g, y):
        raise NotImplementedError("Exercise 9.2: return the slope")

    report = check.function(make(backward=backward), of=sigmoid, draw=vector)
    assert report.status == "unsolved"
