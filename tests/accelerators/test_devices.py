"""Where a lesson computes: chosen once, and told when an answer lies elsewhere."""

import pytest
import torch

from grader import check
from grader.accelerators.devices import DEVICES, Devices, full_precision
from tests.fake_cuda import FakeCuda


def draw(generator):
    return {"x": torch.randn(check.sizes(generator, 1), generator=generator)}


def of(x):
    return (x**2).sum()


def ask(student):
    with FakeCuda():
        check.pick_device()
        return check.gradient(student, of=of, wrt="x", draw=draw)


def test_nothing_is_moved_before_a_lesson_picks():
    with FakeCuda():
        report = check.gradient(
            lambda x: 2 * x * torch.ones(()).expand_as(x), of=of, wrt="x", draw=draw
        )
    assert report.passed


def test_function_is_tried_on_the_chosen_device():
    seen = []
    assert ask(lambda x: seen.append(x.device.type) or 2 * x).passed
    assert set(seen) == {"cuda"}


def test_answer_that_moved_to_the_cpu_is_told():
    report = ask(lambda x: 2 * x.cpu())
    assert report.passed
    assert "came back on cpu; the inputs are on cuda" in str(report)


def test_mixed_devices_are_told_as_such():
    report = ask(lambda x: x * torch.full(x.shape, 2.0))
    assert not report.passed
    assert "`device=x.device`" in str(report)


def test_other_errors_are_not_blamed_on_the_device():
    assert "device" not in str(ask(lambda x: x.reshape(-1, 0, 7)))


def test_mistake_has_the_same_name_on_both_devices():
    assert ask(lambda x: -2 * x).diagnosis.kind == "sign"


def test_pick_stays_on_the_cpu_when_told_so():
    assert Devices("cpu").pick() == "cpu"


def test_leaf_stays_a_leaf_with_its_gradient():
    with FakeCuda():
        check.pick_device()
        leaf = torch.ones(2, requires_grad=True)
        leaf.grad = torch.full((2,), 3.0)
        moved = DEVICES.get().place(leaf)
        assert moved.is_leaf
        assert moved.requires_grad
        assert moved.device.type == moved.grad.device.type == "cuda"
        assert moved.grad.tolist() == [3.0, 3.0]


def test_what_the_draw_placed_itself_is_left_there():
    with FakeCuda():
        check.pick_device()
        placed = torch.ones(2, device="cuda")
        assert DEVICES.get().place(placed) is placed


def test_tf32_is_off_while_values_are_compared():
    switch = torch.backends.cudnn.conv
    before = switch.fp32_precision
    with FakeCuda():
        check.pick_device()
        with full_precision():
            assert switch.fp32_precision == "ieee"
    assert switch.fp32_precision == before


@pytest.mark.parametrize("turn", [0, 1])
def test_long_sums_pass_in_any_order_and_a_thousandth_off_fails(turn):
    def of(w, X):
        return ((X @ w) ** 2).sum()

    def student(w, X):
        terms = X * (2 * (X @ w))[:, None]
        return terms.flip(0).cumsum(0)[-1] * (1 + turn / 1000)

    def long(generator):
        X = torch.randn(200_000, 3, generator=generator)
        return {"w": torch.randn(3, generator=generator), "X": X}

    report = check.gradient(student, of=of, wrt="w", draw=long)
    assert report.passed == (turn == 0)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_answers_on_both_devices_are_right_on_cuda():
    token = DEVICES.set(Devices())
    try:
        assert check.pick_device() == "cuda"
        for student in (lambda x: 2 * x, lambda x: 2 * x.cpu()):
            assert check.gradient(student, of=of, wrt="x", draw=draw).passed
    finally:
        DEVICES.reset(token)
