"""Where nbgrader lets us in: its own commands and Formgrader use the same engine.

`nbgrader_config.py` calls `use_engine(c)`. The feedback exporter goes through a
setting. For the converter that autogrades there is none: `nbgrader autograde` and
Formgrader name the class in their modules, so there its name is set to ours. That is
the one place where we change something of nbgrader's from outside (0.9.6).
"""

from __future__ import annotations

import html
import os
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from nbconvert.exporters import Exporter
from nbconvert.preprocessors import Preprocessor
from nbgrader.apps import api as nbgrader_api
from nbgrader.apps import autogradeapp
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException

from grader.errors import GraderError
from grader.gradebook.course import Course
from grader.gradebook.master import load_assignment

PICTURES = (".png", ".jpg", ".jpeg", ".gif")


def use_engine(config: Any) -> None:
    """Let nbgrader's commands and Formgrader grade with the engine of `grader`."""
    autogradeapp.Autograde = EngineAutograde
    nbgrader_api.Autograde = EngineAutograde
    config.GenerateFeedback.exporter_class = "grader.seams.FeedbackExporter"
    config.GenerateFeedback.preprocessors = []
    # Formgrader's page of a submission; nothing else of nbgrader's uses this exporter.
    config.HTMLExporter.preprocessors = ["grader.seams.EscapeNames"]


class EngineAutograde(Autograde):
    """nbgrader's converter, which hands the whole work to the engine."""

    def start(self) -> None:
        """Grade what nbgrader was asked to grade.

        Called by: `nbgrader autograde` and Formgrader's button; `super()` is not run.

        Raises:
            NbGraderException: the run could not begin or go on.
        """
        course = Course(Path(self.coursedir.root), self)
        wanted = self.coursedir.assignment_id
        names = [name for name in course.list_assignments() if fnmatch(name, wanted)]
        try:
            for name in names or [wanted]:
                self._grade(course, name)
        except GraderError as error:
            self.log.error("%s", error)
            raise NbGraderException(str(error)) from error

    def _grade(self, course: Course, name: str) -> None:
        from grader.grading.autograde import Selection, autograde  # noqa: PLC0415
        from grader.grading.crew import Crew, open_sandbox  # noqa: PLC0415
        from grader.sandbox.limits import Limits  # noqa: PLC0415

        selection = Selection(self.coursedir.student_id, bool(self.force))
        workers = 1 if not set("*?[") & set(selection.student) else os.cpu_count() or 1
        with Crew(Limits(), open_sandbox, workers) as crew:
            assignment = load_assignment(course, name)
            summary = autograde(course, assignment, crew, selection, self._tell)
        for note in summary.notes:
            self.log.info("%s", note)
        self.log.info(
            "%d graded, %d unchanged", len(summary.lines), len(summary.unchanged)
        )

    def _tell(self, progress: Any, line: Any) -> None:
        self.log.info("%s: %g of %g points", line.student, line.points, line.max_points)
        for sentence in line.repairs:
            self.log.warning("%s: %s", line.student, sentence)
        for sentence in line.staff:
            self.log.error("%s: no mark: %s", line.student, sentence)


class EscapeNames(Preprocessor):
    """Makes what a roster or a folder calls a student text, in Formgrader's page.

    Its template (nbgrader 0.9.6) sets names in as they are, scripts included.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Escape the names. Called by: the exporter, before its template."""
        for key in ("student", "last_name", "first_name", "notebook_path"):
            if isinstance(resources.get(key), str):
                resources[key] = html.escape(resources[key])
        return nb, resources


class FeedbackExporter(Exporter):
    """Makes our feedback page of a recorded notebook and the gradebook's marks."""

    def _file_extension_default(self) -> str:
        return ".html"

    def from_notebook_node(
        self, nb: Any, resources: Any = None, **more: Any
    ) -> tuple[str, Any]:
        """Give the page.

        Called by: `nbgrader generate_feedback`, for each notebook in `autograded/`;
        `super()` runs the preprocessors.
        """
        from grader.grading.feedback import PageMaker  # noqa: PLC0415  0.3 s
        from grader.pages.penalty import add_penalty  # noqa: PLC0415
        from grader.reading.sanitize import clean_text  # noqa: PLC0415

        notebook, resources = super().from_notebook_node(nb, resources, **more)
        about = resources["nbgrader"]
        scores, penalty = _read_scores(about)
        title = f"{about['notebook']} · {clean_text(about['student'], 100)}"
        pictures = _read_pictures(resources.get("metadata", {}).get("path"))
        page = PageMaker().make_page(title, notebook, scores, pictures)
        return add_penalty(page, penalty), resources


def _read_scores(about: Mapping[str, str]) -> tuple[Any, float]:
    """Give the marks of a submitted notebook, and its penalty."""
    from nbgrader.api import Gradebook  # noqa: PLC0415

    from grader.grading.feedback import Scores  # noqa: PLC0415

    with Gradebook(about["db_url"]) as gradebook:
        names = (about["notebook"], about["assignment"], about["student"])
        submitted = gradebook.find_submission_notebook(*names)
        points: dict[str, float | None] = {}
        for grade in submitted.grades:
            empty = grade.auto_score is None and grade.manual_score is None
            points[grade.name] = None if empty else grade.score
        max_points = {grade.name: grade.max_score for grade in submitted.grades}
        comments = {
            comment.name: comment.manual_comment
            for comment in submitted.comments
            if comment.manual_comment
        }
        penalty = submitted.late_submission_penalty or 0.0
    return Scores(points, max_points, comments), penalty


def _read_pictures(folder: str | None) -> dict[str, bytes]:
    from grader.reading.folder import read_folder  # noqa: PLC0415

    files = read_folder(folder).files if folder else {}
    return {name: files[name] for name in files if name.lower().endswith(PICTURES)}
