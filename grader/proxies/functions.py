"""Proxies of a student's functions and methods: they are called over there."""

from __future__ import annotations

import inspect
import types
from collections.abc import Mapping, Sequence
from typing import Any

from grader.peers.specials import JUDGES
from grader.proxies.classes import NAME_LENGTH
from grader.proxies.objects import TOLD_BY_US, RemoteType, get_ref
from grader.proxies.operators import check_judging
from grader.values.packing import Node, check_list, check_text, refuse

KINDS: Mapping[str, type] = {
    "function": types.FunctionType,
    "method": types.MethodType,
    "builtin": types.BuiltinFunctionType,
}


class RemoteFunction:
    """A function of the student's: calling it runs it in the student's process."""

    _grader_is_proxy = True
    __grader_proxy__ = True

    def __init__(self, line: Any, number: int, kind: str, names: list[str]) -> None:
        held = object.__getattribute__(self, "__dict__")
        held["_grader"] = (line, number)
        held["_grader_kind"] = kind
        held["__name__"], held["__qualname__"], held["__module__"] = names

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it over there."""
        return _line(self).call(self, args, kwargs)

    def __get__(self, thing: Any, kind: Any = None) -> Any:
        """Bind it, when a test makes it a method of a class of its own."""
        return self if thing is None else types.MethodType(self, thing)

    def __getattribute__(self, name: str) -> Any:
        if name == "__class__":
            kind = object.__getattribute__(self, "__dict__")["_grader_kind"]
            return KINDS[kind]
        if name in LOCAL or name.startswith("_grader"):
            return object.__getattribute__(self, name)
        return _read_attribute(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        _line(self).ask("set", (self, name, value))

    def __delattr__(self, name: str) -> None:
        _line(self).ask("delete", (self, name))

    def __dir__(self) -> list[str]:
        return list(_line(self).ask("dir", self))

    def __repr__(self) -> str:
        return f"<function {object.__getattribute__(self, '__qualname__')}>"

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return self

    def __reduce_ex__(self, protocol: Any) -> Any:
        message = "a function of the student's process cannot be saved out here"
        raise TypeError(message)


def set_known_name(value: Any, name: str) -> None:
    """Know by its name what a test found: a function, or a class that it means.

    A class under a name in lower case may stand where a function was asked for.
    """
    if type(value) is RemoteFunction:
        object.__getattribute__(value, "__dict__")["_grader_known"] = name
    elif issubclass(type(value), RemoteType) and name.lstrip("_")[:1].isupper():
        ref = get_ref(value)
        ref.facts.meant_in = ref.line.cell


def guard_attribute(line: Any, thing: Any, name: str, found: Any) -> Any:
    """Return an attribute; what can be called and might judge, as a method."""
    is_method = type(found) is RemoteMethod or name not in JUDGES
    return (
        found if is_method or not callable(found) else RemoteMethod(line, thing, name)
    )


def guard_record(line: Any, thing: Any) -> None:
    """Let no attribute of an object of a class of both sides judge."""
    own = vars(thing)
    for held in (own, *map(own.get, ("_modules", "_parameters", "_buffers"))):
        if isinstance(held, dict):
            for name in held.keys() & JUDGES:
                held[name] = guard_attribute(line, thing, name, held[name])


def read_signature(told: Any, returns: Any) -> inspect.Signature:
    """Return the signature that was told of a student's function or class."""
    empty = inspect.Parameter.empty
    parameters = [
        inspect.Parameter(
            name,
            inspect._ParameterKind(kind),
            default=default if has_default else empty,
            annotation=empty if annotation is None else annotation,
        )
        for name, kind, has_default, default, annotation in told
    ]
    end = empty if returns is None else returns
    return inspect.Signature(parameters, return_annotation=end)


def make_function(line: Any, number: Any, about: Sequence[Node]) -> RemoteFunction:
    """Make a proxy: kind, name, qualified name, module; parameters, if names tell all.

    Raises: BadValue.
    """
    kind, *names = [check_text(part, NAME_LENGTH) for part in about[:-1]]
    if kind not in KINDS:
        refuse("an unknown kind of function")
    function = RemoteFunction(line, number, kind, names)
    if about[-1] is not None:
        told = [check_text(part, NAME_LENGTH) for part in check_list(about[-1])]
        object.__getattribute__(function, "__dict__")["_grader_signature"] = sign(told)
    return function


def sign(names: list[str]) -> inspect.Signature:
    """Return the signature of which nothing but the parameters' names is to be told.

    Raises: BadValue.
    """
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    try:
        return inspect.Signature([inspect.Parameter(name, kind) for name in names])
    except ValueError:
        refuse("parameters that no function has")


LOCAL = frozenset(
    {
        *("__name__", "__qualname__", "__module__", "__call__", "__get__", "__copy__"),
        *("__deepcopy__", "__grader_proxy__", "__reduce_ex__", "__hash__", "__eq__"),
    }
)


class RemoteMethod(RemoteFunction):
    """A method that is looked up when it is called: one request instead of two."""

    def __init__(self, line: Any, thing: Any, name: str) -> None:
        super().__init__(line, 0, "method", [name, name, "__main__"])
        held = object.__getattribute__(self, "__dict__")
        held["_grader_thing"] = thing
        held["__self__"] = thing

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Look it up and call it over there."""
        held = object.__getattribute__(self, "__dict__")
        pairs = tuple(kwargs.items())
        thing, name, line = held["_grader_thing"], held["__name__"], _line(self)
        check_judging(line, thing, name, (*args, *kwargs.values()))
        return line.ask("method", (thing, name, args, pairs))

    def __eq__(self, other: object) -> bool:
        return type(other) is RemoteMethod and _whose(self) == _whose(other)

    def __hash__(self) -> int:
        return hash(_whose(self))


def _whose(method: RemoteMethod) -> tuple[int, str]:
    held = object.__getattribute__(method, "__dict__")
    return id(held["_grader_thing"]), held["__name__"]


def _line(function: Any) -> Any:
    return object.__getattribute__(function, "__dict__")["_grader"][0]


def get_target(function: Any) -> tuple[Any, int, Any, str]:
    """Return the line and number of a function, or whose method it is and its name."""
    held = object.__getattribute__(function, "__dict__")
    return *held["_grader"], held.get("_grader_thing"), held["__name__"]


def _read_attribute(function: Any, name: str) -> Any:
    line = _line(function)
    if name == "__self__" and type(function) is RemoteMethod:
        return object.__getattribute__(function, "__dict__")["__self__"]
    if name == "__signature__":
        held = object.__getattribute__(function, "__dict__")
        if "_grader_signature" not in held:
            held["_grader_signature"] = line.signature(function)
        return held["_grader_signature"]
    if name in TOLD_BY_US:
        return TOLD_BY_US[name](line, function)
    if name == "__code__":
        return RemoteCode(line, function, line.ask("get", (function, name)))
    if name == "__wrapped__":  # inspect must not look behind a decorator
        raise AttributeError(name)
    return line.get_attribute(function, name)


class RemoteCode:
    """The code object of a student's function, with the source that was recorded."""

    def __init__(self, line: Any, function: Any, remote: Any) -> None:
        self._line = line
        self._function = function
        self._remote = remote

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return types.CodeType

    @property
    def co_filename(self) -> str:
        """The name under which `inspect` finds the recorded source."""
        name: str = self._line.place_source(self._function)[0]
        return name

    @property
    def co_firstlineno(self) -> int:
        """The line of the recorded cell where the function starts."""
        number: int = self._line.place_source(self._function)[1]
        return number

    def __getattr__(self, name: str) -> Any:
        return getattr(self._remote, name)
