"""Draws axes: matplotlib, imported late and without its global figures, as calm SVG."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from grader.ink import canvas as c
from grader.ink.drawing import Table
from grader.ink.numbers import write_number, write_power

DASHES = ("-", (0, (6, 2)), (0, (1.5, 1.8)), (0, (7, 2, 1.5, 2)), (0, (3, 1.5)))
MARKERS = ("o", "s", "^", "D", "v")
STYLE: Mapping[str, Any] = {
    "svg.fonttype": "none",  # the reader's own font, as in the other drawings
    "svg.hashsalt": "gbh",  # the same data give the same file
    "font.family": "DejaVu Sans",  # measured with; always there, and wider than others
    "font.size": 12,
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.labelsize": 12,
    "axes.edgecolor": c.QUIET,
    "axes.labelcolor": c.INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e6e8ec",
    "grid.linewidth": 0.8,
    "xtick.color": c.QUIET,
    "ytick.color": c.QUIET,
    "xtick.labelcolor": c.INK,
    "ytick.labelcolor": c.INK,
    "xtick.labelsize": 11,
    "ytick.labelsize": 11,
    "text.color": c.INK,
    "lines.linewidth": 2,
    "lines.markersize": 6,
    "legend.frameon": False,
    "legend.fontsize": 11.5,
    "legend.handlelength": 2.6,
    "hatch.linewidth": 0.8,
}

PAGE_PX = 448  # what JupyterLab leaves of a window of 900 px
BELOW: Mapping[str, Any] = {  # a legend above the axes, where it hides nothing
    "loc": "lower left",
    "bbox_to_anchor": (0, 1),
    "ncols": 2,
    "borderpad": 0.1,
}

Paint = Callable[[list[Any]], None]


def draw_chart(
    paint: Paint,
    size: tuple[int, int],
    grid: tuple[int, int] = (1, 1),
    words: tuple[str, str] = ("Plot", ""),
    *,
    share_x: bool = False,
) -> str:
    """Let `paint` fill the axes, row by row, and return the SVG.

    size: the whole picture, in px. words: its title and description.
    """
    import matplotlib as mpl  # noqa: PLC0415 a tenth of a second, only for who plots
    from matplotlib.figure import Figure  # noqa: PLC0415 the same
    from matplotlib.layout_engine import ConstrainedLayoutEngine  # noqa: PLC0415 too

    with mpl.rc_context(dict(STYLE)):
        width, height = size
        room = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12, wspace=0.04, hspace=0.05)
        figure = Figure((width / 72, height / 72), dpi=72, layout=room)
        figure.set_facecolor(c.PAPER)
        axes = figure.subplots(*grid, squeeze=False, sharex=share_x)
        paint(list(axes.flat))
        for axis in axes.flat:
            if not axis.has_data():  # the grid had room for one more
                axis.remove()
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    return _clean_svg(written.getvalue(), words)


def shape_grid(frames: int) -> tuple[int, int]:
    """Return rows and columns for so many frames, two abreast."""
    columns = min(2, frames)
    return math.ceil(frames / columns), columns


def _clean_svg(svg: str, words: tuple[str, str]) -> str:
    """Give matplotlib's file px, our font, a title and a description; drop the rest."""
    head, body = svg[svg.index("<svg") :].split(">", 1)
    head = re.sub(r'(width|height)="([\d.]+)pt"', r'\1="\2"', head)
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"'DejaVu Sans'[^;\"]*", c.FONT, body)
    body = re.sub(r' (d|x|y|transform)="[^"]*"', _round_numbers, body)
    body = re.sub(r"\s*\n\s*", " ", body)
    title, description = (escape(word) for word in words)
    return f'{head} role="img"><title>{title}</title><desc>{description}</desc>{body}'


def _round_numbers(attribute: re.Match[str]) -> str:
    """Write places to a tenth of a px: half the size of the file."""
    return re.sub(r"-?\d+\.\d{2,}", lambda n: f"{float(n[0]):.1f}", attribute[0])


def look(i: int) -> dict[str, Any]:
    """Return how the i-th line looks: colour and dash, so that print can tell too."""
    return {"color": c.SERIES[i % len(c.SERIES)], "linestyle": DASHES[i % len(DASHES)]}


def set_log(axes: Any, *, x: bool = False, y: bool = False) -> None:
    """Make axes logarithmic, with powers of ten as plain text."""
    from matplotlib.ticker import (  # noqa: PLC0415 see draw_chart
        FuncFormatter,
        LogLocator,
        NullLocator,
    )

    def write(value: float, _: int) -> str:
        return write_power(round(math.log10(value) if value > 0 else 0))

    for axis, wanted, scale in (
        (axes.xaxis, x, axes.set_xscale),
        (axes.yaxis, y, axes.set_yscale),
    ):
        if wanted:
            scale("log")
            axis.set_major_locator(LogLocator(numticks=7))
            axis.set_minor_locator(NullLocator())
            axis.set_major_formatter(FuncFormatter(write))


def set_whole(axes: Any) -> None:
    """Put the ticks of x on whole numbers: steps and layers have no halves."""
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 see draw_chart

    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))


def set_plain(axes: Any) -> None:
    """Write the numbers on linear axes as everywhere else."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator  # noqa: PLC0415 see above

    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
        axis.set_major_formatter(FuncFormatter(lambda value, _: write_number(value, 4)))


def tabulate(
    x_name: str, xs: Sequence[float], series: Mapping[str, Sequence[float]]
) -> Table:
    """Write curves as a table of a few evenly spaced rows."""
    written = [_write_until_end(ys) for ys in series.values()]
    rows = tuple(
        (write_number(xs[i]), *(column[i] for column in written)) for i in thin(len(xs))
    )
    return Table((x_name, *series), rows)


def _write_until_end(ys: Sequence[float]) -> list[str]:
    """Write numbers, and nothing where a shorter curve has ended."""
    last = max((i for i, y in enumerate(ys) if not math.isnan(y)), default=len(ys))
    return [write_number(y) if i <= last else "" for i, y in enumerate(ys)]


def thin(count: int, most: int = 12) -> Sequence[int]:
    """Choose evenly spaced rows of a table, with the first and the last."""
    if count <= most:
        return range(count)
    return sorted({round(i * (count - 1) / (most - 1)) for i in range(most)})
