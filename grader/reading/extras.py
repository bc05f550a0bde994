"""Chooses which of a stranger's other files may lie beside the notebook as it runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib.util import find_spec
from pathlib import PurePosixPath

from grader.reading.folder import list_names, show_name

MAX_EXTRA_BYTES = 20_000_000  # all of one submission; the scratch folder is bounded too
NATIVE_SUFFIXES = (".so", ".pyd", ".dll", ".dylib", ".pyc", ".pth", ".pkl", ".pickle")


def choose_files(
    files: Mapping[str, bytes],
    masters: Mapping[str, bytes],
    editable: Collection[str] = (),
) -> tuple[dict[str, bytes], list[str]]:
    """Give the files that may be used, and a sentence about those that may not.

    Only the student's own process sees them. Of a file that the course gave out the
    master's version counts, unless it is `editable`.
    """
    chosen: dict[str, bytes] = {}
    refused: list[str] = []
    room = MAX_EXTRA_BYTES
    for name, content in sorted(files.items()):
        if ".ipynb" in name.lower() or content == masters.get(name):
            continue
        allowed = name in editable or (name not in masters and not hides_module(name))
        if allowed and len(content) <= room:
            chosen[name] = content
            room -= len(content)
        else:
            refused.append(show_name(name))
    if not refused:
        return chosen, []
    return chosen, [f"Files of the student that were not used: {list_names(refused)}."]


def hides_module(name: str) -> bool:
    """Whether an import of something else could find this file instead."""
    path = PurePosixPath(name)
    if path.suffix.lower() in NATIVE_SUFFIXES:
        return True
    if path.suffix.lower() != ".py":
        return False
    first = path.parts[0].partition(".")[0]
    if not first.isidentifier():
        return True
    try:
        return find_spec(first) is not None
    except (ImportError, ValueError):
        return True
