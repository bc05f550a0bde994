"""Runs Python as an ordinary user, also from root's own test run. Not a test."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOBODY = 65534


def run_as_ordinary_user(script, *arguments, tmp_path):
    """Return what the script printed; it ran as the user of this run, or as nobody."""
    command = [sys.executable, "-c", script, *arguments]
    if os.geteuid() == 0:
        command = become_nobody(command, tmp_path)
    env = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    options = {"env": env, "cwd": "/", "capture_output": True, "text": True}
    done = subprocess.run(command, check=False, timeout=120, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def become_nobody(command, tmp_path):
    """Wrap a command; where Python lies in a closed home, show it without the rest."""
    if not shutil.which("setpriv") or not shutil.which("unshare"):
        pytest.skip("util-linux is needed to become an ordinary user")
    needed = [Path(sys.base_prefix), Path(sys.prefix), ROOT]
    hidden = {path: find_closed(path) for path in needed if find_closed(path)}
    lines = ["set -e"]
    for number, path in enumerate(hidden):
        (tmp_path / str(number)).mkdir()
        lines.append(f"mount --rbind {path} {tmp_path / str(number)}")
    lines += [f"mount -t tmpfs -o mode=755 none {top}" for top in set(hidden.values())]
    for number, path in enumerate(hidden):
        lines.append(f"mkdir -p {path}; mount --rbind {tmp_path / str(number)} {path}")
    user = f"setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups"
    lines.append(f"exec {user} {shlex.join(command)}")
    return ["unshare", "-m", "sh", "-c", "\n".join(lines)]


def find_closed(path):
    """The outermost folder above a path that others may not enter."""
    for folder in reversed(path.parents):
        if not folder.stat().st_mode & 0o001:
            return folder
    return None
