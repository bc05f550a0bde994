"""Wall 5: with what a student's object may be compared and combined.

An expected value must not be sent in. Objects of the student may meet one another, and
literals of the test, where the test names their class; the result must be such an
object again, and says nothing of itself as a number or as true.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Generator, Iterable
from itertools import islice
from types import CodeType, FrameType
from typing import Any

from grader.errors import GraderError
from grader.peers.specials import (
    ARITHMETIC,
    COMPARING,
    COMPARISONS,
    CONVERSIONS,
    INPLACE,
    JUDGES,
    OTHERS,
    REFLECTED,
)
from grader.proxies.errors import KEPT_BACK, MIXED, Mixed, NotExaminable
from grader.proxies.objects import Ref, get_ref, is_students

Place = tuple[int | None, int | None, int | None, int | None]


def find_literal_operations(tree: ast.AST) -> frozenset[Place]:
    """Return where a literal is an operand: line, last line, column, last column."""
    return frozenset(
        (node.lineno, node.end_lineno, node.col_offset, node.end_col_offset)
        for node in ast.walk(tree)
        if isinstance(node, ast.BinOp | ast.AugAssign)
        and any(is_literal(operand) for operand in _operands(node))
    )


def _operands(node: ast.BinOp | ast.AugAssign) -> Iterable[ast.expr]:
    return (node.left, node.right) if isinstance(node, ast.BinOp) else (node.value,)


def is_literal(node: ast.expr) -> bool:
    """Whether an expression is written out: `2`, `-1.5`, `"x"`, `(1, 2)`."""
    if isinstance(node, ast.UnaryOp):
        return is_literal(node.operand)
    if isinstance(node, ast.Tuple | ast.List):
        return all(is_literal(part) for part in node.elts)
    return isinstance(node, ast.Constant)


def find_place(frame: FrameType) -> Place:
    """Return where in its source a frame is now."""
    code: CodeType = frame.f_code
    return next(islice(code.co_positions(), frame.f_lasti // 2, None))


def find_caller(depth: int) -> FrameType:
    """Return the frame that uses a proxy, from inside one of its methods."""
    return sys._getframe(depth + 1)


def _compare(proxy: Any, other: Any, name: str) -> Any:
    """Compare over there with another of the student's; out here with nothing else."""
    ref = get_ref(proxy)
    is_equality = name in ("__eq__", "__ne__")
    if not ({name, "__eq__"} if is_equality else {name}) & ref.facts.specials:
        return NotImplemented  # identity decides, as it would over there
    if other is None or other is ...:
        return NotImplemented
    if is_students(other):
        return ref.line.operate(name, (proxy, other))
    return _refuse(ref, "comparing")


def _refuse(ref: Ref, action: str) -> Any:
    """Refuse what would let the student's code decide.

    Where the test means their class, or a library made it, nobody is to blame: staff
    must look.
    """
    sentence = MIXED.format(name=ref.facts.names[0], action=action)
    if ref.line.mentions(ref.facts) or ref.facts.place is not None:
        ref.line.fault = NotExaminable(sentence)
        raise ref.line.fault
    ref.line.note(sentence)
    raise Mixed(sentence)


def check_judging(line: Any, thing: Any, name: str, values: Iterable[Any]) -> None:
    """Refuse a method by which a student's object would judge a value from outside.

    Methods of a class that the test means are what it tries, but for comparisons.
    """
    if name not in JUDGES or all(v is None or is_students(v) for v in values):
        return
    ref = get_ref(thing) if is_students(thing) else None
    action = f"using .{name}() of"
    if not isinstance(ref, Ref):  # a function, or an object of a class of both sides
        name = "A function" if ref else f"This {type(thing).__name__}"
        sentence = MIXED.format(name=name, action=action)
        line.note(sentence)
        raise Mixed(sentence)
    if name in COMPARING or not line.means(ref.facts):
        _refuse(ref, action)


def _combine(proxy: Any, other: Any, name: str, *, reflected: bool) -> Any:
    """Combine over there with another of the student's, or with a literal."""
    ref = get_ref(proxy)
    operands = (other, proxy) if reflected else (proxy, other)
    if is_students(other):
        return ref.line.operate(name, operands)
    starts_sum = reflected and type(other) is int and other == 0
    if not starts_sum and not ref.line.allows_literal(ref.facts, find_caller(2)):
        return _refuse(ref, "combining")
    made = ref.line.operate(name, operands)
    if not is_students(made):
        return _refuse(ref, "combining")
    get_ref(made).is_mixed = True
    return made


def _forward_comparison(name: str) -> Callable[..., Any]:
    def compare(self: Any, other: Any) -> Any:
        return _compare(self, other, name)

    return compare


def _forward_arithmetic(name: str, *, reflected: bool) -> Callable[..., Any]:
    def combine(self: Any, other: Any) -> Any:
        return _combine(self, other, name, reflected=reflected)

    return combine


def _forward_conversion(name: str) -> Callable[..., Any]:
    def convert(self: Any, *args: Any) -> Any:
        ref = get_ref(self)
        if ref.is_mixed:
            return _refuse(ref, "judging")
        return ref.line.operate(name, (self, *args))

    return convert


def _forward_other(name: str) -> Callable[..., Any]:
    def forward(self: Any, *args: Any, **kwargs: Any) -> Any:
        return get_ref(self).line.operate(name, (self, *args), kwargs)

    return forward


def _forward_contains(self: Any, item: Any) -> Any:
    ref = get_ref(self)
    if not is_students(item) and not ref.line.means(ref.facts):
        return _refuse(ref, "searching")
    return ref.line.operate("__contains__", (self, item))


def _forward_exit(self: Any, kind: Any, error: Any, trace: Any) -> Any:
    """Tell what kind of error the block raised, not its text: that is the test's."""
    told, name = (error if is_students(error) else None), ""
    if kind is not None and told is None:
        name = next(k.__name__ for k in kind.__mro__ if k.__module__ == "builtins")
    line = get_ref(self).line
    keeps = line.operate("__exit__", (self, told, name))
    if kind is None or not _is_tests(kind, error):
        return keeps
    if keeps is not False and keeps is not None:
        line.note(KEPT_BACK)
    return False


def _is_tests(kind: Any, error: Any) -> bool:
    """Whether an error is a test's failure or the grader's: nobody swallows those."""
    if not issubclass(kind, Exception):
        return not is_students(error)
    is_failure = issubclass(kind, AssertionError | GraderError)
    return is_failure and not hasattr(error, "__grader_line__")


def _forward_await(self: Any) -> Generator[Any, None, Any]:
    yield from ()  # `await` wants an iterator
    result: Any = get_ref(self).line.operate("__await__", (self,))
    return result


def forward_special(name: str) -> Callable[..., Any]:
    """Return the method that a class of proxies has under a special name."""
    if name in COMPARISONS:
        return _forward_comparison(name)
    if name in REFLECTED:
        return _forward_arithmetic(REFLECTED[name], reflected=True)
    if name in ARITHMETIC or name in INPLACE:
        return _forward_arithmetic(name, reflected=False)
    if name in CONVERSIONS:
        return _forward_conversion(name)
    if name not in OTHERS:
        raise KeyError(name)
    known: dict[str, Callable[..., Any]] = {
        "__contains__": _forward_contains,
        "__exit__": _forward_exit,
        "__await__": _forward_await,
    }
    return known.get(name, _forward_other(name))
