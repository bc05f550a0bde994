"""Proxies of a student's objects and classes; every use asks the student's process.

A student's class becomes a class out here, so `isinstance`, `type(x) is C`, `except C`
and `issubclass` work as in a notebook. Its methods and attributes stay over there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass
class Facts:
    """What the student's process told of a class."""

    number: int
    place: tuple[str, str] | None  # where a library keeps it
    names: tuple[str, str, str]  # name, qualified name, module
    bases: tuple[Facts, ...]
    specials: frozenset[str]
    methods: frozenset[str]
    real: type | None = None  # the library's class, if it is loaded here
    proxy: Any = None  # the class of its proxies
    extended: Any = None  # the class of its values, if it extends a built-in class
    meant_in: str | None = None  # the last test cell that found it under a class's name

    def list_names(self) -> set[str]:
        """Name the class and all that it comes from."""
        return {self.names[0]}.union(*(base.list_names() for base in self.bases))


@dataclass
class Ref:
    """Which object a proxy stands for."""

    line: Any  # grader.proxies.line.Line
    number: int
    facts: Facts
    hash: int | bool | None = None  # None: by identity, False: it has none
    text: str = ""  # of an exception
    is_mixed: bool = False  # a literal of the test was combined with it


def get_ref(proxy: Any) -> Ref:
    """Return which object a proxy of an object or a class stands for."""
    is_class = issubclass(type(proxy), type)  # isinstance would ask the proxy
    read = type.__getattribute__ if is_class else object.__getattribute__
    ref: Ref = read(proxy, "_grader")
    return ref


def is_students(value: Any) -> bool:
    """Whether a value is a proxy of an object, a class or a function of the student."""
    kind = type(value)
    return (
        issubclass(kind, RemoteType) or getattr(kind, "_grader_is_proxy", False) is True
    )


# What is known out here, or asked by name; never an attribute of the student's.
TOLD_BY_US: Mapping[str, Callable[[Any, Any], Any]] = {
    "__grader_source__": lambda line, function: line.find_source(function),
    "__grader_cells__": lambda line, function: line.sources.list_cells(),
    "__grader_overhear__": lambda line, kind: lambda: line.ask("overhear", kind),
    "__grader_watch__": lambda line, function: lambda: line.ask("watch", function),
}


class RemoteType(type):
    """The class of the classes that stand for a student's."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make an object of the class over there."""
        return get_ref(cls).line.call(cls, args, kwargs)

    def __getattribute__(cls, name: str) -> Any:
        """Read an attribute of the class over there."""
        if name in CLASS_LOCAL or name.startswith(("_grader", "_abc_")):
            return type.__getattribute__(cls, name)
        if name in DISPATCHED:
            raise AttributeError(name)
        ref = type.__getattribute__(cls, "_grader")
        if ref is None or name in ref.facts.specials:
            return type.__getattribute__(cls, name)
        if name in CLASS_TOLD:
            return CLASS_TOLD[name](cls, ref)
        return ref.line.get_attribute(cls, name)

    def __setattr__(cls, name: str, value: Any) -> None:
        is_ours = name in CLASS_LOCAL or name.startswith(("_grader", "_abc_"))
        if is_ours or get_ref(cls) is None:
            type.__setattr__(cls, name, value)
        else:
            get_ref(cls).line.ask("set", (cls, name, value))

    def __delattr__(cls, name: str) -> None:
        get_ref(cls).line.ask("delete", (cls, name))

    def __dir__(cls) -> list[str]:
        return list(get_ref(cls).line.ask("dir", cls))

    def __iter__(cls) -> Iterator[Any]:
        made: Iterator[Any] = get_ref(cls).line.operate("__iter__", (cls,))
        return made

    def __len__(cls) -> int:
        return int(get_ref(cls).line.operate("__len__", (cls,)))

    def __bool__(cls) -> bool:
        return True

    def __getitem__(cls, key: Any) -> Any:
        return get_ref(cls).line.operate("__getitem__", (cls, key))

    def __repr__(cls) -> str:
        module, name = get_ref(cls).facts.names[2], get_ref(cls).facts.names[1]
        return f"<class '{module}.{name}'>"


CLASS_TOLD: Mapping[str, Callable[[Any, Ref], Any]] = {
    "__bases__": lambda cls, ref: tuple(map(ref.line.find_class, ref.facts.bases)),
    "__signature__": lambda cls, ref: ref.line.signature(cls),
    "__grader_source__": lambda cls, ref: ref.line.find_source(cls),
    "__grader_overhear__": lambda cls, ref: lambda: ref.line.ask("overhear", cls),
}
CLASS_LOCAL = frozenset(
    {
        *("__mro__", "__base__", "__class__", "__name__", "__qualname__", "__new__"),
        *("__module__", "__subclasses__", "mro", "__instancecheck__", "__eq__"),
        *("__subclasscheck__", "__subclasshook__", "__abstractmethods__"),
        *("__flags__", "__dictoffset__", "__basicsize__", "__itemsize__", "__or__"),
        *("__weakrefoffset__", "__init_subclass__", "__prepare__", "__ror__"),
        *("__copy__", "__deepcopy__", "__array_ufunc__", "__text_signature__"),
        *("__grader_proxy__", "__wrapped__"),
    }
)
# By these a library would let an object decide what its comparisons say.
DISPATCHED = frozenset(
    {"__array_function__", "__torch_function__", "__array_wrap__", "__array_finalize__"}
)
OBJECT_LOCAL = frozenset(
    {
        "__class__",
        "__copy__",
        "__deepcopy__",
        "__grader_proxy__",
        "__hash__",
        "__reduce_ex__",
    }
)
ERROR_LOCAL = frozenset(
    {
        *(
            "args",
            "with_traceback",
            "add_note",
            "__traceback__",
            "__cause__",
            "__notes__",
        ),
        *("__context__", "__suppress_context__", "__grader_line__", "__str__"),
    }
)


class RemoteObject(metaclass=RemoteType):
    """An object of a student's class; made by `make_object`, never by calling."""

    _grader: Any = None
    _grader_is_proxy = True
    __grader_proxy__ = True
    __array_ufunc__ = None  # numpy leaves operators to the proxy, which refuses

    def __getattribute__(self, name: str) -> Any:
        """Read an attribute over there."""
        ref: Ref = object.__getattribute__(self, "_grader")
        if name == "__class__":
            return ref.facts.real or type(self)
        if name in DISPATCHED:
            raise AttributeError(name)
        is_error = issubclass(type(self), BaseException)
        if name in OBJECT_LOCAL or (is_error and name in ERROR_LOCAL):
            return object.__getattribute__(self, name)
        if name in ref.facts.methods:
            return ref.line.make_method(self, name)
        if name == "__signature__":
            return ref.line.signature(self)
        if name in TOLD_BY_US:
            return TOLD_BY_US[name](ref.line, self)
        return ref.line.get_attribute(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        ref: Ref = object.__getattribute__(self, "_grader")
        if isinstance(self, BaseException) and name in ERROR_LOCAL:
            BaseException.__setattr__(self, name, value)
        else:
            ref.line.ask("set", (self, name, value))

    def __delattr__(self, name: str) -> None:
        get_ref(self).line.ask("delete", (self, name))

    def __dir__(self) -> list[str]:
        return list(get_ref(self).line.ask("dir", self))

    def __repr__(self) -> str:
        return str(get_ref(self).line.ask("text", (self, "repr")))

    def __str__(self) -> str:
        ref = get_ref(self)
        if isinstance(self, BaseException):
            return ref.text
        return str(ref.line.ask("text", (self, "str")))

    def __hash__(self) -> int:
        ref = get_ref(self)
        if ref.hash is False:
            message = f"unhashable type: {ref.facts.names[0]!r}"
            raise TypeError(message)
        return object.__hash__(self) if ref.hash is None else ref.hash

    def __copy__(self) -> Any:
        return get_ref(self).line.ask("copy", self)

    def __deepcopy__(self, memo: Any) -> Any:
        return get_ref(self).line.ask("deepcopy", self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        message = "an object of the student's process cannot be saved out here"
        raise TypeError(message)
