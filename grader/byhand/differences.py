"""Recognises a difference quotient: one function at a point and a step beside it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

_PLAIN = {"len", "range", "int", "float", "abs", "max", "min", "sum", "print"}


@dataclass(frozen=True)
class _Point:
    """Where a function is called: a base, and the step that was added to it."""

    base: str
    step: str = ""
    sign: int = 0

    def is_beside(self, other: _Point) -> bool:
        """Whether the two differ by a step alone."""
        same = self.base == other.base and (self.step, self.sign) != (
            other.step,
            other.sign,
        )
        return same and (not self.step or not other.step or self.step == other.step)


@dataclass
class _Names:
    """What simple assignments say of a function's variables."""

    points: dict[str, _Point] = field(default_factory=dict)
    calls: dict[str, list[ast.Call]] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)


def find_differences(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield each subtraction of a function's value from its own value nearby."""
    names = _read_assignments(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
            left, right = _calls_in(node.left, names), _calls_in(node.right, names)
            if any(_are_neighbours(a, b, names) for a in left for b in right):
                yield node


def _read_assignments(tree: ast.AST) -> _Names:
    names = _Names()
    for node in sorted(_assignments(tree), key=lambda node: node.lineno):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        name = _root(target)
        if not name or node.value is None:
            continue
        if isinstance(node, ast.AugAssign):
            names.changed.add(name)
            if isinstance(node.op, (ast.Add, ast.Sub)):
                base = names.points.get(name, _Point(name)).base
                sign = 1 if isinstance(node.op, ast.Add) else -1
                names.points[name] = _Point(base, ast.dump(node.value), sign)
        elif isinstance(target, ast.Name):
            names.points[name] = _read_point(node.value, names)
            names.calls[name] = [n for n in ast.walk(node.value) if _is_call(n)]  # type: ignore[misc]
        else:  # x[i] = x[i] + h
            names.changed.add(name)
            names.points[name] = _Point(name, ast.dump(node.value), 1)
    return names


def _assignments(tree: ast.AST) -> list[ast.Assign | ast.AugAssign | ast.AnnAssign]:
    kinds = (ast.Assign, ast.AugAssign, ast.AnnAssign)
    return [node for node in ast.walk(tree) if isinstance(node, kinds)]


def _root(target: ast.AST) -> str:
    while isinstance(target, (ast.Subscript, ast.Attribute)):
        target = target.value
    return target.id if isinstance(target, ast.Name) else ""


def _read_point(node: ast.expr, names: _Names) -> _Point:
    if isinstance(node, ast.Name):
        return names.points.get(node.id, _Point(node.id))
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        sign = 1 if isinstance(node.op, ast.Add) else -1
        return _Point(_read_point(node.left, names).base, ast.dump(node.right), sign)
    match node:
        case ast.Call(
            func=ast.Attribute(value=value, attr="clone" | "copy" | "detach")
        ):
            return _read_point(value, names)
    return _Point(ast.dump(node))


def _is_call(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and bool(node.args)
        and not (isinstance(node.func, ast.Name) and node.func.id in _PLAIN)
    )


def _calls_in(node: ast.AST, names: _Names) -> list[ast.Call]:
    found = [n for n in ast.walk(node) if isinstance(n, ast.Call) and _is_call(n)]
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            found += names.calls.get(inner.id, [])
    return found


def _are_neighbours(a: ast.Call, b: ast.Call, names: _Names) -> bool:
    if ast.dump(a.func) != ast.dump(b.func) or len(a.args) != len(b.args):
        return False
    if ast.dump(a) == ast.dump(b):  # the same call, of a variable changed in between
        return a is not b and any(_root(arg) in names.changed for arg in a.args)
    pairs = list(zip(a.args, b.args, strict=True))
    other = [(x, y) for x, y in pairs if ast.dump(x) != ast.dump(y)]
    return bool(other) and all(
        _read_point(x, names).is_beside(_read_point(y, names)) for x, y in other
    )
