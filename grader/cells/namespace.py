"""The globals of the instructor's cells: their own names, then the student's.

A name is the instructor's object, then a builtin, then the student's, as a value or a
proxy. What a test sets or deletes reaches the student's side where the release reads
it there; a test's own variables, which may hold expected values, never do.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from grader.cells.names import Plan
from grader.cells.trust import ask_names, list_names
from grader.proxies.errors import NotExaminable
from grader.proxies.functions import set_known_name
from grader.proxies.line import Line

KERNEL_ONLY = frozenset(
    {
        "In",
        "Out",
        "_",
        "__",
        "___",
        "_i",
        "_ii",
        "_iii",
        "_ih",
        "_oh",
        "_dh",
        "_exit_code",
    }
)
STAYING = (ModuleType, io.IOBase)  # of these the test's own is used out here
HISTORY = "the name {name!r} of a notebook's own kernel, which is not out here"


class Namespace(dict[str, Any]):
    """What test cells see as their globals.

    Reading a name that is not in it asks the student's process; Python does so for
    module code and for functions alike, as it is not a plain dictionary.
    """

    def __init__(self, line: Line, plan: Plan, start: dict[str, Any]) -> None:
        super().__init__(start)
        self.line = line
        self.plan = plan
        self.pushed: dict[str, Any] = {}  # by tests, for a process that starts afresh
        self.is_touched = False  # whether anything of the student's has come out here
        self._known: dict[str, tuple[bool, Any]] = {}
        self._epoch = -1

    def connect(self, line: Line) -> None:
        """Go on with another process."""
        self.line = line
        self._epoch = -1
        for name, value in self.pushed.items():
            line.offer(name, value)

    def __missing__(self, name: str) -> Any:
        if name in KERNEL_ONLY:
            self.line.fault = NotExaminable(HISTORY.format(name=name))
            raise self.line.fault
        known_builtin = name in dict.__getitem__(self, "__builtins__")
        if known_builtin and name not in self.plan.students:
            raise KeyError(name)
        found, value = self._fetch(name)
        if not found:
            raise KeyError(name)
        self.is_touched = True
        set_known_name(value, name)
        return value

    def fetch_all(self, names: frozenset[str]) -> None:
        """Ask for several names at once, before they are read one by one."""
        builtin = dict.__getitem__(self, "__builtins__")
        wanted = [
            name
            for name in sorted(names - KERNEL_ONLY)
            if not dict.__contains__(self, name)
            and (name not in builtin or name in self.plan.students)
        ]
        if wanted:
            found = ask_names(self.line, wanted)
            self._known = dict(zip(wanted, found, strict=True))
            self._epoch = self.line.epoch

    def _fetch(self, name: str) -> tuple[bool, Any]:
        self._push_globals()
        if self._epoch != self.line.epoch:
            self._known.clear()
        if name not in self._known:
            (answer,) = ask_names(self.line, [name])
            self._known[name] = answer
            self._epoch = self.line.epoch
        return self._known[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._known.pop(name, None)
        if name not in self.plan.shared or not self._push(name, value):
            super().__setitem__(name, value)

    def _push(self, name: str, value: Any) -> bool:
        """Set a name on the student's side too; return whether it lives only there."""
        if isinstance(value, STAYING) or not self.line.offer(name, value):
            return False
        self.pushed[name] = value
        if name not in self.plan.students:
            return False
        dict.pop(self, name, None)
        return True

    def _push_globals(self) -> None:
        """Push what functions have set by `global`, which goes past `__setitem__`."""
        for name in self.plan.shared & self.plan.students & dict.keys(self):
            self._push(name, dict.__getitem__(self, name))

    def __delitem__(self, name: str) -> None:
        self._known.pop(name, None)
        had = dict.pop(self, name, self) is not self
        self.pushed.pop(name, None)
        was_there = self.line.ask("unbind", [name])
        if not had and (type(was_there) is not list or True not in was_there):
            raise KeyError(name)

    def hand_back(self, names: frozenset[str]) -> None:
        """Let names be the student's that a test had used for itself."""
        for name in names:
            dict.pop(self, name, None)

    def __contains__(self, name: object) -> bool:
        if dict.__contains__(self, name):
            return True
        return (
            isinstance(name, str) and name not in KERNEL_ONLY and self._fetch(name)[0]
        )

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of a name, as `globals().get` does."""
        try:
            return self[name]
        except KeyError:
            return default

    def _list(self) -> list[str]:
        theirs = list_names(self.line)
        builtin = dict.__getitem__(self, "__builtins__").keys() - self.plan.students
        hidden = {*KERNEL_ONLY, *builtin, *dict.keys(self)}
        return [*dict.keys(self), *(n for n in theirs if n not in hidden)]

    def keys(self) -> Any:
        """Return all names, as `dir()` and `globals()` do."""
        return dict.fromkeys(self._list()).keys()

    def __iter__(self) -> Iterator[str]:
        return iter(self._list())

    def items(self) -> Any:
        """Return all names with their values."""
        return {name: self[name] for name in self._list()}.items()

    def values(self) -> Any:
        """Return the values of all names."""
        return {name: self[name] for name in self._list()}.values()

    def pop(self, name: str, *default: Any) -> Any:
        """Delete a name and return its value."""
        if name not in self and default:
            return default[0]
        value = self[name]
        del self[name]
        return value

    def update(self, *others: Any, **more: Any) -> None:
        """Set several names."""
        for name, value in dict(*others, **more).items():
            self[name] = value

    def setdefault(self, name: str, default: Any = None) -> Any:
        """Return the value of a name, after setting it if it is not there."""
        if name not in self:
            self[name] = default
        return self[name]


class NotebookModule(ModuleType):
    """What a test finds as `__main__`: its attributes are the namespace."""

    def __init__(self, namespace: Namespace) -> None:
        super().__init__("__main__")
        object.__setattr__(self, "_namespace", namespace)

    def __getattribute__(self, name: str) -> Any:
        namespace = object.__getattribute__(self, "_namespace")
        if name == "__dict__":
            return namespace
        if name in ("__class__", "__loader__", "__spec__", "__file__"):
            return object.__getattribute__(self, name)
        try:
            return namespace[name]
        except KeyError:
            return object.__getattribute__(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        object.__getattribute__(self, "_namespace")[name] = value
