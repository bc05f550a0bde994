"""Opens a master as its cells, and marks an answer with the lesson's own check cell."""

from __future__ import annotations

import ast
import io
import json
import linecache
import re
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import pytest

from grader.check.draws import SEED
from grader.check.report import SHOW, Report
from grader.release.stubs import write_stub

matplotlib.use("Agg")

SOLUTIONS = Path(__file__).parents[2] / "solutions"
REGION = re.compile(
    r"( *)### BEGIN SOLUTION (.*?)\n.*?### END SOLUTION", flags=re.DOTALL
)


@dataclass(frozen=True)
class Mark:
    """What a check cell gave: its last value, and the reports that it showed."""

    points: object
    reports: tuple[Report, ...]

    @property
    def kinds(self) -> set[str]:
        """The named mistakes, alternatives left out."""
        return {d.kind for report in self.reports for d in report.diagnoses}

    @property
    def statuses(self) -> set[str]:
        return {report.status for report in self.reports}


class Lesson:
    """The code cells of one master, and its check cells tried on other answers."""

    def __init__(self, name: str) -> None:
        text = (SOLUTIONS / f"{name}.ipynb").read_text(encoding="utf-8")
        self.cells = json.loads(text)["cells"]

    @property
    def max_points(self) -> dict[str, float]:
        """Points of each exercise, as nbgrader is told."""
        graded = [cell for cell in self.cells if _role(cell).get("grade")]
        return {c["id"].removeprefix("test_"): _role(c)["points"] for c in graded}

    def mark(
        self, exercise: str, answer: str | None = None, seed: bytes = b"lesson"
    ) -> Mark:
        """Run one check on `answer`, or the master's own; other answers are right."""
        return self._check(exercise, [answer] if answer else [], seed)

    def answer(self, exercise: str) -> str:
        """The master's own answer cell."""
        return next(_source(c) for c in self.cells if c["id"] == exercise)

    def mark_stub(self, exercise: str) -> Mark:
        """Run one check on what stands in the student copy; nothing else is solved."""
        stubs = [_clear(_source(c)) for c in self.cells if _role(c).get("solution")]
        return self._check(exercise, stubs, b"lesson")

    def _check(self, exercise: str, answers: list[str], seed: bytes) -> Mark:
        """Run what stands above a check (given and answer cells), then the check."""
        names: dict = {}
        for cell in self.cells:
            role = _role(cell)
            if cell["id"] == f"test_{exercise}":
                for answer in answers:
                    _run_cell(answer, names)
                return _run_check(_source(cell), names, seed)
            if role and not role["grade"]:
                _run_cell(_source(cell), names)
        raise KeyError(exercise)

    def run(self, *, solved: bool = True) -> tuple[dict, str]:
        """Run all code cells in order; returns the namespace and what was printed."""
        names, printed = {"__name__": "__main__"}, io.StringIO()
        code = [_source(c) for c in self.cells if c["cell_type"] == "code"]
        with redirect_stdout(printed):
            for source in code:
                value = _run_cell(source if solved else _clear(source), names)
                print("" if value is None else value)
        return names, printed.getvalue()

    def earn(self, without: str = "") -> tuple[dict[str, object], dict]:
        """Run all code cells in order; returns each check's points, and the names.

        without: a word; cells that hold it are left out.
        """
        names, earned = {"__name__": "__main__", "display": lambda *shown: None}, {}
        for cell in self.cells:
            left_out = without and without in _source(cell)
            if cell["cell_type"] == "code" and not left_out:
                with redirect_stdout(io.StringIO()):
                    value = _run_cell(_source(cell), names)
                if _role(cell).get("grade"):
                    earned[cell["id"].removeprefix("test_")] = value
        return earned, names


def _source(cell: dict) -> str:
    return "".join(cell["source"])


def _role(cell: dict) -> dict:
    return cell["metadata"].get("nbgrader", {})


def _clear(source: str) -> str:
    return REGION.sub(lambda region: region[1] + write_stub(region[2]), source)


def _run_cell(source: str, names: dict) -> object:
    """Run a cell as a notebook does; returns the value of its last expression.

    Its text is registered, as a notebook does: diagnoses quote the formula's line.
    """
    file = f"<cell {hash(source)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(True), file)
    body = ast.parse(source).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), file, "exec"), names)
    if last is None:
        return None
    return eval(compile(ast.Expression(last.value), file, "eval"), names)


def _run_check(source: str, names: dict, seed: bytes) -> Mark:
    """Run a check cell; the same seed gives the same draws."""
    reports: list[Report] = []
    seeded, shown = SEED.set(seed), SHOW.set(reports.append)
    try:
        points = _run_cell(source, names)
    finally:
        SHOW.reset(shown)
        SEED.reset(seeded)
    return Mark(points, tuple(reports))


@pytest.fixture(scope="session")
def open_lesson():
    """Open a master by its name, `05-one-neuron/one-neuron`."""
    return Lesson
