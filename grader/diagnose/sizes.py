"""Numbers with a meaning: sizes of the draw, small fractions, known constants."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

import torch

from grader.diagnose.diagnosis import Tensor, Trial

KNOWN = {
    math.log(10): "ln 10",
    1 / math.log(10): "1/ln 10",
    math.log(2): "ln 2",
    1 / math.log(2): "1/ln 2",
    math.pi: "π",
    1 / math.pi: "1/π",
    2 * math.pi: "2π",
    1 / (2 * math.pi): "1/(2π)",
    math.sqrt(2): "√2",
    1 / math.sqrt(2): "1/√2",
    math.sqrt(math.pi): "√π",
    1 / math.sqrt(math.pi): "1/√π",
    math.sqrt(2 * math.pi): "√(2π)",
    1 / math.sqrt(2 * math.pi): "1/√(2π)",
    180 / math.pi: "180/π",
    math.pi / 180: "π/180",
}
# Constants that are lost or doubled without any sum or mean.
PLAIN = (2.0, 0.5, 3.0, 1 / 3, 4.0, 0.25, -2.0, -0.5)
LARGEST_DENOMINATOR = 12
ONE_LESS = re.compile(r"([\w.\[\]]+)/\(\1 - 1\)")
DIGITS = 1e-6  # two constants closer than this are one


def is_near(number: float, other: float, rel_tol: float = DIGITS) -> bool:
    """Tell whether two numbers agree to `rel_tol` of the larger one."""
    return abs(number - other) <= rel_tol * max(abs(number), abs(other))


def is_plain_constant(column: Sequence[float]) -> bool:
    """Tell whether a size is the same plain number at every draw.

    Then it says nothing of a sum or a mean: `2` is a lost square before it is a size.
    """
    same = all(is_near(size, column[0]) for size in column)
    return same and any(is_near(column[0], number) for number in PLAIN)


def describe_number(number: float, rel_tol: float = DIGITS) -> str:
    """Write a constant as a person would: `2`, `1/3`, `1/ln 10`, `0.7071`."""
    fraction = Fraction(number).limit_denominator(LARGEST_DENOMINATOR)
    if fraction and is_near(float(fraction), number, rel_tol):
        return str(fraction)
    for known, name in KNOWN.items():
        if is_near(known, abs(number), rel_tol):
            return name if number > 0 else f"-{name}"
    return f"{number:.4g}"


def list_sizes(
    trials: Sequence[Trial], outputs: Sequence[Tensor] = ()
) -> dict[str, tuple[float, ...]]:
    """Name every size of the inputs and outputs, with its value at each trial.

    Products of two and ratios of two are included, so are `n - 1` and `n/(n - 1)`.
    Equal columns of numbers get one name: the first.
    """
    columns = {
        name: [trial.inputs[name] for trial in trials if name in trial.inputs]
        for name in trials[0].inputs
    }
    plain = _list_axes({**columns, "result": list(outputs)}, len(trials))
    plain |= _list_counts(columns, len(trials))
    found: dict[tuple[float, ...], tuple[str, tuple[float, ...]]] = {}
    for name, sizes in plain.items():
        _keep(found, name, sizes)
    for one, two in combinations(list(found.values()), 2):
        pairs = list(zip(one[1], two[1], strict=True))
        _keep(found, f"{one[0]}·{two[0]}", tuple(a * b for a, b in pairs))
        _keep(found, f"{one[0]}/{two[0]}", tuple(a / b for a, b in pairs))
        _keep(found, f"{two[0]}/{one[0]}", tuple(b / a for a, b in pairs))
    for name, sizes in plain.items():
        _keep(found, f"{name}²", tuple(size**2 for size in sizes))
        if min(sizes) > 1:
            _keep(found, f"({name} - 1)", tuple(size - 1 for size in sizes))
            rest = tuple(size / (size - 1) for size in sizes)
            _keep(found, f"{name}/({name} - 1)", rest)
    for name, sizes in list(found.values()):
        if min(sizes) > 0:
            whole = f"({name})" if "·" in name or "/" in name else name
            _keep(found, f"1/{whole}", tuple(1 / size for size in sizes))
    return dict(found.values())


def explain_size(name: str) -> str:
    """Say what was done where this stands as a factor."""
    if ONE_LESS.search(name):
        return "the number of entries and one less are taken for each other."
    return "a sum and a mean are taken for each other."


def _keep(
    found: dict[tuple[float, ...], tuple[str, tuple[float, ...]]],
    name: str,
    sizes: tuple[float, ...],
) -> None:
    if any(abs(size - 1) > DIGITS for size in sizes):
        found.setdefault(tuple(round(size, 12) for size in sizes), (name, sizes))


def _list_axes(
    columns: dict[str, list[Tensor]], count: int
) -> dict[str, tuple[float, ...]]:
    named: dict[str, tuple[float, ...]] = {}
    for name, tensors in columns.items():
        if len(tensors) < count or not all(
            isinstance(t, torch.Tensor) for t in tensors
        ):
            continue
        if len({tensor.dim() for tensor in tensors}) > 1:
            continue
        for axis in range(tensors[0].dim()):
            sizes = tuple(float(tensor.shape[axis]) for tensor in tensors)
            named[f"{name}.shape[{axis}]"] = sizes
    return named


def _list_counts(
    columns: dict[str, list[Tensor]], count: int
) -> dict[str, tuple[float, ...]]:
    """List the inputs that are whole numbers: how many pieces, say."""
    return {
        name: tuple(map(float, numbers))
        for name, numbers in columns.items()
        if len(numbers) == count and all(map(_is_count, numbers)) and all(numbers)
    }


def _is_count(number: Tensor) -> bool:
    if type(number) is int:
        return True
    plain = isinstance(number, torch.Tensor) and not number.dim()
    return plain and not number.is_floating_point() and not number.is_complex()
