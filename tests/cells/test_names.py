"""Whose a name is follows from the release alone."""

from grader.cells.names import find_imports, make_plan, read_names
from grader.submission.assignment import Cell


def test_names_are_told_apart():
    names = read_names("import os\nfrom a import b as c\nx = y\ndef f():\n    return z")
    assert names.imported == {"os", "c"}
    assert names.bound == {"x", "f"}
    assert names.free == {"y", "z"}


def test_names_of_inner_functions_count_only_when_global():
    names = read_names("def f(a):\n    b = a\n    global c\n    c = d\n    return b")
    assert names.bound == {"f", "c"}
    assert names.free == {"d"}


def test_cell_that_is_no_python_binds_nothing():
    assert read_names("this is not python (").bound == set()


def test_magics_are_no_error():
    assert read_names("%matplotlib inline\n!ls\nx = 1").bound >= {"x"}


def test_imports_are_found_inside_try_and_if():
    source = (
        "try:\n    import a\nexcept ImportError:\n    pass\nif 1:\n    from b import c"
    )
    assert len(find_imports(source)) == 2


def cells(*pairs):
    return [Cell(f"c{k}", kind, source) for k, (kind, source) in enumerate(pairs)]


def test_names_of_plain_cells_are_the_students_and_of_locked_ones_not():
    plan = make_plan(cells(("plain", "x = 1\ny = 2"), ("locked", "y = 3")))
    assert plan.students == {"x"}


def test_variable_of_a_test_is_not_shared():
    plan = make_plan(cells(("plain", "x = 1"), ("check", "expected = 2\nx = 3")))
    assert "expected" not in plan.shared and "x" in plan.shared


def test_name_that_a_later_plain_cell_reads_is_shared():
    plan = make_plan(cells(("check", "data = 1"), ("plain", "print(data)")))
    assert "data" in plan.shared


def test_temporary_of_a_test_goes_back_when_the_text_gives_it_to_the_student():
    given = [
        *cells(("check", "result = 1")),
        Cell("text", "markdown", "Store it in `result`.", "markdown"),
        Cell("a", "answer", "# your code"),
    ]
    assert make_plan(given).handed_back["a"] == {"result"}
