"""Checks in tests: fixed draws, crashes of naming raised, reports collected."""

import pytest

from grader.check.draws import SEED
from grader.check.judge import STRICT
from grader.check.report import SHOW


@pytest.fixture(autouse=True)
def strict_and_seeded():
    seed, strict = SEED.set(b"tests"), STRICT.set(True)
    yield
    SEED.reset(seed)
    STRICT.reset(strict)


@pytest.fixture(autouse=True)
def shown():
    """The reports that a test's checks showed, in order."""
    reports = []
    token = SHOW.set(reports.append)
    yield reports
    SHOW.reset(token)
