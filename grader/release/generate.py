"""Student copies, made by nbgrader's own converter; a whole lesson or nothing."""

from __future__ import annotations

import copy
import filecmp
import itertools
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from nbgrader import preprocessors as stock
from nbgrader.apps import NbGraderAPI
from traitlets.config import Config, PyFileConfigLoader

from grader.errors import GraderError
from grader.gradebook.course import find_alembic
from grader.release.additions import AddBadges, AddComplete, AddFetching
from grader.release.stubs import NameStubs

CONFIG = "nbgrader_config.py"
KEPT = ".grader/kept"
WORKED_ON = re.compile(r'"execution_count": \d')
# nbgrader's own chain, with our stubs in the place of its own, and our own cells last:
# the gradebook (SaveCells) must know nothing of what a fork moves.
PREPROCESSORS = [
    stock.IncludeHeaderFooter,
    stock.InstantiateTests,
    stock.LockCells,
    AddFetching,
    NameStubs,
    stock.ClearOutput,
    stock.CheckCellMetadata,
    stock.ComputeChecksums,
    stock.SaveCells,
    stock.ClearHiddenTests,
    stock.ClearMarkScheme,
    stock.ComputeChecksums,
    stock.CheckCellMetadata,
    AddComplete,
    AddBadges,
]


class ReleaseFailed(GraderError):
    """Mend the master that the sentence names; the student copies are as they were."""


@dataclass(frozen=True)
class Released:
    """What one run made of an assignment; `kept` is where worked-on copies are now."""

    assignment: str
    changed: bool
    kept: Path | None = None


def list_assignments(root: Path) -> list[str]:
    """Name the masters' folders, sorted."""
    return sorted({path.parent.name for path in root.glob("solutions/*/*.ipynb")})


def load_config(root: Path) -> Config:
    """Read the course's `nbgrader_config.py`, with the course's root in it."""
    config = PyFileConfigLoader(CONFIG, path=str(root)).load_config()
    config.CourseDirectory.root = str(root)
    return config


def generate(root: Path, assignments: list[str], config: Config) -> list[Released]:
    """Make the student copies of these assignments.

    Raises:
        ReleaseFailed: nbgrader refused a master, or there is none of that name.
    """
    known = list_assignments(root)
    for assignment in assignments:
        if assignment not in known:
            message = f"no assignment {assignment!r}: there are {', '.join(known)}"
            raise ReleaseFailed(message)
    return [_generate_one(root, assignment, config) for assignment in assignments]


def _generate_one(root: Path, assignment: str, config: Config) -> Released:
    release = root / str(config.CourseDirectory.release_directory)
    with tempfile.TemporaryDirectory(prefix="release-") as made:
        aside = copy.deepcopy(config)
        aside.CourseDirectory.release_directory = made
        with find_alembic():
            outcome = NbGraderAPI(config=aside).generate_assignment(assignment)
        if not outcome["success"]:
            raise ReleaseFailed(f"{assignment}: {_find_reason(outcome)}")
        new, old = Path(made) / assignment, release / assignment
        if old.is_dir() and _is_same(new, old):
            return Released(assignment, changed=False)
        kept = _keep_work(old, root / KEPT)
        shutil.rmtree(old, ignore_errors=True)
        shutil.copytree(new, old)
    return Released(assignment, changed=True, kept=kept)


def _keep_work(copies: Path, folder: Path) -> Path | None:
    """Put copies aside in which somebody worked: an editor saves outputs and counts."""
    paths = sorted(copies.glob("*.ipynb"))
    if not any(WORKED_ON.search(path.read_text(encoding="utf-8")) for path in paths):
        return None
    taken = {path.name for path in folder.glob("*")}
    names = (f"{copies.name}-{number}" for number in itertools.count(1))
    kept = folder / next(name for name in names if name not in taken)
    shutil.copytree(copies, kept)
    return kept


def _find_reason(outcome: dict[str, str]) -> str:
    """Give the exception's line of nbgrader's log, the last that says anything."""
    log = outcome.get("log", "") + outcome.get("error", "")
    said = re.findall(r"^\s*[\w.]*(?:Error|Exception): (.+)$", log, re.MULTILINE)
    return said[0] if said else log.strip().splitlines()[-1]


def _is_same(new: Path, old: Path) -> bool:
    """Whether two folders hold the same files with the same bytes."""
    names = [_list_files(folder) for folder in (new, old)]
    if names[0] != names[1]:
        return False
    return not any(filecmp.cmpfiles(new, old, names[0], shallow=False)[1:])


def _list_files(folder: Path) -> list[str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    names = (path.relative_to(folder) for path in files)
    return sorted(str(name) for name in names if ".ipynb_checkpoints" not in name.parts)
