"""Random inputs: where they come from.

How a student's function is called with them is `answers`'s.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

import torch

from grader.accelerators.devices import DEVICES
from grader.answers.inputs import ExerciseError, Inputs

Draw = Callable[[torch.Generator], "Mapping[str, Any] | list[Mapping[str, Any]]"]

# What the draws derive from: None means fresh entropy, as in a student's own kernel.
SEED: ContextVar[bytes | None] = ContextVar("SEED", default=None)
_COUNT: ContextVar[tuple[bytes, int]] = ContextVar("_COUNT", default=(b"", 0))


_PRIMES = (3, 5, 7, 11, 13)


def sizes(generator: torch.Generator, n: int) -> tuple[int, ...]:
    """Draw n distinct primes: no array is square, and 1/N is never 1/2.

    Raises: ValueError unless 1 <= n <= 5.
    """
    if not 1 <= n <= len(_PRIMES):
        message = f"sizes(generator, {n!r}): n must be between 1 and {len(_PRIMES)}"
        raise ValueError(message)
    order = torch.randperm(len(_PRIMES), generator=generator)[:n]
    return tuple(_PRIMES[i] for i in order.tolist())


def pick_device() -> str:
    """Return "cuda" if there is such a device, else "cpu"; checks then draw for it."""
    return DEVICES.get().pick()


def make_generator(name: str) -> torch.Generator:
    """Make the generator of one check call, from SEED or from fresh entropy.

    With a seed, each call has its own: the count of calls under this seed and the
    name of the student's function enter it.
    """
    seed = SEED.get()
    if seed is None:
        digest = os.urandom(8)
    else:
        last_seed, count = _COUNT.get()
        count = count + 1 if last_seed == seed else 1
        _COUNT.set((seed, count))
        key = hashlib.blake2b(seed, digest_size=32).digest()
        text = f"{count}:{name}".encode(errors="replace")
        digest = hashlib.blake2b(text, key=key, digest_size=8).digest()
    generator = torch.Generator()
    generator.manual_seed(int.from_bytes(digest, "big") >> 1)
    return generator


class Cases:
    """The inputs of one check call, drawn when they are asked for.

    A draw may give several cases at once (both classes of a label, say).
    """

    def __init__(self, draw: Draw | None, at: Any, name: str) -> None:
        if (draw is None) == (at is None):
            message = "give either draw= (a function) or at= (inputs), not both"
            raise ExerciseError(message)
        self._draw = draw
        self.generator = make_generator(name)
        self._cases = [] if at is None else _as_cases(at, "at=")
        self.draws = 0

    def take(self, draws: int) -> list[Inputs]:
        """Return all cases of the first `draws` draws; fewer for given points."""
        while self._draw is not None and self.draws < draws:
            self._cases += _as_cases(self._draw(self.generator), "draw")
            self.draws += 1
        return self._cases

    @property
    def are_drawn(self) -> bool:
        """Whether there are more where these came from."""
        return self._draw is not None


def _as_cases(drawn: Any, what: str) -> list[Inputs]:
    cases = drawn if isinstance(drawn, (list, tuple)) else [drawn]
    for case in cases:
        if not isinstance(case, Mapping) or not all(isinstance(k, str) for k in case):
            message = (
                f"{what} gave {type(case).__name__}; named inputs (a dict) are due"
            )
            raise ExerciseError(message)
    if not cases:
        message = f"{what} gave no inputs"
        raise ExerciseError(message)
    place = DEVICES.get().place
    return [{name: place(value) for name, value in case.items()} for case in cases]
