import pytest
from nbformat.v4 import new_code_cell, new_notebook

from grader.release.stubs import NameStubs, write_stub

MASTER = """\
def f(x):
    ### BEGIN SOLUTION{text}
    return x
    ### END SOLUTION"""


def clear(text):
    return clear_source(MASTER.format(text=text))


def clear_source(source):
    role = {"grade": False, "locked": False, "solution": True, "schema_version": 3}
    cell = new_code_cell(source, metadata={"nbgrader": {**role, "grade_id": "f"}})
    notebook = new_notebook(cells=[cell])
    NameStubs().preprocess(notebook, {})
    return notebook.cells[0].source


def test_stub_names_its_exercise():
    assert clear(" 5.3: return dL_dz") == (
        'def f(x):\n    raise NotImplementedError("Exercise 5.3: return dL_dz")'
    )


def test_each_region_has_its_own_stub():
    source = clear_source("\n".join(MASTER.format(text=f" 5.{n}: it") for n in (1, 2)))
    assert source.count("Exercise 5.1: it") == source.count("Exercise 5.2: it") == 1


def test_begin_line_without_text_gets_nbgraders_stub():
    stub = "    # YOUR CODE HERE\n    raise NotImplementedError()"
    assert clear("") == f"def f(x):\n{stub}"


@pytest.mark.parametrize("text", ['5.1: say "w"', "5.1: a \\ b", "5.1: ∂L/∂z"])
def test_any_text_makes_a_stub_that_raises_it(text):
    with pytest.raises(NotImplementedError) as raised:
        exec(write_stub(text))
    assert str(raised.value) == f"Exercise {text}"
