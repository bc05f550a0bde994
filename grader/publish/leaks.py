"""Searches what will be given out for anything that only the masters may hold."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from grader.errors import GraderError

MAX_BETWEEN = 9  # lines of a docstring
MIN_LINE = 15  # characters: `return x` is no secret, and stands in many places
REGION = re.compile(
    r"^[^\n]*### BEGIN (?:SOLUTION|HIDDEN TESTS|MARK SCHEME)[^\n]*\n(.*?)"
    r"^[^\n]*### END (?:SOLUTION|HIDDEN TESTS|MARK SCHEME)",
    re.MULTILINE | re.DOTALL,
)
HEADER = re.compile(r"^[ \t]*(?:def|class) [^\n]*$", re.MULTILINE)
MARKS = re.compile(r"### (?:BEGIN|END) (?:SOLUTION|HIDDEN TESTS|MARK SCHEME)")
# Answers for the tests, beside the masters': the last column is what was answered.
TABLES = ("tests/lessons/wrong/*.txt", "tests/demo/*.txt")
FORBIDDEN = re.compile(
    r"(?:^|/)(?:\.git|solutions|tests|submitted|autograded|feedback|\.grader"
    r"|gradebook\.db.*|__pycache__|\.ipynb_checkpoints)(?:/|$)"
)


class Leaked(GraderError):
    """Take what the sentences name out of the student copies' text."""


@dataclass(frozen=True)
class Leak:
    """Something that only the masters may hold, and where it was found."""

    place: str
    what: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"


@dataclass(frozen=True)
class Private:
    """What to search for: long lines, and short answers as whole functions."""

    lines: frozenset[str] = frozenset()
    functions: tuple[re.Pattern[str], ...] = ()


def find_private(root: Path) -> Private:
    """Collect what answers and hidden tests say, and no student copy says anyway.

    A line that a given cell or a hint says too is public: its author wrote it there.
    """
    paths = sorted(root.glob("solutions/*/*.ipynb"))
    texts = [path.read_text(encoding="utf-8") for path in paths]
    sources = [source for text in texts for source in _read_sources(text)]
    shown = [REGION.sub("", source) for source in sources]
    lines = {
        line
        for source in sources
        for region in REGION.findall(source)
        for line in _list_lines(region)
    }
    for table in TABLES:
        for path in root.glob(table):
            lines.update(_read_answers(path.read_text(encoding="utf-8")))
    public = {line for source in shown for line in _list_lines(source)}
    functions = [one for source in sources for one in _find_functions(source)]
    secret = (one for one in functions if not any(map(one.search, shown)))
    return Private(frozenset(lines - public), tuple(secret))


def _find_functions(source: str) -> Iterator[re.Pattern[str]]:
    """Give, for each answer, its function's first line and then, soon, the answer."""
    for region in REGION.finditer(source):
        headers = HEADER.findall(source, 0, region.start())
        if headers and region[1].strip():
            begin, end = re.escape(headers[-1]), re.escape(region[1].rstrip())
            yield re.compile(
                rf"{begin}\n(?:[^\n]*\n){{0,{MAX_BETWEEN}}}?{end}[ \t]*$", re.M
            )


def _read_answers(text: str) -> Iterator[str]:
    """Give the lines of a table, and the answer in each of them by itself."""
    for line in text.splitlines():
        yield from _list_lines(line)
        yield from _list_lines(line.rpartition(" | ")[2].replace("\\n", "\n"))


def _list_lines(text: str) -> list[str]:
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if len(line) >= MIN_LINE and line[0] != "#"]


def find_leaks(folder: Path, private: Private) -> list[Leak]:
    """Search all files of a folder, and what is packed in them."""
    texts = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }
    return list(_search(texts, private, set()))


def _search(
    files: Mapping[str, bytes], private: Private, seen: set[bytes]
) -> Iterator[Leak]:
    """`seen`: what needs no second look, as each zip holds the same wheel."""
    for name, content in files.items():
        if FORBIDDEN.search(name):
            yield Leak(name, "is no file for students")
        if content in seen:
            continue
        seen.add(content)
        if name.endswith((".zip", ".whl")):
            packed = {f"{name}/{one}": data for one, data in _unpack(content)}
            yield from _search(packed, private, seen)
            continue
        yield from _search_text(name, content.decode("utf-8", "replace"), private)


def _unpack(content: bytes) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            yield name, archive.read(name)


def _search_text(name: str, text: str, private: Private) -> Iterator[Leak]:
    is_notebook = name.endswith(".ipynb")
    if is_notebook and MARKS.search(text):
        yield Leak(name, "has the marks of a solution or of hidden tests")
    sources = _read_sources(text) if is_notebook else [text]
    for source in sources:
        for line in _list_lines(source):
            if line in private.lines:
                yield Leak(name, f"has the line {line!r}")
        for function in private.functions:
            if found := function.search(source):
                yield Leak(name, f"has the answer {found[0].splitlines()[0]!r}")


def _read_sources(text: str) -> Iterable[str]:
    """Give the text of each cell, and of its outputs."""
    for cell in json.loads(text)["cells"]:
        yield _join(cell["source"])
        if cell.get("outputs"):
            yield json.dumps(cell["outputs"])


def _join(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)
