"""Wrong answers that students give: each loses points, and is named where it says so.

`wrong/<lesson>.txt` holds one a line: `exercise: function(arguments) | kinds | body`,
or, for longer answers, `exercise | kinds | text of the master => what stands there`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.notebook  # a minute for all lessons

TABLES = sorted(Path(__file__).with_name("wrong").glob("*.txt"))


@dataclass(frozen=True)
class Wrong:
    """One wrong answer: of which lesson and exercise, and what it may be called."""

    lesson: str
    exercise: str
    kinds: frozenset[str]
    head: str  # `name(arguments)`, or "" for a change of the master's answer
    text: str

    def write(self, master: str) -> str:
        """Give the answer cell's text."""
        if self.head:
            return f"def {self.head}:\n    {self.text}\n"
        old, new = self.text.split("=>")
        assert old.strip() in master, old
        return master.replace(old.strip(), new.strip())


def _read(table: Path) -> list[Wrong]:
    lesson = f"{table.stem}/{table.stem[3:]}"
    lines = [x for x in table.read_text(encoding="utf-8").splitlines() if x[:1] != "#"]
    return [_parse(lesson, *line.split(" | ", 2)) for line in lines]


def _parse(lesson: str, place: str, kinds: str, text: str) -> Wrong:
    exercise, _, head = place.partition(": ")
    return Wrong(lesson, exercise, frozenset(kinds.split()) - {"-"}, head, text)


ALL = [wrong for table in TABLES for wrong in _read(table)]
EXERCISES = {(wrong.lesson, wrong.exercise) for wrong in ALL}


@pytest.mark.parametrize("wrong", ALL, ids=lambda w: f"{w.exercise}: {w.text[:40]}")
def test_wrong_answers_lose_points_and_are_named(wrong, open_lesson):
    lesson = open_lesson(wrong.lesson)
    mark = lesson.mark(wrong.exercise, wrong.write(lesson.answer(wrong.exercise)))

    assert mark.points < lesson.max_points[wrong.exercise]
    assert not wrong.kinds or mark.kinds & wrong.kinds, mark.kinds


@pytest.mark.parametrize("name", sorted({lesson for lesson, _ in EXERCISES}))
def test_masters_earn_all_points_and_stubs_none(name, open_lesson):
    lesson = open_lesson(name)
    for exercise, points in lesson.max_points.items():
        assert lesson.mark(exercise).points == points
        stub = lesson.mark_stub(exercise)
        assert (stub.points, stub.statuses) == (0, {"unsolved"}), exercise


@pytest.mark.parametrize("name", sorted({lesson for lesson, _ in EXERCISES}))
def test_each_exercise_has_three_wrong_answers(name, open_lesson):
    for exercise in open_lesson(name).max_points:
        given = [w for w in ALL if (w.lesson, w.exercise) == (name, exercise)]
        assert len(given) >= 3, exercise
