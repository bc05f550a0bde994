"""Answers found by experiment, bug hunts, and the help around exercises."""

import pytest
import torch

from grader import check
from grader.answers.inputs import ExerciseError
from grader.check import recall
from grader.diagnose import KINDS


def experiment():
    return {
        "tracked": True,
        "times": 2,
        "slope": 0.1 + 0.2,
        "error": RuntimeError,
        "word": "detach",
        "shape": (2, 3),
    }


RIGHT = {
    "tracked": True,
    "times": 2.0,
    "slope": torch.tensor(0.3),
    "error": "runtimeerror",
    "word": " Detach ",
    "shape": [2, 3],
}


def test_equal_answers_earn_all():
    report = check.answers(RIGHT, truth=experiment)
    assert report.passed, str(report)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("tracked", 1),
        ("tracked", "True"),
        ("times", True),
        ("times", 2.1),
        ("slope", 0.31),
        ("error", ValueError),
        ("word", "detached"),
        ("shape", (3, 2)),
        ("shape", 6),
    ],
)
def test_wrong_answer_costs_its_share(name, wrong):
    report = check.answers({**RIGHT, name: wrong}, truth=experiment)
    assert report.score == pytest.approx(5 / 6)


def test_right_answer_is_not_given_away():
    report = check.answers({**RIGHT, "times": 7}, truth=lambda: {"times": 31})
    assert "31" not in str(report)
    assert "not this" in str(report)


def test_misspelt_entry_is_told():
    report = check.answers({"time": 31}, truth=lambda: {"times": 31})
    assert "Not asked for: 'time'. The entries are 'times'." in str(report)


def test_list_of_answers_is_told_to_be_a_dict():
    report = check.answers([31], truth=lambda: {"times": 31})
    assert (report.status, report.score) == ("wrong", 0)
    assert 'Write {"times": ...}' in str(report)


@pytest.mark.parametrize("blank", [None, ..., "?", ""])
def test_blank_answer_is_open(blank):
    report = check.answers({"times": blank}, truth=lambda: {"times": 31, "more": 1})
    assert report.status == "unsolved"
    assert "not answered yet" in str(report)


def test_answers_may_be_a_function():
    assert check.answers(lambda: RIGHT, truth=experiment).passed

    def stub():
        raise NotImplementedError("Exercise 3.1: fill the dict")

    assert check.answers(stub, truth=experiment).status == "unsolved"


@pytest.mark.parametrize("given", [3, None, "x", [1]])
def test_no_dict_earns_nothing(given):
    assert check.answers(given, truth=experiment).score == 0


def test_experiment_without_answers_is_its_authors_matter():
    with pytest.raises(ExerciseError, match="a dict of answers"):
        check.answers({}, truth=lambda: 3)


def square_mean(x):
    return (x**2).mean()


def vector(generator):
    (n,) = check.sizes(generator, 1)
    return {"x": torch.randn(n, generator=generator, dtype=torch.float64)}


def copy_reference():
    """A reference of its own, without the marks of the others' hunts."""
    return lambda x: (x**2).mean()


def bug(x):
    return 2 * x


def fixed(x):
    return 2 * x / len(x)


def stub():
    raise NotImplementedError("Exercise 5.8: return it")


def hunt(**parts):
    given = {"kind": "reduction", "witness": {"x": [1.0, 2.0]}, "repaired": fixed}
    return check.hunt(
        planted=bug, of=square_mean, wrt="x", draw=vector, **(given | parts)
    )


def test_bug_that_is_found_earns_all():
    report = hunt()
    assert report.passed, str(report)


@pytest.mark.parametrize(
    "parts",
    [
        {"kind": "Reduction"},
        {"kind": lambda: "reduction"},
        {"witness": lambda: {"x": torch.tensor([3.0, 1.0])}},
    ],
)
def test_parts_may_be_functions_and_differ_in_case(parts):
    assert hunt(**parts).passed


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"kind": "sign"}, "the numbers say something else"),
        ({"witness": {"x": [1.0]}}, "differ by less than 10 %"),
        ({"witness": {"z": 1.0}}, "give a dict with the inputs x"),
        ({"witness": {"x": 1.0}}, "x is no finite number or tensor"),
        ({"witness": {"x": [float("nan")]}}, "x is no finite number or tensor"),
        ({"witness": {"x": "word"}}, "x is no finite number or tensor"),
        ({"witness": 3}, "give a dict with the inputs x"),
        ({"repaired": bug}, "still differs from autograd"),
        ({"repaired": lambda x: 1 / 0}, "ZeroDivisionError"),
        ({"repaired": 3}, "not a function"),
        ({"kind": stub}, "not solved yet"),
        ({"witness": "?"}, "not answered yet"),
    ],
)
def test_each_part_is_a_third(parts, words):
    report = hunt(**parts)
    assert report.score == pytest.approx(2 / 3), str(report)
    assert words in str(report)


def test_untouched_hunt_is_unsolved():
    report = hunt(kind=stub, witness=stub, repaired=stub)
    assert (report.status, report.score) == ("unsolved", 0.0)
    assert "○ open" in str(report)


def test_hunt_never_names_the_bug():
    report = hunt(kind="sign", witness={"x": [1.0]}, repaired=lambda x: 2 * x)
    assert report.diagnosis is None
    assert "reduction" not in str(report)
    after = check.gradient(bug, of=square_mean, wrt="x", draw=vector)
    assert after.diagnosis is None


def test_planted_function_may_use_autograd():
    def planted(x):
        with torch.enable_grad():
            x = x.clone().requires_grad_()
            (2 * square_mean(x)).backward()
        return x.grad

    report = check.hunt(
        planted=planted,
        of=copy_reference(),
        wrt="x",
        draw=vector,
        kind="factor",
        witness={"x": [1.0, 2.0]},
        repaired=fixed,
    )
    assert report.passed, str(report)


def test_bug_without_a_name_is_its_authors_matter():
    with pytest.raises(ExerciseError, match="no mistake can be named"):
        check.hunt(
            planted=lambda x: torch.sin(17 * x) + 0.123,
            of=copy_reference(),
            wrt="x",
            draw=vector,
            kind="sign",
            witness={"x": [1.0]},
            repaired=fixed,
        )


def test_kinds_are_listed(capsys, monkeypatch):
    monkeypatch.delitem(__import__("sys").modules, "IPython", raising=False)
    assert check.kinds() is None
    said = capsys.readouterr().out
    assert all(kind in said and sentence in said for kind, sentence in KINDS.items())


def test_stub_in_a_free_cell_is_one_line(capsys, monkeypatch):
    monkeypatch.delitem(__import__("sys").modules, "IPython", raising=False)
    with check.when_solved():
        stub()
    assert capsys.readouterr() == ("Exercise 5.8 comes first: return it.\n", "")


def test_other_errors_in_a_free_cell_pass():
    with pytest.raises(ZeroDivisionError), check.when_solved():
        print(1 / 0)


def scaled(factor):
    def planted(x):
        return factor * fixed(x)

    return planted


def test_bug_of_the_same_numbers_is_searched_once(monkeypatch):
    searched = []
    search = recall.name_mistakes

    def count(*asked):
        searched.append(asked)
        return search(*asked)

    monkeypatch.setattr(recall, "name_mistakes", count)
    of = copy_reference()
    parts = {"witness": {"x": [1.0, 2.0]}, "repaired": fixed, "draw": vector}
    for factor, kind in [(5, "factor"), (5, "factor"), (-1, "sign"), (5, "factor")]:
        planted = scaled(factor)
        report = check.hunt(planted=planted, of=of, wrt="x", kind=kind, **parts)
        assert report.passed, str(report)
    assert len(searched) == 2
