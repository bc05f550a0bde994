"""A notebook file gives cells or a reason; `tests/grading/test_intake.py` has more."""

import json
import time

from grader.reading.notebook import MAX_ATTACHMENTS, MAX_SOURCE, read_notebook


def write(*cells, **more):
    return json.dumps({"cells": cells, "nbformat": 4} | more).encode()


def test_outputs_are_dropped_unread():
    picture = {"output_type": "display_data", "data": {"image/png": "A" * 10_000_000}}
    content = write({"cell_type": "code", "source": "x", "outputs": [picture]})
    start = time.perf_counter()
    (cell,) = read_notebook(content).cells
    assert time.perf_counter() - start < 2
    assert len(repr(cell)) < 200


def test_the_last_of_duplicated_keys_counts():
    content = b'{"cells": [], "cells": [{"cell_type": "code", "source": "x = 1"}]}'
    assert read_notebook(content).cells[0].source == "x = 1"


def test_nan_and_huge_numbers_do_not_matter():
    content = b'{"a": NaN, "cells": [{"cell_type": "code", "source": "x"}], "b": 1e999}'
    assert read_notebook(content).cells[0].source == "x"


def test_too_many_values_are_refused_quickly():
    content = b'{"cells": [' + b"[]," * 3_000_000 + b"[]]}"
    assert read_notebook(content).problem == "holds too many values to be a notebook"


def test_a_damaged_file_cannot_cost_time():
    content = b'{"cells": [' + b'{"source": "' * 500_000
    start = time.perf_counter()
    assert read_notebook(content).problem
    assert time.perf_counter() - start < 5


def test_an_endless_source_is_left_out():
    raw = read_notebook(write({"cell_type": "code", "source": "x" * (MAX_SOURCE + 1)}))
    assert raw.cells[0].source == ""
    assert "too long and was left out" in raw.notes[0]


def test_endless_text_is_cut_and_told():
    cell = {"cell_type": "code", "source": "x" * MAX_SOURCE}
    raw = read_notebook(write(*[cell] * 20))
    assert len(raw.cells) == 11
    assert "the rest was not read" in raw.notes[0]


def test_only_pictures_are_attached():
    bundle = {"a.png": {"image/png": "iVBO"}, "b.svg": {"image/svg+xml": "PHN2"}}
    bundle["c.png"] = {"image/png": '"onerror="'}
    bundle["d.png"] = {"image/png": "A" * (MAX_ATTACHMENTS + 1)}
    cell = {"cell_type": "markdown", "source": "![](attachment:a.png)"}
    (read,) = read_notebook(write(cell | {"attachments": bundle})).cells
    assert read.attachments == {"a.png": {"image/png": "iVBO"}}


def test_lone_surrogates_can_be_written_again():
    (cell,) = read_notebook(write({"cell_type": "code", "source": "\ud800"})).cells
    assert cell.source.encode() == "\N{REPLACEMENT CHARACTER}".encode()


def test_a_lost_type_is_guessed_from_the_rest():
    cells = [{"source": "x", "outputs": []}, {"source": "text", "cell_type": 7}]
    read = read_notebook(write(*cells)).cells
    assert [cell.cell_type for cell in read] == ["code", "markdown"]
