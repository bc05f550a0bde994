"""`make demo`: grade the sample class in build/demo, and print who did what wrong."""

import sys
import time
from pathlib import Path

from grader.errors import GraderError
from tests.demo import course
from tests.demo.sample_class import ASSIGNMENT, CLASS, NOTEBOOK
from tests.demo.table import read_graded, write_table


def run_demo(folder):
    """Take a class through the whole way; skip what stands from the run before."""
    folder.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    course.lay_out(folder)
    _tell(started, "release", "student copies made from the masters")
    new = course.hand_in(folder)
    _tell(started, "hand in", f"{len(CLASS)} students, {len(new)} files new")
    if course.is_graded(folder):
        _tell(started, "grade", "nothing changed: the marks stand")
    else:
        course.grade(folder)
        _tell(started, "grade", "marks, feedback pages and grades.csv written")
    graded = [read_graded(folder, ASSIGNMENT, NOTEBOOK, one.name) for one in CLASS]
    print(f"\n{write_table(graded, course.list_exercises(folder))}\n")
    _tell_where(folder)


def _tell(started, step, text):
    print(f"{time.monotonic() - started:5.1f} s  {step:8} {text}", flush=True)


def _tell_where(folder):
    here = Path.cwd()
    shown = folder.relative_to(here) if folder.is_relative_to(here) else folder
    print("Open in a browser what a student gets back, in a spreadsheet all grades:")
    print(f"  {shown}/feedback/{CLASS[5].name}/{ASSIGNMENT}/{NOTEBOOK}.html")
    print(f"  {shown}/grades.csv")


def main():
    """Run in build/demo; an error of ours is one sentence, exit 1."""
    try:
        run_demo(course.ROOT / "build" / "demo")
    except GraderError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
