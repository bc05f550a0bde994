"""A lesson as a page: all of its text, nothing that acts, nothing from the web."""

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from grader.pages.lesson import make_lesson_page

FOLD = "<details><summary>Hint</summary>\n\nUse $x^2$.\n\n</details>"
ROLE = {"nbgrader": {"solution": True}}


@pytest.fixture(scope="module")
def page():
    shown = new_output("display_data", {"text/html": '<img alt="A" src="data:,">'})
    cells = [
        new_markdown_cell("[badge](https://colab.example)", id="view-in-github"),
        new_markdown_cell("# 5 · One\n\nText."),
        new_markdown_cell(FOLD),
        new_code_cell("def f(x):\n    return x", metadata=ROLE, outputs=[shown]),
        new_code_cell(""),
    ]
    return make_lesson_page(new_notebook(cells=cells))


def test_page_is_named_after_the_lesson(page):
    assert "<title>5 · One</title>" in page


def test_fold_keeps_its_text_and_formulas_are_mathml(page):
    assert "<summary>Hint</summary>" in page and "<msup>" in page


def test_answers_are_marked_and_empty_cells_left_out(page):
    assert page.count('<section class="cell') == 3
    assert page.count('<section class="cell answer">') == 1


def test_page_asks_nothing_of_the_web(page):
    assert "default-src 'none'" in page
    assert "colab.example" not in page and "<script" not in page
