"""A gradient goes through both processes as if there were one."""

import gc

import pytest
import torch

from tests.two_sides import make_pair


def chain(x):
    """A result that led to another."""
    middle = x * 2
    return (middle**2).sum(), middle


@pytest.fixture
def ends():
    w = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    return make_pair(
        square=lambda x: x**2,
        plus=lambda x: x + 3,
        sine=torch.sin,
        both=lambda a, b: (a * b, a + b),
        double=lambda x: x.mul_(2),
        backward=lambda x: x.sum().backward(),
        weighed=lambda x: (w * x).sum(),
        weight=lambda: w,
        rows=lambda x: x.unbind(0),
        chain=chain,
    )


def leaf(*numbers, dtype=torch.float64):
    return torch.tensor(numbers, dtype=dtype, requires_grad=True)


def test_backward_out_here_reaches_the_argument(ends):
    x = leaf(1.0, 2.0)
    ends[0].call("square", x).sum().backward()
    assert x.grad.tolist() == [2, 4]


def test_argument_with_a_history_is_a_link_of_the_chain(ends):
    x = leaf(1.0, 2.0)
    (g,) = torch.autograd.grad(ends[0].call("square", x * 3).sum(), x)
    assert g.tolist() == [18, 36]


def test_gradcheck_and_second_order_pass(ends):
    x = leaf(0.3, -1.2, 2.0)
    sine = lambda t: ends[0].call("sine", t)  # noqa: E731
    assert torch.autograd.gradcheck(sine, x)
    assert torch.autograd.gradgradcheck(sine, x)


def test_hessian_is_right(ends):
    H = torch.autograd.functional.hessian(
        lambda t: ends[0].call("square", t).sum(), leaf(1.0, 2.0)
    )
    assert H.tolist() == [[2, 0], [0, 2]]


def test_second_backward_fails_only_where_something_was_saved(ends):
    x = leaf(1.0)
    plus = ends[0].call("plus", x)
    plus.backward()
    plus.backward()
    square = ends[0].call("square", x)
    square.backward()
    with pytest.raises(RuntimeError, match="second time"):
        square.backward()


def test_retained_gradient_in_the_middle_is_right(ends):
    x = leaf(0.5)
    middle = ends[0].call("sine", x)
    middle.retain_grad()
    ends[0].call("square", middle).backward()
    assert torch.allclose(middle.grad, 2 * middle)
    assert torch.allclose(x.grad, 2 * x.sin() * x.cos())


def test_path_beside_a_known_result_is_counted_once(ends):
    x = leaf(2.0)
    middle = ends[0].call("square", x)
    product, _ = ends[0].call("both", middle, x)
    product.backward()
    assert x.grad.item() == 12


def test_backward_over_there_goes_on_out_here(ends):
    x = leaf(1.0, 2.0)
    ends[0].call("backward", x * 5)
    assert x.grad.tolist() == [5, 5]


def test_change_in_place_keeps_the_chain(ends):
    x = leaf(1.0, 2.0)
    middle = x * 3
    assert ends[0].call("double", middle) is middle
    middle.sum().backward()
    assert x.grad.tolist() == [6, 6]


def test_parameter_over_there_takes_its_gradient(ends):
    ends[0].call("weighed", torch.tensor([10.0, 20.0])).backward()
    assert ends[0].call("weight").grad.tolist() == [10, 20]


def test_several_outputs_of_one_operation(ends):
    x = torch.ones(2, 3, dtype=torch.float64, requires_grad=True)
    first, _ = ends[0].call("rows", x)
    first.sum().backward()
    assert x.grad.tolist() == [[1, 1, 1], [0, 0, 0]]


def test_no_history_without_grad_mode(ends):
    with torch.no_grad():
        assert ends[0].call("square", leaf(1.0)).grad_fn is None


def test_graphs_are_forgotten(ends):
    asks, answers = ends
    x = leaf(1.0)
    for _ in range(10):
        asks.call("square", x).backward()
    gc.collect()
    asks.call("plus", 1)
    assert len(answers._graphs) <= 1


@pytest.mark.parametrize(
    "graph",
    [
        [1, [], [], True], [1, [99], [], True], [1, None, [], True],
        [1, [1], [5], True], ["x", [1], [], True], [1, [1], [], "yes"], [1, [1]], 7,
    ],
    ids=str,
)  # fmt: skip
def test_bent_graph_is_refused(ends, graph):
    asks, _ = ends
    asks.bend = lambda reply: {**reply, "graph": graph}
    with pytest.raises(ValueError):
        asks.call("square", leaf(1.0))


def test_history_without_a_graph_is_refused(ends):
    asks, _ = ends
    asks.bend = lambda reply: {**reply, "graph": None}
    with pytest.raises(ValueError, match="history"):
        asks.call("square", leaf(1.0))


def test_gradient_passes_by_a_result_that_led_to_another(ends):
    x = leaf(1.0, 3.0)
    loss, middle = ends[0].call("chain", x)
    middle.retain_grad()
    seen = []
    middle.register_hook(lambda grad: seen.append(grad.tolist()))
    loss.backward(retain_graph=True)
    assert middle.grad.tolist() == [4, 12]
    assert seen == [[4, 12]]
    assert x.grad.tolist() == [8, 24]
    (g,) = torch.autograd.grad(middle.sum(), x)
    assert g.tolist() == [2, 2]


def test_operation_has_the_name_that_it_has_over_there(ends):
    x = leaf(1.0, 2.0)
    y = ends[0].call("square", x)
    assert type(y.grad_fn).__name__ == "PowBackward0" == y.grad_fn.name()
    assert torch.autograd.gradcheck(lambda t: ends[0].call("square", t), x)
