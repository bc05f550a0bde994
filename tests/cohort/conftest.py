"""A PostgreSQL server of the tests' own, and the mini assignment of the graders."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.grading.conftest import assignment, hand_in, solved, tables

__all__ = ["assignment", "hand_in", "solved", "tables"]

USER = "grader_test"


def find_server():
    """Give the folder of PostgreSQL's programs; skip where there is none."""
    found = [*map(Path, filter(None, [shutil.which("postgres")]))]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        pytest.skip("no PostgreSQL server here: install postgresql")
    return found[0].resolve().parent


def run_as_owner(command, folder):
    """Run a program of PostgreSQL, which refuses to be run by root."""
    if os.geteuid() == 0:
        owner = next(
            entry for entry in pwd.getpwall() if entry.pw_name in {"postgres", "nobody"}
        )
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        drop = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}"]
        command = [*drop, "--clear-groups", *command]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)


@pytest.fixture(scope="session")
def postgres():
    """Start a server on a socket of its own; give the URL of an empty database."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: extra `postgres`")
    programs = find_server()
    # Not under pytest's own folder, into which the server's user cannot look.
    folder = Path(tempfile.mkdtemp(prefix="grader-pg-"))
    data, log = folder / "data", folder / "log"
    make = [programs / "initdb", "-D", data, "-U", USER, "-A", "trust", "--no-sync"]
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
    control = [programs / "pg_ctl", "-D", data, "-w"]
    run_as_owner([*map(str, make)], folder)
    run_as_owner([*map(str, control), "-l", str(log), "-o", options, "start"], folder)
    try:
        yield f"postgresql+psycopg://{USER}@/postgres?host={folder}"
    finally:
        run_as_owner([*map(str, control), "-m", "immediate", "stop"], folder)
        shutil.rmtree(folder, ignore_errors=True)
