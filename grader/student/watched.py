"""Runs a student's function while something is watched: what it derives by machine.

What is told of it is only evidence: a determined cheat is at home in this process.
"""

from __future__ import annotations

import _thread
import contextlib
import functools
import os
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import torch
from torch.autograd.graph import saved_tensors_hooks

from grader.shortcuts import Shortcut, Watch
from grader.shortcuts.evidence import ASIDE, AUTOGRAD, HIDDEN

_FRAMES = 4  # from torch's own call down to where a mode is taken off
STARTERS = (
    *((_thread, "start_new_thread"), (threading, "_start_new_thread")),
    *((os, "fork"), (os, "posix_spawn")),
)


@contextlib.contextmanager
def hear_leaving(found: list[Shortcut]) -> Iterator[None]:
    """Note it when a thread or a process begins: a `Watch` sees its own thread only."""
    own = [(module, name, getattr(module, name)) for module, name in STARTERS]

    def listen(start: Callable[..., Any]) -> Callable[..., Any]:
        def begin(*args: Any, **kwargs: Any) -> Any:
            found.append(Shortcut(ASIDE))
            return start(*args, **kwargs)

        return begin

    for module, name, start in own:
        setattr(module, name, listen(start))
    try:
        yield
    finally:
        for module, name, start in own:
            setattr(module, name, start)


@contextlib.contextmanager
def hear_below(seen: Watch) -> Iterator[None]:
    """Note what a `Watch` cannot see: that it was taken off, and what goes on then.

    Autograd keeps tensors for its backward pass, under whatever mode, and tells.
    """

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        seen.found.append(Shortcut(AUTOGRAD))
        return tensor

    pop = torch.overrides._pop_torch_function_stack

    def take_off() -> Any:
        mode = pop()
        if mode is seen and not _is_torch_at_work():
            seen.found.append(Shortcut(HIDDEN))
        return mode

    torch.overrides._pop_torch_function_stack = take_off
    try:
        with saved_tensors_hooks(keep, lambda tensor: tensor):
            yield
    finally:
        torch.overrides._pop_torch_function_stack = pop


def _is_torch_at_work() -> bool:
    """Tell whether torch itself takes a mode off, to call what the mode was told of."""
    frame: FrameType | None = sys._getframe(2)
    own = torch.overrides.handle_torch_function.__code__
    for _ in range(_FRAMES):
        if frame is None or frame.f_code is own:
            break
        frame = frame.f_back
    return frame is not None and frame.f_code is own


def watch(peer: Any, function: Callable[..., Any]) -> tuple[Any, Any]:
    """Return the function under watch, and what tells which ways were seen.

    The second gives the ways, and whether each call evaluated something twice at
    points that lie side by side, as a finite difference does.
    """
    ways: list[str] = []
    beside: list[bool] = []

    @functools.wraps(function)
    def watched(*args: Any, **kwargs: Any) -> Any:
        seen = Watch()
        try:
            with seen, hear_leaving(seen.found), hear_below(seen), torch.no_grad():
                return function(*args, **kwargs)
        finally:
            ways.extend(shortcut.way for shortcut in seen.found)
            beside.append(seen.is_beside)

    def take() -> tuple[list[str], bool]:
        return list(dict.fromkeys(ways)), bool(beside) and all(beside)

    return watched, take
