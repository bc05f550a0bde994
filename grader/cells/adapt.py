"""Small changes to an instructor's cell, so that proxies behave and no text is run.

`type(x)` of a proxy is the class it stands for, `del` under `global` reaches the
namespace, and `eval` and `exec` run only what is written out in the cell.
"""

from __future__ import annotations

import ast

RUNS_TEXT = ("eval", "exec", "compile")


class Adapt(ast.NodeTransformer):
    """Changes the tree of a cell in place; `visit` starts it."""

    def __init__(self, tree: ast.Module) -> None:
        self._written = find_written_names(tree)
        self._globals: list[set[str]] = []

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Give `type(x)` and what runs written text their own names."""
        self.generic_visit(node)
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        is_type = name == "type" and len(node.args) == 1 and not node.keywords
        is_run = name in RUNS_TEXT and bool(node.args)
        if is_type or (is_run and is_written(node.args[0], self._written)):
            ours = ast.Name(f"__grader_{name}__", ast.Load())
            node.func = ast.copy_location(ours, node.func)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Know which names a function has declared as global."""
        parts = [part for part in ast.walk(node) if isinstance(part, ast.Global)]
        self._globals.append({name for part in parts for name in part.names})
        self.generic_visit(node)
        self._globals.pop()
        return node

    def visit_Delete(self, node: ast.Delete) -> ast.AST:
        """Delete a global by its namespace: Python's own way goes past that."""
        declared = self._globals[-1] if self._globals else set()
        for index, target in enumerate(node.targets):
            if isinstance(target, ast.Name) and target.id in declared:
                call = ast.parse("globals()", mode="eval").body
                made = ast.Subscript(call, ast.Constant(target.id), ast.Del())
                node.targets[index] = ast.copy_location(made, target)
        return node


def find_written_names(tree: ast.Module) -> frozenset[str]:
    """Return the names that only ever hold what is written out in the cell."""
    written: set[str] = set()
    others: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            names = [t.id for t in node.targets if isinstance(t, ast.Name)]
            (written if is_written(node.value) else others).update(names)
        elif isinstance(node, ast.For | ast.comprehension):
            names = [n.id for n in ast.walk(node.target) if isinstance(n, ast.Name)]
            (written if _is_written_loop(node.iter) else others).update(names)
        elif isinstance(node, ast.arg):
            others.add(node.arg)
        elif isinstance(node, ast.AugAssign | ast.NamedExpr | ast.withitem):
            others |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    return frozenset(written - others)


def _is_written_loop(node: ast.expr) -> bool:
    is_range = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    if is_range and node.func.id == "range":  # type: ignore[attr-defined]
        return all(map(is_written, node.args))  # type: ignore[attr-defined]
    return is_written(node)


def is_written(node: ast.expr, names: frozenset[str] = frozenset()) -> bool:
    """Whether an expression is made of constants, and of names that hold such."""
    if isinstance(node, ast.Name):
        return node.id in names
    if isinstance(node, ast.Tuple | ast.List | ast.JoinedStr):
        parts = node.values if isinstance(node, ast.JoinedStr) else node.elts
        return all(is_written(part, names) for part in parts)
    if isinstance(node, ast.FormattedValue):
        return is_written(node.value, names)
    if isinstance(node, ast.BinOp):
        return is_written(node.left, names) and is_written(node.right, names)
    return isinstance(node, ast.Constant)
