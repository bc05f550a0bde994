"""Markdown, code and outputs as HTML; everything passes the sanitizer.

A class shares most of its text, so what was rendered once is kept.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Mapping, MutableMapping, Sequence
from functools import lru_cache, partial
from pathlib import PurePosixPath
from typing import Any, cast

import mistune
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers.python import PythonLexer

from grader.pages.maths import render_maths
from grader.reading.sanitize import clean_html, clean_markdown, clean_text

KEPT_TEXTS = 2000  # rendered texts that are remembered: all cells of a few lessons
MAX_COLOURED = 20_000  # characters of a cell whose words are coloured
_OPEN, _CLOSE = "\ue001", "\ue002"  # around the number of a formula; private use
_MATHS = (
    r"\$\$(?P<shown>[\s\S]+?)\$\$"
    r"|\\begin\{(?P<env>[a-z]+\*?)\}(?P<body>[\s\S]+?)\\end\{(?P=env)\}"
    r"|\$(?!\s)(?P<inline>[^$\n]+?)(?<!\s)\$(?!\d)"
)
# A formula's mark, or a tag as the sanitizer writes it: in a tag marks are dropped.
_MARK = re.compile(rf'{_OPEN}([0-9]+){_CLOSE}|<[a-zA-Z](?:[^>"]|"[^"]*")*>')
_BLOCK = r"^ {0,3}(?:\$\$(?P<shown>[\s\S]+?)\$\$)[ \t]*$"
_PICTURE = re.compile(r"(!\[[^\]\n]*\]\()(?:\./|attachment:)?([\w./ -]+)\)")
_IMAGE_TYPES = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".gif": "gif"}
_COLOURS = re.compile(r"\x1b\[([0-9;]*)m")
# Text colours of at least 4.5 : 1 on white (WCAG 1.4.3), by ANSI number.
_ANSI = {
    **{31: "#a31515", 32: "#006400", 33: "#6b5000", 34: "#0000b3", 35: "#800080"},
    **{36: "#005a5a", 91: "#a31515", 92: "#006400", 93: "#6b5000", 94: "#0000b3"},
}


class Renderer:
    """Makes HTML of notebook text; remembers what it made."""

    def __init__(self) -> None:
        self._formatter = HtmlFormatter(nowrap=True)
        self._lexer = PythonLexer()
        self._markdown = mistune.create_markdown(
            escape=False, plugins=["table", "strikethrough", cast(Any, _add_maths)]
        )
        self.render_code = lru_cache(KEPT_TEXTS)(self._render_code)
        self._render_text = lru_cache(KEPT_TEXTS)(self._render_markdown)

    def render_markdown(
        self,
        source: str,
        pictures: Mapping[str, bytes] | None = None,
        attachments: Mapping[str, Mapping[str, str]] | None = None,
    ) -> str:
        """Give HTML; only pictures that are handed over are shown."""
        inlined = _inline_pictures(source, pictures or {}, attachments or {})
        return self._render_text(inlined)

    def _render_markdown(self, source: str) -> str:
        formulas: list[str] = []
        text = source.replace(_OPEN, "").replace(_CLOSE, "")
        page, _ = self._markdown.parse(text, _make_state(self._markdown, formulas))
        # Formulas are set in after the sanitizer, which would not keep MathML.
        return _MARK.sub(partial(_place_formula, formulas), clean_html(str(page)))

    def _render_code(self, source: str) -> str:
        if len(source) > MAX_COLOURED:
            return f"<pre>{html.escape(source)}</pre>"
        return f"<pre>{highlight(source, self._lexer, self._formatter)}</pre>"

    def render_output(self, output: Mapping[str, Any]) -> str:
        """Give HTML for one output of a notebook file."""
        kind = output["output_type"]
        if kind == "stream":
            return render_terminal(output["text"], output["name"])
        if kind == "error":
            lines = output["traceback"] or [f"{output['ename']}: {output['evalue']}"]
            return render_terminal("\n".join(lines), "stderr")
        return self._render_data(output["data"])

    def _render_data(self, data: Mapping[str, str]) -> str:
        for image in ("image/png", "image/jpeg", "image/gif"):
            if image in data and "text/html" not in data:
                source = f"data:{image};base64,{data[image]}"
                return clean_html(f'<img alt="Figure of this cell" src="{source}">')
        if "text/html" in data:
            return clean_html(data["text/html"])
        if "text/markdown" in data:
            return self.render_markdown(clean_markdown(data["text/markdown"]))
        if "text/latex" in data:
            return self.render_markdown(data["text/latex"])
        return render_terminal(data.get("text/plain", ""), "stdout")


def _place_formula(formulas: Sequence[str], found: re.Match[str]) -> str:
    if found.group(1):
        return formulas[int(found.group(1))]
    return re.sub(f"{_OPEN}[0-9]+{_CLOSE}", "", found.group())


def render_terminal(text: str, name: str) -> str:
    """Give a stream with its colours."""
    pieces = _COLOURS.split(clean_text(text))
    shown = [html.escape(pieces[0])]
    for codes, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        numbers = [int(code) for code in codes.split(";") if code][-3:]
        colour = next((_ANSI[n] for n in numbers if n in _ANSI), "")
        escaped = html.escape(piece)
        shown.append(
            f'<span style="color:{colour}">{escaped}</span>' if colour else escaped
        )
    return f'<pre class="{"err" if name == "stderr" else "out"}">{"".join(shown)}</pre>'


def _inline_pictures(
    source: str,
    pictures: Mapping[str, bytes],
    attachments: Mapping[str, Mapping[str, str]],
) -> str:
    """Put known pictures into the text; others become nothing when it is cleaned."""

    def replace(found: re.Match[str]) -> str:
        name = found.group(2)
        for kind, data in attachments.get(name, {}).items():
            return f"{found.group(1)}data:{kind};base64,{data})"
        image = _IMAGE_TYPES.get(PurePosixPath(name).suffix.lower())
        if image is None or name not in pictures:
            return found.group()
        data = base64.b64encode(pictures[name]).decode()
        return f"{found.group(1)}data:image/{image};base64,{data})"

    return _PICTURE.sub(replace, source)


def _make_state(markdown: mistune.Markdown, formulas: list[str]) -> mistune.BlockState:
    state = markdown.block.state_cls()
    state.env["formulas"] = formulas
    return state


def _add_maths(markdown: mistune.Markdown) -> None:
    """Teach mistune `$…$`, `$$…$$` and environments; formulas are kept aside."""
    markdown.inline.register("maths", _MATHS, _parse_inline, before="link")
    markdown.block.register("block_maths", _BLOCK, _parse_block, before="list")
    if markdown.renderer is not None and markdown.renderer.NAME == "html":
        markdown.renderer.register("maths", _draw_formula)
        markdown.renderer.register("block_maths", _draw_block)


def _parse_inline(
    inline: mistune.InlineParser, found: re.Match[str], state: mistune.InlineState
) -> int:
    env = found.group("env")
    tex = found.group("inline") or found.group("shown")
    if env:
        tex = f"\\begin{{{env}}}{found.group('body')}\\end{{{env}}}"
    mark = _keep_formula(state.env, tex, display=not found.group("inline"))
    state.append_token({"type": "maths", "raw": mark})
    return found.end()


def _parse_block(
    block: mistune.BlockParser, found: re.Match[str], state: mistune.BlockState
) -> int:
    mark = _keep_formula(state.env, found.group("shown"), display=True)
    state.append_token({"type": "block_maths", "raw": mark})
    return found.end() + 1


def _keep_formula(env: MutableMapping[str, Any], tex: str, *, display: bool) -> str:
    env["formulas"].append(render_maths(tex, display=display))
    return f"{_OPEN}{len(env['formulas']) - 1}{_CLOSE}"


def _draw_formula(renderer: mistune.BaseRenderer, text: str) -> str:
    return text


def _draw_block(renderer: mistune.BaseRenderer, text: str) -> str:
    return f"<div>{text}</div>\n"
