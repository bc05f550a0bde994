"""Runs the programs of this environment as a person in a course folder does."""

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

BIN = Path(sys.executable).parent


def make_environment():
    """Give our environment with the programs beside this Python found by name."""
    return {**os.environ, "PATH": os.pathsep.join([str(BIN), os.environ["PATH"]])}


def run(folder, *command):
    """Run a program to its end; give its code and what it said."""
    return subprocess.run(
        command,
        cwd=folder,
        env=make_environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def call(folder, *command, allowed=(0,)):
    """Run a program that must not fail; give what it printed."""
    done = run(folder, *command)
    if done.returncode not in allowed:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    return done.stdout


def time_call(folder, *command):
    """Call it; give wall and CPU seconds, its children's included, and its output."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    printed = call(folder, *command)
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, printed
