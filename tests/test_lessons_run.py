"""Every lesson from top to bottom in a fresh kernel: solved, and unsolved."""

import resource

import pytest

from tests.kernels import (
    LESSONS,
    list_max_points,
    list_problems,
    read_points,
    run_lesson,
)

MAX_CPU_S = 60  # for both runs of a lesson
pytestmark = pytest.mark.notebook


def measure_children_s():
    """Give the CPU seconds of all child processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@pytest.fixture(scope="module", params=LESSONS)
def lesson(request, tmp_path_factory):
    before = measure_children_s()
    pair = run_lesson(request.param, tmp_path_factory.mktemp(request.param))
    assert measure_children_s() - before < MAX_CPU_S
    return pair


def test_master_runs_clean_and_earns_full_points(lesson):
    assert list_problems(lesson.master) == []
    assert read_points(lesson.master) == list_max_points(lesson.master)


def test_unsolved_copy_runs_to_its_end_politely(lesson):
    assert list_problems(lesson.copy) == []
    points = read_points(lesson.copy)
    assert points == dict.fromkeys(list_max_points(lesson.copy), 0.0)
