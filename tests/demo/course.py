"""The demo's own course folder: laid out, handed in, graded once."""

import hashlib
import json
import shutil
import subprocess

from grader.errors import GraderError
from grader.release.generate import generate, load_config
from tests.commands import make_environment
from tests.demo.sample_class import (
    ASSIGNMENT,
    CLASS,
    NOTEBOOK,
    ROOT,
    fill_in,
    read_answers,
    read_exercises,
)

STAMP = "done.json"
CONFIG = '''"""The repository's own configuration, for the folder of the demo."""

load_subconfig("nbgrader_config.py", path={root!r})  # noqa: F821  (traitlets has it)
'''


class DemoFailed(GraderError):
    """Read the log that the sentence names."""


def lay_out(folder):
    """Bring masters, configuration and student copies in step."""
    source = folder / "solutions" / ASSIGNMENT
    source.mkdir(parents=True, exist_ok=True)
    for path in (ROOT / "solutions" / ASSIGNMENT).glob("*.ipynb"):
        shutil.copy(path, source)
    text = CONFIG.format(root=str(ROOT))
    (folder / "nbgrader_config.py").write_text(text, encoding="utf-8")
    return generate(folder, [ASSIGNMENT], load_config(folder))


def hand_in(folder):
    """Write what the students hand in; name those whose file is new."""
    released = _read(folder / "notebooks" / ASSIGNMENT / f"{NOTEBOOK}.ipynb")
    exercises = list_exercises(folder)
    answers = read_answers()
    changed = []
    for student in CLASS:
        path = folder / "submitted" / student.name / ASSIGNMENT / student.filename
        text = fill_in(student, released, exercises, answers)
        if not path.is_file() or path.read_bytes() != text:
            shutil.rmtree(path.parent, ignore_errors=True)
            path.parent.mkdir(parents=True)
            path.write_bytes(text)
            changed.append(student.name)
    return changed


def list_exercises(folder):
    """Give the exercises of the master, in the order of the lesson."""
    return read_exercises(
        _read(folder / "solutions" / ASSIGNMENT / f"{NOTEBOOK}.ipynb")
    )


def is_graded(folder):
    """Whether everything stands as the last run left it."""
    return _read_stamp(folder) == _make_stamp(folder)


def grade(folder):
    """Autograde, which writes the feedback too, and write the CSV.

    Raises:
        DemoFailed: a command could not do its work; its log says why.
    """
    is_new_grader = _read_stamp(folder).get("version") != _digest_version(folder)
    force = ["--force"] if is_new_grader else []
    _run(folder, "grader", "autograde", ASSIGNMENT, *force)
    _run(folder, "nbgrader", "export", "--to", "grades.csv")
    text = json.dumps(_make_stamp(folder), indent=1)
    (folder / STAMP).write_text(text, encoding="utf-8")


def _run(folder, *command):
    """Run a program of the environment in the folder; its output goes into a log."""
    log = folder / f"{command[1]}.log"
    with log.open("w", encoding="utf-8") as out:
        done = subprocess.run(
            command,
            cwd=folder,
            env=make_environment(),
            stdout=out,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0:
        lines = log.read_text(encoding="utf-8").strip().splitlines() or ["nothing said"]
        message = f"{' '.join(command[:2])} stopped: {lines[-1]} ({log})"
        raise DemoFailed(message)


def _read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def _read_stamp(folder):
    path = folder / STAMP
    return _read(path) if path.is_file() else {}


def _make_stamp(folder):
    """Digest the grader, and each file that was handed in."""
    stamp = {"version": _digest_version(folder)}
    for path in sorted(folder.glob("submitted/*/*/*")):
        name = str(path.relative_to(folder))
        stamp[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return stamp


def _digest_version(folder):
    """Digest all that has a say in the points but the answers."""
    version = hashlib.sha256()
    programs = sorted((ROOT / "grader").rglob("*.py"))
    masters = sorted((folder / "solutions").rglob("*.ipynb"))
    for path in [*programs, *masters, ROOT / "nbgrader_config.py"]:
        version.update(path.read_bytes())
    return version.hexdigest()
