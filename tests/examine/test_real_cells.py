"""Test cells as courses have them: the same points outside the process as inside.

Each cell of the two tables is graded with an honest answer, and where there is one
with a wrong answer, twice: outside, as always, and inside, as its tag allows.
"""

import ast
import re
import sys
import tempfile
from pathlib import Path

import pytest

from grader.gradebook.master import list_bound
from grader.submission.assignment import Cell

FILES = ("real_cells.txt", "more_cells.txt")
LEAST_OUTSIDE = 0.97
BATCH = 30
BLANK = "# YOUR CODE HERE\nraise NotImplementedError()"
# What an honest answer loses outside; the rehearsal finds each, and staff are told.
ONLY_INSIDE = {
    "plots: function that takes axes": "an Axes that the test made",
    "python: decorator that keeps the name": "the docstring of a test's function",
    "python: typing and annotations": "List[int] compared with one of the student's",
    "python: enum, namedtuple, dataclass with order": "the fields of a dataclass",
    "python: global changed by the test": "a locked cell's variable, set by a test",
    "python: subclass by the test": "a test's class that extends the student's",
    "python: sympy": "a library's object, compared by its own operators",
}


def read_rows(name):
    """The parts of each cell: release, answer, wrong, test."""
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    for part in text.split("# %% ")[1:]:
        title, _, rest = part.partition("\n")
        pieces = re.split(r"^# (release|answer|wrong|test)\n", rest, flags=re.MULTILINE)
        yield title, dict(zip(pieces[1::2], pieces[2::2], strict=True))


ROWS = dict(row for name in FILES for row in read_rows(name))
if Path(sys.prefix).is_relative_to(tempfile.gettempdir()):
    # Python's own folder then lies where the test's file would be laid, read-only.
    del ROWS["python: temp file by the test"]


def list_batches():
    """Names and which of their answers, as many as one notebook takes."""
    found = []
    for which in ("answer", "wrong"):
        names = [name for name, parts in ROWS.items() if which in parts]
        for start in range(0, len(names), BATCH):
            some = names[start : start + BATCH]
            found.append(pytest.param(some, which, id=f"{which}{start}"))
    return found


def make_stub(answer):
    """What a course gives out for an answer: the heads of its functions, or nothing."""
    body = ast.parse(answer).body
    if not all(isinstance(node, ast.FunctionDef | ast.Import) for node in body):
        return BLANK
    heads = [ast.unparse(n) for n in body if isinstance(n, ast.Import)]
    for node in body:
        if isinstance(node, ast.FunctionDef):
            heads.append(f"def {node.name}({ast.unparse(node.args)}):")
            heads.append("    raise NotImplementedError()")
    return "\n".join(heads)


def make_cells(names, which, tags=()):
    for number, name in enumerate(names):
        parts = ROWS[name]
        if "release" in parts:
            plain = name.startswith(("name", "call: shadows"))
            kind = "plain" if plain else "locked"
            yield Cell(f"given{number}", kind, parts["release"])
        honest = parts["answer"]
        yield Cell(
            f"answer{number}",
            "answer",
            parts[which],
            exercise=name,
            release=make_stub(honest),
            **dict(zip(("binds", "defines"), list_bound(honest), strict=True)),
        )
        test = parts["test"]
        yield Cell(
            name, "check", test, points=1.0, exercise=name, release=test, tags=tags
        )


@pytest.fixture(scope="module")
def outcomes():
    """What `test_points_are_the_same` found, for the figure."""
    return {}


@pytest.mark.process
@pytest.mark.parametrize(("names", "which"), list_batches())
def test_points_are_the_same_outside(grade_once, outcomes, names, which):
    files = {"data.csv": b"a,b\n1,2\n"}
    points = []
    for tags in ((), ("inside",)):
        result = grade_once(*make_cells(names, which, tags), files=files)
        points.append({v.exercise: (v.points, v.status) for v in result.verdicts})
    outside, inside = points
    earns_all = which == "answer"
    assert {(inside[name][0] == 1) is earns_all for name in names} == {True}
    odd = {n for n in names if outside[n][0] != inside[n][0]}
    odd |= {n for n in names if outside[n][1] == "staff"}
    outcomes |= {(name, which): name not in odd for name in names}
    assert odd <= set(ONLY_INSIDE)


@pytest.mark.process
def test_nearly_all_cells_run_outside(outcomes):
    if len(outcomes) < len(ROWS):
        pytest.skip("needs the tests above, all of them")
    good = sum(outcomes[name, "answer"] for name in ROWS)
    share = good / len(ROWS)
    agree = sum(outcomes.values()) / len(outcomes)
    print(f"{good} of {len(ROWS)} cells run outside ({share:.1%}); {agree:.1%} agree")
    assert share >= LEAST_OUTSIDE
