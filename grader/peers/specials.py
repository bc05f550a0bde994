"""The special methods that a student's object may have and its proxy then has too."""

from __future__ import annotations

import asyncio
import builtins
import cmath
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from grader.values.packing import Node, check_text, refuse

COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "__eq__": operator.eq,
    "__ne__": operator.ne,
    "__lt__": operator.lt,
    "__le__": operator.le,
    "__gt__": operator.gt,
    "__ge__": operator.ge,
}
ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = {
    "__add__": operator.add,
    "__sub__": operator.sub,
    "__mul__": operator.mul,
    "__matmul__": operator.matmul,
    "__truediv__": operator.truediv,
    "__floordiv__": operator.floordiv,
    "__mod__": operator.mod,
    "__divmod__": divmod,
    "__pow__": operator.pow,
    "__lshift__": operator.lshift,
    "__rshift__": operator.rshift,
    "__and__": operator.and_,
    "__xor__": operator.xor,
    "__or__": operator.or_,
}
INPLACE: Mapping[str, Callable[[Any, Any], Any]] = {
    f"__i{name}__": getattr(operator, f"i{name}")
    for name in (
        *("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "pow"),
        *("lshift", "rshift", "and", "xor", "or"),
    )
}
CONVERSIONS: Mapping[str, Callable[..., Any]] = {  # what an object says of itself
    "__bool__": bool,
    "__len__": len,
    "__int__": int,
    "__float__": float,
    "__complex__": complex,
    "__index__": operator.index,
    "__abs__": abs,
    "__round__": round,
    "__trunc__": math.trunc,
    "__floor__": math.floor,
    "__ceil__": math.ceil,
    "__bytes__": bytes,
}


async def _wait_for(thing: Any) -> Any:
    return await thing


def _leave(thing: Any, error: BaseException | None, name: str) -> Any:
    """Leave a context; `name` is of the built-in error that the block raised."""
    raised = getattr(builtins, name)() if name and error is None else error
    kind = None if raised is None else type(raised)
    return thing.__exit__(kind, raised, getattr(raised, "__traceback__", None))


OTHERS: Mapping[str, Callable[..., Any]] = {
    "__neg__": operator.neg,
    "__pos__": operator.pos,
    "__invert__": operator.invert,
    "__iter__": iter,
    "__next__": next,
    "__reversed__": reversed,
    "__getitem__": operator.getitem,
    "__setitem__": operator.setitem,
    "__delitem__": operator.delitem,
    "__contains__": operator.contains,
    "__enter__": lambda thing: type(thing).__enter__(thing),
    "__exit__": _leave,
    "__array__": lambda thing, *about: thing.__array__(*about),
    "__format__": format,
    "__await__": lambda thing: asyncio.run(_wait_for(thing)),
    "__call__": lambda thing, *args, **kwargs: thing(*args, **kwargs),
}
# By the name of the special method: what the student's process does for it.
OPERATORS: Mapping[str, Callable[..., Any]] = {
    **COMPARISONS,
    **ARITHMETIC,
    **INPLACE,
    **CONVERSIONS,
    **OTHERS,
}
# What a tensor, an array, a table, a text, a list, a set or a number says of another.
COMPARING = frozenset({"allclose", "isclose", "equal", "eq", "ne", *COMPARISONS})
REFLECTED: Mapping[str, str] = {f"__r{name[2:]}": name for name in ARITHMETIC}
FORWARDED = frozenset({*OPERATORS, *REFLECTED})
JUDGES = frozenset(
    {
        *(*COMPARING, *ARITHMETIC, *INPLACE, *REFLECTED, "__contains__"),
        *("lt", "le", "gt", "ge", "less", "less_equal", "greater", "greater_equal"),
        *("not_equal", "equals", "compare", "isin", "is_same_size", "is_set_to"),
        *("issuperset", "issubset", "isdisjoint", "intersection", "difference"),
        *("symmetric_difference", "contains", "startswith", "endswith", "count"),
        *("index", "find", "rfind", "rindex", "sub", "subtract", "rsub", "dist"),
        *("div", "divide", "rdiv", "truediv", "true_divide", "rtruediv", "floordiv"),
        *("floor_divide", "rfloordiv", "mod", "rmod", "remainder", "fmod", "dot"),
        *("vdot", "inner", "corr", "corrwith", "cov", "maximum", "minimum", "fmax"),
        *("fmin", "logical_and", "logical_or", "logical_xor", "bitwise_and"),
        *("bitwise_or", "bitwise_xor"),
    }
)

# Functions that only compute, with no reach beyond their arguments: either side may
# use its own, so that `f is math.sqrt` holds.
PURE: Mapping[str, Any] = {"math": math, "cmath": cmath, "builtins": builtins}
PURE_BUILTINS = (
    *("abs", "all", "any", "bin", "chr", "divmod", "format", "hash", "hex", "len"),
    *("max", "min", "oct", "ord", "pow", "repr", "round", "sorted", "sum"),
)


def find_pure(function: Any) -> tuple[str, str] | None:
    """Return module and name of a function that only computes."""
    module, name = str(getattr(function, "__module__", "")), str(function.__name__)
    if module not in PURE or getattr(PURE[module], name, None) is not function:
        return None
    return (module, name) if module != "builtins" or name in PURE_BUILTINS else None


def get_pure(module: Node, name: Node) -> Any:
    """Return the function of that place.

    Raises: BadValue when it is none that only computes.
    """
    found = vars(PURE.get(check_text(module), object)).get(check_text(name))
    known = callable(found) and (module != "builtins" or name in PURE_BUILTINS)
    is_ours = module in PURE and not isinstance(found, type) and known
    return found if is_ours else refuse("not a function that only computes")
