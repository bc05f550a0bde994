"""The journal only grows, survives a cut line, and is rewritten when it is waste."""

import pytest

from grader.gradebook.journal import (
    MIN_LINES,
    WASTE,
    Journal,
    Record,
    make_record,
    read_records,
)
from grader.submission.result import CellTime, ReportView, Result, Verdict


@pytest.fixture
def path(tmp_path):
    return tmp_path / "graded" / "week1.jsonl"


def test_the_newest_line_of_a_student_holds(path):
    Journal(path).add([Record("ada", "k1"), Record("bob", "k1")])
    Journal(path).add([Record("ada", "k2")])
    assert {r.student: r.key for r in read_records(path).values()} == {
        "ada": "k2",
        "bob": "k1",
    }
    assert len(path.read_text().splitlines()) == 3


@pytest.mark.parametrize("cut", [b'{"student": "eve"', b"\xff\n", b"[]\n", b"{}\n"])
def test_a_cut_line_costs_only_that_line(path, cut):
    Journal(path).add([Record("ada", "k")])
    with open(path, "ab") as file:
        file.write(cut)
    journal = Journal(path)
    assert list(journal.records) == ["ada"]
    journal.add([Record("bob", "k")])
    assert list(read_records(path)) == ["ada", "bob"]
    assert cut not in path.read_bytes()


def test_waste_is_dropped(path):
    journal = Journal(path)
    journal.add([Record("ada", str(n)) for n in range(MIN_LINES + WASTE + 1)])
    Journal(path).add([Record("bob", "k")])
    assert len(path.read_text().splitlines()) == 2


def test_a_record_keeps_mistakes_and_times(path):
    report = ReportView("f", False, 0.0, "", "", ("sign",))
    verdicts = (
        Verdict("test_f", 0.0, 2.0, "wrong", "no", (report, report), 0.5, "ex"),
        Verdict("why", 0.0, 2.0, "staff", "lost", notebook="ex"),
    )
    times = (CellTime("ex", "f", 0.25),)
    result = Result("ada", "week1", "d", verdicts, repairs=("moved",), times=times)
    Journal(path).add([make_record(result, "k", "d", "now")])
    record = read_records(path)["ada"]
    assert [note.kinds for note in record.notes] == [("sign",), ()]
    assert [note.points for note in record.notes] == [0.0, None]
    assert (record.repairs, record.cells) == (("moved",), {"ex/f": 0.25})
