"""Finds what can bind any name of a notebook past its text, wherever it stands."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Callable, Iterator

from grader.byhand.points import DEEP, root_of
from grader.byhand.text import parse

_REACHES = {
    *("user_ns", "user_global_ns", "user_module", "ast_transformers", "run_cell"),
    *("input_transformers_cleanup", "input_transformers_post", "run_code"),
    *("input_transformer_manager", "prefilter_manager", "run_cell_magic"),
    *("safe_execfile", "safe_run_module", "register_magic_function"),
    *("register_magics", "f_globals", "f_locals", "currentframe", "_getframe"),
    *("__globals__", "__builtins__"),
}
_KEPT = 1024
_BINDING_MAGICS = {
    *("run", "macro", "rerun", "recall", "store", "code_wrap", "edit", "alias_magic"),
    *("autocall", "load_ext", "reload_ext"),
}
_HARMLESS = {"autoreload", "tensorboard", "line_profiler", "memory_profiler"}
_REGISTERS = {"register_cell_magic", "register_line_magic", "register_line_cell_magic"}
_RUNS = {"exec", "eval"}
_ALL_NAMES = {"globals", "locals", "vars"}
_PATCHED = {"torch", "numpy", "math", "cmath", "builtins"}
_SHELL = {"push", "ex", "ev"}  # methods of IPython's shell
_CODE_MAGICS = {"time", "prun", "timeit"}


def find_rewrites(
    tree: ast.AST, find: Callable[[str], ast.AST | None]
) -> Iterator[ast.AST]:
    """Yield each node that can bind any name at all; `find` gives what a name is."""
    certain, patches = _list_suspects(tree)
    yield from certain
    yield from (node for node in patches if _patches(node, find))


@functools.lru_cache(_KEPT)  # a tree is read once, and asked again by each check
def _list_suspects(tree: ast.AST) -> tuple[list[ast.AST], list[ast.AST]]:
    """List what binds names for certain, and what does if it patches a library."""
    harmless = {id(part) for node in ast.walk(tree) for part in _list_looked_at(node)}
    has_shell = any(
        isinstance(node, ast.Name) and node.id == "get_ipython"
        for node in ast.walk(tree)
    )
    certain: list[ast.AST] = []
    patches: list[ast.AST] = []
    for node in ast.walk(tree):
        if id(node) in harmless:
            continue
        shell = isinstance(node, ast.Attribute) and node.attr in _SHELL
        if _reaches_names(node) or (has_shell and shell):
            certain.append(node)
        elif isinstance(node, ast.Assign | ast.Call):
            patches.append(node)
    return certain, patches


def _list_looked_at(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what is only looked at: `"x" in globals()`, `globals()["x"]`."""
    match node:
        case ast.Compare(left=left, comparators=others):
            yield from (left, *others)
        case ast.Subscript(value=value, ctx=ast.Load()):
            if isinstance(value, ast.Call):
                yield value
        case ast.Call(func=ast.Attribute(value=value, attr="get" | "keys" | "items")):
            yield value


def _reaches_names(node: ast.AST) -> bool:
    found = False
    match node:
        case ast.Attribute(attr=attr):
            found = attr in _REACHES
        case ast.Call(func=ast.Name(id=name), args=args):
            found = name in _RUNS or (name in _ALL_NAMES and not args)
        case ast.Call(func=ast.Attribute(attr="run_line_magic"), args=args):
            found = _binds(args)
        case ast.Call(
            func=ast.Attribute(attr="magic"), args=[ast.Constant(value=str() as line)]
        ):
            found = line.strip().partition(" ")[0].lstrip("%") in _BINDING_MAGICS
        case ast.Name(id=name):
            found = name in _REGISTERS
        case ast.Constant(value="__main__"):
            found = True
        case ast.Import(names=names):
            found = any(alias.name == "__main__" for alias in names)
        case ast.Subscript(value=ast.Attribute(attr="modules"), slice=ast.Name()):
            found = True  # sys.modules[__name__]
        case ast.Assign(targets=targets):
            found = any(root_of(t) == "sys" and _is_module(t) for t in targets)
    return found


def _binds(args: list[ast.expr]) -> bool:
    """Tell whether a line magic runs what no cell shows."""
    match args:
        case [ast.Constant(value=magic), ast.Constant(value=str() as line), *_]:
            is_loader = magic in ("load_ext", "reload_ext") and line in _HARMLESS
            return magic in _BINDING_MAGICS and not is_loader
    return True


def _is_module(target: ast.expr) -> bool:
    return "modules" in ast.dump(target)  # sys.modules["x"].d = other


def _patches(node: ast.AST, find: Callable[[str], ast.AST | None]) -> bool:
    """Tell whether a function of a library is replaced; a setting is a constant."""
    match node:
        case ast.Assign(targets=[ast.Attribute() as target], value=value):
            pass
        case ast.Call(func=ast.Name(id="setattr"), args=[target, _, value]):
            pass
        case _:
            return False
    return not isinstance(value, ast.Constant) and _is_library(root_of(target), find)


def _is_library(name: str, find: Callable[[str], ast.AST | None]) -> bool:
    for _ in range(DEEP):
        match find(name):
            case ast.Name(id=other):
                name = other
            case ast.ImportFrom(module=str() as module):
                return module.partition(".")[0] in _PATCHED
            case ast.Import(names=[alias]):
                return alias.name.partition(".")[0] in _PATCHED
            case None:
                return name in _PATCHED
            case _:
                return False
    return False


def list_magic_code(tree: ast.AST) -> Iterator[tuple[int, ast.Module]]:
    """Yield what line magics run, `%prun -q x = f()`, each with its line."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="run_line_magic"),
                args=[ast.Constant(value=magic), ast.Constant(value=str() as line), *_],
            ) if magic in _CODE_MAGICS:
                starts = [0, *(space.end() for space in re.finditer(r"\s+", line))]
                trees = (parse(line[start:]) for start in starts)
                code = next((one for one in trees if one is not None), None)
                if code is not None:
                    yield node.lineno, code
