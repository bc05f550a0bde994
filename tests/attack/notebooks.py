"""Cheats that bend the notebook file itself."""

import copy
import json
import os

from tests.attack.attacks import Attack, Bench
from tests.attack.course import FULL, NOTEBOOK, find

NAME = f"{NOTEBOOK}.ipynb"
WRONG = {"spread": "def spread(data):\n    return data"}
NOTHING = dict.fromkeys(FULL, 0.0)
TRUE = "spread(torch.ones(3))\n2"


def edit_test(bench: Bench):
    """The check ends in a number that was typed in."""
    notebook = bench.fill(**WRONG)
    find(notebook, "test_spread")["source"] = TRUE
    return {NAME: notebook}


def delete_tests(bench):
    """No check is left."""
    notebook = bench.fill(**WRONG)
    notebook["cells"] = [
        cell for cell in notebook["cells"] if not str(cell.get("id")).startswith("test")
    ]
    return {NAME: notebook}


def double_test(bench):
    """A second check of the same name comes last."""
    notebook = bench.fill(**WRONG)
    double = copy.deepcopy(find(notebook, "test_spread"))
    double["source"] = TRUE
    notebook["cells"].append(double)
    return {NAME: notebook}


def claim_test(bench):
    """The answer cell says that it is the check too."""
    notebook = bench.fill(**WRONG)
    cell = find(notebook, "spread")
    flags = find(notebook, "test_spread")["metadata"]["nbgrader"]
    own = {**cell, "id": "x", "source": TRUE, "metadata": {"nbgrader": dict(flags)}}
    notebook["cells"].insert(2, own)
    return {NAME: notebook}


def retype(kind):
    """Make a maker whose check is of another type."""

    def make(bench):
        notebook = bench.fill(**WRONG)
        find(notebook, "test_spread")["cell_type"] = kind
        return {NAME: notebook}

    return make


def skip_test(bench):
    """All the tags with which tools leave a cell out."""
    notebook = bench.fill(**WRONG)
    tags = ["skip-execution", "raises-exception", "inside", "remove_cell"]
    find(notebook, "test_spread")["metadata"]["tags"] = tags
    find(notebook, "test_spread")["metadata"]["deletable"] = True
    return {NAME: notebook}


def raise_points(bench):
    """A hundred points for an exercise, and a hundred for an essay."""
    notebook = bench.fill(**WRONG)
    for name in ("test_d_loss", "test_spread", "why"):
        find(notebook, name)["metadata"]["nbgrader"]["points"] = 100
    return {NAME: notebook}


def add_grade_cells(bench):
    """Checks of the student's own, worth fifty each."""
    notebook = bench.fill(**WRONG)
    for number in range(3):
        cell = copy.deepcopy(find(notebook, "test_spread"))
        cell.update(id=f"own{number}", source="50.0")
        cell["metadata"]["nbgrader"].update(grade_id=f"own{number}", points=50)
        notebook["cells"].append(cell)
    return {NAME: notebook}


def add_task(bench):
    """The answer becomes a task, and the check an answer in words."""
    notebook = bench.fill(**WRONG)
    flags = find(notebook, "test_spread")["metadata"]["nbgrader"]
    flags.update(task=True, solution=True, locked=False)
    find(notebook, "spread")["metadata"]["nbgrader"].update(solution=False, locked=True)
    return {NAME: notebook}


def save_full_marks(bench):
    """Stored outputs, and what our own pages write, say that all is right."""
    notebook = bench.fill(**WRONG)
    cell = find(notebook, "test_spread")
    result = {"output_type": "execute_result", "data": {"text/plain": "2.0"}}
    cell["outputs"] = [{**result, "metadata": {}, "execution_count": 1}]
    about = {"status": "right", "points": 2.0, "message": "", "shown": 9}
    cell["metadata"]["grader"] = about
    notebook["metadata"]["grader"] = {"repairs": [], "points": 20}
    return {NAME: notebook}


def reorder(bench):
    """Checks first, then answers, then the set-up."""
    notebook = bench.fill(**WRONG)
    notebook["cells"].sort(key=lambda c: not str(c.get("id")).startswith("test"))
    return {NAME: notebook}


def edit_setup(bench):
    """The locked cells bring other tools and other references."""
    notebook = bench.fill(**WRONG, d_loss="def d_loss(w, x):\n    return w * 0")
    setup = find(notebook, "setup")
    lies = "torch.allclose = lambda *a, **k: True\n"
    setup["source"] = "".join([*setup["source"], "\n", lies])
    find(notebook, "given_d_loss")["source"] = "loss = lambda w, x: (w * 0).sum()"
    return {NAME: notebook}


def exchange_ids(bench):
    """The easy answer goes under the name of another exercise as well."""
    notebook = bench.fill(**WRONG)
    double = copy.deepcopy(find(notebook, "half"))
    double["metadata"]["nbgrader"]["grade_id"] = "spread"
    notebook["cells"].insert(3, double)
    find(notebook, "spread")["id"] = "half2"
    return {NAME: notebook}


def answer_twice(bench):
    """Two filled answers: the right one counts for no test of the other."""
    notebook = bench.fill()
    wrong = copy.deepcopy(find(notebook, "spread"))
    wrong["source"] = "# exercise: spread\ndef spread(data):\n    return data"
    notebook["cells"].append(wrong)
    return {NAME: notebook}


def link_to_master(bench):
    """The notebook is a symbolic link to the master."""
    (bench.folder / NAME).symlink_to(bench.words["COURSE"] + f"/solutions/prey/{NAME}")


def link_the_folder(bench):
    """A folder of the submission is a link to a neighbour's."""
    target = f"{bench.words['COURSE']}/submitted/{bench.words['NEIGHBOUR']}/prey"
    os.symlink(target, bench.folder / "work")


def link_hard(bench):
    """Data beside the notebook is a link to the gradebook and to a key."""
    os.symlink(bench.words["COURSE"] + "/gradebook.db", bench.folder / "data.csv")
    os.symlink(bench.words["HOME"] + "/.ssh/id_test", bench.folder / "key.txt")
    notebook = bench.fill()
    show = "print('LEAK', open('data.csv', 'rb').read(9), open('key.txt').read())"
    find(notebook, "last")["source"] = show
    return {NAME: notebook}


def bring_modules(bench):
    """Modules of the student's own stand in the way of the real ones."""
    fake = (
        "allclose = equal = lambda *a, **k: True\ndef __getattr__(name): return None\n"
    )
    names = ("torch.py", "math.py", "grader.py", "sitecustomize.py", "conftest.py")
    folders = ("torch/__init__.py", "grader/check/__init__.py", "numpy/__init__.py")
    files = dict.fromkeys((*names, *folders, "usercustomize.py", "x.pth"), fake)
    return {NAME: bench.fill(**WRONG), **files}


def name_another_kernel(bench):
    """A kernel that would run a program of the student's."""
    notebook = bench.fill(**WRONG)
    spec = {"name": "../../evil", "argv": ["touch", bench.words["OUTSIDE"]]}
    notebook["metadata"]["kernelspec"] = spec | {"language": "bash"}
    kernel = {"argv": ["sh", "-c", "exit"], "display_name": "x", "language": "python"}
    return {NAME: notebook, "kernel.json": json.dumps(kernel)}


def forge_state(bench):
    """Files with which nbgrader and we keep the books."""
    files = ("gradebook.db", ".grader/secret", "nbgrader_config.py", "feedback.html")
    books = dict.fromkeys(files, "c = get_config(); c.x = 1")
    time = {"timestamp.txt": "1999-01-01 00:00 UTC"}
    return {NAME: bench.fill(**WRONG), **books, **time}


SPREAD = {"spread": 0.0}


def bent(name, make, due=None, told="", family="the notebook bent"):
    """Make a row of the table below."""
    return Attack(name, "cheat", family, make, SPREAD if due is None else due, told)


BENT = [
    bent("check typed over", edit_test, told="changed"),
    bent("checks deleted", delete_tests, told="put back"),
    bent("check doubled", double_test, told="one copy"),
    bent("answer that is its check", claim_test),
    bent("check as markdown", retype("markdown"), told="type had been changed"),
    bent("check as raw text", retype("raw"), told="type had been changed"),
    bent("check tagged to be skipped", skip_test),
    bent("more points in the file", raise_points),
    bent("own grade cells", add_grade_cells),
    bent("answer made a task", add_task),
    bent("full marks saved", save_full_marks),
    bent("cells in another order", reorder),
    bent("locked cells changed", edit_setup, SPREAD | {"d_loss": 0.0}, "the original"),
    bent("ids exchanged", exchange_ids),
    bent("two answers", answer_twice, told="more than one copy"),
    bent("link to the master", link_to_master, NOTHING, "symbolic link"),
    bent("link to a neighbour's folder", link_the_folder, NOTHING, "symbolic link"),
    bent("links to books and keys", link_hard, {}, "symbolic link", "answers stolen"),
    bent("modules brought along", bring_modules, told="not used"),
    bent("another kernel named", name_another_kernel, told="kernel"),
    bent("books brought along", forge_state, family="the books cooked"),
]
