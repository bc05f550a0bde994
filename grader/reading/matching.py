"""Finds which cell of a stranger's notebook is which cell of the release.

By grade id, cell id, marker line, text and place, in that order: each survives a
different editor. Says how a cell was found; rebuilding is `grader.grading.intake`'s.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from grader.reading.notebook import MARKER, RawCell

SIMILAR = 60.0  # of 100: an edited cell still looks like the one given out
MAX_COMPARED = 50  # cells between two known ones that are compared by likeness
MAX_LIKENESS_TEXT = 4000  # characters of a cell that are compared
_DEFINED = re.compile(r"^(?:async\s+def|def|class)\s+(\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Wanted:
    """A cell of the release, with the marks by which it may be found."""

    id: str  # grade_id, or the cell's own id
    cell_id: str
    exercise: str
    cell_type: str
    source: str  # as given out
    is_answer: bool


@dataclass(frozen=True)
class Match:
    """Where a wanted cell was found: `how` is empty when nothing had been lost."""

    position: int
    how: str = ""
    copies: tuple[int, ...] = ()  # other cells that claim to be this one


@dataclass
class _Search:
    wanted: Sequence[Wanted]
    cells: Sequence[RawCell]
    found: dict[int, Match] = field(default_factory=dict)
    taken: set[int] = field(default_factory=set)

    def free(self, positions: Iterable[int]) -> list[int]:
        return [position for position in positions if position not in self.taken]

    def missing(self) -> list[int]:
        return [i for i in range(len(self.wanted)) if i not in self.found]

    def take(self, index: int, positions: Sequence[int], how: str) -> None:
        """Settle on the best of several; the rest are copies of it."""
        wanted = self.wanted[index]
        best = max(positions, key=lambda p: _rank(wanted, self.cells[p], p))
        copies = tuple(
            position
            for position in positions
            if position != best and _is_no_other(wanted, self.cells[position])
        )
        self.found[index] = Match(best, how, copies)
        self.taken.update((best, *copies))


def match_cells(wanted: Sequence[Wanted], cells: Sequence[RawCell]) -> dict[int, Match]:
    """Give, by the position in `wanted`, the cell that it is in `cells`."""
    search = _Search(wanted, cells)
    _claim(search, "", lambda cell: [cell.grade_id], lambda want: want.id)
    _claim(search, "its cell id", lambda cell: cell.cell_ids, lambda want: want.cell_id)
    _claim(search, "its cell id", lambda cell: cell.cell_ids, lambda want: want.id)
    _claim(
        search,
        "its line '# exercise:'",
        lambda cell: [cell.marker],
        lambda want: want.exercise if want.is_answer else "",
    )
    _match_texts(search)
    _match_definitions(search)
    _match_places(search)
    return search.found


def normalize(source: str) -> str:
    """Give the text without what editors change: blanks at ends of lines."""
    return "\n".join(line.rstrip() for line in source.splitlines()).strip()


def _claim(
    search: _Search,
    how: str,
    claims: Callable[[RawCell], Iterable[str]],
    key: Callable[[Wanted], str],
) -> None:
    claimed: dict[str, list[int]] = {}
    for position in search.free(range(len(search.cells))):
        for claim in set(claims(search.cells[position])) - {""}:
            claimed.setdefault(claim, []).append(position)
    for index in search.missing():
        positions = search.free(claimed.get(key(search.wanted[index]), ()))
        if positions:
            search.take(index, positions, how)


def _match_texts(search: _Search) -> None:
    """Pair equal texts in their order: nothing was written into these cells."""
    texts: dict[str, list[int]] = {}
    for position in search.free(range(len(search.cells))):
        texts.setdefault(normalize(search.cells[position].source), []).append(position)
    texts.pop("", None)
    for index in search.missing():
        positions = texts.get(normalize(search.wanted[index].source), [])
        if positions:
            position = positions.pop(0)
            search.found[index] = Match(position, "its text")
            search.taken.add(position)


def _match_definitions(search: _Search) -> None:
    """Find an answer by the functions that its stub defines."""
    for index in search.missing():
        wanted = search.wanted[index]
        names = set(_DEFINED.findall(wanted.source)) if wanted.is_answer else set()
        positions = [
            position
            for position in search.free(range(len(search.cells)))
            if names and names <= set(_DEFINED.findall(search.cells[position].source))
        ]
        if positions:
            search.take(index, positions, "the names that it defines")


def _match_places(search: _Search) -> None:
    """Find a cell between its neighbours; an answer there may be wholly rewritten."""
    for index in search.missing():
        wanted = search.wanted[index]
        gap = [
            position
            for position in search.free(_find_gap(search, index))
            if search.cells[position].cell_type == wanted.cell_type
            and search.cells[position].source.strip()
        ][:MAX_COMPARED]
        if not gap:
            continue
        likeness, position = max(
            (_compare(wanted.source, search.cells[position].source), position)
            for position in gap
        )
        if likeness >= SIMILAR:
            search.take(index, [position], "its text")
        elif wanted.is_answer and _is_alone(search, index):
            search.take(index, gap[-1:], "its place")


def _find_gap(search: _Search, index: int) -> range:
    """Give the positions between the nearest known neighbours."""
    before = [search.found[i].position for i in range(index) if i in search.found]
    after = [
        search.found[i].position
        for i in range(index + 1, len(search.wanted))
        if i in search.found
    ]
    start = before[-1] + 1 if before else 0
    return range(start, after[0] if after else len(search.cells))


def _is_alone(search: _Search, index: int) -> bool:
    """Whether no other lost answer competes for the same gap."""
    gap = _find_gap(search, index)
    return not any(
        other != index
        and search.wanted[other].is_answer
        and search.wanted[other].cell_type == search.wanted[index].cell_type
        and _find_gap(search, other) == gap
        for other in search.missing()
    )


def _rank(wanted: Wanted, cell: RawCell, position: int) -> tuple[bool, bool, bool, int]:
    """Of several claimants: the one that is the exercise, filled in, and last.

    The last one wins where nothing else decides: so it did in the student's kernel.
    """
    if not wanted.is_answer:
        same = normalize(cell.source) == normalize(wanted.source)
        return (True, True, same, position)
    names = set(_DEFINED.findall(wanted.source))
    return (
        _is_no_other(wanted, cell),
        normalize(cell.source) not in {"", normalize(wanted.source)},
        names <= set(_DEFINED.findall(cell.source)),
        position,
    )


def _is_no_other(wanted: Wanted, cell: RawCell) -> bool:
    """Whether the marker line, if there is one, names this exercise."""
    marker = MARKER.search(cell.source[:MAX_LIKENESS_TEXT])
    return marker is None or marker.group(1) in {wanted.exercise, wanted.id}


def _compare(one: str, other: str) -> float:
    from rapidfuzz.fuzz import ratio  # noqa: PLC0415  only damaged notebooks need it

    return ratio(one[:MAX_LIKENESS_TEXT], other[:MAX_LIKENESS_TEXT])
