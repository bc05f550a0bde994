"""Every command of the instructor's guide, run in its order on a course of its own."""

import contextlib
import io
import re
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

from tests.commands import run
from tests.demo.sample_class import ASSIGNMENT, NOTEBOOK, Student, solve

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "docs" / "instructors.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)
COPIED = ("Makefile", "README.md", "nbgrader_config.py", "pyproject.toml")
FOLDERS = ("docs", "grader")
LESSONS = ("00-tensors-and-checks", ASSIGNMENT)  # all of them take minutes
CLASS = (Student("amina", {"dL_dp": "sign flipped"}), Student("bjarne"))
# Commands in the text that other tests run, as they open a browser or take longer.
ELSEWHERE = {
    "make lab": "tests/browser/conftest.py",
    "make demo": "tests/demo/test_demo.py",
    "make paper": "tests/browser/test_access.py",
    "make release": "tests/release/test_generate.py",
    "make help": "tests/test_readme.py",
    "make clean": "tests/test_readme.py",
    "nbgrader autograde": "tests/test_nbgrader.py",
    "nbgrader generate_feedback": "tests/test_nbgrader.py",
    "git init": "tests/publish/test_tree.py",
}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A checkout without its history, with a class list and a zip of hand-ins."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in COPIED:
        shutil.copy(ROOT / name, folder)
    for name in FOLDERS:
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    for name in LESSONS:
        for top in ("notebooks", "solutions"):
            shutil.copytree(ROOT / top / name, folder / top / name)
    (folder / ".ci").symlink_to(ROOT / ".ci")
    (folder / ".venv").symlink_to(sys.prefix)
    rows = "id,first_name,last_name,email\namina,Amina,Khan,\nbjarne,Bjarne,Berg,\n"
    (folder / "class.csv").write_text(rows)
    write_archive(folder / "hand-ins.zip")
    return folder


def write_archive(path):
    with zipfile.ZipFile(path, "w") as archive:
        for student in CLASS:
            name = f"{student.name}/Copy of {NOTEBOOK}.ipynb"
            archive.writestr(name, solve(student))


def run_line(course, command):
    """Run a line as it stands; the environment and the copies are made already."""
    made = "-o env" if "release" in command else "-o env -o release"
    line = re.sub(r"^make ", f"make {made} ", command)
    return run(course, "sh", "-c", line)


@pytest.mark.process
@pytest.mark.timeout(900)
def test_every_command_of_the_guide_works(course):
    for command in "".join(BLOCKS).splitlines():
        done = run_line(course, command)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    assert (course / "build/student/README.md").read_text().count("your-name/") == 4
    assert (course / "build" / "handout" / f"{ASSIGNMENT}.zip").is_file()
    assert (course / "reports" / f"{ASSIGNMENT}.html").is_file()
    assert list((course / "exports").iterdir())
    assert (course / "notebooks" / "my-lesson" / "my-lesson.ipynb").is_file()
    for student in CLASS:
        page = course / "feedback" / student.name / ASSIGNMENT / f"{NOTEBOOK}.html"
        assert page.is_file()


def test_exercise_of_the_guide_says_what_it_shows():
    programs = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    (program,) = [text for text in programs if "check.gradient" in text]
    (shown,) = re.findall(r"```text\n(.*?)```", GUIDE, re.DOTALL)
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(program, {})
    assert set(shown.splitlines()) <= set(out.getvalue().splitlines())


def test_commands_within_the_text_are_run_too():
    prose = re.sub(r"```.*?```", "", GUIDE, flags=re.DOTALL)
    named = set(re.findall(r"`(?:\.venv/bin/)?((?:make|nbgrader|grader) \w+)", prose))
    run_here = {" ".join(line.split()[:2]) for line in "".join(BLOCKS).splitlines()}
    run_here = {line.removeprefix(".venv/bin/") for line in run_here}
    assert named - run_here <= set(ELSEWHERE)
    assert all((ROOT / place).is_file() for place in ELSEWHERE.values())


def test_guide_is_one_page():
    assert GUIDE.count("\n") < 170
