"""Keeps the known outputs of a stranger's cells, each cleaned; drops all the rest."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from grader.reading.sanitize import (
    CUT,
    MAX_HTML,
    clean_html,
    clean_markdown,
    clean_tex,
    clean_text,
    make_image,
)

MAX_OUTPUTS = 200  # of one cell; a lesson's cell has one to five
MAX_LINES = 1000  # of one cell's streams, as nbgrader's LimitOutput
MAX_CELL = 8_000_000  # characters of all outputs of one cell, pictures included
MAX_TRACEBACK = 100  # lines, as nbgrader's LimitOutput
MAX_IMAGE = 4_000_000  # base64 characters

IMAGE_TYPES = ("image/png", "image/jpeg", "image/gif")
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")


def clean_outputs(outputs: Sequence[Any]) -> list[dict[str, Any]]:
    """Keep the known types of output, each cleaned; say how many were left out."""
    kept: list[dict[str, Any]] = []
    room, size_room = MAX_LINES, MAX_CELL
    for output in outputs[:MAX_OUTPUTS]:
        if not isinstance(output, Mapping):
            continue
        size_room -= measure_output(output)
        if size_room < 0:
            kept.append(make_stream("… the rest of the outputs is too large …\n"))
            break
        clean = _clean_output(output, room)
        if clean is None:
            continue
        room -= clean["text"].count("\n") if clean["output_type"] == "stream" else 0
        kept.append(clean)
    more = len(outputs) - MAX_OUTPUTS
    if more > 0:
        kept.append(make_stream(f"… {more} more outputs were left out …\n"))
    return kept


def measure_output(output: Mapping[str, Any]) -> int:
    """Give the characters of an output, before it is cleaned."""
    data = output.get("data")
    values = [*output.values(), *(data.values() if isinstance(data, Mapping) else ())]
    return sum(len(value) for value in values if isinstance(value, str)) + sum(
        len(line)
        for value in values
        if isinstance(value, list)
        for line in value
        if isinstance(line, str)
    )


def make_stream(text: str, name: str = "stdout") -> dict[str, Any]:
    """Make an output of plain text."""
    return {"output_type": "stream", "name": name, "text": text}


def _clean_output(output: Mapping[str, Any], room: int) -> dict[str, Any] | None:
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        lines = clean_text(_join(output.get("text"))).splitlines(keepends=True)
        if len(lines) > room > 0:
            lines = [*lines[:room], CUT]
        return make_stream("".join(lines), name) if room > 0 else None
    if kind == "error":
        return _clean_error(output)
    if kind not in ("display_data", "execute_result"):
        return None
    count = output.get("execution_count")
    clean: dict[str, Any] = {"output_type": kind, "metadata": {}}
    clean["data"] = _clean_data(output.get("data"), clean["metadata"])
    if kind == "execute_result":
        clean["execution_count"] = count if type(count) is int else None
    else:
        clean["metadata"] |= _clean_sizes(output.get("metadata"))
    return clean


def _clean_error(output: Mapping[str, Any]) -> dict[str, Any]:
    lines = output.get("traceback")
    texts = [_join(line) for line in lines] if isinstance(lines, list) else []
    if len(texts) > MAX_TRACEBACK:
        half = MAX_TRACEBACK // 2
        texts = [*texts[:half], CUT, *texts[-half:]]
    return {
        "output_type": "error",
        "ename": clean_text(_join(output.get("ename")), 200),
        "evalue": clean_text(_join(output.get("evalue")), 10_000),
        "traceback": [clean_text(text, 10_000) for text in texts],
    }


def _clean_data(data: Any, metadata: dict[str, Any]) -> dict[str, str]:
    found = data if isinstance(data, Mapping) else {}
    texts = {
        str(kind): _join(found[kind])
        for kind in found
        if isinstance(found[kind], str | list)
    }
    clean: dict[str, str] = {}
    for kind, text in texts.items():
        if kind in IMAGE_TYPES:
            squeezed = "".join(text.split())
            if len(squeezed) <= MAX_IMAGE and _BASE64.fullmatch(squeezed):
                clean[kind] = squeezed
        elif kind in _CLEAN_TEXTS:
            clean[kind] = _CLEAN_TEXTS[kind](text)
    svg = texts.get("image/svg+xml", "")
    if svg and len(svg) <= MAX_HTML and not {"text/html", *IMAGE_TYPES} & set(clean):
        clean["text/html"] = make_image(svg)
    if not clean:
        left = ", ".join(clean_text(str(kind), 80) for kind in list(found)[:3])
        clean["text/plain"] = f"(an output that is not shown: {left or 'empty'})"
    return clean


def _clean_tex_output(text: str) -> str:
    return clean_tex(clean_text(text))


_CLEAN_TEXTS = {
    "text/plain": clean_text,
    "text/html": clean_html,
    "text/markdown": clean_markdown,
    "text/latex": _clean_tex_output,
}


def _clean_sizes(metadata: Any) -> dict[str, dict[str, int]]:
    """Keep the width and height of a picture, when they are numbers."""
    kept: dict[str, dict[str, int]] = {}
    for kind in IMAGE_TYPES:
        sizes = metadata.get(kind) if isinstance(metadata, Mapping) else None
        if isinstance(sizes, Mapping):
            numbers = {key: sizes.get(key) for key in ("width", "height")}
            kept[kind] = {
                key: number
                for key, number in numbers.items()
                if type(number) is int and 0 < number < 10_000
            }
    return kept


def _join(text: Any) -> str:
    if isinstance(text, list):
        return "".join(part for part in text if isinstance(part, str))
    return text if isinstance(text, str) else ""
