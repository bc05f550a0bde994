"""Hostile submissions in a real browser: no script runs, no request leaves."""

import base64
import contextlib
import json
import sqlite3

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from grader.cli import main
from grader.gradebook.course import open_course
from grader.gradebook.master import load_assignment
from grader.grading.record import Recorder
from grader.grading.worker import Job, Setup, Worker
from grader.reading.folder import read_folder
from grader.sandbox.limits import Limits
from grader.submission.assignment import build_notebook
from grader.submission.result import ReportView, Result, Verdict
from tests.scores import read_scores

pytestmark = pytest.mark.browser

NAME = "hostile"
ODD_ID = "<img src=x onerror=window.hacked=1>"  # a folder can be called so
ACT = "window.hacked=1;new Image().src='http://evil.example/seen'"
XMLNS = 'xmlns="http://www.w3.org/2000/svg"'
SVG = f'<svg {XMLNS} onload="{ACT}"><script>{ACT}</script></svg>'
TEXTS = [
    f"<script>{ACT}</script>",
    f'<img src="x" onerror="{ACT}">',
    '<img src="http://evil.example/pixel.png">',
    f"<iframe srcdoc='<script>parent.{ACT}</script>'></iframe>",
    f'<details open ontoggle="{ACT}"><summary>x</summary></details>',
    f'<a href="javascript:{ACT}">click</a>',
    f"[click](javascript:{ACT})",
    f"[ref]: javascript:{ACT}\n\n[ref]",
    "![pixel](http://evil.example/pixel.png)",
    f"$\\href{{javascript:{ACT}}}{{x}}$ $\\text{{<img src=x onerror={ACT}>}}$",
    f"<style>@import 'http://evil.example/x.css';</style>{SVG}",
    f'<form action="http://evil.example"><input autofocus onfocus="{ACT}"></form>',
    f'<object data="data:text/html,<script>{ACT}</script>"></object>',
    '<link rel="stylesheet" href="http://evil.example/x.css"><base href="http://evil.example/">',
    '<meta http-equiv="refresh" content="0;url=http://evil.example">',
]
KINDS = ("text/html", "text/markdown", "text/latex", "text/plain", "image/svg+xml")
WIDGET = "application/vnd.jupyter.widget-view+json"


def make_outputs():
    """Every text as every kind of output, and what only a program can write."""
    outputs = []
    for text in TEXTS:
        data = [{kind: text} for kind in KINDS]
        data.append({"image/png": f'x" onerror="{ACT}'})
        data.append({"application/javascript": ACT, WIDGET: {"model_id": text}})
        for bundle in data:
            shown = {"output_type": "display_data", "data": bundle}
            shown["metadata"] = {"image/png": {"width": f'1" onload="{ACT}'}}
            outputs.append(shown)
        outputs.append({"output_type": "stream", "name": "stdout", "text": text})
        error = {"output_type": "error", "ename": text, "evalue": text}
        outputs.append(error | {"traceback": [f"\x1b[31m{text}\x1b]8;;{text}\x07"]})
    return outputs


class Hostile:
    """An engine whose student's process wrote all this; no wall kept it in."""

    def describe(self):
        return "full"

    def examine(self, submission, setup, seed):
        (notebook,) = submission.notebooks
        outputs = {
            position: make_outputs()
            for position, cell in enumerate(notebook.cells)
            if cell.cell_type == "code"
        }
        said = " ".join(TEXTS)
        report = ReportView(said, False, 0.0, said, said, ("sign",))
        verdict = Verdict("test_f", 1.0, 2.0, "partial", said, (report,))
        verdict = Verdict(**{**vars(verdict), "notebook": notebook.name})
        built = {notebook.name: build_notebook(notebook, outputs)}
        values = (submission.student, submission.assignment, submission.digest)
        return Result(*values, (verdict,), built, tuple(TEXTS), tuple(TEXTS))


def write_cells(answer, why):
    def meta(grade_id, **more):
        flags = {"grade": False, "locked": False, "solution": False, "task": False}
        flags |= {"grade_id": grade_id, "schema_version": 3}
        return {"nbgrader": flags | more}

    grade = {"grade": True, "points": 2}
    cells = [
        new_code_cell(answer, id="f", metadata=meta("f", solution=True)),
        new_code_cell(
            "assert f(1) == 2",
            id="test_f",
            metadata=meta("test_f", locked=True, **grade),
        ),
        new_markdown_cell(why, id="why", metadata=meta("why", solution=True, **grade)),
    ]
    notebook = new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"name": "python3", "language": "python"}
    return notebook


@pytest.fixture(scope="module")
def folder(lab):
    """The course with an assignment that mallory answered, and ada too."""
    master = lab.folder / "solutions" / NAME
    master.mkdir(parents=True)
    solution = (
        "def f(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION"
    )
    nbformat.write(write_cells(solution, "because"), master / "ex.ipynb")
    answers = "\n\n".join(TEXTS)
    hostile = {"mallory": answers, ODD_ID: answers}
    for student, why in (hostile | {"ada": "a reason"}).items():
        path = lab.folder / "submitted" / student / NAME / "ex.ipynb"
        path.parent.mkdir(parents=True)
        code = "def f(x):\n    return 2 * x"
        if student in hostile:
            code += "".join(f"\n# {line}" for line in answers.splitlines())
        notebook = write_cells(code, why)
        picture = base64.b64encode(SVG.encode()).decode()
        notebook.cells.insert(
            0, new_markdown_cell(f"{answers}\n\n![a](attachment:a.svg)")
        )
        notebook.cells[0]["attachments"] = {"a.svg": {"image/svg+xml": picture}}
        nbformat.write(notebook, path)
    for student in ("mallory", ODD_ID):
        record(lab.folder, student)
    rename_students(lab.folder)
    return lab.folder


def rename_students(folder):
    """A roster can hold any names too."""
    database = sqlite3.connect(folder / "gradebook.db")
    with database:
        names = (TEXTS[0], TEXTS[1], f'"{TEXTS[5]}')
        database.execute(
            "update student set first_name = ?, last_name = ?, email = ?", names
        )
    database.close()


def record(folder, student):
    course = open_course(folder)
    assignment = load_assignment(course, NAME)
    worker = Worker(Hostile(), Setup(assignment, Limits()))
    handed_in = read_folder(course.path("submitted", student, NAME))
    with Recorder(course, assignment) as recorder:
        recorder.write([(worker.grade(Job(student, handed_in)), handed_in)])


def find_notebook_id(folder):
    database = sqlite3.connect(folder / "gradebook.db")
    (row,) = database.execute(
        "select part.id from submitted_notebook part join submitted_assignment whole "
        "on whole.id = part.assignment_id where whole.student_id = 'mallory'"
    ).fetchall()
    database.close()
    return row[0]


@pytest.fixture
def watch(page):
    """Collect what the page asks for and says; judge it at the end."""
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: said.append(dialog.message) or dialog.dismiss())

    def judge():
        page.wait_for_timeout(500)
        assert page.evaluate("window.hacked") is None
        assert [url for url in asked if "evil.example" in url] == []
        assert said == []
        links = "a[href^='javascript' i], iframe, object, embed, base, form[action]"
        assert page.locator(links).count() == 0
        assert page.locator("[onerror], [onload], [ontoggle], [onfocus]").count() == 0

    return judge


def test_feedback_runs_nothing(folder, page, watch):
    page.goto((folder / f"feedback/mallory/{NAME}/ex.html").as_uri())
    page.get_by_text("points").first.wait_for()
    watch()


def test_formgrader_runs_nothing_of_a_student(folder, lab, page, watch):
    page.goto(lab.link(f"formgrader/submissions/{find_notebook_id(folder)}/"))
    page.locator(".nbgrader_cell").first.wait_for()
    watch()


@pytest.mark.parametrize(
    "path",
    ["manage_submissions/hostile", "gradebook/hostile/ex", "manage_students"],
)
def test_lists_of_formgrader_run_nothing_of_a_name(folder, lab, page, watch, path):
    page.goto(lab.link("api/status"))
    page.goto(lab.link(f"formgrader/{path}"))
    page.locator("tbody tr").first.wait_for()
    watch()


def test_class_report_runs_nothing_of_a_student(folder, page, watch):
    with contextlib.chdir(folder):
        assert main(["report", NAME]) == 0
    page.goto((folder / f"reports/{NAME}.html").as_uri())
    page.get_by_text("handed in").first.wait_for()
    assert "onerror" in page.locator("main, body").first.inner_text()  # as text
    watch()


@pytest.mark.parametrize("made", ["feedback", "reports"])
def test_pages_of_ours_carry_a_policy(folder, made):
    (path, *_) = sorted((folder / made).rglob("*.html"))
    head = path.read_text().partition("</head>")[0]
    assert "Content-Security-Policy" in head
    assert "default-src 'none'" in head


def test_stored_notebook_holds_only_known_kinds(folder):
    path = folder / f"autograded/mallory/{NAME}/ex.ipynb"
    notebook = json.loads(path.read_text())
    kinds = {
        kind
        for cell in notebook["cells"]
        for output in cell.get("outputs", ())
        for kind in output.get("data", ())
    }
    assert kinds <= {"text/html", "text/markdown", "text/latex", "text/plain"}
    assert set(notebook["metadata"]) == {"grader", "kernelspec", "language_info"}


def test_formgraders_button_uses_the_engine(folder, lab, page):
    page.goto(lab.link("api/status"))  # takes the token and leaves a cookie
    page.goto(lab.link(f"formgrader/manage_submissions/{NAME}"))
    row = page.locator("tbody tr", has_text="ada")
    row.locator("td.autograde a").click()
    page.get_by_text("Successfully autograded").wait_for(timeout=120_000)
    ada = [one for one in read_scores(folder) if one.student == "ada"]
    assert [one.points for one in ada if one.cell == "test_f"] == [2.0]
    assert (folder / f"feedback/ada/{NAME}/ex.html").is_file()
