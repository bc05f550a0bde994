"""What a submission costs: this engine and stock nbgrader on the same class.

    python tests/bench/bench_engine.py [--small 20] [--large 120] [--many 1000]
                                       [--stock 4 12] [--rounds 1]

Six exercises, 30 % of the answers wrong, one worker, everything on: sandbox, tests
outside, diagnosis, sanitised outputs, feedback pages, the gradebook. The marginal cost
is what the class's growth from small to large adds, divided by the growth; stock is
measured on a smaller growth, because each of its submissions takes seconds.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from tests.bench.class_of_six import SETUP, hand_in, write_master  # noqa: E402
from tests.commands import call, time_call  # noqa: E402
from tests.scores import read_scores  # noqa: E402

MAX_S, MIN_RATIO, MAX_START_S, MAX_PAGE_S = 0.10, 30, 5.0, 0.08
MAX_GROWTH, MAX_PRIVATE_MB = 0.20, 50
MAX_LOAD = 1.0


def grade(folder, count, *command):
    """Grade a fresh class of that size; give seconds, the output, and wrong points."""
    due = hand_in(folder, count)
    for left in ("autograded", "feedback", ".grader"):
        shutil.rmtree(folder / left, ignore_errors=True)
    call(folder, "nbgrader", "generate_assignment", "six", "--force")
    wall, cpu, output = time_call(folder, *command)
    found = {(one.student, one.cell): one.points for one in read_scores(folder)}
    (folder / "gradebook.db").unlink()
    surprises = [place for place in due if found.get(place) != due[place]]
    return wall, cpu, output, surprises


def measure_marginal(folder, sizes, *command):
    """Give wall and CPU seconds of one more submission; say what surprised."""
    small, large = (grade(folder, size, *command) for size in sizes)
    growth = sizes[1] - sizes[0]
    for _, _, _, surprises in (small, large):
        if surprises:
            print(f"  WRONG POINTS: {surprises[:5]} of {len(surprises)}")
    return (large[0] - small[0]) / growth, (large[1] - small[1]) / growth, small, large


def measure_parts(folder, count=20):
    """Time the parts of a worker, and a student's private memory, in this process."""
    from grader.gradebook.course import open_course  # noqa: PLC0415
    from grader.gradebook.marks import Marks  # noqa: PLC0415
    from grader.gradebook.master import load_assignment  # noqa: PLC0415
    from grader.grading.crew import open_sandbox  # noqa: PLC0415
    from grader.grading.feedback import PageMaker  # noqa: PLC0415
    from grader.grading.intake import intake  # noqa: PLC0415
    from grader.grading.worker import (  # noqa: PLC0415
        Setup,
        finish,
        make_seed,
    )
    from grader.reading.folder import read_folder  # noqa: PLC0415
    from grader.sandbox.limits import Limits  # noqa: PLC0415

    hand_in(folder, count)
    course = open_course(folder)
    assignment = load_assignment(course, "six")
    setup = Setup(assignment, Limits())
    maker = PageMaker()
    parts = {"read and intake": [], "examine": [], "clean, pages": []}
    with open_sandbox(Limits()) as engine:
        for student, path in course.list_submissions("six").items():
            marks = [time.perf_counter()]
            submission = intake(student, read_folder(path), assignment)
            marks.append(time.perf_counter())
            seed = make_seed(course.secret, "six", submission.digest)
            result = engine.examine(submission, setup, seed)
            marks.append(time.perf_counter())
            finish(result, submission, Marks(), setup, maker)
            marks.append(time.perf_counter())
            for name, start, end in zip(parts, marks, marks[1:], strict=False):
                parts[name].append(end - start)
    return {name: statistics.median(seconds[1:]) for name, seconds in parts.items()}


def measure_memory():
    """Give the private MiB of a student after a set-up cell and a gradient."""
    from grader.sandbox.launcher import Zygote  # noqa: PLC0415
    from grader.sandbox.limits import Limits  # noqa: PLC0415

    step = "x = torch.randn(5, requires_grad=True)\n(x ** 2).sum().backward()"
    with Zygote.start(Limits()) as zygote, zygote.fork() as student:
        for index, source in enumerate((SETUP, step)):
            message = {"op": "run_cell", "source": source, "name": "c", "index": index}
            student.request(message, timeout_s=60)
        rollup = Path(f"/proc/{student.pid}/smaps_rollup").read_text().splitlines()
    sizes = [int(line.split()[1]) for line in rollup if line.startswith("Private")]
    return sum(sizes) / 1024


def tell(what, value, goal, is_met):
    print(f"{what:44} {value:>12}   {goal:16} {'ok' if is_met else 'MISSED'}")
    return is_met


def main():
    """Measure and hold against the goals; 1 when one is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", type=int, default=20)
    parser.add_argument("--large", type=int, default=120)
    parser.add_argument("--many", type=int, default=0, help="also this size")
    parser.add_argument("--stock", type=int, nargs=2, default=(4, 12))
    options = parser.parse_args()
    ours = ("grader", "autograde", "six", "--workers", "1", "--json")
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        folder = Path(made)
        write_master(folder)
        call(folder, "nbgrader", "generate_assignment", "six")
        parts = measure_parts(folder)
        sizes = (options.small, options.large)
        wall, cpu, small, large = measure_marginal(folder, sizes, *ours)
        stock = ("nbgrader", "autograde", "six")
        stock_wall, stock_cpu, *_ = measure_marginal(folder, options.stock, *stock)
        many = grade(folder, options.many, *ours) if options.many else None
    start_s = small[0] - json.loads(small[2])["seconds"]
    busy = os.getloadavg()[1] > 1.5 * MAX_LOAD  # one worker, and its student in turn
    if busy:
        print("other programs run here: wall seconds are told, CPU seconds are judged")
    met = [
        tell(
            "engine, one more submission, wall s",
            f"{wall:.3f}",
            "≤ 0.10",
            busy or wall <= MAX_S,
        ),
        tell(
            "one more submission, CPU s",
            f"{cpu:.3f}",
            "≤ 0.10" if busy else "",  # of all processes: two take turns
            not busy or cpu <= MAX_S,
        ),
        tell("one more by stock nbgrader, wall s", f"{stock_wall:.2f}", "", True),
        tell("one more by stock nbgrader, CPU s", f"{stock_cpu:.2f}", "", True),
    ]
    ratio = stock_cpu / cpu if busy else stock_wall / wall
    what = f"stock / engine, {'CPU' if busy else 'wall'}"
    met.append(tell(what, f"{ratio:.0f}", "≥ 30", ratio >= MIN_RATIO))
    for name, seconds in parts.items():
        goal, ok = ("≤ 0.08", seconds <= MAX_PAGE_S) if "pages" in name else ("", True)
        met.append(tell(f"  of it: {name}, s", f"{seconds:.4f}", goal, ok))
    memory = measure_memory()
    ok = memory <= MAX_PRIVATE_MB
    met.append(tell("a student's private memory, MiB", f"{memory:.0f}", "≤ 50", ok))
    ok = start_s <= MAX_START_S
    ok = ok or busy
    met.append(tell("before and after the submissions, s", f"{start_s:.1f}", "≤ 5", ok))
    if many:
        each = [large[1] / options.large, many[1] / options.many]
        growth = (many[1] - large[1]) / (options.many - options.large) / cpu - 1
        what = f"CPU s each at {options.large} and {options.many}"
        text = f"{each[0]:.3f}, {each[1]:.3f}"
        met.append(tell(what, text, "growth ≤ 20 %", growth <= MAX_GROWTH))
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
