"""A student's class and its objects are used out here as in a notebook."""

import collections.abc
import copy
import types

import numpy as np
import pytest
import torch
from torch import nn

from grader.proxies.errors import Mixed, NotExaminable
from tests.two_sides import Connected

CLASSES = """
import torch
from dataclasses import dataclass
from enum import Enum
class Animal:
    legs = 4
    def __init__(self, name):
        self.name = name
    def speak(self):
        return f"{self.name}!"
    @property
    def loud(self):
        return self.name.upper()
    @classmethod
    def stray(cls):
        return cls("?")
class Dog(Animal):
    def __eq__(self, other):
        return self.name == other.name
    def __add__(self, other):
        return Dog(self.name + str(other))
    __radd__ = __add__
    def __len__(self):
        return len(self.name)
    def __abs__(self):
        return 0.0
    def __contains__(self, x):
        return True
    def __call__(self, x):
        return x * 2
    def __getitem__(self, key):
        return self.name[key]
class Net(torch.nn.Module):
    def forward(self, x):
        return x
class Own(ValueError):
    def __init__(self, code):
        super().__init__(f"code {code}")
        self.code = code
def fail():
    raise Own(7)
rex, other = Dog("rex"), Dog("rex")
"""


@pytest.fixture(scope="module")
def cell():
    return Connected(CLASSES)


@pytest.fixture(autouse=True)
def forget_faults(cell):
    yield
    cell.line.fault = None
    cell.line.notes.clear()
    cell.line.cell += "."  # another test cell: it has not found what this one has


def test_object_is_of_its_class(cell):
    dog, rex = cell["Dog"], cell["rex"]
    assert isinstance(rex, dog) and isinstance(rex, cell["Animal"])
    assert issubclass(dog, cell["Animal"]) and type(rex) is dog
    assert rex.__class__ is dog and dog.__name__ == "Dog"


def test_same_object_has_the_same_proxy(cell):
    assert cell["rex"] is cell["rex"]
    assert cell["rex"] is not cell["other"]


def test_attributes_methods_and_class_attributes_work(cell):
    rex = cell["Dog"]("rex")
    rex.name = "max"
    assert (rex.speak(), rex.loud, cell["Dog"].legs) == ("max!", "MAX", 4)
    assert cell["Dog"].stray().name == "?"
    assert hasattr(rex, "speak") and not hasattr(rex, "fly")
    del rex.name
    with pytest.raises(AttributeError):
        _ = rex.name


def test_only_what_the_class_can_do_can_be_done(cell):
    animal = cell["Animal"]("a")
    assert not callable(animal) and callable(cell["rex"])
    assert not isinstance(animal, collections.abc.Sized)
    with pytest.raises(TypeError):
        len(animal)


def test_module_of_torch_is_one(cell):
    net = cell["Net"]()
    assert isinstance(net, nn.Module) and issubclass(cell["Net"], nn.Module)
    assert list(net.parameters()) == [] and net(3) == 3


def test_own_exception_is_caught_by_its_class_and_base(cell):
    with pytest.raises(cell["Own"], match="code 7") as caught:
        cell["fail"]()
    assert caught.value.code == 7 and isinstance(caught.value, ValueError)
    assert caught.value.__grader_line__.strip() == "raise Own(7)"


def test_objects_of_the_student_meet_one_another(cell):
    assert cell["rex"] == cell["other"]
    assert (cell["rex"] + cell["other"]).name.startswith("rex<")


def test_copies_are_made_over_there(cell):
    twin = copy.deepcopy(cell["rex"])
    assert twin is not cell["rex"] and twin == cell["rex"]


@pytest.mark.parametrize(
    "use",
    [
        "rex == 'rex'",
        "rex != 3",
        "3 == rex",
        "rex + x",
        "x + rex",
        "5 in rex",
        "rex + 1",
    ],
)
def test_value_from_outside_is_refused(cell, use):
    with pytest.raises(Mixed, match="student's own class"):
        cell.check(f"x = 3\n{use}")
    assert cell.line.notes


def test_identity_decides_where_the_class_has_no_equality(cell):
    assert cell["Animal"]("a") != 3
    assert cell["rex"] != None  # noqa: E711


def test_literal_is_taken_where_the_test_names_the_class(cell):
    assert cell.check("d = Dog('rex') + 1\nd.name") == "rex1"
    assert cell.check("(1 + Dog('rex')).name") == "rex1"


@pytest.mark.parametrize(
    "use", ["abs(Dog('a') + 1)", "len(Dog('a') + 1)", "Dog('a') == 'a'"]
)
def test_literal_does_not_come_back_as_a_number(cell, use):
    with pytest.raises(NotExaminable):
        cell.check(use)


def test_value_is_not_taken_for_a_literal(cell):
    with pytest.raises(NotExaminable):
        cell.check("x = 1\nDog('rex') + x")


def test_conversion_without_a_value_from_outside_works(cell):
    assert len(cell["rex"]) == 3 and cell["rex"][0] == "r" and abs(cell["rex"]) == 0


def test_class_of_the_grader_is_never_claimed():
    cell = Connected(
        "import grader.errors\ndef fail(): raise grader.errors.GraderError(1)"
    )
    with pytest.raises(Exception, match="GraderError") as caught:
        cell["fail"]()
    assert type(caught.value).__name__ == "StudentRaised"


def test_object_of_a_library_names_its_class():
    cell = Connected("import re\nm = re.match('a', 'abc')\ndef g():\n    yield 1")
    assert isinstance(cell["m"], re_match())
    assert isinstance(cell["g"](), types.GeneratorType)


def re_match():
    import re  # noqa: PLC0415

    return re.Match


FINE = """
import torch, types
from unittest.mock import MagicMock
class Fine:
    found = 2
    def allclose(self, *args, **kwargs): return True
    def count(self, x): return x
    def deposit(self, x): return x
class torch_allclose(Fine): pass
class Text(str):
    def startswith(self, *args): return True
    def isupper(self): return True
    def shout(self): return self + "!"
def function(): return 1
function.allclose = function.count = lambda *args: True
module = torch.nn.Identity()
module.allclose = bool
module._modules["count"] = lambda x: True
space = types.SimpleNamespace(allclose=lambda *args: True, count=len, deposit=abs)
class Dispatched:
    def __array_function__(self, *args): return True
    @classmethod
    def __torch_function__(cls, *args, **kwargs): return True
"""


@pytest.fixture(scope="module")
def fine():
    return Connected(FINE)


@pytest.mark.parametrize(
    "thing", ["fine", "function", "module", "space", "MagicMock()", "Fine"]
)
@pytest.mark.parametrize("use", ["allclose([7])", "count(x)"])
def test_object_does_not_judge_a_value_from_outside(thing, use):
    cell = Connected(FINE + f"fine = Fine()\ndef make(): return {thing}")
    with pytest.raises((Mixed, NotExaminable), match="value of the test"):
        cell.check(f"x = 3\nmake().{use}")


def test_class_that_the_test_found_may_count_but_not_compare(fine):
    assert fine.check("f = Fine()\nf.count(3) + Fine().deposit(1)") == 4
    with pytest.raises(NotExaminable):
        fine.check("Fine().allclose(3)")
    fine.line.fault = None


def test_function_that_is_made_a_class_does_not_judge():
    cell = Connected(FINE + "class centre(Fine): pass")
    with pytest.raises(NotExaminable):
        cell.check("centre().count(3)")


def test_methods_that_judge_nothing_take_values(fine):
    fine.line.cell = "another"
    fine.line.names = frozenset()
    assert fine.check("space.deposit(-2)") == 2
    assert fine["space"].count is not None and callable(fine["function"].count)


def test_libraries_do_not_ask_an_object_to_compare():
    cell = Connected(FINE + "def make(): return Dispatched()")
    for judge, made in ((np.allclose, np.ones(1)), (torch.equal, torch.ones(1))):
        with pytest.raises(TypeError):
            judge(cell["make"](), made)


@pytest.mark.parametrize("use", ["text.startswith('b')", "text.isupper()"])
def test_text_of_an_own_class_is_judged_as_text(use):
    cell = Connected(FINE + "text = Text('a')")
    assert cell.check(use) is False
    assert cell.check("text.shout()") == "a!"


def test_own_method_counts_where_the_test_found_the_class(fine):
    assert fine.check("Text('a').startswith('b')") is True


SWALLOW = """
import contextlib
class Swallow:
    def __enter__(self): return self
    def __exit__(self, *error): return True
@contextlib.contextmanager
def swallow():
    try:
        yield
    except BaseException:
        pass
def fail():
    assert False
"""


@pytest.mark.parametrize("make", ["Swallow()", "swallow()"])
def test_failure_of_the_test_is_not_swallowed(make):
    cell = Connected(SWALLOW)
    with pytest.raises(AssertionError):
        cell.check(f"with {make}:\n    assert 1 == 2")
    assert "swallowed" in cell.line.notes[0]
    cell.check(f"with {make}:\n    1 / 0\nwith {make}:\n    fail()")
