"""Same points as stock nbgrader? Every lesson, the sample class, nbgrader's example.

    python tests/bench/fidelity.py [--only quickstart|odd|samples|LESSON] [--keep DIR]

Each assignment is graded twice in folders of its own: by stock `nbgrader autograde`
and by `grader autograde`. Prints a line for each submission and a reason for each
difference; exits with 1 when a difference has none. Takes minutes: stock starts a
kernel for each notebook.
"""

import argparse
import copy
import json
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from tests.commands import call, run  # noqa: E402
from tests.demo import course as demo  # noqa: E402  the sample class
from tests.demo.sample_class import ASSIGNMENT, CLASS  # noqa: E402
from tests.factory import make_cell, write_master  # noqa: E402
from tests.scores import read_scores  # noqa: E402

ODD_TESTS = {  # what stock gives points for, or takes them away for, without reason
    "text": "'all good'",
    "nan": "float('nan')",
    "negative": "-1.0",
    "warns": "import warnings; warnings.warn('careful'); assert answer() == 1",
    "stderr": "import sys; print('12%', file=sys.stderr); assert answer() == 1",
}


@dataclass
class Course:
    """An assignment in two folders, one for stock and one for the engine."""

    name: str
    assignment: str
    folder: Path
    students: list = field(default_factory=list)

    def path(self, who):
        return self.folder / who


def lay_out_quickstart(folder):
    """nbgrader's own example course."""
    folder.mkdir(parents=True)
    call(folder, "nbgrader", "quickstart", "stock")
    return Course("quickstart", "ps1", folder)


def lay_out_lesson(folder, assignment):
    """A lesson of this project, with its own configuration but nbgrader's grading."""
    stock = folder / "stock"
    source = stock / "solutions" / assignment
    shutil.copytree(ROOT / "solutions" / assignment, source)
    text = (ROOT / "nbgrader_config.py").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if "use_engine" not in line]
    text = "\n".join(lines).replace("Path(__file__).parent", f"Path({str(ROOT)!r})")
    (stock / "nbgrader_config.py").write_text(text, encoding="utf-8")
    return Course(assignment, assignment, folder)


def lay_out_odd(folder):
    """Tests that end in text, NaN, a warning: stock's points for them are wrong."""
    stock = folder / "stock"
    solution = "### BEGIN SOLUTION\ndef answer():\n    return 1\n### END SOLUTION"
    tests = [
        make_cell("check", f"test_{name}", text, points=1)
        for name, text in ODD_TESTS.items()
    ]
    cells = [make_cell("answer", "answer", solution), *tests]
    write_master(stock / "source" / "odd" / "odd.ipynb", cells)
    (stock / "nbgrader_config.py").write_text("c = get_config()\n")
    return Course("odd", "odd", folder)


def hand_in(course):
    """Hand the release in unsolved, half solved and solved."""
    stock = course.path("stock")
    call(stock, "nbgrader", "generate_assignment", course.assignment, "--force")
    release = next(stock.glob(f"[nr]*/{course.assignment}"))  # notebooks or release
    masters = next(stock.glob(f"so*/{course.assignment}"))  # solutions or source
    for student, keep in (("solved", 1), ("half", 2), ("unsolved", 0)):
        for path in sorted(release.glob("*.ipynb")):
            notebook = json.loads(path.read_text(encoding="utf-8"))
            master = json.loads((masters / path.name).read_text(encoding="utf-8"))
            target = stock / "submitted" / student / course.assignment / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            solve(notebook, master, keep)
            target.write_text(json.dumps(notebook), encoding="utf-8")
        course.students.append(student)


def solve(notebook, master, keep):
    """Fill in every `keep`-th answer; 0 is none."""
    answers = {
        cell["metadata"]["nbgrader"]["grade_id"]: cell["source"]
        for cell in master["cells"]
        if cell["metadata"].get("nbgrader", {}).get("solution")
    }
    count = 0
    for cell in notebook["cells"]:
        grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id")
        if grade_id in answers:
            count += 1
            if keep and count % keep == 0:
                cell["source"] = copy.deepcopy(answers[grade_id])


def hand_in_samples(course):
    """The class of `make demo`, with its mistakes, editors and accidents."""
    stock = course.path("stock")
    call(stock, "nbgrader", "generate_assignment", ASSIGNMENT, "--force")
    demo.hand_in(stock)
    course.students += [student.name for student in CLASS]


def grade_twice(course):
    """Let both grade the same files; give the points by place, and the seconds."""
    stock, ours = course.path("stock"), course.path("ours")
    shutil.copytree(stock, ours)
    points, seconds = [], []
    for folder, program in ((stock, "nbgrader"), (ours, "grader")):
        start = time.monotonic()
        run(folder, program, "autograde", course.assignment)
        seconds.append(time.monotonic() - start)
        points.append(read_points(folder, course.assignment))
    return points, seconds


def read_points(folder, assignment):
    return {
        (one.student, one.notebook, one.cell): one.points
        for one in read_scores(folder)
        if one.assignment == assignment
    }


def explain(course, place, stock, ours):
    """Say why stock is wrong; nothing when it is not known to be."""
    student, notebook, cell = place
    done = course.path("stock") / "autograded" / student / course.assignment
    path = done / f"{notebook}.ipynb"
    if not path.is_file():
        return "stock gave up this submission (a broken or renamed file)"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    found = [
        c for c in cells if c["metadata"].get("nbgrader", {}).get("grade_id") == cell
    ]
    if not found:
        return "stock did not find this cell: its metadata was lost"
    outputs = found[0].get("outputs", [])
    if any(output.get("name") == "stderr" for output in outputs) and stock == 0:
        return "stock gives zero for text on stderr (a warning, a progress bar)"
    values = [o["data"] for o in outputs if o["output_type"] == "execute_result"]
    if values and not is_number(values[0].get("text/plain", "")) and ours == 0:
        return "stock gives full points for a last line that is no number from 0 on"
    return ""


def is_number(text):
    try:
        return float("".join(text)) >= 0
    except ValueError:
        return False


def compare(course):
    """Print a line for each submission; give how many differences have no reason."""
    (stock, ours), seconds = grade_twice(course)
    unexplained = 0
    for student in course.students:
        places = sorted(place for place in stock | ours if place[0] == student)
        wrong = [p for p in places if not is_same(stock.get(p), ours.get(p))]
        total = sum(ours.get(place) or 0 for place in places)
        print(
            f"{course.name:24} {student:10} {total:6g} points  "
            f"{len(places) - len(wrong):3} equal  {len(wrong):3} different"
        )
        reasons = {}
        for place in wrong:
            values = stock.get(place), ours.get(place)
            reason = explain(course, place, *values)
            unexplained += not reason
            shown = f"{place[2]} {values[0]} → {values[1]}"
            reasons.setdefault(reason or "NO REASON KNOWN", []).append(shown)
        for reason, cells in reasons.items():
            print(f"{'':26}{reason}:\n{'':28}{', '.join(cells)}")
    print(f"{'':24} stock {seconds[0]:.0f} s, engine {seconds[1]:.0f} s\n", flush=True)
    return unexplained


def is_same(one, other):
    if one is None or other is None:
        return one is other
    return abs(one - other) < 0.011  # a check rounds its points to two decimals


def list_courses(folder, only):
    """Lay out what was asked for, one after the other."""
    lessons = sorted(path.name for path in (ROOT / "solutions").iterdir())
    for name in ["quickstart", "odd", *lessons, "samples"]:
        if only and name not in only:
            continue
        place = folder / name
        if name == "samples":
            course = lay_out_lesson(place, ASSIGNMENT)
            course.name = "samples"
            hand_in_samples(course)
        else:
            make = {"quickstart": lay_out_quickstart, "odd": lay_out_odd}
            course = make[name](place) if name in make else lay_out_lesson(place, name)
            hand_in(course)
        yield course


def main():
    """Compare; 1 when a difference has no reason."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", help="one or several of them")
    parser.add_argument("--keep", type=Path, help="a new folder to work in and keep")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fidelity-") as made:
        folder = options.keep or Path(made)
        unexplained = sum(map(compare, list_courses(folder, options.only)))
    print(f"{unexplained} differences without a reason")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
