import pytest

from grader.complete.exercises import find_marked, find_states, find_words, read_cells

DONE = "# exercise: f\ndef f(x):\n    return x"
STUB = '# exercise: f\ndef f(x):\n    raise NotImplementedError("Exercise 1.1: f")'


def make_cells(*sources, **keys):
    cells = [{"cell_type": "code", "source": source, **keys} for source in sources]
    return read_cells({"cells": cells})


@pytest.mark.parametrize(
    ("sources", "state"),
    [
        ([DONE], "answered"),
        ([STUB], "to do"),
        ([], "missing"),
        ([DONE.replace("f\n", "other\n", 1)], "missing"),
        ([DONE.replace(":\n    return", "\n    return")], "no Python"),
        (["# exercise: f\n"], "no Python"),
        ([STUB, DONE], "answered"),
        ([DONE, STUB], "answered"),
        ([DONE + "\n%timeit f(1)"], "answered"),
    ],
)
def test_state_of_an_exercise(sources, state):
    assert [one.state for one in find_states(["f"], make_cells(*sources))] == [state]


def test_second_copy_is_told():
    (one,) = find_states(["f"], make_cells(DONE, DONE))
    assert one.note == "stands in 2 cells: keep one"


def test_unsolved_functions_of_one_exercise_are_counted():
    (one,) = find_states(["f"], make_cells(STUB + STUB.removeprefix("# exercise: f")))
    assert one.note == "2 lines begin with 'raise'"


@pytest.mark.parametrize(
    "keys",
    [
        {"id": "f"},
        {"metadata": {"id": "f"}},
        {"metadata": {"nbgrader": {"grade_id": "f"}}},
    ],
)
def test_cell_that_lost_its_marker_is_known_by_its_id(keys):
    (one,) = find_states(["f"], make_cells("def f(x):\n    return x", **keys))
    assert one.state == "answered"


def test_list_of_the_last_cell_is_read():
    cells = make_cells(DONE, 'from grader import complete\ncomplete.look("f g")')
    assert find_words(cells) == ["f", "g"]
    assert find_marked(cells) == ["f"]


@pytest.mark.parametrize("cells", [None, 3, [None], [{"cell_type": "code"}], ["x"]])
def test_what_is_no_cell_is_passed_over(cells):
    assert [cell.source for cell in read_cells({"cells": cells})] in ([], [""])


def test_lines_of_a_source_are_joined():
    (cell,) = make_cells(["a\n", "b"])
    assert cell.source == "a\nb"
