"""The table of lessons in the READMEs, read from the masters' title cells."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import nbformat

from grader.release.badge import Repository, write_markdown_badges

PAGES = ("README.md", "docs/student/README.md")  # for the repository, for students
BEGIN, END = "<!-- lessons -->", "<!-- /lessons -->"
TITLE = re.compile(r"^# (.+)$", re.MULTILINE)
MINUTES = re.compile(r"(?:(\d+)(?: to |[–-]))?(\d+) minutes")


@dataclass(frozen=True)
class Lesson:
    """What a table says of a lesson."""

    title: str
    minutes: str
    path: str  # of the student copy, below the course


def read_lesson(master: Path, folder: str = "notebooks") -> Lesson:
    """Read title and minutes from the first cell of a master."""
    cells = nbformat.reads(master.read_text(encoding="utf-8"), as_version=4).cells
    text = cells[0].source if cells else ""
    title, minutes = TITLE.search(text), MINUTES.search(text)
    return Lesson(
        title[1] if title else master.stem,
        "–".join(filter(None, minutes.groups())) if minutes else "",
        f"{folder}/{master.parent.name}/{master.name}",
    )


def write_table(lessons: list[Lesson], repository: Repository) -> str:
    """Write a Markdown table: a link into the repository, and badges."""
    rows = ["| lesson | minutes | without installing |", "|---|---|---|"]
    for one in lessons:
        badges = write_markdown_badges(repository, one.path)
        rows.append(f"| [{one.title}]({one.path}) | {one.minutes} | {badges} |")
    return "\n".join(rows)


def update_pages(root: Path, repository: Repository) -> bool:
    """Bring the tables of both READMEs in step; True when one changed.

    A page without the marks, or none at all, stays as it is.
    """
    masters = sorted(root.glob("solutions/*/*.ipynb"))
    table = write_table([read_lesson(master) for master in masters], repository)
    changed = [_update_page(root / page, table) for page in PAGES]
    return any(changed)


def _update_page(path: Path, table: str) -> bool:
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    head, begun, rest = before.partition(BEGIN)
    _, ended, tail = rest.partition(END)
    if not begun or not ended:
        return False
    after = f"{head}{BEGIN}\n{table}\n{END}{tail}"
    if after != before:
        path.write_text(after, encoding="utf-8")
    return after != before
