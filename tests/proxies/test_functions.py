"""A student's function looks like one, and runs over there."""

import contextlib
import functools
import inspect
import io
import math
import types
import warnings

import pytest

from grader.proxies.errors import ExerciseLost
from grader.proxies.functions import make_function
from grader.values.packing import BadValue
from tests.two_sides import Connected

CELL = '''
import warnings
def scale(x, by: int = 2, *more, key=None) -> float:
    """Scale it."""
    return x * by
def loud(x):
    print("hey", x)
    warnings.warn("careful", UserWarning)
    return x
def apply(f, x):
    return f(x)
def total(numbers):
    return sum(numbers)
def fail():
    return 1 / 0
class Twice:
    def run(self, x):
        return 2 * x
async def later():
    return 5
'''


@pytest.fixture(scope="module")
def cell():
    return Connected(CELL)


def test_function_looks_like_one(cell):
    scale = cell["scale"]
    assert callable(scale) and isinstance(scale, types.FunctionType)
    assert (scale.__name__, scale.__doc__) == ("scale", "Scale it.")
    assert scale.__code__.co_argcount == 2 and scale.__grader_proxy__ is True


def test_signature_is_told(cell):
    signature = inspect.signature(cell["scale"])
    assert str(signature) == "(x, by: int = 2, *more, key=None) -> float"


def test_source_comes_from_the_recorded_cell(cell):
    assert inspect.getsource(cell["fail"]) == "def fail():\n    return 1 / 0\n"
    assert cell["scale"].__grader_source__.startswith("def scale(x, by")
    assert cell["Twice"].__grader_source__.startswith("class Twice:")


def test_source_of_what_is_no_cell_is_none():
    cell = Connected("from math import sin\nexec('def made(): pass')")
    assert cell["made"].__grader_source__ is None


def test_prints_and_warnings_come_out_here(cell):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with contextlib.redirect_stdout(io.StringIO()) as out:
            assert cell["loud"](3) == 3
    assert out.getvalue() == "hey 3\n"
    assert [str(w.message) for w in caught] == ["careful"]


def test_error_is_of_its_class_and_knows_its_line(cell):
    with pytest.raises(ZeroDivisionError, match="division by zero") as caught:
        cell["fail"]()
    assert caught.value.__grader_line__.strip() == "return 1 / 0"


def test_instructors_function_is_called_back(cell):
    seen = []
    assert cell["apply"](lambda x: seen.append(x) or x + 1, 4) == 5
    assert seen == [4]


def test_function_of_a_library_goes_as_itself(cell):
    assert cell["apply"](len, "abc") == 3


def test_function_that_comes_back_is_the_same(cell):
    def ours(x):
        return x

    assert Connected("def same(f): return f")["same"](ours) is ours


def test_students_function_goes_back_as_itself(cell):
    assert cell["apply"](cell["scale"], 4) == 8
    assert cell["apply"](functools.partial(cell["scale"], by=3), 4) == 12
    assert cell["apply"](cell["Twice"]().run, 4) == 8


def test_error_of_the_instructors_function_tells_its_kind_only():
    cell = Connected(
        "def probe(f):\n    try:\n        f()\n"
        "    except KeyError as e:\n        return repr(e)"
    )

    def secret():
        raise KeyError("expected 42")

    assert cell["probe"](secret) == "KeyError()"


def test_iterator_is_read_from_over_there(cell):
    assert cell["total"](k for k in range(4)) == 6


def test_lent_function_cannot_be_called_after_its_cell():
    cell = Connected(
        "kept = []\ndef keep(f):\n    kept.append(f)\n"
        "def again():\n    return kept[0]()"
    )
    cell["keep"](lambda: 1)
    assert cell["again"]() == 1
    cell.line.end_cell()
    with pytest.raises(RuntimeError):
        cell["again"]()


def test_function_that_only_computes_is_the_library_own():
    cell = Connected("import math\nroot, total, shown = math.sqrt, sum, print")
    assert cell["root"] is math.sqrt
    assert cell["total"] is sum
    assert cell["shown"] is not print  # it reaches further than its arguments


def test_plain_signature_comes_along_with_the_function():
    cell = Connected("def slope(w, x): return x")
    function = cell["slope"]
    cell.line.fault = ExerciseLost("nothing more may be asked")
    assert str(inspect.signature(function)) == "(w, x)"


@pytest.mark.parametrize("names", [["1x"], ["x", "x"], [3], "x"])
def test_parameters_that_no_function_has_are_refused(names):
    with pytest.raises(BadValue):
        make_function(None, 1, ["function", "f", "f", "__main__", names])


def test_end_of_a_test_cell_is_told_by_the_next_request_only(cell):
    cell["scale"](1)
    cell.line.end_cell()
    assert cell.line.add_to_request()["ended"]
    assert not cell.line.add_to_request()["ended"]


CATCH = """
def catch(f, *args):
    try:
        f(*args)
    except Exception:
        return "caught"
"""


def test_failure_in_a_lent_function_is_raised_once_more():
    cell = Connected(CATCH)
    with pytest.raises(AssertionError, match="seven"):
        cell.check("def visit(a):\n    assert a == 7, 'seven'\ncatch(visit, 8)")
    assert cell.check("catch(visit, 7)") is None


def test_error_that_a_lent_function_is_to_raise_may_be_caught():
    cell = Connected(CATCH)
    assert cell.check("def fail():\n    assert False\ncatch(fail)") == "caught"
    assert cell.check("catch(int, 'x')") == "caught"
