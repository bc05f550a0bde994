"""Answers of a student's process that are taken apart out here, looked at before."""

from __future__ import annotations

from typing import Any, NoReturn

from grader.proxies.errors import ExerciseLost
from grader.values.packing import BadValue


def ask_names(line: Any, names: list[str]) -> list[tuple[bool, Any]]:
    """Return for each name whether it is there, and its value.

    Raises: ExerciseLost, also when the answer is none.
    """
    found = line.ask("names", names)
    if type(found) is not list or len(found) != len(names):
        distrust(line, "an answer to other names")
    if any(type(entry) is not tuple or len(entry) != 2 for entry in found):
        distrust(line, "names without their values")
    return [(is_there is True, value) for is_there, value in found]


def list_names(line: Any) -> list[str]:
    """Return the student's names.

    Raises: ExerciseLost, also when the answer is none.
    """
    found = line.ask("list", None)
    if type(found) is not list or any(type(name) is not str for name in found):
        distrust(line, "a list of something else than names")
    return list(found)


def distrust(line: Any, what: str) -> NoReturn:
    """Give up a process whose answer cannot be read.

    Raises: ExerciseLost, always.
    """
    line.fault = line.fault or BadValue(what)
    raise ExerciseLost(what)
