"""A submission keeps its answers whatever an editor, an accident or malice did."""

import copy
import json
import os
import random
import re

import pytest

from grader.grading.intake import intake
from grader.reading.folder import Folder

ANSWERS = {"f": "return 2 * x", "g": "return x ** 2 + 1"}
MASTER_TESTS = ("assert f(1) == 2", "assert f(7) == 14", "assert g(3) == 10")


def find(notebook, cell_id):
    return next(cell for cell in notebook["cells"] if cell.get("id") == cell_id)


def source_of(submission, cell_id, notebook=0):
    cells = submission.notebooks[notebook].cells
    return next((cell.source for cell in cells if cell.id == cell_id), None)


def assert_whole(submission, answers=ANSWERS):
    for cell_id, line in answers.items():
        assert line in source_of(submission, cell_id)
    tests = source_of(submission, "test_f") + source_of(submission, "test_g")
    assert all(line in tests for line in MASTER_TESTS)
    assert source_of(submission, "setup") == "import math"


@pytest.fixture
def take(assignment, hand_in):
    """Take in one notebook, or a folder of files."""

    def run(notebook=None, **files):
        named = {name.replace("__", "."): value for name, value in files.items()}
        named |= {} if notebook is None else {"ex.ipynb": notebook}
        return intake("ada", hand_in(named), assignment)

    return run


# -- what editors do -----------------------------------------------------------------


def save_as_jupyter(notebook):
    return notebook


def save_as_colab_4_0(notebook):
    notebook["nbformat_minor"] = 0
    for cell in notebook["cells"]:
        cell["metadata"]["id"] = cell.pop("id")
        user = {"displayName": "Ada Lovelace", "userId": "1213"}
        cell["metadata"]["executionInfo"] = {"user": user}
    badge = {"cell_type": "markdown", "metadata": {"id": "view-in-github"}}
    notebook["cells"].insert(0, badge | {"source": ["<a href=...>"]})
    return notebook


def save_as_databricks(notebook):
    notebook["nbformat_minor"] = 0
    notebook["metadata"] = {"application/vnd.databricks.v1+notebook": {}}
    for cell in notebook["cells"]:
        cell.pop("id")
        cell["metadata"] = {"application/vnd.databricks.v1+cell": {"nuid": "0851"}}
    notebook["cells"].insert(1, {"cell_type": "code", "source": ["%sql select 1\n"]})
    notebook["cells"][3]["source"].insert(0, "%python\n")
    return notebook


def save_as_deepnote(notebook):
    for cell in notebook["cells"]:
        cell.pop("id")
        cell["source"] = "".join(cell["source"])
        cell["metadata"] = {"cell_id": "00000-ecf6", "tags": []}
    advert = {"created_in_deepnote_cell": True}
    last = {"cell_type": "markdown", "metadata": advert, "source": "<a>Deepnote</a>"}
    notebook["cells"].append(last)
    del notebook["metadata"]
    return notebook


def save_as_nbformat_3(notebook):
    cells = []
    for cell in notebook["cells"]:
        code = cell["cell_type"] == "code"
        kept = {"cell_type": cell["cell_type"], "metadata": cell["metadata"]}
        kept["input" if code else "source"] = cell["source"]
        cells.append(kept | ({"language": "python"} if code else {}))
    return {"worksheets": [{"cells": cells}], "nbformat": 3, "metadata": {"name": ""}}


def send_as_contents_api(notebook):
    return {"type": "notebook", "format": "json", "content": notebook}


def keep_cells_only(notebook):
    return notebook["cells"]


EDITORS = [
    save_as_jupyter,
    save_as_colab_4_0,
    save_as_databricks,
    save_as_deepnote,
    save_as_nbformat_3,
    send_as_contents_api,
    keep_cells_only,
]


@pytest.mark.parametrize("save", EDITORS, ids=lambda save: save.__name__)
def test_every_editor_keeps_the_answers(save, take, solved):
    submission = take(save(solved))
    assert submission.notebooks[0].problem == ""
    assert_whole(submission)
    assert "Lovelace" not in repr(submission)
    assert not any("Deepnote" in cell.source for cell in submission.notebooks[0].cells)


ENCODINGS = ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_keeps_the_answers(encoding, take, solved):
    find(solved, "title")["source"] = ["Größe"]
    text = json.dumps(solved, ensure_ascii=False)
    submission = take(text.encode(encoding))
    assert_whole(submission)
    assert source_of(submission, "title") == "Größe"


# -- honest accidents and cheats -----------------------------------------------------


def delete_test(notebook):
    notebook["cells"].remove(find(notebook, "test_f"))
    return "test_f: deleted; put back from the original."


def edit_test(notebook):
    find(notebook, "test_f")["source"] = ["assert True"]
    return "test_f: changed; the original counts."


def retype_test(notebook):
    find(notebook, "test_f")["cell_type"] = "markdown"
    return "test_f: the cell's type had been changed; set right."


def tag_test(notebook):
    find(notebook, "test_f")["metadata"]["tags"] = ["skip-execution"]
    return ""


def raise_points(notebook):
    find(notebook, "test_f")["metadata"]["nbgrader"]["points"] = 100
    return ""


def duplicate_test(notebook):
    notebook["cells"].append(copy.deepcopy(find(notebook, "test_f")))
    return "test_f: more than one copy"


def edit_setup(notebook):
    find(notebook, "setup")["source"] = ["import math; math.isclose = bool"]
    return "setup: changed; the original counts."


def copy_answer_behind(notebook):
    stub = copy.deepcopy(find(notebook, "f"))
    stub["source"] = ["# exercise: f\ndef f(x):\n    return 0"]
    notebook["cells"].insert(1, stub)
    return "f: more than one copy; the last one that was filled in counts."


def copy_stub_behind(notebook):
    stub = copy.deepcopy(find(notebook, "f"))
    stub["source"] = ['# exercise: f\ndef f(x):\n    raise NotImplementedError("f")']
    notebook["cells"].insert(1, stub)
    return "f: more than one copy; the last one that was filled in counts."


def reuse_answer_cell(notebook):
    lost = find(notebook, "g")
    lost["metadata"]["nbgrader"] = dict(find(notebook, "f")["metadata"]["nbgrader"])
    lost["id"] = "123"
    return "g: had lost its mark; found again by its line '# exercise:'."


def lose_ids_and_marker(notebook):
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        del cell["id"]
        cell["source"] = [line for line in cell["source"] if "exercise" not in line]
    return "f, g: had lost its mark; found again by the names that it defines."


def swap_answers(notebook):
    cells = notebook["cells"]
    f, g = cells.index(find(notebook, "f")), cells.index(find(notebook, "g"))
    cells[f], cells[g] = cells[g], cells[f]
    return "stood at another place; moved back."


def damage_metadata(notebook):
    find(notebook, "f")["metadata"] = ["not", "a", "dict"]
    find(notebook, "g")["metadata"]["nbgrader"] = {"grade_id": 7}
    return "f, g: had lost its mark; found again by its cell id."


def use_another_kernel(notebook):
    notebook["metadata"]["kernelspec"] = {"name": "ir", "language": "R"}
    return "The kernel was set to 'r'; it was run as Python."


ACCIDENTS = [
    delete_test,
    edit_test,
    retype_test,
    tag_test,
    raise_points,
    duplicate_test,
    edit_setup,
    copy_answer_behind,
    copy_stub_behind,
    reuse_answer_cell,
    lose_ids_and_marker,
    swap_answers,
    damage_metadata,
    use_another_kernel,
]


@pytest.mark.parametrize("happen", ACCIDENTS, ids=lambda happen: happen.__name__)
def test_every_accident_is_repaired_and_told(happen, take, solved):
    told = happen(solved)
    submission = take(solved)
    assert_whole(submission)
    assert told in " ".join(submission.repairs)
    notebook = submission.notebooks[0]
    order = [cell.id for cell in notebook.cells if not cell.own]
    assert order == ["title", "setup", "f", "try_f", "test_f", "g", "test_g"]
    assert sum(cell.points for cell in notebook.cells) == 5
    assert not any(cell.tags for cell in notebook.cells)


def test_own_cells_stay_where_they_were(take, solved):
    helper = {"cell_type": "code", "metadata": {}, "source": "two = 2", "outputs": []}
    solved["cells"].insert(2, helper)
    cells = take(solved).notebooks[0].cells
    assert [cell.id for cell in cells[:4]] == ["title", "setup", "own-2", "f"]
    assert cells[2].own
    assert cells[2].kind == "plain"


def test_cells_that_are_not_python_do_not_run(take, solved):
    for source in ("%sql select 1", "%md # Title"):
        cell = {"cell_type": "code", "metadata": {}, "source": source}
        solved["cells"].append(cell)
    foreign = {"metadata": {"vscode": {"languageId": "sql"}}, "source": "select 1"}
    solved["cells"].append({"cell_type": "code"} | foreign)
    own = [cell for cell in take(solved).notebooks[0].cells if cell.own]
    assert [cell.cell_type for cell in own] == ["raw", "markdown", "raw"]


def test_a_deleted_answer_counts_as_unsolved(take, solved):
    solved["cells"].remove(find(solved, "f"))
    submission = take(solved)
    assert "f: no cell with this answer was found" in submission.repairs[0]
    assert "NotImplementedError" in source_of(submission, "f")


def test_an_emptied_answer_is_told(take, solved):
    find(solved, "f")["source"] = []
    assert take(solved).repairs == ("f: the answer is empty; it counts as unsolved.",)


def test_a_rewritten_answer_is_found_by_its_place(take, solved):
    answer = find(solved, "g")
    answer.update(id="x", metadata={}, source="g = lambda x: x ** 2 + 1")
    submission = take(solved)
    assert source_of(submission, "g") == "g = lambda x: x ** 2 + 1"
    assert "found again by its place" in submission.repairs[0]


# -- files ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["Copy of ex.ipynb", "ex (1).ipynb", "EX.ipynb", "week1/ex.ipynb", "x.ipynb"],
)
def test_a_renamed_file_is_found(name, assignment, solved, hand_in):
    submission = intake("ada", hand_in({name: solved}), assignment)
    assert_whole(submission)
    assert "was taken for ex.ipynb" in submission.repairs[0]


def test_a_solved_copy_beats_the_untouched_file(take, solved):
    empty = copy.deepcopy(solved)
    for name in "fg":
        find(empty, name)["source"] = []
    assert_whole(take(empty, **{"ex (1)__ipynb": solved}))


def test_a_readable_copy_beats_a_broken_file(take, solved):
    assert_whole(take("not JSON", **{"ex (1)__ipynb": solved}))


REASONS = {
    "empty": (b"", "is empty"),
    "zip": (b"PK\x03\x04rest", "is a zip archive"),
    "web page": ("<!DOCTYPE html><html></html>", "is a web page"),
    "number": ("17", "holds JSON, but not a notebook"),
    "no cells": ({"cells": [], "nbformat": 4}, "has no cells"),
    "text": ("Dear professor, ...", "does not begin like one"),
    "cut at once": ('{"cells": [{"cell_t', "is cut off or damaged"),
    "nested": ("[" * 100_000, "cut off or damaged"),
    "another": (
        {"cells": [{"cell_type": "code", "source": "1"}]},
        "has none of this notebook's cells",
    ),
}


@pytest.mark.parametrize(("content", "reason"), REASONS.values(), ids=REASONS.keys())
def test_what_cannot_be_graded_has_a_reason(content, reason, take):
    submission = take(content)
    assert reason in submission.notebooks[0].problem
    assert submission.notebooks[0].problem in submission.repairs


def test_an_empty_folder_says_what_was_found(take):
    problem = take(answer__pdf=b"%PDF").notebooks[0].problem
    assert problem == "No notebook ex.ipynb was handed in; found: 'answer.pdf'."


def test_a_cut_file_keeps_its_whole_cells(take, solved):
    text = json.dumps(solved)
    submission = take(text[: text.index('"g"') + 4])
    assert_whole(submission, {"f": ANSWERS["f"]})
    assert "The file is damaged: 5 of its cells could be read." in submission.repairs


def test_shadowing_files_are_not_used(take, solved):
    extras = {"torch__py": "fake", "data__csv": "1,2", "lib__so": b"\x7fELF"}
    submission = take(solved, **extras, mine__py="x = 1")
    assert set(submission.files) == {"data.csv", "mine.py"}
    assert "not used: 'lib.so', 'torch.py'." in submission.repairs[-1]


def test_the_same_bytes_have_the_same_digest(solved, hand_in):
    digest = hand_in({"ex.ipynb": solved}).digest
    assert hand_in({"ex.ipynb": solved}).digest == digest
    assert hand_in({"other.ipynb": solved}).digest != digest


# -- any bytes -----------------------------------------------------------------------


def mutate_bytes(content, rng):
    data = bytearray(content)
    for _ in range(rng.choice([1, 3, 30])):
        position = rng.randrange(len(data))
        action = rng.randrange(4)
        if action == 0:
            data[position] = rng.randrange(256)
        elif action == 1:
            del data[position : position + rng.randrange(200)]
        elif action == 2:
            data[position:position] = rng.choice([b"{", b'"', b"[", b"\x00", b"NaN,"])
        else:
            del data[position:]
        data = data or bytearray(b" ")
    return bytes(data)


def mutate_json(value, rng, depth=0):
    """Replace, drop or repeat something deep inside."""
    odd = [None, 7, -1.5, True, "", "code", [], {}, [[]], {"a": 1}, "\ud800", "x" * 500]
    if depth > 1 and rng.random() < 0.15:
        return copy.deepcopy(rng.choice(odd))
    if isinstance(value, dict) and value:
        key = rng.choice(list(value))
        if rng.random() < 0.1:
            return {other: value[other] for other in value if other != key}
        return value | {key: mutate_json(value[key], rng, depth + 1)}
    if isinstance(value, list) and value:
        position = rng.randrange(len(value))
        mutated = mutate_json(value[position], rng, depth + 1)
        kept = value[position + 1 :]
        return [*value[:position], mutated, *rng.sample(kept, len(kept))]
    return copy.deepcopy(rng.choice(odd))


def mutate(notebook, rng):
    if rng.random() < 0.6:
        for _ in range(rng.choice([1, 2, 5, 20, 100])):
            notebook = mutate_json(notebook, rng)
    content = json.dumps(notebook).encode()
    return mutate_bytes(content, rng) if rng.random() < 0.6 else content


def test_mutated_notebooks_never_raise(assignment, solved):
    """GRADER_MUTATIONS sets how many; `make fuzz` runs 10,000."""
    rng = random.Random(20261122)
    for _ in range(int(os.environ.get("GRADER_MUTATIONS", "500"))):
        folder = Folder({"ex.ipynb": mutate(solved, rng)})
        submission = intake("ada", folder, assignment)
        assert_explained(submission)
        json.dumps([cell.source for cell in submission.notebooks[0].cells]).encode()


def assert_explained(submission):
    """Every exercise without an answer has a sentence that says so."""
    notebook = submission.notebooks[0]
    text = " ".join(submission.repairs)
    assert notebook.problem == "" or notebook.problem in text
    for cell in notebook.cells:
        if cell.kind == "answer" and not (cell.is_answered or notebook.problem):
            assert re.search(rf"\b{cell.id}\b", text)
