import base64
from xml.etree import ElementTree

from grader.ink.canvas import (
    BLUE,
    GREEN,
    INK,
    PAPER,
    QUIET,
    RUST,
    Canvas,
    encode,
    fit,
    measure,
)

HOSTILE = "</svg><script>alert(1)</script>\"&'"


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [((p + 0.055) / 1.055) ** 2.4 if p > 0.04 else p / 12.92 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_text_colours_have_contrast():
    for colour in (INK, QUIET, BLUE, RUST, GREEN):
        assert (luminance(PAPER) + 0.05) / (luminance(colour) + 0.05) >= 4.5


def test_a_picture_is_xml_with_title_description_and_paper():
    picture = Canvas(100, 50)
    picture.text(1.0, 2.0, HOSTILE, fill=HOSTILE)
    root = ElementTree.fromstring(picture.finish(HOSTILE, HOSTILE))
    space = "{http://www.w3.org/2000/svg}"
    assert root.find(f"{space}title").text == HOSTILE
    assert root.find(f"{space}desc").text == HOSTILE
    assert root.find(f"{space}rect").get("fill") == PAPER
    assert not root.findall(f".//{space}script")


def test_an_address_holds_the_picture():
    address = encode("<svg>é</svg>")
    assert base64.b64decode(address.split(",")[1]).decode() == "<svg>é</svg>"


def test_text_is_cut_to_the_room_it_has():
    assert fit("short", 100) == "short"
    cut = fit("a very long formula", 60)
    assert cut.endswith("…")
    assert measure(cut) <= 60
