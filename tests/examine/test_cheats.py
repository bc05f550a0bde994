"""Cheats on the tests of one notebook: none earns a point, and the honest do."""

import re
from pathlib import Path

import pytest

from grader.submission.assignment import Cell

TEXT = (Path(__file__).parent / "cheats.txt").read_text(encoding="utf-8")


def read_cells():
    for number, part in enumerate(TEXT.split("# %% ")[1:]):
        name, _, rest = part.partition("\n")
        pieces = re.split(r"^# (release|answer|test)\n", rest, flags=re.MULTILINE)
        named = dict(zip(pieces[1::2], pieces[2::2], strict=True))
        if "release" in named:
            yield Cell(f"given{number}", "locked", named["release"])
        answer, test = named["answer"], named["test"]
        yield Cell(f"answer{number}", "answer", answer, exercise=name, release="# stub")
        yield Cell(name, "check", test, points=1.0, exercise=name, release=test)


CELLS = list(read_cells())


@pytest.fixture(scope="module")
def verdicts(grade_once):
    honest = [
        Cell("good", "answer", "def good(x):\n    return 2 * x", release="# stub"),
        Cell("honest", "check", "assert good(2) == 4", points=1.0),
    ]
    result = grade_once(*CELLS, *honest)
    return {verdict.exercise: verdict for verdict in result.verdicts}


@pytest.mark.process
@pytest.mark.parametrize("name", [c.id for c in CELLS if c.kind == "check"])
def test_cheat_earns_nothing(verdicts, name):
    assert verdicts[name].points == 0, verdicts[name]


@pytest.mark.process
def test_honest_answer_after_all_cheats_earns_its_points(verdicts):
    assert verdicts["honest"].status == "right"
