"""Wrong variants of a student's classes, graded through the sandbox in one go each.

`wrong_classes.txt` has one a line: the custom Functions of lesson 9 and the engine of
lesson 11, each changed in one place of the master.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from grader.sandbox.limits import Limits
from grader.submission.assignment import Cell

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PATIENT = Limits(cell_s=60, submission_s=280)  # the machine may be busy
pytestmark = [pytest.mark.process, pytest.mark.timeout(300)]


@dataclass(frozen=True)
class Variant:
    """One wrong variant: what is changed, and which check must notice."""

    lesson: str
    exercise: str
    kinds: frozenset[str]
    rule: str
    changes: tuple[tuple[str, str], ...]

    def write(self, answers):
        """Give all answers of the lesson, this one change made."""
        cells = dict(answers)
        for old, new in self.changes:
            (word,) = [w for w, text in cells.items() if old in text]
            cells[word] = cells[word].replace(old, new)
        return cells


def read_variants():
    text = (HERE / "wrong_classes.txt").read_text(encoding="utf-8")
    for line in text.splitlines()[1:]:
        lesson, exercise, kinds, rule, changes = line.split(" | ", 4)
        pairs = [
            change.split(" => ") for change in changes.replace("⏎", "\n").split(" ;; ")
        ]
        changed = tuple((old.strip(), new.strip()) for old, new in pairs)
        yield Variant(lesson, exercise, frozenset({kinds}) - {"-"}, rule, changed)


VARIANTS = list(read_variants())
LESSONS = sorted({variant.lesson for variant in VARIANTS})


def read_master(lesson):
    """Give locked cells, answers and checks of a master by id; points by id."""
    (path,) = (ROOT / "solutions" / lesson).glob("*.ipynb")
    parts = {"locked": {}, "answer": {}, "check": {}, "points": {}}
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        role = cell["metadata"].get("nbgrader", {})
        kind = "check" if role.get("grade") else "locked"
        kind = "answer" if role.get("solution") else kind
        if role:
            parts[kind][cell["id"]] = "".join(cell["source"])
            parts["points"][cell["id"]] = role.get("points", 0)
    return parts


def make_cells(lesson, variants):
    """The lesson's locked cells, then each variant's answers and the check it meets."""
    master = read_master(lesson)
    for word, text in master["locked"].items():
        yield Cell(word, "locked", text)
    right = [Variant(lesson, v.exercise, v.kinds, "right", ()) for v in variants[:1]]
    for number, variant in enumerate([*right, *variants]):
        for word, text in variant.write(master["answer"]).items():
            yield Cell(f"{word}{number}", "answer", text, exercise=word, release="stub")
        word = f"test_{variant.exercise}"
        check, points = master["check"][word], master["points"][word]
        yield Cell(f"{number}", "check", check, points=points, release=check)


@pytest.fixture(scope="module", params=LESSONS)
def graded(request, grade_once):
    """The variants of one lesson with their verdicts, the right one first."""
    variants = [v for v in VARIANTS if v.lesson == request.param]
    cells = make_cells(request.param, variants)
    result = grade_once(*cells, limits=PATIENT)
    assert result.staff_notes == ()
    return variants, result.verdicts


def test_there_are_ten_variants_of_each_lesson(graded):
    variants, verdicts = graded
    assert len(variants) >= 10
    assert len(verdicts) == len(variants) + 1


def test_right_classes_earn_all_points(graded):
    _, verdicts = graded
    assert verdicts[0].status == "right", verdicts[0].message


def test_every_wrong_variant_is_caught(graded):
    variants, (_, *verdicts) = graded
    passed = [
        v.rule for v, told in zip(variants, verdicts, strict=True) if is_right(told)
    ]
    assert passed == []


def is_right(verdict):
    return verdict.status not in ("wrong", "partial", "raised")


def test_single_mistakes_are_named(graded):
    variants, (_, *verdicts) = graded
    unnamed = {
        variant.rule: [report.diagnosis_kinds for report in verdict.reports]
        for variant, verdict in zip(variants, verdicts, strict=True)
        if not all(variant.kinds & set(r.diagnosis_kinds) for r in verdict.reports)
        and variant.kinds
    }
    assert unnamed == {}
