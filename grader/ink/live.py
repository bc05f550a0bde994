"""Adds a slider where ipywidgets is there; the still frames are always there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from grader.ink.drawing import Drawing, show_now

WITHOUT_SLIDER = "(In a running notebook: a slider over {name}.)"


@dataclass(frozen=True)
class Knob:
    """What the slider chooses: its name and its values, in order."""

    name: str
    values: tuple[float, ...]
    start: int = 0


@dataclass(frozen=True, repr=False)
class Live(Drawing):
    """Still frames, and beside them a slider in a running notebook."""

    draw: Callable[[float], Drawing] | None = None
    knob: Knob | None = None

    def _ipython_display_(self) -> None:
        """Called by IPython instead of the representations: slider and frames."""
        slider = self.widget()
        if slider is not None:
            show_now(slider)
        frames = (self.title, self.svg, self.alt, self.caption, self.table, self.notes)
        show_now(Drawing(*frames))

    def widget(self) -> Any:
        """Build the slider and its picture; None without ipywidgets.

        Only what ipywidgets 7.7 has: Colab ships that.
        """
        try:
            import ipywidgets as w  # noqa: PLC0415 used if present, never required
        except ImportError:
            return None
        if self.draw is None or self.knob is None:
            return None
        draw, knob = self.draw, self.knob
        slider = w.SelectionSlider(
            options=_label(knob.values),
            value=knob.values[knob.start],
            description=knob.name,
            continuous_update=True,
            style={"description_width": "initial"},
            layout=w.Layout(width="95%", max_width="460px"),
        )
        picture = w.HTML(value=draw(knob.values[knob.start])._repr_html_())

        def redraw(change: Any) -> None:
            picture.value = draw(change["new"])._repr_html_()

        class Slider(w.VBox):
            """Says what it is where no widget can be shown: in feedback, in print."""

            def __repr__(self) -> str:
                return WITHOUT_SLIDER.format(name=knob.name)

        slider.observe(redraw, names="value")
        return Slider([slider, picture])


def _label(values: Sequence[float]) -> list[tuple[str, float]]:
    return [(f"{value:.4g}", value) for value in values]
