"""A course of one tiny lesson, made in code."""

import shutil
from pathlib import Path

import pytest

from tests.factory import make_lesson, write_master

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def course(tmp_path):
    """A folder with the course's own configuration and one lesson, 01-tiny/tiny."""
    for name in ("nbgrader_config.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    write_master(tmp_path / "solutions" / "01-tiny" / "tiny.ipynb", make_lesson())
    return tmp_path
