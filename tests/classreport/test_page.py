"""The page: one file, nothing from outside, and nothing of a student's runs in it."""

import re

import pytest

from grader.classreport.command import write_short
from grader.classreport.examples import Example
from grader.classreport.page import make_page
from grader.classreport.plots import draw_plots

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def page(figures, grades):
    examples = {"sign": [Example(("ex", "test_g"), f"return {HOSTILE}", 4)]}
    return make_page(figures, grades, draw_plots(figures), examples, "today")


def test_nothing_comes_from_outside(page):
    assert "default-src 'none'" in page
    outside = re.findall(r'(?:src|href)="(?!data:image/svg|#)[^"]*"', page)
    assert outside == []
    assert page.count("<script") == 1


def test_names_and_answers_are_text(page):
    assert HOSTILE not in page
    assert "&lt;script&gt;alert" in page
    assert "&lt;img src=x" in page


def test_plots_have_words_and_the_same_bytes_again(figures):
    first, second = draw_plots(figures), draw_plots(figures)
    assert first == second
    assert [plot.title for plot in first] == [
        "Scores",
        "Points for each exercise",
        "Which exercises tell strong from weak",
        "Named mistakes",
        "Time of grading",
    ]
    assert all(f'alt="{plot.words[:20]}' in plot.image for plot in first)


def test_the_short_version_names_mistakes_and_exercises(figures):
    lines = list(write_short(figures))
    assert lines[0].startswith("week1: 10 handed in, 1 not; mean 4 of 6")
    assert any(line.startswith("g ") and "50%" in line for line in lines)
    assert any("5  sign:" in line for line in lines)


@pytest.mark.browser
def test_the_table_sorts_and_no_policy_is_broken(browser, page, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(page)
    tab = browser.new_page()
    heard = []
    tab.on("console", lambda message: heard.append(message.text))
    tab.on("dialog", lambda dialog: (heard.append("dialog"), dialog.dismiss()))
    tab.goto(path.as_uri())
    points = tab.locator("#students tbody td:nth-child(3)")
    tab.click("#students thead th:nth-child(3) button")
    down = points.all_inner_texts()
    tab.click("#students thead th:nth-child(3) button")
    up = points.all_inner_texts()
    assert [up[0], *map(float, up[1:])] == ["–", *sorted(map(float, down[:-1]))]
    assert (down[0], down[-1]) == ("6", "–")
    shown = tab.evaluate("[...document.images].every(one => one.naturalWidth > 100)")
    tab.close()
    assert (heard, shown) == ([], True)
