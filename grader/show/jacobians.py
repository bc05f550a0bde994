"""Draws a Jacobian as cells, your wrong ones hatched."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from grader.ink import canvas as c
from grader.ink.drawing import Drawing, Table, draw_politely
from grader.ink.numbers import (
    SUBSCRIPTS,
    CannotDraw,
    describe,
    read_tensor,
    write_number,
    write_shape,
)

MARGIN_PX = 16
MOST_WRITTEN = 10  # rows or columns with a number in each cell
MOST_CELLS = 64  # rows or columns at all
SMALL_PX = 14
REL_TOL = 1e-5  # float32 rounding; relative to the largest entry
POSITIVE, NEGATIVE = (0x56, 0xB4, 0xE9), (0xE6, 0x9F, 0x00)  # Okabe and Ito


@draw_politely
def jacobian(J: Any, yours: Any = None) -> Drawing:
    """Draw a Jacobian as cells, one row for each output; your wrong cells are hatched.

    J: (outputs, inputs); more axes are split in the middle, a vector is one row.
    """
    true = _flatten(J, "The Jacobian")
    mine = None if yours is None else _flatten(yours, "Yours")
    shape = write_shape(true.shape)
    if mine is not None and mine.shape != true.shape:
        raise CannotDraw(
            f"Yours has shape {write_shape(mine.shape)}, autograd's has {shape}: first "
            "make the shapes agree (outputs, inputs)."
        )
    if max(true.shape) > MOST_CELLS:
        raise CannotDraw(
            f"This Jacobian is {shape}; a picture stays readable up to {MOST_CELLS} "
            "rows and columns."
        )
    cells = _Cells(true, mine)
    alt = cells.say()
    small = cells.is_small()
    svg = cells.draw_numbers(alt) if small else cells.draw_squares(alt)
    how = "" if small else "Full squares are positive, hollow ones negative. "
    caption = (
        f"Row i, column j: how output i changes with input j. {how}{cells.verdict()}"
    )
    return Drawing("Jacobian", svg, alt, caption, cells.table())


def _flatten(value: Any, what: str) -> Tensor:
    tensor = read_tensor(value)
    if tensor is None:
        raise CannotDraw(f"{what} should be a tensor, but it is {describe(value)}.")
    if not tensor.numel():
        raise CannotDraw(f"{what} is empty: shape {write_shape(tensor.shape)}.")
    if tensor.ndim < 2:
        return tensor.reshape(1, -1)
    rows = math.prod(tensor.shape[: tensor.ndim // 2])
    return tensor.reshape(rows, -1)


class _Cells:
    """The entries of a Jacobian, and which of yours are wrong."""

    def __init__(self, true: Tensor, mine: Tensor | None) -> None:
        self.true, self.mine = true, mine
        self.shown = true if mine is None else mine
        finite = true[torch.isfinite(true)].abs()
        self.most = float(finite.max()) if finite.numel() else 1.0
        self.most = self.most or 1.0
        self.wrong = torch.zeros_like(true, dtype=torch.bool)
        if mine is not None:
            close = torch.isclose(
                mine, true, rtol=REL_TOL, atol=REL_TOL * self.most, equal_nan=True
            )
            self.wrong = ~close

    def is_small(self) -> bool:
        """Whether each cell has room for its number."""
        return bool(max(self.true.shape) <= MOST_WRITTEN)

    def verdict(self) -> str:
        """Say how many cells of yours are wrong."""
        if self.mine is None:
            return ""
        count = int(self.wrong.sum())
        if not count:
            return "All your cells agree with autograd."
        return (
            f"{count} of {self.true.numel()} cells differ; they are hatched"
            f"{' and show yours ≠ autograd' if self.is_small() else ''}."
        )

    def say(self) -> str:
        rows, columns = self.true.shape
        words = f"Jacobian with {rows} rows and {columns} columns. {self.verdict()}"
        if self.is_small():
            lines = [
                ", ".join(self.write(i, j) for j in range(columns)) for i in range(rows)
            ]
            words += " Rows: " + "; ".join(lines) + "."
        return " ".join(words.split())

    def write(self, i: int, j: int) -> str:
        text = write_number(self.shown[i, j], 4)
        if self.wrong[i, j]:
            text += f" ≠ {write_number(self.true[i, j], 4)}"
        return text

    def table(self) -> Table:
        rows, columns = (min(size, MOST_WRITTEN) for size in self.true.shape)
        names = tuple(_index("x", j) for j in range(columns))
        return Table(
            ("output", *names),
            tuple(
                (_index("y", i), *(self.write(i, j) for j in range(columns)))
                for i in range(rows)
            ),
        )

    def draw_numbers(self, alt: str) -> str:
        rows, columns = self.true.shape
        longest = max(
            c.measure(self.write(i, j)) for i in range(rows) for j in range(columns)
        )
        w, h = max(46.0, longest + 14), 32.0
        picture = c.Canvas(
            28 + columns * w + 2 * MARGIN_PX, 24 + rows * h + 2 * MARGIN_PX
        )
        left, top = MARGIN_PX + 28, MARGIN_PX + 24
        picture.rect(left, top, columns * w, rows * h, fill="none", stroke=c.FAINT)
        for j in range(columns):
            picture.text(
                left + (j + 0.5) * w, top - 8, _index("x", j),
                text_anchor="middle", fill=c.QUIET,
            )  # fmt: skip
        for i in range(rows):
            picture.text(
                left - 8, top + (i + 0.5) * h + 4, _index("y", i),
                text_anchor="end", fill=c.QUIET,
            )  # fmt: skip
            for j in range(columns):
                self._draw_cell(picture, (i, j), (left + j * w, top + i * h, w, h))
        return picture.finish("Jacobian", alt)

    def _draw_cell(
        self,
        picture: c.Canvas,
        at: tuple[int, int],
        place: tuple[float, float, float, float],
    ) -> None:
        x, y, w, h = place
        picture.rect(
            *place, fill=self._tint(self.shown[at]), stroke=c.PAPER, stroke_width=2
        )
        text = self.write(*at)
        if self.wrong[at]:
            picture.rect(x + 1, y + 1, w - 2, h - 2, fill="url(#hatch)", stroke=c.INK)
            wide = c.measure(text) + 6
            picture.rect(x + (w - wide) / 2, y + 7, wide, 18, fill=c.PAPER, rx=3)
        weight = 700 if self.wrong[at] else None
        picture.text(
            x + w / 2, y + h / 2 + 4, text, text_anchor="middle", font_weight=weight
        )

    def _tint(self, value: Tensor) -> str:
        number = float(value)
        if not math.isfinite(number):
            return c.WASH
        share = min(abs(number) / self.most, 1.0) * 0.75
        colour = POSITIVE if number > 0 else NEGATIVE
        mixed = [round(255 + (part - 255) * share) for part in colour]
        return "#{:02x}{:02x}{:02x}".format(*mixed)

    def draw_squares(self, alt: str) -> str:
        """Draw large Jacobians by the size of a square (Hinton's diagram)."""
        rows, columns = self.true.shape
        picture = c.Canvas(
            columns * SMALL_PX + 2 * MARGIN_PX, rows * SMALL_PX + 2 * MARGIN_PX
        )
        picture.rect(
            MARGIN_PX, MARGIN_PX, columns * SMALL_PX, rows * SMALL_PX,
            fill=c.WASH, stroke=c.FAINT,
        )  # fmt: skip
        for i in range(rows):
            for j in range(columns):
                self._draw_square(picture, i, j)
        return picture.finish("Jacobian", alt)

    def _draw_square(self, picture: c.Canvas, i: int, j: int) -> None:
        x, y = MARGIN_PX + j * SMALL_PX, MARGIN_PX + i * SMALL_PX
        if self.wrong[i, j]:
            outline = {"stroke": c.INK, "stroke_width": 2}
            picture.rect(x, y, SMALL_PX, SMALL_PX, fill="url(#hatch)", **outline)
        number = float(self.shown[i, j])
        if not math.isfinite(number):
            picture.text(x + 3, y + 11, "?")
            return
        side = (SMALL_PX - 4) * math.sqrt(min(abs(number) / self.most, 1.0))
        if not side:
            return
        edge = (SMALL_PX - side) / 2
        fill = c.BLUE if number > 0 else c.PAPER
        stroke = c.BLUE if number > 0 else c.RUST
        picture.rect(x + edge, y + edge, side, side, fill=fill, stroke=stroke)


def _index(name: str, i: int) -> str:
    return name + str(i).translate(SUBSCRIPTS)
