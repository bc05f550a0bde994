"""Readings of a whole answer."""

import math

import pytest
import torch

from grader.diagnose import Trial, name_mistake


def of(w, b, x):
    return ((w * x + b) ** 2).mean() + b * w.sum()


def draw(seed, n):
    g = torch.Generator().manual_seed(seed)
    numbers = torch.rand(2 * n + 1, generator=g, dtype=torch.float64) + 0.5
    return {"w": numbers[:n], "b": numbers[n], "x": numbers[n + 1 :]}


def right(w, b, x):
    return 2 * (w * x + b) * x / len(x) + b


INPUTS = [draw(seed, n) for seed, n in enumerate((3, 5, 7, 11, 13))]
SAME_SIZE = [draw(seed, 5) for seed in range(5)]


def read(answer, inputs=INPUTS, wrt="w"):
    trials = [Trial(i, {wrt: torch.as_tensor(answer(**i))}) for i in inputs]
    return name_mistake(of, trials, (wrt,))[wrt]


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("zero", lambda w, b, x: 0 * w),
        ("sign", lambda w, b, x: -right(w, b, x)),
        ("reduction", lambda w, b, x: len(x) * right(w, b, x)),
        ("reduction", lambda w, b, x: right(w, b, x) / len(x) ** 2),
        ("factor", lambda w, b, x: right(w, b, x) / 2),
        ("factor", lambda w, b, x: right(w, b, x) / math.log(10)),
        ("accumulated", lambda w, b, x: 4 * right(w, b, x)),
        ("wrong-rule", lambda w, b, x: 1 / right(w, b, x)),
    ],
)
def test_whole_answer_is_read(kind, answer):
    assert read(answer).kind == kind


def test_factor_says_which():
    assert "1/ln 10 times" in read(lambda **i: right(**i) / math.log(10)).message


def test_reduction_says_over_which_size():
    assert "`w.shape[0]` times" in read(lambda **i: len(i["x"]) * right(**i)).message


def test_two_times_may_be_stale_gradients():
    found = read(lambda **i: 2 * right(**i))
    assert found.kind == "factor"
    assert "accumulated" in {other.kind for other in found.alternatives}


def test_value_is_read_for_a_number():
    assert read(of, wrt="b").kind == "value-returned"


def test_running_sum_is_read():
    total = []

    def stale(**inputs):
        total.append(right(**inputs))
        return sum(total)

    assert read(stale, SAME_SIZE).kind == "accumulated"


def test_values_of_the_call_before_are_read():
    before = [torch.ones(5, dtype=torch.float64)]

    def late(**inputs):
        before.append(right(**inputs))
        return before[-2]

    assert read(late, SAME_SIZE).kind == "wrong-point"


def test_gradient_for_another_input_is_read():
    found = read(lambda w, b, x: 2 * (w * x + b) * w / len(x))
    assert (found.kind, found.where) == ("wrong-input", "w")


def test_ignored_upstream_is_read():
    trials = []
    for i in INPUTS:
        g = i["x"].flip(0)
        trials.append(Trial({"x": i["x"]}, {"x": 2 * i["x"]}, g))
    found = name_mistake(lambda x: x**2, trials, ("x",))["x"]
    assert (found.kind, found.where) == ("missing-link", "upstream")
