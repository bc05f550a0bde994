"""Makes what a student's program wrote harmless to show: an allowlist, nothing else.

For nbgrader's Formgrader and feedback too, which render HTML, Markdown and TeX of a
notebook as they find it: what is stored must be harmless under any renderer.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import unquote

import nh3

MAX_TEXT = 100_000  # characters of one text
MAX_HTML = 500_000  # characters: a large frame's table
MAX_DEPTH = 200  # tags within tags
MAX_MARKDOWN = 20_000  # characters of one cell: renderers take their square
MAX_AIM = 800  # characters of a link that are looked through
CUT = "\n… the rest was left out …"

_DATA_IMAGE = re.compile(
    r"data:image/(?:png|jpeg|gif|svg\+xml);base64,[A-Za-z0-9+/]+={0,2}"
)
_ANSI = re.compile(r"\x1b\[[0-9;]*m")  # colours, which every renderer knows
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)?")
_CONTROLS = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f\u202a-\u202e\u2066-\u2069]"
)
_TEX = re.compile(
    r"\\(?=(?:href|url|style|class|cssId|require|csname|mmlToken|includegraphics"
    r"|input|html\w*)\b)"
)
_TAG = re.compile(r"<(?!/?(?:br|sub|sup|kbd|details|summary)\s*/?>)(?=[A-Za-z/!?])")
_PICTURE = re.compile(r"!\[(?:([^\[\]\\\n]*)\]\(([^\s()<>]+)\))?")
_LINK = re.compile(r"\][(:]")
_AIM = re.compile(r"[\s<\x00]*([^\s)>]{0,800})")  # MAX_AIM
_NESTING = re.compile(
    r"<(/?)(?!(?:area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr"
    r"|p|li|td|th|tr|dt|dd|thead|tbody|tfoot|option)\b)[a-z]",
    re.IGNORECASE,
)
_KEPT = "\ue000"  # stands for the `](` of a picture that stays; private use
_SHIFT = re.compile(
    r"-\s*[\d.]|\b(?:calc|min|max|clamp|var|env|attr)\s*\(", re.IGNORECASE
)
_SCHEMES = ("http://", "https://", "mailto:", "#")

_STYLES = {
    *("color", "background-color", "text-align", "vertical-align", "white-space"),
    *("font-weight", "font-style", "font-size", "font-family", "text-decoration"),
    *("padding", "padding-left", "padding-right", "padding-top", "padding-bottom"),
    *("margin", "margin-left", "margin-right", "margin-top", "margin-bottom"),
    *("border", "border-left", "border-right", "border-top", "border-bottom"),
    *("border-collapse", "border-radius", "border-color", "width", "max-width"),
    *("height", "max-height", "line-height", "opacity", "overflow-x", "display"),
}
_TAGS = {
    *("a", "abbr", "b", "blockquote", "br", "caption", "code", "col", "colgroup"),
    *("dd", "del", "details", "div", "dl", "dt", "em", "figcaption", "figure", "h1"),
    *("h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "kbd", "li", "mark", "ol", "p"),
    *("pre", "q", "s", "samp", "small", "span", "strong", "sub", "summary", "sup"),
    *("table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul", "var"),
}
_ONLY = {"tabindex": "0", "role": "group"}  # any other order or role would mislead
_ATTRIBUTES = {
    "*": {"style", "title", "lang", "dir"},
    "a": {"href"},
    "div": {"tabindex", "role", "aria-label"},  # what scrolls is reached by keyboard
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "ol": {"start"},
    "table": {"border"},
    "details": {"open"},
}


def _filter_attribute(tag: str, name: str, value: str) -> str | None:
    if name == "src":
        return value if _DATA_IMAGE.fullmatch(value.strip()) else None
    if name == "href":
        return value if value.strip().lower().startswith(_SCHEMES) else None
    if name == "style":  # a negative margin would lay it over what is not its own
        return None if _SHIFT.search(value) else value
    return value if _ONLY.get(name, value) == value else None


_CLEANER = nh3.Cleaner(
    tags=_TAGS,
    clean_content_tags={"script", "style", "title", "noscript", "template"},
    attributes=_ATTRIBUTES,
    attribute_filter=_filter_attribute,
    url_schemes={"http", "https", "mailto", "data"},
    url_relative="deny",
    filter_style_properties=_STYLES,
    allowed_classes={"table": {"dataframe"}},
)


def clean_html(text: str) -> str:
    """Keep what draws text, tables and pictures; an SVG becomes an image."""
    if len(text) > MAX_HTML or _measure_depth(text) > MAX_DEPTH:
        return "<p>(an HTML output was too long or too deep and was left out)</p>"
    return _CLEANER.clean(_lift_drawings(text))


def _measure_depth(text: str) -> int:
    """Give how deep tags are nested at most; the parser's time grows by its square."""
    depth = deepest = 0
    for found in _NESTING.finditer(text):
        depth = max(0, depth - 1) if found.group(1) else depth + 1
        deepest = max(deepest, depth)
    return deepest


def _lift_drawings(text: str) -> str:
    """Put every SVG of a page into an image; one that does not end is left to nh3."""
    pieces: list[str] = []
    lower, done = text.lower(), 0
    # Not a regular expression: it would take minutes for a page of unclosed tags.
    while (start := lower.find("<svg", done)) >= 0:
        end = lower.find("</svg>", start)
        if end < 0:
            break
        pieces += [text[done:start], make_image(text[start : end + 6])]
        done = end + 6
    return "".join([*pieces, text[done:]])


def make_image(svg: str) -> str:
    """Put an SVG into an image, in which no script runs and nothing is fetched."""
    title = re.search(
        r"<title>([^<]{1,200})</title>|aria-label=\"([^\"<]{1,200})\"", svg
    )
    alt = next(filter(None, title.groups()), "") if title else "a drawing"
    if "xmlns=" not in svg[:2000]:
        svg = svg.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    data = base64.b64encode(svg.encode("utf-8", "replace")).decode()
    source = f"data:image/svg+xml;base64,{data}"
    return f'<img alt="{html.escape(html.unescape(alt))}" src="{source}">'


def clean_text(text: str, limit: int = MAX_TEXT) -> str:
    """Keep text and its colours; no other control of a terminal, nothing endless."""
    if len(text) > limit:
        text = text[:limit] + CUT
    if "\x1b" in text:
        text = _ESCAPES.sub(
            lambda found: found.group() if _ANSI.fullmatch(found.group()) else "", text
        )
    return _CONTROLS.sub("", text)


def clean_tex(text: str) -> str:
    """Disarm the commands with which MathJax makes links, styles and attributes."""
    return _TEX.sub(r"\\ ", text)


def clean_markdown(
    text: str, attachments: Mapping[str, Mapping[str, str]] | None = None
) -> str:
    """Disarm raw HTML, links to programs, and pictures from elsewhere.

    By construction, not by parsing as one renderer does: a `<` that could begin a
    tag gets a blank, and so does the `]` of a link whose aim is not known to be safe.
    """
    text = clean_tex(clean_text(text, MAX_MARKDOWN)).replace(_KEPT, "")
    text = _PICTURE.sub(partial(_clean_picture, attachments or {}), text)
    text = _LINK.sub(_clean_link, _TAG.sub("< ", text))
    return text.replace(_KEPT, "](")


def _clean_picture(attachments: Mapping[str, Any], found: re.Match[str]) -> str:
    """Keep a picture that is in the notebook; make a link of one from elsewhere."""
    label, aim = found.group(1), found.group(2) or ""
    known = aim.removeprefix("attachment:") in attachments
    if known or _DATA_IMAGE.fullmatch(aim):
        return f"![{label}{_KEPT}{aim})"
    return found.group()[1:]


def _clean_link(found: re.Match[str]) -> str:
    """Break a link whose aim is not known to be safe."""
    word = _AIM.match(found.string, found.end())
    aim = word.group(1) if word else ""
    safe = len(aim) < MAX_AIM and _is_safe_aim(aim)
    return found.group() if safe else found.group().replace("]", "] ")


def _is_safe_aim(aim: str) -> bool:
    """Whether no renderer can make another scheme of it than these."""
    for _ in range(3):
        aim = unquote(html.unescape(aim.replace("\\", "")))
    aim = re.sub(r"[\x00-\x20\u00a0\u200b-\u200f\ufeff]", "", aim)
    return aim.lower().startswith(_SCHEMES)
