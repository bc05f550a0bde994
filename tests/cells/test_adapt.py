"""Text is run only where it is written out in the cell."""

import ast

import pytest

from grader.cells.adapt import Adapt


def adapt(source):
    tree = ast.parse(source)
    return ast.unparse(Adapt(tree).visit(tree))


@pytest.mark.parametrize(
    "source",
    [
        "eval('x + 1')",
        "code = 'x = 1'\nexec(code)",
        "for k in range(3):\n    eval(f'q{k}')",
        "for n in ['a', 'b']:\n    eval(n + '_x')",
        "compile('1', '', 'eval')",
    ],
)
def test_written_text_is_run(source):
    assert "__grader_" in adapt(source)


@pytest.mark.parametrize(
    "source",
    [
        "eval(answer())",
        "eval(f'{answer}')",
        "code = 'x'\ncode = answer\neval(code)",
        "code = 'x'\ncode += answer\neval(code)",
        "def f(code):\n    eval(code)\nf(answer)",
        "for k in answer:\n    eval(k)",
        "exec(In[-1])",
    ],
)
def test_text_from_elsewhere_is_not(source):
    assert "__grader_" not in adapt(source)


def test_type_of_a_class_statement_is_left_alone():
    assert adapt("type('A', (), {})") == "type('A', (), {})"
    assert adapt("type(x)") == "__grader_type__(x)"
