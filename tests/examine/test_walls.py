"""What the processes hold while hidden tests are judged, read from /proc."""

import os
from pathlib import Path

import pytest

from grader.submission.assignment import Cell
from tests.processes import read_memory

pytestmark = pytest.mark.process
HIDDEN = "".join(["a hidden", " sentence: ", "9c4be1"])  # in no file as a whole
SEED = "".join(["the course's", " secret: ", "77d0"]).encode()


def look_at(pid):
    """Whether the memory can be read, what of ours is in it, the rest of /proc."""
    held = read_memory(pid)
    folder = f"/proc/{pid}/fd"
    files = [os.readlink(f"{folder}/{name}") for name in os.listdir(folder)]
    return {
        "readable": b"their own words 5d1" in held,
        "leaked": [word for word in (HIDDEN.encode(), SEED) if word in held],
        "files": [name for name in files if name.endswith((".db", ".ipynb"))],
        "environment": Path(f"/proc/{pid}/environ").read_bytes(),
    }


def test_student_holds_no_test_and_no_secret(grade, zygote, monkeypatch):
    """Looked at after its last test, when all that was asked had been asked."""
    seen = []

    class Watched:
        def fork(self):
            self.process = zygote.fork()
            kill = self.process.kill

            def look_and_kill():
                if not seen:
                    seen.append(look_at(self.process.pid))
                kill()

            monkeypatch.setattr(self.process, "kill", look_and_kill)
            return self.process

    answer = "words = 'their own ' + 'words 5d1'\ndef f(x):\n    return x"
    test = f"secret = {HIDDEN!r}\nassert f(3) == 3\nassert len(secret) > 3"
    cells = (
        Cell("f", "answer", answer, exercise="f", release="pass"),
        Cell("t", "check", test, points=1, exercise="f", release="assert f(3) == 3"),
    )
    result = grade(*cells, seed=SEED, forks=Watched())
    assert [v.status for v in result.verdicts] == ["right"]
    assert seen == [{"readable": True, "leaked": [], "files": [], "environment": b""}]
