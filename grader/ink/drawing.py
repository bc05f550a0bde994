"""What a notebook displays: a picture with its words and numbers beside it."""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from html import escape
from typing import Any, ParamSpec

from grader.ink.canvas import encode
from grader.ink.numbers import CannotDraw

P = ParamSpec("P")

STYLE = (
    "<style>.gbh{margin:.6em 0}.gbh figcaption{margin:.4em 0;max-width:46em}"
    ".gbh ul{margin:.2em 0;padding-left:1.4em}"
    ".gbh-scroll{overflow-x:auto;max-width:100%}"
    ".gbh-scroll img{max-width:none;display:block}"
    ".gbh table{border-collapse:collapse;margin:.4em 0}"
    ".gbh caption{text-align:left;padding:.2em 0}"
    ".gbh th,.gbh td{text-align:left!important;vertical-align:top;"
    "padding:.15em .8em .15em 0!important;border-bottom:1px solid #8888}"
    "@media print{.gbh{break-inside:avoid}.gbh-scroll{overflow:visible}"
    ".gbh-scroll img{max-width:100%!important;height:auto!important}}</style>"
)


@dataclass(frozen=True)
class Table:
    """The text alternative: the same numbers in rows."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def html(self, caption: str) -> str:
        """Write it as HTML, with header cells and, unless "", a caption."""
        above = f"<caption>{escape(caption)}</caption>" if caption else ""
        head = "".join(f'<th scope="col">{escape(name)}</th>' for name in self.columns)
        body = "".join(
            "<tr>"
            + f'<th scope="row" style="font-weight:inherit">{escape(row[0])}</th>'
            + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
            + "</tr>"
            for row in self.rows
        )
        return (
            f"<table>{above}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )

    def __str__(self) -> str:
        lines = [self.columns, *self.rows]
        widths = [max(_cells(line[i]) for line in lines) for i in range(len(lines[0]))]
        return "\n".join(
            "  ".join(
                cell + " " * (width - _cells(cell))
                for cell, width in zip(line, widths, strict=True)
            ).rstrip()
            for line in lines
        )


@dataclass(frozen=True, repr=False)
class Drawing:
    """A picture, what it says in words, and its numbers as a table.

    svg: the picture, or "" for words alone.
    alt: what is seen, with the numbers, for who cannot see it.
    caption: one or two sentences below the picture.
    notes: what is said below that, one point to a line.
    """

    title: str
    svg: str = ""
    alt: str = ""
    caption: str = ""
    table: Table | None = None
    notes: tuple[str, ...] = ()

    def _repr_html_(self) -> str:
        return STYLE + self.body()

    def body(self) -> str:
        """Write the figure as HTML without the styles."""
        return (
            f'<figure class="gbh">{frame(self.svg, self.alt, self.title)}'
            f"{self._say()}{self._fold()}</figure>"
        )

    def _say(self) -> str:
        points = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        return (
            f"<figcaption><strong>{escape(self.title)}</strong> "
            f"{escape(self.caption)}{points and f'<ul>{points}</ul>'}</figcaption>"
        )

    def is_picture(self) -> bool:
        """Whether there is more than words; then the table is folded away."""
        return bool(self.svg)

    def _fold(self) -> str:
        if self.table is None:
            return ""
        if not self.is_picture():
            return self.table.html("")
        return (
            "<details><summary>The numbers as a table</summary>"
            f"{self.table.html(self.title)}</details>"
        )

    def __repr__(self) -> str:
        notes = [f"- {note}" for note in self.notes]
        parts = [self.title, self.caption, *notes, str(self.table or "")]
        return "\n".join(part for part in parts if part)

    def show(self) -> None:
        """Display the drawing now, where it is not the last value of its cell."""
        show_now(self)


@dataclass(frozen=True)
class Panel:
    """One step of a drawing in steps: its short label, its picture, its words."""

    label: str
    svg: str
    alt: str
    words: str


@dataclass(frozen=True, repr=False)
class Steps(Drawing):
    """A drawing in steps, chosen by radio buttons without a script.

    Without styles (an untrusted page, paper) all panels stand below each other.
    """

    panels: tuple[Panel, ...] = ()

    def _repr_html_(self) -> str:
        return STYLE + self.body()

    def is_picture(self) -> bool:
        """Whether there is more than words; then the table is folded away."""
        return bool(self.panels)

    def body(self) -> str:
        """Write the steps as HTML; each call has button names of its own."""
        key = f"gbh-{secrets.token_hex(4)}"
        names = [f"{key}-{i}" for i in range(len(self.panels))]
        choose = "".join(
            f'<input type="radio" name="{key}" id="{name}"'
            f"{' checked' if i == 0 else ''}>"
            f'<label for="{name}" title="Step {i + 1}">{escape(panel.label)}</label>'
            for i, (name, panel) in enumerate(zip(names, self.panels, strict=True))
        )
        shown = "".join(self._panel(i) for i in range(len(self.panels)))
        return (
            f'{_step_style(names)}<figure class="gbh gbh-steps">'
            f"{self._say()}{choose}"
            f'<div class="gbh-panels">{shown}</div>{self._fold()}</figure>'
        )

    def _panel(self, i: int) -> str:
        panel = self.panels[i]
        number = f"Step {i + 1} of {len(self.panels)}"
        return (
            f'<div class="gbh-panel"><p><strong>{number}.</strong> '
            f"{escape(panel.words)}</p>{frame(panel.svg, panel.alt, number)}</div>"
        )

    def __repr__(self) -> str:
        steps = [f"{i}. {panel.words}" for i, panel in enumerate(self.panels, 1)]
        return "\n".join([super().__repr__(), *steps])


def frame(svg: str, alt: str, title: str) -> str:
    """Write a picture as an image that scrolls when it is too wide.

    An `<img>` with a data address is what survives an untrusted notebook.
    """
    if not svg:
        return ""
    width, height = (
        svg.split(f'{side}="', 1)[1].split('"', maxsplit=1)[0] for side in _SIDES
    )
    return (
        f'<div class="gbh-scroll" style="overflow-x:auto" tabindex="0" role="group" '
        f'aria-label="{escape(title)}"><img alt="{escape(alt)}" width="{width}" '
        f'height="{height}" style="max-width:none" src="{encode(svg)}"></div>'
    )


def show_now(thing: Any) -> None:
    """Display a value in a notebook, or print it where there is none."""
    try:
        from IPython import get_ipython  # noqa: PLC0415 used if present, never required
        from IPython.display import display  # noqa: PLC0415 the same
    except ImportError:
        print(repr(thing))
        return
    if get_ipython() is None:  # type: ignore[no-untyped-call]
        print(repr(thing))
    else:
        display(thing)  # type: ignore[no-untyped-call]


def _step_style(names: list[str]) -> str:
    shown = ",".join(
        f"#{name}:checked~.gbh-panels>:nth-child({i})"
        for i, name in enumerate(names, 1)
    )
    return (
        "<style>@media screen{.gbh-panels>.gbh-panel{display:none}"
        f"{shown}{{display:block}}"
        ".gbh-steps>input{position:absolute;opacity:0;width:1px;height:1px}"
        ".gbh-steps>label{display:inline-block;min-width:1.3em;text-align:center;"
        "padding:.15em .45em;margin:0 .2em .3em 0;border:1px solid #5a6270;"
        "border-radius:4px;background:#fff;color:#1d2430;cursor:pointer}"
        ".gbh-steps>input:checked+label{background:#0072b2;color:#fff;"
        "border-color:#0072b2;font-weight:700}"
        ".gbh-steps>input:focus-visible+label{outline:3px solid #b84a00}}"
        "@media print{.gbh-steps>input,.gbh-steps>label{display:none}}</style>"
    )


def _cells(text: str) -> int:
    """Count the columns that a text takes in a terminal."""
    return sum(not unicodedata.combining(char) for char in text)


_SIDES = ("width", "height")


def draw_politely(draw: Callable[P, Drawing]) -> Callable[P, Drawing]:
    """Let a function that cannot draw what it was given say so, in one sentence."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Drawing:
        try:
            return draw(*args, **kwargs)
        except CannotDraw as reason:
            return Drawing("No picture yet.", caption=str(reason))

    return drawn
