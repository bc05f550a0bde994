"""What tempts in place of one call of a reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

# Makes another result of a call; None where the rewrite does not fit it.
Rewrite = Callable[..., Any]


def sum_for_mean(func: Any, args: Any, kwargs: Any) -> Any:
    """A sum where a mean is asked."""
    return torch.sum(*args, **kwargs)


def mean_for_sum(func: Any, args: Any, kwargs: Any) -> Any:
    """A mean where a sum is asked."""
    return torch.mean(*args, **kwargs)


def other_correction(func: Any, args: Any, kwargs: Any) -> Any:
    """A variance divided by n where n - 1 is asked, or the reverse."""
    biased = kwargs.get("unbiased") is False or kwargs.get("correction") == 0
    rest = {k: v for k, v in kwargs.items() if k not in ("unbiased", "correction")}
    kept = tuple(arg for arg in args if not isinstance(arg, bool))
    biased = biased or any(arg is False for arg in args[1:])
    return func(*kept, **rest, correction=1 if biased else 0)


def use_inverse(func: Any, args: Any, kwargs: Any) -> Any:
    """The inverse of a matrix where the matrix is asked, or the reverse."""
    return func(torch.linalg.inv(args[0]), *args[1:], **kwargs)


def other_side(func: Any, args: Any, kwargs: Any) -> Any:
    """What a step that chooses does not let through."""
    parts = [arg for arg in args if isinstance(arg, torch.Tensor)]
    return sum(parts) - func(*args, **kwargs)


def stand_up(func: Any, args: Any, kwargs: Any) -> Any:
    """A column against a row: every entry of one meets every entry of the other."""
    return func(args[0].unsqueeze(-1), *args[1:], **kwargs)


# What tempts in place of a call, by its name.
NAMED: dict[str, tuple[Rewrite, ...]] = {
    "sum": (mean_for_sum,),
    "mean": (sum_for_mean,),
    "var": (other_correction,),
    "std": (other_correction,),
}
