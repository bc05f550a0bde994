"""The pages about the course are in step with the masters."""

from pathlib import Path

import pytest

from grader.guides.facts import read_lessons
from grader.guides.update import make_guides, update_guides

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def pages():
    return make_guides(ROOT)


def test_committed_pages_are_what_make_release_would_write(pages):
    old = [n for n, text in pages.items() if (ROOT / n).read_text("utf-8") != text]
    assert old == [], "run make release and commit docs/"


def test_cards_page_has_every_card_and_no_raw_formula(pages):
    page = pages["docs/summary-cards.html"]
    assert page.count("<article>") == len(read_lessons(ROOT))
    assert "<math" in page and "$" not in page
    assert "<script" not in page and "http" not in page.replace(
        "http-equiv", ""
    ).replace("http://www.w3.org/1998/Math/MathML", "")


def test_course_without_docs_gets_no_pages(tmp_path):
    assert update_guides(tmp_path) == []


def test_second_update_changes_nothing(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "solutions").symlink_to(ROOT / "solutions")
    assert len(update_guides(tmp_path)) == 3
    assert update_guides(tmp_path) == []
