"""What a check found, as a value; how it reads as text and as HTML, and where it goes.

The HTML inherits the page's text colour and background, so it reads in light and dark
themes; colour only repeats what a word and a symbol say. No script, no outside file.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass

from grader.answers import messages
from grader.diagnose.diagnosis import Diagnosis

# A call shows its report here; None: in the notebook, or printed where there is none.
SHOW: ContextVar[Callable[[Report], None] | None] = ContextVar("SHOW", default=None)


_ENTITIES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"}
)
_TIMES = 9.995  # from here on a relative error reads better than 1000 %
WORST_SHOWN = 10  # entries listed of a wrong quantity

_GRADIENT_FOR = re.compile(r"(Your gradient for )(`\w+`)")
_BARE_HTML = f"<p><em>{messages.BARE_REPORT}</em></p>"

# The bar at the left: at least 3 : 1 against white and against #111 (WCAG 1.4.11).
_BAR = {"right": "#2e8540", "partial": "#a06a00", "unsolved": "#6b7680"}
_BAR_WRONG = "#d0383f"
_BOX = "border-left:4px solid {};padding:.2em 0 .2em .8em;margin:.3em 0"
_CELL = "text-align:left;padding:.1em .8em .1em 0;vertical-align:top"


@dataclass(frozen=True)
class Entry:
    """One entry that is off: its index, both values as text, its relative error."""

    index: str
    yours: str
    autograd: str
    error: float


@dataclass(frozen=True)
class Row:
    """One quantity: both sides as text, and the entries that are off, worst first.

    error: max |yours − autograd's| / max |autograd's|; None where there is no number.
    blank: not answered yet.
    """

    quantity: str
    yours: str
    autograd: str
    error: float | None
    ok: bool
    entries: tuple[Entry, ...] = ()
    off: int = 0
    total: int = 0
    blank: bool = False


@dataclass(frozen=True, repr=False)
class Report:
    """What one check found.

    score: 0..1, the share of what is right.
    status: one of right, partial, wrong, unsolved, raised, cheated.
    diagnoses: the named mistakes, in the order of `rows`.
    notes: what is worth knowing though it costs nothing.
    next_step: what the student does now.
    versus: whose values yours are compared with.
    evidence: what staff are told beside, of a derivation by machine.
    """

    title: str
    status: str
    score: float = 0.0
    headline: str = ""
    rows: tuple[Row, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()
    notes: tuple[str, ...] = ()
    next_step: str = ""
    versus: str = messages.AUTOGRAD
    evidence: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether everything is right."""
        return self.status == "right"

    @property
    def diagnosis(self) -> Diagnosis | None:
        """The first named mistake, or None."""
        return self.diagnoses[0] if self.diagnoses else None

    def points(self, max_points: float) -> float:
        """Return the points, 0..max_points, two decimals: the end of a check cell.

        Raises: ValueError when max_points is no finite number of at least 0.
        """
        if not (math.isfinite(max_points) and max_points >= 0):
            message = f"points({max_points!r}): give a finite number of at least 0"
            raise ValueError(message)
        share = self.score if math.isfinite(self.score) else 0.0
        points = round(min(max(share, 0.0), 1.0) * max_points, 2)
        return float(max_points if self.passed else min(points, max_points))

    def __repr__(self) -> str:
        return f"Report({self.title!r}, {self.status!r}, score={self.score:.4g})"

    def __str__(self) -> str:
        return _as_text(self)

    def _repr_html_(self) -> str:
        return _as_html(self)

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        """Stand for 0 points as a cell's last line, where `.points(n)` is missing.

        Called by: IPython, for a bare report. nbgrader 0.9.6 gives full points to a
        last line that is no number (`utils.get_partial_grade`), so the plain text must
        be one; the report itself has been shown by the call.
        """
        return {"text/plain": "0.0", "text/html": _BARE_HTML}


def show_report(report: Report) -> Report:
    """Show it where reports go, and hand it back."""
    shower = SHOW.get()
    if shower is not None:
        shower(report)
    else:
        show_text_and_html(str(report), report._repr_html_())
    return report


def show_text_and_html(text: str, html: str) -> None:
    """Display both in a notebook; print the text where there is no notebook."""
    html = html or f"<p>{escape(text)}</p>"
    ipython = sys.modules.get("IPython")  # never imported for this alone
    if ipython is not None and ipython.get_ipython() is not None:
        ipython.display.display({"text/plain": text, "text/html": html}, raw=True)
        return
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding))


def _as_text(report: Report) -> str:
    lines = [_heading(report)]
    if report.headline:
        lines.append(report.headline)
    if report.rows:
        lines += _align([_head(messages.TABLE_HEAD, report), *map(_cells, report.rows)])
    for label, sentence in _sentences(report):
        lines.append(f"{label}: {sentence}" if label else sentence)
    for row in report.rows:
        if row.entries:
            lines += [_entries_title(row), *_align(_entry_lines(row))]
    return "\n".join(clean(line) for line in lines)


def _as_html(report: Report) -> str:
    bar = _BAR.get(report.status, _BAR_WRONG)
    parts = [f'<div style="{_BOX.format(bar)}">', _tag("strong", _heading(report))]
    if report.headline:
        parts.append(f"<p>{_mark_code(report.headline)}</p>")
    if report.rows:
        head = _head(messages.TABLE_HEAD, report)
        parts.append(make_table(head, [_cells(row) for row in report.rows]))
    for label, sentence in _sentences(report):
        lead = _tag("strong", f"{label}:") + " " if label else ""
        parts.append(f"<p>{lead}{_mark_code(sentence)}</p>")
    for row in report.rows:
        if row.entries:
            head = _head(messages.ENTRY_HEAD, report)
            parts += ["<details>", _tag("summary", _entries_title(row))]
            parts += [make_table(head, _entry_lines(row)), "</details>"]
    return "".join([*parts, "</div>"])


def make_table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Draw a table as HTML; every value is escaped."""
    top = "".join(map(_draw_head, head))
    body = ""
    for line in lines:
        cells = (f'<td style="{_CELL}">{escape(cell)}</td>' for cell in line)
        body += "<tr>" + "".join(cells) + "</tr>"
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _draw_head(text: str) -> str:
    """Draw a column's head; without words it is none, or readers announce silence."""
    if not text:
        return f'<td style="{_CELL}"></td>'
    return f'<th scope="col" style="{_CELL}">{escape(text)}</th>'


def escape(text: str) -> str:
    """Escape for HTML text and attributes."""
    return clean(text).translate(_ENTITIES)


def _mark_code(sentence: str) -> str:
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(sentence))


def clean(text: str) -> str:
    """Make control and direction characters visible: a terminal obeys some."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)


def format_error(error: float | None) -> str:
    """Write a relative error in words that fit its size."""
    if error is None:
        return "–"
    if not math.isfinite(error):
        return messages.NOT_FINITE_ERROR if math.isnan(error) else messages.TRUE_ZERO
    if error == 0:
        return "0"
    if error >= 1e-3:
        return f"{100 * error:.3g} %" if error < _TIMES else f"{error:.3g} times"
    return f"{error:.0e}"


def _heading(report: Report) -> str:
    symbol, words = messages.STATUS_WORDS[report.status]
    return f"{symbol} {report.title}: {words}"


def _sentences(report: Report) -> list[tuple[str, str]]:
    """List the labelled sentences; what several quantities share is said once."""
    said = report.diagnoses
    lines = [(messages.WHAT_LABEL, text) for text in _join([d.message for d in said])]
    # Others of the same kind say the same in other words.
    others = [[o for o in d.alternatives if o.kind != d.kind][:1] for d in said]
    main = {"", *(d.message for d in said)}
    texts = [o.message for pair in others for o in pair if o.message not in main]
    lines += [(messages.OR_LABEL, text) for text in _join(texts)]
    lines += [(messages.LOOK_LABEL, d.look) for d in said if d.look]
    if report.next_step:
        lines.append((messages.NEXT_LABEL, report.next_step))
    return list(dict.fromkeys(lines)) + [("", note) for note in report.notes]


def _join(texts: Sequence[str]) -> list[str]:
    """Say once what differs only in the name of one gradient."""
    names: dict[tuple[str, str], list[str]] = {}
    for text in texts:
        found = _GRADIENT_FOR.match(text)
        before, name = found.groups() if found else ("", "")
        after = text[len(before) + len(name) :]
        names.setdefault((before, after), []).append(name)
    return [
        before + " and ".join(dict.fromkeys(same)) + after
        for (before, after), same in names.items()
    ]


def _head(template: Sequence[str], report: Report) -> list[str]:
    return [cell.format(versus=report.versus) for cell in template]


def _cells(row: Row) -> list[str]:
    mark = messages.ROW_RIGHT if row.ok else messages.ROW_WRONG
    mark = messages.ROW_BLANK if row.blank else mark
    return [mark, row.quantity, row.yours, row.autograd, format_error(row.error)]


def _entries_title(row: Row) -> str:
    shown = min(len(row.entries), WORST_SHOWN)
    return messages.WORST_ENTRIES.format(row=row, shown=shown)


def _entry_lines(row: Row) -> list[list[str]]:
    return [
        [entry.index, entry.yours, entry.autograd, format_error(entry.error)]
        for entry in row.entries[:WORST_SHOWN]
    ]


def _align(lines: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = ([c.ljust(w) for c, w in zip(line, widths, strict=True)] for line in lines)
    return ["  " + "  ".join(cells).rstrip() for cells in padded]


def _tag(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>"
