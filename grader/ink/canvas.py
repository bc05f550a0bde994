"""Writes SVG: shapes, text and the palette; knows nothing of what is drawn."""

from __future__ import annotations

import base64
from html import escape

INK = "#1d2430"  # text and axes; 15:1 on paper
QUIET = "#5a6270"  # second lines and forward edges; 6:1
FAINT = "#c9ced6"  # grids and rules, never text
PAPER = "#ffffff"
WASH = "#f3f4f6"  # data and cut parts
BLUE = "#0072b2"  # Okabe and Ito's blue: leaves, first series
BLUE_WASH = "#e3f0f8"
RUST = "#b84a00"  # their vermillion, darkened to 5.3:1: the path of a gradient
RUST_WASH = "#fdeee3"
GREEN = "#00694c"  # their green, darkened to 6.6:1
SERIES = (BLUE, RUST, GREEN, "#7a3b69", INK)  # told apart by dash and marker as well

FONT = "Helvetica Neue, Helvetica, Arial, Liberation Sans, DejaVu Sans, sans-serif"
_NARROW = frozenset(" iljtfrI.,:;'|!()[]{}/·₁₂₃₄₅₆₇₈₉₀⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_BROAD = frozenset("mwMW@%…∞→←×+−=≈")


def measure(text: str, size: float = 12) -> float:
    """Estimate a text's width in px, on the wide side (DejaVu Sans)."""
    ems = sum(0.37 if c in _NARROW else 0.86 if c in _BROAD else 0.61 for c in text)
    return ems * size


def fit(text: str, width: float, size: float = 12) -> str:
    """Shorten a text with … until it is at most `width` px wide."""
    if measure(text, size) <= width:
        return text
    while text and measure(text + "…", size) > width:
        text = text[:-1]
    return text.rstrip() + "…"


class Canvas:
    """A picture under construction, in px from the top left."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = round(width), round(height)
        self.parts: list[str] = []

    def add(self, tag: str, content: str = "", /, **attributes: object) -> None:
        """Add one element; `stroke_width=2` becomes `stroke-width="2"`."""
        written = "".join(
            f' {key.rstrip("_").replace("_", "-")}="{escape(_plain(value))}"'
            for key, value in attributes.items()
            if value is not None
        )
        end = f">{escape(content)}</{tag}>" if content else "/>"
        self.parts.append(f"<{tag}{written}{end}")

    def rect(self, x: float, y: float, w: float, h: float, **look: object) -> None:
        """Add a rectangle."""
        self.add("rect", x=x, y=y, width=w, height=h, **look)

    def line(self, x1: float, y1: float, x2: float, y2: float, **look: object) -> None:
        """Add a straight line, quiet and 1 px wide unless told."""
        look = {"stroke": QUIET, "stroke_width": 1} | look
        self.add("line", x1=x1, y1=y1, x2=x2, y2=y2, **look)

    def text(self, x: float, y: float, content: str, **look: object) -> None:
        """Add one line of text; `y` is its baseline."""
        if look.get("fill") == INK:
            look.pop("fill")
        self.add("text", content, x=x, y=y, **look)

    def mixed(self, x: float, y: float, bold: str, rest: str, **look: object) -> None:
        """Add one line of text that begins in bold."""
        written = "".join(
            f' {key.replace("_", "-")}="{escape(_plain(value))}"'
            for key, value in look.items()
        )
        self.parts.append(
            f'<text x="{_plain(x)}" y="{_plain(y)}"{written}>'
            f'<tspan font-weight="700">{escape(bold)}</tspan>{escape(rest)}</text>'
        )

    def finish(self, title: str, description: str) -> str:
        """Return the SVG, with its own paper, title and description."""
        w, h = self.width, self.height
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" '
            f'viewBox="0 0 {w} {h}" font-family="{FONT}" font-size="12" '
            f'fill="{INK}" role="img"><title>{escape(title)}</title>'
            f"<desc>{escape(description)}</desc>{_DEFS}"
            f'<rect width="{w}" height="{h}" rx="6" fill="{PAPER}"/>'
            + "".join(self.parts)
            + "</svg>"
        )


def encode(svg: str) -> str:
    """Return the data address under which an `<img>` shows the SVG."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def _plain(value: object) -> str:
    return (
        f"{value:.2f}".rstrip("0").rstrip(".")
        if isinstance(value, float)
        else str(value)
    )


def _arrow(name: str, colour: str) -> str:
    return (
        f'<marker id="{name}" viewBox="0 0 8 8" refX="7.2" refY="4" markerWidth="8" '
        f'markerHeight="8" markerUnits="userSpaceOnUse" orient="auto-start-reverse">'
        f'<path d="M0.5 0.8 7.5 4 0.5 7.2 2 4z" fill="{colour}"/></marker>'
    )


_DEFS = (
    "<defs>"
    + _arrow("quiet", QUIET)
    + _arrow("rust", RUST)
    + '<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
    + 'patternTransform="rotate(45)"><path d="M0 0V6" stroke="#1d2430" '
    + 'stroke-width="1.4" opacity="0.55"/></pattern></defs>'
)
