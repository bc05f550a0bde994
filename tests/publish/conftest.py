"""The student tree of the real course, made once."""

import shutil
from pathlib import Path

import pytest

from grader.publish.tree import build_tree

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published") / "student"
    build_tree(ROOT, folder)
    return folder


@pytest.fixture
def course(tmp_path):
    """What a tree is made from, for tests that change it; lesson 0 only."""
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "docs" / "student", tmp_path / "docs" / "student")
    (tmp_path / "grader").mkdir()
    shutil.copy(ROOT / "grader" / "__init__.py", tmp_path / "grader")
    for folder in ("solutions", "notebooks"):
        name = "00-tensors-and-checks"
        shutil.copytree(ROOT / folder / name, tmp_path / folder / name)
    return tmp_path
