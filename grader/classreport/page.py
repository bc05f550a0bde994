"""The report as one HTML file: nothing from outside, one script of ours by its hash."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files

from jinja2 import Environment
from markupsafe import Markup

from grader.classreport.examples import Example
from grader.classreport.figures import Exercise, Figures
from grader.classreport.plots import Plot
from grader.exports.grades import Grade
from grader.exports.plain import show
from grader.lms.command import clean_line

EXERCISE_TITLES = (
    *("Exercise", "Points", "Mean", "Right", "Wrong", "Error", "Not solved"),
    *("Strong", "Weak", "Link", "Seconds"),
)
ERRORS = ("raised", "timed-out", "died", "cheated")
NOTHING = "–"


def make_page(
    figures: Figures,
    grades: Sequence[Grade],
    plots: Sequence[Plot],
    examples: Mapping[str, Sequence[Example]],
    made: str,
) -> str:
    """Give the page; every name and text of a student is escaped, controls are out."""
    folder = files("grader.classreport")
    css, script, text = (
        folder.joinpath(name).read_text(encoding="utf-8")
        for name in ("page.css", "sort.js", "page.html.j2")
    )
    environment = Environment(autoescape=True)
    lists = [
        ("Needs a person", figures.waiting),
        ("Could not be read", figures.refused),
        ("Repaired", figures.repaired),
    ]
    names = [one.name for one in figures.exercises]
    page = environment.from_string(text).render(
        figures=figures,
        plots=[
            {"title": plot.title, "words": plot.words, "image": Markup(plot.image)}
            for plot in plots
        ],
        examples=examples,
        made=made,
        lists=[(title, sorted(listed.items())) for title, listed in lists],
        exercise_titles=EXERCISE_TITLES,
        exercise_rows=[make_exercise_row(one) for one in figures.exercises],
        student_titles=("Student", "Name", "Points", "Penalty", "Handed in", *names),
        student_rows=[make_student_row(grade, figures) for grade in grades],
        css=Markup(css),
        css_hash=_hash(css),
        script=Markup(script),
        script_hash=_hash(script),
    )
    return "".join(map(_clean, page.splitlines(keepends=True)))


def _hash(text: str) -> str:
    """Give what a Content-Security-Policy calls the text by."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _clean(line: str) -> str:
    """Take out what no page of ours holds: controls, and marks that turn text round."""
    body = line.rstrip("\n").replace("\u00a0", " ")
    return clean_line(body) + line[len(line.rstrip("\n")) :]


def make_exercise_row(one: Exercise) -> list[str]:
    """Give the cells of an exercise's line."""
    get = one.statuses.get
    return [
        one.name,
        show(one.max_points),
        f"{one.mean:.0%}",
        str(get("right", 0)),
        str(get("wrong", 0) + get("partial", 0)),
        str(sum(get(status, 0) for status in ERRORS)),
        str(get("unsolved", 0)),
        NOTHING if one.strong is None else f"{one.strong:.0%}",
        NOTHING if one.weak is None else f"{one.weak:.0%}",
        NOTHING if one.link is None else f"{one.link:.2f}",
        f"{one.seconds:.2g}",
    ]


def make_student_row(grade: Grade, figures: Figures) -> list[str]:
    """Give the cells of a student's line."""
    points = {
        (part.notebook, part.exercise): NOTHING
        if part.points is None
        else show(part.points)
        for part in grade.parts
    }
    when = f"{grade.handed_in:%Y-%m-%d %H:%M}" if grade.handed_in else ""
    return [
        grade.person.id,
        grade.person.full_name,
        NOTHING if grade.is_missing else show(grade.score),
        show(grade.penalty) if grade.penalty else "",
        "nothing" if grade.is_missing else when,
        *(points.get(one.place, "") for one in figures.exercises),
    ]
