"""Only known types of output stay, each clean, bounded and told when it was cut."""

import base64

from grader.reading.outputs import MAX_LINES, MAX_OUTPUTS, clean_outputs
from grader.reading.sanitize import clean_html

PNG = base64.b64encode(b"\x89PNG not really").decode()


def show(**data):
    bundle = {kind.replace("_", "/", 1): text for kind, text in data.items()}
    return {"output_type": "display_data", "data": bundle, "metadata": {}}


def test_only_known_types_are_kept():
    outputs = [
        show(text_plain="fallback", application_javascript="alert(1)"),
        {"output_type": "display_data", "data": {"application/x": {}}, "metadata": {}},
        {"output_type": "update_display_data", "data": {}},
        "nonsense",
    ]
    first, second = clean_outputs(outputs)
    assert first["data"] == {"text/plain": "fallback"}
    assert second["data"]["text/plain"].startswith("(an output that is not shown")


def test_an_svg_becomes_an_image():
    drawing = "<svg onload='x()'><title>A graph</title><script>x()</script></svg>"
    (output,) = clean_outputs([{**show(), "data": {"image/svg+xml": drawing}}])
    assert output["data"]["text/html"].startswith('<img alt="A graph" src="data:image')
    assert "<img alt" in clean_html(f"<p>{drawing}</p>")


def test_pictures_must_be_base64():
    good, bad = show(image_png=PNG + "\n"), show(image_png='x" onerror="alert(1)')
    kept, dropped = clean_outputs([good, bad])
    assert kept["data"] == {"image/png": PNG}
    assert "image/png" not in dropped["data"]


def test_metadata_holds_only_sizes():
    output = show(image_png=PNG) | {
        "metadata": {
            "image/png": {"width": 5, "height": "1 onload=x"},
            "isolated": True,
        }
    }
    (clean,) = clean_outputs([output])
    assert clean["metadata"] == {"image/png": {"width": 5}}


def test_endless_output_is_cut_and_told():
    stream = {"output_type": "stream", "name": "stdout", "text": "line\n" * 5000}
    clean = clean_outputs([stream] * (MAX_OUTPUTS + 5))
    lines = sum(output["text"].count("\n") for output in clean)
    assert lines <= MAX_LINES + 2
    assert "5 more outputs were left out" in clean[-1]["text"]


def test_large_outputs_are_cut_and_told():
    picture = show(image_png="A" * 3_000_000)
    clean = clean_outputs([picture] * 5)
    assert [output["output_type"] for output in clean] == ["display_data"] * 2 + [
        "stream"
    ]
    assert "too large" in clean[-1]["text"]
