"""An instructor's cell runs as in a notebook."""

import sys
import threading
import time

import pytest

from grader.cells.runner import NOTHING, OutOfTime, is_quiet
from grader.proxies.errors import NotExaminable
from tests.two_sides import Connected


@pytest.fixture
def cell():
    return Connected("x = 1")


def test_last_expression_is_the_value(cell):
    assert cell.check("y = 2\ny + 1") == 3
    assert cell.check("y = 2") is NOTHING
    assert cell.check("y;") is NOTHING


@pytest.mark.parametrize(
    ("source", "quiet"), [("a;", True), ("a; # c", True), ("a", False), ("'a;'", False)]
)
def test_semicolon_keeps_the_value_back(source, quiet):
    assert is_quiet(source) is quiet


def test_await_works_at_the_top(cell):
    assert cell.check("import asyncio\nawait asyncio.sleep(0, 7)") == 7


def test_harmless_magics_are_run(cell):
    assert cell.check("%matplotlib inline\n%time z = 4\nz") == 4
    assert cell.check("%%time\nq = 5") is None
    assert cell.check("q") == 5


@pytest.mark.parametrize(
    "source", ["!ls", "x = !ls", "%run a.py", "%%bash\nls", "%cd /"]
)
def test_shell_is_not_examined(cell, source):
    with pytest.raises(NotExaminable):
        cell.check(source)


def test_printing_is_kept(cell):
    assert cell.run("import sys\nprint(1)\nprint(2, file=sys.stderr)").out == "1\n"


def test_line_of_an_error_is_known(cell):
    assert cell.run("a = 1\nb = 2\nassert a == b").line == 3


def test_endless_loop_is_interrupted_even_if_it_catches_everything(cell):
    start = time.monotonic()
    source = (
        "while True:\n    try:\n        while True: pass\n    except Exception: pass"
    )
    ran = cell.run(source, seconds=-0.9)
    assert isinstance(ran.error, OutOfTime)
    assert time.monotonic() - start < 5


def test_watcher_ends_with_its_notebook():
    before = set(threading.enumerate())
    cell = Connected("x = 1")
    cell.run("1 + 1")
    assert set(threading.enumerate()) - before
    cell.runner.close()
    assert not set(threading.enumerate()) - before


def test_time_of_one_cell_does_not_end_the_next(cell):
    cell.run("while True: pass", seconds=-0.9)
    slow = "import time\nend = time.time() + 0.5\nwhile time.time() < end: pass"
    assert cell.run(slow, seconds=5).error is None


def test_nothing_of_a_run_is_left(cell):
    main, path = sys.modules["__main__"], list(sys.path)
    cell.run("import sys\nsys.path")
    assert sys.modules["__main__"] is main and sys.path == path


def test_type_of_a_proxy_is_its_class():
    cell = Connected("class A: pass\na = A()\ndef f(): pass")
    source = (
        "import types\ntype(a) is A, type(f) is types.FunctionType, type(A) is type"
    )
    assert cell.check(source) == (True, True, True)


def test_text_of_the_student_is_never_run():
    cell = Connected("text = '1 + 1'")
    with pytest.raises(NotExaminable):
        cell.check("eval(text)")
    assert cell.check("eval('1 + 1')") == 2
