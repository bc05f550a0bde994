"""What a student reads after grading: own cells, points, reports, named mistakes.

Works on a notebook as it is recorded, so nbgrader's own `generate_feedback` can make
the same page; hidden tests and what their errors say are left out of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from typing import Any

from jinja2 import Environment
from markupsafe import Markup, escape

from grader.gradebook.marks import Marks
from grader.pages.render import Renderer
from grader.reading.outputs import clean_outputs, make_stream, measure_output
from grader.reading.sanitize import clean_html, clean_markdown, clean_text
from grader.submission.assignment import Cell, SubmittedNotebook, build_notebook
from grader.submission.result import ReportView, Verdict

MAX_OUTPUTS = 20_000_000  # characters of a notebook's outputs, pictures included
OURS = "grader"  # the key of our metadata in a recorded notebook
WORDS = {
    "right": "right",
    "partial": "partly right",
    "wrong": "not right",
    "unsolved": "not solved",
    "raised": "the code raised an error",
    "timed-out": "took too long and was stopped",
    "died": "the program ended before its time",
    "cheated": "done in a way that this exercise does not allow",
    "manual": "a person will mark it",
    "staff": "not judged yet: staff will look at it",
    "marked": "marked by a person",
}
WHAT_HAPPENED = "What happened:"  # begins that line of a report; see grader.check
NO_MARK = ("manual", "staff")  # until a person gives one
_TONES = {
    **{"right": "good", "partial": "part"},
    **dict.fromkeys(("manual", "staff", "marked", "unsolved"), "open"),
}


def compose_notebook(
    submitted: SubmittedNotebook,
    built: Mapping[str, Any] | None,
    verdicts: Iterable[Verdict],
    repairs: Sequence[str],
) -> dict[str, Any]:
    """Make the notebook that is recorded: clean, with reports below their checks.

    `built` is examine's, of the same cells; without it nothing was run.
    """
    made = build_notebook(submitted, {})
    ran = list(built["cells"]) if built else []
    judged = {verdict.exercise: verdict for verdict in verdicts}
    room = MAX_OUTPUTS
    for position, (cell, record) in enumerate(
        zip(submitted.cells, made["cells"], strict=True)
    ):
        if cell.cell_type == "code":
            found = ran[position] if position < len(ran) else {}
            room, record["outputs"] = _take_outputs(found.get("outputs", ()), room)
            record["execution_count"] = found.get("execution_count")
        elif cell.source != cell.release:
            record["source"] = clean_markdown(cell.source, cell.attachments)
        if cell.id in judged and cell.is_graded:
            _add_verdict(cell, record, judged[cell.id])
    made["metadata"][OURS] = {"repairs": [clean_text(text, 1000) for text in repairs]}
    return made


def _take_outputs(outputs: Sequence[Any], room: int) -> tuple[int, list[Any]]:
    """Clean the outputs of a cell, as long as the notebook stays readable."""
    if room < 0:
        return room, []
    room -= sum(measure_output(output) for output in outputs)
    if room < 0:
        return room, [make_stream("… the notebook's further outputs are too large …\n")]
    return room, clean_outputs(outputs)


def _add_verdict(cell: Cell, record: dict[str, Any], verdict: Verdict) -> None:
    """Put reports and message first; what follows is for staff."""
    shown = [_show_report(report) for report in verdict.reports]
    message = clean_text(verdict.message, 5000)
    if message:
        shown.append(make_stream(f"{message}\n"))
    about = {
        "status": verdict.status,
        "message": message or _find_mistake(verdict.reports),
        "shown": len(shown),
    }
    if cell.kind == "check" and cell.source != cell.release:
        about["release"] = cell.release
    record["metadata"][OURS] = about
    if cell.cell_type == "code":
        again = [output.get("data") for output in shown]
        rest = [one for one in record["outputs"] if one.get("data", ()) not in again]
        record["outputs"] = [*shown, *rest]


def _show_report(report: ReportView) -> dict[str, Any]:
    html, text = clean_html(report.html), clean_text(report.text)
    data = {"text/html": html, "text/plain": text}
    return {"output_type": "display_data", "metadata": {}, "data": data}


def _find_mistake(reports: Iterable[ReportView]) -> str:
    """Give the sentence with which a report names the mistake."""
    for report in reports:
        for line in report.text.splitlines():
            if not report.passed and line.startswith(WHAT_HAPPENED):
                return clean_text(line.removeprefix(WHAT_HAPPENED).strip(), 500)
    return ""


@dataclass(frozen=True)
class Scores:
    """The points on a page: by cell, people's included; None is no mark yet."""

    points: Mapping[str, float | None]
    max_points: Mapping[str, float]
    comments: Mapping[str, str] = field(default_factory=dict)


def sum_scores(notebook: str, verdicts: Iterable[Verdict], marks: Marks) -> Scores:
    """Join what examine gave with what people gave, as the gradebook does."""
    points: dict[str, float | None] = {}
    max_points: dict[str, float] = {}
    for verdict in verdicts:
        place = (notebook, verdict.exercise)
        auto = verdict.points if verdict.has_mark else None
        score = marks.manual.get(place, auto)
        extra = marks.extra.get(place, 0.0)
        points[verdict.exercise] = None if score is None else score + extra
        max_points[verdict.exercise] = verdict.max_points
    comments = {
        cell: text for (name, cell), text in marks.comments.items() if name == notebook
    }
    return Scores(points, max_points, comments)


@dataclass(frozen=True)
class Row:
    """One line of the table of points."""

    anchor: str
    name: str
    points: str
    max_points: str
    words: Markup
    tone: str


@dataclass(frozen=True)
class Shown:
    """One cell on the page; `body` and `outputs` are safe HTML."""

    role: str
    anchor: str
    heading: str
    body: Markup
    outputs: Sequence[Markup]
    comment: str = ""


@dataclass(frozen=True)
class Page:
    """All that the template shows."""

    title: str
    points: str
    max_points: str
    rows: Sequence[Row]
    repairs: Sequence[str]
    cells: Sequence[Shown]


class PageMaker:
    """Makes feedback pages; keeps its template and what it rendered before."""

    def __init__(self) -> None:
        self._renderer = Renderer()

    @cached_property
    def _template(self) -> Any:
        folder = files("grader.pages")
        text = folder.joinpath("feedback.html.j2").read_text(encoding="utf-8")
        css = folder.joinpath("feedback.css").read_text(encoding="utf-8")
        environment = Environment(autoescape=True)
        return environment.from_string(text, {"css": Markup(css)})

    def make_page(
        self,
        title: str,
        notebook: Mapping[str, Any],
        scores: Scores,
        pictures: Mapping[str, bytes],
    ) -> str:
        """Give the page of a recorded notebook as one HTML file."""
        cells = notebook["cells"]
        total = sum(score or 0.0 for score in scores.points.values())
        page = Page(
            title,
            _write(total),
            _write(sum(scores.max_points.values())),
            [_make_row(cell, scores) for cell in cells if _find_id(cell, scores)],
            notebook["metadata"].get(OURS, {}).get("repairs", ()),
            [self._show_cell(cell, scores, pictures) for cell in cells],
        )
        return str(self._template.render(page=page))

    def _show_cell(
        self,
        cell: Mapping[str, Any],
        scores: Scores,
        pictures: Mapping[str, bytes],
    ) -> Shown:
        about = cell["metadata"].get(OURS, {})
        grade_id = _find_grade_id(cell)
        source = about.get("release", cell["source"])
        outputs = cell.get("outputs", ())
        if cell["cell_type"] == "markdown":
            attachments = cell.get("attachments", {})
            body = self._renderer.render_markdown(source, pictures, attachments)
        else:
            body = self._renderer.render_code(source)
        if "release" in about:  # a hidden test: its errors would tell it
            outputs = outputs[: about["shown"]]
        rendered = [Markup(self._renderer.render_output(output)) for output in outputs]
        return Shown(
            _find_role(cell),
            f"cell-{grade_id}" if grade_id in scores.points else "",
            _write_heading(grade_id, scores),
            Markup(body),
            rendered,
            scores.comments.get(grade_id, ""),
        )


def _make_row(cell: Mapping[str, Any], scores: Scores) -> Row:
    grade_id = _find_grade_id(cell)
    about = cell["metadata"].get(OURS, {})
    status = about.get("status", "manual")
    points = scores.points[grade_id]
    if status in NO_MARK and points is not None:
        status = "marked"
    words = WORDS.get(status, status)
    message = about.get("message", "").strip()
    return Row(
        f"cell-{grade_id}",
        grade_id.removeprefix("test_"),
        "–" if points is None else _write(points),
        _write(scores.max_points[grade_id]),
        _show_code(f"{words}: {message.splitlines()[0][:200]}" if message else words),
        _TONES.get(status, "bad"),
    )


def _show_code(text: str) -> Markup:
    """Set what stands between backticks as code."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _find_id(cell: Mapping[str, Any], scores: Scores) -> bool:
    return _find_grade_id(cell) in scores.points


def _find_grade_id(cell: Mapping[str, Any]) -> str:
    return str(cell["metadata"].get("nbgrader", {}).get("grade_id", ""))


def _find_role(cell: Mapping[str, Any]) -> str:
    flags = cell["metadata"].get("nbgrader", {})
    return "answer" if flags.get("solution") else str(cell["cell_type"])


def _write_heading(grade_id: str, scores: Scores) -> str:
    if grade_id not in scores.points:
        return ""
    points = scores.points[grade_id]
    shown = "–" if points is None else _write(points)
    name = grade_id.removeprefix("test_")
    return f"{name}: {shown} of {_write(scores.max_points[grade_id])} points"


def _write(points: float) -> str:
    return f"{round(points + 0.0, 2):g}"
