"""Examples of a mistake: typical, and without a trace of who wrote them."""

import pytest

from grader.classreport.examples import find_examples, hide_people
from grader.lms.people import Person

EVE = Person("emallory7", "Eve", "Mallory", "eve.m@uni.edu", "4711")
SOURCES = {
    "comment": ("x = 1  # by Eve Mallory", "x = 1"),
    "docstring": ('def f(x):\n    "by Eve"\n    return x', "def f(x):\n    return x"),
    "long text": ('f(x, "Eve Mallory says hello")', "f(x, '…')"),
    "short text": ('einsum("ij,jk", a)', 'einsum("ij,jk", a)'),
    "name": ("mallory_grad = 2", "…_grad = 2"),
    "number": ("x = 12345678", "x = …"),
    "small number": ("x = 12345", "x = 12345"),
    "blank lines": ("a = 1\n\n\n\nb = 2", "a = 1\nb = 2"),
    "broken": ("def f(:\n  '", ""),
    "endless": ("x = 1\n" * 500, ""),
}


@pytest.mark.parametrize(("source", "expected"), SOURCES.values(), ids=SOURCES)
def test_nothing_that_names_a_person_stays(source, expected):
    assert hide_people(source, EVE) == expected


def test_the_most_frequent_ways_come_first(figures, records, lay):
    (mistake,) = figures.mistakes
    wrong = "def g(x):\n    return -x"
    folders = lay(
        {
            "s0": wrong,
            "s1": f"{wrong}  # mine",
            "s2": "def g(x):\n    return 2 * -x",
            "s3": "broken(",
            "s4": wrong,
        }
    )
    answers = {("ex", "test_g"): "g"}
    found = find_examples(mistake, records.values(), {}, folders, answers)
    assert [(one.code, one.students) for one in found] == [
        (wrong, 3),
        ("def g(x):\n    return 2 * -x", 1),
    ]
