"""What greedy cells may take, of one process and of a tree."""

import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from grader.sandbox.limits import (
    Limits,
    Usage,
    Watch,
    find_root,
    measure_exactly,
    measure_process,
    measure_trees,
)
from grader.sandbox.process import StudentDied, StudentTimeout

KEEP_AND_WAIT = "\nimport time; time.sleep(1000)"


def cell(source):
    return {"op": "run_cell", "source": source, "name": "cell", "index": 1}


def test_limits_cross_as_plain_values():
    limits = Limits(memory_mb=7, preload=("a", "b"))
    assert Limits.from_plain(json.loads(json.dumps(dataclasses.asdict(limits)))) == (
        limits
    )


def test_usage_is_that_of_the_kernel():
    usage = measure_process(str(os.getpid()))
    assert usage.parent == os.getppid()
    assert 1 < usage.memory_mb < 10_000
    assert usage.cpu_s > 0
    assert measure_process("0") is None


def test_tree_is_found_through_its_parents():
    found = {2: Usage(1, 0, 0), 3: Usage(2, 0, 0), 9: Usage(1, 0, 0)}
    assert find_root(3, found, {2}) == 2
    assert find_root(9, found, {2}) is None


def test_circle_of_parents_ends():
    assert find_root(2, {2: Usage(3, 0, 0), 3: Usage(2, 0, 0)}, {7}) is None


@pytest.mark.process
@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(cpu_s=0.0), "more than 0 s of processor time"),
        (Limits(memory_mb=-1_000_000), "more than -1000000 MB of memory"),
        (Limits(), None),
    ],
)
def test_watch_names_what_was_too_much(limits, reason):
    work = "print(sum(range(10**6)), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", work], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        watch = Watch(limits, alone=False)
        assert watch.find_greedy({process.pid}) == (
            {process.pid: reason} if reason else {}
        )
        assert measure_exactly({process.pid}) > 1
        assert process.pid in measure_trees({process.pid}, alone=True)
        process.stdin.close()


@pytest.mark.process
@pytest.mark.parametrize(
    "source",
    [
        "x = bytearray(10**10)",
        "x = [bytearray(1 << 20) for _ in range(10_000)]",
        "import torch; torch.zeros(10**10)",
        "import mmap; mmap.mmap(-1, 10**10)",
        "x = 'x' * 10**10",
    ],
)
def test_memory_of_one_process_is_bounded(student, source):
    reply, _ = student.request(cell(source), timeout_s=30)
    assert reply["error"]["ename"] in {"MemoryError", "RuntimeError", "OSError"}
    assert student.request(cell("1 + 1"), timeout_s=10)


@pytest.mark.process
def test_shared_memory_of_a_tree_is_bounded(full, student):
    source = "import mmap, os\n"
    source += "for _ in range(6):\n  if os.fork() == 0: break\n"
    source += "m = mmap.mmap(-1, 150 << 20)\n"
    source += "for i in range(0, 150 << 20, 4096): m[i] = 1"
    with pytest.raises(StudentDied, match="more than 256 MB of memory"):
        student.request(cell(source + KEEP_AND_WAIT), timeout_s=60)


@pytest.mark.process
def test_private_memory_of_a_tree_is_bounded(full, student):
    source = "import os\nfor _ in range(6):\n  if os.fork() == 0: break\n"
    source += "x = bytearray(b'x') * (150 << 20)"
    with pytest.raises(StudentDied, match="more than 256 MB of memory"):
        student.request(cell(source + KEEP_AND_WAIT), timeout_s=60)


@pytest.mark.process
def test_memory_that_a_fork_shares_counts_once(full, student):
    """Six children of a process with 100 MB have not taken 700 MB."""
    source = "import os, time\nx = bytearray(b'x') * (100 << 20)\n"
    source += "for _ in range(6):\n  if os.fork() == 0: time.sleep(1); os._exit(0)\n"
    source += "time.sleep(0.5)"
    reply, _ = student.request(cell(source), timeout_s=30)
    assert reply["error"] is None


@pytest.mark.process
def test_processes_are_bounded(full, student):
    source = "import os, time\nfor _ in range(64):\n"
    source += "  if os.fork() == 0: time.sleep(1000)"
    reply, _ = student.request(cell(source), timeout_s=30)
    assert reply["error"]["ename"] == "BlockingIOError"


@pytest.mark.process
def test_fork_bomb_ends_in_time(full, zygote, student):
    source = "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass"
    with pytest.raises(StudentTimeout):
        student.request(cell(source), timeout_s=1)
    with zygote.fork() as neighbour:
        assert neighbour.request({"op": "ping"}, timeout_s=30)


@pytest.mark.process
def test_threads_are_bounded(student):
    source = "import threading, time\n"
    source += "for _ in range(500): threading.Thread(target=time.sleep, args=(100,), "
    source += "daemon=True).start()"
    reply, _ = student.request(cell(source), timeout_s=30)
    assert reply["error"]["ename"] == "RuntimeError"


@pytest.mark.process
@pytest.mark.parametrize(
    "source",
    [
        "f = open('x', 'wb')\nfor _ in range(300): f.write(bytes(1 << 20))",
        "for i in range(100): open(f'x{i}', 'wb').write(bytes(1 << 20))",
        "for i in range(100_000): open(f'x{i}', 'w').close()",
        "import os\nwhile True: os.write(1, bytes(1 << 20))",
    ],
)
def test_files_are_bounded(student, source):
    reply, _ = student.request(cell(source), timeout_s=60)
    assert reply["error"]["ename"] == "OSError"


@pytest.mark.process
def test_open_files_are_bounded(student):
    source = "kept = [open('/dev/null') for _ in range(1000)]"
    reply, _ = student.request(cell(source), timeout_s=10)
    assert reply["error"]["ename"] == "OSError"


@pytest.mark.process
def test_printing_is_bounded(student):
    source = "for _ in range(2000): print('x' * 100_000)"
    reply, _ = student.request(cell(source), timeout_s=30)
    (output,) = reply["outputs"]
    assert len(output["text"]) < (1 << 16) + 200
    assert "output cut here" in output["text"]
    assert reply["error"] is None


@pytest.mark.process
def test_libraries_fit_below_the_limit(student):
    """Ordinary work with threads, arrays and pictures is not cut short."""
    source = "import torch, numpy as np, matplotlib.pyplot as plt, threading\n"
    source += "torch.set_num_threads(2)\n"
    source += "x = torch.randn(1500, 1500, requires_grad=True)\n"
    source += "(x @ x).sum().backward()\nplt.imshow(np.zeros((500, 500)));"
    reply, _ = student.request(cell(source), timeout_s=60)
    assert reply["error"] is None
    assert "image/png" in reply["outputs"][-1]["data"]


@pytest.mark.process
def test_idle_student_takes_little_memory(full, student):
    student.request(cell("x = 1"), timeout_s=10)
    rollup = Path(f"/proc/{student.pid}/smaps_rollup").read_text()
    private = sum(
        int(line.split()[1])
        for line in rollup.splitlines()
        if line.startswith(("Private_Dirty", "Private_Clean"))
    )
    assert private / 1024 < 50


def test_documentation_names_every_limit_with_its_default():
    text = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| (\S+) \|", text, re.MULTILINE))
    plain = {
        field.name: str(field.default)
        for field in dataclasses.fields(Limits)
        if field.name not in {"require", "preload", "caps"}
    }
    assert rows == plain
