"""Faults of files and folders: what editors, archivers and vandals hand in."""

import json
import os

from tests.attack.attacks import Attack
from tests.attack.course import FULL, find, insert_own
from tests.attack.notebooks import NAME, NOTHING

BIG = 40_000  # cells of a notebook that is a bomb


def write(text):
    """Make a maker of one file."""
    return lambda bench: {NAME: text}


def dump(notebook):
    """Give the text of a notebook file."""
    return json.dumps(notebook, ensure_ascii=False)


def rename(name):
    """Make a maker that hands in under another name."""
    return lambda bench: {name: bench.fill()}


def change(edit):
    """Make a maker that edits the honest notebook in place."""

    def make(bench):
        notebook = bench.fill()
        edit(notebook)
        return {NAME: notebook}

    return make


def cut_off(bench):
    """Half of the file is missing."""
    text = dump(bench.fill())
    return {NAME: text[: text.index('"test_spread"')]}


def keep_cells(bench):
    """A list of cells, as some tools export."""
    return {NAME: bench.fill()["cells"]}


def as_nbformat_3(bench):
    """The format of 2013."""
    cells = []
    for cell in bench.fill()["cells"]:
        key = "input" if cell["cell_type"] == "code" else "source"
        kept = {"cell_type": cell["cell_type"], "metadata": cell["metadata"]}
        cells.append(kept | {key: cell["source"], "language": "python"})
    body = {"worksheets": [{"cells": cells}], "nbformat": 3, "nbformat_minor": 0}
    return {NAME: body | {"metadata": {"name": ""}}}


def drop_ids(notebook):
    """Format 4.0 has none."""
    notebook["nbformat_minor"] = 0
    for cell in notebook["cells"]:
        cell.pop("id", None)


def drop_kernel(notebook):
    """No kernelspec and no language."""
    notebook["metadata"] = {}


def set_kernel(notebook):
    """The kernel of somebody's own environment."""
    spec = {"name": "my-env-3.14", "display_name": "my env", "language": "python"}
    notebook["metadata"]["kernelspec"] = spec


def set_schema(number):
    """Give an edit that sets nbgrader's version of the metadata."""

    def edit(notebook):
        for cell in notebook["cells"]:
            flags = cell["metadata"].get("nbgrader")
            if flags:
                flags["schema_version"] = number
                flags.pop("task", None)

    return edit


def lose_metadata(notebook):
    """An editor that kept only the texts."""
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        cell.pop("id", None)


def delete_test(notebook):
    """A slip of the finger."""
    notebook["cells"].remove(find(notebook, "test_chain"))


def delete_setup(notebook):
    """The first cell is gone."""
    notebook["cells"].remove(find(notebook, "setup"))


def copy_stub(notebook):
    """An empty copy of an answer before it."""
    place = notebook["cells"].index(find(notebook, "chain"))
    stub = json.loads(json.dumps(notebook["cells"][place]))
    stub["source"] = "# exercise: chain\ndef chain(x, w, z, p):\n    ..."
    notebook["cells"].insert(place, stub)


def damage_types(notebook):
    """Values of the wrong type all over."""
    notebook["metadata"] = ["x"]
    notebook["nbformat"] = "four"
    for number, cell in enumerate(notebook["cells"]):
        cell["outputs"] = number
        cell["execution_count"] = {"a": []}
        cell["attachments"] = "none"


def put_surrogates(notebook):
    """Half characters and zero bytes, where Python would choke on them."""
    find(notebook, "d_loss")["source"] += "\n# \ud83d \x00"
    find(notebook, "last")["source"] = "'\ud83d\x00'"


def many_cells(notebook):
    """A bomb of cells."""
    cell = {"cell_type": "code", "metadata": {}, "source": "1", "outputs": []}
    notebook["cells"] += [dict(cell) for _ in range(BIG)]


def kill_often(place):
    """Give an edit that puts fifty cells in that end their process."""

    def edit(notebook):
        for _ in range(50):
            insert_own(notebook, place, "import os\nos._exit(0)")

    return edit


def big_output(notebook):
    """Thirty megabytes of stored outputs."""
    output = {"output_type": "stream", "name": "stdout", "text": "x" * (30 << 20)}
    find(notebook, "last")["outputs"] = [output]


def make_pipe(bench):
    """A pipe, on which a reader waits for ever."""
    os.mkfifo(bench.folder / NAME)


def make_pipes_beside(bench):
    """Pipes, a socket's name and links that lead nowhere beside the notebook."""
    os.mkfifo(bench.folder / "data.csv")
    os.symlink("loop", bench.folder / "loop")
    os.symlink("/dev/zero", bench.folder / "zero.txt")
    os.symlink(".", bench.folder / "here")
    return {NAME: bench.fill()}


def make_folder(bench):
    """A folder by the notebook's name."""
    (bench.folder / NAME).mkdir()
    return {f"{NAME}/x.txt": "x"}


def make_sparse(bench):
    """Two gigabytes that take no room."""
    with open(bench.folder / NAME, "wb") as file:
        file.truncate(2 << 30)


def make_deep(bench):
    """Folders in folders, and the notebook at the end."""
    place = bench.folder
    for _ in range(40):
        place /= "d"
    place.mkdir(parents=True)
    (place / NAME).write_text(dump(bench.fill()))


def make_crowd(bench):
    """Three thousand files."""
    for number in range(3000):
        (bench.folder / f"z{number}.txt").write_text("x")
    return {NAME: bench.fill()}


def name_oddly(bench):
    """Names that a terminal, a page or a shell would act on."""
    names = (b"\xff\xfe.csv", b"\x1b[31mred\n.txt", b"$(touch x).csv", b"<b>.html")
    for name in (*names, b"-rf", "\u202etxt.exe".encode()):
        path = os.path.join(os.fsencode(bench.folder), name)
        with open(path, "wb") as file:
            file.write(b"x")
    return {NAME: bench.fill()}


def close_file(bench):
    """Nobody may read it; root may all the same."""
    path = bench.folder / NAME
    path.write_text(dump(bench.fill()))
    path.chmod(0)


def stamp(text):
    """Make a maker with a file of a bad time."""
    return lambda bench: {NAME: bench.fill(), "timestamp.txt": text}


ANY = dict.fromkeys(("step", "half"))
ODD, HONEST = "odd files", "honest accidents"
CLOSED = {} if os.geteuid() == 0 else NOTHING
UP_TO_CUT = {**NOTHING, "d_loss": FULL["d_loss"], "slope": FULL["slope"], "spread": 2.0}


def odd(name, make, due, told="", family=ODD):
    """Make a row of the table below."""
    return Attack(name, "fault", family, make, due, told)


ODD_FILES = [
    odd("broken JSON", write('{"cells": [}'), NOTHING, "damaged"),
    odd("empty file", write(""), NOTHING, "is empty"),
    odd("not UTF-8", write(b"\xff\xfe\xfa" * 99), NOTHING, "prey.ipynb"),
    odd("UTF-16", lambda b: {NAME: dump(b.fill()).encode("utf-16")}, {}),
    odd("byte order mark", lambda b: {NAME: dump(b.fill()).encode("utf-8-sig")}, {}),
    odd("a JSON list", write("[1, 2]"), NOTHING, "prey.ipynb"),
    odd("a number", write("17"), NOTHING, "not a notebook"),
    odd("nested JSON", write("[" * 200_000), NOTHING, "damaged"),
    odd(
        "a number of a million digits",
        write('{"cells": 1' + "0" * 10**6),
        NOTHING,
        "prey.ipynb",
    ),
    odd("no cells", write({"cells": [], "nbformat": 4}), NOTHING, "no cells"),
    odd("a zip archive", write(b"PK\x03\x04" + b"x" * 99), NOTHING, "zip archive"),
    odd("a web page", write("<!DOCTYPE html><p>sign in"), NOTHING, "web page"),
    odd("cut off", cut_off, UP_TO_CUT, "damaged"),
    odd("cells alone", keep_cells, {}),
    odd("nbformat 3", as_nbformat_3, {}),
    odd("4.0 without ids", change(drop_ids), {}),
    odd("no kernelspec", change(drop_kernel), {}),
    odd("another kernelspec", change(set_kernel), {}),
    odd("schema of version 1", change(set_schema(1)), {}),
    odd("schema of version 99", change(set_schema(99)), {}),
    odd("Copy of", rename(f"Copy of {NAME}"), {}, "was taken for"),
    odd("(1)", rename("prey (1).ipynb"), {}, "was taken for"),
    odd("in a folder", rename(f"week 1/{NAME}"), {}, "was taken for"),
    odd("bad timestamp", stamp("yesterday, I think"), {}, "timestamp"),
    odd("timestamp of bytes", stamp(b"\xff\x00\n" * 500), {}, "timestamp"),
    odd("no notebook", lambda b: {"answer.pdf": b"%PDF"}, NOTHING, "No notebook"),
    odd("empty folder", lambda b: {}, NOTHING, "No notebook"),
    odd("wrong types", change(damage_types), {}),
    odd("half characters and zero bytes", change(put_surrogates), {"d_loss": None}),
    odd("40,000 cells", change(many_cells), dict.fromkeys(FULL), ""),
    odd("dying fifty times at the end", change(kill_often("last")), {}, "", "dying"),
    odd("dying fifty times", change(kill_often("step")), ANY, "", "dying"),
    odd("30 MB of outputs", change(big_output), {}),
    odd("a pipe", make_pipe, NOTHING, "not a regular file|No notebook"),
    odd("pipes and loops beside", make_pipes_beside, {}, "symbolic link"),
    odd("a folder by that name", make_folder, NOTHING, "No notebook"),
    odd("2 GB of nothing", make_sparse, NOTHING, "larger than"),
    odd("forty folders deep", make_deep, NOTHING, "too deep"),
    odd("3,000 files", make_crowd, {}, "More than"),
    odd("odd names", name_oddly, {}),
    odd("closed file", close_file, CLOSED, "" if not CLOSED else "permission"),
    odd("metadata lost", change(lose_metadata), {}, "found again", HONEST),
    odd("test deleted", change(delete_test), {}, "put back", HONEST),
    odd("set-up deleted", change(delete_setup), {}, "put back", HONEST),
    odd("answer copied", change(copy_stub), {}, "one copy", HONEST),
]
