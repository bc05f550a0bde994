"""Makes a submission of a folder's bytes: the release with the student's answers in it.

Never raises, whatever the bytes. Every repair is a sentence, and whatever cannot
earn points has a reason that a person can act on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import PurePosixPath

from grader.reading.extras import choose_files
from grader.reading.folder import Folder, list_names, show_name
from grader.reading.matching import Match, Wanted, match_cells, normalize
from grader.reading.notebook import RawCell, RawNotebook, read_notebook
from grader.submission.assignment import (
    Assignment,
    Cell,
    MasterNotebook,
    Submission,
    SubmittedNotebook,
)

MAX_IDS = 40  # cells named in one sentence
MAX_NOTEBOOKS = 20  # candidates that are opened; more is an archive, not a submission

REPAIRS: dict[str, str] = {
    "restored": "{cells}: deleted; put back from the original.",
    "changed": "{cells}: changed; the original counts.",
    "retyped": "{cells}: the cell's type had been changed; set right.",
    "copied": "{cells}: more than one copy; the last one that was filled in counts.",
    "missing": "{cells}: no cell with this answer was found; it counts as unsolved.",
    "emptied": "{cells}: the answer is empty; it counts as unsolved.",
    "moved": "{cells}: stood at another place; moved back.",
}
_FOREIGN = re.compile(r"\A\s*%(sql|scala|r|sh|fs|md|python)\b[^\n]*\n?")


def intake(student: str, folder: Folder, assignment: Assignment) -> Submission:
    """Rebuild what `student` handed in; `folder` is what was read from the disk."""
    shelf = _Shelf(folder.files)
    repairs = list(folder.refused)
    notebooks = []
    for master in assignment.notebooks:
        chosen = _choose_file(shelf, master, assignment)
        notebook, sentences = _take_notebook(shelf, master, chosen)
        prefix = f"{master.name}: " if len(assignment.notebooks) > 1 else ""
        repairs += [prefix + sentence for sentence in sentences]
        notebooks.append(notebook)
    files, sentences = choose_files(folder.files, assignment.files, assignment.editable)
    return Submission(
        student=student,
        assignment=assignment.name,
        notebooks=tuple(notebooks),
        repairs=(*repairs, *sentences),
        digest=folder.digest,
        files=files,
    )


@dataclass
class _Shelf:
    """The notebook files of a folder, opened when they are looked at."""

    files: Mapping[str, bytes]
    opened: dict[str, RawNotebook] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    @cached_property
    def names(self) -> list[str]:
        endings = (".ipynb", ".ipynb.txt", ".ipynb.json")
        found = [name for name in self.files if name.lower().endswith(endings)]
        return sorted(found, key=lambda name: (name.count("/"), name))[:MAX_NOTEBOOKS]

    def open(self, name: str) -> RawNotebook:
        if name not in self.opened:
            self.opened[name] = read_notebook(self.files[name])
        return self.opened[name]


def _choose_file(
    shelf: _Shelf, master: MasterNotebook, assignment: Assignment
) -> str | None:
    """Give the file that is this notebook: by name, else by what is in it."""
    free = [name for name in shelf.names if name not in shelf.used]
    others = [other.name for other in assignment.notebooks if other != master]
    ranks = {name: _rank_name(name, master.name, others) for name in free}
    named = [name for name in free if ranks[name] < 3]
    if len(named) == 1 and not shelf.open(named[0]).problem:
        return named[0]
    scores = {name: _score_content(shelf.open(name), master) for name in free}
    good = [name for name in named if not shelf.open(name).problem]
    pool = good or [name for name in free if scores[name][1] and name not in named]
    if not pool and len(assignment.notebooks) == 1:
        pool = named or free
    if not pool:
        return named[0] if named else None
    return max(pool, key=lambda name: (scores[name][0], -ranks[name], scores[name][1]))


def _rank_name(name: str, wanted: str, others: Iterable[str]) -> int:
    """0 the name itself, 1 in another folder or case, 2 within the name, 3 another."""
    if name == f"{wanted}.ipynb":
        return 0
    stem = _fold_name(name)
    if stem == _fold_name(wanted):
        return 1
    longer = [other for other in others if _fold_name(wanted) in _fold_name(other)]
    if any(_fold_name(other) in stem for other in longer):
        return 3
    return 2 if _fold_name(wanted) in stem else 3


def _fold_name(name: str) -> str:
    stem = PurePosixPath(name).name.lower().partition(".ipynb")[0]
    return re.sub(r"[\W_]+", "-", stem).strip("-")


def _score_content(raw: RawNotebook, master: MasterNotebook) -> tuple[bool, int]:
    """Say whether anything is answered, and how many cells are recognized."""
    if raw.problem:
        return False, 0
    matches = match_cells([_want(cell) for cell in master.cells], raw.cells)
    answered = any(
        master.cells[index].with_source(raw.cells[match.position].source).is_answered
        for index, match in matches.items()
    )
    return answered, len(matches)


def _take_notebook(
    shelf: _Shelf, master: MasterNotebook, name: str | None
) -> tuple[SubmittedNotebook, list[str]]:
    if name is None:
        listed = list_names([show_name(name) for name in shelf.files]) or "nothing"
        problem = f"No notebook {master.name}.ipynb was handed in; found: {listed}."
        return _refuse(master, problem), [problem]
    shelf.used.add(name)
    raw = shelf.open(name)
    if raw.problem:
        problem = f"The file {show_name(name)} {raw.problem}."
        return _refuse(master, problem), [problem]
    repairs = list(raw.notes)
    if name != f"{master.name}.ipynb":
        repairs.append(f"{show_name(name)} was taken for {master.name}.ipynb.")
    if raw.language not in {"python", "python3", "ipython", master.language}:
        repairs.append(f"The kernel was set to {raw.language!r}; it was run as Python.")
    notebook, sentences = rebuild_notebook(master, raw)
    return notebook, repairs + sentences


def _refuse(master: MasterNotebook, problem: str) -> SubmittedNotebook:
    cells = tuple(cell.with_source(cell.release) for cell in master.cells)
    return SubmittedNotebook(master.name, cells, master.kernelspec, problem)


def rebuild_notebook(
    master: MasterNotebook, raw: RawNotebook
) -> tuple[SubmittedNotebook, list[str]]:
    """Put the student's answers and own cells into the release, in its order."""
    matches = match_cells([_want(cell) for cell in master.cells], raw.cells)
    if not matches:
        problem = "The file has none of this notebook's cells: is it another notebook?"
        return _refuse(master, problem), [problem]
    events: dict[str, list[str]] = {event: [] for event in REPAIRS}
    own = _place_own_cells(master, raw, matches)
    cells: list[Cell] = [*own.get(-1, ())]
    for index, cell in enumerate(master.cells):
        match = matches.get(index)
        found = raw.cells[match.position] if match else None
        rebuilt = _rebuild_cell(cell, found, raw.is_damaged)
        _note_events(events, cell, match, found)
        cells += [rebuilt] if rebuilt else []
        cells += own.get(index, ())
    events["moved"] = _find_moved(master, matches)
    sentences = [
        REPAIRS[event].format(cells=list_names(names, MAX_IDS))
        for event, names in events.items()
        if names
    ]
    lost: dict[str, list[str]] = {}
    for index, match in sorted(matches.items()):
        if match.how and master.cells[index].kind == "answer":
            lost.setdefault(match.how, []).append(master.cells[index].id)
    sentences += [
        f"{list_names(names, MAX_IDS)}: had lost its mark; found again by {how}."
        for how, names in lost.items()
    ]
    notebook = SubmittedNotebook(master.name, tuple(cells), master.kernelspec)
    return notebook, sentences


def _want(cell: Cell) -> Wanted:
    is_answer = cell.kind == "answer"
    return Wanted(
        cell.id, cell.cell_id, cell.exercise, cell.cell_type, cell.release, is_answer
    )


def _rebuild_cell(cell: Cell, found: RawCell | None, is_damaged: bool) -> Cell | None:
    """Give the cell to run; nothing for a cell that the student may delete and did."""
    if cell.kind in {"locked", "check", "task"}:
        return cell
    if found is None:
        return cell.with_source(cell.release) if _must_stay(cell, is_damaged) else None
    source = _strip_language(found.source) if cell.cell_type == "code" else found.source
    if normalize(source) == normalize(cell.release):
        return cell.with_source(cell.release)
    return replace(cell, source=source, attachments=found.attachments)


def _must_stay(cell: Cell, is_damaged: bool) -> bool:
    return cell.kind == "answer" or is_damaged


def _note_events(
    events: dict[str, list[str]], cell: Cell, match: Match | None, found: RawCell | None
) -> None:
    if cell.kind in {"markdown", "plain"}:
        return
    if match is None or found is None:
        events["missing" if cell.kind == "answer" else "restored"].append(cell.id)
        return
    if found.cell_type != cell.cell_type:
        events["retyped"].append(cell.id)
    if cell.kind != "answer" and normalize(found.source) != normalize(cell.release):
        events["changed"].append(cell.id)
    if match.copies:
        events["copied"].append(cell.id)
    if cell.kind == "answer" and not found.source.strip():
        events["emptied"].append(cell.id)


def _place_own_cells(
    master: MasterNotebook, raw: RawNotebook, matches: Mapping[int, Match]
) -> dict[int, list[Cell]]:
    """Give the student's own cells by the release cell that they stand behind."""
    roles = {match.position: index for index, match in matches.items()}
    skipped = {normalize(cell.release) for cell in master.cells}
    skipped |= {normalize(raw.cells[position].source) for position in roles}
    placed: dict[int, list[Cell]] = {}
    anchor = -1
    taken = {cell.id for cell in master.cells} | {cell.cell_id for cell in master.cells}
    for position, found in enumerate(raw.cells):
        anchor = roles.get(position, anchor)
        if position in roles or normalize(found.source) in skipped | {""}:
            continue
        own_id = f"own-{position}"
        while own_id in taken:
            own_id += "x"
        placed.setdefault(anchor, []).append(_make_own_cell(own_id, found))
    return placed


def _make_own_cell(own_id: str, found: RawCell) -> Cell:
    """Keep a cell that the student added; one that is not Python is not run."""
    kind, cell_type, source = "plain", found.cell_type, found.source
    foreign = _FOREIGN.match(source) if cell_type == "code" else None
    if foreign and foreign.group(1) == "md":
        cell_type, source = "markdown", source[foreign.end() :]
    elif found.language not in {"", "python"} or (
        foreign and foreign.group(1) != "python"
    ):
        cell_type = "raw"
    if cell_type != "code":
        kind = "markdown"
    source = _strip_language(source) if cell_type == "code" else source
    return Cell(
        own_id, kind, source, cell_type, own=True, attachments=found.attachments
    )


def _strip_language(source: str) -> str:
    """Drop the line %python, which Databricks writes above a Python cell."""
    foreign = _FOREIGN.match(source)
    if foreign and foreign.group(1) == "python":
        return source[foreign.end() :]
    return source


def _find_moved(master: MasterNotebook, matches: Mapping[int, Match]) -> list[str]:
    """Give the cells with a role that stand before one that they should follow."""
    moved, last = [], -1
    for index, match in sorted(matches.items()):
        if match.position < last and master.cells[index].kind in {"answer", "check"}:
            moved.append(master.cells[index].id)
        last = max(last, match.position)
    return moved
