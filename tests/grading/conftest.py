"""A mini assignment of two exercises, and a student's folder of it, built in code."""

import json

import pytest

from grader.reading.folder import Folder
from grader.submission.assignment import Assignment, Cell, MasterNotebook

STUB_F = '# exercise: f\ndef f(x):\n    raise NotImplementedError("Exercise 1: f")'
STUB_G = '# exercise: g\ndef g(x):\n    raise NotImplementedError("Exercise 2: g")'
ANSWER_F = "# exercise: f\ndef f(x):\n    return 2 * x"
ANSWER_G = "# exercise: g\ndef g(x):\n    return x ** 2 + 1"
HIDDEN = "\n### BEGIN HIDDEN TESTS\nassert f(7) == 14\n### END HIDDEN TESTS"


def _meta(grade_id, points=None, *, locked=False, solution=False):
    meta = {"grade_id": grade_id, "grade": points is not None, "locked": locked}
    meta |= {"solution": solution, "schema_version": 3, "task": False}
    return meta if points is None else meta | {"points": points}


def _cell(cell_id, kind, release, **more):
    more = {"source": release, "release": release, "cell_id": cell_id} | more
    return Cell(id=cell_id, kind=kind, **more)


CELLS = (
    _cell("title", "markdown", "# Doubling", cell_type="markdown"),
    _cell("setup", "locked", "import math", nbgrader=_meta("setup", locked=True)),
    _cell("f", "answer", STUB_F, exercise="f", nbgrader=_meta("f", solution=True)),
    _cell("try_f", "plain", "# try it\nprint(math.pi)"),
    _cell(
        "test_f",
        "check",
        "assert f(1) == 2",
        source="assert f(1) == 2" + HIDDEN,
        exercise="f",
        points=2.0,
        nbgrader=_meta("test_f", 2.0, locked=True),
    ),
    _cell("g", "answer", STUB_G, exercise="g", nbgrader=_meta("g", solution=True)),
    _cell(
        "test_g",
        "check",
        "assert g(3) == 10",
        exercise="g",
        points=3.0,
        nbgrader=_meta("test_g", 3.0, locked=True),
    ),
)
KERNELSPEC = {"language": "python", "name": "python3"}  # no display name


@pytest.fixture
def assignment():
    """The assignment `week1` with its one notebook `ex`."""
    return Assignment("week1", (MasterNotebook("ex", CELLS, KERNELSPEC),))


@pytest.fixture
def solved():
    """The notebook as a student hands it in, both exercises solved; a plain dict."""
    answers = {"f": ANSWER_F, "g": ANSWER_G}
    cells = []
    for cell in CELLS:
        data = {"cell_type": cell.cell_type, "id": cell.cell_id, "metadata": {}}
        data["source"] = answers.get(cell.id, cell.release).splitlines(keepends=True)
        if cell.nbgrader:
            data["metadata"]["nbgrader"] = dict(cell.nbgrader)
        if cell.cell_type == "code":
            data |= {"outputs": [], "execution_count": 1}
        cells.append(data)
    metadata = {"kernelspec": KERNELSPEC, "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


@pytest.fixture
def hand_in():
    """Make a folder of files: a dict becomes a notebook, text and bytes stay."""

    def make(files):
        def encode(content):
            if isinstance(content, dict | list):
                content = json.dumps(content)
            return content.encode() if isinstance(content, str) else content

        return Folder({name: encode(content) for name, content in files.items()})

    return make


@pytest.fixture(scope="session")
def tables(tmp_path_factory):
    """The bytes of an empty gradebook; nbgrader would start `alembic` to number it."""
    from grader.gradebook.course import import_nbgrader  # noqa: PLC0415

    import_nbgrader()
    from nbgrader.api import Base  # noqa: PLC0415  a second for those who need it
    from sqlalchemy import create_engine, text  # noqa: PLC0415

    path = tmp_path_factory.mktemp("tables") / "gradebook.db"
    engine = create_engine(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num TEXT)"))
    engine.dispose()
    return path.read_bytes()


@pytest.fixture
def course(tmp_path, tables):
    """A course folder without masters; its gradebook has nbgrader's tables."""
    from grader.gradebook.course import open_course  # noqa: PLC0415

    (tmp_path / "gradebook.db").write_bytes(tables)
    (tmp_path / "nbgrader_config.py").write_text(
        "c = get_config()\nc.LateSubmissionPlugin.penalty_method = 'zero'\n"
    )
    return open_course(tmp_path)
