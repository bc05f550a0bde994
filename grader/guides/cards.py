"""All summary cards on one page that prints: no script, formulas as MathML."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from jinja2 import Environment
from markupsafe import Markup

from grader.guides.facts import Lesson
from grader.pages.render import Renderer


def write_cards(lessons: Sequence[Lesson]) -> str:
    """Give the page in HTML."""
    renderer = Renderer()
    cards = [
        (f"{one.number} · {one.title}", Markup(renderer.render_markdown(one.card)))
        for one in lessons
        if one.card
    ]
    template = files("grader.guides").joinpath("cards.html.j2")
    page = Environment(autoescape=True).from_string(template.read_text("utf-8"))
    return page.render(cards=cards) + "\n"
