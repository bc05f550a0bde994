import pytest

from grader.ink.numbers import CannotDraw
from grader.steps.engine import read_engine


class Value:
    def __init__(self, data, parents=(), op="", label=""):
        self.data, self.grad, self.label = data, 0.5, label
        self._prev, self._op = parents, op


def test_an_engine_with_micrograds_names_is_read():
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    c = Value(-6.0, (a, b), "*", "c")
    steps = {step.name: step for step in read_engine(c).steps()}
    assert steps["c"].formula() == "a × b"
    assert steps["a"].kind == "leaf"
    assert float(steps["b"].grad) == 0.5


def test_parents_may_come_with_their_slopes():
    a, b = Value(2.0), Value(-3.0)
    c = Value(-6.0, ((a, -3.0), (b, 2.0)), "*")
    step = read_engine(c, {"a": a, "b": b}).output
    assert step.formula() == "a × b"
    assert [float(step.slopes[i]) for i in (0, 1)] == [-3, 2]
    assert float(step.shares[1]) == 1


def test_a_value_used_twice_is_one_box_with_two_arrows():
    a = Value(2.0, label="a")
    output = read_engine(Value(4.0, (a, a), "*")).output
    assert [source.name for _, source in output.sources()] == ["a", "a"]


def test_missing_numbers_are_read_as_missing():
    value = Value(None, (Value("text", label="a"),), "neg")
    assert all(step.value is None for step in read_engine(value).steps())


def test_an_endless_engine_is_refused():
    value = Value(1.0)
    for _ in range(2000):
        value = Value(1.0, (value,), "+")
    with pytest.raises(CannotDraw, match="values stand behind"):
        read_engine(value)
