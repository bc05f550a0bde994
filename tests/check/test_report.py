"""What a person reads, and the bare number that a cell ends in."""

import html.parser
import io
import math
import sys
from types import SimpleNamespace

import pytest

from grader.answers import messages
from grader.check.report import (
    SHOW,
    WORST_SHOWN,
    Entry,
    Report,
    Row,
    clean,
    format_error,
    make_table,
    show_report,
    show_text_and_html,
)
from grader.diagnose import Diagnosis

OTHER = Diagnosis("sign", "", "The sign is flipped.")
NAMED = Diagnosis(
    "factor", "w", "Twice the right one.", "Look at the square.", (OTHER,)
)
ENTRIES = tuple(Entry(f"[{i}]", f"{2 * i}", f"{i}", 1.0) for i in range(1, 14))
SHAPE = "tensor (13,)"
WRONG = Row("gradient for w", SHAPE, SHAPE, 1.0, False, ENTRIES, 13, 21)
RIGHT = Row("gradient for b", "0.5", "0.5", 0.0, True)
PARTLY = Report(
    "dw", "partial", 0.5, "1 of 2.", (WRONG, RIGHT), (NAMED,), ("A note.",), "mend it."
)


class Reader(html.parser.HTMLParser):
    """Reads a page's tags, attributes and text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.names, self.text = [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.names += [name for name, _ in attrs]

    def handle_data(self, data):
        self.text.append(data)


def read_both(report):
    return str(report), " ".join(Reader(report._repr_html_()).text)


@pytest.mark.parametrize("said", read_both(PARTLY), ids=["text", "html"])
def test_report_says_all_that_it_knows(said):
    for words in (
        "◐ dw: partly right",
        "1 of 2.",
        "✗ wrong",
        "✓ right",
        "autograd's",
        "100 %",
        "Twice the right one.",
        "The sign is flipped.",
        "Look at the square.",
        "mend it.",
        "A note.",
        "13 of 21 entries are off; worst 10:",
    ):
        assert words in said


@pytest.mark.parametrize("said", read_both(PARTLY), ids=["text", "html"])
def test_worst_ten_entries_are_listed(said):
    assert f"[{WORST_SHOWN}]" in said
    assert f"[{WORST_SHOWN + 1}]" not in said


def test_shared_sentence_is_said_once():
    report = Report("t", "wrong", diagnoses=(NAMED, NAMED))
    assert str(report).count("Twice the right one.") == 1
    assert str(report).count("Look at the square.") == 1


def test_alternative_that_says_the_same_is_left_out():
    again = Diagnosis("sign", "", "Twice the right one.")
    named = Diagnosis("factor", "", "Twice the right one.", "", (again,))
    assert "Or:" not in str(Report("t", "wrong", diagnoses=(named,)))


def test_alternative_of_the_same_kind_is_left_out():
    again = Diagnosis("factor", "", "Two times the right one.")
    named = Diagnosis("factor", "", "Twice.", "", (again,))
    assert "Two times" not in str(Report("t", "wrong", diagnoses=(named,)))


def test_code_is_marked_as_code():
    page = Report("t", "wrong", next_step="look at `x < 1`")._repr_html_()
    assert "<code>x &lt; 1</code>" in page


def test_every_status_has_a_word_and_its_own_title():
    said = {str(Report("t", status)) for status in messages.STATUS_WORDS}
    assert len(said) == len(messages.STATUS_WORDS)


def test_html_runs_nothing_and_loads_nothing():
    reader = Reader(PARTLY._repr_html_())
    assert not {"script", "img", "link", "iframe", "style", "svg"} & set(reader.tags)
    assert set(reader.names) <= {"style", "scope"}
    assert "url(" not in PARTLY._repr_html_()


def test_html_leaves_text_colours_to_the_page():
    page = PARTLY._repr_html_().replace("border-left", "")
    assert "color" not in page
    assert "background" not in page


def test_html_is_small():
    assert len(Report("t", "right", 1.0, rows=(RIGHT,))._repr_html_()) < 1500
    assert len(PARTLY._repr_html_()) < 6000


@pytest.mark.parametrize("field", ["title", "headline", "next_step"])
def test_every_value_is_escaped(field):
    evil = "<script>alert(1)</script> &amp; \" ' <img src=x onerror=1>"
    words = {"title": "t", "status": "wrong", field: evil}
    reader = Reader(Report(**words)._repr_html_())
    assert "script" not in reader.tags
    assert evil in " ".join(reader.text)


def test_table_cells_are_escaped():
    assert "<b>" not in make_table(("<b>",), [("<b>",)])


@pytest.mark.parametrize("code", ["\x1b[2J", "\x07", "\u202e", "\r"])
def test_control_characters_are_made_visible(code):
    report = Report(f"a{code}b", "wrong")
    assert code not in str(report)
    assert code not in report._repr_html_()
    assert clean("ä\n✓") == "ä\n✓"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (None, "–"),
        (0.0, "0"),
        (3e-16, "3e-16"),
        (0.0009999, "1e-03"),
        (0.001, "0.1 %"),
        (2.0, "200 %"),
        (9.9, "990 %"),
        (12.81, "12.8 times"),
        (1e6, "1e+06 times"),
        (math.inf, "true value is 0"),
        (math.nan, "not finite"),
    ],
)
def test_error_is_written_by_its_size(error, said):
    assert format_error(error) == said


@pytest.mark.parametrize(
    ("status", "score", "points"),
    [
        ("right", 1.0, 3.0),
        ("partial", 2 / 3, 2.0),
        ("partial", 1 / 7, 0.43),
        ("partial", 0.99999, 3.0),
        ("wrong", 0.0, 0.0),
        ("wrong", math.nan, 0.0),
        ("wrong", -1.0, 0.0),
        ("partial", 7.0, 3.0),
    ],
)
def test_points_are_a_share_of_the_most(status, score, points):
    result = Report("t", status, score).points(3)
    assert type(result) is float
    assert result == points


@pytest.mark.parametrize("most", [math.nan, math.inf, -1])
def test_points_refuse_what_is_no_number_of_points(most):
    with pytest.raises(ValueError, match="finite number"):
        Report("t", "right", 1.0).points(most)


def test_first_diagnosis_is_the_diagnosis():
    assert PARTLY.diagnosis is NAMED
    assert Report("t", "right").diagnosis is None
    assert not PARTLY.passed


def test_shower_gets_the_report(shown):
    assert show_report(PARTLY) is PARTLY
    assert shown == [PARTLY]


def test_text_is_printed_where_there_is_no_notebook(capsys, monkeypatch):
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    token = SHOW.set(None)
    show_report(PARTLY)
    SHOW.reset(token)
    out, err = capsys.readouterr()
    assert out == f"{PARTLY}\n"
    assert err == ""


def test_narrow_terminal_gets_marks_for_symbols(monkeypatch):
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    show_text_and_html("✓ right", "")
    stream.flush()
    assert stream.buffer.getvalue() == b"? right\n"


def test_notebook_gets_html_and_text(monkeypatch):
    shown = []
    ipython = SimpleNamespace(
        get_ipython=lambda: "a shell",
        display=SimpleNamespace(display=lambda data, raw: shown.append((data, raw))),
    )
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    show_text_and_html("text", "<p>html</p>")
    assert shown == [({"text/plain": "text", "text/html": "<p>html</p>"}, True)]


def test_same_mistake_of_two_gradients_is_said_once():
    said = "Your gradient for `{}` has the opposite sign everywhere."
    both = tuple(Diagnosis("sign", name, said.format(name)) for name in ("w", "b"))
    text = str(Report("dw_db", "wrong", diagnoses=both))
    assert "What happened: Your gradient for `w` and `b` has the opposite sign" in text
    assert text.count("What happened") == 1
