"""Good archives are read in memory; bad ones are refused with a reason."""

import io
import os
import stat
import tarfile
import zipfile
from datetime import datetime

import pytest

from grader.lms import archives
from grader.lms.archives import ArchiveError, find_fault, take_files


@pytest.fixture
def pack(tmp_path):
    """Make a zip of (name or ZipInfo, content) pairs."""

    def make(*entries, method=zipfile.ZIP_DEFLATED):
        path = tmp_path / "class.zip"
        with zipfile.ZipFile(path, "w", method) as archive:
            for name, content in entries:
                archive.writestr(name, content)
        return path

    return make


def make_info(name, kind):
    info = zipfile.ZipInfo(name)
    info.external_attr = (kind | 0o777) << 16
    return info


def test_files_come_with_names_and_times(pack):
    info = zipfile.ZipInfo("a/b.ipynb", (2026, 11, 20, 15, 4, 6))
    (file,) = take_files(pack((info, b"{}"), ("a/", b""))).files
    assert (file.name, file.content) == ("a/b.ipynb", b"{}")
    assert file.time == datetime(2026, 11, 20, 15, 4, 6)


def test_what_archivers_leave_is_skipped_without_a_word(pack):
    taken = take_files(pack(("__MACOSX/._x", "x"), (".DS_Store", "x"), ("ok", "x")))
    assert ([file.name for file in taken.files], taken.refused) == (["ok"], ())


FAULTS = {
    "up": ("../../etc/passwd", "leads out"),
    "up inside": ("a/../../x", "leads out"),
    "windows": ("..\\..\\x", "leads out"),
    "root": ("/etc/passwd", "does not begin in"),
    "share": ("\\\\host\\x", "does not begin in"),
    "drive": ("C:\\x", "does not begin in"),
    "long": ("x" * 500, "longer than"),
    "control": ("x\x1b[2J", "control characters"),
    "cut": ("good.ipynb\0.exe", "control characters"),
}


@pytest.mark.parametrize(("name", "reason"), FAULTS.values(), ids=FAULTS)
def test_a_bad_name_is_refused(name, reason):
    assert reason in find_fault(name)


def test_one_bad_entry_does_not_cost_the_others(pack):
    taken = take_files(pack(("../x", "bad"), ("a.ipynb", "good")))
    assert [file.name for file in taken.files] == ["a.ipynb"]
    assert taken.refused == ("'../x' was refused: its path leads out of the archive.",)


KINDS = {"a link": stat.S_IFLNK, "a device": stat.S_IFCHR, "a pipe": stat.S_IFIFO}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_links_and_devices_are_refused(pack, kind):
    taken = take_files(pack((make_info("x", kind), "/etc/passwd")))
    assert taken.files == ()
    assert "not a file" in taken.refused[0]


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("second", ["a.ipynb", "A.ipynb", "ａ.ipynb"])
def test_names_that_collide_are_refused_both(pack, second):
    taken = take_files(pack(("a.ipynb", "1"), (second, "2"), ("b", "3")))
    assert [file.name for file in taken.files] == ["b"]
    assert "which one counts" in taken.refused[0]


def test_a_bomb_is_not_unpacked(pack):
    taken = take_files(pack(("bomb", b"\0" * 20_000_000), ("a", "1")))
    assert [file.name for file in taken.files] == ["a"]
    assert "packed like a bomb" in taken.refused[0]


def test_too_much_in_all_refuses_the_archive(pack, monkeypatch):
    monkeypatch.setattr(archives, "MAX_TOTAL", 1000)
    with pytest.raises(ArchiveError, match="would unpack to more than"):
        take_files(pack(("a", "x" * 600), ("b", "x" * 600)))


def test_too_many_entries_refuse_the_archive(pack, monkeypatch):
    monkeypatch.setattr(archives, "MAX_ENTRIES", 2)
    with pytest.raises(ArchiveError, match="more than 2 entries"):
        take_files(pack(("a", ""), ("b", ""), ("c", "")))


@pytest.mark.parametrize("cut", [10, 60, -30])
def test_a_damaged_archive_is_one_sentence(pack, cut):
    path = pack(("a.ipynb", os.urandom(3000)), ("b.ipynb", "{}"))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ArchiveError, match=r"^'class.zip' cannot be read: .+\.$"):
        take_files(path)


def test_changed_bytes_are_noticed(pack):
    path = pack(("a.ipynb", b"x" * 3000), method=zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match="cannot be read"):
        take_files(path)


def test_an_encrypted_archive_is_refused(pack):
    path = pack(("a", "x"))
    content = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        content[content.find(mark) + offset] |= 1
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match="is encrypted"):
        take_files(path)


def test_a_tar_is_read_and_its_links_and_devices_refused(tmp_path):
    path = tmp_path / "class.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, kind in (
            ("good.ipynb", tarfile.REGTYPE),
            ("soft", tarfile.SYMTYPE),
            ("hard", tarfile.LNKTYPE),
            ("null", tarfile.CHRTYPE),
            ("../up", tarfile.REGTYPE),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "good.ipynb"
            info.size = 2 if kind == tarfile.REGTYPE else 0
            tar.addfile(info, io.BytesIO(b"{}"))
    taken = take_files(path)
    assert [file.name for file in taken.files] == ["good.ipynb"]
    assert len(taken.refused) == 4


def test_a_folder_gives_regular_files_only(tmp_path):
    (tmp_path / "amina").mkdir()
    (tmp_path / "amina/a.ipynb").write_text("{}")
    (tmp_path / "link.ipynb").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe.ipynb")
    taken = take_files(tmp_path)
    assert [file.name for file in taken.files] == ["amina/a.ipynb"]
    assert len(taken.refused) == 2


def test_nothing_there_is_one_sentence(tmp_path):
    with pytest.raises(ArchiveError, match="There is no file or folder"):
        take_files(tmp_path / "none.zip")
