"""Reads a notebook file, whatever its bytes: cells as plain text, or a reason.

Understands nbformat 2 to 4 and what editors make of it; takes sources and the marks
by which a cell is found again, never outputs, widget state or an editor's metadata.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_CELLS = 5000
MAX_SOURCE = 200_000  # characters of one cell; a lesson's longest has 3,000
MAX_SOURCES = 2_000_000  # of all cells together; a lesson has 60,000
MAX_ATTACHMENTS = 5_000_000  # base64 characters of one notebook: photographed answers
MAX_KEY = 200  # characters of an id
MAX_VALUES = 2_000_000  # JSON values of a file: about 200 MB once they are read
MAX_SALVAGE = 2_000_000_000  # characters looked at for whole cells in a damaged file
WRAPPERS = ("content", "notebook", "ipynb", "data")  # a server's or Colab's envelope
SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "is a zip archive: unpack it and hand in the .ipynb file"),
    (b"%PDF", "is a PDF: hand in the .ipynb file itself"),
    (b"\x89PNG", "is a picture: hand in the .ipynb file itself"),
    (b"<", "is a web page: download the notebook as .ipynb and hand that in"),
)
MARKER = re.compile(r"^\s*#\s*exercise:\s*([\w.-]+)\s*$", re.MULTILINE)
_CELL_START = re.compile(
    r'\{\s*"(?:cell_type|attachments|execution_count|id|metadata|outputs|source)"\s*:'
)
_IMAGE_TYPES = ("image/png", "image/jpeg", "image/gif")
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]+={0,2}\s*")


@dataclass(frozen=True)
class RawCell:
    """One cell as found: its text, and what it says of itself."""

    cell_type: str  # code, markdown or raw
    source: str
    grade_id: str = ""
    cell_ids: tuple[str, ...] = ()  # its id, and the copy that Colab keeps
    language: str = ""  # when the editor says that the cell is not Python
    attachments: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def marker(self) -> str:
        """The word after `# exercise:`, or nothing."""
        found = MARKER.search(self.source[:2000])
        return found.group(1) if found else ""


@dataclass(frozen=True)
class RawNotebook:
    """All that a file says; `problem` ends the sentence "The file …"."""

    cells: tuple[RawCell, ...] = ()
    language: str = "python"
    notes: tuple[str, ...] = ()  # whole sentences
    is_damaged: bool = False  # cells may be missing
    problem: str = ""


def read_notebook(content: bytes) -> RawNotebook:
    """Read the bytes of one notebook file; never raises."""
    if not content.strip(b"\x00 \t\r\n"):
        return RawNotebook(problem="is empty")
    text, note = _decode_text(content)
    notes = [note] if note else []
    if sum(map(text.count, "[{,")) > MAX_VALUES:
        return RawNotebook(problem="holds too many values to be a notebook")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return _read_damaged(text, notes) or RawNotebook(
            problem=_say_what_it_is(content)
        )
    return _read_data(data, notes)


def _read_damaged(text: str, notes: list[str]) -> RawNotebook | None:
    cells = list(_salvage_cells(text))
    if not cells:
        return None
    notes.append(f"The file is damaged: {len(cells)} of its cells could be read.")
    return RawNotebook(_read_cells(cells, notes), notes=tuple(notes), is_damaged=True)


def _read_data(data: Any, notes: list[str]) -> RawNotebook:
    found = _find_cells(data, notes)
    if found is None:
        return RawNotebook(problem="holds JSON, but not a notebook")
    cells, language = found
    if not cells:
        return RawNotebook(notes=tuple(notes), problem="has no cells")
    return RawNotebook(_read_cells(cells, notes), language, tuple(notes))


def _decode_text(content: bytes) -> tuple[str, str]:
    """Give the text and, when it was not UTF-8, a sentence about it."""
    if content.startswith(b"\xef\xbb\xbf"):
        content = content[3:]
    elif content.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = content.decode("utf-16", "replace")
        return text, "The file was saved as UTF-16; it was read all the same."
    elif b"\x00" in content[:4]:
        codec = "utf-16-be" if content[:1] == b"\x00" else "utf-16-le"
        text = content.decode(codec, "replace")
        return text, "The file was saved as UTF-16; it was read all the same."
    try:
        return content.decode("utf-8"), ""
    except UnicodeDecodeError:
        pass
    text = content.decode("cp1252", "replace")
    return text, "The file is not UTF-8; it was read as Windows-1252."


def _say_what_it_is(content: bytes) -> str:
    start = content.lstrip(b"\xef\xbb\xbf \t\r\n")
    for signature, sentence in SIGNATURES:
        if start.startswith(signature):
            return sentence
    if start.startswith((b"{", b"[")):
        return "is cut off or damaged, and no cell of it can be read"
    return "is not a notebook: it does not begin like one"


def _salvage_cells(text: str) -> Iterable[Any]:
    """Yield every whole cell of a file that is not JSON as a whole."""
    decoder = json.JSONDecoder()
    position = 0
    looked_at = 0
    while looked_at < MAX_SALVAGE:
        start = _CELL_START.search(text, position)
        if start is None:
            return
        try:
            cell, position = decoder.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            position = start.end()
            looked_at += len(text)
            continue
        if "cell_type" in cell:
            yield cell


def _find_cells(data: Any, notes: list[str]) -> tuple[list[Any], str] | None:
    """Give the list of cells and the language, wherever this format keeps them."""
    for wrapper in WRAPPERS:
        if isinstance(data, dict) and "cells" not in data:
            inner = data.get(wrapper)
            data = inner if _has_cells(inner) else data
    if isinstance(data, list) and any(_looks_like_cell(cell) for cell in data):
        notes.append("The file is a bare list of cells; it was read all the same.")
        return data, "python"
    if not isinstance(data, dict):
        return None
    language = _find_language(data)
    cells = data.get("cells")
    if isinstance(cells, list):
        return cells, language
    sheets = data.get("worksheets")
    if isinstance(sheets, list):
        notes.append("The file has the old notebook format 3; it was converted.")
        pages = [sheet.get("cells") for sheet in sheets if isinstance(sheet, dict)]
        return [cell for page in pages if isinstance(page, list) for cell in page], (
            language
        )
    return ([], language) if "nbformat" in data else None


def _has_cells(data: Any) -> bool:
    return isinstance(data, dict) and ("cells" in data or "worksheets" in data)


def _looks_like_cell(cell: Any) -> bool:
    return isinstance(cell, dict) and "cell_type" in cell


def _find_language(data: dict[str, Any]) -> str:
    metadata = data.get("metadata")
    if not isinstance(metadata, dict):
        return "python"
    for holder in ("kernelspec", "language_info"):
        about = metadata.get(holder)
        if isinstance(about, dict):
            key = "language" if holder == "kernelspec" else "name"
            if isinstance(about.get(key), str) and about[key]:
                return _clean_key(about[key]).lower()
    return "python"


def _read_cells(cells: list[Any], notes: list[str]) -> tuple[RawCell, ...]:
    if len(cells) > MAX_CELLS:
        notes.append(f"Only the first {MAX_CELLS} of {len(cells)} cells were read.")
    read: list[RawCell] = []
    room, text_room = MAX_ATTACHMENTS, MAX_SOURCES
    unreadable = 0
    for cell in cells[:MAX_CELLS]:
        if not isinstance(cell, dict):
            unreadable += 1
            continue
        if _is_decoration(cell):
            continue
        attachments = _read_attachments(cell.get("attachments"), room)
        room -= sum(
            len(data) for kind in attachments.values() for data in kind.values()
        )
        read.append(_read_cell(cell, attachments, notes))
        text_room -= len(read[-1].source)
        if text_room < 0:
            notes.append(f"More than {MAX_SOURCES} characters: the rest was not read.")
            break
    if unreadable:
        notes.append(f"{unreadable} entries in the list of cells are not cells.")
    return tuple(read)


def _read_cell(
    cell: dict[str, Any], attachments: dict[str, dict[str, str]], notes: list[str]
) -> RawCell:
    metadata = _as_dict(cell.get("metadata"))
    kind = cell.get("cell_type")
    source = _read_source(cell.get("source", cell.get("input")))
    if len(source) > MAX_SOURCE:
        notes.append(
            f"A cell of {len(source)} characters is too long and was left out."
        )
        source = ""
    if kind == "heading":  # nbformat 3
        source = f"## {source}"
    editor = _as_dict(metadata.get("vscode"))
    return RawCell(
        cell_type=_read_type(kind, cell),
        source=source,
        grade_id=_clean_key(_as_dict(metadata.get("nbgrader")).get("grade_id")),
        cell_ids=tuple(
            filter(None, map(_clean_key, (cell.get("id"), metadata.get("id"))))
        ),
        language=_clean_key(editor.get("languageId")).lower(),
        attachments=attachments,
    )


def _read_type(kind: Any, cell: dict[str, Any]) -> str:
    """Give the type; one that is no longer there shows in what only code has."""
    if kind in ("code", "raw"):
        return str(kind)
    if kind in ("markdown", "heading", "html"):
        return "markdown"
    return "code" if {"outputs", "execution_count", "input"} & set(cell) else "markdown"


def _read_source(source: Any) -> str:
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    if not isinstance(source, str):
        return ""
    # A lone surrogate is legal JSON and cannot be written as UTF-8 again.
    whole = source.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("\r\n", "\n").replace("\r", "\n")


def _is_decoration(cell: dict[str, Any]) -> bool:
    """A badge or an advertisement that an editor put in: not the student's."""
    metadata = _as_dict(cell.get("metadata"))
    return metadata.get("id") == "view-in-github" or (
        metadata.get("created_in_deepnote_cell") is True
    )


def _read_attachments(attachments: Any, room: int) -> dict[str, dict[str, str]]:
    """Keep pictures, by name; anything else that can be attached is dropped."""
    kept: dict[str, dict[str, str]] = {}
    for name, bundle in list(_as_dict(attachments).items())[:20]:
        for kind, data in _as_dict(bundle).items():
            text = _read_source(data)
            if kind in _IMAGE_TYPES and len(text) <= room and _BASE64.fullmatch(text):
                kept[_read_source(name)[:MAX_KEY]] = {kind: "".join(text.split())}
                room -= len(text)
                break
    return kept


def _as_dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _clean_key(value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_KEY:
        return ""
    return value if value.isprintable() else ""
