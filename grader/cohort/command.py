"""The command `grader autograde`: what it says while it runs, and at the end."""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

from grader.reading.folder import list_names

if TYPE_CHECKING:
    from grader.gradebook.course import Course
    from grader.grading.autograde import Line, Progress, Selection, Summary
    from grader.submission.assignment import Assignment

DONE, STAFF = 0, 1  # exit codes; errors that stop a run are 2, as argparse's own
MAX_WORKERS = 8  # by default: one writer keeps about so many busy
MAX_LISTED = 20  # lines of one kind at the end of a run
MAX_NAMED = 5  # students in one of them


def run_autograde(options: Namespace) -> int:
    """Grade an assignment's submissions; give the exit code."""
    with ExitStack() as stack:
        executor = None
        if not options.dry_run:
            executor = stack.enter_context(_start_crew(options))
        # Only now: workers and their zygotes start while nbgrader is imported.
        from grader.gradebook.course import open_course  # noqa: PLC0415
        from grader.gradebook.master import load_assignment  # noqa: PLC0415
        from grader.grading.autograde import Selection, autograde  # noqa: PLC0415

        course = open_course()
        assignment = load_assignment(course, options.assignment)
        selection = Selection(options.student, options.force)
        if executor is None:
            return _run_dry(course, assignment, selection, options)
        log = stack.enter_context(open(options.log, "a")) if options.log else None
        tell = _make_teller(log)
        summary = autograde(course, assignment, executor, selection, tell)
    _erase_progress()
    if options.json:
        print(json.dumps(summary.to_plain(), indent=1, default=str))
    else:
        print("\n".join(map(_printable, _write_summary(summary))))
    return STAFF if summary.for_staff else DONE


def _start_crew(options: Namespace) -> Any:
    from grader.grading.crew import Crew, open_sandbox  # noqa: PLC0415
    from grader.sandbox.limits import Limits  # noqa: PLC0415

    limits = Limits(require=options.sandbox) if options.sandbox else Limits()
    limits = replace(limits, gpu_mb=_choose_gpu_mb(options))
    if options.scheduler:
        from grader.cohort.cluster import Address, Cluster  # noqa: PLC0415

        files = (options.tls_ca, options.tls_cert, options.tls_key)
        where = Address(options.scheduler, *files, options.trust_network)
        return Cluster(limits, open_sandbox, where)
    most = 1 if limits.gpu_mb else MAX_WORKERS  # a card's memory is not divided
    workers = options.workers or min(os.cpu_count() or 1, most)
    return Crew(limits, open_sandbox, workers)


def _choose_gpu_mb(options: Namespace) -> int:
    from grader.cohort.device import asks_for_cuda, choose_gpu_mb  # noqa: PLC0415

    def asks() -> bool:
        from grader.gradebook.course import open_course  # noqa: PLC0415
        from grader.gradebook.master import load_assignment  # noqa: PLC0415

        return asks_for_cuda(load_assignment(open_course(), options.assignment))

    here = not options.scheduler
    return choose_gpu_mb(options.device, options.gpu_memory, asks, here=here)


def _run_dry(
    course: Course, assignment: Assignment, selection: Selection, options: Namespace
) -> int:
    """Say what would be graded, and what intake would repair; write nothing."""
    from grader.grading.autograde import Summary, select_folders  # noqa: PLC0415
    from grader.grading.intake import intake  # noqa: PLC0415
    from grader.grading.record import Recorder  # noqa: PLC0415
    from grader.reading.folder import read_folder  # noqa: PLC0415

    summary = Summary(assignment.name)
    found = {}
    with Recorder(course, assignment) as recorder:
        for student, path in select_folders(recorder, selection, summary):
            folder = read_folder(path, course.directories.ignore)
            found[student] = list(intake(student, folder, assignment).repairs)
    if options.json:
        plain = {"would_grade": found, "unchanged": summary.unchanged}
        print(json.dumps(plain, indent=1))
        return DONE
    print(f"{len(found)} would be graded, {len(summary.unchanged)} are unchanged")
    for student, repairs in found.items():
        for sentence in repairs:
            print(_printable(f"  {student}: {sentence}"))
    return DONE


def _make_teller(log: TextIO | None) -> Callable[[Progress, Line], None]:
    def tell(progress: Progress, line: Line) -> None:
        if log:
            stamp = datetime.now(UTC).isoformat(timespec="seconds")
            print(json.dumps({"time": stamp, **vars(line)}), file=log, flush=True)
        if sys.stderr.isatty():
            text = write_progress(progress)
            print(f"\r{text}\x1b[K", end="", file=sys.stderr, flush=True)

    return tell


def write_progress(progress: Progress) -> str:
    """Say how far a run is, how fast it goes, and how long it will take."""
    rate = progress.done / max(progress.seconds, 1e-9)
    minutes, seconds = divmod(round(progress.left_s), 60)
    left = f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"
    count = f"{progress.done} of {progress.total} graded"
    return f"{count}, {rate:.1f} a second, {left} left"


def _erase_progress() -> None:
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _write_summary(summary: Summary) -> Iterable[str]:
    count = len(summary.lines)
    each = f", {summary.seconds / count:.2f} s each" if count else ""
    yield (
        f"{summary.assignment}: {count} graded, {len(summary.unchanged)} unchanged"
        f" ({summary.seconds:.1f} s{each})"
    )
    if summary.sandbox and not summary.sandbox.startswith("full"):
        yield f"The sandbox is reduced here: {summary.sandbox}"
    repairs = [(li.student, text) for li in summary.lines for text in li.repairs]
    yield from _list("Repaired, or zero with a reason:", repairs)
    waiting = {line.student for line in summary.for_staff}
    told = [(line.student, text) for line in summary.lines for text in line.staff]
    staff = [(student, text) for student, text in told if student in waiting]
    yield from _list("No mark; please look:", staff)
    seen = [(student, text) for student, text in told if student not in waiting]
    yield from _list("Marked, with something to look at:", seen)
    changes = [
        (
            change.student,
            f"{change.cell} {_show(change.before)} → {_show(change.after)}",
        )
        for change in summary.changes
        if change.before is not None
    ]
    yield from _list("Points changed:", changes)
    yield from summary.notes


def _list(title: str, pairs: list[tuple[str, str]]) -> Iterable[str]:
    """Give one line for each sentence, with all whom it concerns."""
    students: dict[str, list[str]] = {}
    for student, text in pairs:
        students.setdefault(text, []).append(student)
    if pairs:
        yield title
    for text, named in list(students.items())[:MAX_LISTED]:
        who = f" ({len(named)} of them)" if len(named) > MAX_NAMED else ""
        yield f"  {list_names(named, MAX_NAMED)}{who}: {text}"
    if len(students) > MAX_LISTED:
        yield f"  … and {len(students) - MAX_LISTED} more (--json tells all)"


def _show(score: float | None) -> str:
    return "no mark" if score is None else f"{score:g}"


def _printable(text: str) -> str:
    """Show a stranger's names without what a terminal would act on."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
