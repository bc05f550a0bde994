"""The master's own answers: what they find, and what becomes of it."""

import pytest

from grader.rehearsal.rehearsal import (
    Rehearsed,
    hand_in,
    mark_unfit,
    rehearse,
    rehearse_once,
)
from grader.submission.assignment import Assignment, Cell, MasterNotebook
from grader.submission.result import Result, Verdict

CELLS = (
    Cell("f", "answer", "raise NotImplementedError", exercise="f", release="stub"),
    Cell("test_f", "check", "assert f() == 1", points=2.0, exercise="f"),
)
ASSIGNMENT = Assignment("a1", (MasterNotebook("n1", CELLS),))
ANSWERS = {("n1", "f"): "def f(): return 1"}
PLACE = ("n1", "test_f")


def make_examine(outside, inside, status="wrong"):
    """Give points by where the test runs."""

    def examine(submission):
        check = submission.notebooks[0].cells[1]
        points = inside if "inside" in check.tags else outside
        kind = "right" if points == 2 else status
        verdict = Verdict("test_f", points, 2.0, kind, "why", notebook="n1")
        return Result("", "a1", "d", (verdict,))

    return examine


def test_answers_of_the_master_are_handed_in():
    (notebook,) = hand_in(ASSIGNMENT, ANSWERS).notebooks
    assert [cell.source for cell in notebook.cells] == [
        "def f(): return 1",
        "assert f() == 1",
    ]


def test_test_that_fails_only_outside_is_unfit():
    found = rehearse(ASSIGNMENT, ANSWERS, make_examine(0, 2))
    assert list(found.unfit) == [PLACE]
    assert found.notes == ()


def test_test_that_fails_everywhere_is_told_and_stays():
    found = rehearse(ASSIGNMENT, ANSWERS, make_examine(0.5, 0.5, "partial"))
    assert found.unfit == {}
    assert found.notes[0].startswith("test_f: the master's own answer earns 0.5 of 2")


def test_test_that_takes_the_master_for_a_cheat_is_unfit():
    found = rehearse(ASSIGNMENT, ANSWERS, make_examine(0, 0, "cheated"))
    assert "not by hand" in found.unfit[PLACE]
    assert found.notes == ()


@pytest.mark.parametrize("status", ["unsolved", "timed-out", "staff"])
def test_masters_without_answers_tell_nothing(status):
    assert rehearse(ASSIGNMENT, {}, make_examine(0, 2, status)) == Rehearsed()


def test_same_masters_rehearse_once(tmp_path):
    found = Rehearsed({PLACE: "because"}, ("a note",))
    runs = []

    def run():
        runs.append(1)
        return found

    path = tmp_path / "a1.rehearsal"
    same = [rehearse_once(path, ("key",), run) for _ in range(2)]
    assert same == [found, found]
    assert len(runs) == 1
    rehearse_once(path, ("another",), run)
    assert len(runs) == 2


def test_spoilt_memory_rehearses_again(tmp_path):
    path = tmp_path / "a1.rehearsal"
    rehearse_once(path, ("key",), Rehearsed)
    path.write_text(path.read_text().partition("\n")[0] + "\n{")
    assert rehearse_once(path, ("key",), Rehearsed) == Rehearsed()


def test_only_the_unfit_test_is_marked():
    submission = hand_in(ASSIGNMENT, ANSWERS)
    marked = mark_unfit(submission, {PLACE: "because"})
    assert [cell.unfit for cell in marked.notebooks[0].cells] == ["", "because"]
    assert mark_unfit(submission, {}) is submission
