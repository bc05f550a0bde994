"""Grade a class with hostile hand-ins while the run is killed, and count what is left.

    python tests/bench/soak.py [--count 1000] [--kills 3] [--seed 1] [--workers 2]

Every honest score must be right, none lost, none twice. Kept out of `make test`: its
small form there is tests/cohort/test_soak.py.
"""

import argparse
import contextlib
import json
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from tests.bench.class_of_six import EXERCISES, hand_in, write_master  # noqa: E402
from tests.commands import call, make_environment  # noqa: E402
from tests.processes import is_alive, list_family  # noqa: E402
from tests.scores import read_scores  # noqa: E402

HOSTILE_SHARE = 0.05
CELL_S = 3  # for a cell: an endless one must not make the soak endless
GRADED = (0, 1)  # 1: all, but some wait for a person
ENDING_S = 60  # for what a killed run left behind
# Put before an honest answer: the rest of the notebook must still count.
ATTACKS = {
    "exit": "import os; os._exit(0)",
    "kill": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "parent": "import os, signal; os.kill(os.getppid(), signal.SIGKILL)",
    "loop": "while True:\n    pass",
    "memory": "hoard = [bytearray(1 << 28) for _ in range(1000)]",
    "forks": "import os\nwhile True:\n    os.fork()",
    "null": "import ctypes; ctypes.string_at(0)",
    "prints": "while True:\n    print('x' * 100000)",
    "gradebook": "open('../../../gradebook.db', 'w').write('')",
    "forged": "import torch; torch.allclose = lambda *a, **k: True",
    "error": "raise SystemExit",
}
BROKEN = {
    "html": b"<!DOCTYPE html><title>Sign in</title>",
    "empty": b"",
    "list": b"[1, 2]",
    "binary": bytes(range(256)) * 100,
    "deep": b"[" * 100_000,
}


def write_class(folder, count, rng):
    """Hand in; give the points that are due, and who is hostile and how.

    A hostile student's own points are not held against anything but the maximum.
    """
    write_master(folder)
    config = f"c = get_config()\nc.Execute.timeout = {CELL_S}\n"
    (folder / "nbgrader_config.py").write_text(config)
    call(folder, "nbgrader", "generate_assignment", "six")
    due = hand_in(folder, count)
    students = sorted({student for student, _ in due})
    hostile = {}
    for student in rng.sample(students, max(1, round(HOSTILE_SHARE * count))):
        path = folder / "submitted" / student / "six" / "six.ipynb"
        kind = rng.choice([*ATTACKS, *BROKEN, "link"])
        hostile[student] = kind
        if kind in BROKEN:
            path.write_bytes(BROKEN[kind])
        elif kind == "link":
            path.unlink()
            path.symlink_to("/etc/passwd")
        else:
            _attack(path, ATTACKS[kind], rng)
    return due, hostile


def _attack(path, attack, rng):
    notebook = json.loads(path.read_text())
    words = [
        cell
        for cell in notebook["cells"]
        if cell["metadata"]["nbgrader"]["grade_id"] in EXERCISES
    ]
    chosen = rng.choice(words)
    chosen["source"] = f"{chosen['source']}\n{attack}\n"
    path.write_text(json.dumps(notebook))


def kill_somewhere(folder, run, rng, most):
    """Start a run, and end it with SIGKILL after some results, at no special moment."""
    log = folder / "log.jsonl"
    before = count_lines(log)
    with open(folder / "killed.out", "a") as out:
        process = subprocess.Popen(run, cwd=folder, env=make_environment(), stdout=out)
        wanted = before + rng.randint(1, max(1, most))
        while process.poll() is None and count_lines(log) < wanted:
            time.sleep(0.02)
        time.sleep(rng.random())
        family = list_family(process.pid)
        process.send_signal(signal.SIGKILL)
        process.wait()
    left = wait_for_end(family)
    return count_lines(log) - before, left


def count_lines(path):
    return path.read_bytes().count(b"\n") if path.exists() else 0


def wait_for_end(family):
    """Wait until no process of a killed run is left; give how many stay."""
    until = time.monotonic() + ENDING_S
    while (left := [*filter(is_alive, family)]) and time.monotonic() < until:
        time.sleep(0.1)
    return len(left)


def count_submissions(folder):
    """Give how often each student has a row."""
    with contextlib.closing(sqlite3.connect(folder / "gradebook.db")) as database:
        rows = database.execute("select student_id from submitted_assignment")
        return Counter(student for (student,) in rows)


def judge(folder, due, hostile):
    """Give one sentence for each thing that is not as it must be."""
    whole, found_rows = count_submissions(folder), read_scores(folder)
    scores = {(one.student, one.cell): one.points for one in found_rows}
    rows = Counter((one.student, one.cell) for one in found_rows)
    students = {student for student, _ in due}
    faults = [f"{who}: {n} rows" for who, n in whole.items() if n != 1]
    faults += [f"{place}: {n} rows" for place, n in rows.items() if n != 1]
    faults += [f"{student}: lost" for student in students - set(whole)]
    for (student, cell), points in due.items():
        found = scores.get((student, cell))
        if student not in hostile and found != points:
            faults.append(f"{student}, {cell}: {found} instead of {points}")
        if student in hostile and (found or 0.0) > points:
            faults.append(
                f"{student} ({hostile[student]}), {cell}: {found} of {points}"
            )
    for step in ("autograded", "feedback"):
        folders = {path.parent.name for path in folder.glob(f"{step}/*/six")}
        faults += [f"{student}: no {step}" for student in students - folders]
        left = list(folder.glob(f"{step}/*/.grader-*"))
        faults += [f"{path}: left behind" for path in left]
    return faults


def soak(folder, count, kills, seed, workers=2):
    """Do it all; give the faults and a line for each step."""
    rng = random.Random(seed)
    due, hostile = write_class(folder, count, rng)
    run = [
        "grader",
        "autograde",
        "six",
        "--workers",
        str(workers),
        "--log",
        "log.jsonl",
    ]
    kinds = dict(Counter(hostile.values()))
    told = [f"{count} submissions, {len(hostile)} hostile: {kinds}"]
    faults = []
    for number in range(kills):
        done, left = kill_somewhere(folder, run, rng, count // (kills + 1))
        told.append(f"kill {number + 1}: after {done} results")
        if left:
            faults.append(f"kill {number + 1}: {left} processes stayed")
    start = time.monotonic()
    told.append(call(folder, *run, allowed=GRADED).splitlines()[0])
    told.append(f"the last run took {time.monotonic() - start:.0f} s")
    again = call(folder, *run, allowed=GRADED).splitlines()[0]
    if f"0 graded, {count} unchanged" not in again:
        faults.append(f"a further run graded again: {again}")
    return faults + judge(folder, due, hostile), told


def main():
    """Soak in a folder of its own; 1 when anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="soak-") as made:
        values = (options.count, options.kills, options.seed, options.workers)
        faults, told = soak(Path(made).resolve(), *values)
    print("\n".join(told))
    print("\n".join(faults[:20]) or "every honest score right, none lost, none twice")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
