"""Judging: by hand means by hand, state is left as found, naming may fail."""

import warnings

import pytest
import torch

from grader import check
from grader.check import judge
from grader.check.draws import SEED
from grader.check.report import SHOW


def of(x):
    return torch.sin(x**2).sum()


def draw(generator):
    (n,) = check.sizes(generator, 1)
    return {"x": torch.randn(n, generator=generator, dtype=torch.float64)}


def by_hand(student):
    return check.gradient(student, of=of, wrt="x", draw=draw, by_hand=True)


def formula(x):
    return 2 * x * torch.cos(x * x)


def hidden_difference(x):
    weights = ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12))
    out = torch.zeros_like(x)
    for i in range(len(x)):
        for k, weight in weights:
            moved = x.clone()
            moved[i] += k * 1e-3
            out[i] += weight * of(moved) / 1e-3
    return out


def by_autograd(x):
    with torch.enable_grad():
        x = x.requires_grad_()
        return torch.autograd.grad(of(x), x)[0]


def by_func(x):
    return torch.func.grad(of)(x)


def by_difference(x):
    h = 1e-6
    steps = h * torch.eye(len(x), dtype=x.dtype)
    return torch.stack([(of(x + s) - of(x - s)) / (2 * h) for s in steps])


@pytest.mark.parametrize(
    "student",
    [
        formula,
        lambda x: torch.stack([2 * v * torch.cos(v * v) for v in x]),
        lambda x: (x.exp().log().abs() * 0 + 1) * formula(x),
        lambda x: torch.einsum("i,i->i", 2 * x, torch.cos(x**2)),
    ],
    ids=["formula", "loop", "detour", "einsum"],
)
def test_honest_answer_is_not_accused(student):
    report = by_hand(student)
    assert report.passed, str(report)


@pytest.mark.parametrize("student", [by_autograd, by_func, by_difference])
def test_cheat_earns_nothing_and_is_told_kindly(student):
    report = by_hand(student)
    assert (report.status, report.points(2)) == ("cheated", 0.0)
    assert "This one is to be derived by hand" in str(report)
    assert "Seen here: " in str(report)


def test_difference_is_known_by_its_digits():
    report = by_hand(hidden_difference)
    assert (report.status, report.score) == ("wrong", 0.0)
    assert report.diagnosis.kind == "finite-difference"


def test_without_by_hand_any_way_will_do():
    for student in (by_autograd, by_difference, hidden_difference):
        assert check.gradient(student, of=of, wrt="x", draw=draw).passed


def test_cheat_that_fails_is_told_as_cheat():
    def student(x):
        return of(x.requires_grad_()).backward()

    assert by_hand(student).status == "cheated"


def test_stub_by_hand_is_only_a_stub():
    def student(x):
        raise NotImplementedError("Exercise 2.1: return the slope")

    assert by_hand(student).status == "unsolved"


@pytest.mark.parametrize("student", [3, lambda x: x / 0])
def test_other_faults_by_hand_are_told_as_such(student):
    assert by_hand(student).status == "wrong"


def test_proxy_by_hand_is_read_by_its_text():
    def student(x):
        return formula(x)

    student.__grader_proxy__ = True
    student.__grader_source__ = "def student(x):\n    return x.grad"
    assert by_hand(student).status == "cheated"
    student.__grader_source__ = None
    assert by_hand(student).passed


def test_check_leaves_all_as_found(capfd):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    x = torch.ones(3, requires_grad=True)
    x.grad = torch.full((3,), 7.0)

    def student(x):
        torch.set_grad_enabled(False)
        torch.set_default_dtype(torch.float64)
        torch.rand(3)
        warnings.warn("noise", stacklevel=1)
        return 2 * x

    report = check.gradient(student, of=lambda x: (x**2).sum(), wrt="x", at={"x": x})
    assert report.passed
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() == torch.float32
    assert x.grad.tolist() == [7.0] * 3
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("around", [torch.no_grad, torch.inference_mode])
def test_check_works_with_tracking_off(around):
    with around():
        assert check.gradient(formula, of=of, wrt="x", draw=draw).passed


def test_inputs_are_fresh_for_each_call():
    def spoils(x):
        right = formula(x)
        x.zero_()
        return right

    assert check.gradient(spoils, of=of, wrt="x", draw=draw).passed


def test_same_seed_gives_the_same_report():
    said = []
    for seed in (b"1", b"2", b"1"):
        SEED.set(seed)
        said.append(str(check.gradient(lambda x: 2 * x, of=of, wrt="x", draw=draw)))
    assert said[0] == said[2] != said[1]


def test_failing_name_costs_no_check(monkeypatch):
    def fails(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("grader.check.gradients.name_mistakes", fails)
    with pytest.raises(ZeroDivisionError):
        check.gradient(lambda x: -formula(x), of=of, wrt="x", draw=draw)
    judge.STRICT.set(False)
    report = check.gradient(lambda x: -formula(x), of=of, wrt="x", draw=draw)
    assert report.score == 0
    assert "No single mistake that this check knows" in str(report)


def test_answer_that_breaks_when_read_is_the_students():
    class Odd(dict):
        def __contains__(self, key):
            raise RuntimeError("no")

    report = check.gradient(lambda x: Odd(), of=of, wrt="x", draw=draw)
    assert report.status == "wrong"
    assert "cannot be read (RuntimeError)" in str(report)


def test_small_inputs_are_shown_beside_a_student_and_not_where_it_is_graded():
    at = {"x": torch.tensor(1.5).double()}
    wrong = lambda: check.gradient(lambda x: x, of=lambda x: x**3, wrt="x", at=at)  # noqa: E731
    beside = SHOW.set(None)
    assert "with x = 1.5." in str(wrong())
    SHOW.reset(beside)
    assert "with x ()." in str(wrong())
