"""How the places where students work save a notebook: their marks and their damage."""

import copy
import json
import uuid

VSCODE = {
    "kernelspec": {"display_name": ".venv", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "version": "3.11.7"},
    "orig_nbformat": 4,
    "interpreter": {"hash": "0" * 64},
}


def save_jupyter(notebook):
    """JupyterLab: nbformat 4.5, every key kept, the cells run."""
    saved = run_all(notebook)
    for cell in saved["cells"]:
        cell["metadata"].setdefault("tags", [])
    return write(saved, indent=1)


def save_colab(notebook):
    """Colab: 4.0, ids moved into metadata, the student's name in each code cell."""
    saved = run_all(notebook)
    saved["nbformat_minor"] = 0
    saved["metadata"] = {
        "colab": {"provenance": []},
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "language_info": {"name": "python"},
    }
    for cell in saved["cells"]:
        cell["metadata"]["id"] = cell.pop("id")
        if cell["cell_type"] == "code":
            user = {"displayName": "A Student", "userId": "12130000000000000000"}
            cell["metadata"]["executionInfo"] = {
                "elapsed": 5820,
                "status": "ok",
                "timestamp": 1722608125960,
                "user": user,
                "user_tz": -330,
            }
    return write(saved, indent=2)


def save_vscode(notebook):
    """VS Code: the environment's name as kernel, keys of older versions left behind."""
    saved = run_all(notebook)
    saved["metadata"] = VSCODE
    return write(saved, indent=1)


def save_databricks(notebook):
    """Databricks: 4.0, no kernelspec, its own metadata in the place of nbgrader's."""
    saved = run_all(notebook)
    saved["nbformat_minor"] = 0
    saved["metadata"] = {
        "application/vnd.databricks.v1+notebook": {"language": "python"}
    }
    for number, cell in enumerate(saved["cells"]):
        del cell["id"]
        nuid = str(uuid.UUID(int=number))
        cell["metadata"] = {"application/vnd.databricks.v1+cell": {"nuid": nuid}}
    return write(saved, indent=1)


def save_broken(notebook):
    """The page of a website, downloaded under the notebook's name."""
    return b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>\n"


SAVERS = {
    "jupyter": save_jupyter,
    "colab": save_colab,
    "vscode": save_vscode,
    "databricks": save_databricks,
    "broken": save_broken,
}


def run_all(notebook):
    """Give a copy with execution counts, as after 'run all' (outputs cleared)."""
    run = copy.deepcopy(notebook)
    code = [cell for cell in run["cells"] if cell["cell_type"] == "code"]
    for count, cell in enumerate(code, start=1):
        cell["execution_count"] = count
    return run


def write(notebook, indent):
    return json.dumps(notebook, indent=indent, ensure_ascii=False).encode() + b"\n"
