"""The course that is attacked: one notebook, and the work of an honest student."""

import copy
import json
import re
from dataclasses import dataclass
from pathlib import Path

from grader.release.generate import generate, load_config
from tests.factory import make_cell, write_master

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
ASSIGNMENT = NOTEBOOK = "prey"
CELL_S = 3  # seconds for a cell: attacks that wait cost so much
CONFIG = f"""
load_subconfig("nbgrader_config.py", path={str(ROOT)!r})
c = get_config()
c.ExecutePreprocessor.timeout = {CELL_S}
"""
MARKS = r"^ *### (?:BEGIN|END) SOLUTION.*\n?"


@dataclass(frozen=True)
class Exercise:
    """An answer cell: what the honest write into it, and what that is worth."""

    name: str
    answer: str
    points: float


def read_parts():
    """Give kind, id, points and text of each cell."""
    text = (HERE / "prey.txt").read_text(encoding="utf-8")
    for part in text.split("# %% ")[1:]:
        head, _, body = part.partition("\n")
        kind, cell_id, *points = head.split()
        yield kind, cell_id, float(points[0]) if points else None, body.strip("\n")


def make_master():
    """Give the cells of the master."""
    cells = []
    for kind, cell_id, points, body in read_parts():
        if kind == "essay":
            cells.append(make_essay(cell_id, points, body))
            continue
        marker = f"# exercise: {cell_id}\n" if kind == "answer" else ""
        cells.append(make_cell(kind, cell_id, marker + body, points))
    return cells


def make_essay(cell_id, points, body):
    """An answer in words, which a person marks."""
    cell = make_cell("text", cell_id, body)
    flags = {"grade": True, "locked": False, "solution": True, "points": points}
    common = {"grade_id": cell_id, "schema_version": 3, "task": False}
    return {**cell, "metadata": {"nbgrader": flags | common}}


def list_exercises():
    """Give the exercises that a program marks."""
    parts = list(read_parts())
    points = {name: most for kind, name, most, _ in parts if kind == "check"}
    return {
        name: Exercise(
            name, re.sub(MARKS, "", body, flags=re.M), points[f"test_{name}"]
        )
        for kind, name, _, body in parts
        if kind == "answer"
    }


EXERCISES = list_exercises()
FULL = {name: exercise.points for name, exercise in EXERCISES.items()}


def lay_out(folder):
    """Make the course in a folder; give the student copy."""
    (folder / "nbgrader_config.py").write_text(CONFIG, encoding="utf-8")
    write_master(folder / "solutions" / ASSIGNMENT / f"{NOTEBOOK}.ipynb", make_master())
    generate(folder, [ASSIGNMENT], load_config(folder))
    path = folder / "notebooks" / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    return json.loads(path.read_text(encoding="utf-8"))


def fill_in(released, answers):
    """Write answers into a copy of the release; all others are the honest ones."""
    notebook = copy.deepcopy(released)
    for name, exercise in EXERCISES.items():
        source = answers.get(name, exercise.answer)
        find(notebook, name)["source"] = f"# exercise: {name}\n{source}"
    find(notebook, "why")["source"] = answers.get("why", "Because it does.")
    return notebook


def find(notebook, cell_id):
    """Give the cell of that id."""
    return next(cell for cell in notebook["cells"] if cell.get("id") == cell_id)


def insert_own(notebook, after, source, cell_type="code"):
    """Put a cell of the student's own behind another."""
    place = notebook["cells"].index(find(notebook, after)) + 1
    code = {"execution_count": None, "outputs": []} if cell_type == "code" else {}
    cell = {"cell_type": cell_type, "metadata": {}, "source": source, **code}
    notebook["cells"].insert(place, cell)
    return cell
