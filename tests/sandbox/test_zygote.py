"""The zygote holds nothing, and forks what it holds."""

import os
import signal
from pathlib import Path

import pytest
import torch

from grader.sandbox.zygote import describe_end
from tests.processes import read_memory

pytestmark = pytest.mark.process


@pytest.fixture
def pid(full, student):
    """The zygote's own number out here: the parent of its students, who rests now."""
    student.request({"op": "ping"}, timeout_s=10)
    full._ask_why(0)
    stat = Path(f"/proc/{student.pid}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])


def test_environment_is_empty(pid):
    assert Path(f"/proc/{pid}/environ").read_bytes() == b""


def test_arguments_tell_no_path(pid):
    arguments = Path(f"/proc/{pid}/cmdline").read_text()
    assert str(Path(__file__).parents[2] / "tests") not in arguments
    assert "gradebook" not in arguments


def test_descriptors_are_its_socket_and_its_namespace(pid):
    folder = f"/proc/{pid}/fd"
    links = [os.readlink(f"{folder}/{name}") for name in os.listdir(folder)]
    links = [link for link in links if not link.endswith(".ttf")]  # matplotlib's
    kinds = sorted(link.split(":")[0] for link in links)
    assert kinds == ["/dev/null", "/dev/null", "pid", "socket"]


def test_one_thread_is_forked(pid):
    assert len(os.listdir(f"/proc/{pid}/task")) == 1


def test_no_memory_is_shared_for_writing(pid):
    """What one student wrote there, the next would read."""
    maps = Path(f"/proc/{pid}/maps").read_text().splitlines()
    rights = [line.split()[1] for line in maps]
    assert not [right for right in rights if right[1] == "w" and right[3] == "s"]


def test_no_word_of_the_examiner_is_in_its_memory(pid):
    """It was started by exec, not forked from the process that knows the tests."""
    secret = "".join(["a sentence", " of a hidden", " test: 61d3"]).encode()
    held = read_memory(pid)
    assert b"Nursery" in held  # its memory can be read
    assert secret not in held


def test_students_are_not_alike(zygote):
    source = "import random, numpy as np, torch, os\n"
    source += "print(random.random(), np.random.rand(), torch.rand(1).item())"
    message = {"op": "run_cell", "source": source, "name": "c", "index": 1}
    drawn = []
    for _ in range(3):
        with zygote.fork() as student:
            reply, _ = student.request(message, timeout_s=10)
            drawn += reply["outputs"][0]["text"].split()
    assert len(set(drawn)) == 9


def test_arithmetic_is_that_of_the_examiner(student):
    """The processor was recognised: else other kernels round otherwise."""
    source = "import torch; print(torch.backends.cpu.get_cpu_capability())"
    message = {"op": "run_cell", "source": source, "name": "c", "index": 1}
    reply, _ = student.request(message, timeout_s=10)
    capability = torch.backends.cpu.get_cpu_capability()
    assert reply["outputs"][0]["text"].strip() == capability


def test_names_of_one_student_are_unknown_to_the_next(zygote):
    for _ in range(2):
        with zygote.fork() as student:
            source = "'left' in globals() or globals().update(left=1)"
            message = {"op": "run_cell", "source": source, "name": "c", "index": 1}
            reply, _ = student.request(message, timeout_s=10)
            assert reply["outputs"] == []


def test_nobody_is_left_behind(full, zygote, pid):
    """The dead are buried; only students that are held or on order remain."""
    for _ in range(5):
        zygote.fork().kill()
    with zygote.fork() as student:
        student.request({"op": "ping"}, timeout_s=10)
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    states = [Path(f"/proc/{c}/stat").read_text().rpartition(")")[2] for c in children]
    assert len(states) <= 9, states


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (3 << 8, "it exited with status 3"),
        (signal.SIGSEGV, "it was ended by SIGSEGV"),
        (signal.SIGSYS, "it killed itself"),
    ],
)
def test_end_is_told_in_words(status, words):
    assert describe_end(status) == words
