"""Brings the gradebook's picture of an assignment in step with the masters.

As `nbgrader generate_assignment` does, and further: cells may come and go after
hand-ins, as long as no mark that a person gave would be lost.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from grader.submission.assignment import Assignment, Cell, MasterNotebook

if TYPE_CHECKING:
    from nbgrader.api import Gradebook

MAX_KERNELSPEC = 1024  # characters of nbgrader's column


def sync_structure(gradebook: Gradebook, assignment: Assignment) -> list[str]:
    """Write what differs, in one transaction; give sentences for staff.

    Rows that are right are not touched.
    """
    from nbgrader import api  # noqa: PLC0415  slow to import

    db = gradebook.db
    row = db.query(api.Assignment).filter_by(name=assignment.name).one_or_none()
    if row is None:
        course = gradebook.course_id or "default_course"
        gradebook.check_course(course)  # nbgrader adds none for an empty course_id
        row = api.Assignment(name=assignment.name, course_id=course)
        db.add(row)
        db.flush()
    known = {notebook.name: notebook for notebook in row.notebooks}
    notes = []
    for master in assignment.notebooks:
        notebook = known.pop(master.name, None)
        if notebook is None:
            notebook = api.Notebook(name=master.name, assignment=row)
            db.add(notebook)
        kernelspec = json.dumps(dict(master.kernelspec))[:MAX_KERNELSPEC]
        _set(notebook, kernelspec=kernelspec)
        db.flush()
        notes += _sync_cells(db, api, notebook, master)
    notes += [f"{name}: in the gradebook, but no longer a master." for name in known]
    db.commit()
    return notes


def _set(row: Any, **values: Any) -> None:
    """Set what differs: an equal value would still be written."""
    for name, value in values.items():
        if getattr(row, name) != value:
            setattr(row, name, value)


def _sync_cells(db: Any, api: Any, notebook: Any, master: MasterNotebook) -> list[str]:
    _sync_sources(db, api, notebook, master)
    kinds: tuple[tuple[Any, Iterable[Any], list[Cell]], ...] = (
        (
            api.GradeCell,
            notebook.grade_cells,
            [cell for cell in master.cells if cell.nbgrader.get("grade")],
        ),
        (
            api.SolutionCell,
            notebook.solution_cells,
            [cell for cell in master.cells if cell.kind == "answer"],
        ),
        (
            api.TaskCell,
            notebook.task_cells,
            [cell for cell in master.cells if cell.kind == "task"],
        ),
    )
    notes = []
    for model, rows, wanted in kinds:
        known = {row.name: row for row in rows}
        for cell in wanted:
            row = known.pop(cell.id, None)
            if row is None:
                row = model(name=cell.id, notebook_id=notebook.id)
                db.add(row)
            if model is not api.SolutionCell:
                _set(row, max_score=cell.points, cell_type=cell.cell_type)
        for row in known.values():
            notes += _remove_cell(db, api, row)
    return notes


def _sync_sources(db: Any, api: Any, notebook: Any, master: MasterNotebook) -> None:
    known = {row.name: row for row in notebook.source_cells}
    for cell in master.cells:
        if not cell.nbgrader:
            continue
        row = known.pop(cell.id, None)
        if row is None:
            row = api.SourceCell(name=cell.id, notebook_id=notebook.id)
            db.add(row)
        _set(
            row,
            cell_type=cell.cell_type,
            locked=cell.kind in {"check", "locked", "task"},
            source=cell.source,
            checksum=cell.nbgrader.get("checksum"),
        )
    for row in known.values():
        db.delete(row)


def _remove_cell(db: Any, api: Any, row: Any) -> list[str]:
    """Remove a cell that is no longer in the master, unless a person marked it."""
    grades = db.query(api.Grade).filter_by(cell_id=row.id)
    comments = db.query(api.Comment).filter_by(cell_id=row.id)
    kept = grades.filter(api.Grade.manual_score.isnot(None)).count()
    kept += grades.filter(api.Grade.extra_credit.isnot(None)).count()
    kept += comments.filter(api.Comment.manual_comment.isnot(None)).count()
    if kept:
        return [
            f"{row.name}: no longer in the master, kept for {kept} marks of people."
        ]
    grades.delete(synchronize_session=False)
    comments.delete(synchronize_session=False)
    db.delete(row)
    return []
