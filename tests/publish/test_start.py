import pytest

from grader.publish.start import BadName, start_lesson
from grader.release.lint import lint


def test_first_lesson_keeps_all_rules(tmp_path):
    path = start_lesson(tmp_path, "my-lesson")
    assert path == tmp_path / "solutions" / "my-lesson" / "my-lesson.ipynb"
    assert [str(breach) for breach in lint(path)] == []


def test_lesson_that_is_there_is_left_alone(tmp_path):
    before = start_lesson(tmp_path, "mine").read_bytes()
    with pytest.raises(BadName, match="is there already"):
        start_lesson(tmp_path, "mine")
    assert (tmp_path / "solutions/mine/mine.ipynb").read_bytes() == before


@pytest.mark.parametrize("name", ["", "../x", "My Lesson", "a/b", "-a"])
def test_name_that_is_no_folder_is_refused(tmp_path, name):
    with pytest.raises(BadName, match="A=my-lesson"):
        start_lesson(tmp_path, name)
