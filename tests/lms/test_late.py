"""Days of grace, a penalty for each day, and extensions, by nbgrader's own plugin."""

from datetime import datetime, timedelta

import pytest
from nbgrader.api import SubmittedAssignment
from traitlets.config import Config

from grader.gradebook.course import CourseError, open_course
from grader.grading.record import Graded, Recorder
from grader.lms.late import DAY_S, DaysOfGrace, grant_extension
from grader.reading.folder import Folder
from grader.submission.result import Result, Verdict
from tests.grading.conftest import assignment

__all__ = ["assignment"]
CASES = [
    (0.5, None),
    (2, None),
    (2.01, 1.0),
    (4, 2.0),
    (7, 5.0),
    (7.5, 10.0),
]


@pytest.mark.parametrize(("days", "penalty"), CASES)
def test_a_day_beyond_grace_costs_its_share(days, penalty):
    config = Config({"DaysOfGrace": {"days": 2, "share": 0.1, "last_day": 7}})
    rule = DaysOfGrace(config=config)
    assert rule.late_submission_penalty("ada", 10.0, days * DAY_S) == penalty


def test_a_share_above_all_is_refused():
    with pytest.raises(CourseError, match="between 0 and 1"):
        DaysOfGrace(share=1.5)


def test_the_penalty_follows_grace_and_extension(tmp_path, tables, assignment):
    (tmp_path / "gradebook.db").write_bytes(tables)
    (tmp_path / "nbgrader_config.py").write_text(
        "c = get_config()\n"
        "c.AssignLatePenalties.plugin_class = 'grader.lms.late.DaysOfGrace'\n"
        "c.DaysOfGrace.days = 1\nc.DaysOfGrace.share = 0.25\n"
    )
    course = open_course(tmp_path)

    def grade():
        verdict = Verdict("test_f", 2.0, 2.0, "right", notebook="ex")
        graded = Graded(Result("ada", "week1", "d", (verdict,)), {}, {})
        when = "2026-11-22 10:00:00 UTC"
        with Recorder(course, assignment) as recorder:
            recorder.write([(graded, Folder(timestamp=when))])
        with course.open_gradebook() as gradebook:
            one = gradebook.db.query(SubmittedAssignment).one()
            return one.score - (one.late_submission_penalty or 0)

    assert grade() == 2.0
    with course.open_gradebook() as gradebook:
        due = datetime(2026, 11, 20, 10)
        gradebook.update_or_create_assignment("week1", duedate=due)
    assert grade() == 1.5
    grant_extension(course, "week1", "ada", timedelta(days=1))
    assert grade() == 2.0
    with pytest.raises(CourseError, match="no student 'eve'"):
        grant_extension(course, "week1", "eve", timedelta(days=1))
