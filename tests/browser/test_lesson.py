"""A student opens a lesson, runs, validates, solves it, and reads full points."""

import json

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]
LESSON = "05-one-neuron/one-neuron.ipynb"
MINE = "mine/one-neuron.ipynb"
READY = """async () => {
  await jupyterapp.restored;
  const panel = jupyterapp.shell.currentWidget;
  await panel.context.ready;
  await panel.sessionContext.ready;
  await panel.sessionContext.session.kernel.info;
}"""
RUN_ALL = "() => jupyterapp.commands.execute('notebook:run-all-cells')"
RESTART = """async () => {
  const panel = jupyterapp.shell.currentWidget;
  await panel.sessionContext.restartKernel();
  await panel.sessionContext.session.kernel.info;
}"""
WRITE = """(answers) => {
  const cells = jupyterapp.shell.currentWidget.content.widgets;
  for (const cell of cells) {
    const text = answers[cell.model.id];
    if (text !== undefined) cell.model.sharedModel.setSource(text);
  }
}"""
RUN_LAST = """async () => {
  const notebook = jupyterapp.shell.currentWidget.content;
  notebook.activeCellIndex = notebook.widgets.length - 1;
  await jupyterapp.commands.execute('notebook:run-cell');
}"""
IDS = "() => jupyterapp.shell.currentWidget.content.widgets.map(c => c.model.id)"
OUTPUTS = """() => jupyterapp.shell.currentWidget.content.widgets
  .filter(cell => cell.model.type === 'code')
  .map(cell => ({id: cell.model.id, count: cell.model.executionCount,
                 outputs: cell.model.outputs.toJSON()}))"""


def read_master(lab):
    return json.loads((lab.folder / "solutions" / LESSON).read_text())["cells"]


def list_answers(lab):
    """Give the master's answers, without the marks of the solution."""
    answers = {}
    for cell in read_master(lab):
        if cell["metadata"].get("nbgrader", {}).get("solution"):
            lines = [line for line in cell["source"] if " SOLUTION" not in line]
            answers[cell["id"]] = "".join(lines)
    return answers


def list_points(lab):
    roles = [cell["metadata"].get("nbgrader", {}) for cell in read_master(lab)]
    return {role["grade_id"]: role["points"] for role in roles if role.get("grade")}


def run_all(page):
    """Run every cell; the promise of the command ends with the last of them."""
    page.evaluate(RUN_ALL)
    cells = page.evaluate(OUTPUTS)
    assert all(cell["count"] for cell in cells if cell["outputs"])
    return cells


def read_points(page, cell_id):
    """Read the number that stands in the page under a check cell."""
    cell = page.locator(
        f'.jp-Cell[data-windowed-list-index="{find_index(page, cell_id)}"]'
    )
    return float(cell.locator(".jp-OutputArea-executeResult pre").last.inner_text())


def read_last_cell(page):
    """Read what "is my file complete?" answers."""
    return page.locator(".jp-Cell").last.locator(".jp-OutputArea-output").inner_text()


def validate(page):
    """Press nbgrader's button, and give what its window says."""
    page.locator('jp-button:has-text("Validate")').click()
    window = page.locator(".jp-Dialog-content")
    window.wait_for(timeout=200_000)
    said = window.locator(".jp-Dialog-body").inner_text()
    window.get_by_role("button", name="Ok").click()
    return said.strip()


def find_index(page, cell_id):
    return page.evaluate(IDS).index(cell_id)


def photograph(page, path):
    """Save the whole notebook as pictures, one window after the other."""
    scroller = page.locator(".jp-WindowedPanel-outer")
    height = scroller.evaluate("box => box.clientHeight")
    total = scroller.evaluate("box => box.scrollHeight")
    page.evaluate("() => document.fonts.ready")
    for number, top in enumerate(range(0, total, height)):
        scroller.evaluate("(box, top) => { box.scrollTop = top }", top)
        page.screenshot(path=path.with_stem(f"{path.stem}-{number:02}"))


@pytest.fixture
def lesson(lab, page):
    page.goto(lab.link(f"lab/tree/{MINE}?reset"))
    page.wait_for_function("() => window.jupyterapp !== undefined")
    page.wait_for_selector(".jp-CodeCell")
    page.evaluate(READY)
    return page


def assert_no_red_wall(page, cells):
    """No traceback, and nothing on stderr, in any cell."""
    kinds = [(cell["id"], out) for cell in cells for out in cell["outputs"]]
    walls = [(name, out) for name, out in kinds if out["output_type"] == "error"]
    stderr = [(name, out) for name, out in kinds if out.get("name") == "stderr"]
    assert (walls, stderr) == ([], [])
    assert (
        page.locator('[data-mime-type="application/vnd.jupyter.stderr"]').count() == 0
    )


def test_lesson_is_friendly_unsolved_and_pays_in_full_when_solved(
    lab, lesson, tmp_path
):
    cells = run_all(lesson)
    assert_no_red_wall(lesson, cells)
    photograph(lesson, tmp_path / "unsolved.png")
    points = list_points(lab)
    assert {name: read_points(lesson, name) for name in points} == dict.fromkeys(
        points, 0.0
    )

    assert "14 of 14 exercises found, 14 still to do" in read_last_cell(lesson)
    assert "The following cell failed" in validate(lesson)

    lesson.evaluate(WRITE, list_answers(lab))
    lesson.evaluate(RESTART)
    cells = run_all(lesson)
    assert_no_red_wall(lesson, cells)
    photograph(lesson, tmp_path / "solved.png")
    assert {name: read_points(lesson, name) for name in points} == points
    assert validate(lesson) == "Success! Your notebook passes all the tests."
    lesson.evaluate(RUN_LAST)  # validating has saved the file
    assert "14 of 14 exercises found, all answered" in read_last_cell(lesson)
