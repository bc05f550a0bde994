"""The one form in which a notebook is committed: no outputs, one kernel, one layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode

KERNELSPEC = {
    "display_name": "Python 3 (ipykernel)",
    "language": "python",
    "name": "python3",
}
# `deletable` and `editable` are nbgrader's locks in student copies; the badge cell
# needs `id` and `colab_type`, or Colab adds a badge of its own.
KEPT = ("nbgrader", "tags", "deletable", "editable", "id", "colab_type")


def tidy(notebook: NotebookNode) -> NotebookNode:
    """Take away, in place, what running and saving leave behind."""
    notebook.metadata = NotebookNode(
        kernelspec=NotebookNode(KERNELSPEC), language_info=NotebookNode(name="python")
    )
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
            cell.execution_count = None
        kept = {key: cell.metadata[key] for key in KEPT if key in cell.metadata}
        cell.metadata = NotebookNode(kept)
        cell.pop("attachments", None)
    return notebook


def to_text(notebook: NotebookNode) -> str:
    """Write a notebook as Jupyter saves it: sorted keys, one space, a last newline."""
    return str(nbformat.writes(notebook, version=4)).rstrip("\n") + "\n"


def tidy_file(path: Path) -> bool:
    """Lay a notebook file in normal form; True when something changed."""
    before = path.read_text(encoding="utf-8")
    after = to_text(tidy(nbformat.reads(before, as_version=4)))
    if before == after:
        return False
    path.write_text(after, encoding="utf-8")
    return True


class NormalExporter(NotebookExporter):
    """nbconvert's notebook exporter, with its text in normal form."""

    def from_notebook_node(
        self, nb: NotebookNode, resources: Any = None, **kw: Any
    ) -> tuple[str, ResourcesDict]:
        """Export.

        Called by: nbgrader's converters; `super()` runs the preprocessors.
        """
        output, resources = super().from_notebook_node(nb, resources=resources, **kw)
        return to_text(tidy(nbformat.reads(output, as_version=4))), resources
