"""What a lesson imports: checks that name the mistake, and drawings."""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grader import check, show

__all__ = ["check", "show"]


def __getattr__(name: str) -> ModuleType:
    """Import a room when it is first named.

    Torch takes two seconds; the command `grader` and the sandbox need neither room.
    """
    if name in __all__:
        return import_module(f"grader.{name}")
    message = f"module 'grader' has no attribute {name!r}"
    raise AttributeError(message)
