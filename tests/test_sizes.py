"""Modules and functions that fit into a head; docs/design.md says why."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted([*(ROOT / "grader").rglob("*.py"), *(ROOT / ".ci").glob("*.py")])
MAX_MODULE, MAX_FUNCTION, MAX_PARAMETERS = 300, 50, 5
# Flat tables, one line for each entry, may be longer: name them here, with the reason.
TABLES = {
    "grader/answers/messages.py": 450,  # every sentence that a check says
    "grader/diagnose/tape/rules.py": 650,  # one rule for each operation
}
# Each of its functions has the parameters of the torch function that it stands for.
SIGNATURES_OF_TORCH = ROOT / "grader/diagnose/tape/rules.py"


def count_lines(path):
    return path.read_text(encoding="utf-8").count("\n")


def find_functions(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [node for node in ast.walk(tree) if isinstance(node, kinds)]


def count_body(function):
    """Count a function's lines without signature and docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def count_parameters(function):
    """Count what has to be given by position, without self and options with names."""
    if function.name == "_print_warning":  # has the parameters of warnings.showwarning
        return 0
    names = [one.arg for one in function.args.posonlyargs + function.args.args]
    return len([name for name in names if name not in {"self", "cls"}])


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_and_its_functions_stay_small(path):
    assert count_lines(path) <= TABLES.get(str(path.relative_to(ROOT)), MAX_MODULE)
    long = [one.name for one in find_functions(path) if count_body(one) > MAX_FUNCTION]
    wide = [
        one.name
        for one in find_functions(path)
        if count_parameters(one) > MAX_PARAMETERS and path != SIGNATURES_OF_TORCH
    ]
    assert (long, wide) == ([], [])


@pytest.mark.parametrize("name", TABLES)
def test_module_that_shrank_has_no_limit_of_its_own(name):
    assert count_lines(ROOT / name) > MAX_MODULE


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_says_what_it_owns(path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_nine_in_ten_functions_are_short():
    counts = sorted(count_body(one) for path in SOURCES for one in find_functions(path))
    assert counts[int(0.9 * len(counts))] <= 25
