"""The files that tests find out here: the assignment's, and copies of the student's.

A student's file is only bytes: `grader.cells.refuse` keeps tests from running one.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

from grader.cells.trust import distrust
from grader.proxies.errors import NotExaminable

COPIED_FILES = 200
COPIED_BYTES = 64 << 20
SENT_BYTES = 16 << 20  # of one file
ARGUMENT_DEPTH = 5  # function, arguments, an argument that is a list
READS_FILES = re.compile(
    r"\b(open|Path|exists|isfile|isdir|listdir|glob|getsize|stat|read_\w+|load\w*|imread"
    r"|genfromtxt|fromfile|memmap|connect|ZipFile|reader|DictReader|cwd)\b"
)


class Files:
    """Folders with the assignment's files, and what the student's cells wrote.

    A test's own files go to the student where their paths are an argument of a call.
    """

    def __init__(self, work: Path, temp: Path, given: Mapping[str, bytes]) -> None:
        self._work, self._temp = work, temp
        self._given = given
        self._seen: dict[str, tuple[int, int]] = {}
        self._sent: dict[str, tuple[int, int]] = {}
        self._source = ""

    @property
    def has_theirs(self) -> bool:
        """Whether a file lies here that the student's cells wrote."""
        return bool(self._seen.keys() - self._sent.keys())

    def copy_new(self, line: Any, source: str) -> None:
        """Copy what the student's cells have written, if a test reads files.

        Raises: NotExaminable.
        """
        self._source = source
        if not READS_FILES.search(source):
            return
        told = line.ask("list_files", None)
        listed = [entry for entry in told if _is_entry(entry)] if _is_list(told) else []
        fresh = [
            (name, size, when)
            for name, size, when in listed[:COPIED_FILES]
            if name not in self._given and self._seen.get(name) != (size, when)
        ]
        if sum(size for _, size, _ in fresh) > COPIED_BYTES:
            raise NotExaminable(f"more than {COPIED_BYTES >> 20} MB of files")
        for name, size, when in fresh:
            self._seen[name] = (size, when)
            if name not in self._sent:
                self._fetch(line, name, self._work / name)

    def _fetch(self, line: Any, name: str, target: Path) -> None:
        data = line.ask("read_file", name)
        if type(data) is bytes:
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
            except OSError:  # a folder by the name of a file, a path too long
                distrust(line, "files that cannot lie beside one another")

    @contextlib.contextmanager
    def around_call(self, line: Any, arguments: Any) -> Iterator[None]:
        """Bring files to where a call finds them, and what it wrote back.

        Raises: NotExaminable.
        """
        names = list_texts(arguments) if READS_FILES.search(self._source) else []
        for name in names:
            self._send(line, name)
        yield
        if names or READS_FILES.search(self._source):
            self.copy_new(line, self._source)
            for path in (Path(name) for name in names):
                if path.is_relative_to(self._temp) and path.parent.is_dir():
                    self._fetch(line, str(path), path)

    def _send(self, line: Any, name: str) -> None:
        """Send a file that a test wrote out here, by its path."""
        path = self._work / name
        if ".." in path.parts or not path.is_relative_to(self._temp.parent):
            return
        if not path.is_file() or path.is_symlink() or name in self._given:
            return
        about = path.stat()
        signed = about.st_size, about.st_mtime_ns
        is_theirs = name in self._seen and name not in self._sent
        if is_theirs or self._sent.get(name) == signed or signed[0] > SENT_BYTES:
            return
        self._sent[name] = signed
        line.ask("write_files", ((name, path.read_bytes()),))


def list_texts(values: Any, depth: int = 0) -> list[str]:
    """Return the texts and paths in a value that could name a file."""
    if isinstance(values, str | PurePath):
        text = str(values)
        return [text] if 0 < len(text) < 300 and text.isprintable() else []
    if type(values) in (tuple, list) and depth < ARGUMENT_DEPTH:
        return [text for v in values[:50] for text in list_texts(v, depth + 1)]
    return []


def _is_list(told: Any) -> bool:
    return type(told) is list


def _is_entry(entry: Any) -> bool:
    if type(entry) is not tuple or [type(part) for part in entry] != [str, int, int]:
        return False
    path = PurePosixPath(entry[0])
    plain = all(part.isprintable() and len(part) < 200 for part in path.parts)
    return plain and not path.is_absolute() and ".." not in path.parts and entry[1] >= 0


@contextlib.contextmanager
def enter_folder(given: Mapping[str, bytes]) -> Iterator[Files]:
    """Work in a folder of its own; modules of the assignment can be imported there.

    They stand in a second folder, so that no file of a student is ever imported.
    """
    before, path, loaded = Path.cwd(), list(sys.path), set(sys.modules)
    temp_before = tempfile.tempdir
    made = tempfile.TemporaryDirectory(prefix="grader-", ignore_cleanup_errors=True)
    with made as name:
        work, modules = Path(name, "work"), Path(name, "given")
        temp = Path(name, "temp")
        for folder in (work, modules):
            folder.mkdir()
            write_files(folder, given)
        temp.mkdir()
        tempfile.tempdir = str(temp)
        sys.path[:] = [
            str(modules),
            *(entry for entry in path if entry not in ("", ".")),
        ]
        os.chdir(work)
        try:
            yield Files(work, temp, given)
        finally:
            tempfile.tempdir = temp_before
            os.chdir(before)
            sys.path[:] = path
            forget_modules(set(sys.modules) - loaded, modules)


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files below a folder."""
    for name, data in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def forget_modules(names: set[str], folder: Path) -> None:
    """Forget modules that were imported from a folder."""
    for name in names:
        file = getattr(sys.modules.get(name), "__file__", None) or ""
        if file.startswith(str(folder)):
            del sys.modules[name]
