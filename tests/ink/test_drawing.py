import re
from html.parser import HTMLParser

import pytest

from grader.ink.canvas import Canvas
from grader.ink.drawing import Drawing, Panel, Steps, Table, draw_politely
from grader.ink.numbers import CannotDraw

SVG = Canvas(30, 20).finish("t", "d")
TABLE = Table(("a", "b"), (("1", "2"), ("<i>", "−4")))


class Balance(HTMLParser):
    """Fails where a tag is closed that is not open."""

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in {"img", "input"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def check_html(html):
    balance = Balance()
    balance.feed(html)
    assert not balance.open


def test_a_drawing_is_an_image_with_words_and_a_table():
    html = Drawing("T<", SVG, 'say "x"', "C", TABLE, ("note",))._repr_html_()
    check_html(html)
    assert 'alt="say &quot;x&quot;"' in html
    assert 'src="data:image/svg+xml;base64,' in html
    assert "<strong>T&lt;</strong> C<ul><li>note</li></ul>" in html
    assert "<details>" in html
    assert "&lt;i&gt;" in html
    assert "<script" not in html


def test_words_alone_show_their_table_openly():
    html = Drawing("T", table=TABLE)._repr_html_()
    check_html(html)
    assert "<details" not in html
    assert '<th scope="col">a</th>' in html


def test_the_text_form_is_the_table():
    text = repr(Drawing("T", SVG, "alt", "C", TABLE, ("n",)))
    assert text.splitlines() == ["T", "C", "- n", "a    b", "1    2", "<i>  −4"]


def test_show_prints_where_there_is_no_notebook(capsys):
    Drawing("T", caption="C").show()
    assert capsys.readouterr().out == "T\nC\n"


def test_steps_have_one_button_and_one_panel_each():
    panels = tuple(Panel(str(i), SVG, f"alt {i}", f"words {i}") for i in range(3))
    html = Steps("T", panels=panels, table=TABLE)._repr_html_()
    check_html(html)
    ids = re.findall(r'<input type="radio" name="[\w-]+" id="([\w-]+)"', html)
    assert len(set(ids)) == 3
    assert html.count(" checked>") == 1
    assert html.count('class="gbh-panel"') == 3
    assert all(f'<label for="{name}"' in html for name in ids)


def test_two_displays_of_steps_do_not_share_buttons():
    steps = Steps("T", panels=(Panel("1", SVG, "", ""),))
    first, second = (re.findall(r'name="([\w-]+)"', steps._repr_html_()) for _ in "ab")
    assert set(first).isdisjoint(second)


def test_steps_are_hidden_on_screens_only():
    html = Steps("T", panels=(Panel("1", SVG, "", ""),))._repr_html_()
    assert "@media screen{.gbh-panels>.gbh-panel{display:none}" in html


def test_what_cannot_be_drawn_becomes_a_sentence():
    @draw_politely
    def draw():
        raise CannotDraw("No data.")

    assert repr(draw()) == "No picture yet.\nNo data."


def test_other_errors_are_not_hidden():
    @draw_politely
    def draw():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        draw()
