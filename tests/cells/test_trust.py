"""What a process answers about names is looked at before it is taken apart."""

import pytest

from grader.cells.trust import ask_names, list_names
from grader.proxies.errors import ExerciseLost
from grader.values.packing import BadValue


class Liar:
    fault = None

    def __init__(self, answer):
        self.answer = answer

    def ask(self, op, value):
        return self.answer


LIES = [None, 7, "xy", {}, [], [True, 1], [(True,)] * 2, [(1, 2)] * 3, ((1, 2),) * 2]


@pytest.mark.parametrize("lie", LIES, ids=repr)
def test_answer_of_another_form_loses_the_exercise(lie):
    line = Liar(lie)
    with pytest.raises(ExerciseLost):
        ask_names(line, ["a", "b"])
    assert isinstance(line.fault, BadValue)


@pytest.mark.parametrize("lie", [None, "x", [1], {"a": 1}], ids=repr)
def test_list_of_no_names_loses_the_exercise(lie):
    with pytest.raises(ExerciseLost):
        list_names(Liar(lie))


def test_only_true_is_there():
    line = Liar([(True, 1), (1, 2)])
    assert ask_names(line, ["a", "b"]) == [(True, 1), (False, 2)]
