"""What the masters say about themselves: title, time, needs, points, summary card."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

TITLE = re.compile(r"^# (\d+) · (.+)$", re.MULTILINE)
MINUTES = re.compile(r"(?:(\d+)(?: to |[–-]))?(\d+) minutes")
NEEDS = re.compile(r"^\*\*You need\*\* (.+)$", re.MULTILINE)
LESSONS = re.compile(r"\b[Ll]essons? (\d+(?:(?:, | and |, and )\d+)*)")
ABILITY = re.compile(r"^- (.+)$", re.MULTILINE)
STRETCH = re.compile(r"^### Exercise (\d+\.\d+)\b.*\bstretch\b", re.MULTILINE)
NUMBER = re.compile(r"### BEGIN SOLUTION (\d+\.\d+):")
FOLD = re.compile(r"<details>\s*<summary>.*?</summary>(.*?)</details>", re.DOTALL)


@dataclass(frozen=True)
class Lesson:
    """One lesson, as the pages about the course show it."""

    number: int
    title: str
    minutes: tuple[int, int]  # at least, at most
    needs: tuple[int, ...]  # numbers of earlier lessons
    abilities: tuple[str, ...]  # Markdown
    points: float  # without the stretch exercises
    stretch: float
    path: str  # of the student copy, below the course
    card: str  # Markdown


def read_lessons(root: Path) -> list[Lesson]:
    """Read all masters below `root`, in their order."""
    return [read_facts(path) for path in sorted(root.glob("solutions/*/*.ipynb"))]


def read_facts(master: Path) -> Lesson:
    """Read one master; what it does not say is empty."""
    cells = nbformat.reads(master.read_text(encoding="utf-8"), as_version=4).cells
    text = cells[0].source
    number, title = match[0] if (match := TITLE.findall(text)) else ("0", master.stem)
    least, most = match[0] if (match := MINUTES.findall(text)) else ("", "0")
    points, stretch = _count_points(cells)
    return Lesson(
        int(number),
        title,
        (int(least or most), int(most)),
        tuple(_find_needs(text, int(number))),
        tuple(ABILITY.findall(text)),
        points,
        stretch,
        f"notebooks/{master.parent.name}/{master.name}",
        _read_card(cells),
    )


def _find_needs(text: str, number: int) -> Iterator[int]:
    """Name the earlier lessons of the line "You need"; without one, the one before."""
    said = " ".join(NEEDS.findall(text))
    named = {int(n) for some in LESSONS.findall(said) for n in re.findall(r"\d+", some)}
    yield from sorted(n for n in named if n < number)


def _count_points(cells: list[NotebookNode]) -> tuple[float, float]:
    """Add up the points of the check cells: core, and stretch."""
    texts = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    optional = set(STRETCH.findall(texts))
    exercises = {
        cell.id for cell in cells if optional & set(NUMBER.findall(cell.source))
    }
    sums = {True: 0.0, False: 0.0}
    for cell in cells:
        role = cell.metadata.get("nbgrader", {})
        if role.get("grade"):
            sums[cell.id.removeprefix("test_") in exercises] += role["points"]
    return sums[False], sums[True]


def _read_card(cells: list[NotebookNode]) -> str:
    """Give the summary card without its heading and its fold."""
    source = next((cell.source for cell in cells if cell.id == "summary"), "")
    fold = FOLD.search(source)
    return (fold[1] if fold else source.partition("\n")[2]).strip()
