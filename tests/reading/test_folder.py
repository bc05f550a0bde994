"""Only regular files of bounded size are read, and what is not read is told."""

import os
import socket

import pytest

from grader.reading import folder as folder_module
from grader.reading.folder import Folder, read_folder, show_name


def test_files_are_read_by_relative_path(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_bytes(b"1")
    (tmp_path / "ex.ipynb").write_bytes(b"{}")
    (tmp_path / "timestamp.txt").write_text("2026-11-22 10:00:00 UTC\n")
    folder = read_folder(tmp_path)
    assert folder.files == {"data/a.csv": b"1", "ex.ipynb": b"{}"}
    assert folder.timestamp == "2026-11-22 10:00:00 UTC"


@pytest.mark.parametrize("left", [".ipynb_checkpoints", ".git", "__MACOSX", "skip"])
def test_what_editors_leave_is_skipped(left, tmp_path):
    (tmp_path / left).mkdir()
    (tmp_path / left / "ex.ipynb").write_bytes(b"{}")
    assert read_folder(tmp_path, ["skip"]) == Folder()


def link(path):
    path.symlink_to("/etc/passwd")
    return "it is a symbolic link, not a file"


def pipe(path):
    os.mkfifo(path)
    return "it is not a regular file"


def bind(path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
    return "no such device or address"


@pytest.mark.parametrize("place", [link, pipe, bind], ids=lambda place: place.__name__)
def test_what_is_no_file_is_refused(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a socket's path has 108 bytes at most
    reason = place((tmp_path / "ex.ipynb").relative_to(tmp_path))
    folder = read_folder(tmp_path)
    assert folder.files == {}
    assert folder.refused == (f"'ex.ipynb' was not read: {reason}.",)


def test_a_linked_folder_is_not_entered(tmp_path):
    (tmp_path / "neighbour").mkdir()
    (tmp_path / "neighbour" / "ex.ipynb").write_bytes(b"{}")
    (tmp_path / "me").symlink_to(tmp_path / "neighbour")
    assert read_folder(tmp_path / "me").files == {}
    inner = read_folder(tmp_path)
    assert list(inner.files) == ["neighbour/ex.ipynb"]


def test_caps_are_kept_and_told(tmp_path, monkeypatch):
    monkeypatch.setattr(folder_module, "MAX_FILES", 2)
    monkeypatch.setattr(folder_module, "MAX_FILE_BYTES", 10)
    for name in "abc":
        (tmp_path / name).write_bytes(b"x" * (11 if name == "a" else 1))
    (tmp_path / "d").write_bytes(b"")
    folder = read_folder(tmp_path)
    assert sorted(folder.files) == ["b", "c"]
    assert folder.refused[0].startswith("'a' was not read: it is larger than")
    assert folder.refused[1] == "More than 2 files: the rest was not read."


def test_crowd_of_files_hides_no_notebook(tmp_path, monkeypatch):
    monkeypatch.setattr(folder_module, "MAX_FILES", 2)
    for name in ("a", "b", "c", "work.ipynb"):
        (tmp_path / name).write_bytes(b"{}")
    assert "work.ipynb" in read_folder(tmp_path).files


def test_names_are_printed_safely():
    assert show_name("a\x1b[31m\n.ipynb") == r"'a\x1b[31m\n.ipynb'"
    assert show_name("\udcff") == "'?'"
    assert len(show_name("x" * 500)) == 82
