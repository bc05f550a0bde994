"""What the name of a file that was handed in tells: whose, which try, how late."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

_MOODLE = re.compile(
    r"^(?:.*/)?(?P<name>[^/]+?)_(?P<number>\d+)_assignsubmission_"
    r"(?P<plugin>file|onlinetext)_?/?(?P<file>.*)$",
    re.DOTALL,
)
_CANVAS = re.compile(
    r"^(?:.*/)?(?P<name>[^_/]+)_(?P<late>LATE_)?(?P<number>\d+)_(?P<try>\d+)_"
    r"(?P<file>[^/]+)$"
)
_COPY = re.compile(r"^(?:Copy of |Kopie von |Copie de |Copia de )+", re.IGNORECASE)
_TIMES = re.compile(r"(?:\s*\((?P<count>\d+)\)|-(?P<dash>\d{1,2}))$")


@dataclass(frozen=True)
class Name:
    """What a path in an archive or folder says."""

    platform: str  # canvas, moodle, or loose
    owner: str  # the student's name as the platform writes it; of loose files the path
    number: str = ""  # the platform's number of the student
    file: str = ""  # the file's own name, as the student called it
    late: bool = False  # Canvas says so
    attempt: int = 0  # Canvas: a larger one was handed in later


def read_name(path: str) -> Name:
    """Read a path as Canvas or Moodle build it; anything else is a loose file."""
    if found := _MOODLE.match(path):
        file = PurePosixPath(found["file"]).name
        return Name("moodle", found["name"], found["number"], file)
    if found := _CANVAS.match(path):
        late, attempt = bool(found["late"]), int(found["try"])
        return Name(
            "canvas", found["name"], found["number"], found["file"], late, attempt
        )
    return Name("loose", path, "", PurePosixPath(path).name)


def split_copy(file: str) -> tuple[str, int]:
    """Take `Copy of …`, `… (1)` and Canvas' `…-1` off; give the name and the count."""
    stem, dot, ending = file.partition(".ipynb")
    if not dot:
        stem, dot, ending = file.rpartition(".")
        stem, ending = (stem, ending) if dot else (ending, "")
    bare = _COPY.sub("", stem)
    count = 0
    while found := _TIMES.search(bare):
        count = count or int(found["count"] or found["dash"])
        bare = bare[: found.start()]
    return f"{bare.strip()}{dot}{ending}", count


def list_owners(path: str) -> list[str]:
    """Give what in a loose file's path may name its student, the likeliest first.

    A folder's name, the file's own without its ending, and what stands between
    underscores or after a dash, as `one-neuron - Ada Lovelace.ipynb`.
    """
    parts = PurePosixPath(path).parts
    stem = split_copy(parts[-1])[0].partition(".ipynb")[0].rpartition("/")[2]
    pieces = [piece for piece in re.split(r"_+| - ", stem) if piece]
    words = [*parts[-2::-1], stem, *pieces, *[p.strip() for p in pieces]]
    return list(dict.fromkeys(words))
