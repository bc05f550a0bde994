"""The student tree: copies, the wheel, a README and an environment; no history."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hatchling.builders.wheel import WheelBuilder

from grader.errors import GraderError
from grader.publish.leaks import Leaked, find_leaks, find_private
from grader.release.badge import name_wheel
from grader.release.generate import list_assignments

PAGES = "docs/student"  # what is the same for every fork but its badges
IGNORED = ".ipynb_checkpoints"
KEPT = ".git"  # the tree may be a repository already, to be pushed from


class NotReleased(GraderError):
    """Run `make release` first."""


def build_wheel(root: Path, folder: Path) -> Path:
    """Build the package's wheel; the same sources give the same bytes."""
    builder = WheelBuilder(str(root))
    built = Path(next(builder.build(directory=str(folder), versions=["standard"])))
    if built.name != name_wheel(root):
        raise GraderError(f"the wheel is {built.name}, not {name_wheel(root)}")
    return built


def build_tree(root: Path, target: Path) -> list[str]:
    """Make the student tree, all or nothing; name its files.

    Raises:
        NotReleased: a master has no copy.
        Leaked: something of the masters would be given out; the old tree stays.
    """
    with tempfile.TemporaryDirectory(prefix="publish-") as made:
        tree = Path(made) / "student"
        tree.mkdir()
        _copy_lessons(root, tree)
        wheel = build_wheel(root, tree)
        _copy_pages(root, tree, wheel.name)
        refuse_leaks(root, tree)
        _replace(tree, target)
    return list_files(target)


def refuse_leaks(root: Path, folder: Path) -> None:
    """Raise `Leaked` when the folder holds anything of the masters."""
    leaks = find_leaks(folder, find_private(root))
    if leaks:
        told = "\n".join(map(str, leaks[:20]))
        raise Leaked(f"{len(leaks)} places must not be given out:\n{told}")


def list_files(folder: Path) -> list[str]:
    """Name the files of a tree, without a repository's own."""
    names = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(name.as_posix() for name in names if KEPT not in name.parts)


def _copy_lessons(root: Path, tree: Path) -> None:
    for assignment in list_assignments(root):
        copy = root / "notebooks" / assignment
        if not copy.is_dir():
            raise NotReleased(f"notebooks/{assignment} is missing: run make release")
        ignore = shutil.ignore_patterns(IGNORED)
        shutil.copytree(copy, tree / "notebooks" / assignment, ignore=ignore)


def _copy_pages(root: Path, tree: Path, wheel: str) -> None:
    for name in ("README.md", "environment.yml"):
        text = (root / PAGES / name).read_text(encoding="utf-8")
        (tree / name).write_text(text.replace("{wheel}", wheel), encoding="utf-8")
    (tree / ".gitignore").write_text(f"{IGNORED}/\n", encoding="utf-8")


def _replace(tree: Path, target: Path) -> None:
    """Put the new tree where the old one is; a repository in it stays."""
    target.mkdir(parents=True, exist_ok=True)
    for old in target.iterdir():
        if old.name == KEPT:
            continue
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    shutil.copytree(tree, target, dirs_exist_ok=True)
