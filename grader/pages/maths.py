"""TeX as MathML, which browsers draw without a script; TeX as text where it fails."""

from __future__ import annotations

import html
import re
from xml.etree import ElementTree

MAX_TEX = 5000  # characters of one formula; the longest of a lesson has 200
_SPACE = "http://www.w3.org/1998/Math/MathML"
_TAGS = {
    *("math", "mi", "mn", "mo", "ms", "mtext", "mspace", "mrow", "mfrac", "msqrt"),
    *("mroot", "mstyle", "mpadded", "mphantom", "menclose", "msub", "msup"),
    *("msubsup", "munder", "mover", "munderover", "mmultiscripts", "mprescripts"),
    *("mtable", "mtr", "mtd", "merror"),
}
_ATTRIBUTES = {
    *("display", "displaystyle", "scriptlevel", "mathvariant", "mathcolor"),
    *("mathsize", "stretchy", "fence", "form", "accent", "accentunder", "separator"),
    *("lspace", "rspace", "minsize", "maxsize", "width", "height", "depth"),
    *("linebreak", "linethickness", "columnalign", "rowspacing", "columnspacing"),
    *("columnlines", "rowlines", "notation", "movablelimits", "symmetric"),
}
# Environments that latex2mathml 3.81 does not know, by one that looks the same.
_SAME = {"aligned": "align*", "alignedat": "align*", "gathered": "align*"}


def render_maths(tex: str, *, display: bool) -> str:
    """Give MathML, or the TeX itself in a code element.

    The converter does not escape text, so what it makes is parsed and must consist
    of known elements and attributes alone.
    """
    try:
        tree = _convert(tex[:MAX_TEX], "block" if display else "inline")
    except Exception:  # noqa: BLE001  a converter of TeX fails in many ways
        return _show_source(tex, display)
    for element in tree.iter():
        space, _, name = str(element.tag).rpartition("}")
        known = space == f"{{{_SPACE}" and name in _TAGS
        if not known or not set(element.attrib) <= _ATTRIBUTES:
            return _show_source(tex, display)
        element.tag = name
    if "\\" in "".join(tree.itertext()):  # a command that it does not know
        return _show_source(tex, display)
    tree.set("xmlns", _SPACE)
    return ElementTree.tostring(tree, encoding="unicode")


def _convert(tex: str, display: str) -> ElementTree.Element:
    from latex2mathml.converter import convert  # noqa: PLC0415  0.2 s

    for name, same in _SAME.items():
        tex = re.sub(rf"\\(begin|end)\{{{name}\}}", rf"\\\1{{{same}}}", tex)
    # Entities cannot be declared here: the text has no document type.
    return ElementTree.fromstring(convert(tex, display=display))


def _show_source(tex: str, display: bool) -> str:
    text = html.escape(tex.strip())
    return f"<pre>{text}</pre>" if display else f"<code>{text}</code>"
