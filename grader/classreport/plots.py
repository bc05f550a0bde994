"""The pictures of a report: SVG by matplotlib, each with a sentence that says it."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from grader.classreport.figures import Exercise, Figures
from grader.ink.canvas import BLUE, FAINT, GREEN, INK, RUST
from grader.reading.sanitize import make_image

WIDTH = 7.2  # inches
ROW = 0.32  # inches for a line of a chart with bars
MOST_BARS = 40
STATUSES = (  # in the order of a bar, with colour and what is said
    ("right", GREEN, "right"),
    ("partial", "#8fc1a9", "partly"),
    ("wrong", RUST, "wrong"),
    ("raised", "#e0a070", "error"),
    ("timed-out", "#7a3b69", "stopped"),
    ("died", "#b08aa3", "ended"),
    ("cheated", INK, "not allowed"),
    ("unsolved", FAINT, "not solved"),
    ("manual", "#9fc9e3", "by a person"),
    ("staff", "#4a90c0", "staff"),
)


@dataclass(frozen=True)
class Plot:
    """A picture as an `<img>`, and its words."""

    title: str
    words: str
    image: str


def draw_plots(figures: Figures) -> list[Plot]:
    """Draw all for which there is something to show."""
    makers: Sequence[Callable[[Figures], Plot | None]] = (
        _draw_scores,
        _draw_exercises,
        _draw_ends,
        _draw_mistakes,
        _draw_seconds,
        _draw_hours,
    )
    return [plot for make in makers if (plot := make(figures))]


def _start(height: float) -> tuple[Any, Any]:
    import matplotlib  # noqa: PLC0415  slow to import

    matplotlib.use("agg")
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure((WIDTH, height), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK)
    return figure, axes


def _finish(figure: Any, title: str, words: str) -> Plot:
    from matplotlib import rc_context  # noqa: PLC0415

    text = io.StringIO()
    # The same numbers give the same bytes: no date, and ids from a fixed word.
    with rc_context({"svg.hashsalt": "report", "svg.fonttype": "path"}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :].replace(
        "<svg", f'<svg aria-label="{escape(words)}"', 1
    )
    return Plot(title, words, make_image(svg))


def _draw_bins(axes: Any, values: Sequence[float], **options: Any) -> None:
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    axes.hist(values, color=BLUE, edgecolor="white", **options)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel("submissions")


def _draw_scores(figures: Figures) -> Plot | None:
    if not figures.scores:
        return None
    figure, axes = _start(2.6)
    most = max(figures.max_points, *figures.scores, 1e-9)
    _draw_bins(axes, figures.scores, bins=20, range=(0, most))
    axes.axvline(figures.mean, color=RUST, label=f"mean {figures.mean:.3g}")
    axes.axvline(
        figures.median, color=INK, ls="--", label=f"median {figures.median:.3g}"
    )
    axes.legend(frameon=False)
    axes.set_xlabel(f"points of {figures.max_points:g}")
    words = (
        f"{figures.handed_in} scores: mean {figures.mean:.3g}, median"
        f" {figures.median:.3g}, {figures.full} with all {figures.max_points:g} points."
    )
    return _finish(figure, "Scores", words)


def _start_bars(labels: Sequence[str]) -> tuple[Any, Any]:
    figure, axes = _start(0.9 + ROW * len(labels))
    axes.set_yticks(range(len(labels)), labels)
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    return figure, axes


def _draw_exercises(figures: Figures) -> Plot | None:
    shown = figures.exercises[:MOST_BARS]
    if not shown:
        return None
    labels = [f"{one.name}  {one.mean:.0%}" for one in shown]
    figure, axes = _start_bars(labels)
    left = [0] * len(shown)
    for status, color, words in STATUSES:
        widths = [one.statuses.get(status, 0) for one in shown]
        if any(widths):
            axes.barh(range(len(shown)), widths, left=left, color=color, label=words)
            left = [a + b for a, b in zip(left, widths, strict=True)]
    axes.set_xlabel("submissions; beside each name the part of its points")
    axes.legend(frameon=False, ncols=5, loc="lower left", bbox_to_anchor=(0, 1))
    worst = min(shown, key=lambda one: one.mean)
    words = f"The hardest is {worst.name}, with {worst.mean:.0%} of its points."
    return _finish(figure, "Points for each exercise", words)


def _draw_ends(figures: Figures) -> Plot | None:
    """Draw which exercises tell strong from weak."""
    found = [one for one in figures.exercises if one.strong is not None]
    shown = sorted(found, key=_find_gap, reverse=True)[:MOST_BARS]
    if not shown:
        return None
    figure, axes = _start_bars([one.name for one in shown])
    rows = range(len(shown))
    weak, strong = (
        [one.weak or 0.0 for one in shown],
        [one.strong or 0 for one in shown],
    )
    axes.hlines(rows, weak, strong, color=FAINT, lw=4)
    axes.plot(weak, rows, "o", color=RUST, label="weak end of the class")
    axes.plot(strong, rows, "s", color=BLUE, label="strong end")
    axes.set_xlim(-0.03, 1.03)
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.set_xlabel("part of the points")
    axes.legend(frameon=False, ncols=2, loc="lower left", bbox_to_anchor=(0, 1))
    words = (
        f"{shown[0].name} tells strong from weak most"
        f" ({_find_gap(shown[0]):.0%} apart),"
        f" {shown[-1].name} least ({_find_gap(shown[-1]):.0%})."
    )
    return _finish(figure, "Which exercises tell strong from weak", words)


def _find_gap(exercise: Exercise) -> float:
    return (exercise.strong or 0.0) - (exercise.weak or 0.0)


def _draw_mistakes(figures: Figures) -> Plot | None:
    shown = figures.mistakes[:MOST_BARS]
    if not shown:
        return None
    figure, axes = _start_bars([one.kind for one in shown])
    rows = range(len(shown))
    axes.barh(rows, [one.times for one in shown], color=FAINT, label="times")
    axes.barh(
        rows, [one.students for one in shown], height=0.45, color=RUST, label="students"
    )
    axes.legend(frameon=False)
    first = shown[0]
    words = f"Most students ({first.students}) made {first.kind}, {first.times} times."
    return _finish(figure, "Named mistakes", words)


def _draw_seconds(figures: Figures) -> Plot | None:
    if not figures.seconds:
        return None
    figure, axes = _start(2.2)
    _draw_bins(axes, figures.seconds, bins=30)
    axes.set_xlabel("seconds that grading took")
    most, total = max(figures.seconds), sum(figures.seconds)
    words = f"Grading took {total:.0f} s in all, {most:.1f} s at most for one."
    return _finish(figure, "Time of grading", words)


def _draw_hours(figures: Figures) -> Plot | None:
    if not figures.hours:
        return None
    figure, axes = _start(2.2)
    _draw_bins(axes, [hours / 24 for hours in figures.hours], bins=40)
    axes.axvline(0, color=RUST)
    axes.set_xlabel("days after the due date; before it below 0")
    late = sum(hours > 0 for hours in figures.hours)
    words = f"{late} of {len(figures.hours)} came after the due date."
    return _finish(figure, "Time of handing in", words)
