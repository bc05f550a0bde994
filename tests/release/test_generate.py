"""Student copies, from a course in a temporary folder."""

import json

import pytest

from grader.release.generate import (
    ReleaseFailed,
    generate,
    list_assignments,
    load_config,
)

COPY = "notebooks/01-tiny/tiny.ipynb"


def release(course):
    """Without a gradebook: making one takes four seconds, and is nbgrader's part."""
    config = load_config(course)
    config.GenerateAssignment.no_database = True
    config.SaveCells.enabled = False
    return generate(course, list_assignments(course), config)


def read_cells(course):
    cells = json.loads((course / COPY).read_text())["cells"]
    return {cell["id"]: cell for cell in cells}


def test_copy_has_badge_stub_and_no_solution(course):
    release(course)
    cells = read_cells(course)
    assert next(iter(cells)) == "view-in-github"
    assert "blob/main/notebooks/01-tiny/tiny.ipynb" in "".join(
        cells["view-in-github"]["source"]
    )
    assert 'Error("Exercise 1.1: return x times x")' in cells["square"]["source"][-1]
    assert "secret" not in (course / COPY).read_text()


def test_same_master_gives_the_same_bytes(course):
    release(course)
    first = (course / COPY).read_bytes()
    assert [one.changed for one in release(course)] == [False]
    assert (course / COPY).read_bytes() == first


def test_broken_master_leaves_the_copy_as_it_was(course):
    release(course)
    before = (course / COPY).read_bytes()
    master = course / "solutions" / "01-tiny" / "tiny.ipynb"
    master.write_text(master.read_text().replace("### END SOLUTION", "# gone"))
    with pytest.raises(ReleaseFailed, match="01-tiny: no end solution"):
        release(course)
    assert (course / COPY).read_bytes() == before


def test_unknown_assignment_is_told_with_those_there_are(course):
    with pytest.raises(ReleaseFailed, match=r"'02'.*01-tiny"):
        generate(course, ["02"], load_config(course))


def test_setup_cell_fetches_the_wheel_of_the_published_repository(course):
    release(course)
    source = "".join(read_cells(course)["setup"]["source"])
    place = "https://github.com/gradients-by-hand/gradients-by-hand/raw/main"
    wheel = "gradients_by_hand-0.1.0-py3-none-any.whl"
    assert f'COURSE_PACKAGE = "{place}/{wheel}"\n' in source
    assert source.endswith("\n\nimport math")


def test_copy_ends_with_the_list_of_its_exercises(course):
    release(course)
    *_, last = read_cells(course).values()
    assert last["source"][-1] == 'complete.look("square")'
    assert last["metadata"] == {}


def test_copy_in_which_somebody_worked_is_put_aside(course):
    release(course)
    copy = course / COPY
    work = copy.read_text().replace('"execution_count": null', '"execution_count": 1')
    copy.write_text(work)
    (made,) = release(course)
    assert (made.kept / "tiny.ipynb").read_text() == work
    assert copy.read_text() != work
    assert [one.kept for one in release(course)] == [None]
