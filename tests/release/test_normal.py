import json

import nbformat

from grader.release.normal import tidy, tidy_file, to_text


def read_master(course):
    path = course / "solutions" / "01-tiny" / "tiny.ipynb"
    return path, nbformat.reads(path.read_text(), as_version=4)


def test_a_tidy_master_is_left_alone(course):
    assert not tidy_file(read_master(course)[0])


def test_what_running_and_saving_leave_is_taken_away(course):
    path, notebook = read_master(course)
    clean = path.read_text()
    notebook.cells[1].execution_count = 3
    notebook.cells[1].outputs = [
        nbformat.v4.new_output("stream", name="stdout", text="7\n")
    ]
    notebook.cells[0].metadata["jp-MarkdownHeadingCollapsed"] = True
    notebook.metadata.kernelspec.display_name = ".venv"
    path.write_text(json.dumps(notebook, indent=4))
    assert tidy_file(path)
    assert path.read_text() == clean


def test_normal_text_ends_in_one_newline(course):
    text = to_text(tidy(read_master(course)[1]))
    assert text.endswith("}\n") and not text.endswith("\n\n")
