"""What a student reads about the file: one line for each exercise, then what to do."""

from __future__ import annotations

from collections.abc import Sequence

from grader.complete.exercises import DONE, LOST, TO_DO, State

MARKS = {DONE: "✓", TO_DO: "·"}


def write_report(place: str, states: Sequence[State], *, is_listed: bool = True) -> str:
    """Write the lines; `is_listed` tells whether the file's own list was there."""
    width = max((len(one.word) for one in states), default=0)
    lines = [f"{place}: {_count(states)}"]
    for one in states:
        note = f" ({one.note})" if one.note else ""
        mark = MARKS.get(one.state, "✗")
        lines.append(f"  {mark} {one.word:{width}}  {one.state}{note}")
    if not is_listed:
        lines.append("  The last cell, which lists all exercises, is not there:")
        lines.append("  an exercise that was deleted with its marker is not noticed.")
    if any(one.state == LOST for one in states):
        lines.append("  Take a missing cell from a fresh copy of the lesson.")
    return "\n".join(lines)


def is_complete(states: Sequence[State]) -> bool:
    """Whether every exercise was found and answered."""
    return bool(states) and all(one.state == DONE for one in states)


def _count(states: Sequence[State]) -> str:
    if not states:
        return "no exercise is found in it"
    found = sum(one.state != LOST for one in states)
    open_ones = sum(one.state not in {DONE, LOST} for one in states)
    what = f"{found} of {len(states)} exercises found"
    if is_complete(states):
        return f"{what}, all answered"
    return f"{what}, {open_ones} still to do" if open_ones else what
