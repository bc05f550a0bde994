"""What a run says: how far it is, and each sentence once for all whom it concerns."""

import pytest

from grader.cli import main
from grader.cohort.command import _write_summary, write_progress
from grader.grading.autograde import Line, Progress, Summary

PROGRESS = {
    Progress(10, 30, 5.0): "10 of 30 graded, 2.0 a second, 10 s left",
    Progress(10, 3010, 10.0): "10 of 3010 graded, 1.0 a second, 50 min 00 s left",
    Progress(0, 30, 0.0): "0 of 30 graded, 0.0 a second, 0 s left",
}


@pytest.mark.parametrize(("progress", "text"), PROGRESS.items())
def test_progress_tells_count_rate_and_time_left(progress, text):
    assert write_progress(progress) == text


def test_a_sentence_is_told_once_for_all_students():
    summary = Summary("week1")
    for number in range(8):
        summary.lines.append(Line(f"s{number}", 0, 1, (), staff=("The test is odd.",)))
    lines = list(_write_summary(summary))
    assert "  s0, s1, s2, s3, s4 and 3 more (8 of them): The test is odd." in lines


def test_workers_and_a_cluster_are_not_asked_for_at_once(capsys):
    with pytest.raises(SystemExit):
        main(["autograde", "x", "--workers", "2", "--scheduler", "tls://a:1"])
    assert "not allowed with argument" in capsys.readouterr().err


def test_a_bad_scheduler_is_one_sentence(capsys):
    assert main(["autograde", "x", "--scheduler", "nowhere"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("grader: 'nowhere' is no scheduler's address")
    assert error.count("\n") == 1
