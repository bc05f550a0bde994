"""An instructor's way through nbgrader's own pages, with the engine behind them."""

import html
import json
import sqlite3

import pytest

from tests.browser.conftest import A, N, press
from tests.scores import read_scores

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
COMMENT = "Nearly: the minus is lost in step two."


def read_marks(lab):
    """Give the points of each student in the gradebook, by check."""
    return {
        (one.student, one.cell): (one.points, one.by_hand)
        for one in read_scores(lab.folder)
    }


def test_release_is_made_and_is_the_committed_one(lab, page, tmp_path):
    page.goto(lab.link("formgrader/manage_assignments"))
    row = page.locator("tr", has_text=A)
    row.wait_for()
    copy = lab.folder / "notebooks" / A / f"{N}.ipynb"
    before = copy.read_bytes()
    row.locator(".assign a").click()
    page.get_by_text("Successfully created").wait_for()
    page.screenshot(path=tmp_path / "assignments.png")
    assert copy.read_bytes() == before


@pytest.fixture
def page(page, lab):
    """Signed in: the API behind the pages does not take the token of their address."""
    page.goto(lab.link("login"))
    return page


def test_autograde_gives_the_points_of_the_engine(graded, page, tmp_path):
    page.goto(graded.link(f"formgrader/manage_submissions/{A}"))
    page.locator("tbody tr", has_text="bjarne").wait_for()
    page.screenshot(path=tmp_path / "submissions.png")
    marks = read_marks(graded)
    assert marks["amina", "test_dL_dp"] == (0.0, None)
    assert marks["bjarne", "test_dL_dp"] == (2.0, None)
    assert marks["bjarne", "test_stable"] == (0.0, None)


def open_submission(page, lab, student):
    with sqlite3.connect(lab.folder / "gradebook.db") as gradebook:
        (found,) = gradebook.execute(
            "select n.id from submitted_notebook n "
            "join submitted_assignment a on a.id = n.assignment_id "
            "where a.student_id = ?",
            (student,),
        ).fetchone()
    page.goto(lab.link(f"formgrader/gradebook/{A}/{N}"))
    page.locator(f'a[href*="{found}"]').first.click()
    page.locator("input.score").first.wait_for()


def test_points_and_comment_by_hand_reach_the_student_and_stay(graded, page, tmp_path):
    open_submission(page, graded, "amina")
    page.locator("input#test_dL_dp").fill("1.5")
    page.locator("input#test_dL_dp").press("Tab")
    comment = page.locator("textarea#dL_dp-comment")
    comment.fill(COMMENT)
    comment.blur()
    page.wait_for_load_state("networkidle")
    comment.scroll_into_view_if_needed()
    page.screenshot(path=tmp_path / "formgrade.png")
    assert read_marks(graded)["amina", "test_dL_dp"] == (0.0, 1.5)

    press(page, graded, "amina", "generate-feedback")
    assert_feedback_says(graded, "1.5 / 2", html.escape(COMMENT))
    press(page, graded, "amina", "autograde")
    assert read_marks(graded)["amina", "test_dL_dp"] == (0.0, 1.5)
    assert_feedback_says(graded, "1.5 / 2", html.escape(COMMENT))


def assert_feedback_says(lab, *words):
    page = lab.folder / "feedback" / "amina" / A / f"{N}.html"
    text = page.read_text(encoding="utf-8")
    assert [word for word in words if word not in text] == []


def test_submission_opens_from_the_list(graded, page):
    """The instructor's list has anonymous names, and each leads to a notebook."""
    page.goto(graded.link(f"formgrader/gradebook/{A}/{N}"))
    page.locator("tbody tr a").first.wait_for()
    assert page.locator("tbody tr").count() == 2
    recorded = graded.folder / "autograded" / "amina" / A / f"{N}.ipynb"
    assert json.loads(recorded.read_text())["cells"]
