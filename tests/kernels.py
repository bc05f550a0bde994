"""Runs a lesson's master and its student copy in kernels, both at once, and reads them.

A kernel takes seconds to start, and this process only waits: one core each.
"""

import asyncio
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
LESSONS = sorted(path.stem for path in ROOT.glob("solutions/*/*.ipynb"))
CELL_S = 120  # wall; the machine may be busy with other things


class Pair(NamedTuple):
    """Both notebooks of a lesson, as executed."""

    master: nbformat.NotebookNode
    copy: nbformat.NotebookNode


def read(top, lesson):
    """Read a lesson's notebook from `solutions` or `notebooks`."""
    (path,) = ROOT.glob(f"{top}/*/{lesson}.ipynb")
    return nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)


def run_lesson(lesson, folder, kernel="python3"):
    """Execute master and copy from top to bottom, each in a folder of its own."""

    def start(top):
        place = folder / top
        place.mkdir()
        resources = {"metadata": {"path": str(place)}}
        options = {"timeout": CELL_S, "allow_errors": True, "kernel_name": kernel}
        notebook = read(top, lesson)
        return NotebookClient(notebook, resources=resources, **options).async_execute()

    async def run_both():
        return await asyncio.gather(start("solutions"), start("notebooks"))

    return Pair(*asyncio.run(run_both()))


def list_outputs(notebook):
    return [
        (cell.id, one) for cell in notebook.cells for one in cell.get("outputs", [])
    ]


def list_problems(notebook):
    """Name the cells with a traceback or something on stderr."""
    return [
        (cell_id, one.get("evalue", one.get("text")))
        for cell_id, one in list_outputs(notebook)
        if one.output_type == "error" or one.get("name") == "stderr"
    ]


def read_points(notebook):
    """Give what each check cell ends in: the points that nbgrader would read."""
    return {
        cell_id: float(one.data["text/plain"])
        for cell_id, one in list_outputs(notebook)
        if one.output_type == "execute_result" and cell_id.startswith("test_")
    }


def list_max_points(notebook):
    roles = [cell.metadata.get("nbgrader", {}) for cell in notebook.cells]
    return {role["grade_id"]: role["points"] for role in roles if role.get("grade")}
