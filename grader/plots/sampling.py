"""Asks a student's function for values and slopes, politely."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from grader.ink.numbers import call_politely, clean, read_number

Function = Callable[[Any], Any]
POINTS = 121  # enough for a smooth curve at 470 px


def spread(low: float, high: float, count: int = POINTS) -> list[float]:
    """Return evenly spaced points."""
    return [low + (high - low) * i / (count - 1) for i in range(count)]


def value_at(f: Function, x: float) -> float:
    """Return f(x), asked in float64; raises CannotDraw when f fails."""
    return read_number(call_at(f, torch.tensor(x, dtype=torch.float64)), name_of(f))


def call_at(f: Function, x: Tensor) -> Any:
    """Call f on a 0-d tensor; raises CannotDraw when f fails."""
    with warnings.catch_warnings():  # a plain Python function may turn x into a float
        warnings.simplefilter("ignore")
        return call_politely(f, x)


def sample(f: Function, xs: Sequence[float]) -> list[float]:
    """Return f at each x."""
    return [value_at(f, x) for x in xs]


def slope_at(f: Function, x: float) -> float:
    """Return the slope by autograd, or by a difference where f leaves autograd."""
    leaf = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    result = call_at(f, leaf)
    if isinstance(result, Tensor) and result.requires_grad and result.numel() == 1:
        (slope,) = torch.autograd.grad(result.sum(), leaf, allow_unused=True)
        return 0.0 if slope is None else float(slope)
    h = 1e-5 * max(1.0, abs(x))
    return (value_at(f, x + h) - value_at(f, x - h)) / (2 * h)


def name_of(f: Function) -> str:
    """Return how a function is called in a drawing."""
    name = clean(getattr(f, "__name__", "f"), 24)
    return "f" if name == "<lambda>" else name
