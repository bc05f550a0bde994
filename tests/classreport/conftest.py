"""A class of ten in numbers, with hostile names and answers."""

import json

import pytest

from grader.classreport.figures import count
from grader.exports.grades import Grade, Part
from grader.gradebook.journal import Note, Record
from grader.lms.people import Person

HOSTILE = '<script>alert("x")</script>'


def make_record(number):
    """Student 0 has nothing, 9 all; who is below 5 has g wrong by `sign`."""
    kinds = ("sign",) if number < 5 else ()
    status = "wrong" if number < 5 else "right"
    notes = (
        Note("ex", "test_f", "right", 2.0, 2.0, seconds=0.1),
        Note("ex", "test_g", status, 0.0 if kinds else 3.0, 3.0, kinds=kinds),
        Note("ex", "test_h", "wrong", number % 2, 1.0),
    )
    repairs = ("Copy of ex was taken for ex.",) if number == 7 else ()
    return Record(f"s{number}", "k", seconds=1 + number, notes=notes, repairs=repairs)


def make_grade(record, first=""):
    parts = tuple(
        Part(note.notebook, note.exercise, note.points, note.max_points, "", note)
        for note in record.notes
    )
    person = Person(record.student, first, "Li")
    points = sum(part.points for part in parts)
    return Grade(person, "week1", points, 0.0, 6.0, parts=parts)


@pytest.fixture
def records():
    return {f"s{number}": make_record(number) for number in range(10)}


@pytest.fixture
def grades(records):
    found = [make_grade(record) for record in records.values()]
    found[3] = make_grade(records["s3"], HOSTILE)
    missing = Grade(Person("zoe"), "week1", 0.0, 0.0, 6.0, is_missing=True)
    return [*found, missing]


@pytest.fixture
def figures(grades, records):
    return count("week1", grades, records)


@pytest.fixture
def lay(tmp_path):
    """Lay recorded notebooks; give their folders by student."""

    def make(answers):
        folders = {}
        for student, source in answers.items():
            folders[student] = tmp_path / student
            folders[student].mkdir()
            meta = {"nbgrader": {"grade_id": "g"}}
            cell = {"cell_type": "code", "metadata": meta, "source": source}
            (folders[student] / "ex.ipynb").write_text(json.dumps({"cells": [cell]}))
        return folders

    return make
