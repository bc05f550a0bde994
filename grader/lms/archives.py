"""Takes files out of archives and folders into memory: nothing is ever unpacked.

An archive that is damaged or a bomb is refused whole; an entry that a platform would
not make (a path upwards, a link, a device, a name twice) is refused alone.
"""

from __future__ import annotations

import os
import re
import stat
import tarfile
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from io import BytesIO
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import IO, Any

from grader.errors import GraderError
from grader.reading.folder import IGNORED, MAX_FILE_BYTES, show_name

MAX_ENTRIES = 100_000  # a class of fifty thousand with two files each
MAX_TOTAL = 4_000_000_000  # bytes, unpacked
MAX_RATIO = 200  # unpacked to packed; a notebook of text has about 10
SMALL = 5_000_000  # bytes; below that a high ratio harms nobody
MAX_NAME = 400  # characters
_DRIVE = re.compile(r"^[A-Za-z]:")


class ArchiveError(GraderError):
    """Fetch the archive again, or look at who made it: nothing was taken from it."""


@dataclass(frozen=True)
class File:
    """One file that was taken: its path inside, its bytes, and what it says of time."""

    name: str
    content: bytes
    time: datetime | None = None  # as the archive or the disk has it; without a zone


@dataclass(frozen=True)
class Taken:
    """All files of an archive or folder, and one sentence for each that was refused."""

    files: tuple[File, ...]
    refused: tuple[str, ...] = ()


def take_files(path: str | Path) -> Taken:
    """Read an archive (zip, tar, tar.gz, …), a folder, or a single file.

    Raises:
        ArchiveError: it is damaged, encrypted, or would fill the memory.
    """
    place = Path(path)
    if place.is_dir():
        return _take_folder(place)
    if not place.is_file():
        raise ArchiveError(f"There is no file or folder {str(path)!r}.")
    if place.suffix.lower() == ".ipynb":
        time = datetime.fromtimestamp(place.stat().st_mtime)
        return Taken((File(place.name, place.read_bytes(), time),))
    with open(place, "rb") as file:
        return read_archive(file, place.name)


def read_archive(file: IO[bytes], name: str) -> Taken:
    """Read an open archive; see `take_files`."""
    try:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                return _take(_list_zip(archive), f"The archive {show_name(name)}")
        file.seek(0)
        if not tarfile.is_tarfile(file):
            raise tarfile.ReadError("it is neither a zip nor a tar archive")
        file.seek(0)
        with tarfile.open(fileobj=file) as tar:
            return _take(_list_tar(tar), f"The archive {show_name(name)}")
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, LZMAError) as error:
        reason = str(error).partition("\n")[0] or "it is no archive"
        message = f"{show_name(name)} cannot be read: {reason}."
        raise ArchiveError(message) from error
    except (EOFError, RuntimeError, NotImplementedError, OSError) as error:
        message = f"{show_name(name)} cannot be read: {error or 'it ends too early'}."
        raise ArchiveError(message) from error


@dataclass(frozen=True)
class _Entry:
    """One entry before anything of it was read."""

    name: str
    size: int
    packed: int
    kind: str  # "" for a regular file, else what it is
    time: datetime | None
    open: Callable[[], Any]

    def read(self, limit: int) -> bytes:
        with self.open() as file:
            content: bytes = file.read(limit)
            return content


def _list_zip(archive: zipfile.ZipFile) -> Iterator[_Entry]:
    infos = archive.infolist()
    if any(info.flag_bits & 1 for info in infos):
        raise ArchiveError("The archive is encrypted: unpack it first.")
    for info in infos:
        mode = info.external_attr >> 16
        kind = "" if stat.S_IFMT(mode) in {0, stat.S_IFREG} else _name_kind(mode)
        if info.is_dir():
            continue
        time = _make_time(info.date_time)
        # `filename` is cut at a NUL and has its backslashes turned: look at the whole.
        yield _Entry(
            info.orig_filename,
            info.file_size,
            info.compress_size,
            kind,
            time,
            partial(archive.open, info),
        )


def _name_kind(mode: int) -> str:
    names = {stat.S_IFLNK: "a link", stat.S_IFDIR: ""}
    return names.get(stat.S_IFMT(mode), "a device or a pipe")


def _make_time(parts: Sequence[int]) -> datetime | None:
    """Give a zip's time; 1980 stands for none."""
    year, month, day, hour, minute, second = parts
    try:
        time = datetime(year, month, day, hour, minute, second)
    except (ValueError, TypeError):
        return None
    return time if time.year > 1980 else None


def _list_tar(tar: tarfile.TarFile) -> Iterator[_Entry]:
    for info in tar:
        if info.isdir():
            continue
        kind = "" if info.isreg() else "a device or a pipe"
        kind = "a link" if info.issym() or info.islnk() else kind
        time = datetime.fromtimestamp(info.mtime, UTC).replace(tzinfo=None)
        yield _Entry(
            info.name,
            info.size,
            info.size,
            kind,
            time if time.year > 1980 else None,
            partial(tar.extractfile, info),
        )


def _take(entries: Iterator[_Entry], title: str) -> Taken:
    found: list[_Entry] = []
    total = 0
    for entry in entries:
        found.append(entry)
        total += entry.size
        if len(found) > MAX_ENTRIES:
            raise ArchiveError(f"{title} has more than {MAX_ENTRIES} entries.")
        if total > MAX_TOTAL:
            size = f"{MAX_TOTAL // 10**9} GB"
            raise ArchiveError(f"{title} would unpack to more than {size}.")
    counts = Counter(_fold_path(entry.name) for entry in found)
    files, refused = [], []
    for entry in found:
        if _is_ignored(entry.name):
            continue
        reason = find_fault(entry.name) or _find_danger(entry)
        if counts[_fold_path(entry.name)] > 1:
            reason = reason or "another entry has the same name, and which one counts?"
        content = b"" if reason else entry.read(entry.size + 1)
        if not reason and len(content) != entry.size:
            reason = "it is not as large as the archive says"
        if reason:
            refused.append(f"{show_name(entry.name)} was refused: {reason}.")
        else:
            files.append(File(entry.name.replace("\\", "/"), content, entry.time))
    return Taken(tuple(files), tuple(dict.fromkeys(refused)))


def find_fault(name: str) -> str:
    """Say why an entry's name is not to be trusted, or nothing."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if name.startswith(("/", "\\")) or _DRIVE.match(name):
        return "its path does not begin in the archive"
    if ".." in parts or not parts:
        return "its path leads out of the archive"
    if len(name) > MAX_NAME:
        return f"its name is longer than {MAX_NAME} characters"
    if any(ord(c) < 32 or ord(c) == 127 for c in name):
        return "its name has control characters"
    return ""


def _find_danger(entry: _Entry) -> str:
    if entry.kind:
        return f"it is {entry.kind}, not a file"
    if entry.size > MAX_FILE_BYTES:
        return f"it is larger than {MAX_FILE_BYTES // 10**6} MB"
    if entry.size > SMALL and entry.size > MAX_RATIO * max(entry.packed, 1):
        return "it is packed like a bomb"
    return ""


def _fold_path(name: str) -> str:
    """Make equal what some disk holds to be the same name."""
    return unicodedata.normalize("NFKC", name.replace("\\", "/")).casefold()


def _is_ignored(name: str) -> bool:
    """Whether an archiver or editor left it: skipped without a word."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    hidden = any(part.startswith(".") and part.strip(".") for part in parts)
    return hidden or bool({part.lower() for part in parts} & {"__macosx", "thumbs.db"})


def _take_folder(folder: Path) -> Taken:
    """Read a folder of loose files as if it were an archive."""
    files: list[File] = []
    refused: list[str] = []
    total = 0
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(n for n in folders if not n.startswith((".", "__")))
        for name in sorted(names):
            path = Path(place) / name
            shown = str(path.relative_to(folder))
            if name.startswith(".") or name in IGNORED:
                continue
            status = path.lstat()
            reason = find_fault(shown)
            if not stat.S_ISREG(status.st_mode):
                reason = "it is a link, a device or a pipe, not a file"
            elif status.st_size > MAX_FILE_BYTES:
                reason = f"it is larger than {MAX_FILE_BYTES // 10**6} MB"
            if reason:
                refused.append(f"{show_name(shown)} was refused: {reason}.")
                continue
            total += status.st_size
            if total > MAX_TOTAL or len(files) > MAX_ENTRIES:
                raise ArchiveError(f"The folder {str(folder)!r} is too large.")
            time = datetime.fromtimestamp(status.st_mtime)
            files.append(File(shown, path.read_bytes(), time))
    return Taken(tuple(files), tuple(refused))


def open_nested(file: File) -> Mapping[str, File]:
    """Give the files of a zip that a student handed in, by name without folders.

    Raises:
        ArchiveError: it is no archive, or nothing of it could be taken.
    """
    taken = read_archive(BytesIO(file.content), file.name)
    if not taken.files and taken.refused:
        raise ArchiveError(taken.refused[0])
    return {
        inner.name: File(inner.name, inner.content, file.time) for inner in taken.files
    }
