"""Examples of each mistake, without names: what students wrote, stripped and grouped.

A comment, a docstring or a long text can hold anybody's name: they are left out.
"""

from __future__ import annotations

import io
import json
import re
import tokenize
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.classreport.figures import Mistake, Place
from grader.gradebook.journal import Record
from grader.lms.people import Person

MAX_READ = 200  # notebooks for each mistake: more would not change what is typical
MAX_SHOWN = 2  # examples of a mistake
MAX_CODE = 1200  # characters
MAX_WORD = 24  # characters of a text that stays, such as an equation for einsum
MIN_NAME = 3  # letters of a name that is looked for
HIDDEN = "…"
_NUMBER = re.compile(r"\d{6,}")  # as long as a student's number
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")


@dataclass(frozen=True)
class Example:
    """What some students wrote; `students` of those that were looked at."""

    place: Place
    code: str
    students: int


def find_examples(
    mistake: Mistake,
    records: Iterable[Record],
    people: Mapping[str, Person],
    folders: Mapping[str, Path],
    answers: Mapping[Place, str],
) -> list[Example]:
    """Give the most frequent ways in which a mistake was written.

    folders: the recorded notebooks by student. answers: the answer cell of a check.
    """
    found: Counter[tuple[Place, str]] = Counter()
    looked = 0
    for record in records:
        places = [
            (note.notebook, note.exercise)
            for note in record.notes
            if mistake.kind in note.kinds
        ]
        if not places or record.student not in folders:
            continue
        looked += 1
        if looked > MAX_READ:
            break
        person = people.get(record.student, Person(record.student))
        for place in places:
            source = _read_answer(folders[record.student], place[0], answers.get(place))
            code = hide_people(source, person) if source else ""
            if code:
                found[place, code] += 1
    most = found.most_common(MAX_SHOWN)
    return [Example(place, code, times) for (place, code), times in most]


def _read_answer(folder: Path, notebook: str, cell_id: str | None) -> str:
    try:
        content = json.loads((folder / f"{notebook}.ipynb").read_text("utf-8"))
    except (OSError, ValueError):
        return ""
    for cell in content.get("cells", ()):
        about = cell.get("metadata", {}).get("nbgrader", {})
        if cell_id and about.get("grade_id") == cell_id:
            source = cell.get("source", "")
            return source if isinstance(source, str) else "".join(source)
    return ""


def hide_people(source: str, person: Person) -> str:
    """Give the code without comments, texts and whatever names a person.

    Nothing is given where the code cannot be read, or is too long to be looked at.
    """
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError, ValueError):
        return ""
    lines = _join(tokens)
    names = [person.id, person.first_name, person.last_name, person.lms_id]
    names += [*person.email.split("@")[:1], *person.full_name.split()]
    for name in sorted({n for n in names if len(n) >= MIN_NAME}, key=len, reverse=True):
        lines = re.sub(re.escape(name), HIDDEN, lines, flags=re.IGNORECASE)
    lines = _NUMBER.sub(HIDDEN, _EMAIL.sub(HIDDEN, lines))
    return lines if len(lines) <= MAX_CODE else ""


def _join(tokens: Sequence[tokenize.TokenInfo]) -> str:
    """Write tokens back as they stood, but for comments and long texts."""
    kept: list[str] = []
    row, column = 1, 0
    is_start = True  # of a statement: a text there is a docstring
    layout = {tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT}
    for token in tokens:
        if token.type in {tokenize.ENDMARKER, tokenize.COMMENT}:
            continue
        text = token.string
        if token.type == tokenize.STRING:
            text = "" if is_start else _shorten(text)
        if token.type in layout:
            is_start = token.type != tokenize.NL or is_start
            if token.type not in {tokenize.NEWLINE, tokenize.NL}:
                continue
            text = "\n"
        else:
            is_start = False
        if token.start[0] > row:
            row, column = token.start[0], 0
        kept += [" " * max(0, token.start[1] - column), text]
        row, column = token.end
    lines = "".join(kept).splitlines()
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _shorten(text: str) -> str:
    is_short = len(text) <= MAX_WORD and " " not in text and "\n" not in text
    return text if is_short else f"'{HIDDEN}'"
