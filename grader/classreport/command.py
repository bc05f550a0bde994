"""The command `grader report`: reads, counts, draws, writes the page, says it short."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from grader.classreport.examples import Example, find_examples
from grader.classreport.figures import Figures, Place, count
from grader.classreport.page import make_page
from grader.classreport.plots import draw_plots
from grader.exports.grades import Grade, Wish, read_grades
from grader.gradebook.course import CourseError, open_course
from grader.gradebook.journal import Record, read_records
from grader.gradebook.master import load_assignment
from grader.lms.command import clean_line
from grader.lms.tables import write_file
from grader.reading.folder import list_names

if TYPE_CHECKING:
    from grader.gradebook.course import Course

FOLDER = "reports"
BAR = 20  # characters
MOST = 10  # lines of mistakes


def run_report(options: Namespace) -> int:
    """Write the page and print the short version; give the exit code."""
    course = open_course()
    name = options.assignment
    grades = read_grades(course, Wish([name], with_missing=True))
    if all(grade.is_missing for grade in grades):
        raise CourseError(f"Nothing of {name} is graded yet: grade it first.")
    records = read_records(course.find_journal(name))
    figures = count(name, grades, records)
    if options.json:
        print(json.dumps(figures.to_plain(), indent=1))
        return 0
    examples = _find_examples(course, figures, grades, records)
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    page = make_page(figures, grades, draw_plots(figures), examples, made)
    path = Path(options.output or Path(FOLDER) / f"{name}.html")
    write_file(path, page.encode())
    for line in write_short(figures):
        print(clean_line(line))
    print(f"The whole report, with plots and examples: {path}")
    return 0


def _find_examples(
    course: Course,
    figures: Figures,
    grades: Sequence[Grade],
    records: Mapping[str, Record],
) -> dict[str, list[Example]]:
    name = figures.assignment
    people = {grade.person.id: grade.person for grade in grades}
    folders = {student: course.path("autograded", student, name) for student in people}
    answers = find_answers(course, name)
    found = {}
    for mistake in figures.mistakes:
        mine = records.values()
        found[mistake.kind] = find_examples(mistake, mine, people, folders, answers)
    return found


def find_answers(course: Course, name: str) -> dict[Place, str]:
    """Give the answer cell that each check judges."""
    answers: dict[Place, str] = {}
    for notebook in load_assignment(course, name).notebooks:
        cells = [cell for cell in notebook.cells if cell.kind == "answer"]
        by_word = {cell.exercise: cell.id for cell in cells}
        for cell in notebook.cells:
            if cell.is_graded and cell.exercise in by_word:
                answers[notebook.name, cell.id] = by_word[cell.exercise]
    return answers


def write_short(figures: Figures) -> Iterable[str]:
    """Say the report in lines for a terminal."""
    yield (
        f"{figures.assignment}: {figures.handed_in} handed in, {figures.missing} not;"
        f" mean {figures.mean:.3g} of {figures.max_points:g}, median"
        f" {figures.median:.3g}, {figures.full} with all points"
    )
    width = max([8, *(len(one.name) for one in figures.exercises)])
    yield f"{'':{width}}  {'part of the points':{BAR + 5}}  strong  weak"
    for one in figures.exercises:
        filled = round(BAR * one.mean)
        bar = "█" * filled + "░" * (BAR - filled)
        ends = [" –" if x is None else f"{x:.0%}" for x in (one.strong, one.weak)]
        yield f"{one.name:{width}}  {bar} {one.mean:>4.0%}  {ends[0]:>6}  {ends[1]:>4}"
    if figures.mistakes:
        yield "Mistakes, by how many students:"
    for mistake in figures.mistakes[:MOST]:
        names = [place[1].removeprefix("test_") for place, _ in mistake.places]
        where = list_names(names, 3)
        yield f"  {mistake.students:4}  {mistake.kind}: {mistake.words} ({where})"
    if figures.unnamed:
        yield f"  {figures.unnamed} wrong answers follow no pattern that has a name."
    yield (
        f"{len(figures.waiting)} need a person, {len(figures.refused)} could not be"
        f" read, {len(figures.repaired)} were repaired"
    )
