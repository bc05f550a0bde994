"""A page tells a student all about their own work, and nothing of hidden tests."""

import re
from html import unescape

import nbformat
import pytest

from grader.gradebook.marks import Marks
from grader.grading.feedback import (
    WORDS,
    PageMaker,
    compose_notebook,
    sum_scores,
)
from grader.grading.intake import intake
from grader.pages.penalty import LATE, add_penalty
from grader.submission.assignment import build_notebook
from grader.submission.result import STATUSES, ReportView, Verdict

REPORT = ReportView("g", False, 0.0, "<p onclick=x>minus one</p>", "minus one")
NAMED = ReportView(
    "f", False, 0.0, "<p>a lost factor</p>", "f\nWhat happened: `w` is <lost>."
)
SECRET = "assert f(7) == 14"


@pytest.fixture(scope="module")
def maker():
    return PageMaker()


@pytest.fixture
def page(assignment, solved, hand_in, maker):
    """Make the page of a solved submission with these verdicts and marks."""

    def make(marks=None, **of_f):
        folder = hand_in({"ex.ipynb": solved, "torch.py": "x"})
        submission = intake("ada", folder, assignment)
        (notebook,) = submission.notebooks
        f = {"points": 2.0, "status": "right"} | of_f
        verdicts = [
            Verdict("test_f", max_points=2.0, notebook="ex", **f),
            Verdict("test_g", 0.0, 3.0, "wrong", "A factor -1.", (REPORT,), 0, "ex"),
        ]
        trace = {"output_type": "error", "ename": "AssertionError", "evalue": "got 13"}
        trace["traceback"] = [f"---> {SECRET}", "AssertionError: got 13"]
        again = {"text/html": NAMED.html, "text/plain": NAMED.text}
        report = {"output_type": "display_data", "data": again, "metadata": {}}
        shown = [report, trace] if "reports" in of_f else [trace]
        ran = {i: shown for i, c in enumerate(notebook.cells) if c.id == "test_f"}
        built = build_notebook(notebook, ran)
        composed = compose_notebook(notebook, built, verdicts, submission.repairs)
        scores = sum_scores("ex", verdicts, marks or Marks())
        return maker.make_page("ex · ada", composed, scores, {}), composed

    return make


def test_points_reports_and_mistakes_are_told(page):
    html, _ = page()
    assert "<strong>2</strong> of 5 points" in html
    assert re.search(r">g</a></th><td>0 / 3</td><td>not right: A factor -1\.", html)
    assert "<p>minus one</p>" in html
    assert "that were not used: &#39;torch.py&#39;" in html


def test_a_report_is_shown_once_and_names_the_mistake(page):
    html, composed = page(status="wrong", points=0.0, reports=(NAMED,))
    assert html.count("a lost factor</p>") == 1
    assert re.search(r"<td>not right: <code>w</code> is &lt;lost&gt;\.</td>", html)
    kept = next(c for c in composed["cells"] if c["id"] == "test_f")["outputs"]
    assert [output["output_type"] for output in kept] == ["display_data", "error"]


def test_hidden_tests_are_not_told(page):
    html, composed = page(
        status="raised", points=0.0, message="Your f raised an error."
    )
    text = unescape(re.sub("<[^>]+>", "", html))
    assert "f(7)" not in text
    assert "got 13" not in text
    assert "assert f(1) == 2" in text
    assert SECRET in str(composed)  # staff see all of it


def test_the_page_holds_no_script_and_asks_for_nothing(page):
    html, _ = page()
    assert "default-src &#39;none&#39;" in html or "default-src 'none'" in html
    assert "<script" not in html
    assert not re.search(r"(?:src|href)=\"(?!data:|#)", html)


def test_what_people_gave_is_told(page):
    marks = Marks(
        manual={("ex", "test_g"): 2.5},
        extra={("ex", "test_f"): 1.0},
        comments={("ex", "g"): "nearly <b>"},
    )
    html, _ = page(marks)
    assert "<strong>5.5</strong> of 5 points" in html
    assert "nearly &lt;b&gt;" in html


def test_penalties_are_added_to_a_made_page(page):
    html, _ = page()
    assert "handed in late: −1.5 points" in add_penalty(html, 1.5)
    assert LATE not in add_penalty(html, 0.0)


def test_no_mark_is_not_zero_points(page):
    html, _ = page(status="staff", points=0.0)
    assert re.search(r"<td>– / 2</td><td>not judged yet", html)


def test_a_mark_by_a_person_ends_the_waiting(page):
    html, _ = page(Marks(manual={("ex", "test_f"): 1.0}), status="staff", points=0.0)
    assert re.search(r"<td>1 / 2</td><td>marked by a person", html)


def test_every_status_has_words():
    assert set(WORDS) - {"marked"} == set(STATUSES)


def test_recorded_notebooks_are_valid(page):
    _, composed = page()
    nbformat.validate(nbformat.from_dict(composed))


def test_students_markdown_is_stored_disarmed(assignment, solved, hand_in):
    own = {"cell_type": "markdown", "metadata": {}, "source": "<script>x</script>"}
    solved["cells"].append(own)
    (notebook,) = intake("ada", hand_in({"ex.ipynb": solved}), assignment).notebooks
    composed = compose_notebook(notebook, None, [], ())
    assert composed["cells"][-1]["source"] == "< script>x< /script>"
    assert composed["cells"][0]["source"] == "# Doubling"
