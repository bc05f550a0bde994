"""Test cells see one namespace: the instructor's names, builtins, the student's."""

import math

import pytest

from grader.proxies.errors import NotExaminable
from grader.submission.assignment import Cell
from tests.two_sides import Connected

PLAIN = [
    Cell("p", "plain", "limit = 1\ndef sum(a): return a"),
    Cell("l", "locked", "k = 1"),
]


def test_instructors_name_comes_before_the_students(monkeypatch):
    monkeypatch.setattr(math, "pi", math.pi)  # both sides are one process: put it back
    cell = Connected("import math\nmath.pi = 3\nref = 1", release="ref = 2")
    assert cell.check("ref") == 2


def test_builtin_comes_before_the_students():
    cell = Connected("def all(x): return True\nabs = max = lambda *a: 0")
    assert cell.check("all([False]), abs(-1), max(1, 2)") == (False, 1, 2)


def test_builtin_that_the_release_lets_define_is_the_students():
    cell = Connected("def sum(a): return 'mine'", cells=PLAIN)
    assert cell.check("sum([1])") == "mine"


def test_students_rebinding_of_a_module_has_no_effect():
    cell = Connected("class torch:\n    tensor = 3", release="import torch")
    assert cell.check("float(torch.tensor(1.0))") == 1


def test_students_import_is_our_module():
    assert Connected("import math").check("math") is math


def test_variable_of_a_test_stays_out_here():
    cell = Connected("def peek(): return globals().get('expected')")
    assert cell.check("expected = 5\npeek()") is None


def test_shared_name_is_set_over_there():
    cell = Connected("limit = 1\ndef get(): return limit", cells=PLAIN)
    assert cell.check("limit = 9\n(get(), limit)") == (9, 9)


def test_global_statement_reaches_the_student():
    cell = Connected("limit = 1\ndef get(): return limit", cells=PLAIN)
    source = "def change():\n    global limit\n    limit = 7\nchange()\nget(), limit"
    assert cell.check(source) == (7, 7)


def test_name_that_the_student_changes_in_a_call_is_read_anew():
    cell = Connected("n = 0\ndef inc():\n    global n\n    n += 1")
    assert cell.check("a = n\ninc()\na, n") == (0, 1)


@pytest.mark.parametrize(
    "source",
    ["del x", "def f():\n    global x\n    del x\nf()", "globals().pop('x')"],
)
def test_deleted_name_is_gone_on_both_sides(source):
    cell = Connected("x = 1")
    cell.check(source)
    assert "x" not in cell.theirs
    with pytest.raises(NameError):
        cell.check("x")


def test_globals_dir_and_locals_know_the_students_names():
    cell = Connected("mine = 1")
    source = "'mine' in globals(), 'mine' in dir(), locals()['mine'], 'no' in globals()"
    assert cell.check(source) == (True, True, 1, False)


def test_main_module_is_the_notebook():
    cell = Connected("mine = 4")
    assert cell.check("import __main__\n__main__.mine") == 4


@pytest.mark.parametrize("name", ["In", "Out", "_"])
def test_history_of_the_kernel_is_not_out_here(name):
    cell = Connected("x = 1")
    with pytest.raises(NotExaminable):
        cell.check(name)


def test_missing_name_is_a_name_error():
    with pytest.raises(NameError, match="nowhere"):
        Connected("x = 1").check("nowhere")
