"""Starting and ending a zygote, at each level, as root and as an ordinary user."""

import json
import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from grader.sandbox import kernel
from grader.sandbox.launcher import SandboxError, Zygote, describe_failures
from grader.sandbox.limits import Limits
from grader.sandbox.process import StudentDied

sys.path.insert(0, str(Path(__file__).parent))
from ordinary import run_as_ordinary_user

pytestmark = pytest.mark.process
START_AND_ASK = """
import json, os, sys
from grader.sandbox.launcher import Zygote
from grader.sandbox.limits import Limits
source = "import os, torch; print(os.getuid(), torch.ones(2).sum().item())"
message = {"op": "run_cell", "source": source, "name": "c", "index": 1}
with Zygote.start(Limits(require=sys.argv[1])) as zygote, zygote.fork() as student:
    reply, _ = student.request(message, timeout_s=30)
    print(json.dumps([os.getuid(), zygote.layers, reply["outputs"][0]["text"]]))
"""
START_WHERE_CALLS_ARE_FORBIDDEN = """
import sys
from grader.sandbox import kernel, syscalls
from grader.sandbox import kernel
from grader.sandbox.launcher import SandboxError, Zygote
from grader.sandbox.limits import Limits
from grader.sandbox.syscalls import ALLOW, EPERM, EQUAL, ERRNO, LOAD, RETURN, Step
steps = [Step(LOAD, syscalls.NUMBER_AT)]
for number in sys.argv[2:]:
    steps += [Step(EQUAL, int(number), 0, 1), Step(RETURN, ERRNO | EPERM)]
kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
syscalls.install(syscalls.encode([*steps, Step(RETURN, ALLOW)]))
try:
    with Zygote.start(Limits(require=sys.argv[1])) as zygote:
        print(zygote.layers)
except SandboxError as error:
    print(error)
"""
START_AND_LOOP = """
import sys, time
from grader.sandbox.launcher import Zygote
from grader.sandbox.limits import Limits
source = "import signal\\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\\nwhile True: 1"
with Zygote.start(Limits(), levels=sys.argv[1:]) as zygote, zygote.fork() as student:
    student.request({"op": "ping"}, timeout_s=30)
    print(student.pid, zygote._temporary, flush=True)
    message = {"op": "run_cell", "source": source, "name": "c", "index": 1}
    student.request(message, timeout_s=1000)
"""
UNSHARE = {"x86_64": 272, "aarch64": 97}
LIMITS = Limits(memory_mb=256, scratch_mb=16, file_mb=4)


def cell(source):
    return {"op": "run_cell", "source": source, "name": "cell", "index": 1}


def is_removed_soon(path):
    """The zygote looks after its dead at intervals."""
    patience = iter(range(200))
    while path.exists() and next(patience, None) is not None:
        select.select([], [], [], 0.05)
    return not path.exists()


@pytest.fixture(scope="module")
def reduced():
    with Zygote.start(LIMITS, levels=["reduced"]) as zygote:
        try:
            zygote.fork().kill()
        except SandboxError as error:
            pytest.skip(str(error))
        yield zygote


def test_zygote_that_was_not_used_ends_and_leaves_nothing():
    zygote = Zygote.start(Limits())
    zygote.close()
    assert zygote._process.poll() is not None
    assert not zygote._temporary.exists()


def test_no_level_is_refused_with_a_way_out():
    with (
        Zygote.start(Limits(), levels=[]) as zygote,
        pytest.raises(SandboxError, match="require='none'"),
    ):
        zygote.fork()


def test_refusal_says_what_is_missing():
    text = describe_failures({"full": "Operation not permitted", "reduced": "x"})
    assert "(full: Operation not permitted; reduced: x)" in text


@pytest.mark.parametrize(
    ("require", "forbidden", "words"),
    [
        ("full", ["namespaces"], ["full: new namespaces", "Operation not permitted"]),
        ("reduced", ["namespaces", "landlock"], ["full: new", "reduced: ", "Landlock"]),
    ],
)
def test_system_that_forbids_too_much_is_refused(require, forbidden, words):
    numbers = {
        "namespaces": UNSHARE[kernel.machine()],
        "landlock": kernel.NR_LANDLOCK_CREATE,
    }
    arguments = [require, *(str(numbers[name]) for name in forbidden)]
    done = subprocess.run(
        [sys.executable, "-c", START_WHERE_CALLS_ARE_FORBIDDEN, *arguments],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    for word in [*words, "The sandbox cannot be set up here", "require='none'"]:
        assert word in done.stdout


def test_next_student_is_made_ahead(zygote):
    with zygote.fork(), zygote.fork() as second:
        assert second.request({"op": "ping"}, timeout_s=10)


def test_ordinary_user_gets_the_full_sandbox(full, tmp_path):
    printed = run_as_ordinary_user(START_AND_ASK, "reduced", tmp_path=tmp_path)
    uid, layers, text = json.loads(printed)
    assert uid != 0
    assert layers == list(full.layers)
    assert text == "1000 2.0\n"


def test_reduced_sandbox_says_what_it_has(reduced):
    assert reduced.layers[0] == "reduced"
    assert {"no capabilities", "rlimits", "seccomp"} < set(reduced.layers)
    assert any(layer.startswith("Landlock") for layer in reduced.layers)


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("import os; os.fork()", "BlockingIOError"),
        ("import os; os.kill(os.getppid(), 9)", "PermissionError"),
        ("import os; os.kill(-1, 9)", "PermissionError"),
        ("import socket; socket.socket()", "PermissionError"),
        ("import subprocess; subprocess.run(['ls'])", "BlockingIOError"),
        ("open('/etc/hostname')", "PermissionError"),
        ("import os; os.listdir('/proc/1')", "PermissionError"),
        (f"open({__file__!r})", "PermissionError"),
        ("open('/tmp/x', 'w')", "PermissionError"),
        ("open('/var/tmp/x', 'w')", "PermissionError"),
        ("import torch; open(torch.__file__, 'a')", "PermissionError"),
        ("open('x', 'wb').write(bytes(5 << 20))", "OSError"),
        ("x = bytearray(10**10)", "MemoryError"),
    ],
)
def test_reduced_sandbox_refuses(reduced, source, error):
    with reduced.fork() as student:
        reply, _ = student.request(cell(source), timeout_s=30)
    assert reply["error"]["ename"] == error


def test_reduced_scratch_folder_is_bounded_as_a_whole(reduced):
    source = "import time\nfor i in range(50):\n"
    source += "  open(str(i), 'wb').write(bytes(1 << 20))\ntime.sleep(1000)"
    with (
        reduced.fork() as student,
        pytest.raises(StudentDied, match="more than 16 MB of files"),
    ):
        student.request(cell(source), timeout_s=30)


def test_reduced_scratch_folders_are_removed(reduced):
    source = "import os, tempfile\nprint(os.getcwd(), tempfile.gettempdir())\n"
    source += "for _ in range(1200): os.mkdir('d'); os.chdir('d')"
    with reduced.fork() as student:
        reply, _ = student.request(cell(source), timeout_s=30)
        work, temporary = reply["outputs"][0]["text"].split()
        assert Path(work).parent == Path(temporary).parent
    assert is_removed_soon(Path(work).parent)


@pytest.mark.parametrize("level", ["full", "reduced"])
def test_students_end_when_their_examiner_is_killed(level):
    with subprocess.Popen(
        [sys.executable, "-c", START_AND_LOOP, level], stdout=subprocess.PIPE
    ) as examiner:
        pid, temporary = examiner.stdout.readline().decode().split()
        student = os.pidfd_open(int(pid))
        examiner.kill()
    assert select.select([student], [], [], 10)[0]
    os.close(student)
    assert is_removed_soon(Path(temporary))
