"""Judges one node of a syntax tree: which way round a derivation it stands for."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Mapping
from types import FunctionType, ModuleType
from typing import Any

from grader.byhand.bindings import (
    is_installed,
    list_captures,
    list_definitions,
    list_globals,
)
from grader.byhand.points import Lookup
from grader.shortcuts.evidence import (
    ATTRIBUTES,
    AUTOGRAD,
    BUILTINS,
    COMMON_WORDS,
    COMPLEX,
    HIDDEN,
    OF_MODULES,
    READERS,
    find_module,
)

_LOCAL = ast.Pass()  # what a local name stands for: nothing that is known
_WORD = re.compile(r"[\w.]+")  # a text that could be a name
_COMPLEX_TYPE = re.compile(r"complex(?:64|128|256)")
_COMPLEX_CODE = re.compile(r"[<>=|]?(?:[DFG]|c8|c16|c32|complex)")
_TAKE_TYPES = {
    *("zeros", "ones", "empty", "full", "array", "asarray", "astype", "view", "dtype"),
    *("zeros_like", "ones_like", "empty_like", "full_like", "asanyarray", "linspace"),
}
_MAY_BE_OWN = {"deriv"}  # a usual name for a method of the student's own
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def without_locals(tree: ast.AST, lookup: Lookup) -> Lookup:
    """Leave out a function's own names: they only look like the notebook's.

    What a function imports is known all the same.
    """
    if not isinstance(tree, (*_FUNCTIONS, ast.Module)):
        return lookup
    functions = [node for node in ast.walk(tree) if isinstance(node, _FUNCTIONS)]
    own: dict[str, ast.AST] = {}
    for node in (inner for function in functions for inner in ast.walk(function)):
        if isinstance(node, ast.arg):
            own[node.arg] = _LOCAL
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            own[node.id] = _LOCAL
        elif isinstance(node, ast.ExceptHandler) and node.name:
            own[node.name] = _LOCAL
        elif isinstance(node, ast.pattern):
            own |= dict.fromkeys(list_captures(node), _LOCAL)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            own |= dict(list_definitions(node))
        elif isinstance(node, _FUNCTIONS[:2]) and node is not tree:
            own.setdefault(node.name, _LOCAL)
    for name in list_globals(tree):
        own.pop(name, None)
    return lambda name: own[name] if name in own else lookup(name)


def judge_node(node: ast.AST, lookup: Lookup, text: str) -> str | None:
    """Return the way that one node of a tree stands for, or None."""
    way: str | None = None
    match node:
        case ast.Attribute():
            way = _judge_attribute(node, lookup, text)
        case ast.Name(id=name, ctx=ast.Load()) if lookup(name) is None:
            way = BUILTINS.get(name)
        case ast.keyword(arg="requires_grad", value=value):
            off = isinstance(value, ast.Constant) and value.value is False
            way = None if off else AUTOGRAD
        case ast.keyword(arg="dtype", value=ast.Constant(value=value)):
            way = COMPLEX if _COMPLEX_CODE.fullmatch(str(value)) else None
        case ast.Call():
            way = _judge_call(node)
        case ast.MatchClass(kwd_attrs=names):
            ways = [ATTRIBUTES[name] for name in names if name in ATTRIBUTES]
            way = ways[0] if ways else None
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            way = COMPLEX if _is_root_of_minus(left, right) else None
        case ast.Constant(value=value):
            way = judge_constant(value)
        case ast.Import() | ast.ImportFrom():
            way = _judge_import(node)
    return way


def _judge_call(node: ast.Call) -> str | None:
    match node:
        case ast.Call(func=ast.Name(id="getattr"), args=[_, name, *_]):
            known = isinstance(name, ast.Constant)
            return ATTRIBUTES.get(str(name.value)) if known else HIDDEN  # type: ignore[attr-defined]
        case ast.Call(func=ast.Attribute(attr=attr), args=args) if attr in _TAKE_TYPES:
            texts = [str(one.value) for one in args if isinstance(one, ast.Constant)]
            return COMPLEX if any(map(_COMPLEX_CODE.fullmatch, texts)) else None
    return None


def _is_root_of_minus(base: ast.expr, power: ast.expr) -> bool:
    """Tell whether it is a root of a negative number, which Python makes complex."""
    match base, power:
        case (
            ast.UnaryOp(op=ast.USub(), operand=ast.Constant()),
            ast.Constant(value=float() as number),
        ):
            return not number.is_integer()
        case (
            ast.UnaryOp(op=ast.USub(), operand=ast.Constant()),
            ast.BinOp(left=ast.Constant(), op=ast.Div(), right=ast.Constant()),
        ):
            return True
    return False


def judge_reading(node: ast.AST, lookup: Lookup) -> str | None:
    """Return HIDDEN for what reads a file: numbers come from elsewhere."""
    match node:
        case ast.Name(id="open", ctx=ast.Load()) if lookup("open") is None:
            return HIDDEN
        case ast.Attribute(attr="load", value=value) if _is_module(value, lookup):
            return HIDDEN
        case ast.Attribute(attr=attr) if attr in READERS:
            return HIDDEN
    return None


def _judge_attribute(node: ast.Attribute, lookup: Lookup, text: str) -> str | None:
    attr = node.attr
    if attr in OF_MODULES and not _is_module(node.value, lookup):
        return None
    is_defined = attr in _MAY_BE_OWN or re.fullmatch(r"\w+_backward\w*", attr)
    if is_defined and re.search(rf"\b(?:def {attr}\b|{attr}\s*=[^=])", text):
        return None
    if _is_own_object(node.value, lookup):
        return None
    backward = AUTOGRAD if re.fullmatch(r"\w+_backward\w*", attr) else None
    return ATTRIBUTES.get(attr, backward)


def _judge_import(node: ast.Import | ast.ImportFrom) -> str | None:
    if isinstance(node, ast.Import):
        modules = [alias.name for alias in node.names]
        taken = []
    else:
        modules = [f"{node.module}.{alias.name}" for alias in node.names]
        taken = [ATTRIBUTES.get(alias.name) for alias in node.names]
    ways = [*map(find_module, modules), *taken]
    if not all(map(is_installed, modules)):
        ways.append(HIDDEN)  # it lies beside the notebook, where nobody reads it
    return next((way for way in ways if way), None)


def judge_constant(value: Any) -> str | None:
    """Return the way that a constant stands for, or None."""
    if isinstance(value, complex):
        return COMPLEX
    if isinstance(value, str) and _COMPLEX_TYPE.fullmatch(value):
        return COMPLEX
    if isinstance(value, str) and _WORD.fullmatch(value):
        words = set(value.split(".")) & set(ATTRIBUTES) - COMMON_WORDS
        return ATTRIBUTES[words.pop()] if words else None
    return None


def judge_star(name: str, stars: list[ast.ImportFrom]) -> str | None:
    """Return the way of an unknown name, where all names of a module were imported."""
    if not stars or hasattr(builtins, name):
        return None
    ways = [find_module(star.module or "") or ATTRIBUTES.get(name) for star in stars]
    return next((way for way in ways if way), None)


def names_called(tree: ast.AST) -> Mapping[int, str]:
    """Map each name that is called on the spot, by the identity of its node."""
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return {id(func): func.id for func in calls if isinstance(func, ast.Name)}


def _is_module(base: ast.AST, lookup: Lookup) -> bool:
    if isinstance(base, ast.Attribute):  # np.linalg, torch.nn
        return _is_module(base.value, lookup)
    if not isinstance(base, ast.Name):
        return False
    thing = lookup(base.id)
    imported = isinstance(thing, (ModuleType, ast.Import, ast.ImportFrom))
    return imported or (thing is None and base.id in ("torch", "np", "numpy"))


def _is_own_object(base: ast.AST, lookup: Lookup) -> bool:
    """Tell whether a method is called on an object of the student's own class."""
    thing = lookup(base.id) if isinstance(base, ast.Name) else None
    own = getattr(type(thing), "__module__", "") == "__main__"
    return own and not isinstance(thing, (ast.AST, ModuleType, FunctionType))
