"""Turns the text of a cell into the Python that runs, as a notebook does."""

from __future__ import annotations

import ast
import functools
import io
import re
import textwrap
import warnings
from dataclasses import dataclass

_MAGIC = re.compile(r"(?m)^(\s*)(?:[%!?].*|[\w.]+\?+)$")
_CAPTURE = re.compile(r"(?m)^(\s*[\w, ]+=\s*)[%!].*$")  # `names = !ls`
_CELL_MAGIC = re.compile(r"\s*%%(\w*)[^\n]*(?:\n|$)")
_BARE_MAGIC = re.compile(r"\A\s*(?=(?:run|macro|rerun|recall|autocall|load_ext)\s)")
_RUN_HERE = {"time", "capture", "prun"}  # magics whose cell binds names as others do
_NO_PYTHON = {
    *("writefile", "file", "html", "HTML", "javascript", "js", "latex", "markdown"),
    *("svg", "SVG", "bash", "sh", "script", "system", "sx", "perl", "ruby", "pypy"),
    *("python", "python2", "python3"),
}
_READ_CELLS = 1024


@dataclass(frozen=True)
class CellText:
    """The Python of a cell; whether it may not run as the notebook's own code."""

    text: str
    is_doubtful: bool = False


def split_lines(text: str) -> list[str]:
    """Split where Python does: a form feed or U+2028 begins no line."""
    return [line.rstrip("\n") for line in io.StringIO(text, newline=None)]


@functools.lru_cache(_READ_CELLS)  # the cells of a release are in every submission
def read_cell(cell: str) -> CellText:
    """Return the Python of a cell: without prompts, magics become calls.

    A cell that a magic runs is read like another; what is no Python becomes empty.
    """
    text, is_doubtful = "\n".join(split_lines(cell)), False
    while (found := _CELL_MAGIC.match(text)) is not None:
        if found[1] in _NO_PYTHON:
            return CellText("")
        is_doubtful |= found[1] not in _RUN_HERE
        text = "\n" * found[0].count("\n") + text[found.end() :]
        if "\n" not in found[0]:
            break
    return CellText(_transform(text), is_doubtful)


def _transform(text: str) -> str:
    if text[:1].isidentifier() and "\n" in text and parse(text) is not None:
        return text
    try:
        from IPython.core.inputtransformer2 import (  # noqa: PLC0415  (a lesson needs none)
            TransformerManager,
        )
    except ImportError:
        plain = textwrap.dedent(text)
        return _CAPTURE.sub(r"\1None", _MAGIC.sub(r"\1pass", plain))
    if "\n" not in text.strip() and parse(text) is None:
        text = _BARE_MAGIC.sub("%", text, count=1)
    try:
        return str(TransformerManager().transform_cell(text))
    except SyntaxError:
        return text


def parse(text: str) -> ast.Module | None:
    """Return the tree of a text; None when it is no Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in a text
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
