"""Masters made in code: cells by kind, and one tiny lesson that keeps all rules."""

import json

ANSWER = """\
# exercise: square
def square(x):
    \"\"\"x: () → ().\"\"\"
    ### BEGIN SOLUTION 1.1: return x times x
    secret = x * x
    return secret
    ### END SOLUTION"""


def make_cell(kind, cell_id, source, points=None):
    """kind: text, free, locked, answer or check, as in docs/writing-lessons.md."""
    flags = {
        "locked": {"grade": False, "locked": True, "solution": False},
        "answer": {"grade": False, "locked": False, "solution": True},
        "check": {"grade": True, "locked": True, "solution": False, "points": points},
    }.get(kind)
    cell = {"id": cell_id, "metadata": {}, "source": source.splitlines(keepends=True)}
    if flags:
        common = {"grade_id": cell_id, "schema_version": 3, "task": False}
        cell["metadata"] = {"nbgrader": {**common, **flags}}
    if kind == "text":
        return {**cell, "cell_type": "markdown"}
    return {**cell, "cell_type": "code", "execution_count": None, "outputs": []}


def make_lesson():
    """A master that keeps all rules: one exercise, all kinds of cells."""
    return [
        make_cell(
            "text",
            "title",
            "# 1 · Squares\n\nYou can\n\n- square.\n\n"
            "**You need** numbers.\n\n**Time** 60 minutes.",
        ),
        make_cell("locked", "setup", "import math"),
        make_cell("text", "ask_square", "Square it."),
        make_cell("answer", "square", ANSWER),
        make_cell("free", "try_square", "# call it here"),
        make_cell("check", "test_square", "check(square).points(2)", points=2),
    ]


def write_master(path, cells):
    """Write the cells in normal form."""
    spec = {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    }
    notebook = {
        "cells": cells,
        "metadata": {"kernelspec": spec, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")
