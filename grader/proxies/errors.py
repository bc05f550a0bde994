"""What may happen to a test cell that works on proxies, and is not the student's error.

Each is noted where it is raised, so a test that catches everything hides none of it.
"""

from __future__ import annotations

from grader.errors import GraderError


class NotExaminable(GraderError):
    """A test cell needs what only a notebook's own kernel has; staff must look."""


class ExerciseLost(GraderError):
    """The student's process died, hung or broke the wire during this test cell."""


class Mixed(GraderError, TypeError):
    """A student's object was compared or combined with a value from outside."""


MIXED = (
    "{name} is an object of the student's own class: {action} it with a value of the "
    "test would let the student's code decide. Compare what its attributes or methods "
    "give instead."
)
LOST = "the student's process had ended before"
OF_THE_PAST = "an object of the student's process that ended; a fresh one went on"
CANNOT_CROSS = "{what} cannot be handed to the student's code from outside"
