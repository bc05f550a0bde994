"""Archives of Canvas and Moodle and loose files become submissions, one try counts."""

import io
import zipfile
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from grader.lms.archives import File
from grader.lms.collect import Rules, collect, read_when
from grader.lms.command import read_worksheet
from grader.lms.names import read_name, split_copy
from grader.lms.people import read_people

NAMES = {
    "khanamina_101_5001_six.ipynb": ("canvas", "101", "six.ipynb"),
    "khanamina_LATE_101_5001_Copy of six.ipynb": ("canvas", "101", "Copy of six.ipynb"),
    "Amina Khan_9_assignsubmission_file_/six.ipynb": ("moodle", "9", "six.ipynb"),
    "Amina Khan_9_assignsubmission_file/six.ipynb": ("moodle", "9", "six.ipynb"),
    "Amina Khan_9_assignsubmission_file_six.ipynb": ("moodle", "9", "six.ipynb"),
    "amina/six.ipynb": ("loose", "", "six.ipynb"),
}


@pytest.mark.parametrize(("path", "expected"), NAMES.items())
def test_names_of_platforms_are_read(path, expected):
    name = read_name(path)
    assert (name.platform, name.number, name.file) == expected


COPIES = {
    "six.ipynb": ("six.ipynb", 0),
    "Copy of six.ipynb": ("six.ipynb", 0),
    "six (2).ipynb": ("six.ipynb", 2),
    "Copy of Copy of six (1) (3).ipynb": ("six.ipynb", 3),
    "six-1.ipynb": ("six.ipynb", 1),
    "lesson-05.ipynb.txt": ("lesson.ipynb.txt", 5),
    "data.csv": ("data.csv", 0),
}


@pytest.mark.parametrize(("file", "expected"), COPIES.items())
def test_copies_are_known_by_their_name(file, expected):
    assert split_copy(file) == expected


@pytest.fixture
def run(known):
    def collect_files(*files, **rules):
        made = [
            File(*file) if isinstance(file, tuple) else File(file, file.encode())
            for file in files
        ]
        given = Rules(read_people(known), **rules)
        done = collect(known, "week1", made, given)
        laid = {
            str(path.relative_to(known.root / "submitted")): path.read_bytes()
            for path in (known.root / "submitted").rglob("*")
            if path.is_file()
        }
        return done, laid

    return collect_files


def test_a_canvas_archive_is_sorted_by_its_numbers(run):
    done, laid = run("x_101_5001_six.ipynb", "bergbjarne_999_5002_six.ipynb")
    assert sorted(laid) == ["amina/week1/six.ipynb", "bjarne/week1/six.ipynb"]
    assert done.refused == []


def test_a_moodle_archive_is_sorted_by_names_and_worksheet(run):
    _, laid = run(
        "Zoë O'Hara-Li_7_assignsubmission_file_/six.ipynb",
        "Somebody Else_8_assignsubmission_file_/six.ipynb",
        participants={"8": "amina"},
    )
    assert sorted(laid) == ["amina/week1/six.ipynb", "zoe/week1/six.ipynb"]


LOOSE = [
    "amina/six.ipynb",
    "amina.ipynb",
    "six - Amina Khan.ipynb",
    "six_amina@uni.edu.ipynb",
    "Copy of six_amina (1).ipynb",
]


@pytest.mark.parametrize("path", LOOSE)
def test_a_loose_file_is_known_by_its_path(run, path):
    assert list(run(path)[0].students) == ["amina"]


def test_of_several_tries_the_last_counts_or_the_first(run):
    tries = [
        ("x_101_5009_six-1.ipynb", b"last"),
        ("x_101_5001_six.ipynb", b"first"),
        ("x_101_5001_data.csv", b"data"),
    ]
    done, laid = run(*tries)
    assert laid == {
        "amina/week1/six.ipynb": b"last",
        "amina/week1/data.csv": b"data",
    }
    assert "2 tries of 'six.ipynb'; the last counts" in done.notes[0]
    assert run(*tries, which="first")[1]["amina/week1/six.ipynb"] == b"first"


def test_the_same_archive_twice_changes_nothing(run):
    run("x_101_1_six.ipynb")
    assert run("x_101_1_six.ipynb")[0].unchanged == ["amina"]


def test_strangers_are_told_or_taken_when_said(run):
    done, laid = run("Ann Who_5_assignsubmission_file_/six.ipynb")
    assert "no student of the gradebook fits" in done.refused[0]
    assert laid == {}
    _, laid = run("Ann Who_5_assignsubmission_file_/six.ipynb", add_students=True)
    assert list(laid) == ["Ann Who/week1/six.ipynb"]


def test_times_come_from_a_table_or_the_files(run):
    written = datetime(2026, 11, 20, 15, 0)
    file = ("x_101_1_six.ipynb", b"", written)
    stamp = "amina/week1/timestamp.txt"
    assert stamp not in run(file)[1]
    berlin = ZoneInfo("Europe/Berlin")
    assert run(file, zone=berlin)[1][stamp] == b"2026-11-20 14:00:00 UTC"
    told = {"amina": datetime(2026, 11, 21, tzinfo=UTC)}
    assert run(file, times=told)[1][stamp] == b"2026-11-21 00:00:00 UTC"


def test_a_student_does_not_say_when_it_came(run):
    done, laid = run("amina/six.ipynb", "amina/timestamp.txt")
    assert list(laid) == ["amina/week1/six.ipynb"]
    assert "timestamp.txt was left out" in done.notes[0]


def test_late_without_a_time_is_told(run):
    done, _ = run("khanamina_LATE_101_1_six.ipynb")
    assert "marked late by Canvas" in done.notes[0]


def test_a_zip_that_was_handed_in_is_opened(run):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("my work/six.ipynb", "{}")
        archive.writestr("data/x.csv", "1")
        archive.writestr("../../evil", "1")
    _, laid = run(("x_101_1_all.zip", packed.getvalue()))
    assert sorted(laid) == ["amina/week1/data/x.csv", "amina/week1/six.ipynb"]
    done, _ = run(("x_102_1_all.zip", b"no zip"))
    assert "neither a zip nor a tar" in done.refused[0]


def test_files_that_no_disk_can_hold_cost_only_their_student(run):
    done, laid = run(f"x_101_1_{'y' * 300}.ipynb", "x_102_1_six.ipynb")
    assert list(laid) == ["bjarne/week1/six.ipynb"]
    assert "amina: cannot be laid out" in done.refused[0]


def test_a_worksheet_tells_numbers_and_times(known, tmp_path):
    path = tmp_path / "grades.csv"
    path.write_text(
        "Identifier,Full name,Email address,Grade,Last modified (submission)\n"
        'Participant 9,?,amina@uni.edu,,"Friday, 20 November 2026, 3:05 PM"\n'
        "Participant 7,Zoë O'Hara-Li,,,-\nParticipant 5,Nobody,,,-\n"
    )
    zone = ZoneInfo("Europe/Berlin")
    numbers, times = read_worksheet(str(path), read_people(known), zone)
    assert numbers == {"9": "amina", "7": "zoe"}
    assert times == {"amina": datetime(2026, 11, 20, 14, 5, tzinfo=UTC)}


@pytest.mark.parametrize("text", ["yesterday-ish", "99999999999999999"])
def test_no_time_is_an_error(text):
    with pytest.raises(ValueError, match=r"."):
        read_when(text, UTC)
