"""`grader complete FILE`: the same look at a file, without Jupyter or nbgrader."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from grader.complete.exercises import find_marked, find_states, find_words, read_cells
from grader.complete.report import is_complete, write_report
from grader.errors import GraderError


class NoNotebook(GraderError):
    """Name the .ipynb file that will be handed in."""


def run_complete(options: argparse.Namespace) -> int:
    """Print the report of each file; 0 when all exercises of all are answered."""
    complete = [_look_at(Path(name)) for name in options.files]
    return 0 if all(complete) else 1


def _look_at(path: Path) -> bool:
    try:
        notebook = json.loads(path.read_bytes())
    except ValueError as error:
        raise NoNotebook(f"{path} is no notebook: hand in the .ipynb file") from error
    if not isinstance(notebook, dict):
        raise NoNotebook(f"{path} is no notebook: hand in the .ipynb file")
    cells = read_cells(notebook)
    listed = find_words(cells)
    states = find_states(listed or find_marked(cells), cells)
    print(write_report(str(path), states, is_listed=bool(listed)))
    return is_complete(states)
