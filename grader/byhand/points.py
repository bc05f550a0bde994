"""Where a function is called: at a base, and a step beside it; what a step is worth."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

Lookup = Callable[[str], Any]
_CALLS = 64  # of an expression are looked at
DEEP = 8  # names that stand for names
_CONSTANTS = {"pi": math.pi, "e": math.e, "eps": 2.0**-52}
_COPIES = {"clone", "copy", "detach", "item", "numpy"}
_WRAPS = {"float", "tensor", "as_tensor", "abs", "full_like", "float64"}
_PLAIN = {"len", "range", "int", "float", "abs", "max", "min", "sum", "print"}
_OPERATIONS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: math.pow,
}


@dataclass(frozen=True)
class Point:
    """Where a function is called: a base, and the step that was added to it."""

    base: str
    step: ast.expr | None = None
    sign: int = 0


@dataclass(frozen=True)
class Gap:
    """What lies between two calls: how far, where that is a number, and by what."""

    steps: tuple[ast.expr, ...]
    distance: float | None = None


@dataclass
class Names:
    """What simple assignments say of a function's variables, `lookup` of the others."""

    lookup: Lookup
    values: dict[str, ast.expr] = field(default_factory=dict)
    points: dict[str, Point] = field(default_factory=dict)
    calls: dict[str, list[ast.Call]] = field(default_factory=dict)
    changed: dict[str, list[ast.expr]] = field(default_factory=dict)

    def find_value(self, name: str) -> Any:
        """Return the expression, or the live value, that a name stands for."""
        return self.values[name] if name in self.values else self.lookup(name)

    def find_number(self, node: Any, depth: int = DEEP) -> float | None:
        """Return the number that an expression is, None where it is no constant."""
        if isinstance(node, (int, float)) and not isinstance(node, bool):
            return float(node)
        if depth == 0 or not isinstance(node, ast.expr):
            return None
        number: float | None = None
        match node:
            case ast.Constant(value=value):
                number = self.find_number(value, 1)
            case ast.Name(id=name):
                number = self.find_number(self.find_value(name), depth - 1)
            case ast.Attribute(attr=attr):
                number = _CONSTANTS.get(attr)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = self.find_number(operand, depth - 1)
                number = None if inner is None else -inner
            case ast.BinOp():
                number = self._compute(node, depth - 1)
            case ast.Call(func=func, args=[*_, value]) if _name(func) in _WRAPS:
                number = self.find_number(value, depth - 1)
        return number

    def _compute(self, node: ast.BinOp, depth: int) -> float | None:
        operation = _OPERATIONS.get(type(node.op))
        left = self.find_number(node.left, depth)
        right = self.find_number(node.right, depth)
        if operation is None or left is None or right is None:
            return None
        try:
            return operation(left, right)
        except (ArithmeticError, ValueError):
            return None


def read_names(tree: ast.AST, lookup: Lookup) -> Names:
    """Read the assignments of a function, in the order of its lines."""
    names = Names(lookup)
    for name, default in _defaults(tree):
        names.values[name] = default
    for node in sorted(_assignments(tree), key=lambda node: node.lineno):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        for part, value in _pair(target, node.value):
            if name := root_of(part):
                _read_assignment(node, part, (name, value), names)
    return names


def _pair(
    target: ast.expr, value: ast.expr | None
) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield each target with its value: `a, b = c, d` is two."""
    if isinstance(target, (ast.Tuple, ast.List)) and value is not None:
        parts = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
        is_even = len(parts) == len(target.elts)
        values = parts if is_even else [value] * len(target.elts)
        yield from zip(target.elts, values, strict=True)
    elif value is not None:
        yield target, value


_Assignment = ast.Assign | ast.AugAssign | ast.AnnAssign | ast.NamedExpr


def _assignments(tree: ast.AST) -> list[_Assignment]:
    kinds = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.NamedExpr)
    return [node for node in ast.walk(tree) if isinstance(node, kinds)]


def _read_assignment(
    node: _Assignment, target: ast.expr, bound: tuple[str, ast.expr], names: Names
) -> None:
    name, value = bound
    if isinstance(node, ast.AugAssign):
        names.changed.setdefault(name, []).append(value)
        if isinstance(node.op, (ast.Add, ast.Sub)):
            base = names.points.get(name, Point(name)).base
            sign = 1 if isinstance(node.op, ast.Add) else -1
            names.points[name] = Point(base, value, sign)
    elif isinstance(target, ast.Name):
        names.points[name] = next(read_points(value, names))
        names.calls[name] = list_calls(value, names)
        names.values[name] = value
    else:  # x[i] = x[i] + h
        names.changed.setdefault(name, []).append(value)
        names.points[name] = Point(name, value, 1)


def _defaults(tree: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.arguments):
            placed = [*node.posonlyargs, *node.args][::-1]
            for argument, default in zip(placed, node.defaults[::-1], strict=False):
                yield argument.arg, default
            for argument, other in zip(node.kwonlyargs, node.kw_defaults, strict=True):
                if other is not None:
                    yield argument.arg, other
        elif isinstance(node, (ast.For, ast.comprehension)):
            match node.target, node.iter:
                case ast.Name(id=name), ast.Tuple(elts=[one, *_]):
                    yield name, one
                case ast.Name(id=name), ast.List(elts=[one, *_]):
                    yield name, one


def read_points(node: ast.expr, names: Names) -> Iterator[Point]:
    """Yield how an argument can be read: as base and step, either way round."""
    match node:
        case ast.Name(id=name):
            yield names.points.get(name, Point(name))
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            yield Point(next(read_points(left, names)).base, right, 1)
            yield Point(next(read_points(right, names)).base, left, 1)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            yield Point(next(read_points(left, names)).base, right, -1)
        case ast.Call(func=ast.Attribute(value=value, attr=attr)) if attr in _COPIES:
            yield from read_points(value, names)
        case _:
            yield Point(ast.dump(node))


def list_calls(node: ast.AST, names: Names | None = None) -> list[ast.Call]:
    """List the calls in an expression, and those behind its names."""
    found = [n for n in ast.walk(node) if isinstance(n, ast.Call) and _counts(n)]
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and names is not None:
            found += names.calls.get(inner.id, [])
    return found[:_CALLS]


def _counts(call: ast.Call) -> bool:
    plain = isinstance(call.func, ast.Name) and call.func.id in _PLAIN
    return bool(_arguments(call)) and not plain


def _arguments(call: ast.Call) -> list[ast.expr]:
    named = sorted(call.keywords, key=lambda keyword: keyword.arg or "")
    return [*call.args, *(keyword.value for keyword in named)]


def find_gap(a: ast.Call, b: ast.Call, names: Names) -> Gap | None:
    """Return what lies between two calls of one function, None if not just a step."""
    ones, others = _arguments(a), _arguments(b)
    if ast.dump(a.func) != ast.dump(b.func) or len(ones) != len(others):
        return None
    if ast.dump(a) == ast.dump(b):  # the same call, of a variable changed in between
        steps = [s for arg in ones for s in names.changed.get(root_of(arg), [])]
        return Gap(tuple(steps)) if steps and a is not b else None
    both = zip(ones, others, strict=True)
    pairs = [(x, y) for x, y in both if ast.dump(x) != ast.dump(y)]
    gaps = [_find_step(x, y, names) for x, y in pairs]
    found = [gap for gap in gaps if gap is not None]
    return found[0] if found and len(found) == len(gaps) else None


def _find_step(x: ast.expr, y: ast.expr, names: Names) -> Gap | None:
    for one in read_points(x, names):
        for other in read_points(y, names):
            if one.base == other.base and (gap := _measure(one, other, names)):
                return gap
    return None


def _measure(one: Point, other: Point, names: Names) -> Gap | None:
    steps = tuple(p.step for p in (one, other) if p.step is not None)
    numbers = [
        0.0 if p.step is None else names.find_number(p.step) for p in (one, other)
    ]
    known = [number for number in numbers if number is not None]
    if len(known) == len(numbers):
        distance = abs(one.sign * known[0] - other.sign * known[1])
        return Gap(steps, distance) if distance else None
    same = len({ast.dump(step) for step in steps}) == 1
    if same and len(steps) > 1 and one.sign == other.sign:
        return None
    shared = set.intersection(*(names_in(step) for step in steps))
    return Gap(steps) if same or shared else None


def names_in(node: ast.AST) -> set[str]:
    """Return all names in an expression."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def root_of(target: ast.AST) -> str:
    """Return the name that an entry or an attribute is taken of, or ""."""
    while isinstance(target, (ast.Subscript, ast.Attribute)):
        target = target.value
    return target.id if isinstance(target, ast.Name) else ""


def _name(func: ast.expr) -> str:
    return getattr(func, "id", getattr(func, "attr", ""))


def product_terms(
    node: ast.expr, names: Names, sign: int = 1, depth: int = DEEP
) -> Sequence[tuple[ast.expr, int]]:
    """Split a product: each factor, with -1 where it divides."""
    if depth == 0:
        return [(node, sign)]
    match node:
        case ast.BinOp(left=left, op=ast.Mult() | ast.Div() as op, right=right):
            other = -sign if isinstance(op, ast.Div) else sign
            terms = [*product_terms(left, names, sign, depth - 1)]
            return [*terms, *product_terms(right, names, other, depth - 1)]
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            power = names.find_number(right)
            flipped = -sign if power is not None and power < 0 else sign
            return (
                [(node, sign), (left, flipped)] if flipped != sign else [(node, sign)]
            )
        case ast.Name(id=name) if isinstance(names.values.get(name), ast.BinOp):
            inner = product_terms(names.values[name], names, sign, depth - 1)
            return [(node, sign), *inner]
    return [(node, sign)]
