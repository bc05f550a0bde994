"""The committed notebooks: masters keep their rules, copies are in step and clean."""

import filecmp
import shutil
from pathlib import Path

import nbformat
import pytest

from grader.release.additions import BADGE_ID
from grader.release.badge import name_wheel, read_repository, write_badges
from grader.release.contents import PAGES, update_pages
from grader.release.generate import generate, load_config
from grader.release.lint import find_solutions, lint
from grader.release.normal import to_text

ROOT = Path(__file__).parent.parent
MASTERS = sorted(ROOT.glob("solutions/*/*.ipynb"))
COPIES = sorted(ROOT.glob("notebooks/*/*.ipynb"))


def name(path):
    return path.stem


def read(path):
    return nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)


def list_answers(path):
    """Give the code cells that a student fills in."""
    return [
        cell
        for cell in read(path).cells
        if cell.cell_type == "code"
        and cell.metadata.get("nbgrader", {}).get("solution")
    ]


def list_solutions(assignment):
    """Give the text between solution marks, region by region, of each answer cell."""
    (master,) = (path for path in MASTERS if path.parent.name == assignment)
    found = {cell.id: find_solutions(cell) for cell in read(master).cells}
    return {
        word: [one.strip() for one in regions]
        for word, regions in found.items()
        if regions
    }


@pytest.mark.parametrize("master", MASTERS, ids=name)
def test_master_keeps_all_rules(master):
    assert [str(breach) for breach in lint(master)] == []


@pytest.fixture(scope="module")
def regenerated(tmp_path_factory):
    """The course copied, without a gradebook, and released there."""
    course = tmp_path_factory.mktemp("course")
    (course / "docs" / "student").mkdir(parents=True)
    for name in ("nbgrader_config.py", "pyproject.toml", *PAGES):
        shutil.copy(ROOT / name, course / name)
    for master in MASTERS:
        (course / "solutions" / master.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(master, course / "solutions" / master.parent.name)
    config = load_config(course)
    config.GenerateAssignment.no_database = True
    config.SaveCells.enabled = False
    generate(course, sorted({path.parent.name for path in MASTERS}), config)
    return course


def test_every_master_has_its_copy_and_no_copy_is_left_over():
    def places(paths, top):
        return [path.relative_to(ROOT / top) for path in paths]

    assert places(COPIES, "notebooks") == places(MASTERS, "solutions")


@pytest.mark.parametrize("copy", COPIES, ids=name)
def test_copy_is_what_make_release_would_write(copy, regenerated):
    fresh = regenerated / copy.relative_to(ROOT)
    assert filecmp.cmp(copy, fresh, shallow=False), (
        "run make release and commit notebooks/"
    )


def test_tables_of_the_readmes_are_what_make_release_would_write(regenerated):
    assert not update_pages(regenerated, read_repository(ROOT)), "run make release"


@pytest.mark.parametrize("copy", COPIES, ids=name)
def test_no_cell_of_a_copy_holds_a_whole_solution(copy):
    solutions = list_solutions(copy.parent.name)
    assert solutions
    shown = [
        (word, cell.id)
        for word, regions in solutions.items()
        for cell in read(copy).cells
        if all(region in cell.source for region in regions)
    ]
    assert shown == []


@pytest.mark.parametrize("copy", COPIES, ids=name)
def test_copy_keeps_no_line_of_a_solution_in_an_answer_cell(copy):
    solutions = list_solutions(copy.parent.name)
    for cell in list_answers(copy):
        lines = {
            line.strip() for one in solutions[cell.id] for line in one.splitlines()
        }
        kept = {line.strip() for line in cell.source.splitlines()} - {""}
        assert not kept & lines, cell.id


@pytest.mark.parametrize("copy", COPIES, ids=name)
def test_copy_holds_no_marks_and_no_hidden_tests(copy):
    text = copy.read_text(encoding="utf-8")
    assert "BEGIN SOLUTION" not in text and "HIDDEN TESTS" not in text


@pytest.mark.parametrize("copy", COPIES, ids=name)
def test_copy_has_no_outputs_and_stands_in_normal_form(copy):
    notebook = read(copy)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)
    assert copy.read_text(encoding="utf-8") == to_text(notebook)


@pytest.mark.parametrize("copy", COPIES, ids=name)
def test_badges_come_first_and_lead_to_the_copy(copy):
    cell = read(copy).cells[0]
    path = copy.relative_to(ROOT).as_posix()
    assert cell.id == BADGE_ID
    assert dict(cell.metadata) == {"id": BADGE_ID, "colab_type": "text"}
    assert cell.source == write_badges(read_repository(ROOT), path)


@pytest.mark.parametrize("copy", COPIES, ids=name)
def test_setup_cell_fetches_the_wheel_that_is_published(copy):
    (cell,) = (cell for cell in read(copy).cells if cell.id == "setup")
    address = read_repository(ROOT).link_file(name_wheel(ROOT))
    assert f'COURSE_PACKAGE = "{address}"' in cell.source


@pytest.mark.parametrize("copy", COPIES, ids=name)
def test_last_cell_looks_for_every_exercise(copy):
    words = " ".join(cell.id for cell in list_answers(copy))
    assert f'complete.look("{words}")' in read(copy).cells[-1].source


@pytest.mark.parametrize("copy", COPIES, ids=name)
def test_every_answer_cell_holds_a_stub_that_names_its_exercise(copy):
    for cell in list_answers(copy):
        assert 'raise NotImplementedError("Exercise ' in cell.source, cell.id
