import pytest

from grader.release.badge import Repository
from grader.release.contents import read_lesson, update_pages

HERE = Repository("o/r", "main")


def test_table_names_title_and_minutes(course):
    readme = course / "README.md"
    readme.write_text("# T\n\n<!-- lessons -->\nold\n<!-- /lessons -->\n\nend\n")
    assert update_pages(course, HERE)
    text = readme.read_text()
    assert "[1 · Squares](notebooks/01-tiny/tiny.ipynb) | 60 |" in text
    assert "old" not in text and text.endswith("\n\nend\n")


def test_second_run_changes_nothing(course):
    (course / "README.md").write_text("<!-- lessons --><!-- /lessons -->")
    update_pages(course, HERE)
    assert not update_pages(course, HERE)


def test_page_for_students_has_the_same_table(course):
    page = course / "docs" / "student" / "README.md"
    page.parent.mkdir(parents=True)
    page.write_text("<!-- lessons --><!-- /lessons -->")
    assert update_pages(course, HERE)
    assert "[1 · Squares](notebooks/01-tiny/tiny.ipynb) | 60 |" in page.read_text()


def test_readme_without_marks_is_left_alone(course):
    (course / "README.md").write_text("mine")
    assert not update_pages(course, HERE)


@pytest.mark.parametrize(
    ("said", "shown"),
    [("60", "60"), ("75 to 90", "75–90"), ("75–90", "75–90"), ("60-75", "60–75")],
)
def test_minutes_are_read_as_people_write_them(course, said, shown):
    master = course / "solutions" / "01-tiny" / "tiny.ipynb"
    master.write_text(master.read_text().replace("60 minutes", f"{said} minutes"))
    assert read_lesson(master).minutes == shown
