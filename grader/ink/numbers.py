"""Writes numbers and tensors as short text; knows nothing of drawings."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

DIGITS = 5  # 6.6918 and 0.99877: enough to compare by eye, short enough for a box
LONGEST = 7  # whole digits that are written out before powers of ten take over
MOST_NUMBERS = 10_000  # of one curve; a picture has fewer px
LISTED = 3  # entries that fit on one line of a box
MINUS = "\u2212"  # read aloud as "minus"; a hyphen is skipped by screen readers
SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


# What an unsolved exercise raises: "Exercise 5.3: return dL_dz".
STUB = re.compile(r"(?P<exercise>Exercise [^:]{1,20}): (?P<what>.+?)\.?")


class CannotDraw(Exception):
    """What was given cannot be drawn; the text says why, in one sentence."""


def write_number(value: Any, digits: int = DIGITS) -> str:
    """Write a number with few digits, a true minus sign and no negative zero."""
    wants_gradient = getattr(value, "requires_grad", False)
    number = float(value.detach() if wants_gradient else value)
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "∞" if number > 0 else f"{MINUS}∞"
    text = f"{number:.{digits}g}"
    if "e" in text:
        mantissa, exponent = text.split("e")
        text = f"{mantissa}e{int(exponent)}"
        if 0 <= int(exponent) < LONGEST:
            text = f"{number:.0f}"
    if float(text) == 0:
        text = "0"
    return text.replace("-", MINUS)


def write_power(exponent: int) -> str:
    """Write a power of ten: 10⁻⁸."""
    return "10" + str(exponent).translate(SUPERSCRIPTS)


def write_shape(shape: Sequence[int]) -> str:
    """Write a shape as Python does: (7, 3) or (4,)."""
    return str(tuple(int(size) for size in shape))


def read_tensor(value: Any) -> Tensor | None:
    """Copy a number, list, array or tensor to a float64 CPU tensor.

    None for what holds no real numbers: text, None, complex or ragged data.
    """
    import torch  # noqa: PLC0415  makers of drawings without numbers need none

    if isinstance(value, str | bytes) or value is None or value is Ellipsis:
        return None
    try:
        # Not by the default dtype: a float would lose half its digits.
        wide = None if hasattr(value, "dtype") else torch.float64
        tensor = (
            value
            if isinstance(value, torch.Tensor)
            else torch.as_tensor(value, dtype=wide)
        )
        if tensor.is_complex():
            return None
        return tensor.detach().to("cpu", torch.float64)
    except (TypeError, ValueError, RuntimeError):
        return None


def read_number(value: Any, what: str) -> float:
    """Read one number.

    Raises CannotDraw, naming `what`, when there is none or more than one.
    """
    tensor = read_tensor(value)
    if tensor is None:
        raise CannotDraw(f"{what} should be a number, but it is {describe(value)}.")
    if tensor.numel() != 1:
        shape = write_shape(tensor.shape)
        raise CannotDraw(f"{what} should be one number, but it has shape {shape}.")
    return float(tensor.reshape(()))


def read_numbers(values: Any, what: str) -> list[float]:
    """Read a flat list of numbers; raises CannotDraw, naming `what`, otherwise."""
    tensor = None if isinstance(values, list | tuple) else read_tensor(values)
    count = len(values) if isinstance(values, list | tuple) else 0
    count = count if tensor is None else tensor.numel()
    if count > MOST_NUMBERS:
        raise CannotDraw(
            f"{what} holds {count} numbers; up to {MOST_NUMBERS} are drawn. Take every "
            "tenth, or a part."
        )
    if isinstance(values, list | tuple):
        return [read_number(value, f"{what}[{i}]") for i, value in enumerate(values)]
    if tensor is None:
        raise CannotDraw(f"{what} should be numbers, but it is {describe(values)}.")
    return [float(entry) for entry in tensor.reshape(-1)]


def describe(value: Any) -> str:
    """Say what a value is, for a sentence: `None`, `a str`, `a function`."""
    if value is None:
        return "None"
    if callable(value):
        return "a function"
    return f"of type {clean(type(value).__name__)}"


def summarise(value: Any) -> str:
    """Write a tensor in one short line: a number, a few numbers, or shape and range."""
    tensor = read_tensor(value)
    if tensor is None:
        return "none" if value is None else "not a number"
    if tensor.ndim == 0:
        return write_number(tensor)
    if tensor.ndim == 1 and 0 < tensor.numel() <= LISTED:
        return "[" + ", ".join(write_number(entry, 3) for entry in tensor) + "]"
    return f"{write_shape(tensor.shape)} {summarise_range(tensor)}".strip()


def summarise_range(tensor: Tensor) -> str:
    """Write the smallest and largest entry, and how many are not finite."""
    finite = tensor[tensor.isfinite()]
    lost = tensor.numel() - finite.numel()
    parts = []
    if finite.numel():
        low, high = write_number(finite.min(), 3), write_number(finite.max(), 3)
        parts.append(f"all {low}" if low == high else f"{low} … {high}")
    if lost:
        parts.append(f"{lost} not finite")
    return ", ".join(parts)


def clean(text: Any, limit: int = 60) -> str:
    """Make one safe line of a text of unknown origin, at most `limit` long.

    Control, direction and line-break characters go; escaping is left to the writer.
    """
    try:
        raw = str(text)
    except Exception:  # noqa: BLE001 a student's own __str__ may do anything
        raw = type(text).__name__
    line = "".join(
        " " if char in "\n\r\t" else char
        for char in raw[: 4 * limit]
        if char in "\n\r\t" or unicodedata.category(char) not in _UNSAFE
    ).strip()
    return line if len(line) <= limit else line[: limit - 1] + "…"


_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def call_politely(function: Any, *args: Any, **kwargs: Any) -> Any:
    """Call a student's function; raises CannotDraw, with its error, when it fails."""
    if not callable(function):
        raise CannotDraw(
            f"A function is wanted here, but this is {describe(function)}."
        )
    try:
        return function(*args, **kwargs)
    except Exception as error:
        raise CannotDraw(tell_error(function, error)) from error


def tell_error(function: Any, error: Exception) -> str:
    """Say in one sentence why a student's function failed; a stub is no failure."""
    stub = STUB.fullmatch(clean(error, 160))
    if isinstance(error, NotImplementedError) and stub:
        return f"{stub['exercise']} comes first: {stub['what']}."
    name = clean(getattr(function, "__name__", "The function"), 24)
    reason = f"{type(error).__name__}: {clean(error, 160)}"
    return f"{name} raised {reason} (the picture appears once it runs)."
