import pytest
import torch

from grader.ink.numbers import CannotDraw
from grader.steps.trace import CUT_UNSEEN, FREED, trace_tensor


def leaf(value):
    return torch.tensor(value, requires_grad=True)


def composite():
    x, a, b = leaf(1.0), leaf(2.0), leaf(3.0)
    y = a * x**2 + b * x + 1
    return {"x": x, "a": a, "b": b, "y": y, "z": y**2 + 2 * y}


def read(names, output):
    steps = trace_tensor(names[output], names).steps()
    return {step.name: step for step in steps}


def test_the_composite_graph_has_its_values_and_gradients():
    steps = read(composite(), "z")
    known = {"x": (1, 98), "a": (2, 14), "b": (3, 14), "y": (6, 14), "z": (48, 1)}
    found = {k: (float(steps[k].value), float(steps[k].grad)) for k in known}
    assert found == known
    assert steps["y"].formula() == "v₄ + 1"


def test_no_grad_is_written():
    names = composite()
    read(names, "z")
    assert all(names[k].grad is None for k in "xab")


def test_backward_still_works_after_drawing():
    names = composite()
    read(names, "z")
    names["z"].backward()
    assert float(names["x"].grad) == 98


def test_a_freed_graph_is_worked_out_again():
    names = composite()
    names["z"].backward()
    computation = trace_tensor(names["z"], names)
    assert computation.note == ""
    assert float(computation.find("x").grad) == 98
    assert computation.find("y").formula() == "v₄ + 1"
    assert all(step.grad is not None for step in computation.steps())


def test_what_cannot_be_worked_out_again_is_taken_from_grad_or_said():
    w = leaf([[1.0, 2.0]])
    u = w * 3
    z = torch.nn.functional.cross_entropy(u, torch.tensor([1]))
    z.backward()
    computation = trace_tensor(z, {"w": w, "u": u, "z": z})
    assert computation.note == FREED
    assert torch.equal(computation.find("w").grad, w.grad)
    assert computation.find("u").lost
    assert computation.find("u").grad is None


def test_axes_and_named_data_help_to_work_a_freed_graph_out():
    X, w = torch.randn(7, 3), leaf([1.0, 2.0, 3.0])
    u, v = X * w, X @ w
    z = torch.softmax(u, -1).sum((0, 1)) + v.mean(0)
    z.backward()
    computation = trace_tensor(z, {"X": X, "w": w, "u": u, "v": v})
    assert computation.note == ""
    assert torch.allclose(computation.find("w").grad, w.grad, rtol=1e-4)
    assert computation.find("v").formula() == "X @ w"


@pytest.mark.parametrize(
    "function",
    [
        lambda w, X, b: torch.tanh(X @ w + b).mean(),
        lambda w, X, b: ((X * w).sum(1) - b).abs().sqrt().sum(),
        lambda w, X, b: torch.softmax(X * w + b, 1)[:, 0].prod(),
        lambda w, X, b: torch.stack([w, w * b]).T.reshape(-1).cumsum(0).std(),
        lambda w, X, b: w.clone().unbind()[1] * b + w.sum(),
        lambda w, X, b: torch.nn.functional.mse_loss(X @ w, b.expand(7)),
        lambda w, X, b: (1 - w).relu().max() / b,
    ],
)
def test_gradients_by_hand_are_autograds(function):
    torch.manual_seed(3)
    w, b = torch.randn(3, requires_grad=True), leaf(0.7)
    X = torch.randn(7, 3)
    out = function(w, X, b)
    found = trace_tensor(out, {"w": w, "b": b, "X": X})
    for name, tensor in {"w": w, "b": b}.items():
        (true,) = torch.autograd.grad(out, tensor, retain_graph=True)
        assert torch.allclose(found.find(name).grad, true, rtol=1e-4)


def test_a_custom_function_is_walked_through():
    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, grad):
            return 3 * ctx.saved_tensors[0] ** 2 * grad

    x = leaf(2.0)
    steps = read({"x": x, "y": Cube.apply(x)}, "y")
    assert float(steps["x"].grad) == 12
    assert steps["y"].operation == "cube"


def test_a_detached_copy_is_cut_from_its_source():
    x = leaf(3.0)
    y = x**2
    d = y.detach()
    steps = read({"x": x, "y": y, "d": d, "z": d * x}, "z")
    assert steps["d"].cut
    assert steps["d"].formula() == "detach(y)"
    assert steps["y"].grad is None
    assert float(steps["x"].grad) == 9


def test_a_named_pair_is_cut_where_memory_is_not_shared():
    x = leaf(3.0)
    y = x**2
    copy = torch.tensor(9.0)
    z = copy * x
    output = trace_tensor(z, {"x": x, "y": y, "copy": copy}, [(y, copy)])
    assert output.find("copy").cut
    assert output.find("y") is not None


def test_data_is_named_though_autograd_did_not_keep_it():
    p, y = leaf([0.2, 0.7, 0.9]), torch.tensor([0.0, 1.0, 1.0])
    steps = read({"p": p, "y": y, "d": p - y}, "d")
    assert steps["d"].formula() == "p − y"
    assert steps["y"].kind == "data"


def test_shared_parts_are_one_step():
    x = leaf(2.0)
    y = x * x
    steps = trace_tensor(y * y, {"x": x, "y": y}).steps()
    assert [step.name for step in steps] == ["x", "y", "output"]


def test_a_deep_graph_is_refused_not_overflowed():
    x = leaf(1.0)
    y = x
    for _ in range(3000):
        y = y + 1
    with pytest.raises(CannotDraw, match="operations were recorded"):
        trace_tensor(y, {})


@pytest.mark.parametrize("thing", [None, 3, "z", [1.0], torch.ones(3), leaf(1.0)])
def test_what_has_no_graph_is_told(thing):
    with pytest.raises(CannotDraw):
        trace_tensor(thing, {})


def test_a_constant_is_no_named_number_of_the_same_value():
    x, two = leaf(3.0), torch.tensor(2.0)
    steps = read({"x": x, "two": two, "y": x**2 + 2}, "y")
    assert "two" not in steps


def test_a_cut_that_leaves_no_trace_is_said():
    y = leaf(6.0)
    fixed = y.detach()
    assert trace_tensor(y**2 + 2 * fixed, {"y": y}, [(y, fixed)]).note == CUT_UNSEEN


def test_nan_is_no_obstacle():
    x = leaf([float("nan"), 1.0])
    assert read({"x": x, "y": (x * 2).sum()}, "y")["x"].grad.tolist() == [2, 2]


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_tensors_are_read():
    x = torch.tensor(3.0, requires_grad=True, device="cuda")
    assert float(read({"x": x, "y": x**2 + 1}, "y")["x"].grad) == 6
