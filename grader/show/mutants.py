"""Draws which test point catches which wrong gradient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grader.ink import canvas as c
from grader.ink.drawing import Drawing, Table, draw_politely
from grader.ink.numbers import CannotDraw, clean, describe, read_tensor

MARGIN_PX = 16
MOST_CELLS = 64  # rows or columns
CAUGHT, MISSED, UNTRIED = "caught", "missed", "not tried"


@dataclass(frozen=True)
class _Trial:
    """One wrong gradient at the test points, in their order."""

    name: str
    found: tuple[str, ...]

    def count(self) -> str:
        return f"{self.found.count(CAUGHT)} of {len(self.found)}"


@draw_politely
def mutant_grid(
    mutants: Mapping[str, Any], points: Sequence[str] | None = None
) -> Drawing:
    """Draw which test point catches which wrong gradient.

    mutants: `{"factor 2 missing": {"x=1": True, "x=2": False}}`, True where the check
    failed the wrong gradient (caught it); or lists, with the names in `points`.
    """
    trials, names = _read_mutants(mutants, points)
    rows = tuple((trial.name, *trial.found, trial.count()) for trial in trials)
    caught = [
        f"{sum(t.found[j] == CAUGHT for t in trials)} of {len(trials)}"
        for j in range(len(names))
    ]
    table = Table(
        ("wrong gradient", *names, "caught"), (*rows, ("caught", *caught, ""))
    )
    alt = "Grid of wrong gradients against test points. " + " ".join(
        f"{row[0]}: "
        + ", ".join(f"{n} {cell}" for n, cell in zip(names, row[1:-1], strict=True))
        + "."
        for row in rows
    )
    svg = _draw_trials(trials, names, caught, alt)
    caption = (
        "✓ this test catches the wrong gradient; an empty, hatched cell misses it."
    )
    return Drawing("Which test catches which mistake", svg, alt, caption, table)


def _read_mutants(mutants: Any, points: Any) -> tuple[list[_Trial], list[str]]:
    if not isinstance(mutants, Mapping) or not mutants:
        raise CannotDraw(
            "mutant_grid takes a dict of wrong gradients, each with what the test "
            "points found."
        )
    rows = {name: _read_row(name, row, points) for name, row in mutants.items()}
    names: list[str] = []
    for row in rows.values():
        names += [name for name in row if name not in names]
    if len(rows) > MOST_CELLS or len(names) > MOST_CELLS or not names:
        raise CannotDraw(
            f"{len(rows)} mutants at {len(names)} points cannot be drawn: from 1 to "
            f"{MOST_CELLS} of each."
        )
    trials = [
        _Trial(clean(name, 40), tuple(_judge(row.get(point)) for point in names))
        for name, row in rows.items()
    ]
    return trials, [clean(name, 14) for name in names]


def _read_row(name: Any, row: Any, points: Any) -> dict[Any, Any]:
    if isinstance(row, Mapping):
        return dict(row)
    tensor = read_tensor(row)
    values = list(tensor.reshape(-1).tolist()) if tensor is not None else row
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise CannotDraw(f"{clean(name)}: {describe(row)} instead of True and False.")
    named = list(points or [f"point {i + 1}" for i in range(len(values))])
    if len(named) != len(values):
        raise CannotDraw(
            f"{clean(name)} has {len(values)} results for {len(named)} points."
        )
    return dict(zip(named, values, strict=True))


def _judge(found: Any) -> str:
    if found is None:
        return UNTRIED
    tensor = read_tensor(found)
    if tensor is None or tensor.numel() != 1:
        return UNTRIED
    return CAUGHT if bool(tensor) else MISSED


def _draw_trials(
    trials: Sequence[_Trial], names: Sequence[str], caught: Sequence[str], alt: str
) -> str:
    label = max(c.measure(trial.name) for trial in trials) + 16
    w, h = max(52.0, *(c.measure(name, 11) + 12 for name in names)), 28.0
    left, top = MARGIN_PX + label, MARGIN_PX + 24.0
    picture = c.Canvas(
        left + len(names) * w + 84, top + (len(trials) + 1) * h + MARGIN_PX
    )
    small: dict[str, object] = {"font_size": 11, "fill": c.QUIET}
    for j, name in enumerate(names):
        x = left + (j + 0.5) * w
        picture.text(x, top - 9, name, text_anchor="middle", **small)
        bottom = top + len(trials) * h + 18
        picture.text(x, bottom, caught[j], text_anchor="middle", **small)
    for i, trial in enumerate(trials):
        y = top + i * h
        picture.text(left - 10, y + 18, trial.name, text_anchor="end")
        picture.text(left + len(names) * w + 10, y + 18, trial.count(), **small)
        for j, found in enumerate(trial.found):
            _draw_mark(picture, (left + j * w, y, w, h), found)
    picture.text(
        left - 10, top + len(trials) * h + 18, CAUGHT, text_anchor="end", **small
    )
    return picture.finish("Which test catches which mistake", alt)


def _draw_mark(
    picture: c.Canvas, place: tuple[float, float, float, float], found: str
) -> None:
    x, y, w, h = place
    fill = c.BLUE_WASH if found == CAUGHT else c.PAPER
    picture.rect(x + 1.5, y + 1.5, w - 3, h - 3, rx=3, fill=fill, stroke=c.FAINT)
    if found == CAUGHT:
        middle = f"M{x + w / 2 - 6} {y + h / 2} l4 5 8 -10"
        picture.add("path", d=middle, fill="none", stroke=c.BLUE, stroke_width=2.6)
    elif found == MISSED:
        picture.rect(x + 1.5, y + 1.5, w - 3, h - 3, rx=3, fill="url(#hatch)")
    else:
        picture.text(x + w / 2, y + h / 2 + 4, "–", text_anchor="middle")
