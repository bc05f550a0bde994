"""Takes a folder's bytes off the disk: regular files only, under caps, no links.

Knows nothing of notebooks; `grader.reading.notebook` reads the bytes.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path

MAX_FILES = 1000  # a class folder has tens; unpacked archives have more
MAX_DEPTH = 8  # folders within folders
MAX_FILE_BYTES = 100_000_000  # nbgrader's own default for CourseDirectory.max_file_size
MAX_FOLDER_BYTES = 200_000_000  # all of one submission, held in memory while examined
MAX_LISTED = 6  # names in one sentence
TIMESTAMP = "timestamp.txt"  # nbgrader's collect writes it beside the notebooks

IGNORED = (
    ".*",  # .ipynb_checkpoints, .git, .DS_Store
    "__pycache__",
    "__MACOSX",
    "*.pyc",
)
"""Names that editors and archivers leave behind: skipped without a word."""


@dataclass(frozen=True)
class Folder:
    """The bytes of a submission by relative path, and what was not taken and why."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    refused: tuple[str, ...] = ()
    timestamp: str = ""  # text of timestamp.txt, which is not among the files

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all names and bytes; the time of handing in is not part of it."""
        total = hashlib.sha256()
        for name in sorted(self.files):
            content = hashlib.sha256(self.files[name]).hexdigest()
            total.update(f"{name!r} {content}\n".encode())
        for sentence in self.refused:
            total.update(sentence.encode("utf-8", "replace"))
        return total.hexdigest()


def read_folder(path: str | Path, ignore: Sequence[str] = ()) -> Folder:
    """Read every regular file under `path`; say what was left out.

    Never follows a link and never opens a device, socket or pipe. `ignore` holds
    name patterns of the course (CourseDirectory.ignore).
    """
    if os.path.islink(path):
        return Folder(refused=("The submission folder is a symbolic link.",))
    files: dict[str, bytes] = {}
    refused: list[str] = []
    room = MAX_FOLDER_BYTES
    for name, entry in _walk(str(path), "", (*IGNORED, *ignore), refused):
        if len(files) >= MAX_FILES:
            refused.append(f"More than {MAX_FILES} files: the rest was not read.")
            break
        content = _read_entry(entry, min(room, MAX_FILE_BYTES))
        if isinstance(content, str):
            refused.append(f"{show_name(name)} was not read: {content}.")
        else:
            files[name] = content
            room -= len(content)
    stamp = files.pop(TIMESTAMP, b"")[:200].decode("utf-8", "replace").strip()
    return Folder(files, tuple(refused), stamp)


def show_name(name: str) -> str:
    """Give a file name as text that is safe to print: quoted, short, no controls."""
    clean = name.encode("utf-8", "replace").decode("utf-8", "replace")
    return ascii(clean if len(clean) <= 80 else clean[:77] + "...")


def list_names(names: Sequence[str], most: int = MAX_LISTED) -> str:
    """Give some names as part of a sentence."""
    shown = ", ".join(names[:most])
    more = len(names) - most
    return f"{shown} and {more} more" if more > 0 else shown


def _walk(
    root: str, below: str, ignore: Sequence[str], refused: list[str]
) -> Iterator[tuple[str, os.DirEntry[str]]]:
    try:
        entries = sorted(os.scandir(root), key=_order)
    except OSError as error:
        refused.append(f"The folder {show_name(below or '.')} was not read: {error}.")
        return
    for entry in entries:
        if any(fnmatch(entry.name, pattern) for pattern in ignore):
            continue
        name = f"{below}{entry.name}"
        if not entry.is_dir(follow_symlinks=False):
            yield name, entry
        elif name.count("/") < MAX_DEPTH:
            yield from _walk(entry.path, f"{name}/", ignore, refused)
        else:
            refused.append(f"The folder {show_name(name)} is too deep to be read.")


def _order(entry: os.DirEntry[str]) -> tuple[bool, str]:
    """Notebooks first: a crowd of other files must not hide them."""
    return not entry.name.endswith(".ipynb"), entry.name


def _read_entry(entry: os.DirEntry[str], limit_bytes: int) -> bytes | str:
    """Give the content, or why not, as the end of a sentence."""
    try:
        # O_NOFOLLOW and the second look at the open file leave no moment in which
        # a file could be exchanged for a link; O_NONBLOCK keeps a pipe from hanging.
        descriptor = os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if entry.is_symlink():
            return "it is a symbolic link, not a file"
        return (error.strerror or "it cannot be opened").lower()
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return "it is not a regular file"
        content = file.read(limit_bytes + 1)
    if len(content) > limit_bytes:
        return f"it is larger than {limit_bytes // 1_000_000} MB"
    return content
