"""A class on this course's own lessons: 30 % of its real answers are wrong."""

import json
import random
import re
import shutil
from collections import defaultdict
from pathlib import Path

from tests.demo.sample_class import read_answers
from tests.lessons.test_wrong_answers import ALL

ROOT = Path(__file__).resolve().parent.parent.parent
LESSONS = sorted(path.name for path in (ROOT / "solutions").iterdir() if path.is_dir())
EIGHT = tuple(name for name in LESSONS if "01" <= name[:2] <= "08")
WRONG_SHARE = 0.3
_MARKS = re.compile(r"^ *### (BEGIN|END) SOLUTION.*\n?", re.MULTILINE)
CONFIG = '''"""The repository's own configuration, for a class that is measured."""

load_subconfig("nbgrader_config.py", path={root!r})  # noqa: F821
'''


def lay_out(folder, lessons):
    """Write the masters and the configuration of a course folder."""
    for lesson in lessons:
        target = folder / "solutions" / lesson
        target.mkdir(parents=True, exist_ok=True)
        for path in (ROOT / "solutions" / lesson).glob("*"):
            shutil.copy(path, target)
    (folder / "nbgrader_config.py").write_text(CONFIG.format(root=str(ROOT)))


def hand_in(folder, lessons, count):
    """Write so many submissions of each lesson; give who answered what wrong."""
    shutil.rmtree(folder / "submitted", ignore_errors=True)
    rng = random.Random(11)
    wrong = defaultdict(set)
    for lesson in lessons:
        name = lesson[3:]
        release = json.loads(
            (ROOT / "notebooks" / lesson / f"{name}.ipynb").read_text()
        )
        bank = _Bank(lesson, name)
        for number in range(count):
            student = f"s{number:05}"
            notebook = json.loads(json.dumps(release))
            for cell in notebook["cells"]:
                word = cell["metadata"].get("nbgrader", {}).get("grade_id", "")
                if word in bank.right:
                    is_right = rng.random() >= WRONG_SHARE or word not in bank.wrong
                    cell["source"] = bank.write(word, rng, is_right=is_right)
                    if not is_right:
                        wrong[lesson, student].add(word)
            target = folder / "submitted" / student / lesson / f"{name}.ipynb"
            target.parent.mkdir(parents=True)
            target.write_text(json.dumps(notebook))
    return wrong


class _Bank:
    """The answers of one lesson: right ones in some styles, and wrong ones."""

    def __init__(self, lesson, name):
        master = json.loads((ROOT / "solutions" / lesson / f"{name}.ipynb").read_text())
        self.right, self.wrong = {}, {}
        points = {}
        for cell in master["cells"]:
            role = cell["metadata"].get("nbgrader", {})
            word = role.get("grade_id", "")
            if role.get("solution") and cell["cell_type"] == "code":
                self.right[word] = [_MARKS.sub("", "".join(cell["source"]))]
            points[word] = role.get("points", 0)
        if name == "one-neuron":
            self._add_styles(points)
        for one in ALL:
            if one.lesson == f"{lesson}/{name}" and one.exercise in self.right:
                text = self.right[one.exercise][0]
                changed = one.write(text)
                # A function that stands below replaces the right one above it.
                source = f"{text.rstrip()}\n\n\n{changed}" if one.head else changed
                self.wrong.setdefault(one.exercise, []).append(source)

    def _add_styles(self, points):
        for word, styles in read_answers().items():
            for answer in styles.values():
                full = answer.points >= points.get(f"test_{word}", 0)
                bank = self.right if full else self.wrong
                bank.setdefault(word, []).append(answer.source)

    def write(self, word, rng, *, is_right):
        """Give an answer cell's text; no two are the same, as in a class."""
        bank = self.right if is_right else self.wrong
        return f"{rng.choice(bank[word]).rstrip()}\n# {rng.random()}\n"
