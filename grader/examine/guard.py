"""Keeps a submission's tests from reaching the next one, and their draws repeatable.

What tests do to libraries, random states and the like is put back afterwards.
"""

from __future__ import annotations

import builtins
import contextlib
import hashlib
import importlib
import io
import os
import random
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

WATCHED = (  # what tests have been seen to patch, and what they might
    *(
        "builtins",
        "math",
        "cmath",
        "random",
        "time",
        "datetime",
        "os",
        "sys",
        "io",
        "json",
    ),
    *(
        "copy",
        "inspect",
        "itertools",
        "functools",
        "collections",
        "statistics",
        "types",
    ),
    *(
        "operator",
        "warnings",
        "contextlib",
        "unittest",
        "unittest.mock",
        "string",
        "re",
    ),
    *("numpy", "numpy.random", "numpy.linalg", "numpy.testing", "numpy.fft", "scipy"),
    *("torch", "torch.nn", "torch.nn.functional", "torch.nn.init", "torch.optim"),
    *("torch.autograd", "torch.autograd.functional", "torch.random", "torch.testing"),
    *("torch.linalg", "torch.func", "torch.cuda", "torch.utils.data", "pandas"),
    *("matplotlib", "matplotlib.pyplot", "grader.check", "grader.show", "grader"),
)
CLASSES = (torch.Tensor, torch.nn.Module, torch.nn.Parameter, torch.autograd.Function)


@contextlib.contextmanager
def keep_libraries(imported: Sequence[str] = ()) -> Iterator[None]:
    """Put back what was set, replaced or deleted in watched modules and classes.

    imported: what the release imports; it is imported first, to be watched too.
    """
    for name in imported:
        with contextlib.suppress(Exception):  # a library that only students have
            importlib.import_module(name)
    names = dict.fromkeys((*WATCHED, *imported))
    modules = [sys.modules[name] for name in names if name in sys.modules]
    before = [(thing, dict(vars(thing))) for thing in (*modules, *CLASSES)]
    try:
        yield
    finally:
        for thing, held in before:
            _put_back(thing, held)


def _put_back(thing: Any, held: Mapping[str, Any]) -> None:
    with contextlib.suppress(Exception):  # arrays do not compare as a whole
        if vars(thing) == held:  # the same objects: quick
            return
    now = dict(vars(thing))
    for name, value in held.items():
        if now.get(name, _put_back) is not value and name != "__warningregistry__":
            with contextlib.suppress(AttributeError, TypeError):
                setattr(thing, name, value)
    for name in now.keys() - held.keys():
        if not _is_submodule(thing, name):
            with contextlib.suppress(AttributeError, TypeError):
                delattr(thing, name)


def _is_submodule(thing: Any, name: str) -> bool:
    return f"{getattr(thing, '__name__', '')}.{name}" in sys.modules


@contextlib.contextmanager
def keep_settings() -> Iterator[None]:
    """Put back global settings: of torch and numpy, of the process, of warnings."""
    dtype, grad = torch.get_default_dtype(), torch.is_grad_enabled()
    printing, errors = np.get_printoptions(), np.geterr()
    environment, path, folder = dict(os.environ), list(sys.path), Path.cwd()
    streams = sys.stdin, sys.stdout, sys.stderr, sys.displayhook, sys.excepthook
    limit = sys.getrecursionlimit()
    with warnings.catch_warnings(), keep_random_states():
        warnings.simplefilter("default")
        warnings.showwarning = _print_warning
        sys.stdin = io.StringIO()
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)
            torch.set_grad_enabled(grad)
            np.set_printoptions(**printing)
            np.seterr(**errors)
            sys.stdin, sys.stdout, sys.stderr, sys.displayhook, sys.excepthook = streams
            sys.setrecursionlimit(limit)
            sys.path[:] = path
            if dict(os.environ) != environment:
                os.environ.clear()
                os.environ.update(environment)
            os.chdir(folder)
            close_figures()


def _print_warning(  # noqa: PLR0913, PLR0917  as `warnings` calls it
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: Any = None,
    line: str | None = None,
) -> None:
    sys.stderr.write(warnings.formatwarning(message, category, filename, lineno))


@contextlib.contextmanager
def keep_random_states() -> Iterator[None]:
    """Put the states of the global random generators back."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])


class Pyplot:
    """Lets `plt.gca()` find the axes that a student's function has drawn.

    A test that draws itself has its own; otherwise the current ones are over there.
    """

    def __init__(self, ask: Callable[[str, Any], Any]) -> None:
        self._ask = ask
        self._own: dict[str, Any] = {}

    def patch(self) -> None:
        """Watch over the current figure."""
        pyplot = sys.modules.get("matplotlib.pyplot")
        if pyplot is not None and not self._own:
            for name in ("gcf", "gca"):
                self._own[name] = getattr(pyplot, name)
                setattr(pyplot, name, self._wrap(pyplot, name, self._own[name]))

    def restore(self) -> None:
        """Put the functions back."""
        for name, own in self._own.items():
            setattr(sys.modules["matplotlib.pyplot"], name, own)
        self._own.clear()

    def _wrap(self, pyplot: Any, name: str, own: Callable[..., Any]) -> Any:
        def find(*args: Any, **kwargs: Any) -> Any:
            theirs = None if pyplot.get_fignums() else self._ask("figure", name)
            return own(*args, **kwargs) if theirs is None else theirs

        return find


def close_figures() -> None:
    """Close all figures, as a kernel does after each cell."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None and pyplot.get_fignums():
        pyplot.close("all")


def derive(seed: bytes, *words: str) -> bytes:
    """Return the secret of one part of a submission."""
    key = hashlib.blake2b(seed, digest_size=32).digest()
    return hashlib.blake2b("\0".join(words).encode(), key=key, digest_size=16).digest()


def seed_all(seed: bytes) -> None:
    """Set the global random generators."""
    number = int.from_bytes(derive(seed, "global")[:4], "big")
    random.seed(number)
    np.random.seed(number)
    torch.manual_seed(number)


class SeedWatch:
    """Notices that a test sets a global seed: the student's side then has it too.

    The states of tests that set none stay here, for they tell of draws to come.
    """

    def __init__(self) -> None:
        self._seeded: set[str] = set()
        self._sent: dict[str, Any] = {}

    def patch(self) -> None:
        """Watch the functions that set seeds; `keep_libraries` puts them back."""
        for name, module, function in (
            ("random", random, "seed"),
            ("numpy", np.random, "seed"),
            ("torch", torch, "manual_seed"),
            ("torch", torch.random, "manual_seed"),
        ):
            setattr(module, function, self._wrap(name, getattr(module, function)))

    def _wrap(self, name: str, seed: Callable[..., Any]) -> Callable[..., Any]:
        def seed_and_note(*args: Any, **kwargs: Any) -> Any:
            self._seeded.add(name)
            return seed(*args, **kwargs)

        seed_and_note.__name__ = seed.__name__
        return seed_and_note

    def start_cell(self) -> None:
        """Forget the seeds of the cell before."""
        self._seeded.clear()
        self._sent.clear()

    def read(self) -> dict[str, Any] | None:
        """Return the states that were set and have changed since they were sent."""
        fresh: dict[str, Any] = {}
        for name in self._seeded:
            state = _read_state(name)
            if self._sent.get(name) != state:
                self._sent[name] = fresh[name] = state
        return fresh or None


class Replaced:
    """Notices that a test has replaced `input` or `print`: its own is lent then."""

    def __init__(self) -> None:
        self._own = {name: getattr(builtins, name) for name in ("input", "print")}
        self._told = dict(self._own)

    def tell(self, line: Any) -> None:
        """Let the student's side have what stands there now."""
        for name, own in self._own.items():
            now = getattr(builtins, name)
            if now is not self._told[name]:
                self._told[name] = now
                line.ask("replace", (name, None if now is own else now))


def _read_state(name: str) -> Any:
    if name == "random":
        version, numbers, gauss = random.getstate()
        return [version, list(numbers), gauss]
    if name == "numpy":
        legacy: Any = np.random.get_state()
        return [legacy[0], legacy[1].tolist(), *legacy[2:]]
    return bytes(torch.get_rng_state().numpy()).hex()
