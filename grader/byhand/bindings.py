"""What binds a name in a cell, and what changes the object behind it."""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Iterable, Iterator
from importlib.machinery import PathFinder

from grader.answers.calls import is_library
from grader.byhand.points import root_of

Binding = tuple[str, ast.AST]
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SCOPES = (*_FUNCTIONS, ast.ClassDef, ast.Lambda)
_PUTS = {
    *("append", "extend", "insert", "update", "setdefault", "add", "put", "push"),
    *("appendleft", "register", "__setitem__", "__setattr__", "__init__"),
}


def list_definitions(statement: ast.AST) -> Iterator[Binding]:
    """Yield the names that a statement binds, each with what it is bound to."""
    todo = [statement]
    while todo:
        node = todo.pop()
        yield from _list_own(node)
        if not isinstance(node, _SCOPES):
            todo += reversed(list(ast.iter_child_nodes(node)))


def _list_own(node: ast.AST) -> Iterator[Binding]:
    if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
        yield node.name, node
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from _list_imports(node)
    elif isinstance(node, (ast.Try, ast.TryStar)):
        yield from ((one.name, node) for one in node.handlers if one.name)
    elif isinstance(node, ast.Match):
        yield from _list_cases(node)
    for target, value in _list_targets(node):
        for part in ast.walk(target):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                yield part.id, value


def _list_targets(node: ast.AST) -> list[tuple[ast.expr, ast.expr]]:
    match node:
        case ast.Assign(targets=targets, value=value):
            return [(target, value) for target in targets]
        case (
            ast.AnnAssign(target=target, value=ast.expr() as value)
            | ast.NamedExpr(target=target, value=value)
            | ast.For(target=target, iter=value)
            | ast.AsyncFor(target=target, iter=value)
            | ast.withitem(optional_vars=ast.expr() as target, context_expr=value)
        ):
            return [(target, value)]
    return []


def _list_cases(node: ast.Match) -> Iterator[Binding]:
    """Yield what each pattern binds, with the subject and that pattern."""
    for one in node.cases:
        read = ast.Match(node.subject, [ast.match_case(one.pattern, None, [])])
        for name in list_captures(one.pattern):
            yield name, ast.copy_location(read, node)


def list_captures(pattern: ast.AST) -> Iterator[str]:
    """Yield the names that a pattern of `match` binds."""
    for node in ast.walk(pattern):
        match node:
            case ast.MatchAs(name=str() as name) | ast.MatchStar(name=str() as name):
                yield name
            case ast.MatchMapping(rest=str() as name):
                yield name


def _list_imports(node: ast.Import | ast.ImportFrom) -> Iterator[Binding]:
    """Yield each name with an import of that name alone."""
    for alias in node.names:
        one: ast.stmt
        if isinstance(node, ast.ImportFrom):
            one = ast.ImportFrom(node.module, [alias], node.level)
        elif alias.asname:
            one = ast.Import([alias])
        else:
            one = ast.Import([ast.alias(alias.name.partition(".")[0])])
        name = (alias.asname or alias.name).partition(".")[0]
        yield name, ast.copy_location(one, node)


def list_changes(tree: ast.AST) -> Iterator[Binding]:
    """Yield, from anywhere in a cell, what puts something into a name's object.

    Within a function its own names are left out, and what it declares global counts.
    """
    todo: list[tuple[ast.AST, frozenset[str]]] = [(tree, frozenset())]
    while todo:
        node, own = todo.pop()
        if isinstance(node, _FUNCTIONS):
            bound = [one for part in node.body for one in list_definitions(part)]
            declared = list_globals(node)
            yield from ((name, value) for name, value in bound if name in declared)
            own |= {name for name, _ in bound}
            own |= {a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)}
            own -= declared
        for name in _changed(node):
            if name and name not in own:
                yield name, node
        todo += ((inner, own) for inner in ast.iter_child_nodes(node))


def list_globals(tree: ast.AST) -> set[str]:
    """Return what the functions of a tree declare global."""
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.Global))
    return {name for node in nodes for name in node.names}


def _changed(node: ast.AST) -> Iterable[str]:
    match node:
        case ast.Assign(targets=targets):
            parts = [part for target in targets for part in _flatten(target)]
            return [root_of(p) for p in parts if not isinstance(p, ast.Name)]
        case ast.AugAssign(target=target):
            return [root_of(target)]
        case ast.Call(func=ast.Name(id="setattr"), args=[target, *_]):
            return [root_of(target)]
        case ast.Call(func=ast.Attribute(value=value, attr=attr)) if attr in _PUTS:
            return [root_of(value)]
    return []


def _flatten(target: ast.expr) -> list[ast.expr]:
    if isinstance(target, (ast.Tuple, ast.List)):
        return [inner for part in target.elts for inner in _flatten(part)]
    return [target.value if isinstance(target, ast.Starred) else target]


def stays_in_force(node: ast.stmt) -> bool:
    """Tell whether a statement runs for certain, and the cell goes on behind it."""
    match node:
        case ast.FunctionDef(decorator_list=[], args=arguments, returns=returns):
            said = [*arguments.defaults, *arguments.kw_defaults, returns]
            named = [
                a.annotation for a in ast.walk(arguments) if isinstance(a, ast.arg)
            ]
            plain = (ast.Constant, ast.Name, ast.Attribute)
            rest = [part for part in (*said, *named) if part is not None]
            return all(isinstance(part, plain) for part in rest)
        case ast.Import(names=names):
            return all(is_installed(alias.name) for alias in names)
        case ast.ImportFrom(module=module):
            return is_installed(module or "")
        case ast.Assign(value=ast.Constant() | ast.Lambda()):
            return True
        case ast.Expr(value=ast.Constant()) | ast.Pass():
            return True
    return False


@functools.lru_cache(maxsize=256)
def is_installed(module: str) -> bool:
    """Tell whether a module is Python's own or an installed package's."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names or top == "grader":
        return True
    try:
        spec = PathFinder.find_spec(top)
    except (ImportError, ValueError):
        return False
    places = [spec.origin, *(spec.submodule_search_locations or ())] if spec else []
    return any(place and is_library(place) for place in places)
