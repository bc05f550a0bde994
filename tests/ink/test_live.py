import sys

import ipywidgets
import pytest
import traitlets

from grader.ink.drawing import Drawing
from grader.ink.live import Knob, Live

LIVE = Live(
    "T",
    caption="stills",
    draw=lambda h: Drawing(f"h is {h}"),
    knob=Knob("h", (2.0, 1.0)),
)


def test_moving_the_slider_redraws():
    box = LIVE.widget()
    slider, picture = box.children
    assert "h is 2.0" in picture.value
    slider.value = 1.0
    assert "h is 1.0" in picture.value


def test_without_ipywidgets_the_frames_remain(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    assert LIVE.widget() is None
    LIVE._ipython_display_()
    assert "stills" in capsys.readouterr().out


def test_no_slider_is_built_by_a_representation(monkeypatch):
    monkeypatch.setattr(ipywidgets, "VBox", pytest.fail)
    assert "stills" in LIVE._repr_html_() + repr(LIVE)


def test_only_what_ipywidgets_7_has_is_used():
    slider = LIVE.widget().children[0]
    assert isinstance(slider.options, tuple)
    assert isinstance(slider, traitlets.HasTraits)


def test_where_no_widget_is_shown_words_say_what_it_was():
    box = LIVE.widget()
    assert repr(box) == "(In a running notebook: a slider over h.)"
    assert (box._view_name, box._model_name) == ("VBoxView", "VBoxModel")
