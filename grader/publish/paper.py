"""Lessons as pages that print: each copy is run here, unsolved, for its drawings."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbclient import NotebookClient

from grader.pages.lesson import make_lesson_page

CELL_S = 120


def write_paper(copy: Path, target: Path) -> Path:
    """Run one student copy and write its page; give the page's path."""
    notebook = nbformat.reads(copy.read_text(encoding="utf-8"), as_version=4)
    resources = {"metadata": {"path": str(copy.parent)}}
    client = NotebookClient(
        notebook,
        timeout=CELL_S,
        allow_errors=True,
        resources=resources,
        extra_arguments=["--log-level=ERROR"],
    )
    client.execute()
    target.mkdir(parents=True, exist_ok=True)
    page = target / f"{copy.parent.name}.html"
    page.write_text(make_lesson_page(notebook), encoding="utf-8")
    return page
