"""A lesson as one page that reads offline and prints: no script, folds opened on paper.

The notebook is our own; its outputs pass the sanitizer all the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from grader.pages.render import Renderer
from grader.reading.outputs import clean_outputs

BADGES = "view-in-github"  # the cell of links into the web is of no use on paper
TITLE = re.compile(r"^# (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Shown:
    """One cell on the page; all of it is safe HTML."""

    kind: str  # text, answer or code
    body: Markup
    outputs: Sequence[Markup] = ()


def make_lesson_page(notebook: Mapping[str, Any]) -> str:
    """Give HTML for a notebook as it ran."""
    renderer = Renderer()
    cells = [cell for cell in notebook["cells"] if cell.get("id") != BADGES]
    texts = "\n".join(_read(cell) for cell in cells if cell["cell_type"] == "markdown")
    title = TITLE.search(texts)
    shown = [_show(cell, renderer) for cell in cells if _read(cell).strip()]
    folder = files("grader.pages")
    page = Environment(autoescape=True).from_string(
        folder.joinpath("lesson.html.j2").read_text(encoding="utf-8")
    )
    css = folder.joinpath("feedback.css").read_text(encoding="utf-8")
    return page.render(
        title=title[1] if title else "Lesson", cells=shown, css=Markup(css)
    )


def _show(cell: Mapping[str, Any], renderer: Renderer) -> Shown:
    source = _read(cell)
    if cell["cell_type"] == "markdown":
        return Shown("text", Markup(renderer.render_markdown(source)))
    outputs = clean_outputs(cell.get("outputs", ()))
    drawn = [Markup(renderer.render_output(output)) for output in outputs]
    role = cell.get("metadata", {}).get("nbgrader", {})
    kind = "answer" if role.get("solution") else "code"
    return Shown(kind, Markup(renderer.render_code(source)), drawn)


def _read(cell: Mapping[str, Any]) -> str:
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)
