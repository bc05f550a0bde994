"""`python -m grader.publish`: tree, handout, paper or lesson; what `make` calls."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from grader.errors import GraderError
from grader.publish.handout import pack_handout
from grader.publish.paper import write_paper
from grader.publish.start import start_lesson
from grader.publish.tree import build_tree, refuse_leaks
from grader.release.badge import read_repository

TREE, ZIPS = Path("build/student"), Path("build/handout")
PAPER = Path("build/paper")


def publish(root: Path, assignment: str) -> str:
    """Make the student tree."""
    files = build_tree(root, root / TREE)
    here = read_repository(root)
    return (
        f"wrote {TREE}: {len(files)} files, nothing of solutions/ in them\n"
        f"push it to https://github.com/{here.name}, branch {here.branch}: "
        "there the badges lead"
    )


def hand_out(root: Path, assignment: str) -> str:
    """Make the zips, from a fresh tree."""
    build_tree(root, root / TREE)
    made = pack_handout(root, root / TREE, root / ZIPS)
    refuse_leaks(root, root / ZIPS)
    return f"wrote {ZIPS}: {', '.join(path.name for path in made)}"


def print_out(root: Path, assignment: str) -> str:
    """Write pages for paper, of one lesson or of all."""
    copies = sorted(root.glob(f"notebooks/{assignment or '*'}/*.ipynb"))
    if not copies:
        raise GraderError(f"no lesson {assignment!r} in notebooks/")
    pages = [write_paper(copy, root / PAPER).name for copy in copies]
    return f"wrote {PAPER}: {', '.join(pages)}; open one in a browser and print it"


def start(root: Path, assignment: str) -> str:
    """Begin a lesson."""
    path = start_lesson(root, assignment).relative_to(root)
    return f"wrote {path}: change it, then run make tidy release"


COMMANDS = {"tree": publish, "handout": hand_out, "paper": print_out, "lesson": start}


def main() -> int:
    """Run one command in the current folder; errors of ours are told, exit 1."""
    parser = argparse.ArgumentParser(prog="python -m grader.publish")
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("assignment", nargs="?", default="", help="of paper and lesson")
    options = parser.parse_args()
    try:
        print(COMMANDS[options.command](Path.cwd(), options.assignment))
    except GraderError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
