"""A course of six gradient exercises; of a class of any size 30 % is wrong."""

import json
import random
import shutil

from tests import factory

SETUP = "import torch\nfrom grader import check"
# word: stub's arguments, reference, draw, right answer, wrong answers
EXERCISES = {
    "square": (
        "x",
        "(x ** 2).sum()",
        {"x": "(5,)"},
        "2 * x",
        ["x", "2 * x.sum()", "-2 * x"],
    ),
    "sigmoid": (
        "z",
        "torch.sigmoid(z).sum()",
        {"z": "(7,)"},
        "torch.sigmoid(z) * (1 - torch.sigmoid(z))",
        [
            "torch.sigmoid(z)",
            "z * (1 - z)",
            "torch.sigmoid(z) * (1 + torch.sigmoid(z))",
        ],
    ),
    "mse": (
        "w, X, y",
        "((X @ w - y) ** 2).mean()",
        {"w": "(3,)", "X": "(11, 3)", "y": "(11,)"},
        "2 * X.T @ (X @ w - y) / len(y)",
        [
            "X.T @ (X @ w - y) / len(y)",
            "2 * X.T @ (X @ w - y)",
            "2 * X.T @ (y - X @ w)",
        ],
    ),
    "product": (
        "a, b",
        "(a * b).sum()",
        {"a": "(3, 4)", "b": "(3, 4)"},
        "b",
        ["a", "a * b", "b.T"],
    ),
    "softplus": (
        "x",
        "torch.log(1 + torch.exp(x)).sum()",
        {"x": "(6,)"},
        "torch.exp(x) / (1 + torch.exp(x))",
        ["1 / (1 + torch.exp(x))", "torch.exp(x)", "1 / (1 + torch.exp(-x)) ** 2"],
    ),
    "chain": (
        "x, w",
        "torch.tanh(w * x).mean()",
        {"x": "(9,)", "w": "()"},
        "(1 - torch.tanh(w * x) ** 2) * w / len(x)",
        [
            "(1 - torch.tanh(w * x) ** 2) / len(x)",
            "(1 - torch.tanh(w * x) ** 2) * w",
            "(1 - torch.tanh(w * x)) * w / len(x)",
        ],
    ),
}


def write_master(folder):
    """Write the master notebook and the configuration of a course folder."""
    cells = [factory.make_cell("locked", "setup", SETUP)]
    for word, (names, reference, shapes, right, _) in EXERCISES.items():
        draws = ", ".join(
            f"{name!r}: torch.randn({shape}, dtype=torch.float64, generator=g)"
            for name, shape in shapes.items()
        )
        given = (
            f"def {word}_truth({names}):\n    return {reference}\n\n"
            f"def draw_{word}(g):\n    return {{{draws}}}"
        )
        body = f"    ### BEGIN SOLUTION\n    return {right}\n    ### END SOLUTION"
        text = f"# exercise: {word}\ndef {word}({names}):\n{body}"
        first = names.split(",")[0]
        test = (
            f"check.gradient({word}, of={word}_truth, wrt={first!r}, "
            f"draw=draw_{word}).points(2)"
        )
        cells += [
            factory.make_cell("locked", f"given_{word}", given),
            factory.make_cell("answer", word, text),
            factory.make_cell("check", f"test_{word}", test, points=2),
        ]
    factory.write_master(folder / "source" / "six" / "six.ipynb", cells)
    (folder / "nbgrader_config.py").write_text("c = get_config()\n")


def hand_in(folder, count):
    """Write so many submissions; give the points that each exercise is due."""
    released = json.loads((folder / "release" / "six" / "six.ipynb").read_text())
    shutil.rmtree(folder / "submitted", ignore_errors=True)
    rng = random.Random(7)
    due = {}
    for number in range(count):
        notebook = json.loads(json.dumps(released))
        for cell in notebook["cells"]:
            word = cell["metadata"]["nbgrader"]["grade_id"]
            if word not in EXERCISES:
                continue
            names, _, _, right, wrong = EXERCISES[word]
            is_right = rng.random() >= 0.3
            body = right if is_right else rng.choice(wrong)
            note = f"    # {rng.random()}\n"  # no two files are the same
            cell["source"] = (
                f"# exercise: {word}\ndef {word}({names}):\n{note}    return {body}"
            )
            due[f"s{number:04}", f"test_{word}"] = 2.0 * is_right
        target = folder / "submitted" / f"s{number:04}" / "six" / "six.ipynb"
        target.parent.mkdir(parents=True)
        target.write_text(json.dumps(notebook))
    return due
