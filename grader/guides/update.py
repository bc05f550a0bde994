"""Brings the pages about the course in step with the masters."""

from __future__ import annotations

from pathlib import Path

from grader.guides.cards import write_cards
from grader.guides.course_map import draw_map, write_map
from grader.guides.facts import read_lessons


def make_guides(root: Path) -> dict[str, str]:
    """Make each page about the course; returns its text by its path below `root`."""
    lessons = read_lessons(root)
    return {
        "docs/course-map.md": write_map(lessons),
        "docs/course-map.svg": draw_map(lessons),
        "docs/summary-cards.html": write_cards(lessons),
    }


def update_guides(root: Path) -> list[str]:
    """Write the pages that have changed; returns their paths.

    A course without the folder `docs`, or without masters, has no use for them.
    """
    if not (root / "docs").is_dir() or not any(root.glob("solutions/*/*.ipynb")):
        return []
    changed = []
    for name, text in make_guides(root).items():
        path = root / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            changed.append(name)
    return changed
