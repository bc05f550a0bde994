"""Recognises a difference quotient: one function at a point and a step beside it.

A difference alone is none: the slope of softplus(x + 1) - softplus(x) is a difference
of sigmoids. It counts when the step is tiny, or when it is divided by its step.
"""

from __future__ import annotations

import ast
import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from grader.byhand.points import (
    Gap,
    Lookup,
    Names,
    find_gap,
    list_calls,
    names_in,
    product_terms,
    read_names,
    read_points,
    root_of,
)

_TINY = 1e-2  # a step that no formula takes
_HUGE = 1e3  # a factor that only undoes a tiny step
_CLOSE = 1e-6
_MINUS = {"sub", "subtract", "sub_"}
_OVER = {"div", "true_divide", "truediv", "divide", "div_", "floor_divide"}
_TIMES = {"mul", "multiply", "mul_"}
_THROUGH = {  # calls that hand a difference on
    *("sum", "item", "stack", "tensor", "float", "squeeze", "view", "reshape", "cat"),
    *("clone", "detach", "to", "as_tensor", "array", "numpy", "unsqueeze", "mean"),
}


@dataclass
class _Function:
    """A function's tree, with what the climb from a node needs."""

    names: Names
    parents: Mapping[ast.AST, ast.AST]
    uses: Mapping[str, Sequence[ast.AST]]
    loops: Mapping[str, Sequence[ast.expr]]


def find_differences(tree: ast.AST, lookup: Lookup) -> Iterator[ast.AST]:
    """Yield each subtraction of a function's value from its own value nearby."""
    function = _read(tree, lookup)
    names = function.names
    for node in ast.walk(tree):
        for left, right in _subtracted(node):
            pairs = itertools.product(list_calls(left, names), list_calls(right, names))
            gaps = filter(None, (find_gap(a, b, names) for a, b in pairs))
            if any(_is_quotient(node, gap, function) for gap in gaps):
                yield node
    for side, gap in _signed(function):
        if _is_quotient(side, gap, function):
            yield side


def _read(tree: ast.AST, lookup: Lookup) -> _Function:
    parents: dict[ast.AST, ast.AST] = {}
    uses: defaultdict[str, list[ast.AST]] = defaultdict(list)
    for node in ast.walk(tree):
        parents |= dict.fromkeys(ast.iter_child_nodes(node), node)
        if isinstance(node, ast.Name):
            uses[node.id].append(node)
    loops = dict(_list_loops(tree))
    return _Function(read_names(tree, lookup), parents, uses, loops)


def _subtracted(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    match node:
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            yield left, right
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            if any(_is_negative(side) for side in (left, right)):
                yield left, right
        case ast.Call(func=ast.Attribute(value=left, attr=attr), args=[right]):
            if attr in _MINUS:
                yield left, right
        case ast.Call(func=func, args=[left, right]) if _called(func) in _MINUS:
            yield left, right


def _is_negative(node: ast.expr) -> bool:
    while isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Div)):
        node = node.left
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)


def _called(func: ast.AST) -> str:
    return getattr(func, "id", getattr(func, "attr", ""))


def _is_quotient(node: ast.AST, gap: Gap, function: _Function) -> bool:
    numbers = [function.names.find_number(step) for step in gap.steps]
    distance = gap.distance
    sizes = [distance] if distance is not None else [abs(n) for n in numbers if n]
    if any(size <= _TINY for size in sizes):
        return True
    steps = set().union(*(names_in(step) for step in gap.steps))
    for factor, divisors in _climb(node, function):
        if distance is not None and factor is not None:
            if abs(abs(factor) * distance - 1) <= _CLOSE:
                return True
        elif steps & divisors or (
            distance is None and factor is not None and abs(factor) >= _HUGE
        ):
            return True
    return False


def _climb(
    start: ast.AST, function: _Function
) -> Iterator[tuple[float | None, frozenset[str]]]:
    """Yield the factors that a value gets on its way: their number, who divides."""
    todo: list[tuple[ast.AST, float | None, frozenset[str]]] = [
        (start, 1.0, frozenset())
    ]
    seen: set[ast.AST] = set()
    while todo:
        node, factor, divisors = todo.pop()
        if node in seen or node not in function.parents:
            continue
        seen.add(node)
        for term, sign in _factors(node, function):
            number = function.names.find_number(term)
            if not number or factor is None:
                factor = None
            else:
                factor *= number**sign
            divisors |= names_in(term) if sign < 0 else set()
            yield factor, divisors
        todo += ((above, factor, divisors) for above in _go_up(node, function))


def _factors(node: ast.AST, function: _Function) -> Iterator[tuple[ast.expr, int]]:
    """Yield what a node is multiplied with, or divided by, where it stands."""
    found: list[tuple[ast.expr, int]] = []
    match function.parents[node]:
        case ast.BinOp(left=left, op=ast.Div(), right=right) if node is left:
            found = [(right, -1)]
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            found = [(right if node is left else left, 1)]
        case ast.AugAssign(target=target, op=ast.Div() | ast.Mult() as op, value=value):
            if node is target:
                found = [(value, -1 if isinstance(op, ast.Div) else 1)]
        case ast.Call(func=func, args=[*_, last]) if _called(func) in _OVER | _TIMES:
            if node is not last:
                found = [(last, -1 if _called(func) in _OVER else 1)]
    for term, sign in found:
        yield from product_terms(term, function.names, sign)


def _go_up(node: ast.AST, function: _Function) -> Sequence[ast.AST]:
    """Return where a value goes next: outwards, or to the uses of its name."""
    above = function.parents[node]
    goes_on = True
    match above:
        case ast.BinOp(left=left, op=op):
            is_linear = isinstance(op, (ast.Add, ast.Sub, ast.Mult, ast.MatMult))
            goes_on = is_linear or node is left
        case ast.Assign(targets=[target, *_]) | ast.AnnAssign(target=target):
            return function.uses.get(root_of(target), [])
        case ast.AugAssign(target=target) | ast.NamedExpr(target=target):
            rest = [above] if isinstance(above, ast.NamedExpr) else []
            return [*rest, *function.uses.get(root_of(target), [])]
        case ast.FunctionDef(name=name):
            return function.uses.get(name, [])
        case ast.Call(func=func):
            goes_on = node is func or _called(func) in _THROUGH | _OVER | _TIMES
        case ast.stmt():
            goes_on = isinstance(above, ast.Return) or isinstance(node, ast.stmt)
    return [above] if goes_on else []


def _signed(function: _Function) -> Iterator[tuple[ast.expr, Gap]]:
    """Yield each f(x + s) that is taken times s, for an s of either sign."""
    for node in function.parents:
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Div)):
            for side, other in ((node.left, node.right), (node.right, node.left)):
                for call in list_calls(side):
                    for gap in _signed_gaps(call, names_in(other), function):
                        yield side, gap


def _signed_gaps(
    call: ast.Call, factors: set[str], function: _Function
) -> Iterator[Gap]:
    names = function.names
    for step in (p.step for arg in call.args for p in read_points(arg, names)):
        for name in names_in(step) & factors if step is not None else ():
            values = function.loops.get(name)
            if step is not None and values is not None:
                number = names.find_number(step)
                distance = None if number is None else 2 * abs(number)
                yield Gap((step, *values), distance)


def _list_loops(tree: ast.AST) -> Iterator[tuple[str, list[ast.expr]]]:
    """Yield the names that go through numbers of both signs."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.For, ast.comprehension)):
            match node.target, node.iter:
                case ast.Name(id=name), ast.Tuple(elts=values) | ast.List(elts=values):
                    is_minus = [isinstance(value, ast.UnaryOp) for value in values]
                    if any(is_minus) and not all(is_minus):
                        yield name, values
