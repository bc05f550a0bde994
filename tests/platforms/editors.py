"""What six places where students work make of a notebook: their marks, their damage.

Shapes as seen in real files, November 2026; each takes the notebook as given out and
solved, and gives the name and the bytes of the file that is handed in.
"""

import copy
import hashlib
import uuid

from tests.demo.savers import VSCODE, run_all, write

DATABRICKS = "application/vnd.databricks.v1"
BADGE = "https://colab.research.google.com/assets/colab-badge.svg"
SECRET_NAME, SECRET_ID = "Amina Personal", "12130000000000000042"


def save_jupyterlab(notebook):
    """4.5; marks of its own in each cell; an answer copied, a check deleted."""
    saved = _run(notebook)
    for cell in saved["cells"]:
        cell["metadata"] |= {"editable": True, "slideshow": {"slide_type": ""}}
        cell["metadata"] |= {"tags": [], "jp-MarkdownHeadingCollapsed": True}
        if cell["cell_type"] == "code":
            times = {"iopub.status.busy": "2026-09-02T10:00:00.000000Z"}
            cell["metadata"] |= {"execution": times, "collapsed": False}
    cells = saved["cells"]
    wrong = copy.deepcopy(_find(cells, "dp_dz"))
    wrong["source"], wrong["id"] = "# exercise: dp_dz\npass", "0f3a"
    cells.insert(cells.index(_find(cells, "dp_dz")), wrong)
    cells.remove(_find(cells, "test_dL_dp"))
    return "one-neuron.ipynb", write(saved, indent=1)


def save_colab(notebook):
    """4.0; ids moved into metadata, a badge of its own, name and id of the person."""
    saved = _run(notebook)
    saved["nbformat_minor"] = 0
    saved["metadata"] = {
        "colab": {"provenance": [], "gpuType": "T4"},
        "accelerator": "GPU",
        "kernelspec": {"display_name": "Python 3", "name": "python3"},
        "language_info": {"name": "python"},
    }
    user = {"displayName": SECRET_NAME, "userId": SECRET_ID}
    for cell in saved["cells"]:
        cell["metadata"]["id"] = cell.pop("id")
        if cell["cell_type"] == "code":
            cell["metadata"] |= {
                "outputId": str(uuid.UUID(int=7)),
                "colab": {"base_uri": "https://localhost:8080/", "height": 53},
                "executionInfo": {
                    "elapsed": 5820,
                    "status": "ok",
                    "timestamp": 1722608125960,
                    "user": user,
                    "user_tz": -330,
                },
            }
    badge = (
        f'<a href="https://colab.research.google.com/drive/1"><img src="{BADGE}"/></a>'
    )
    mark = {"id": "view-in-github", "colab_type": "text"}
    saved["cells"][0] = {"cell_type": "markdown", "metadata": mark, "source": [badge]}
    saved["cells"].insert(3, _new_code("!pip install -q tqdm", metadata={"id": "x1"}))
    return "Copy of one-neuron.ipynb", write(saved, indent=2)


def save_vscode(notebook):
    """The environment's name as kernel, old keys, Windows' line ends, a SQL cell."""
    saved = _run(notebook)
    saved["metadata"] = VSCODE
    for cell in saved["cells"]:
        cell["source"] = "".join(cell["source"]).replace("\n", "\r\n")
    query = _new_code("select 1", metadata={"vscode": {"languageId": "sql"}})
    saved["cells"].append({**query, "id": "a1b2c3"})
    return "one-neuron (1).ipynb", write(saved, indent=1)


def save_kaggle(notebook):
    """4.5 with new ids; nbgrader's marks lost; times of its own; shut off from GPUs."""
    saved = _run(notebook)
    saved["metadata"] = {
        "kaggle": {"accelerator": "none", "dataSources": [], "language": "python"},
        "kernelspec": {
            "display_name": "Python 3",
            "language": "python",
            "name": "python3",
        },
        "language_info": {"name": "python", "version": "3.12.12"},
        "papermill": {"default_parameters": {}, "duration": 9.63, "exception": None},
    }
    for cell in saved["cells"]:
        text = "".join(cell["source"]).encode()
        cell["id"] = hashlib.sha256(text).hexdigest()[:8]
        spent = {"duration": 0.0035, "exception": False, "status": "completed"}
        cell["metadata"] = {"papermill": spent, "tags": [], "trusted": True}
        cell["metadata"]["_uuid"] = str(uuid.UUID(int=len(text)))
    first = "# This Python 3 environment comes with many helpful libraries\nimport os"
    saved["cells"].insert(0, {**_new_code(first), "id": "00000000"})
    return "one-neuron.ipynb", write(saved, indent=None)


def save_databricks(notebook):
    """4.0; no kernel, no ids, nothing of nbgrader's; a magic before Python's cells."""
    saved = _run(notebook)
    saved["nbformat_minor"] = 0
    home = {"language": "python", "notebookName": "one-neuron", "widgets": {}}
    saved["metadata"] = {f"{DATABRICKS}+notebook": home}
    for number, cell in enumerate(saved["cells"]):
        del cell["id"]
        mine = {"nuid": str(uuid.UUID(int=number)), "showTitle": False, "title": ""}
        cell["metadata"] = {f"{DATABRICKS}+cell": mine}
        if cell["cell_type"] == "code":
            cell["execution_count"] = 0
    saved["cells"].insert(2, _new_code("%sql\nselect 1"))
    answer = _find_marked(saved["cells"], "dL_dz")
    answer["source"] = "%python\n" + "".join(answer["source"])
    return "one-neuron.ipynb", write(saved, indent=None)


def save_deepnote(notebook):
    """4.2; sources as one text, ids of its own, its advertisement at the end."""
    saved = _run(notebook)
    saved |= {"nbformat_minor": 2}
    saved["metadata"] = {
        "orig_nbformat": 2,
        "deepnote": {"is_reactive": False},
        "deepnote_notebook_id": str(uuid.UUID(int=1)),
        "deepnote_execution_queue": [],
    }
    for number, cell in enumerate(saved["cells"]):
        del cell["id"]
        cell["source"] = "".join(cell["source"])
        cell["metadata"] = {
            "tags": [],
            "cell_id": f"{number:05}-{uuid.UUID(int=number)}",
            "deepnote_to_be_reexecuted": False,
            "source_hash": hashlib.sha256(cell["source"].encode()).hexdigest()[:8],
            "deepnote_cell_type": cell["cell_type"],
        }
    text = '<a href="https://deepnote.com?utm_source=created">Created in Deepnote</a>'
    mark = {"tags": [], "created_in_deepnote_cell": True}
    saved["cells"].append({"cell_type": "markdown", "metadata": mark, "source": text})
    return "one-neuron.ipynb", write(saved, indent=None)


EDITORS = {
    "jupyterlab": save_jupyterlab,
    "colab": save_colab,
    "vscode": save_vscode,
    "kaggle": save_kaggle,
    "databricks": save_databricks,
    "deepnote": save_deepnote,
}


def _run(notebook):
    """Give a copy as after "run all", with an output in each code cell."""
    run = run_all(notebook)
    for cell in run["cells"]:
        if cell["cell_type"] == "code":
            out = {"output_type": "stream", "name": "stdout", "text": ["ran\n"]}
            cell["outputs"] = [out]
    return run


def _new_code(source, **keys):
    cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    return {**cell, "source": source, **keys}


def _find(cells, cell_id):
    return next(cell for cell in cells if cell.get("id") == cell_id)


def _find_marked(cells, word):
    return next(
        c for c in cells if "".join(c["source"]).startswith(f"# exercise: {word}")
    )
