"""What a run gave, held against what was due: every difference is a surprise."""

import json
import re
import sqlite3
from dataclasses import dataclass, field

from tests.attack.course import ASSIGNMENT, FULL, NOTEBOOK
from tests.attack.scene import MIXED, name_student
from tests.scores import read_scores

STORED_BYTES = 20 << 20  # of one submission's folder under autograded/ or feedback/
NEAR = 1e-6


@dataclass
class Outcome:
    """One attack as it ended."""

    attack: object
    due: float
    given: float
    how: str
    surprises: list = field(default_factory=list)


def judge_run(scene, attacks, printed):
    """Judge all attacks and neighbours; give outcomes and surprises of the whole."""
    summary = json.loads(printed)
    lines = {line["student"]: line for line in summary["lines"]}
    rest = []
    outcomes = []
    for number, attack in enumerate(attacks):
        student = name_student(number)
        if student not in lines or f"{student}n" not in lines:
            rest.append(f"{student} ({attack.name}) or its neighbour was not graded")
            continue
        notes = [text for text in summary["notes"] if text.startswith(f"{student}:")]
        outcome = judge_attack(scene, attack, lines[student], notes)
        outcome.surprises += judge_neighbour(lines[f"{student}n"], number)
        outcomes.append(outcome)
    rest += judge_books(scene, lines)
    return outcomes, rest


def read_points(line):
    """Give points (None: no mark) and status of the exercises that a program marks."""
    return {
        verdict["exercise"].removeprefix("test_"): (
            verdict["points"],
            verdict["status"],
        )
        for verdict in line["verdicts"]
        if verdict["exercise"] != "why"
    }


def judge_attack(scene, attack, line, notes):
    """Hold one attack against its due."""
    found = read_points(line)
    surprises = []
    if set(found) != set(FULL):
        surprises.append(f"exercises {sorted(found)}")
    for name in FULL:
        points, status = found.get(name, (None, "missing"))
        least, most = attack.find_due(name)
        if points is None and status in attack.may.split():
            continue
        if points is None or not least - NEAR <= points <= most + NEAR:
            surprises.append(f"{name}: {points} ({status}) for {most:g}")
    messages = [verdict["message"] for verdict in line["verdicts"]]
    said = [*notes, *line["repairs"], *line["staff"], *messages]
    if attack.told and not re.search(attack.told, "\n".join(said)):
        surprises.append(f"nobody is told {attack.told!r}: {said}")
    surprises += judge_stored(scene, attack, line["student"])
    due = sum(attack.find_due(name)[1] for name in FULL)
    given = sum(points or 0.0 for points, _ in found.values())
    return Outcome(attack, due, given, describe(attack, found, said), surprises)


def describe(attack, found, said):
    """Say how an attack was contained: by which statuses, by what was told."""
    statuses = {
        f"{name} {status}" for name, (_, status) in found.items() if status != "right"
    }
    if attack.due.keys() == FULL.keys() or len(statuses) > 3:
        statuses = {status for _, status in found.values()}
    told = next((text for text in said if text and attack.told), "")
    how = "; ".join([*sorted(statuses), *([told] if told else [])]) or "all right"
    return "".join(c if c.isprintable() else "?" for c in how)


def judge_neighbour(line, number):
    """The neighbour has exactly the points of the work."""
    due = MIXED if number % 2 else FULL
    given = {name: points for name, (points, _) in read_points(line).items()}
    return [] if given == due else [f"the neighbour has {given}"]


def judge_stored(scene, attack, student):
    """Look through what was stored: for leaks, cuts that are told, and sizes."""
    surprises = []
    texts = {}
    for step in ("autograded", "feedback"):
        folder = scene.course / step / student / ASSIGNMENT
        files = [path for path in folder.rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files)
        if size > STORED_BYTES:
            surprises.append(f"{step} holds {size} bytes")
        texts[step] = "".join(
            path.read_text(errors="replace")
            for path in files
            if path.suffix in {".html", ".ipynb"}
        )
    if attack.hides and attack.hides in texts["feedback"]:
        surprises.append(f"feedback shows {attack.hides!r}")
    streams = "".join(list_streams(scene, student))
    if "LEAK" in streams:
        surprises.append(streams[streams.index("LEAK") :][:100])
    if attack.shows and not re.search(attack.shows, texts["autograded"]):
        surprises.append(f"no output shows {attack.shows!r}")
    return surprises


def list_streams(scene, student):
    """Give what the student's cells printed."""
    path = scene.course / "autograded" / student / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    for cell in json.loads(path.read_text())["cells"] if path.is_file() else ():
        for output in cell.get("outputs", ()):
            yield "".join(output.get("text", ""))


def judge_books(scene, lines):
    """The gradebook holds these students with these points, and nothing else."""
    book = sqlite3.connect(scene.course / "gradebook.db")
    students = {row[0] for row in book.execute("select id from student")}
    others = book.execute(
        "select name from sqlite_master where type in ('trigger', 'view')"
    ).fetchall()
    health = book.execute("pragma integrity_check").fetchone()[0]
    book.close()
    rows = read_scores(scene.course)
    stored = {(one.student, one.cell): one.points for one in rows}
    told = {
        (student, verdict["exercise"]): verdict["points"]
        for student, line in lines.items()
        for verdict in line["verdicts"]
    }
    wrong = [key for key in told | stored if told.get(key) != stored.get(key)]
    surprises = [f"gradebook: {key} {stored.get(key)}" for key in wrong[:5]]
    surprises += [f"gradebook holds {name}" for name in others]
    if students != set(lines) or health != "ok" or len(rows) != len(stored):
        surprises.append(f"gradebook: {students ^ set(lines)} {health} {len(rows)}")
    return surprises
