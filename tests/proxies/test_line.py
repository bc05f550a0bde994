"""What goes wrong on the line is kept as its fault, whatever the test catches."""

import math

import numpy as np
import pytest

from grader.errors import GraderError
from grader.proxies.crossing import find_module
from grader.proxies.errors import ExerciseLost, NotExaminable
from tests.two_sides import Connected


def test_object_that_cannot_go_in_is_staffs():
    cell = Connected("def f(x): return 1")
    ran = cell.run("class Local: pass\ntry:\n    f(Local())\nexcept Exception: pass")
    assert ran.error is None
    assert isinstance(cell.line.fault, NotExaminable)


def test_nothing_more_is_asked_after_a_fault():
    cell = Connected("def f(x): return 1")
    cell.line.fault = GraderError("gone")
    with pytest.raises(ExerciseLost):
        cell["f"]


def test_error_of_the_process_loses_the_exercise():
    cell = Connected("def f(x): return 1")
    f = cell["f"]

    def die(*args, **kwargs):
        raise GraderError("it died")

    cell.line.process.request = die
    with pytest.raises(ExerciseLost, match="it died"):
        f(1)
    assert str(cell.line.fault) == "it died"


def test_module_is_ours_or_none():
    assert find_module("math") is math
    for name in ("grader.check", "__main__", "antigravity", "no_such_module"):
        with pytest.raises(NotExaminable):
            find_module(name)


@pytest.mark.parametrize(
    "message",
    [
        {"do": "call", "thing": 1, "value": ["tuple", [["tuple", []], ["tuple", []]]]},
        {"do": "eval", "thing": 1, "value": None},
        {"do": "vjp", "graph": 1, "wanted": [], "value": None},
        {},
    ],
    ids=str,
)
def test_callback_that_nobody_allowed_is_refused(message):
    cell = Connected("x = 1")
    request = {"mode": [True, "float32"], **message}
    answer, _ = cell.line._answer_callback(request, [])
    assert answer["error"] is not None or answer["value"] is None
    assert answer["value"] is None


@pytest.mark.parametrize(
    "answer",
    ["import numpy.ma as np", "class np: pass", "import math as np", "np = print"],
)
def test_name_of_a_library_has_that_library(answer):
    cell = Connected(answer)
    assert isinstance(cell.run("np.allclose").error, NotExaminable)


def test_module_under_its_own_name_is_taken():
    cell = Connected("import numpy as np\nfrom numpy import linalg\nimport math")
    assert cell.check("np.allclose(linalg.norm([3, 4]), math.sqrt(25))")


MASKED = """
import numpy as np
hidden = np.ma.masked_all(2)
whole = np.ma.array([1, 2], mask=[0, 1])
shown = np.ma.array([1, 2])
"""


def test_masked_numbers_are_none():
    cell = Connected(MASKED)
    assert np.isnan(cell["hidden"]).all()
    assert cell["whole"][0] == 1 and np.isnan(cell["whole"][1])
    assert cell["shown"].tolist() == [1, 2]


def test_test_that_speaks_of_masks_gets_them():
    assert Connected(MASKED).check("whole.mask.tolist()") == [False, True]


def test_nan_is_remembered_for_its_cell():
    cell = Connected("def f(x): return x * float('nan')")
    cell["f"](0.0)
    assert cell.line.nan_cells == {""}


def test_record_is_never_of_the_notebook():
    cell = Connected("class Fine: pass")
    assert cell.line.find_record_class(["__main__", "Fine"]) is None
