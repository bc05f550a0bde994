"""The request loop: errors become replies, children and interrupts do no harm."""

import socket

import pytest

from grader.student import main
from grader.student.main import Session, answer, describe, send_reply
from grader.wire.frames import Asker, Caps, Channel


@pytest.fixture
def line():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Asker(ours), Session(Channel(theirs), Caps(depth=5), shell=None)


def fail(session, message, buffers):
    raise KeyboardInterrupt("stop")


def test_whatever_an_operation_raises_becomes_a_reply(line, monkeypatch):
    monkeypatch.setitem(main.OWN, "fail", fail)
    reply, buffers = answer(line[1], {"op": "fail"}, [])
    assert reply == {"failed": {"ename": "KeyboardInterrupt", "evalue": "stop"}}
    assert buffers == []


@pytest.mark.parametrize("message", [{}, {"op": None}, {"op": "no such"}])
def test_message_without_a_known_operation_fails(line, message):
    assert "failed" in answer(line[1], message, [])[0]


def test_error_whose_text_fails_has_none():
    class Mute(Exception):
        def __str__(self):
            raise self

    assert describe(Mute()) == {"ename": "Mute", "evalue": ""}


def test_text_of_an_error_can_be_written():
    assert describe(ValueError("\ud800")) == {"ename": "ValueError", "evalue": "?"}


def test_interrupt_is_heard_only_while_the_student_runs(line):
    session = line[1]
    session.interrupt(2, None)
    session.busy = True
    with pytest.raises(KeyboardInterrupt):
        session.interrupt(2, None)


@pytest.mark.parametrize(
    "reply",
    [{"x": float("nan")}, {"x": object()}, {"x": [[[[[[[]]]]]]]}, {"x": "\ud800"}],
)
def test_reply_that_cannot_cross_is_told(line, reply):
    asker, session = line
    asker.send({})
    session.channel.receive(session.caps)
    send_reply(session, reply, [])
    assert "failed" in asker.receive(Caps())[0]


def test_call_back_waits_for_the_answer(line):
    asker, session = line
    asker.send({})
    session.channel.receive(session.caps)
    session.channel.send({"op": "callback", "n": 1})
    assert asker.receive(Caps())[0] == {"op": "callback", "n": 1}
    asker.send({"n": 2})
    assert session.channel.receive(session.caps)[0] == {"n": 2}
