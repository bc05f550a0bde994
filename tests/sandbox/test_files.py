"""Folders that a stranger left, and what is shown of the file system."""

import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

from grader.sandbox import files


def test_real_tree_is_removed_and_links_are_not_followed(tmp_path):
    kept, gone = tmp_path / "kept", tmp_path / "gone"
    kept.mkdir()
    (kept / "file").write_text("x")
    (gone / "a" / "b").mkdir(parents=True)
    (gone / "a" / "b" / "link").symlink_to(kept)
    (gone / "a" / "dangling").symlink_to("nowhere")
    (gone / "a" / "locked").mkdir(mode=0)
    os.mkfifo(gone / "fifo")
    files.remove_tree(gone)
    assert not gone.exists()
    assert (kept / "file").exists()


def test_tree_deeper_than_the_recursion_limit_is_removed(tmp_path):
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(300):
        os.mkdir("d", dir_fd=here)
        here = files.move(here, "d")
    os.close(here)
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 100)
    try:
        files.remove_tree(tmp_path / "d")
    finally:
        sys.setrecursionlimit(usual)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("count", "size", "larger"), [(1, 10, False), (3, 1 << 20, True)]
)
def test_size_of_a_folder_is_seen(tmp_path, count, size, larger):
    (tmp_path / "sub").mkdir()
    for i in range(count):
        (tmp_path / "sub" / str(i)).write_bytes(bytes(size))
    assert files.is_larger(tmp_path, 2) is larger


def test_number_of_files_is_seen(tmp_path):
    for i in range(files.ENTRIES_PER_MB + 1):
        (tmp_path / str(i)).touch()
    assert files.is_larger(tmp_path, 1)


def test_python_in_the_temporary_folder_is_not_covered(tmp_path):
    (tmp_path / "tmp" / "venv").mkdir(parents=True)
    (tmp_path / "dev").mkdir()
    files.write_small_files(tmp_path)
    assert (tmp_path / "tmp" / "venv").is_dir()
    assert (tmp_path / "dev" / "shm").is_symlink()


def test_visible_paths_hold_the_libraries_and_nothing_private():
    paths = files.visible_paths()
    covers = [p for p in paths if files.is_below(os.__file__, p) or p == os.__file__]
    assert covers
    private = (Path.home(), Path.cwd(), Path("/"), Path("/etc"), Path("/root"))
    assert not {str(path) for path in private} & set(paths)
    assert not any(files.is_below(__file__, path) for path in paths)


def test_no_visible_path_lies_in_another():
    paths = files.visible_paths()
    assert not any(files.is_below(p, q) for p in paths for q in paths)


def test_similar_name_is_not_below():
    assert files.is_below("/usr/lib/x", "/usr/lib")
    assert not files.is_below("/usr/library", "/usr/lib")


def test_copied_package_lacks_the_rooms_of_examiners(tmp_path):
    files.copy_package(Path(__file__).parents[2], tmp_path)
    rooms = {path.name for path in (tmp_path / "grader").iterdir()}
    assert {"student", "wire", "sandbox", "check"} <= rooms
    assert not rooms & {"grading", "release", "cohort", "cli.py", "cells", "exports"}


@pytest.mark.process
def test_copied_package_is_whole(tmp_path):
    """Whatever a lesson or a student's process imports is there."""
    files.copy_package(Path(__file__).parents[2], tmp_path)
    source = "import pkgutil, importlib, sys, grader\n"
    source += "for found in pkgutil.walk_packages(grader.__path__, 'grader.'):\n"
    source += "    importlib.import_module(found.name)\n"
    source += "names = [n for n in sys.modules if n.startswith('grader')]\n"
    source += f"assert all({str(tmp_path)!r} in sys.modules[n].__file__ for n in names)"
    path = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
    command = [sys.executable, "-c", path + source]
    subprocess.run(command, check=True, cwd=tmp_path, timeout=60)
