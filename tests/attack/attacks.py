"""What an attack is, and the tables of those that are written as text.

`cheats.txt`, `byhand.txt` and `faults.txt` begin each attack with `# %% its name`; then
come lines `#: key value`, and the cells that are the student's:

    #: family F          the row of threats
    #: due x=0 y=*       points of exercises that are not full; * is any
    #: told / shows R    what repairs, notes or messages say; what a stored output shows
    #: hides TEXT        what no page of feedback may hold
    #: may staff         an exercise may end without a mark
    #: answer x          the text of an answer cell
    #: own x             a cell of the student's own, behind cell x
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.attack.course import EXERCISES, FULL, fill_in, insert_own

HERE = Path(__file__).parent
WRONG_METHOD = "the wrong method"
DIRECTIVE = re.compile(r"^#: (\w+) ?(.*)\n", re.MULTILINE)


@dataclass(frozen=True)
class Bench:
    """What a maker of files works with: the release, a folder, and words."""

    released: dict[str, Any]
    folder: Path
    words: dict[str, str]

    def fill(self, **answers):
        """Fill a copy of the release; what is not given is the honest answer."""
        return fill_in(self.released, answers)


@dataclass(frozen=True)
class Attack:
    """One submission, and what an honest grader makes of it.

    make: files by name, of bytes, text or a notebook; or it writes into the folder.
    """

    name: str
    kind: str  # cheat or fault
    family: str
    make: Callable[[Bench], dict[str, Any] | None]
    due: dict[str, float | None] = field(default_factory=dict)  # None: any points
    told: str = ""
    shows: str = ""
    hides: str = ""
    may: str = ""

    def find_due(self, exercise):
        """Give the least and the most points that an honest grader gives."""
        due = self.due.get(exercise, FULL[exercise])
        return (0.0, FULL[exercise]) if due is None else (due, due)


def read_table(file, kind, family=""):
    """Read the attacks of one table."""
    text = (HERE / file).read_text(encoding="utf-8")
    for part in text.split("# %% ")[1:]:
        name, _, body = part.partition("\n")
        first = Attack(name, kind, family, lambda bench: None)
        if family == WRONG_METHOD:
            first = replace(first, due={"slope": 0.0})
        yield read_attack(first, body)


def read_attack(attack, body):
    """Read the lines and cells of one attack."""
    pieces = DIRECTIVE.split(body)[1:]
    answers, own = {}, []
    for key, value, text in zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True):
        if key == "answer":
            answers[value] = text.rstrip()
        elif key == "own":
            own.append((value, text.rstrip()))
        elif key == "due":
            attack = replace(attack, due=read_due(value))
        else:
            attack = replace(attack, **{key: value})

    def make(bench):
        return {"prey.ipynb": write_cells(bench, answers, own)}

    return replace(attack, make=make)


def read_due(text):
    """Read `x=0 y=1.5 z=*`."""
    pairs = (pair.split("=") for pair in text.split())
    return {name: None if due == "*" else float(due) for name, due in pairs}


def write_cells(bench, answers, own):
    """Fill in the cells of a text attack, with the words of this run."""

    def put_in(text):
        for word, value in bench.words.items():
            text = text.replace(f"@{word}@", value)
        return text

    notebook = bench.fill(**{name: put_in(text) for name, text in answers.items()})
    for after, text in reversed(own):
        insert_own(notebook, after, put_in(text))
    return notebook


def list_attacks():
    """Give all attacks, in the order in which they are graded."""
    from tests.attack.files import ODD_FILES  # noqa: PLC0415  it needs this module
    from tests.attack.notebooks import BENT  # noqa: PLC0415

    found = [
        *read_table("cheats.txt", "cheat"),
        *read_table("byhand.txt", "cheat", WRONG_METHOD),
        *BENT,
        *read_table("faults.txt", "fault"),
        *ODD_FILES,
    ]
    names = [attack.name for attack in found]
    assert len(set(names)) == len(names)
    assert all(set(attack.due) <= set(EXERCISES) for attack in found)
    return found
