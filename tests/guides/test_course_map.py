from grader.guides.course_map import draw_map, find_nearest, write_map
from grader.guides.facts import Lesson


def make_lesson(number, needs, stretch=0.0):
    path = f"notebooks/{number}/{number}.ipynb"
    words = (f"learn {number}",)
    times = (60, 90)
    return Lesson(number, f"L{number}", times, needs, words, 10.0, stretch, path, "- c")


LESSONS = [
    make_lesson(0, ()),
    make_lesson(1, (0,)),
    make_lesson(2, (0, 1)),
    make_lesson(3, (1, 2), stretch=2.0),
]


def test_drawing_leaves_out_needs_that_follow_from_others():
    assert find_nearest(LESSONS) == [(0, ()), (1, (0,)), (2, (1,)), (3, (2,))]


def test_map_gives_needs_hours_points_and_totals():
    page = write_map(LESSONS)
    assert "| [3 · L3](../notebooks/3/3.ipynb) | 1, 2 | 1–1.5 | 10 | 2 |" in page
    assert "| **together** | | **4 to 6** | **40** | **2** |" in page
    assert "- learn 2" in page


def test_drawing_names_every_lesson_and_says_itself_in_words():
    svg = draw_map(LESSONS)
    assert all(f"Lesson {one.number}" in svg for one in LESSONS)
    assert "3 needs 2" in svg
