"""The README: short, true, and its commands exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TARGETS = set(
    re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
)


def strip_blocks(text):
    """Drop code blocks, tables, lists and headings: what is left is prose."""
    text = re.sub(r"^( *)```.*?^\1```", "", text, flags=re.MULTILINE | re.DOTALL)
    lines = [
        line
        for line in text.splitlines()
        if not re.match(r"\s*([|#<!*>-]|\d+\.|\[)", line)
    ]
    return [line for line in lines if line.strip()]


def test_readme_has_under_600_words():
    text = re.sub(r"\]\(.*?\)", "]", README)
    assert len([word for word in text.split() if re.search(r"\w", word)]) < 600


def test_readme_shows_a_command_and_its_output_by_line_25():
    top = README.splitlines()[:25]
    command = next(n for n, line in enumerate(top) if line.startswith("$ make demo"))
    assert top[command + 1].strip() and not top[command + 1].startswith(("$", "`"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_prose_has_one_sentence_in_a_line(page):
    for line in strip_blocks(page.read_text(encoding="utf-8")):
        plain = re.sub(r"`[^`]*`|\([^)]*\)|\*[^*]*\*", "x", line)
        assert not re.search(r"[a-z)x][.!?] [A-Z]", plain), line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_commands_exist(page):
    named = re.findall(
        r"(?:`|^\$? ?)make ([a-z][a-z ]*)", page.read_text(), re.MULTILINE
    )
    words = {word for words in named for word in words.split()}
    assert words <= TARGETS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_named_files_exist(page):
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\(((?!https?:|#)[^)]+)\)", text)
    named = re.findall(
        r"`((?:docs|solutions/\d|notebooks/\d|tests|grader)[\w/.-]*)`", text
    )
    missing = [
        name
        for name in links + named
        if not (page.parent / name).exists() and not (ROOT / name).exists()
    ]
    assert missing == []


def test_no_page_names_a_person_or_a_machine():
    for page in PAGES:
        assert not re.search(
            r"/(home|root|work|tmp)/", page.read_text(encoding="utf-8")
        )
