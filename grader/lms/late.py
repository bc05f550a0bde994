"""Late hand-ins: days of grace and a penalty for each day, as nbgrader's plugin."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

from nbgrader.plugins import LateSubmissionPlugin
from traitlets import Float, Int, validate

from grader.gradebook.course import CourseError

if TYPE_CHECKING:
    from grader.gradebook.course import Course

DAY_S = 86400


class DaysOfGrace(LateSubmissionPlugin):
    """Some late days cost nothing; each further one costs a share of the points.

    In nbgrader_config.py:
        c.AssignLatePenalties.plugin_class = "grader.lms.late.DaysOfGrace"
        c.DaysOfGrace.days = 2
        c.DaysOfGrace.share = 0.1
        c.DaysOfGrace.last_day = 7
    """

    days = Int(0, min=0, help="late days that cost nothing").tag(config=True)
    share = Float(0.1, help="part of the points that a further day costs").tag(
        config=True
    )
    last_day = Int(0, min=0, help="later than this all is lost; 0: never").tag(
        config=True
    )

    @validate("share")  # type: ignore[untyped-decorator]
    def _check_share(self, proposal: dict[str, float]) -> float:
        share: float = proposal["value"]
        if not 0 <= share <= 1:
            message = f"DaysOfGrace.share is {share!r}, and must lie between 0 and 1."
            raise CourseError(message)
        return share

    def late_submission_penalty(
        self, student_id: str, score: float, total_seconds_late: float
    ) -> float | None:
        """Give the points to take off.

        Called by: nbgrader and our record, for each notebook that is late, an
        extension already taken off; `super()` is not run.
        """
        late_days = math.ceil(total_seconds_late / DAY_S)
        if self.last_day and late_days > self.last_day:
            return score
        charged = max(0, late_days - self.days)
        return min(score, score * self.share * charged) if charged else None


def grant_extension(
    course: Course, assignment: str, student: str, more: timedelta
) -> None:
    """Give a student more time; a later call replaces an earlier one.

    Raises:
        CourseError: the assignment or the student is not in the gradebook.
    """
    from nbgrader.api import MissingEntry  # noqa: PLC0415  slow to import

    with course.open_gradebook() as gradebook:
        try:
            gradebook.find_assignment(assignment)
        except MissingEntry:
            raise course.refuse_unknown(assignment) from None
        try:
            gradebook.find_student(student)
        except MissingEntry:
            message = f"There is no student {student!r} in the gradebook."
            raise CourseError(message) from None
        gradebook.update_or_create_submission(assignment, student)
        seconds = more.total_seconds()
        gradebook.grant_extension(assignment, student, minutes=seconds / 60)
