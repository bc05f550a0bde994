"""Calls a student's function: quietly, forgivingly, and leaving all as it was found."""

from __future__ import annotations

import functools
import inspect
import io
import linecache
import os
import re
import sys
import types
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import torch

from grader.answers import messages
from grader.errors import GraderError

_PACKAGES = (os.path.dirname(os.path.dirname(__file__)), os.path.dirname(os.__file__))
_LIBRARIES = tuple(os.path.join(path, "") for path in _PACKAGES)
_INSTALLED = re.compile(r"[\\/](site|dist)-packages[\\/]")
_TEXT_SHOWN = 240  # characters of an error's or a print's text


class Misused(Exception):
    """The answer cannot be used as the exercise says; carries what to tell."""

    def __init__(self, template: tuple[str, str], **words: object) -> None:
        self.message, self.look = (text.format(**words) for text in template)
        super().__init__(self.message)


@dataclass(frozen=True)
class Outcome:
    """What a call gave: a value or an error, and what it said on the way."""

    value: Any = None
    error: BaseException | None = None
    notes: tuple[str, ...] = ()


def call_quietly(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Outcome:
    """Call it; nothing that it prints or warns of reaches stdout or stderr.

    Random states may move on: the check around it puts them back.

    Raises: GraderError from a proxy (its process died, its time was over) and
    KeyboardInterrupt; every other error is the student's and comes back.
    """
    out = io.StringIO()
    value, error = None, None
    with (
        leave_modes(),
        redirect_stdout(out),
        redirect_stderr(out),
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("always")
        try:
            value = function(*args, **kwargs)
        except (GraderError, KeyboardInterrupt):
            raise
        except BaseException as raised:  # noqa: BLE001  (a student's code may raise anything)
            error = raised
    return Outcome(value, error, _notes(out.getvalue(), caught))


def name_of(function: Any) -> str:
    """Return the name that the report bears."""
    name = getattr(function, "__name__", None)
    return name if isinstance(name, str) else type(function).__name__


def bind_inputs(
    function: Callable[..., Any], inputs: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """Choose the arguments: by name where the function has the names, else by place.

    Raises: Misused when it is no function, or asks for what is not there.
    """
    if not callable(function):
        got = type(function).__name__
        raise Misused(messages.NOT_CALLABLE, got=got)
    try:
        plain = isinstance(function, types.FunctionType)
        parameters = (_read_again if plain else _read_parameters)(function)
    except (TypeError, ValueError):  # a builtin has no signature: by place
        return list(inputs.values()), {}
    taken = {p.name for p in parameters}
    spare = [name for name in inputs if name not in taken]
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    by_place = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL:
            args += [inputs[name] for name in spare]
            spare = []
        elif parameter.kind is parameter.VAR_KEYWORD:
            kwargs |= {name: inputs[name] for name in spare}
        elif (name := _input_for(parameter, inputs, spare)) is not None:
            if by_place or parameter.kind is parameter.POSITIONAL_ONLY:
                args.append(inputs[name])
            else:
                kwargs[parameter.name] = inputs[name]
        elif parameter.default is parameter.empty:
            words = {"name": parameter.name, "given": ", ".join(inputs)}
            raise Misused(messages.NO_SUCH_INPUT, **words)
    return args, kwargs


def _read_parameters(function: Callable[..., Any]) -> tuple[inspect.Parameter, ...]:
    return tuple(inspect.signature(function).parameters.values())


# A check calls its reference a dozen times; reading it takes as long as running it.
_read_again = functools.lru_cache(maxsize=32)(_read_parameters)


def _input_for(
    parameter: inspect.Parameter, inputs: Mapping[str, Any], spare: list[str]
) -> str | None:
    if parameter.name in inputs:
        return parameter.name
    if parameter.default is parameter.empty and spare:
        return spare.pop(0)
    return None


def is_unsolved(error: BaseException) -> bool:
    """Whether a stub raised it: torch raises NotImplementedError too, from its own."""
    if not isinstance(error, NotImplementedError):
        return False
    frame = _last_traceback(error)
    return frame is None or not is_library(frame.tb_frame.f_code.co_filename)


def find_line(error: BaseException) -> str:
    """Return the innermost line of the student's own code, stripped, or ""."""
    given = getattr(error, "__grader_line__", None)  # a proxy knows it from afar
    if isinstance(given, str):
        return given.strip()[:_TEXT_SHOWN]
    line, traceback = "", error.__traceback__
    while traceback is not None:
        name = traceback.tb_frame.f_code.co_filename
        if not is_library(name):
            line = linecache.getline(name, traceback.tb_lineno).strip() or line
        traceback = traceback.tb_next
    return line[:_TEXT_SHOWN]


def _last_traceback(error: BaseException) -> TracebackType | None:
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback


def is_library(filename: str) -> bool:
    """Tell whether a file is Python's, an installed package's or ours."""
    return filename.startswith(_LIBRARIES) or bool(_INSTALLED.search(filename))


def first_line(text: str) -> str:
    """Return the first line that is not blank, cut to a readable length."""
    lines = (line.strip() for line in text.splitlines())
    return next((line for line in lines if line), "")[:_TEXT_SHOWN]


def _notes(printed: str, caught: list[warnings.WarningMessage]) -> tuple[str, ...]:
    notes = [
        messages.WARNED.format(text=first_line(str(w.message))) for w in caught[:2]
    ]
    if printed.strip():
        notes.append(messages.PRINTED.format(text=printed.strip()[:_TEXT_SHOWN]))
    return tuple(notes)


@contextmanager
def leave_as_found() -> Iterator[None]:
    """Put the random states, the grad mode and the default dtype back at the end."""
    restore = [_saved_torch(), _saved_module("random", "getstate", "setstate")]
    restore.append(_saved_module("numpy.random", "get_state", "set_state"))
    try:
        with leave_modes():
            yield
    finally:
        for put_back in restore:
            put_back()


@contextmanager
def leave_modes() -> Iterator[None]:
    """Put the grad mode and the default dtype back at the end.

    Enough for one call of many: numpy's random state alone takes 0.1 ms.
    """
    grad, dtype = torch.is_grad_enabled(), torch.get_default_dtype()
    try:
        yield
    finally:
        torch.set_grad_enabled(grad)
        torch.set_default_dtype(dtype)


def _saved_torch() -> Callable[[], None]:
    state = torch.get_rng_state()
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None

    def put_back() -> None:
        torch.set_rng_state(state)
        if cuda is not None:
            torch.cuda.set_rng_state_all(cuda)

    return put_back


def _saved_module(name: str, getter: str, setter: str) -> Callable[[], None]:
    module = sys.modules.get(name)  # a library that is not loaded has no state yet
    if module is None:
        return lambda: None
    state = getattr(module, getter)()
    return lambda: getattr(module, setter)(state)
