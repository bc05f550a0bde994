"""The stub that a student meets where the master holds a solution."""

from __future__ import annotations

import json
import re

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.preprocessors import ClearSolutions

BEGIN = re.compile(r"^[ \t]*### BEGIN SOLUTION(?P<text>.*)$", re.MULTILINE)
MARK = "### STUB OF THE REGION"


def write_stub(text: str) -> str:
    """Say in one line of Python which exercise is still to be done.

    `5.3: return dL_dz` becomes `raise NotImplementedError("Exercise 5.3: …")`.
    """
    message = json.dumps(f"Exercise {text}", ensure_ascii=False)
    return f"raise NotImplementedError({message})"


class NameStubs(ClearSolutions):
    """Clear solutions as nbgrader does; each stub carries the text of its BEGIN line.

    A BEGIN line without text gets nbgrader's configured stub.
    """

    code_stub: dict[str, str]  # nbgrader's trait: the stub of each language

    def preprocess_cell(
        self, cell: NotebookNode, resources: ResourcesDict, cell_index: int
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Clear one cell.

        Called by: nbconvert, for each cell in turn; `super()` does the clearing, and
        puts one and the same stub into all regions: here a mark, replaced after it.
        """
        texts = [found["text"].strip() for found in BEGIN.finditer(cell.source)]
        if cell.cell_type != "code" or not texts or not all(texts):
            return super().preprocess_cell(cell, resources, cell_index)
        usual = self.code_stub
        self.code_stub = {**usual, resources["language"]: MARK}
        try:
            cell, resources = super().preprocess_cell(cell, resources, cell_index)
        finally:
            self.code_stub = usual
        for text in texts:
            cell.source = cell.source.replace(MARK, write_stub(text), 1)
        return cell, resources
