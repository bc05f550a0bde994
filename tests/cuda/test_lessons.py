"""Lessons on a device: a real one where there is one, and one that only says so."""

import pytest
import torch

from tests.fake_cuda import FakeCuda
from tests.lessons.conftest import SOLUTIONS, Lesson
from tests.lessons.test_wrong_answers import ALL

NAMES = sorted(f"{p.parent.name}/{p.stem}" for p in SOLUTIONS.glob("*/*.ipynb"))
SAMPLE = ALL[::4]

each_lesson = pytest.mark.parametrize("name", NAMES)
each_wrong = pytest.mark.parametrize(
    "wrong", SAMPLE, ids=lambda w: f"{w.exercise}: {w.text[:40]}"
)
on_cuda = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="there is no CUDA device"
)


def check_lesson(name, without=""):
    lesson = Lesson(name)
    points, names = lesson.earn(without)
    assert names["device"] == "cuda"
    assert points == lesson.max_points


def check_wrong(wrong):
    lesson = Lesson(wrong.lesson)
    mark = lesson.mark(wrong.exercise, wrong.write(lesson.answer(wrong.exercise)))
    assert mark.points < lesson.max_points[wrong.exercise]
    assert not wrong.kinds or mark.kinds & wrong.kinds, mark.kinds


def test_a_hundred_wrong_answers_are_tried():
    assert len(SAMPLE) >= 100


@each_lesson
@pytest.mark.notebook
def test_lesson_earns_all_points_on_a_device_by_name(name):
    with FakeCuda() as device:
        check_lesson(name, without="torch.func")  # it wraps tensors, without the mark
    assert device.count > 0


@each_wrong
@pytest.mark.notebook
def test_mistake_keeps_its_name_on_a_device_by_name(wrong):
    with FakeCuda():
        check_wrong(wrong)


@each_lesson
@pytest.mark.cuda
@on_cuda
def test_lesson_earns_all_points_on_cuda(name):
    check_lesson(name)


@each_wrong
@pytest.mark.cuda
@on_cuda
def test_mistake_keeps_its_name_on_cuda(wrong):
    check_wrong(wrong)
