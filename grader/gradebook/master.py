"""Makes the assignment's values from the masters, as nbgrader's release would.

Runs the course's own `GenerateAssignment.preprocessors`, without those that write to
the gradebook, so that headers, stubs and hidden tests follow its configuration.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import hashlib
import inspect
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.gradebook.course import Course, CourseError
from grader.reading.folder import Folder
from grader.reading.notebook import MARKER
from grader.submission.assignment import Assignment, Cell, MasterNotebook

if TYPE_CHECKING:
    from nbformat import NotebookNode


def load_assignment(course: Course, name: str) -> Assignment:
    """Read the masters of an assignment; without a folder of them, the gradebook.

    Raises:
        CourseError: there is no such assignment, or nbgrader refuses a master.
    """
    source = course.path("source", ".", name)
    paths = sorted(source.glob("*.ipynb")) if name and source.is_dir() else []
    if paths:
        notebooks = [_load_master(course, name, path) for path in paths]
    else:
        notebooks = _load_from_gradebook(course, name)
    editable = course.app.config.get("Autograde", {}).get("exclude_overwriting", {})
    files = _read_files(source, course.directories.ignore)
    return _seal(Assignment(name, tuple(notebooks), files, editable.get(name, ())))


def load_answers(course: Course, name: str) -> dict[tuple[str, str], str]:
    """Read the master's own answers, by notebook and cell; {} without masters."""
    import nbformat  # noqa: PLC0415  see _load_master

    found: dict[tuple[str, str], str] = {}
    for path in sorted(course.path("source", ".", name).glob("*.ipynb")):
        with contextlib.suppress(Exception):  # `load_assignment` has told what it is
            notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
            for place, cell in _list_answers(notebook):
                found[path.stem, place] = cell.source
    return found


def _read_files(source: Path, ignore: Sequence[str]) -> dict[str, bytes]:
    """Read the data beside the masters, through links as nbgrader's copy does."""
    from nbgrader.utils import find_all_files  # noqa: PLC0415

    paths = [Path(path) for path in find_all_files(str(source), [*ignore, "*.ipynb"])]
    return {str(path.relative_to(source)): path.read_bytes() for path in sorted(paths)}


def _seal(assignment: Assignment) -> Assignment:
    """Sign the values: any change of a test or of a file makes another digest."""
    values = replace(assignment, files={}, editable=tuple(assignment.editable))
    signed = hashlib.sha256(repr(values).encode())
    signed.update(Folder(assignment.files).digest.encode())
    return replace(values, files=assignment.files, digest=signed.hexdigest())


def _load_master(course: Course, assignment: str, path: Path) -> MasterNotebook:
    import nbformat  # noqa: PLC0415  nbgrader imports are slow: only when needed
    from nbgrader.converters import GenerateAssignment  # noqa: PLC0415
    from nbgrader.nbgraderformat import MetadataValidator  # noqa: PLC0415

    converter = GenerateAssignment(coursedir=course.directories, parent=course.app)
    resources = _make_resources(course, assignment, path)
    try:
        notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
        MetadataValidator().upgrade_notebook_metadata(notebook)
        answers = {place: cell.source for place, cell in _list_answers(notebook)}
        before, after = _split_preprocessors(converter.preprocessors)
        with contextlib.chdir(course.root):
            master = _run_preprocessors(notebook, resources, before, converter)
            _name_cells(master)
            release = copy.deepcopy(master)
            release = _run_preprocessors(release, resources, after, converter)
    except Exception as error:  # a master and its preprocessors can fail in any way
        message = f"The master {path} cannot be used: {type(error).__name__}: {error}"
        raise CourseError(message) from error
    made = make_master(path.stem, master, release)
    return replace(made, cells=tuple(_tell_names(cell, answers) for cell in made.cells))


def _list_answers(notebook: NotebookNode) -> Iterator[tuple[str, NotebookNode]]:
    for cell in notebook.cells:
        about = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code" and about.get("solution"):
            yield about.get("grade_id", ""), cell


def _tell_names(cell: Cell, answers: Mapping[str, str]) -> Cell:
    """Note what the master's own answer binds: a stub may name nothing of it."""
    if cell.kind != "answer" or cell.id not in answers:
        return cell
    binds, defines = list_bound(answers[cell.id])
    return replace(cell, binds=binds, defines=defines)


def list_bound(source: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Name the globals that a cell binds, and which of them as functions or classes."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError):
        return (), ()
    made = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    defines = [node.name for node in body if isinstance(node, made)]
    others = (node for node in body if not isinstance(node, made))
    names = [n for node in others for n in ast.walk(node) if isinstance(n, ast.Name)]
    binds = [name.id for name in names if isinstance(name.ctx, ast.Store)]
    return tuple(dict.fromkeys([*defines, *binds])), tuple(dict.fromkeys(defines))


def _make_resources(course: Course, assignment: str, path: Path) -> dict[str, Any]:
    return {
        "unique_key": path.stem,
        "output_files_dir": f"{path.stem}_files",
        "metadata": {"name": path.stem, "path": str(path.parent)},
        "nbgrader": {
            "student": ".",
            "assignment": assignment,
            "notebook": path.stem,
            "db_url": course.directories.db_url,
        },
    }


def _name_cells(notebook: NotebookNode) -> None:
    """Give every cell an id of its own: notebooks from before ids have none."""
    used: set[str] = set()
    for position, cell in enumerate(notebook.cells):
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        name = cell.get("id") or grade_id or f"cell-{position}"
        cell["id"] = name if name not in used else f"{name[:50]}-{position}"
        used.add(cell["id"])


def _split_preprocessors(preprocessors: Iterable[Any]) -> tuple[list[Any], list[Any]]:
    """Part those that make the master from those that hide the tests."""
    from traitlets import import_item  # noqa: PLC0415

    before: list[Any] = []
    after: list[Any] = []
    for given in preprocessors:
        preprocessor = import_item(given) if isinstance(given, str) else given
        made_by = preprocessor if inspect.isclass(preprocessor) else type(preprocessor)
        names = {parent.__name__ for parent in made_by.__mro__}
        if "SaveCells" in names:
            after.append(None)
        elif after or "ClearHiddenTests" in names:
            after.append(preprocessor)
        else:
            before.append(preprocessor)
    return before, [preprocessor for preprocessor in after if preprocessor]


def _run_preprocessors(
    notebook: NotebookNode,
    resources: dict[str, Any],
    steps: Iterable[Any],
    converter: Any,
) -> NotebookNode:
    for step in steps:
        make: Any = step  # nbgrader allows a class, its name, or an instance
        process = make(parent=converter) if inspect.isclass(step) else step
        notebook, resources = process(notebook, resources)
    return notebook


def make_master(
    name: str, master: NotebookNode, release: NotebookNode
) -> MasterNotebook:
    """Join the two texts of each cell: with the hidden tests, and as given out."""
    released = {cell["id"]: cell.source for cell in release.cells}
    cells: list[Cell] = []
    for cell in master.cells:
        text = released.get(cell["id"], cell.source)
        cells.append(_make_cell(cell, text, cells))
    kernelspec = dict(master.metadata.get("kernelspec", {}))
    language = kernelspec.get("language") or "python"
    return MasterNotebook(name, tuple(cells), kernelspec, language)


def _make_cell(cell: NotebookNode, released: str, earlier: list[Cell]) -> Cell:
    metadata = dict(cell.metadata.get("nbgrader", {}))
    kind = _find_kind(cell, metadata)
    grade_id = metadata.get("grade_id", "") if kind != "plain" else ""
    marker = MARKER.search(released) if kind == "answer" else None
    exercise = marker.group(1) if marker else grade_id
    if kind == "check":
        exercise = _find_exercise(grade_id, earlier)
    return Cell(
        id=grade_id or cell["id"],
        kind=kind,
        source=cell.source,
        cell_type=cell.cell_type,
        points=float(metadata.get("points") or 0) if _has_points(metadata) else 0.0,
        exercise=exercise if kind in {"answer", "check", "task"} else "",
        tags=tuple(cell.metadata.get("tags", ())),
        release=released,
        nbgrader=metadata if _has_role(metadata) else {},
        cell_id=cell["id"],
        attachments=json.loads(json.dumps(cell.get("attachments", {}))),
    )


def _find_kind(cell: NotebookNode, metadata: dict[str, Any]) -> str:
    for flag, kind in (("task", "task"), ("solution", "answer"), ("grade", "check")):
        if metadata.get(flag):
            return kind
    if metadata.get("locked"):
        return "locked"
    return "plain" if cell.cell_type == "code" else "markdown"


def _has_points(metadata: dict[str, Any]) -> bool:
    return bool(metadata.get("grade") or metadata.get("task"))


def _has_role(metadata: dict[str, Any]) -> bool:
    return any(metadata.get(flag) for flag in ("grade", "solution", "locked", "task"))


def _find_exercise(grade_id: str, earlier: list[Cell]) -> str:
    """Give the exercise that a check judges: by its name, else the answer before it."""
    answers = [cell for cell in earlier if cell.kind == "answer"]
    name = re.sub(r"^test_", "", grade_id)
    named = [cell.exercise for cell in answers if name in {cell.id, cell.exercise}]
    return named[0] if named else answers[-1].exercise if answers else grade_id


def _load_from_gradebook(course: Course, name: str) -> list[MasterNotebook]:
    """Take the tests from the gradebook and the rest from the release."""
    import nbformat  # noqa: PLC0415
    from nbgrader.api import MissingEntry  # noqa: PLC0415

    release = course.path("release", ".", name)
    found: list[MasterNotebook] = []
    if not name or not release.is_dir():
        raise course.refuse_unknown(name)
    with course.open_gradebook() as gradebook:
        try:
            notebooks = list(gradebook.find_assignment(name).notebooks)
        except MissingEntry:
            raise course.refuse_unknown(name) from None
        for notebook in notebooks:
            path = release / f"{notebook.name}.ipynb"
            if not path.is_file():
                raise CourseError(f"The release {path} is missing: generate it again.")
            released = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
            _name_cells(released)
            master = copy.deepcopy(released)
            sources = {cell.name: cell for cell in notebook.source_cells}
            for cell in master.cells:
                kept = sources.get(cell.metadata.get("nbgrader", {}).get("grade_id"))
                if kept is not None:
                    cell.source = kept.source
                    cell.metadata.nbgrader["checksum"] = kept.checksum
            found.append(make_master(notebook.name, master, released))
    return found
