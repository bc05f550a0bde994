import pytest
import torch
import torch.nn.functional as F

from grader.ink.numbers import CannotDraw
from grader.steps.record import record_call


def by_name(function, **inputs):
    return {step.name: step for step in record_call(function, inputs).steps()}


def neuron(x, w, b, y):
    z = w * x + b
    p = torch.sigmoid(z)
    return -(y * torch.log(p) + (1 - y) * torch.log(1 - p))


def test_names_are_the_functions_own():
    w, b = (torch.tensor(v, requires_grad=True) for v in (1.0, 0.0))
    steps = by_name(neuron, x=torch.tensor(6.7), w=w, b=b, y=torch.tensor(0.0))
    assert steps["p"].formula() == "sigmoid(z)"
    assert round(float(steps["w"].grad), 4) == 6.6918
    assert steps["x"].kind == "data"
    assert w.grad is None


def test_an_unnamed_result_gets_the_functions_name():
    assert "neuron" in by_name(neuron, x=1.0, w=1.0, b=0.0, y=0.0)


def test_a_detached_path_is_drawn_and_gets_no_gradient():
    def product(x):
        y = x**2
        d = y.detach()
        return d * x

    steps = by_name(product, x=3.0)
    assert steps["d"].cut
    assert steps["d"].grad is None
    assert float(steps["x"].grad) == 9


def test_no_grad_cuts_too():
    def half(x):
        with torch.no_grad():
            u = x * 2
        return u + x

    steps = by_name(half, x=3.0)
    assert steps["u"].cut
    assert float(steps["x"].grad) == 1


def test_all_cut_is_told():
    computation = record_call(lambda x: x.detach() * 2, {"x": 1.0})
    assert "No gradient can flow back" in computation.note


@pytest.mark.parametrize(
    "function",
    [
        lambda w, X: F.softmax(X @ w, dim=0).prod(),
        lambda w, X: torch.stack([w, w * 2], dim=1).sum(0).norm(),
        lambda w, X: torch.cat([w, X[0]]).view(2, 3).T.reshape(-1)[1:].exp().mean(),
        lambda w, X: (w.unsqueeze(0) - X).square().mean(),
        lambda w, X: torch.where(w > 0, w, w * 0.1).sum() ** 2,
        lambda w, X: F.cross_entropy(X * w, torch.tensor([0, 1, 2, 0, 1, 2, 0])),
    ],
)
def test_replayed_gradients_are_autograds(function):
    torch.manual_seed(1)
    w, X = torch.randn(3, requires_grad=True), torch.randn(7, 3)
    (true,) = torch.autograd.grad(function(w, X), w)
    assert torch.allclose(by_name(function, w=w, X=X)["w"].grad, true, rtol=1e-4)


def test_work_in_place_is_followed():
    def add(x):
        y = x * 2
        y += 3
        return y * y

    assert float(by_name(add, x=1.0)["x"].grad) == 20


def test_rebound_names_are_told_apart():
    def twice(x):
        h = x * 2
        h = torch.tanh(h)
        return h + 1

    assert {"h", "h′"} <= set(by_name(twice, x=1.0))


def test_a_tensor_from_outside_is_named_and_left_alone():
    w = torch.tensor(2.0, requires_grad=True)
    steps = by_name(lambda x: w * x, x=3.0)
    assert float(steps["w"].grad) == 3
    assert w.grad is None


def test_a_module_is_recorded_with_its_parameters():
    steps = by_name(torch.nn.Linear(3, 1), input=torch.ones(5, 3))
    assert {"weight", "bias"} <= set(steps)


def test_a_torch_function_takes_values_in_order():
    assert float(by_name(torch.sin, input=0.0)["input"].grad) == 1


def fail(x):
    raise NotImplementedError("Exercise 3.1: return z")


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (fail, "Exercise 3.1 comes first: return z."),
        (lambda x: None, "return one tensor"),
        (lambda x: x, "computed nothing"),
        (lambda: 1, "raised TypeError"),
        (3, "A function is wanted"),
    ],
)
def test_what_cannot_be_recorded_is_told(function, words):
    with pytest.raises(CannotDraw, match=words):
        record_call(function, {"x": 1.0})
