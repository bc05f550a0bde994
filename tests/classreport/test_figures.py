"""Arithmetic of a class: means, ends, mistakes, and who needs a person."""

from dataclasses import replace

from grader.classreport.command import write_short
from grader.classreport.figures import count


def test_scores_are_summed_up(figures):
    assert (figures.handed_in, figures.missing, figures.full) == (10, 1, 3)
    assert figures.mean == 4.0
    assert figures.median == 4.0


def test_mistakes_are_counted_by_times_and_students(figures):
    (mistake,) = figures.mistakes
    assert (mistake.kind, mistake.times, mistake.students) == ("sign", 5, 5)
    assert mistake.places == ((("ex", "test_g"), 5),)
    assert figures.unnamed == 10  # h is wrong without a name


def test_strong_and_weak_ends_differ_where_an_exercise_tells(figures):
    f, g, _ = figures.exercises
    assert (f.strong, f.weak, f.link) == (1.0, 1.0, None)
    assert (g.strong, g.weak) == (1.0, 0.0)
    assert g.name == "g"
    assert g.mean == 0.5


def test_a_handful_has_no_ends(grades, records):
    few = count("week1", grades[:5], records)
    assert {one.strong for one in few.exercises} == {None}


def test_nobody_is_no_error():
    empty = count("week1", [], {})
    assert (empty.mean, empty.median, empty.exercises) == (0.0, 0.0, ())
    assert "0 handed in" in next(iter(write_short(empty)))


def test_who_has_no_mark_needs_a_person(grades, records):
    parts = (replace(grades[0].parts[0], points=None), *grades[0].parts[1:])
    records["s0"] = replace(records["s0"], staff=("The grader was lost.",))
    found = count("week1", [replace(grades[0], parts=parts)], records)
    assert found.waiting == {"s0": ("No mark yet: f.", "The grader was lost.")}


def test_repairs_are_told(figures):
    assert figures.repaired == {"s7": ("Copy of ex was taken for ex.",)}


def test_figures_name_nobody(figures):
    assert "s7" not in str(figures.to_plain())
