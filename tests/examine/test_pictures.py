"""Which pictures are left out: those that nothing needs, and that nobody changed."""

import pytest

from grader.examine.examine import find_idle_pictures
from grader.submission.assignment import Cell

DRAWS = "z = 3\nplot(z)"


def find(*later, source=DRAWS, tags=("picture",)):
    picture = Cell("p", "plain", source, tags=tags, release=DRAWS)
    cells = [Cell(f"c{k}", "answer", text) for k, text in enumerate(later)]
    return find_idle_pictures([picture, *cells])


def test_picture_that_nothing_needs_is_left_out():
    assert find("def slope(z):\n    return 2 * z", "# z is above") == {"p"}


@pytest.mark.parametrize("later", ["w = z + 1", "def slope(x):\n    return z * x"])
def test_picture_whose_name_is_read_later_is_drawn(later):
    assert not find("x = 1", later)


def test_picture_that_a_student_changed_is_drawn():
    assert not find(source=DRAWS + "\nmine = 1")


def test_cell_without_the_tag_runs():
    assert not find(tags=())


def test_picture_that_only_an_idle_one_needs_is_left_out():
    two = [
        Cell(k, "plain", text, tags=("picture",), release=text)
        for k, text in (("a", "import pyplot as plt"), ("b", "plt.plot()"))
    ]
    assert find_idle_pictures(two) == {"a", "b"}


def test_idle_picture_has_no_output_and_costs_no_points(grade):
    released = "print('drawn')"
    picture = Cell("p", "plain", released, tags=("picture",), release=released)
    check = Cell("test_one", "check", "assert one == 1", points=1.0)
    answer = Cell("one", "answer", "one = 1", exercise="one", release="raise")
    result = grade(picture, answer, check)
    assert result.verdicts[0].points == 1
    assert result.notebooks["n1"]["cells"][0]["outputs"] == []
