from grader.complete.exercises import State
from grader.complete.report import is_complete, write_report

MIXED = [State("f", "answered"), State("dw", "to do"), State("g", "missing", "gone")]


def test_report_counts_and_names_each_exercise():
    assert write_report("a.ipynb", MIXED).splitlines() == [
        "a.ipynb: 2 of 3 exercises found, 1 still to do",
        "  ✓ f   answered",
        "  · dw  to do",
        "  ✗ g   missing (gone)",
        "  Take a missing cell from a fresh copy of the lesson.",
    ]


def test_complete_file_is_told_so():
    assert write_report("a", MIXED[:1]).startswith("a: 1 of 1 exercises found, all")
    assert is_complete(MIXED[:1]) and not is_complete(MIXED)


def test_file_without_exercises_is_not_complete():
    assert write_report("a", []) == "a: no exercise is found in it"
    assert not is_complete([])


def test_missing_list_is_told():
    assert "is not noticed" in write_report("a", MIXED, is_listed=False)
