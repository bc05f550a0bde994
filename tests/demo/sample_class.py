"""Twenty-five students, what each handed in, and the points that are due for it."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from tests.demo.savers import SAVERS

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
ASSIGNMENT, NOTEBOOK = "05-one-neuron", "one-neuron"
STUB = "stub"  # the style of an answer that was never written


@dataclass(frozen=True)
class Answer:
    """What a student wrote into an answer cell, and what it is worth."""

    source: str
    points: float
    told: str = ""  # kind of the mistake, or words that the report says


@dataclass(frozen=True)
class Student:
    """styles: exercise → style in the answers' file; all others as in the master."""

    name: str
    styles: dict[str, str] = field(default_factory=dict)
    saver: str = "jupyter"
    filename: str = f"{NOTEBOOK}.ipynb"
    # Points that differ because an answer builds on a wrong one before it.
    follows: dict[str, float] = field(default_factory=dict)


CLASS = (
    Student("amina"),
    Student("bjarne", {"dL_dp": "one fraction", "batch": "a loop"}),
    Student("chidi", {"dp_dz": "by the quotient", "batch": "einsum"}, saver="colab"),
    Student(
        "dolores",
        {
            "forward": "a dictionary back",
            "dL_dp": "case by case",
            "dp_dz": "by tanh",
            "dz": "as tensors",
            "dL_dz": "link times link",
            "links": "the long way",
            "stable": "logaddexp",
        },
        saver="vscode",
    ),
    Student("emre", {"forward": "pytorch's own pieces", "stable": STUB}),
    Student("farah", {"dL_dp": "sign flipped", "links": "the long way"}),
    Student("goran", {"batch": "sum for mean", "stable": STUB}),
    Student("hana", {"batch": "bias by mean"}, saver="colab"),
    Student("ines", {"links": "x forgotten", "stable": "naive"}),
    Student("jonas", {"dp_dz": "value for slope", "batch": "first student only"}),
    Student("lena", {"dp_dz": "twice", "batch": "einsum"}),
    Student("kemal", {"dL_dp": "the others only"}, follows={"links": 3}),
    Student("leila", {"dp_dz": "name missing", "stable": STUB}),
    Student("marek", {"dz": "swapped"}, follows={"links": 2}),
    Student("nour", {"dL_dz": "logit for probability", "links": "the long way"}),
    Student("olga", {"forward": "minus lost", "recap": "two forgotten"}),
    Student("pavel", {"dL_dz": "autograd by the back door", "links": "the long way"}),
    Student("quentin", {"dz": "w for x", "links": "the long way"}, saver="vscode"),
    Student("rosa", {"batch": "bias not summed", "recap": "inner lost"}),
    Student("samir", {"dL_dp": "inner minus lost"}, follows={"links": 3}),
    Student("tilde", {"links": "squash skipped", "forward": "common logarithm"}),
    Student("uma", {"dL_dz": "truth minus forecast"}, follows={"links": 1}),
    Student("viktor", dict.fromkeys(("links", "batch", "stable", "recap"), STUB)),
    Student("wanda", saver="broken"),
    Student("xavier", saver="databricks", filename="Copy of one-neuron (1).ipynb"),
)  # fmt: skip


def read_answers(path=HERE / f"{NOTEBOOK}.txt"):
    """Read the answers' file: exercise → style → Answer."""
    answers = {}
    for block in path.read_text(encoding="utf-8").split("\n=== ")[1:]:
        head, _, body = block.partition("\n")
        exercise, style, points, *told = (part.strip() for part in head.split("|"))
        source = f"# exercise: {exercise}\n{body.strip()}"
        answer = Answer(source, float(points), *told)
        answers.setdefault(exercise, {})[style] = answer
    return answers


def read_exercises(master):
    """List the exercises of a master: word → (answer's source, points)."""
    cells = {cell["id"]: cell for cell in master["cells"]}
    exercises = {}
    for cell_id, cell in cells.items():
        role = cell["metadata"].get("nbgrader", {})
        if role.get("grade"):
            answer = cells[cell_id.removeprefix("test_")]
            lines = [line for line in answer["source"] if " SOLUTION" not in line]
            exercises[answer["id"]] = ("".join(lines), role["points"])
    return exercises


def fill_in(student, released, exercises, answers):
    """Make the file that a student hands in, from the copy that was given out."""
    notebook = json.loads(json.dumps(released))
    for cell in notebook["cells"]:
        style = student.styles.get(cell["id"])
        if cell["id"] not in exercises or style == STUB:
            continue
        source = (
            answers[cell["id"]][style].source if style else exercises[cell["id"]][0]
        )
        cell["source"] = source.splitlines(keepends=True)
    return SAVERS[student.saver](notebook)


def solve(student):
    """Make that file from the copy that this repository gives out."""
    released, master = (
        json.loads((ROOT / top / ASSIGNMENT / f"{NOTEBOOK}.ipynb").read_text("utf-8"))
        for top in ("notebooks", "solutions")
    )
    return fill_in(student, released, read_exercises(master), read_answers())


def expect_points(student, exercises, answers):
    """Say what each answer is worth; nothing of a file that is no notebook."""
    expected = {}
    for exercise, (_, points) in exercises.items():
        style = student.styles.get(exercise)
        if student.saver == "broken" or style == STUB:
            expected[exercise] = 0.0
        else:
            expected[exercise] = answers[exercise][style].points if style else points
    return {**expected, **student.follows}
