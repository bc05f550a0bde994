"""From a class to a cohort: workers, size, the writer, a cluster, memory.

    python tests/bench/bench_cohort.py [--full] [--students N] [--skip PART ...]

Short by default (24 students, 2 lessons); --full is the class of the goals: 300
students × 8 lessons, 3,000 in one, minutes to an hour. Feedback pages are part of
every run.
"""

import argparse
import contextlib
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from tests.bench.class_of_lessons import EIGHT, hand_in, lay_out  # noqa: E402
from tests.commands import make_environment, time_call  # noqa: E402
from tests.processes import list_family, sum_memory  # noqa: E402

MIN_RATIO, MAX_GROWTH, MAX_WRITER = 1.8, 0.20, 0.05
COHORT, CORES = 50_000, 64  # for the estimate on paper
SAMPLE_S = 0.5
MIN_SIZE = 300  # of the largest class, for its growth to be judged
PARTS = ("workers", "sizes", "dask")


class Memory(threading.Thread):
    """Watches the most memory that the processes of runs hold together, in MiB."""

    def __init__(self):
        super().__init__(daemon=True)
        self.most, self.ends = 0.0, threading.Event()

    def run(self):
        while not self.ends.wait(SAMPLE_S):
            ours = {one for one in list_family(os.getpid()) if one[0] != os.getpid()}
            self.most = max(self.most, sum_memory(ours))


def grade(folder, lesson, *options):
    """Grade all of a lesson anew; give wall and CPU seconds and what was said."""
    for left in ("autograded", "feedback"):
        for path in (folder / left).glob(f"*/{lesson}"):
            shutil.rmtree(path)
    shutil.rmtree(folder / ".grader", ignore_errors=True)
    (folder / "gradebook.db").unlink(missing_ok=True)
    wall, cpu, printed = time_call(
        folder, "grader", "autograde", lesson, "--json", *options
    )
    return wall, cpu, json.loads(printed)


def find_surprises(summary, lesson, wrong):
    """Give wrong answers with all points, and right ones without.

    What stands below a wrong answer may call it, and be wrong or right by that.
    """
    surprises = []
    for line in summary["lines"]:
        mine = wrong.get((lesson, line["student"]), set())
        earlier = False
        for verdict in line["verdicts"]:
            word = verdict["exercise"].removeprefix("test_")
            is_full = verdict["points"] == verdict["max_points"]
            if not earlier and is_full == (word in mine):
                surprises.append((line["student"], word, verdict["status"]))
            earlier = earlier or word in mine
    return surprises


def measure_workers(folder, count, lessons):
    """Grade a class with one worker and with two."""
    wrong = hand_in(folder, lessons, count)
    walls, inside, writing, odd = Counter(), Counter(), 0.0, 0
    watch = Memory()
    watch.start()
    # One after the other for each lesson: a machine's speed changes within minutes.
    for lesson, workers in itertools.product(lessons, (1, 2)):
        options = ("--workers", str(workers))
        wall, cpu, summary = grade(folder, lesson, *options)
        walls[workers] += wall
        inside[workers] += summary["seconds"]
        writing += summary["writing_s"] if workers == 2 else 0.0
        surprises = find_surprises(summary, lesson, wrong)
        odd += len(surprises)
        print(
            f"  {lesson}, {workers} workers: {wall:.1f} s, CPU {cpu / count:.2f} s"
            f" each{f', SURPRISES {surprises[:3]}' if surprises else ''}",
            flush=True,
        )
    watch.ends.set()
    watch.join()
    ratio, share = inside[1] / inside[2], writing / inside[2]
    what = f"{count} × {len(lessons)}"
    is_faster = ratio >= MIN_RATIO
    return [
        tell("scores that surprise", str(odd), "0", not odd),
        tell(f"{what}, 1 worker, s", f"{walls[1]:.0f}", "", True),
        tell(f"{what}, 2 workers, s", f"{walls[2]:.0f}", "", True),
        tell("1 / 2 workers, starts left out", f"{ratio:.2f}", "≥ 1.8", is_faster),
        tell("the same, starts included", f"{walls[1] / walls[2]:.2f}", "", True),
        tell("writer's share, 2 workers", f"{share:.1%}", "≤ 5 %", share <= MAX_WRITER),
        tell("peak memory, 2 workers, MiB", f"{watch.most:.0f}", "", True),
    ]


def measure_sizes(folder, sizes, lesson):
    """Grade classes of growing size; CPU seconds of one submission must stay."""
    each, writers = [], []
    for size in sizes:
        hand_in(folder, [lesson], size)
        _, cpu, summary = grade(folder, lesson, "--workers", "2")
        each.append((cpu, size))
        writers.append(summary["writing_s"] / summary["seconds"])
    # The start is the same for all: one more submission is what can grow.
    slopes = [
        (more - less) / (large - small)
        for (less, small), (more, large) in itertools.pairwise(each)
    ]
    shown = ", ".join(f"{cpu / size:.3f}" for cpu, size in each)
    shares = ", ".join(f"{share:.1%}" for share in writers)
    growth = slopes[-1] / slopes[0] - 1
    # Ten more submissions of which one is slow would be growth: judged when full.
    is_flat = growth <= MAX_GROWTH or sizes[-1] < MIN_SIZE
    met = [
        tell(f"CPU s each at {', '.join(map(str, sizes))}", shown, "", True),
        tell("one more submission, CPU s", f"{slopes[-1]:.3f}", "", True),
        tell("  grows by", f"{growth:+.0%}", "≤ 20 %", is_flat),
        tell("writer's share at these", shares, "≤ 5 %", max(writers) <= MAX_WRITER),
    ]
    tell_cohort(folder, slopes[-1], sizes[-1], lesson)
    return met


def tell_cohort(folder, cpu_s, size, lesson):
    """Say on paper what a cohort needs, from what was measured."""
    steps = ("submitted", "autograded", "feedback")
    files = [p for s in steps for p in folder.glob(f"{s}/*/{lesson}/*") if p.is_file()]
    disk_gb = sum(path.stat().st_size for path in files) / size * COHORT / 1e9
    hours = COHORT * cpu_s / 3600
    print(
        f"On paper, {COHORT:,} submissions of {lesson}: {hours:.1f} CPU hours,"
        f" {hours * 60 / CORES:.0f} min on {CORES} cores, {disk_gb:.1f} GB of files"
    )


@contextlib.contextmanager
def start_cluster(folder):
    """Start a scheduler and two workers of one thread on this machine."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
    scheduler = ("dask", "scheduler", "--host", address, "--no-dashboard")
    worker = ("dask", "worker", address, "--nthreads", "1", "--no-dashboard")
    with contextlib.ExitStack() as stack, open(folder / "dask.log", "w") as log:
        for command in (scheduler, worker, worker):
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=make_environment(),
                stdout=log,
                stderr=log,
            )
            stack.callback(process.wait)
            stack.callback(process.terminate)
        time.sleep(5)
        yield address


def measure_dask(folder, count, lesson):
    """Grade by two Dask workers in processes of their own, and by two local ones."""
    hand_in(folder, [lesson], count)
    local, _, here = grade(folder, lesson, "--workers", "2")
    with start_cluster(folder) as address:
        far, _, there = grade(folder, lesson, "--scheduler", address)
    points = [{li["student"]: li["points"] for li in s["lines"]} for s in (here, there)]
    same = points[0] == points[1]
    return [
        tell(f"{count} by 2 local workers, s", f"{local:.1f}", "", True),
        tell(f"{count} by 2 Dask workers, s", f"{far:.1f}", "", True),
        tell("Dask / local", f"{there['seconds'] / here['seconds']:.2f}", "", True),
        tell("the same points", str(same), "", same),
    ]


def tell(what, value, goal, is_met):
    print(
        f"{what:44} {value:>20}   {goal:8} {'ok' if is_met else 'MISSED'}", flush=True
    )
    return is_met


def main():
    """Measure and hold against the goals; 1 when one is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="the class of the goals")
    parser.add_argument("--students", type=int, help="of the class, instead of 300")
    parser.add_argument("--skip", nargs="*", choices=PARTS, default=[])
    options = parser.parse_args()
    full = options.full
    students = options.students or (300 if full else 24)
    lessons = EIGHT if full else EIGHT[:2]
    load = os.getloadavg()[0]
    print(f"load {load:.1f} on {os.cpu_count()} cores before the start")
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        folder = Path(made).resolve()
        lay_out(folder, lessons)
        plan = {
            "workers": lambda: measure_workers(folder, students, lessons),
            "sizes": lambda: measure_sizes(
                folder, (20, 300, 3000) if full else (10, 20, 60), lessons[1]
            ),
            "dask": lambda: measure_dask(folder, students, lessons[1]),
        }
        met = [
            one
            for part, run in plan.items()
            if part not in options.skip
            for one in run()
        ]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
