"""What happens to a submission that dies, hangs, lies or is not solved."""

import pytest

from grader.sandbox.limits import Limits
from grader.submission.assignment import Cell

pytestmark = pytest.mark.process
SHORT = Limits(cell_s=1.5, submission_s=40)


def exercise(name, answer, test, points=1.0, **more):
    """An answer cell and its check."""
    release = more.pop("release", test)
    stub = "raise NotImplementedError"
    return [
        Cell(name, "answer", answer, exercise=name, release=stub),
        Cell(
            f"test_{name}",
            "check",
            test,
            points=points,
            exercise=name,
            release=release,
            **more,
        ),
    ]


GOOD = exercise("good", "def good(x):\n    return x + 1", "assert good(1) == 2")
AFTER = exercise("after", "def after():\n    return good(2)", "assert after() == 3")


def read(result):
    return {v.exercise: (v.points, v.status) for v in result.verdicts}


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ("import os\nos._exit(0)", "died"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "died"),
        ("import ctypes\nctypes.string_at(0)", "died"),
        ("while True:\n    pass", "timed-out"),
        (
            "while True:\n    try:\n        while True: pass\n"
            "    except BaseException: pass",
            "timed-out",
        ),
    ],
    ids=["exit", "kill", "null", "loop", "stubborn"],
)
def test_cell_that_ends_its_process_loses_its_exercise_only(grade, answer, status):
    bad = exercise("bad", answer + "\ndef bad(): return 1", "assert bad() == 1")
    result = grade(*GOOD, *bad, *AFTER, limits=SHORT)
    assert read(result) == {
        "test_good": (1, "right"),
        "test_bad": (0, status),
        "test_after": (1, "right"),
    }


@pytest.mark.parametrize(
    ("body", "status"),
    [("import os; os._exit(0)", "died"), ("while True: pass", "timed-out")],
    ids=["exit", "loop"],
)
def test_call_that_ends_the_process_loses_its_exercise_only(grade, body, status):
    bad = exercise("bad", f"def bad():\n    {body}", "try:\n    bad()\nexcept: pass")
    result = grade(*GOOD, *bad, *AFTER, limits=SHORT)
    assert read(result) == {
        "test_good": (1, "right"),
        "test_bad": (0, status),
        "test_after": (1, "right"),
    }


def test_time_of_a_submission_is_bounded(grade):
    cells = [
        cell
        for k in range(8)
        for cell in exercise(f"f{k}", f"def f{k}():\n    while 1: pass", f"f{k}()")
    ]
    limits = Limits(cell_s=1, submission_s=3)
    result = grade(*GOOD, *cells, limits=limits)
    assert result.seconds < 8
    assert read(result)["test_good"] == (1, "right")
    assert {v.status for v in result.verdicts[1:]} == {"timed-out"}


def test_endless_loop_over_an_answer_ends(grade):
    bad = exercise(
        "bad",
        "def bad():\n    return 10 ** 18",
        "n = 0\nfor k in range(bad()):\n    n += k",
    )
    result = grade(*GOOD, *bad, *AFTER, limits=SHORT)
    assert read(result)["test_bad"] == (0, "timed-out")
    assert read(result)["test_after"] == (1, "right")


@pytest.mark.parametrize(
    ("value", "test"),
    [
        ("float('nan')", "bad()"),
        ("'2'", "str(bad())"),
        ("7.5", "bad() + 0"),
        ("-1.0", "bad() + 0"),
        ("1.0", "bad()"),
    ],
)
def test_last_line_out_of_range_or_the_students_earns_nothing(grade, value, test):
    bad = exercise("bad", f"def bad():\n    return {value}", test)
    result = grade(*bad)
    assert read(result) == {"test_bad": (0, "wrong")}
    assert result.staff_notes


@pytest.mark.parametrize(
    ("last", "points", "status"),
    [
        ("1.5", 1.5, "partial"),
        ("3", 3, "right"),
        ("0", 0, "wrong"),
        ("np.float64(2)", 2, "partial"),
        ("torch.tensor(0.5)", 0.5, "partial"),
        ("None", 3, "right"),
        ("True", 3, "right"),
        ("x = 1", 3, "right"),
        ("1.5;", 3, "right"),
        ("plt.figure()", 3, "right"),
        ("False", 0, "wrong"),
        ("0.1 + 0.2 + 2.7", 3, "right"),
    ],
)
def test_numeric_last_line_is_the_points(grade, last, points, status):
    test = f"import torch, numpy as np, matplotlib.pyplot as plt\n{last}"
    result = grade(*exercise("one", "one = 1", test, points=3.0))
    assert read(result) == {"test_one": (points, status)}


def test_unsolved_answers_are_told_apart_from_wrong_ones(grade):
    stub = Cell(
        "s", "answer", "raise NotImplementedError", release="raise NotImplementedError"
    )
    test = Cell("test_s", "check", "assert s() == 1", points=1.0)
    result = grade(
        stub, test, *exercise("w", "def w():\n    return 2", "assert w() == 1")
    )
    assert read(result) == {"test_s": (0, "unsolved"), "test_w": (0, "wrong")}


def test_error_of_the_students_function_is_told(grade):
    bad = exercise("bad", "def bad(x):\n    return x / 0", "assert bad(1) == 1")
    (verdict,) = grade(*bad).verdicts
    assert verdict.status == "raised"
    assert verdict.message == "Your code raised ZeroDivisionError: division by zero"


def test_name_error_in_an_answer_cell_is_not_staffs(grade):
    result = grade(*exercise("bad", "bad = undefined", "assert bad == 1"))
    assert read(result) == {"test_bad": (0, "wrong")}


@pytest.mark.parametrize(
    "test",
    [
        "!ls",
        "%run other.py",
        "exec(In[-1])",
        "import module_that_does_not_exist",
        "open_ended = (",
        "eval(bad())",
    ],
)
def test_what_cannot_be_examined_from_outside_goes_to_staff(grade, test):
    result = grade(*exercise("bad", "def bad():\n    return '1'", test))
    assert read(result) == {"test_bad": (0, "staff")}
    assert "test_bad" in result.staff_notes[0]


def test_tagged_test_runs_inside_and_is_told(grade):
    test = "assert len(In) > 1\n2"
    cells = exercise("one", "one = 1", test, points=3.0, tags=("inside",))
    result = grade(*cells)
    assert read(result) == {"test_one": (2, "partial")}
    assert "inside" in result.staff_notes[0]


def test_same_bytes_and_secret_give_the_same_draws(grade):
    locked = Cell("setup", "locked", "import random, torch, numpy as np")
    draws = "r = [random.random(), np.random.rand(), float(torch.rand(()))]"
    cells = [locked, *exercise("one", "one = 0", draws + "\nassert one == r, r")]
    first, second = grade(*cells), grade(*cells)
    other = grade(*cells, seed=b"another")
    assert first.verdicts[0].message == second.verdicts[0].message
    assert first.verdicts[0].message != other.verdicts[0].message


def test_patches_of_a_test_do_not_reach_the_next_submission(grade):
    imports = "import numpy as np, math\n"
    patch = imports + "np.allclose = lambda *a: True\nmath.tau = 3\ndel np.pi"
    grade(*exercise("one", "one = 1", patch))
    test = imports + "assert not np.allclose(1, 2)\nassert np.pi < math.tau"
    assert read(grade(*exercise("one", "one = 1", test))) == {"test_one": (1, "right")}


HIDDEN = "x = 41\nassert leak(x) == 42"


def test_hidden_tests_show_nothing_of_themselves(grade):
    leak = (
        "seen = []\ndef leak(x):\n    seen.append(x)\n    print('got', x)\n"
        "    raise ValueError(f'called with {x}')"
    )
    cells = [
        *exercise("leak", leak, HIDDEN, release="# your work is tested here"),
        Cell("own", "plain", "print(seen)\nseen", own=True),
        *exercise("next", "def nxt():\n    raise KeyError(seen)", "nxt()"),
    ]
    result = grade(*cells)
    assert read(result) == {"test_leak": (0, "raised"), "test_next": (0, "raised")}
    assert "41" not in repr([v.message for v in result.verdicts])
    notebook = result.notebooks["n1"]
    assert "41" not in repr([cell.get("outputs") for cell in notebook["cells"]])


def test_public_test_shows_its_line_and_error(grade):
    result = grade(
        *exercise("bad", "def bad():\n    return 1", "assert bad() == 2, 'two!'")
    )
    outputs = result.notebooks["n1"]["cells"][1]["outputs"]
    assert outputs[-1]["evalue"] == "two!"
    assert "line 1: assert bad() == 2" in outputs[-1]["traceback"][0]


def test_notebook_with_a_problem_is_not_run(grade_problem):
    result = grade_problem("not JSON")
    assert read(result) == {"test_good": (0, "unsolved")}
    assert result.verdicts[0].message == "not JSON"


def test_check_reports_reach_the_verdict(grade):
    setup = Cell(
        "setup",
        "locked",
        "import torch\nfrom grader import check\n"
        "def loss(w):\n    return (w ** 2).sum()\n"
        "def draw(g):\n    return {'w': torch.randn(3, generator=g).double()}",
    )
    test = "check.gradient(dw, of=loss, wrt='w', draw=draw).points(2)"
    result = grade(setup, *exercise("dw", "def dw(w):\n    return w", test, points=2.0))
    (verdict,) = result.verdicts
    assert verdict.status == "wrong"
    assert verdict.reports[0].diagnosis_kinds
    assert "autograd" in verdict.reports[0].html


def test_wrong_wire_costs_the_exercise_only(grade):
    bend = (
        "import grader.values.tensors as t\n"
        "t.pack_place = lambda *a: ['float32', 0, [[10 ** 9], [4], 0], 'cpu']\n"
        "import torch\ndef bad():\n    return torch.ones(2)"
    )
    result = grade(*GOOD, *exercise("bad", bend, "bad()"), *AFTER)
    assert read(result)["test_bad"][0] == 0
    assert read(result)["test_after"] == (1, "right")


def test_every_cell_that_ran_says_how_long(grade):
    result = grade(*GOOD, *AFTER)
    assert [time.cell for time in result.times] == [
        "good",
        "test_good",
        "after",
        "test_after",
    ]
    assert all(0 < time.seconds < 10 for time in result.times)


CUBE = """\
import torch
class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, s):
        ctx.save_for_backward(x, s)
        return s * x ** 3
    @staticmethod
    def backward(ctx, upstream):
        x, s = ctx.saved_tensors
        return 3 * s * x ** 2 * upstream, (x ** 3 * upstream){summed}"""
GIVEN = """\
import torch
from grader import check
def cube(x, s):
    return s * x ** 3
def draw(generator):
    make = dict(generator=generator, dtype=torch.float64)
    return {"x": torch.randn(5, **make), "s": torch.randn((), **make)}"""


@pytest.mark.process
@pytest.mark.parametrize(("summed", "points"), [(".sum()", 2.0), ("", 0.0)])
def test_custom_function_is_judged_by_what_backward_returned(grade, summed, points):
    """Autograd sums a gradient that is too large without a word."""
    test = "check.function(Cube, of=cube, draw=draw).score * 2 // 2 * 2"
    result = grade(
        Cell("given", "locked", GIVEN, release=GIVEN),
        Cell("Cube", "answer", CUBE.replace("{summed}", summed), release="# stub"),
        Cell("test_Cube", "check", test, points=2.0, release=test),
    )
    assert [v.points for v in result.verdicts] == [points], result.verdicts


def test_walk_for_hidden_tests_finds_no_file_of_the_first(grade):
    setup = Cell("setup", "locked", "import pickle as pk\nfrom pathlib import Path")
    save = exercise(
        "save",
        "def save(n):\n    open('n.txt', 'w').write(str(n))",
        "assert not Path('n.txt').exists()\nsave(3)\nassert Path('n.txt').exists()",
    )
    hidden = exercise(
        "two", "def two(x): return 2 * x", "assert two(4) == 8", release="# hidden"
    )
    result = grade(setup, *hidden, *save, *GOOD)
    assert {points for points, _ in read(result).values()} == {1}
    assert not result.staff_notes


def test_test_that_would_run_a_students_bytes_gives_no_mark(grade):
    setup = Cell("setup", "locked", "import pickle as pk")
    answer = (
        "import pickle\nclass Boom:\n    def __reduce__(self): return (print, ('x',))\n"
        "def keep(): return pickle.dumps(Boom())"
    )
    result = grade(setup, *exercise("keep", answer, "assert pk.loads(keep()) is None"))
    assert read(result)["test_keep"][1] == "staff"
    assert "unpickling" in result.staff_notes[0]


@pytest.mark.parametrize(
    "leave",
    [
        "import os, tempfile\nwith tempfile.TemporaryDirectory() as d: os.chdir(d)",
        "import os, shutil\nos.mkdir('in')\nos.chdir('in')\nshutil.rmtree('../in')",
    ],
    ids=["temporary", "removed"],
)
def test_working_folder_that_is_gone_costs_nothing_later(grade, leave):
    gone = Cell("own", "plain", leave, own=True)
    assert read(grade(gone, *GOOD))["test_good"] == (1, "right")


def test_streams_that_are_gone_cost_nothing_later(grade):
    gone = Cell("own", "plain", "import sys\nsys.stdout = sys.stderr = None", own=True)
    assert read(grade(gone, *GOOD))["test_good"] == (1, "right")


def test_death_in_a_hidden_test_looks_like_a_wrong_answer(grade):
    spy = "import os\ndef spy(x):\n    if x == 81234: os._exit(1)\n    return x"
    cells = exercise("spy", spy, "assert spy(81234) == 81234", release="# hidden")
    (verdict,) = grade(*cells).verdicts
    assert (verdict.points, verdict.message) == (0, "A hidden test did not pass.")
