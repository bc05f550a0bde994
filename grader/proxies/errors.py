"""What may happen to a test cell that works on proxies, and is not the student's error.

Each is noted where it is raised, so a test that catches everything hides none of it.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from grader.errors import GraderError


class NotExaminable(GraderError):
    """A test cell needs what only a notebook's own kernel has; staff must look."""


class ExerciseLost(GraderError):
    """The student's process died, hung or broke the wire during this test cell."""


class Mixed(GraderError, TypeError):
    """A student's object was compared or combined with a value from outside."""


class Owed:
    """Failures of a test in functions that it lent: the student's code may catch them.

    They are raised once more when all requests are done.
    """

    def __init__(self) -> None:
        self._depth = 0  # of requests in lent functions for other requests
        self._error: Exception | None = None

    @contextlib.contextmanager
    def settle(self) -> Iterator[None]:
        """Raise what is owed when the outermost request is done.

        Raises: what a lent function raised.
        """
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if not self._depth and self._error is not None:
                error, self._error = self._error, None
                if isinstance(sys.exc_info()[1], Exception | None):
                    raise error

    @contextlib.contextmanager
    def keep(self, *, judges: bool) -> Iterator[None]:
        """Keep what a lent function raises; a failure only where it was given values.

        One that gets nothing fails by itself, for the student's code to notice.
        """
        try:
            yield
        except GraderError as error:
            self._error = self._error or error
            raise
        except AssertionError as error:
            if judges:
                self._error = self._error or error
            raise


MIXED = (
    "{name} is an object of the student's own class: {action} it with a value of the "
    "test would let the student's code decide. Compare what its attributes or methods "
    "give instead."
)
KEPT_BACK = (
    "a context manager of the student's swallowed a failure of the test; it counts"
)
ODD_NAME = "the name {name!r}, under which the student has something else than expected"
NAN = "an answer held a NaN, which min() and max() pass over: see the points"
LOST = "the student's process had ended before"
OF_THE_PAST = "an object of the student's process that ended; a fresh one went on"
CANNOT_CROSS = "{what} cannot be handed to the student's code from outside"
