"""What platforms read back: files of their real shape, by other people's readers."""

import csv
import json
import zipfile

import pandas as pd
import pytest
from nbgrader.apps import NbGraderApp

from grader.cli import main

CANVAS = """\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,Week 1 (4711),\
Essay (4712),Final
    Points Possible,,,,,5,10,(read only)
"Khan, Dr., Amina",101,U1,akhan,"Lab 1, Tue",,7,A
"Berg, Bjarne",102,U2,bjarne,Lab 2,2,,B
"Nobody, Ann",109,U9,ann,Lab 2,,,
"Student, Test",199,,0123,Lab 2,,,
"""
MOODLE = """Identifier,"Full name","Email address",Status,Grade,"Maximum grade",\
"Grade can be changed","Last modified (submission)","Last modified (grade)",\
"Feedback comments"
"Participant 9","Amina Khan",amina@uni.edu,"Submitted for grading - ",,5.00,Yes,\
"Friday, 20 November 2026, 9:05 AM",-,
"Participant 7","Bjarne _/ Berg",bb@uni.edu,"Submitted for grading - ",,5.00,Yes,\
"Saturday, 21 November 2026, 9:05 AM",-,"a teacher's words"
"Participant 5","No Body",nobody@uni.edu,"No submission",,5.00,Yes,-,-,
"""


@pytest.fixture
def canvas(there):
    (there / "canvas.csv").write_text(CANVAS.replace("Week 1", "week1"))
    return there / "canvas.csv"


@pytest.fixture
def moodle(there):
    (there / "moodle.csv").write_text(MOODLE)
    return there / "moodle.csv"


def read(path, **options):
    with open(path, newline="", encoding="utf-8-sig", **options) as file:
        return list(csv.DictReader(file))


def test_canvas_file_is_filled_and_nothing_else_changes(canvas, capsys):
    assert main(["export", "--to", "canvas", "--file", str(canvas)]) == 0
    before, after = read(canvas), read(canvas.with_name("canvas-filled.csv"))
    column = "week1 (4711)"
    assert [row[column] for row in after] == ["5", "5", "2.5", "", ""]
    assert [{**row, column: ""} for row in after] == [
        {**row, column: ""} for row in before
    ]
    assert canvas.with_name("canvas-filled.csv").read_bytes()[:3] == b"\xef\xbb\xbf"
    assert "eve has no row in the file." in capsys.readouterr().out


def test_canvas_column_can_be_named(canvas):
    call = ["export", "week1", "--to", "canvas", "--file", str(canvas)]
    assert main([*call, "--column", "4712", "--scale"]) == 0
    filled = read(canvas.with_name("canvas-filled.csv"))
    assert [row["Essay (4712)"] for row in filled[1:3]] == ["10", "5"]


SENTENCES = {
    "no file": (["--to", "canvas"], "Say which file to fill"),
    "no column": (["--to", "canvas", "--column", "x"], "No column is called 'x'"),
    "maximum": (["--to", "canvas", "--column", "Essay"], "or say --scale"),
    "none there": (["--to", "canvas", "--file", "none.csv"], "No such file"),
    "no worksheet": (["--to", "moodle", "--file", "canvas.csv"], "no column 'Grade'"),
    "no assignment": (["weak1", "--to", "csv"], "There is no assignment 'weak1'"),
    "nobody": (["--to", "csv", "--student", "x*"], "There are no grades"),
}


@pytest.mark.parametrize(("options", "sentence"), SENTENCES.values(), ids=SENTENCES)
def test_what_cannot_be_done_is_one_sentence(canvas, capsys, options, sentence):
    if "--file" not in options and "--column" in options:
        options = [*options, "--file", str(canvas)]
    assert main(["export", *options]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1


def test_moodle_worksheet_is_filled(moodle):
    assert main(["export", "week1", "--to", "moodle", "--file", str(moodle)]) == 0
    rows = read(moodle.with_name("moodle-filled.csv"))
    assert [row["Grade"] for row in rows] == ["5", "2.5", ""]
    assert rows[1]["Feedback comments"] == (
        "2.5 of 5 points, 1 off for lateness: f 2/2, g 1.5/3"
    )
    assert rows[0]["Last modified (submission)"].startswith("Friday, 20")


def test_moodle_finds_each_student_s_feedback_by_the_number(moodle):
    main(["export", "week1", "--to", "moodle", "--file", str(moodle)])
    with zipfile.ZipFile(moodle.with_name("moodle-filled-feedback.zip")) as archive:
        names = archive.namelist()
        page = archive.read(names[0]).decode()
    assert names == [
        "Amina Khan_9_assignsubmission_file_/ex.html",
        "Bjarne    Berg_7_assignsubmission_file_/ex.html",
    ]
    assert page == "<p>amina</p>"
    for name in names:  # as Moodle's importziplib.php parts them
        assert name.partition("/")[0].split("_", 4)[1].isdigit()
        assert name.partition("/")[0].split("_", 4)[2:] == [
            "assignsubmission",
            "file",
            "",
        ]


def test_csv_keeps_commas_and_makes_no_formula(there):
    assert main(["export", "--to", "csv", "--output", "out.csv"]) == 0
    frame = pd.read_csv(there / "out.csv", dtype=str, encoding="utf-8-sig")
    assert list(frame.last_name) == ["Khan, Dr.", "Berg", "'@SUM(A1)"]
    assert list(frame.first_name)[2] == "'=HYPERLINK(1)"
    assert list(frame.email)[2] == "'+eve@uni.edu"
    assert [float(score) for score in frame.score] == [5.0, 2.5, 1.0]
    assert [float(score) for score in frame.raw_score] == [5.0, 3.5, 1.0]


def test_json_lines_tell_every_exercise(there):
    assert main(["export", "--to", "jsonl"]) == 0
    lines = (there / "exports/grades.jsonl").read_text().splitlines()
    amina, bjarne, _ = map(json.loads, lines)
    assert (amina["score"], bjarne["penalty"]) == (5.0, 1.0)
    assert bjarne["exercises"][1]["points"] == 1.5
    assert amina["exercises"][0]["mistakes"] == ["sign"]


GRADESCOPE = {
    *("score", "output", "output_format", "visibility", "stdout_visibility"),
    *("tests", "execution_time", "extra_data"),
}


def test_gradescope_gets_its_results(there):
    assert main(["export", "week1", "--to", "gradescope", "--student", "b*"]) == 0
    (path,) = (there / "exports/gradescope/week1").glob("*/results.json")
    results = json.loads(path.read_text())
    assert set(results) == GRADESCOPE
    assert (path.parent.name, results["score"]) == ("bjarne", 2.5)
    assert [test["status"] for test in results["tests"]] == ["passed", "failed"]
    assert {test["visibility"] for test in results["tests"]} == {"visible"}
    assert sum(test["score"] for test in results["tests"]) == 3.5


@pytest.mark.parametrize("kind", ["CsvExporter", "JsonLinesExporter"])
def test_nbgrader_s_own_command_uses_our_exporters(there, kind):
    NbGraderApp.clear_instance()
    call = ["export", f"--exporter=grader.exports.plain.{kind}", "--to", "theirs"]
    try:
        NbGraderApp.launch_instance(call)
    finally:
        NbGraderApp.clear_instance()
    lines = (there / "theirs").read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 3 + (kind == "CsvExporter")
