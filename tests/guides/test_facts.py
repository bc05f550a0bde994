"""What the masters say about themselves, read and compared with their checks."""

import re
from pathlib import Path

import nbformat
import pytest

from grader.guides.facts import read_facts, read_lessons

ROOT = Path(__file__).parents[2]
MASTERS = sorted(ROOT.glob("solutions/*/*.ipynb"))
SAID = re.compile(r"\*\*Points\*\* (\d+)(?:, and (\d+) more)?")


@pytest.mark.parametrize("master", MASTERS, ids=lambda path: path.stem)
def test_title_says_the_points_that_the_checks_give(master):
    title = nbformat.reads(master.read_text(encoding="utf-8"), as_version=4).cells[0]
    core, stretch = SAID.search(title.source).groups(default="0")
    facts = read_facts(master)
    assert (facts.points, facts.stretch) == (float(core), float(stretch))


@pytest.mark.parametrize("master", MASTERS, ids=lambda path: path.stem)
def test_every_lesson_has_needs_abilities_time_and_a_card(master):
    facts = read_facts(master)
    assert facts.needs or facts.number == 0
    assert len(facts.abilities) >= 3
    assert 0 < facts.minutes[0] <= facts.minutes[1] <= 90
    assert facts.card.startswith("- ")


def test_lessons_come_in_order_and_need_earlier_ones():
    lessons = read_lessons(ROOT)
    assert [one.number for one in lessons] == list(range(len(lessons)))
    assert all(need < one.number for one in lessons for need in one.needs)
