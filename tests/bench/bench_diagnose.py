"""What a check costs in a student's kernel: right answers, wrong ones, the import.

Times are this process's own (CPU), so that neighbours on the machine do not count.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial

import torch

from grader import check
from grader.check.report import SHOW
from grader.diagnose import Trial, name_mistake
from grader.diagnose.tape import record_tape
from grader.diagnose.tape.source import SiteFinder
from tests.diagnose.bank.__main__ import BANKS
from tests.diagnose.bank.exercise import Dice
from tests.diagnose.bank.measure import make_trials

LESSON_SIZED = 15  # operations as the reference writes them
LAYERS = 11
WIDTH = 28  # with a batch of 12: about 10,000 entries of parameters
REPEATS = 20
IMPORTS = 7

# The targets, in milliseconds (of the import: a share).
RIGHT_MS, MEDIAN_MS, P95_MS, EXPLAINED_MS, SILENT_MS = 10, 25, 100, 500, 1000
IMPORT_SHARE = 0.10


def tell(label, value, target, unit="ms"):
    """Print one figure beside its target; tell whether it is met."""
    met = value <= target
    sign = "" if met else "   MISSED"
    print(f"{label:52} {value:8.1f} {unit}  (at most {target:g}){sign}")
    return met


def spend(work):
    """Give the CPU time of one call, in milliseconds."""
    started = time.process_time()
    work()
    return 1000 * (time.process_time() - started)


def count_calls(exercise):
    """Count the operations that a reference writes."""
    tape = record_tape(exercise.of, exercise.draw(Dice(0)), SiteFinder())
    written = [step for step in tape.steps if not step.part]
    wide = [step for step in written if step.operation == "broadcast"]
    outer = {(step.site.place, step.operation) for step in tape.fused if not step.part}
    return len(written) - len(wide) + len(outer)


def deep_network(x, y, **weights):
    """Layers of four operations: 44 of them, and a loss."""
    for layer in range(len(weights) // 2):
        z = x @ weights[f"W{layer}"] + weights[f"b{layer}"]
        x = torch.tanh(z) * 1.1
    return ((x - y) ** 2).mean()


def draw_network(dice, rows, layers=LAYERS, width=WIDTH):
    """Draw about 10,000 entries."""
    names = {f"W{layer}": dice.normal(width, width) / 5 for layer in range(layers)}
    names |= {f"b{layer}": dice.normal(width) for layer in range(layers)}
    return {"x": dice.normal(rows, width), "y": dice.normal(rows, width), **names}


def differentiate_network(inputs, slope=lambda h, layer: 1 - h**2):
    """Answer for the first layer by hand, with `slope` for the slope of tanh."""
    layers = (len(inputs) - 2) // 2
    xs = [inputs["x"]]
    for layer in range(layers):
        z = xs[-1] @ inputs[f"W{layer}"] + inputs[f"b{layer}"]
        xs.append(torch.tanh(z) * 1.1)
    g = 2 * (xs[-1] - inputs["y"]) / inputs["y"].numel()
    for layer in reversed(range(layers)):
        g = 1.1 * g * slope(xs[layer + 1] / 1.1, layer)
        dW = xs[layer].T @ g
        g = g @ inputs[f"W{layer}"].T
    return dW


def measure_right():
    """Confirm a right answer on a graph of 40 operations, above the student's time."""

    def draw(generator):
        return draw_network(Dice(generator.initial_seed() % 1000), 7, layers=9, width=5)

    def student(**inputs):
        return differentiate_network(inputs)

    def run():
        return check.gradient(student, of=deep_network, wrt="W0", draw=draw)

    shown = SHOW.set(lambda report: None)
    assert run().passed
    whole = statistics.median(spend(run) for _ in range(REPEATS))
    SHOW.reset(shown)
    inputs = draw(torch.Generator().manual_seed(0))
    own = statistics.median(spend(lambda: student(**inputs)) for _ in range(REPEATS))
    drawing = statistics.median(
        spend(lambda: draw(torch.Generator())) for _ in range(REPEATS)
    )
    return tell("right answer, 40 operations", whole - 3 * (own + drawing), RIGHT_MS)


def measure_lessons():
    """Name the bank's mistakes in lesson-sized functions."""
    chosen = [e for bank in BANKS.values() for e in bank]
    small = [e for e in chosen if count_calls(e) <= LESSON_SIZED]
    times = {"wrong": [], "unexplained": []}
    for exercise in small:
        for group, spent in times.items():
            for planted in getattr(exercise, group):
                trials = make_trials(exercise, planted.wrt, planted.answer)
                job = partial(name_mistake, exercise.of, trials, (planted.wrt,))
                spent.append(spend(job))
    every = sorted(times["wrong"] + times["unexplained"])
    silent = statistics.median(times["unexplained"])
    name = f"{len(every)} wrong answers, up to {LESSON_SIZED} operations"
    print(
        f"(of these {len(times['unexplained'])} not explained: median {silent:.1f} ms)"
    )
    met = tell(f"{name}: median", statistics.median(every), MEDIAN_MS)
    return tell(f"{name}: p95", every[int(0.95 * (len(every) - 1))], P95_MS) and met


def measure_network():
    """Name mistakes in 44 operations with 10,000 entries."""
    slopes = {
        "one tanh left out": (lambda h, k: 1 if k == 4 else 1 - h**2, EXPLAINED_MS),
        "every tanh left out": (lambda h, k: 1, EXPLAINED_MS),
        "not explained": (lambda h, k: 0.9 - h**2, SILENT_MS),
    }
    met = True
    for label, (slope, target) in slopes.items():
        draws = [draw_network(Dice(i), n) for i, n in enumerate((11, 13, 17, 19, 23))]
        trials = [Trial(d, {"W0": differentiate_network(d, slope)}) for d in draws]
        job = partial(name_mistake, deep_network, trials, ("W0",))
        spent, found = spend(job), job()["W0"]
        assert bool(found) is (target == EXPLAINED_MS), found
        met &= tell(f"44 operations, 10,000 entries, {label}", spent, target)
    return met


def measure_import():
    """Import grader after torch."""
    code = (
        "from time import process_time as now; start = now(); import torch;"
        "middle = now(); import grader, grader.check, grader.show;"
        "print(middle - start, now() - middle)"
    )
    shares = []
    with tempfile.TemporaryDirectory() as cache:  # an installed package is compiled
        written = {"PYTHONPYCACHEPREFIX": cache, "PYTHONDONTWRITEBYTECODE": ""}
        for _ in range(IMPORTS + 1):
            done = subprocess.run(
                [sys.executable, "-c", code],
                capture_output=True,
                text=True,
                check=True,
                env=os.environ | written,
            )
            torch_s, grader_s = map(float, done.stdout.split())
            shares.append(100 * grader_s / torch_s)
    share = statistics.median(shares[1:])
    return tell("import grader, beside import torch", share, 100 * IMPORT_SHARE, "%")


def main():
    """Print the figures; fail where a target is missed."""
    torch.set_num_threads(1)
    parts = (measure_right, measure_lessons, measure_network, measure_import)
    met = [part() for part in parts]
    return int(not all(met))


if __name__ == "__main__":
    sys.exit(main())
