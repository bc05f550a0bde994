"""The page of mistakes says what the program does."""

import re
from pathlib import Path

import pytest

from grader.diagnose import KINDS

DOCS = Path(__file__).parent.parent.parent / "docs"
PAGE = (DOCS / "mistakes.md").read_text(encoding="utf-8")
ENTRIES = range(1, 73)


def cut(mark):
    return PAGE.split(f"<!-- {mark} -->")[1].split(f"<!-- /{mark} -->")[0]


def test_published_order_is_that_of_the_program():
    rows = re.findall(
        r"^\| (\d+) \| `([\w-]+)` \| (.*) \|$", cut("kinds"), re.MULTILINE
    )
    assert [(kind, sentence) for _, kind, sentence in rows] == list(KINDS.items())
    assert [int(number) for number, _, _ in rows] == list(range(1, len(KINDS) + 1))


def test_catalogue_is_whole_and_names_known_kinds():
    rows = re.findall(
        r"^\| (\d+) \| [^`|]*.*? \| (.*) \|$", PAGE.split("catalogue")[1], re.M
    )
    assert [int(number) for number, _ in rows] == list(ENTRIES)
    for _, told in rows:
        kinds = set(re.findall(r"`([a-z-]+)`", told)) & set(KINDS)
        assert kinds or told.startswith(("none", "told as an error"))


@pytest.mark.parametrize("page", ["docs/design.md", "README.md", "docs/instructors.md"])
def test_page_is_linked(page):
    assert "mistakes.md" in (DOCS.parent / page).read_text(encoding="utf-8")
