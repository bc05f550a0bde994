"""Frames from a process that may lie: each rule, and thousands of bent replies."""

import os
import random
import socket
import struct
import threading
import time
import tracemalloc

import pytest

from grader.wire.frames import (
    HEADER,
    LENGTH,
    MAGIC,
    Asker,
    Caps,
    Channel,
    WireClosed,
    WireError,
    WireTimeout,
    parse_message,
)

CAPS = Caps(
    json_bytes=1 << 16,
    buffer_bytes=1 << 16,
    buffers=8,
    depth=10,
    reply_bytes=1 << 18,
    total_bytes_per_submission=1 << 20,
)
BENT_REPLIES = 6000


@pytest.fixture
def line():
    ours, theirs = socket.socketpair()
    yield Asker(ours), theirs
    ours.close()
    theirs.close()


def ask(asker, theirs):
    """Send a question; return its turn, which an answer must carry."""
    asker.send({"op": "x"})
    return HEADER.unpack(theirs.recv(1 << 16)[: HEADER.size])[1]


def frame(turn, text=b"{}", *, sizes=(), magic=MAGIC, json_bytes=None, count=None):
    json_bytes = len(text) if json_bytes is None else json_bytes
    count = len(sizes) if count is None else count
    head = HEADER.pack(magic, turn, json_bytes, count)
    table = b"".join(LENGTH.pack(size) for size in sizes)
    return head + table + text


def deadline(seconds=1.0):
    return time.monotonic() + seconds


def test_frame_crosses_unchanged(line):
    asker, theirs = line
    other = Channel(theirs)
    asker.send({"op": "é", "n": [1, None, 0.1]}, [b"abc", memoryview(b"")])
    assert other.receive(CAPS) == ({"op": "é", "n": [1, None, 0.1]}, [b"abc", b""])
    other.send({"ok": True}, [bytearray(8)])
    assert asker.receive(CAPS) == ({"ok": True}, [bytes(8)])


def test_many_large_buffers_cross(line):
    asker, theirs = line
    caps = Caps(buffers=300)
    buffers = [bytes([i % 256]) * 70_000 for i in range(200)]
    sender = threading.Thread(target=asker.send, args=({}, buffers))
    sender.start()
    assert Channel(theirs).receive(caps)[1] == buffers
    sender.join()


def test_buffer_can_be_written(line):
    asker, theirs = line
    theirs.sendall(frame(ask(asker, theirs), sizes=(2,)) + b"ab")
    (buffer,) = asker.receive(CAPS)[1]
    buffer[0] = 0  # a tensor over it needs no copy and no warning


@pytest.mark.parametrize(
    ("rule", "bent"),
    {
        "not a frame": {"magic": b"HTTP"},
        "JSON too long": {"json_bytes": 1 << 31},
        "too many buffers": {"count": (1 << 32) - 1},
        "buffer too long": {"sizes": (1 << 63,)},
        "reply too long": {"sizes": (1 << 16,) * 8},
    }.items(),
)
def test_wrong_numbers_are_refused_before_memory_is_taken(line, rule, bent):
    asker, theirs = line
    theirs.sendall(frame(ask(asker, theirs), **bent))
    tracemalloc.start()
    with pytest.raises(WireError, match=rule):
        asker.receive(CAPS, deadline())
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_promised_bytes_cost_nothing_until_they_come(line):
    asker, theirs = line
    theirs.sendall(frame(ask(asker, theirs), sizes=(1 << 30,)))
    huge = 1 << 31
    caps = Caps(1 << 16, huge, 8, 10, huge, huge)
    tracemalloc.start()
    with pytest.raises(WireTimeout):
        asker.receive(caps, deadline(0.01))
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()


def test_all_replies_together_are_bounded(line):
    asker, theirs = line
    with pytest.raises(WireError, match="submission sent too much"):
        for _ in range(20):
            theirs.sendall(frame(ask(asker, theirs), sizes=(1 << 16,)) + bytes(1 << 16))
            asker.receive(CAPS, deadline())


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("not JSON", b'{"x": NaN}'),
        ("not JSON", b'{"x": -Infinity}'),
        ("not JSON", b'{"x": ' + b"9" * 5000 + b"}"),
        ("not JSON", '{"x": 1}'.encode("utf-16")),
        ("not JSON", b'{"x": "\xff"}'),
        ("not JSON", b'{"x": '),
        ("not JSON", b"[" * 60_000),
        ("not a JSON object", b"[1]"),
        ("nested too deeply", b'{"x": ' + b"[" * 11 + b"]" * 11 + b"}"),
        ("half a character", rb'{"x": "\ud800"}'),
        ("half a character", rb'{"\uDC00": 1}'),
    ],
)
def test_text_that_is_no_plain_object_is_refused(rule, text):
    with pytest.raises(WireError) as caught:
        parse_message(text, CAPS)
    assert caught.value.rule == rule


def test_whole_surrogate_pair_passes():
    assert parse_message(rb'{"x": "\ud83d\ude00"}', CAPS) == {"x": "😀"}


def test_depth_up_to_the_cap_passes():
    text = b'{"x": ' + b"[" * 9 + b"]" * 9 + b"}"
    assert parse_message(text, CAPS)["x"]


def test_answer_before_its_question_is_refused(line):
    asker, theirs = line
    theirs.sendall(frame(bytes(8)))
    asker.send({"op": "x"})
    with pytest.raises(WireError, match="out of turn"):
        asker.receive(CAPS, deadline())


def test_second_answer_to_one_question_is_refused(line):
    asker, theirs = line
    turn = ask(asker, theirs)
    theirs.sendall(frame(turn) + frame(turn))
    asker.receive(CAPS, deadline())
    with pytest.raises(WireError, match="out of turn"):
        asker.receive(CAPS, deadline())


def test_silence_ends_at_the_deadline(line):
    asker, theirs = line
    ask(asker, theirs)
    start = time.monotonic()
    with pytest.raises(WireTimeout):
        asker.receive(CAPS, deadline(0.05))
    assert time.monotonic() - start < 1


def test_dripping_reply_ends_at_the_deadline(line):
    asker, theirs = line
    turn = ask(asker, theirs)
    stop = threading.Event()

    def drip():
        for byte in frame(turn, sizes=(60_000,)) + bytes(60_000):
            theirs.send(bytes([byte]))
            if stop.wait(0.001):
                return

    dripping = threading.Thread(target=drip)
    dripping.start()
    with pytest.raises(WireTimeout):
        asker.receive(CAPS, deadline(0.1))
    stop.set()
    dripping.join()


def test_reader_that_never_reads_ends_at_the_deadline(line):
    asker, _ = line
    with pytest.raises(WireTimeout):
        asker.send({}, [bytes(8 << 20)], deadline=deadline(0.05))


def test_end_in_the_middle_of_a_frame_is_an_end(line):
    asker, theirs = line
    theirs.sendall(frame(ask(asker, theirs), sizes=(100,)))
    theirs.close()
    with pytest.raises(WireClosed):
        asker.receive(CAPS, deadline())


@pytest.mark.parametrize(
    "message", [{"x": float("nan")}, {"x": "\ud800"}, {"x": b""}, {"x": {}}]
)
def test_what_json_cannot_hold_is_not_sent(line, message):
    asker, theirs = line
    if message["x"] == {}:  # contains itself
        message["x"] = message
    with pytest.raises((ValueError, TypeError, RecursionError)):
        asker.send(message)
    theirs.setblocking(False)
    with pytest.raises(BlockingIOError):
        theirs.recv(1)


def test_own_reply_beyond_the_caps_is_not_sent(line):
    asker, _ = line
    with pytest.raises(WireError, match="buffer too long"):
        asker.send({}, [bytes(1 << 17)], caps=CAPS)


def test_sent_descriptors_do_not_arrive(line):
    asker, theirs = line
    turn = ask(asker, theirs)
    before = os.listdir("/dev/fd")
    socket.send_fds(theirs, [frame(turn)], [0, 1, 2])
    asker.receive(CAPS, deadline())
    assert os.listdir("/dev/fd") == before


# Bent replies: the same on every run.


def bend(rng, data):
    """Change a valid reply as a liar would: bytes, lengths, ends, order."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        kind = rng.randrange(6)
        place = rng.randrange(len(data) + 1)
        if kind == 0 and place < len(data):
            data[place] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del data[place : place + rng.randint(1, 40)]
        elif kind == 2:
            data[place:place] = rng.randbytes(rng.randint(1, 40))
        elif kind == 3:
            word = rng.choice((0, 1, 0xFF, 0xFFFF, 1 << 31, (1 << 32) - 1))
            data[16:20] = struct.pack("<I", word)
        elif kind == 4:
            word = rng.choice((0, 1, 9, 1 << 20, 1 << 40, (1 << 64) - 1))
            data[24:32] = struct.pack("<Q", word)
        else:
            data += data[place:]
        if not data:
            return b""
    return bytes(data)


def make_reply(rng, turn):
    texts = (
        b'{"outputs": [{"data": {"text/plain": "1"}}], "error": null, "seconds": 0.1}',
        b'{"kind": "tensor", "shape": [3, 4], "dtype": "float64", "buffer": 0}',
        rb'{"x": ["\u00e9", "\ud83d\ude00", 1e999, -0.0, true, [[[[]]]]]}',
    )
    sizes = [rng.choice((0, 1, 8, 96)) for _ in range(rng.randrange(4))]
    return frame(turn, rng.choice(texts), sizes=sizes) + rng.randbytes(sum(sizes))


def answer_once(rng):
    """Let a bent reply arrive; return what became of it."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        asker = Asker(ours)
        theirs.sendall(bend(rng, make_reply(rng, ask(asker, theirs))))
        theirs.shutdown(socket.SHUT_WR)
        try:
            message, buffers = asker.receive(CAPS, deadline(5))
        except (WireError, WireClosed) as error:
            return type(error).__name__
        assert isinstance(message, dict)
        assert all(len(buffer) <= CAPS.buffer_bytes for buffer in buffers)
        return "passed"


def test_bent_replies_neither_crash_nor_hang():
    rng = random.Random(5)
    fates = {answer_once(rng) for _ in range(BENT_REPLIES)}
    assert fates == {"WireError", "WireClosed", "passed"}


def test_bent_replies_take_no_memory_beyond_the_caps():
    rng = random.Random(6)
    tracemalloc.start()
    for _ in range(300):
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        answer_once(rng)
        assert tracemalloc.get_traced_memory()[1] - before < 2 * CAPS.reply_bytes
    tracemalloc.stop()
