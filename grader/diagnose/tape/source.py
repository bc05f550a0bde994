"""Finds the words of a step: its source text and the names of its operands."""

from __future__ import annotations

import ast
import linecache
import os
from dataclasses import dataclass
from types import CodeType, FrameType, ModuleType
from typing import Any

import torch

TORCH = os.path.dirname(torch.__file__)
# All of grader: a check may stand between the reference and torch.
OURS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(__file__))), "")
LONGEST_TEXT = 70


@dataclass(frozen=True)
class Site:
    """A place in a source: where a step is written, and how.

    text: the expression as written, or `""` when the source cannot be read.
    operands: the text of each positional operand, when the text says it.
    """

    place: tuple[Any, ...]
    text: str = ""
    operands: tuple[str, ...] = ()


class SiteFinder:
    """Reads sites from frames; keeps what it read for the life of one diagnosis."""

    def __init__(self) -> None:
        self._positions: dict[CodeType, list[tuple[int | None, ...]]] = {}
        self._sites: dict[tuple[CodeType, int], Site] = {}

    def find_site(self, frame: FrameType | None) -> Site:
        """Describe the innermost place outside torch and outside grader."""
        while frame is not None and _is_inner(frame.f_code.co_filename):
            frame = frame.f_back
        if frame is None:
            return Site(place=())
        key = (frame.f_code, frame.f_lasti)
        if key not in self._sites:
            self._sites[key] = self._read_site(frame)
        return self._sites[key]

    def _read_site(self, frame: FrameType) -> Site:
        code = frame.f_code
        place = (code.co_filename, code.co_firstlineno, frame.f_lasti)
        if code not in self._positions:
            self._positions[code] = list(code.co_positions())
        index = frame.f_lasti // 2
        if index >= len(self._positions[code]):
            return Site(place)
        lines = linecache.getlines(code.co_filename, frame.f_globals)
        text = _cut_text(lines, self._positions[code][index])
        if not text:
            return Site(place)
        return Site(place, _shorten(text), _list_operands(text, frame))


def _is_inner(filename: str) -> bool:
    return filename.startswith((TORCH, OURS))


def _cut_text(lines: list[str], position: tuple[int | None, ...]) -> str:
    first, last, start, end = position
    if None in position or not lines:
        return ""
    assert first and last and start is not None and end is not None
    if last > len(lines):
        return ""
    # Columns count UTF-8 bytes, and Greek names are usual here.
    cut = [line.rstrip("\n").encode() for line in lines[first - 1 : last]]
    cut[-1] = cut[-1][:end]
    cut[0] = cut[0][start:]
    return " ".join(b" ".join(cut).decode(errors="replace").split())


def _shorten(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


def _list_operands(text: str, frame: FrameType) -> tuple[str, ...]:
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return ()
    statement = tree.body[0] if tree.body else None
    if isinstance(statement, ast.AugAssign):
        return (ast.unparse(statement.target), ast.unparse(statement.value))
    if not isinstance(statement, ast.Expr):
        return ()
    return tuple(ast.unparse(part) for part in _operand_nodes(statement.value, frame))


def _operand_nodes(node: ast.expr, frame: FrameType) -> list[ast.expr]:
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    if isinstance(node, ast.UnaryOp):
        return [node.operand]
    if isinstance(node, ast.Compare):
        return [node.left, *node.comparators]
    if isinstance(node, (ast.Subscript, ast.Attribute)):
        return [node.value]
    if not isinstance(node, ast.Call):
        return []
    own = []
    if isinstance(node.func, ast.Attribute) and not _is_module(node.func.value, frame):
        own = [node.func.value]
    return [*own, *node.args]


def _is_module(node: ast.expr, frame: FrameType) -> bool:
    if isinstance(node, ast.Attribute):  # torch.nn.functional
        return _is_module(node.value, frame)
    if not isinstance(node, ast.Name):
        return False
    named = frame.f_locals.get(node.id, frame.f_globals.get(node.id))
    return isinstance(named, ModuleType)
