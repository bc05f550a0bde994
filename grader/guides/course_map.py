"""The course map: a table, a drawing of what needs what, what each lesson teaches."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from grader.guides.facts import Lesson
from grader.ink.boxes import draw_boxes
from grader.ink.plan import Arrow, Box

BOX_CHARACTERS = 30  # of a title, in one line of a box
HEAD = """\
# Course map

Thirteen lessons, about {hours} hours in all.
Each stands on earlier ones; whoever follows the numbers always has what is needed.
All summary cards on one page, for printing: [summary-cards.html](summary-cards.html).

*This page is made from the lessons by `make release`; do not edit it.*

![{alt}](course-map.svg)

| lesson | needs | hours | points | stretch |
|---|---|---|---|---|
{rows}
| **together** | | **{hours}** | **{points}** | **{stretch}** |

Stretch exercises can wait: nothing later needs them.
"""
SECTION = """
## {number} · {title}

*{minutes} minutes · {points} points{stretch} · {needs} · [open]({path})*

{abilities}
"""


def write_map(lessons: Sequence[Lesson]) -> str:
    """Give the page in Markdown; links lead out of `docs/`."""
    parts = [
        HEAD.format(
            hours=_write_hours(lessons),
            alt=_describe(lessons),
            rows="\n".join(map(_write_row, lessons)),
            points=f"{sum(one.points for one in lessons):g}",
            stretch=f"{sum(one.stretch for one in lessons):g}",
        )
    ]
    return "".join([*parts, *map(_write_section, lessons)])


def draw_map(lessons: Sequence[Lesson]) -> str:
    """Give a drawing of the lessons as SVG; an arrow leads from what is needed."""
    boxes = [_make_box(one) for one in lessons]
    arrows = [Arrow(need, n) for n, kept in find_nearest(lessons) for need in kept]
    return draw_boxes(boxes, arrows, words=("Course map", _describe(lessons))) + "\n"


def _make_box(lesson: Lesson) -> Box:
    cost = f"{write_minutes(lesson)} minutes · {write_points(lesson)} points"
    lines = (*textwrap.wrap(lesson.title, BOX_CHARACTERS), cost)
    return Box(lesson.number, f"Lesson {lesson.number}", lines=lines)


def find_nearest(lessons: Sequence[Lesson]) -> list[tuple[int, tuple[int, ...]]]:
    """Leave out of each lesson's needs what another of its needs needs already."""
    here = {one.number for one in lessons}  # a course may hold only some
    needs = {one.number: here.intersection(one.needs) for one in lessons}
    behind: dict[int, set[int]] = {}
    for number in sorted(needs):
        further = (behind.get(need, set()) for need in needs[number])
        behind[number] = needs[number].union(*further)
    return [
        (n, tuple(m for m in sorted(own) if not any(m in behind[k] for k in own)))
        for n, own in needs.items()
    ]


def write_minutes(lesson: Lesson) -> str:
    """Write `60–75`, or one number where both are the same."""
    return "–".join(map(str, dict.fromkeys(lesson.minutes)))


def write_points(lesson: Lesson) -> str:
    """Write `17 + 3`, or one number where nothing is stretch."""
    return f"{lesson.points:g}" + (f" + {lesson.stretch:g}" if lesson.stretch else "")


def _write_hours(lessons: Sequence[Lesson]) -> str:
    least, most = (sum(one.minutes[i] for one in lessons) / 60 for i in (0, 1))
    return f"{least:.0f} to {most:.0f}"


def _write_row(lesson: Lesson) -> str:
    link = f"[{lesson.number} · {lesson.title}](../{lesson.path})"
    needs = ", ".join(map(str, lesson.needs)) or "–"
    hours = "–".join(dict.fromkeys(f"{m / 60:.2g}" for m in lesson.minutes))
    stretch = f"{lesson.stretch:g}" if lesson.stretch else ""
    return f"| {link} | {needs} | {hours} | {lesson.points:g} | {stretch} |"


def _write_section(lesson: Lesson) -> str:
    plural = "lesson" if len(lesson.needs) == 1 else "lessons"
    needs = f"needs {plural} {', '.join(map(str, lesson.needs))}"
    values: Mapping[str, object] = {
        "number": lesson.number,
        "title": lesson.title,
        "minutes": write_minutes(lesson),
        "points": f"{lesson.points:g}",
        "stretch": f" and {lesson.stretch:g} stretch" if lesson.stretch else "",
        "needs": needs if lesson.needs else "needs no other lesson",
        "path": f"../{lesson.path}",
        "abilities": "\n".join(f"- {one}" for one in lesson.abilities),
    }
    return SECTION.format_map(values)


def _describe(lessons: Sequence[Lesson]) -> str:
    """Say the drawing in words, for who cannot see it."""
    said = [
        f"{n} needs {', '.join(map(str, kept))}" if kept else f"{n} needs nothing"
        for n, kept in find_nearest(lessons)
    ]
    return "Lessons as boxes, arrows from what is needed: " + "; ".join(said)
