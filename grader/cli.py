"""The command `grader`: a table of commands; each is imported when it is called."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from grader.errors import GraderError

ERROR = 2  # what argparse gives for a wrong call
STOPPED = 130  # as shells count Ctrl-C

Options = Callable[[argparse.ArgumentParser], None]


def _add_autograde(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("assignment", help="as its folder is named")
    parser.add_argument(
        "--student", default="*", metavar="GLOB", help="only these students"
    )
    parser.add_argument(
        "--force", action="store_true", help="grade unchanged submissions too"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--workers", type=_read_count, metavar="N", help="processes that examine"
    )
    where.add_argument(
        "--scheduler", metavar="ADDRESS", help="of a Dask cluster: tls://host:8786"
    )
    for part in ("ca", "cert", "key"):
        parser.add_argument(
            f"--tls-{part}", default="", metavar="FILE", help=f"the cluster's {part}"
        )
    parser.add_argument(
        "--trust-network",
        action="store_true",
        help="take a cluster without TLS: nobody else must be on the network",
    )
    parser.add_argument(
        "--sandbox",
        choices=("full", "reduced", "none"),
        help="the least that is accepted; none runs strangers' programs unprotected",
    )
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="auto: the CPU, unless a check cell has the tag cuda and there is a card",
    )
    parser.add_argument(
        "--gpu-memory",
        type=_read_count,
        default=2048,
        metavar="MB",
        help="the most that one submission may hold of a card (2048)",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be graded; write nothing"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--log", metavar="FILE", help="add a line for each submission")
    parser.epilog = (
        "exit codes: 0 all graded, 1 some have no mark and wait for staff, "
        "2 the run could not begin or go on"
    )


def _add_complete(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="an .ipynb file")
    parser.epilog = "exit codes: 0 all answered, 1 not yet, 2 no notebook"


def _add_roster(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="a CSV of your own, of Canvas or of Moodle")
    parser.add_argument(
        "--id-column",
        default="",
        metavar="NAME",
        help="the column that becomes the student's id and folder",
    )


def _add_collect(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", help="an archive of Canvas or Moodle, or a folder")
    parser.add_argument("--assignment", required=True, metavar="A")
    parser.add_argument(
        "--which",
        choices=("last", "first"),
        default="last",
        help="of several tries the one that counts (last)",
    )
    parser.add_argument(
        "--worksheet", metavar="FILE", help="Moodle's: whose is what, and when it came"
    )
    parser.add_argument(
        "--times", metavar="FILE", help="a table of student_id and timestamp"
    )
    parser.add_argument(
        "--file-times",
        action="store_true",
        help="take the files' own times as the times of handing in",
    )
    parser.add_argument(
        "--timezone", default="UTC", metavar="ZONE", help="of these times (UTC)"
    )
    parser.add_argument(
        "--add-students",
        action="store_true",
        help="take students whom the gradebook does not know",
    )


def _add_extend(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("assignment")
    parser.add_argument("students", nargs="+", metavar="student")
    parser.add_argument("--days", type=float, default=0.0, metavar="N")
    parser.add_argument("--hours", type=float, default=0.0, metavar="N")


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("assignments", nargs="*", metavar="assignment", help="or all")
    parser.add_argument(
        "--to",
        required=True,
        choices=("canvas", "moodle", "gradescope", "csv", "jsonl"),
    )
    parser.add_argument(
        "--file", metavar="FILE", help="the gradebook or worksheet to fill"
    )
    parser.add_argument(
        "--output", metavar="PATH", help="where to (beside the file, or exports/)"
    )
    parser.add_argument(
        "--column", metavar="TITLE", help="of the file, where the name does not tell"
    )
    parser.add_argument(
        "--scale",
        action="store_true",
        help="make points fit the platform's maximum",
    )
    parser.add_argument(
        "--student", default="*", metavar="GLOB", help="only these students"
    )


def _add_report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("assignment", help="as its folder is named")
    parser.add_argument(
        "--output", metavar="FILE", help="the page (reports/ASSIGNMENT.html)"
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")


def _read_count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        message = f"{text!r} is no whole number above 0"
        raise argparse.ArgumentTypeError(message)
    return int(text)


# name: help, where its function is, its options
COMMANDS: dict[str, tuple[str, str, Options]] = {
    "autograde": (
        "grade an assignment's submissions in a sandbox",
        "grader.cohort.command:run_autograde",
        _add_autograde,
    ),
    "roster": (
        "bring the class list of Canvas, Moodle or a CSV into the gradebook",
        "grader.lms.command:run_roster",
        _add_roster,
    ),
    "collect": (
        "lay an archive or folder of hand-ins into submitted/",
        "grader.lms.command:run_collect",
        _add_collect,
    ),
    "extend": (
        "give students more time for an assignment",
        "grader.lms.command:run_extend",
        _add_extend,
    ),
    "report": (
        "show what the class understood, as a page and in short",
        "grader.classreport.command:run_report",
        _add_report,
    ),
    "export": (
        "write points for Canvas, Moodle, Gradescope or a spreadsheet",
        "grader.exports.command:run_export",
        _add_export,
    ),
    "complete": (
        "say which exercises of a notebook are found and answered; sends nothing",
        "grader.complete.command:run_complete",
        _add_complete,
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; an error that a person can put right is one sentence."""
    options = _make_parser().parse_args(arguments)
    module, _, name = options.run.partition(":")
    try:
        run: Callable[[Any], int] = getattr(import_module(module), name)
        return run(options)
    except GraderError as error:
        print(f"grader: {error}", file=sys.stderr)
        return ERROR
    except OSError as error:  # a file that cannot be read or written
        print(f"grader: {error}", file=sys.stderr)
        return ERROR
    except KeyboardInterrupt:
        print("grader: stopped; call it again to go on", file=sys.stderr)
        return STOPPED


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="grader", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    for name, (text, function, add_options) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=function)
        add_options(command)
    return parser


if __name__ == "__main__":
    sys.exit(main())
