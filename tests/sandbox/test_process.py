"""How a student's process may end, hang or lie, and that nothing else suffers."""

import os
import select
import signal
import time
from pathlib import Path

import pytest

from grader.sandbox.process import StudentDied, StudentTimeout
from grader.wire.frames import WireError

pytestmark = pytest.mark.process
FAKE_FRAME = """
import os, socket, struct
sock = socket.socket(fileno=3)
def say(text=b"{}", count=0, turn=bytes(8), magic=b"GbH1", size=None):
    size = len(text) if size is None else size
    sock.sendall(struct.pack("<4s8sII", magic, turn, size, count) + text)
"""

UNSTOPPABLE = {
    # asleep it is always inside the try; a busy loop jumps back outside of it
    "swallows the interrupt": "import time\nwhile True:\n try:\n  time.sleep(1000)\n"
    " except KeyboardInterrupt: pass",
    "ignores the signal": "import signal\n"
    "signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
    "blocks in C": "import ctypes, signal\n"
    "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])\n"
    "ctypes.CDLL(None).sleep(1000)",
    "stops itself": "import os, signal, threading, time\n"
    "signal.signal(signal.SIGINT, lambda *_: time.sleep(1000))\ntime.sleep(1000)",
}


def cell(source):
    return {"op": "run_cell", "source": source, "name": "cell", "index": 1}


def wait_until_gone(pid):
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    ended = bool(select.select([process], [], [], 10)[0])
    os.close(process)
    return ended


def test_buffers_come_back(student):
    assert student.request({"op": "ping"}, [b"abc", b""], timeout_s=10)[1] == [
        b"abc",
        b"",
    ]


def test_unknown_operation_fails_politely(student):
    reply, _ = student.request({"op": "no such thing"}, timeout_s=10)
    assert reply["failed"]["ename"]
    assert student.request({"op": "ping"}, timeout_s=10)


def test_loop_is_interrupted_and_the_names_survive(student):
    student.request(cell("kept = 7"), timeout_s=10)
    with pytest.raises(StudentTimeout) as caught:
        student.request(cell("while True: pass"), timeout_s=0.2)
    assert caught.value.alive
    reply, _ = caught.value.reply
    assert reply["error"]["ename"] == "KeyboardInterrupt"
    reply, _ = student.request(cell("print(kept)"), timeout_s=10)
    assert reply["outputs"][0]["text"] == "7\n"


@pytest.mark.parametrize(
    "source",
    UNSTOPPABLE.values(),
    ids=UNSTOPPABLE,
)
def test_loop_that_cannot_be_interrupted_is_killed(student, source):
    pid = student.pid
    student.request(cell("1"), timeout_s=10)
    with pytest.raises(StudentTimeout) as caught:
        student.request(cell(source), timeout_s=0.5)
    assert not caught.value.alive
    assert wait_until_gone(pid)


@pytest.mark.parametrize(
    ("reason", "source"),
    [
        ("exited with status 3", "import os; os._exit(3)"),
        ("killed itself", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"),
        ("killed itself", "import os, signal; os.kill(0, signal.SIGKILL)"),
        ("SIGSEGV", "import ctypes; ctypes.string_at(0)"),
        (
            "SIGSEGV",
            "import sys\nsys.setrecursionlimit(10**9)\nx = []\n"
            "for _ in range(200_000): x = [x]\nimport json; json.dumps(x)",
        ),
    ],
)
def test_death_is_told_with_its_reason(student, reason, source):
    with pytest.raises(StudentDied, match=reason):
        student.request(cell(source), timeout_s=30)


def test_abort_is_a_death(student):
    with pytest.raises(StudentDied):
        student.request(cell("import os; os.abort()"), timeout_s=10)


def test_closed_line_is_a_death(student):
    source = "import os; os.close(3)\nwhile True: pass"
    with pytest.raises(StudentDied, match="closed its line"):
        student.request(cell(source), timeout_s=10)


@pytest.mark.parametrize(
    ("rule", "lie"),
    [
        ("not a frame", "sock.sendall(b'HTTP/1.1 200 OK' + bytes(100))"),
        ("out of turn", "say()"),
        ("out of turn", 'say(b\'{"outputs": [], "error": null}\')'),
        ("not a frame", "sock.sendall(os.urandom(1 << 16))"),
    ],
)
def test_forged_frame_costs_only_its_author(zygote, student, rule, lie):
    with pytest.raises(WireError, match=rule):
        student.request(cell(FAKE_FRAME + lie), timeout_s=10)
    with zygote.fork() as neighbour:
        assert neighbour.request({"op": "ping"}, timeout_s=10)


HONEST_TURN = """
import gc
from grader.wire.frames import Channel
channels = [x for x in gc.get_objects() if type(x) is Channel]
channel = next(x for x in channels if x.fileno() > 0)
turn = channel.turn
"""


@pytest.mark.parametrize(
    ("rule", "lie"),
    [
        ("JSON too long", "say(size=1 << 31, turn=turn)"),
        ("too many buffers", "say(count=1 << 31, turn=turn)"),
        (
            "buffer too long",
            "sock.sendall(struct.pack('<4s8sIIQ', b'GbH1', turn, 2, 1, 1 << 63))",
        ),
        ("not JSON", "say(b'{\"x\": NaN}', turn=turn)"),
        ("not JSON", "say(b'[' * 100000, turn=turn)"),
        ("nested", "say(b'{\"x\":' + b'[' * 500 + b']' * 500 + b'}', turn=turn)"),
        ("not a JSON object", "say(b'[]', turn=turn)"),
        ("out of turn", 'say(b\'{"op": "callback"}\', turn=turn)'),
    ],
)
def test_lie_in_its_turn_costs_only_its_author(student, rule, lie):
    with pytest.raises(WireError, match=rule):
        student.request(cell(HONEST_TURN + FAKE_FRAME + lie), timeout_s=20)


def test_second_answer_is_refused(student):
    source = HONEST_TURN + FAKE_FRAME + "say(turn=turn)"
    assert student.request(cell(source), timeout_s=20) == ({}, [])
    with pytest.raises(WireError, match="out of turn"):
        student.request({"op": "ping"}, timeout_s=10)


def test_endless_reply_ends_in_time(student):
    source = HONEST_TURN + FAKE_FRAME
    source += "say(size=8 << 20, turn=turn)\nwhile True:\n  import time; time.sleep(1)"
    start = time.monotonic()
    with pytest.raises(StudentTimeout):
        student.request(cell(source), timeout_s=0.5)
    assert time.monotonic() - start < 5


def test_too_large_a_reply_of_an_honest_process_is_told(student):
    reply, _ = student.request({"op": "ping"}, [bytes(1)] * 4000, timeout_s=10)
    assert reply["python"]
    source = "import grader.student.main as m\n"
    source += "m.OWN['big'] = lambda *_: ({}, [bytes(65 << 20)])"
    student.request(cell(source), timeout_s=10)
    reply, _ = student.request({"op": "big"}, timeout_s=10)
    assert reply["failed"] == {
        "ename": "WireError",
        "evalue": "buffer too long: 68157440 bytes",
    }


def test_callbacks_are_answered_in_between(student):
    source = "import grader.student.main as m\n"
    source += "m.OWN['twice'] = lambda session, message, buffers: (\n"
    source += " {'sum': sum(session.call_back({'n': n})[0]['n'] for n in (1, 2))}, [])"
    student.request(cell(source), timeout_s=10)
    reply, _ = student.request(
        {"op": "twice"},
        timeout_s=10,
        on_callback=lambda message, buffers: ({"n": 10 * message["n"]}, []),
    )
    assert reply == {"sum": 30}


def test_error_of_the_examiner_ends_the_process_that_waits(student):
    source = "import grader.student.main as m\n"
    source += "m.OWN['ask'] = lambda s, *_: (s.call_back({})[0], [])"
    student.request(cell(source), timeout_s=10)
    pid = student.pid
    with pytest.raises(ZeroDivisionError):
        student.request({"op": "ask"}, timeout_s=10, on_callback=lambda *_: 1 / 0)
    assert wait_until_gone(pid)


def test_forked_child_never_answers(full, student):
    reply, _ = student.request(cell("import os; print(os.fork() >= 0)"), timeout_s=10)
    assert reply["error"] is None
    assert student.request({"op": "ping"}, timeout_s=10)


def test_everything_it_started_ends_with_it(full, student):
    source = "import os, signal, time\n"
    source += "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    source += (
        "for _ in range(5):\n  if os.fork() == 0:\n    os.fork(); time.sleep(1000)"
    )
    student.request(cell(source), timeout_s=10)
    tree = list_tree(student.pid)
    assert len(tree) > 5
    student.kill()
    assert all(wait_until_gone(pid) for pid in tree)


def list_tree(pid):
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += list_tree(int(child))
    return found


def test_interrupt_reaches_a_sleeping_cell(student):
    with pytest.raises(StudentTimeout) as caught:
        student.request(cell("import time; time.sleep(1000)"), timeout_s=0.2)
    assert caught.value.alive


def test_kill_can_be_repeated(student):
    student.kill()
    student.kill()


def test_signal_of_the_examiner_is_not_inherited(student):
    """A test run that is interrupted must not leave students who ignore it."""
    assert signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    assert student.request({"op": "ping"}, timeout_s=10)
