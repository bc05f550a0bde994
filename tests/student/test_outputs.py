"""What a cell displays: in order, bounded, and plain."""

import json
import os

import pytest

from grader.student import outputs
from grader.student.outputs import MAX_OUTPUTS, Collector, Stream, finish


@pytest.fixture(autouse=True)
def own_descriptors(tmp_path, monkeypatch):
    """The descriptors below are files of this test, not pytest's."""
    raw = {}
    for name in ("stdout", "stderr"):
        raw[name] = os.open(tmp_path / name, os.O_RDWR | os.O_CREAT | os.O_APPEND)
    monkeypatch.setattr(outputs, "RAW", raw)
    yield raw
    for descriptor in raw.values():
        os.close(descriptor)


@pytest.fixture
def collector():
    return Collector(100)


def take(collector):
    return finish(collector.take())


def test_writes_to_one_stream_are_joined(collector):
    for text in ("a", "b\n", ""):
        collector.write("stdout", text)
    assert take(collector) == [
        {"output_type": "stream", "name": "stdout", "text": "ab\n"}
    ]


def test_streams_and_displays_keep_their_order(collector):
    collector.write("stdout", "1")
    collector.write("stderr", "2")
    collector.show("display_data", {"text/plain": "3"}, {})
    collector.write("stderr", "4")
    kinds = [o.get("text") or o["data"]["text/plain"] for o in take(collector)]
    assert kinds == ["1", "2", "3", "4"]


def test_take_begins_anew(collector):
    collector.write("stdout", "x" * 200)
    collector.take()
    collector.write("stdout", "y")
    assert take(collector)[0]["text"] == "y"


def test_writes_below_python_come_in_order(collector, own_descriptors):
    collector.write("stdout", "1")
    os.write(own_descriptors["stdout"], b"2\xff")
    collector.write("stdout", "3")
    os.write(own_descriptors["stderr"], b"4")
    texts = [output["text"] for output in take(collector)]
    assert texts == ["12\N{REPLACEMENT CHARACTER}3", "4"]


def test_closed_descriptor_does_no_harm(collector, monkeypatch):
    monkeypatch.setattr(outputs, "RAW", {"stdout": 9999})
    collector.write("stdout", "x")
    assert take(collector)[0]["text"] == "x"


def test_stream_is_cut_once_with_a_note(collector):
    for _ in range(50):
        collector.write("stdout", "é" * 10)
    (output,) = take(collector)
    assert output["text"].count("output cut here") == 1
    assert output["text"].startswith("é" * 50)
    assert len(output["text"]) < 150


def test_many_outputs_are_cut_with_a_note(collector):
    for i in range(2 * MAX_OUTPUTS):
        collector.show("display_data", {"text/plain": str(i % 10)}, {})
    shown = take(collector)
    assert len(shown) == MAX_OUTPUTS + 1
    assert "output cut here" in shown[-1]["text"]


def test_large_representation_gives_way_to_a_note(collector):
    collector.show("display_data", {"image/png": bytes(400), "text/plain": "<F>"}, {})
    (output,) = take(collector)
    assert list(output["data"]) == ["text/plain"]
    assert "was left out" in output["data"]["text/plain"]


def test_bytes_become_base64(collector):
    collector.show("display_data", {"image/png": b"\x89PNG"}, {})
    assert take(collector)[0]["data"] == {"image/png": "iVBORw=="}


@pytest.mark.parametrize("odd", [float("nan"), {"x": float("inf")}, [b""], {1: {2}}])
def test_odd_json_stays_writable(collector, odd):
    collector.show("display_data", {"application/json": odd}, {"m": odd})
    json.dumps(take(collector), allow_nan=False)


def test_display_is_updated_in_place(collector):
    collector.show("display_data", {"text/plain": "old"}, {}, display_id="x")
    collector.write("stdout", "after")
    collector.update("x", {"text/plain": "new"}, {})
    first, _ = take(collector)
    assert first == {
        "output_type": "display_data",
        "data": {"text/plain": "new"},
        "metadata": {},
    }


def test_clear_removes_at_once_or_when_something_follows(collector):
    collector.write("stdout", "1")
    collector.clear(wait=False)
    collector.write("stdout", "2")
    collector.clear(wait=True)
    assert collector.outputs
    collector.write("stdout", "3")
    assert [output["text"] for output in take(collector)] == ["3"]


def test_error_is_bounded(collector):
    collector.fail("E" * 10_000, "v" * 10_000, ["line" * 10_000] * 1000)
    (output,) = take(collector)
    assert sum(map(len, output["traceback"])) < 10_000
    assert len(output["evalue"]) < 100


def test_stream_behaves_as_a_text_file(collector, own_descriptors):
    stream = Stream("stdout", collector)
    assert stream.write("x") == 1
    assert print("y", file=stream, flush=True) is None
    assert (stream.isatty(), stream.writable(), stream.encoding) == (
        False,
        True,
        "UTF-8",
    )
    assert stream.fileno() == own_descriptors["stdout"]
    stream.buffer.write(b"z")
    assert take(collector)[0]["text"] == "xy\nz"


def test_stream_stays_open(collector):
    stream = Stream("stdout", collector)
    stream.close()
    stream.write("x")
    assert take(collector)[0]["text"] == "x"


def test_stream_takes_text_only(collector):
    with pytest.raises(TypeError, match="must be str"):
        Stream("stdout", collector).write(b"x")
