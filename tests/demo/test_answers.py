"""Each sample answer earns what the class expects, in the lesson's own check cells."""

import contextlib
import io
import json

import pytest

from grader.check import report
from tests.demo.course import ROOT
from tests.demo.sample_class import (
    ASSIGNMENT,
    CLASS,
    NOTEBOOK,
    STUB,
    read_answers,
    read_exercises,
)

MASTER = json.loads((ROOT / "solutions" / ASSIGNMENT / f"{NOTEBOOK}.ipynb").read_text())
EXERCISES = read_exercises(MASTER)
ANSWERS = read_answers()
ALL = [(word, style) for word, styles in ANSWERS.items() for style in styles]


@pytest.fixture(scope="module")
def lesson():
    """The master's answers and given cells, run once, in one namespace."""
    names = {}
    for cell in MASTER["cells"]:
        role = cell["metadata"].get("nbgrader", {})
        if role and not role["grade"] and cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    return names


def find_check(word):
    cells = {cell["id"]: cell for cell in MASTER["cells"]}
    lines = "".join(cells[f"test_{word}"]["source"]).strip()
    return compile(lines, f"test_{word}", "eval")


@pytest.mark.parametrize(("word", "style"), ALL, ids=[" ".join(one) for one in ALL])
def test_answer_earns_what_is_due_and_is_told_why(lesson, word, style):
    answer = ANSWERS[word][style]
    names, shown = dict(lesson), []
    token = report.SHOW.set(shown.append)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(answer.source, names)
            points = eval(find_check(word), names)
    finally:
        report.SHOW.reset(token)
    assert points == answer.points
    kinds = [diagnosis.kind for diagnosis in shown[0].diagnoses]
    assert answer.told in kinds or answer.told in str(shown[0])


def test_every_style_is_handed_in_by_someone():
    used = {(word, style) for one in CLASS for word, style in one.styles.items()}
    assert used - {(word, STUB) for word in EXERCISES} == set(ALL)


def test_class_is_a_class():
    savers = {student.saver for student in CLASS}
    assert len(CLASS) >= 20 and {"colab", "vscode", "broken"} <= savers
    assert len({student.name for student in CLASS}) == len(CLASS)
