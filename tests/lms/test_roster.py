"""Rosters of three kinds reach the gradebook with the platform's ids."""

import pytest

from grader.lms.people import Person, explain_bad_id, read_people, write_people
from grader.lms.roster import read_roster
from grader.lms.tables import TableError

CANVAS = """\ufeffStudent,ID,SIS User ID,SIS Login ID,Integration ID,Section,one (77)
    Points Possible,,,,,,12
"Khan, Amina",101,U1,amina,,Lab 1,
"O'Hara-Li, Zoë",103,U3,zoe,,"Lab 1, Lab 2",
"Student, Test",199,,0123abcd,,Lab 1,
"""
MOODLE = """First name,Last name,ID number,Email address,Groups
Amina,Khan,101,amina@uni.edu,
Zoë,O'Hara-Li,,zoe@uni.edu,Lab
"""
WORKSHEET = """Identifier,Full name,Email address,Status,Grade,Maximum Grade
Participant 9,Amina Khan,amina@uni.edu,Submitted,,100.00
"""
OWN = "student_id;first_name;last_name;email;lms_user_id\nzoe;Zoë;Li;zoe@uni.edu;103\n"
FILES = {
    "Canvas": (CANVAS, [("amina", "Khan", "101"), ("zoe", "O'Hara-Li", "103")]),
    "Moodle": (MOODLE, [("101", "Khan", "101"), ("zoe", "O'Hara-Li", "")]),
    "worksheet": (WORKSHEET, [("amina", "Khan", "")]),
    "CSV": (OWN, [("zoe", "Li", "103")]),
}


@pytest.fixture
def read(tmp_path):
    def run(text, *options):
        path = tmp_path / "roster.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_roster(path, *options)

    return run


@pytest.mark.parametrize(("text", "expected"), FILES.values(), ids=FILES)
def test_people_are_read(read, text, expected):
    found = read(text).people
    assert [(one.id, one.last_name, one.lms_id) for one in found] == expected


def test_a_column_can_be_named_that_becomes_the_id(read):
    assert [one.id for one in read(CANVAS, "ID").people] == ["101", "103"]
    with pytest.raises(TableError, match="no column 'Matrikel'"):
        read(CANVAS, "Matrikel")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_spreadsheets_encodings_are_read(read, encoding):
    (person,) = read(OWN.encode(encoding)).people
    assert person.first_name == "Zoë"


@pytest.mark.parametrize(
    "bad", ["../x", "a/b", ".hidden", "a\x1bb", "x" * 101, "", "con:", "e\u0301"]
)
def test_an_id_that_is_no_folder_name_is_refused(bad):
    assert explain_bad_id(bad)


def test_refused_rows_are_named_and_the_others_stay(read):
    roster = read("id,first_name\namina,A\n../x,B\namina,C\n")
    assert [one.id for one in roster.people] == ["amina"]
    assert roster.refused == (
        "Row 3: id '../x': it cannot be a folder's name.",
        "Row 4: id 'amina': the row before has the same id.",
    )


BAD = {
    "empty": (b"", "is empty"),
    "binary": (b"a\0b", "is no text"),
    "excel": (b"PK\x03\x04", "save it as CSV"),
    "others": (b"x,y\n1,2\n", "This is no roster"),
    "nobody": (b"id,email\n", "Nobody is in"),
}


@pytest.mark.parametrize(("content", "sentence"), BAD.values(), ids=BAD)
def test_no_roster_is_one_sentence(read, content, sentence):
    with pytest.raises(TableError, match=sentence):
        read(content)


def test_the_gradebook_is_completed_and_nothing_emptied(course):
    amina = Person("amina", "Amina", "Khan", "", "101")
    assert write_people(course, [amina]) == (1, 0, 0)
    assert write_people(course, [amina]) == (0, 0, 1)
    assert write_people(course, [Person("amina", email="a@b.c")]) == (0, 1, 0)
    found = read_people(course).find("101", "lms")
    assert found == Person("amina", "Amina", "Khan", "a@b.c", "101")
