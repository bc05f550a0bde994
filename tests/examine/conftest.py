"""A notebook of cells, an assignment and a submission."""

import pytest

from grader.examine.examine import examine
from grader.sandbox.limits import Limits
from grader.submission.assignment import (
    Assignment,
    Cell,
    MasterNotebook,
    Submission,
    SubmittedNotebook,
)

LIMITS = Limits(cell_s=10, submission_s=120)


def make_assignment(cells, files=None):
    """The release that these cells were made from."""
    masters = []
    for cell in cells:
        is_theirs = cell.kind in ("answer", "plain") and cell.release
        masters.append(cell.with_source(cell.release) if is_theirs else cell)
    ours = tuple(cell for cell in masters if not cell.own)
    return Assignment("a1", (MasterNotebook("n1", ours),), files or {})


@pytest.fixture
def grade(grade_once):
    """The same, for tests that examine something of their own."""
    return grade_once


@pytest.fixture(scope="session")
def grade_once(zygote):
    """Examine a notebook of cells; return the result."""

    def run(*cells, files=None, limits=LIMITS, seed=b"secret", forks=zygote):
        notebook = SubmittedNotebook("n1", tuple(cells))
        submission = Submission("bob", "a1", (notebook,), digest="d")
        assignment = make_assignment(cells, files)
        return examine(submission, assignment, forks, limits=limits, seed=seed)

    return run


@pytest.fixture
def grade_problem(zygote):
    """Examine a notebook that could not be read."""

    def run(problem):
        cells = (Cell("test_good", "check", "assert True", points=1.0),)
        notebook = SubmittedNotebook("n1", cells, problem=problem)
        submission = Submission("bob", "a1", (notebook,), digest="d")
        assignment = make_assignment(cells)
        return examine(submission, assignment, zygote, limits=LIMITS, seed=b"secret")

    return run
