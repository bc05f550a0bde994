"""Gradescope's results.json: one for each submission, as its autograder writes it.

Source: Gradescope, autograder specification, "Output format".
"""

from __future__ import annotations

import json
from typing import Any

from grader.exports.grades import Grade, Part
from grader.grading.feedback import NO_MARK, WORDS
from grader.reading.sanitize import clean_text


def make_results(grade: Grade, seconds: float = 0.0) -> dict[str, Any]:
    """Give what Gradescope reads; every test that a student may see is visible."""
    results: dict[str, Any] = {
        "score": round(grade.score, 4),
        "output": _write_output(grade),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [_make_test(n, part) for n, part in enumerate(grade.parts, start=1)],
        "extra_data": {"student": grade.person.id, "assignment": grade.assignment},
    }
    if seconds:
        results["execution_time"] = round(seconds)
    return results


def write_results(grade: Grade, seconds: float = 0.0) -> str:
    """Give results.json as text."""
    return json.dumps(make_results(grade, seconds), ensure_ascii=False, indent=1) + "\n"


def _write_output(grade: Grade) -> str:
    late = f" {grade.penalty:g} points off for lateness." if grade.penalty else ""
    waiting = " Something still waits for a person." if grade.needs_person else ""
    return f"{grade.score:g} of {grade.max_points:g} points.{late}{waiting}"


def _make_test(number: int, part: Part) -> dict[str, Any]:
    status = part.note.status if part.note else "manual"
    if part.points is not None and status in NO_MARK:
        status = "marked"
    words = WORDS.get(status, status)
    message = part.note.message if part.note else ""
    texts = [words, clean_text(message, 2000), clean_text(part.comment, 2000)]
    test: dict[str, Any] = {
        "name": part.exercise.removeprefix("test_"),
        "number": str(number),
        "score": round(part.points or 0.0, 4),
        "max_score": part.max_points,
        "output": "\n".join(filter(None, texts)),
        "output_format": "text",
        "visibility": "visible",
        "extra_data": {"mistakes": list(part.note.kinds) if part.note else []},
    }
    if part.points is not None:
        test["status"] = "passed" if part.points >= part.max_points else "failed"
    return test
