"""`make test-cuda`: all that needs a card, and what it saw."""

import platform
import subprocess
import sys
import time

import torch

from grader.accelerators.devices import Devices, use_devices
from tests.cuda.test_lessons import NAMES, Lesson


def main():
    card = torch.cuda.is_available()
    name = torch.cuda.get_device_name() if card else "no CUDA device here"
    print(
        f"{name} · torch {torch.__version__} · CUDA {torch.version.cuda}"
        f" · Python {platform.python_version()}"
    )
    if card:
        compare_lessons()
    tests = [sys.executable, "-m", "pytest", "-q", "-m", "cuda", "-rs", "tests"]
    return subprocess.run(tests, check=False).returncode


def compare_lessons():
    """Print each lesson's points and seconds on both devices."""
    print(f"{'lesson':26} {'cpu':>6} {'cuda':>6} {'cpu s':>7} {'cuda s':>7}")
    for name in NAMES:
        found = [earn(name, allowed) for allowed in ("cpu", "auto")]
        (cpu, cpu_s), (cuda, cuda_s) = found
        print(
            f"{name.partition('/')[0]:26} {cpu:6g} {cuda:6g} {cpu_s:7.2f} {cuda_s:7.2f}"
        )


def earn(name, allowed):
    start = time.perf_counter()
    with use_devices(Devices(allowed)):
        points, _ = Lesson(name).earn()
    return sum(points.values()), time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
