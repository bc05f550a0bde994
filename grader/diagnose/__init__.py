"""Names the one wrong step that turns the right gradient into the student's."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from grader.diagnose.diagnosis import KINDS, Diagnosis, Trial

if TYPE_CHECKING:
    from grader.diagnose.search import name_mistake
    from grader.diagnose.whole.shapes import name_shape

__all__ = ["KINDS", "Diagnosis", "Trial", "name_mistake", "name_shape"]

_LATER = {
    "name_mistake": "grader.diagnose.search",
    "name_shape": "grader.diagnose.whole.shapes",
}


def __getattr__(name: str) -> Any:
    """Import the search when it is first named: a right answer needs none of it."""
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    message = f"module 'grader.diagnose' has no attribute {name!r}"
    raise AttributeError(message)
