"""Pages for everybody: by axe in the browser, without a network, and on paper."""

import contextlib

import pytest

from grader.cli import main
from grader.publish.paper import write_paper
from tests.browser.conftest import ROOT, A, N

axe = pytest.importorskip("axe_playwright_python.sync_playwright")
pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
WIDTHS = (1200, 470)  # a window, and JupyterLab's cell in a narrow one
PAPER_PX = 680  # A4 between its margins, at 96 px an inch
PAGES = ("lesson", "feedback", "report")


@pytest.fixture(scope="module")
def pages(graded, tmp_path_factory):
    """A lesson as it is exported, what a student gets back, and the class's report."""
    copy = ROOT / "notebooks" / A / f"{N}.ipynb"
    lesson = write_paper(copy, tmp_path_factory.mktemp("paper"))
    with contextlib.chdir(graded.folder):
        assert main(["report", A]) == 0
    feedback = graded.folder / "feedback" / "amina" / A / f"{N}.html"
    report = graded.folder / "reports" / f"{A}.html"
    return dict(zip(PAGES, (lesson, feedback, report), strict=True))


@pytest.fixture
def offline(page):
    """The page asks nothing of anybody but the disk."""
    found = []
    page.on("request", lambda request: found.append(request.url))
    yield
    web = [url for url in found if not url.startswith(("file:", "data:"))]
    assert web == []


def list_violations(page):
    found = axe.Axe().run(page).response["violations"]
    return [
        (one["id"], node["html"][:200], node["failureSummary"])
        for one in found
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(pages, page, offline, name, width):
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(pages[name].as_uri())
    for fold in page.locator("details").all():
        fold.evaluate("fold => { fold.open = true }")
    assert list_violations(page) == []


@pytest.mark.parametrize("name", PAGES)
def test_every_picture_has_words(pages, page, name):
    page.goto(pages[name].as_uri())
    alts = page.eval_on_selector_all("img", "all => all.map(i => i.alt.trim())")
    assert all(alts)
    named = "all => all.every(s => s.ariaHidden || s.getAttribute('aria-label') || "
    named += "s.getAttribute('aria-labelledby') || s.querySelector('title'))"
    assert page.eval_on_selector_all("svg", named)


@pytest.mark.parametrize("name", ["lesson", "feedback"])
def test_formulas_are_drawn_without_a_network(pages, page, offline, name):
    page.goto(pages[name].as_uri())
    heights = "all => all.map(m => m.getBoundingClientRect().height)"
    shown = page.eval_on_selector_all("math:not(details *)", heights)
    assert len(shown) > 50 and min(shown) > 0
    assert "\\frac" not in page.locator("body").inner_text()


@pytest.mark.parametrize("name", PAGES)
def test_paper_opens_folds_and_is_wide_enough(pages, page, tmp_path, name):
    page.set_viewport_size({"width": PAPER_PX, "height": 1000})
    page.goto(pages[name].as_uri())
    page.emulate_media(media="print")
    heights = "all => all.map(e => e.getBoundingClientRect().height)"
    folded = page.eval_on_selector_all("details > :not(summary)", heights)
    assert not folded or min(folded) > 0
    assert page.evaluate("document.documentElement.scrollWidth") <= PAPER_PX
    page.screenshot(path=tmp_path / f"{name}.png", full_page=True)
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_lesson_on_paper_cuts_no_picture(pages, page):
    page.set_viewport_size({"width": PAPER_PX, "height": 1000})
    page.goto(pages["lesson"].as_uri())
    page.emulate_media(media="print")
    right = "all => Math.max(...all.map(i => i.getBoundingClientRect().right))"
    assert page.eval_on_selector_all("img", right) <= PAPER_PX
