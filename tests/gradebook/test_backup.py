"""The gradebook's copies."""

import contextlib
import sqlite3

from grader.gradebook.backup import KEPT_BACKUPS, back_up


def make_database(path):
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("create table points (value)")
        database.execute("insert into points values (7)")
        database.commit()


def test_address_may_be_relative_to_the_course(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "books").mkdir()
    make_database(tmp_path / "books" / "marks.db")
    note = back_up("sqlite:///books/marks.db", tmp_path / "kept")
    (copy,) = (tmp_path / "kept").glob("*.db")
    assert str(copy) in note
    with contextlib.closing(sqlite3.connect(copy)) as database:
        assert database.execute("select value from points").fetchall() == [(7,)]


def test_only_the_last_copies_are_kept(tmp_path):
    make_database(tmp_path / "marks.db")
    for _ in range(KEPT_BACKUPS + 2):
        back_up(f"sqlite:///{tmp_path}/marks.db", tmp_path / "kept")
    assert len(list((tmp_path / "kept").glob("*.db"))) == KEPT_BACKUPS


def test_no_gradebook_needs_no_copy(tmp_path):
    assert not back_up(f"sqlite:///{tmp_path}/none.db", tmp_path / "kept")
