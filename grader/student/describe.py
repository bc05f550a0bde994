"""Describes a student's objects that do not cross by value: what they are, not hold."""

from __future__ import annotations

import inspect
import re
import sys
import types
from collections import namedtuple
from collections.abc import Mapping
from enum import Enum
from typing import Any

import numpy as np

from grader.peers.specials import FORWARDED

CELL = re.compile(r"Cell In\[(\d{1,6})\]")  # what the shell calls a cell's code
TYPES: Mapping[type, str] = {
    kind: name for name, kind in vars(types).items() if isinstance(kind, type)
}
FUNCTIONS: Mapping[type, str] = {
    types.FunctionType: "function",
    types.MethodType: "method",
    types.BuiltinFunctionType: "builtin",
    types.MethodWrapperType: "builtin",
    types.WrapperDescriptorType: "builtin",
    types.MethodDescriptorType: "builtin",
    np.ufunc: "builtin",
}
PLAIN_TUPLE = namedtuple("PLAIN_TUPLE", "")
EXTENDABLE = (list, dict, set, tuple, str, int, float)
TYPING_NAMES = {"__annotations__", "__orig_bases__"}
TEXT_SHOWN = 10_000  # characters of an error's text


def locate(thing: Any) -> tuple[str, str] | None:
    """Return the module and the name where a library keeps a class or a function."""
    if isinstance(thing, type) and thing in TYPES:
        return "types", TYPES[thing]
    module = getattr(thing, "__module__", None)
    name = getattr(thing, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str) or module == "__main__":
        return None
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, "__dict__", {}).get(part)
    return (module, name) if found is thing else None


def list_specials(kind: type) -> list[str]:
    """Name the special methods that objects of a class answer."""
    held = {name for base in kind.__mro__[:-1] for name in vars(base)}
    absent = {name for name in held if getattr(kind, name, 0) is None}
    return sorted((held & FORWARDED) - absent)


def list_methods(kind: type) -> list[str]:
    """Name the plain methods of a class: asking for one needs no request."""
    return [
        name
        for name in {name for base in kind.__mro__[:-1] for name in vars(base)}
        if not name.startswith("__") and inspect.isfunction(getattr(kind, name, None))
    ]


def is_extended(thing: Any) -> bool:
    """Whether a value of a built-in kind has methods or attributes of its own."""
    kind = type(thing)
    base = next((base for base in EXTENDABLE if base in kind.__mro__), None)
    if base is None or isinstance(thing, Enum) or locate(kind) is not None:
        return False
    own = kind.__mro__[: kind.__mro__.index(base)]
    named = {name for part in own for name in vars(part) if not name.startswith("__")}
    return bool(named or getattr(thing, "__dict__", None)) and not is_namedtuple(kind)


def is_namedtuple(kind: type) -> bool:
    """Whether a class is what `namedtuple` makes, without defaults or methods."""
    fields = getattr(kind, "_fields", None)
    if kind.__bases__ != (tuple,) or not isinstance(fields, tuple):
        return False
    extra = vars(kind).keys() - vars(PLAIN_TUPLE).keys() - set(fields)
    return not getattr(kind, "_field_defaults", None) and extra <= TYPING_NAMES


def find_hash(thing: Any) -> int | bool | None:
    """Return the hash of an object; None when it is by identity, False when none."""
    own: Any = type(thing).__hash__
    if own is object.__hash__:
        return None
    try:
        return hash(thing)
    except Exception:  # noqa: BLE001  a student's __hash__
        return False


def find_place(error: BaseException) -> list[int] | None:
    """Return cell and line of the student's code where an error was raised."""
    place, trace = None, error.__traceback__
    while trace is not None:
        cell = CELL.search(trace.tb_frame.f_code.co_filename)
        if cell is not None:
            place = [int(cell[1]), trace.tb_lineno]
        trace = trace.tb_next
    return place


def find_source(function: Any) -> list[int] | None:
    """Return cell and first line of a function or a class of the student's."""
    code: Any = getattr(inspect.unwrap(function), "__code__", None)
    if code is None and isinstance(function, type):
        members = (getattr(m, "__func__", m) for m in vars(function).values())
        codes = [m.__code__ for m in members if inspect.isfunction(m)]
        code = codes[0] if codes else None
    cell = CELL.search(getattr(code, "co_filename", ""))
    return None if cell is None else [int(cell[1]), code.co_firstlineno]


def describe_signature(function: Any) -> tuple[list[tuple[Any, ...]], Any]:
    """Return name, kind, whether it has a default, default, annotation of each.

    And what it is said to return. Raises: ValueError, TypeError when it has none.
    """
    empty = inspect.Parameter.empty
    signature = inspect.signature(function)
    returns = signature.return_annotation
    parameters: list[tuple[Any, ...]] = [
        (
            parameter.name,
            int(parameter.kind),
            parameter.default is not empty,
            None if parameter.default is empty else parameter.default,
            None if parameter.annotation is empty else parameter.annotation,
        )
        for parameter in signature.parameters.values()
    ]
    return parameters, None if returns is empty else returns


def list_plain_parameters(function: Any) -> list[str] | None:
    """Return the parameters of a function of which nothing but names is to be told."""
    if type(function) is not types.FunctionType or function.__dict__:
        return None
    code, told = function.__code__, function.__annotations__
    if function.__defaults__ or function.__kwdefaults__ or told:
        return None
    special = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS
    if code.co_flags & special or code.co_posonlyargcount or code.co_kwonlyargcount:
        return None
    return list(code.co_varnames[: code.co_argcount])


def find_text(error: BaseException) -> str:
    """Return the text of an error, whatever its own methods do."""
    try:
        return str(error)[:TEXT_SHOWN]
    except Exception:  # noqa: BLE001  a student's __str__
        return ""
