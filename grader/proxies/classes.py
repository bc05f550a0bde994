"""Makes the classes of proxies from what the student's process tells of its classes."""

from __future__ import annotations

import sys
from typing import Any

from grader.peers.specials import FORWARDED, JUDGES
from grader.proxies.objects import (
    Facts,
    Ref,
    RemoteObject,
    RemoteType,
    get_ref,
)
from grader.proxies.operators import forward_special
from grader.values.packing import (
    Node,
    check_int,
    check_list,
    check_text,
    refuse,
)

EXTENDABLE = (list, dict, set, tuple, str, int, float)
KEPT = frozenset(  # not taken over from a built-in class
    {
        *(
            "__new__",
            "__init__",
            "__getattribute__",
            "__class__",
            "__doc__",
            "__hash__",
        ),
        *("__init_subclass__", "__subclasshook__", "__setattr__", "__delattr__"),
    }
)
NAME_LENGTH = 500
MAX_NUMBER = 1 << 52
HIDDEN_PACKAGE = "grader"  # a student's object never poses as one of ours


def read_facts(node: Node, known: dict[int, Facts]) -> Facts:
    """Read the description of a class; the classes it comes from are `known`.

    Raises: BadValue.
    """
    number, place, names, bases, specials, methods = check_list(node, 6)
    found = [check_text(name, NAME_LENGTH) for name in check_list(names, 3)]
    parents = [known.get(_read_handle(base)) for base in check_list(bases)]
    if None in parents or check_int(number, 1, MAX_NUMBER) in known:
        refuse("a class that comes from an unknown one")
    facts = Facts(
        number=number,
        place=None if place is None else _read_place(place),
        names=(found[0], found[1], found[2]),
        bases=tuple(parent for parent in parents if parent is not None),
        specials=frozenset(map(check_text, check_list(specials))) & FORWARDED,
        methods=frozenset(check_text(m, NAME_LENGTH) for m in check_list(methods)),
    )
    if facts.place is not None:
        facts.real = find_loaded(*facts.place)
    return facts


def _read_place(node: Node) -> tuple[str, str]:
    module, name = check_list(node, 2)
    return check_text(module, NAME_LENGTH), check_text(name, NAME_LENGTH)


def _read_handle(node: Node) -> int:
    tag, number = check_list(node, 2)
    if tag != "handle":
        refuse("not a class")
    return check_int(number, 1, MAX_NUMBER)


def find_loaded(module: str, name: str) -> type | None:
    """Return a library's class, if this process has it already; import nothing."""
    if module.partition(".")[0] in (HIDDEN_PACKAGE, "__main__"):
        return None
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, "__dict__", {}).get(part)
    return found if isinstance(found, type) else None


def read_warning(node: Node) -> tuple[type[Warning], str]:
    """Read the class of a warning, as far as there is one here, and its text.

    Raises: BadValue.
    """
    module, name, text = map(check_text, check_list(node, 3))
    kind: Any = find_loaded(module, name)
    is_warning = isinstance(kind, type) and issubclass(kind, Warning)
    return (kind if is_warning else UserWarning), text


def make_class(line: Any, facts: Facts) -> Any:
    """Return the class of the proxies of a class, made once."""
    if facts.proxy is None:
        facts.proxy = _build(line, facts)
        type.__setattr__(facts.proxy, "_grader", Ref(line, facts.number, facts))
    return facts.proxy


def find_shared(line: Any, facts: Facts) -> Any:
    """Return the instructor's class of that name, from a locked cell, or None."""
    is_global = facts.place is None and facts.names[0] == facts.names[1]
    return line.shared_classes.get(facts.names[0]) if is_global else None


def _build(line: Any, facts: Facts) -> Any:
    body: dict[str, Any] = {name: forward_special(name) for name in facts.specials}
    body["__hash__"] = RemoteObject.__hash__
    body |= {"_grader": None, "__module__": facts.names[2] or "__main__"}
    body["__qualname__"] = facts.names[1]
    if facts.place is not None:  # its objects name the real class as theirs
        return _make(facts.names[0], [RemoteObject], body)
    parents = [make_class(line, base) for base in facts.bases if base.place is None]
    real = [base.real for base in facts.bases if base.real not in (None, object)]
    shared = find_shared(line, facts)
    real = real if shared is None else [shared]
    own = parents or [RemoteObject]
    try:
        return _make(facts.names[0], [*own, *real], body)
    except Exception:  # noqa: BLE001  a library's class that cannot be a parent here
        return _make(facts.names[0], own, body)


def _make(name: str, bases: list[Any], body: dict[str, Any]) -> Any:
    kinds = [RemoteType, *(type(base) for base in bases)]
    own = [kind for kind in dict.fromkeys(kinds) if not _has_heir(kind, kinds)]
    meta: Any = own[0] if len(own) == 1 else type("RemoteMeta", tuple(own), {})
    made = meta(name, tuple(bases), dict(body))
    type.__setattr__(made, "__abstractmethods__", frozenset())
    return made


def _has_heir(kind: type, kinds: list[type]) -> bool:
    return any(other is not kind and issubclass(other, kind) for other in kinds)


def find_base(kind: Any, bases: tuple[type, ...]) -> Any:
    """Return the built-in class that a class of proxies extends.

    Raises: BadValue.
    """
    found = next((base for base in bases if base in kind.__mro__), None)
    return refuse("a class that extends nothing built in") if found is None else found


def make_extended(ref: Ref, value: Any) -> Any:
    """Return a value of a built-in kind with the methods of a student's class.

    What the built-in kind can do happens out here, on the value, comparisons too; what
    it lacks is asked for over there, and methods that a student wrote anew; those that
    judge only where the test means the class.
    """
    kind = make_class(ref.line, ref.facts)
    base: Any = find_base(kind, EXTENDABLE)
    if base is tuple and isinstance(value, tuple):  # it may have names
        value = tuple(value)
    if type(value) is not base:
        refuse("a value of another kind than its class")
    if ref.facts.extended is None:
        body = {name: vars(base)[name] for name in vars(base) if name not in KEPT}
        body |= {"__getattribute__": _read_extended, "_grader": None}
        body |= {"__hash__": base.__hash__, "__bool__": _has_truth, "__setattr__": _set}
        made = _make(ref.facts.names[0], [kind], body)
        type.__setattr__(made, "_grader", get_ref(kind))
        ref.facts.extended = made
    thing = base.__new__(ref.facts.extended, value)
    if type(value) in (list, dict, set):
        fill: Any = base.__init__
        fill(thing, value)
    object.__getattribute__(thing, "__dict__")["_grader"] = ref
    return thing


def _read_extended(self: Any, name: str) -> Any:
    base = find_base(type(self), EXTENDABLE)
    ref: Ref = get_ref(self)
    if name == "__class__":
        return ref.facts.proxy
    judges = name in JUDGES or name.startswith("is")
    is_own = name in ref.facts.methods and not (
        judges and not ref.line.means(ref.facts)
    )
    if name.startswith("__") or (hasattr(base, name) and not is_own):
        return base.__getattribute__(self, name)
    return RemoteObject.__getattribute__(self, name)


def _set(self: Any, name: str, value: Any) -> None:
    RemoteObject.__setattr__(self, name, value)


def _has_truth(self: Any) -> bool:
    base = find_base(type(self), EXTENDABLE)
    return bool(base.__len__(self)) if hasattr(base, "__len__") else base.__bool__(self)


def make_object(ref: Ref) -> Any:
    """Return a proxy of an object of the class that `ref` names."""
    kind = make_class(ref.line, ref.facts)
    made: Any = None
    for base in (object, *kind.__mro__[1:]):
        try:
            made = base.__new__(kind)
        except TypeError:  # a class written in C has a way of its own
            continue
        break
    object.__getattribute__(made, "__dict__")["_grader"] = ref
    return made
