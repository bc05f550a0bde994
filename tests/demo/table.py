"""The table that the demo prints: who, points for each exercise, what went wrong."""

import json
import re
import textwrap
from dataclasses import dataclass

from nbgrader.api import Gradebook, MissingEntry

from grader.answers.messages import STATUS_WORDS, WHAT_LABEL

WIDTH = 110
UNSOLVED = STATUS_WORDS["unsolved"][1]
TOLD = re.compile(rf"^{WHAT_LABEL}: (.+)$", re.MULTILINE)
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Graded:
    """One student's points by exercise, and a sentence for each that is not full."""

    name: str
    points: dict[str, float | None]  # None: there is no mark
    max_points: dict[str, float]
    reasons: dict[str, str]

    @property
    def total(self):
        """All points there are."""
        return sum(points or 0 for points in self.points.values())


def read_graded(folder, assignment, notebook, name):
    """Read a student's points from the gradebook, the reasons from what was run."""
    url = f"sqlite:///{folder / 'gradebook.db'}"
    with Gradebook(url) as book:
        try:
            submission = book.find_submission_notebook(notebook, assignment, name)
        except MissingEntry:
            cells = book.find_notebook(notebook, assignment).grade_cells
            most = {_name_exercise(cell.name): cell.max_score for cell in cells}
            return Graded(
                name, dict.fromkeys(most), most, dict.fromkeys(most, "no mark")
            )
        most = {_name_exercise(one.name): one.max_score for one in submission.grades}
        points = {_name_exercise(one.name): one.score for one in submission.grades}
    run = folder / "autograded" / name / assignment / f"{notebook}.ipynb"
    outputs = _read_outputs(run) if run.is_file() else {}
    reasons = {
        exercise: find_reason(outputs.get(exercise, []))
        for exercise, score in points.items()
        if score != most[exercise]
    }
    return Graded(name, points, most, reasons)


def find_reason(outputs):
    """Give the named mistake of a check cell's outputs, or what they say instead."""
    texts = [ANSI.sub("", _get_text(output)) for output in outputs]
    if any(UNSOLVED in text.lower() for text in texts):
        return UNSOLVED
    for text in texts:
        told = TOLD.search(text)
        if told:
            return told[1]
    lines = [line for text in texts for line in text.strip().splitlines()]
    return lines[1] if len(lines) > 1 else " ".join(lines) or "nothing was run"


def write_table(graded, names):
    """Lay the table out for a terminal of 110 columns; reasons under each student.

    names: the exercises, in the order of the lesson.
    """
    most = {name: graded[0].max_points[name] for name in names}
    widths = [max(len(name), 4) for name in names]
    head = ["student".ljust(9), *_justify(names, widths), "  total"]
    of = [f"/{points:g}" for points in most.values()]
    lines = [
        " ".join(head),
        " ".join([" " * 9, *_justify(of, widths), _sum(most.values())]),
    ]
    for one in graded:
        shown = [
            "-" if one.points[name] is None else f"{one.points[name]:g}"
            for name in names
        ]
        row = [one.name.ljust(9), *_justify(shown, widths), f"{one.total:7g}"]
        lines.append(" ".join(row))
        reasons = {name: one.reasons[name] for name in names if name in one.reasons}
        lines += _write_reasons(reasons)
    return "\n".join(lines)


def _sum(points):
    return f"/{sum(points):g}".rjust(7)


def _justify(texts, widths):
    return [text.rjust(width) for text, width in zip(texts, widths, strict=True)]


def _write_reasons(reasons):
    """Write a line for each reason, with all the exercises that it holds for."""
    exercises = {}
    for exercise, reason in reasons.items():
        exercises.setdefault(reason, []).append(exercise)
    all_the_same = len(exercises) == 1 and len(reasons) > 5
    lines = []
    for reason, names in exercises.items():
        label = "everything" if all_the_same else ", ".join(names)
        text = f"{label}: {reason}"
        text = textwrap.shorten(text, 2 * WIDTH - 20, placeholder=" …")
        indents = {"initial_indent": "    ", "subsequent_indent": "      "}
        lines.append(textwrap.fill(text, WIDTH, **indents))
    return lines


def _name_exercise(grade_id):
    return grade_id.removeprefix("test_")


def _read_outputs(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return {
        _name_exercise(cell["metadata"]["nbgrader"]["grade_id"]): cell["outputs"]
        for cell in cells
        if cell["metadata"].get("nbgrader", {}).get("grade")
    }


def _get_text(output):
    """Give an output as text; of an error its last line."""
    if output["output_type"] == "error":
        return f"{output['ename']}: {output['evalue']}"
    text = output.get("text") or output.get("data", {}).get("text/plain", "")
    return text if isinstance(text, str) else "".join(text)
