"""What a reader sees: drawings on a page as narrow as a cell, and on paper."""

import pytest
import torch

from grader import show

NARROW_PX = 470  # JupyterLab's cell in a window of 900 px
pytestmark = pytest.mark.browser


def curve(x, a):
    y = a * x**2 + 3 * x + 1
    return y**2 + 2 * y


@pytest.fixture(scope="module")
def page(browser):
    drawings = [
        show.graph_of(curve, x=1.0, a=2.0, highlight="x"),
        show.graph_of(
            lambda w, X: torch.tanh(X @ w).mean(), w=torch.ones(3), X=torch.ones(7, 3)
        ),
        show.backward_steps_of(curve, x=1.0, a=2.0),
        show.links({"dL/dp": 813.0, "dp/dz": -0.001}, product="dL/dz"),
        show.filling({"w": [None, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0]}),
        show.jacobian(torch.eye(10), torch.ones(10, 10)),
        show.secant(lambda x: x**2, 1.0),
        show.prediction("Which is larger?", "dw", "db", 80),
    ]
    body = "".join(drawing._repr_html_() for drawing in drawings)
    page = browser.new_page(viewport={"width": NARROW_PX, "height": 900})
    page.set_content(f"<!doctype html><html lang='en'><body>{body}")
    yield page
    page.close()


def test_every_picture_is_drawn(page):
    widths = page.eval_on_selector_all("img", "all => all.map(i => i.naturalWidth)")
    assert len(widths) > 10
    assert all(widths)


def test_wide_pictures_scroll_in_their_box(page):
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW_PX


def test_pictures_are_not_shrunk(page):
    script = "all => all.every(i => !i.offsetWidth || i.offsetWidth == i.naturalWidth)"
    assert page.eval_on_selector_all("img", script)


def test_one_step_shows_at_a_time(page):
    page.click(".gbh-steps label:nth-of-type(3)")
    shown = [panel.is_visible() for panel in page.query_selector_all(".gbh-panel")]
    assert shown.index(True) == 2
    assert sum(shown) == 1


def test_steps_are_chosen_by_keyboard(page):
    page.focus(".gbh-steps input:checked")
    page.keyboard.press("ArrowRight")
    shown = [panel.is_visible() for panel in page.query_selector_all(".gbh-panel")]
    assert sum(shown) == 1


def test_paper_shows_all_steps_within_its_width(page):
    page.emulate_media(media="print")
    panels = page.query_selector_all(".gbh-panel")
    assert all(panel.is_visible() for panel in panels)
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW_PX
    page.emulate_media(media="screen")
