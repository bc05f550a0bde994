"""What only a student copy has: badges, the package's fetching, the last cell."""

from __future__ import annotations

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Unicode

from grader.release.badge import Repository, write_badges

BADGE_ID = "view-in-github"
SETUP_ID = "setup"
COMPLETE_ID = "complete"
# `--no-deps`: pip would else bring a torch of its own, and IPython with it.
# A wheel that was uploaded beside the notebook goes first: it needs no repository.
FETCH = '''\
# On Colab only: fetch the course's own package and nothing else.
import importlib.util
import pathlib
import subprocess
import sys

COURSE_PACKAGE = "<address>"


def fetch_package():
    """Install the one package; torch, IPython and widgets stay as Colab has them."""
    beside = sorted(pathlib.Path().glob("gradients_by_hand-*.whl"))
    source = str(beside[-1]) if beside else COURSE_PACKAGE
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", source]
    done = subprocess.run(pip, capture_output=True, text=True)
    if done.returncode:
        reason = "no such file" if "404" in done.stderr else "no answer"
        raise ModuleNotFoundError(
            f"The course's package cannot be fetched from {source} ({reason}): check "
            "the network, or upload the course's .whl file into Files; then run again."
        )
    print(f"Fetched {source}; torch, IPython and widgets stay as they are.")


if importlib.util.find_spec("grader") is None:
    if "google.colab" not in sys.modules:
        raise ModuleNotFoundError(f"First run: %pip install --no-deps {COURSE_PACKAGE}")
    fetch_package()

'''
COMPLETE = """\
# Is my file complete? Run this before you hand it in: it looks, and sends nothing.
from grader import complete

complete.look("{words}")"""


class AddFetching(NbGraderPreprocessor):
    """Let the set-up cell fetch the package from where the copies are published.

    Runs before nbgrader's checksums: the cell is locked, and graders restore it.
    """

    package = Unicode("", help="Address of the package's wheel").tag(config=True)

    def preprocess_cell(
        self, cell: NotebookNode, resources: ResourcesDict, cell_index: int
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Put the fetching before the imports.

        Called by: nbconvert, for each cell in turn.
        """
        if self.package and cell.get("id") == SETUP_ID:
            cell.source = FETCH.replace("<address>", self.package) + cell.source
        return cell, resources


class AddBadges(NbGraderPreprocessor):
    """Put the badges before everything else."""

    repository = Unicode("", help="owner/name of the published copies").tag(config=True)
    branch = Unicode("main", help="Branch or tag of it").tag(config=True)
    folder = Unicode("notebooks", help="Folder of the copies there").tag(config=True)

    def preprocess(
        self, nb: NotebookNode, resources: ResourcesDict
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Add the cell; the metadata is what Colab knows its own badge by.

        Called by: nbconvert, once for each notebook, after all of nbgrader's steps.
        Source: platforms that recognise it look for exactly these two keys.
        """
        if self.repository:
            place = resources["nbgrader"]
            path = f"{self.folder}/{place['assignment']}/{place['notebook']}.ipynb"
            repository = Repository(self.repository, self.branch)
            cell = new_markdown_cell(
                write_badges(repository, path),
                id=BADGE_ID,
                metadata={"id": BADGE_ID, "colab_type": "text"},
            )
            nb.cells.insert(0, cell)
        return nb, resources


class AddComplete(NbGraderPreprocessor):
    """End a copy with a cell that looks for every exercise in the student's file."""

    def preprocess(
        self, nb: NotebookNode, resources: ResourcesDict
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Add the cell, with the words of the exercises in it.

        Called by: nbconvert, once for each notebook, after all of nbgrader's steps.
        """
        words = [cell.id for cell in nb.cells if _is_answer(cell)]
        if words:
            source = COMPLETE.format(words=" ".join(words))
            nb.cells.append(new_code_cell(source, id=COMPLETE_ID))
        return nb, resources


def _is_answer(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and bool(
        cell.metadata.get("nbgrader", {}).get("solution")
    )
