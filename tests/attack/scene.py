"""Where attacks happen: a course, a home, bait outside, and ears on loopback."""

import contextlib
import ctypes
import hashlib
import json
import os
import secrets
import selectors
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.attack.attacks import Bench
from tests.attack.course import ASSIGNMENT, FULL, NOTEBOOK, fill_in, lay_out

BIN = Path(sys.executable).parent
RUN_S = 1800
SUBREAPER = 36  # prctl: who is left without a parent becomes our child
SHARED = ("/tmp", "/var/tmp", "/dev/shm", "/run", "/")
WATCHED = ("solutions", "notebooks", "submitted", "nbgrader_config.py")
# A neighbour is honest, or wrong here and there: the marks of both must stay.
MIXED_ANSWERS = {
    "d_loss": "def d_loss(w, x):\n    return torch.dot(w, x) * x",
    "spread": "def spread(data):\n    return data",
    "count_up": "def count_up(n):\n    return [0] * (n - 1) + [n]",
    "half": "def half(x):\n    return 1",
}
MIXED = {**FULL, "d_loss": 0.0, "spread": 0.0, "count_up": 1.0, "half": 0.0}


@dataclass(frozen=True)
class Scene:
    """A folder with all of it, and the words that attacks know of it."""

    root: Path
    released: dict
    words: dict

    @property
    def course(self):
        """The course folder."""
        return self.root / "course"


def build(root, port, path):
    """Lay out course, home and bait."""
    for name in ("course", "home/.ssh", "outside", "tmp"):
        (root / name).mkdir(parents=True)
    (root / "home/.ssh/id_test").write_text("a key of the instructor")
    (root / "outside/bait").write_text("untouched")
    words = {
        "COURSE": str(root / "course"),
        "HOME": str(root / "home"),
        "OUTSIDE": str(root / "outside"),
        "MARK": f"grader-attack-{secrets.token_hex(6)}",
        "PORT": str(port),
        "SOCKET": str(path),
        "NEIGHBOUR": "a000n",
    }
    return Scene(root, lay_out(root / "course"), words)


def name_student(number):
    """Give the attacker's name; the neighbour, graded next, has an `n` more."""
    return f"a{number:03d}"


def hand_in(scene, attacks):
    """Write all submissions: each attack, and a neighbour after it."""
    for number, attack in enumerate(attacks):
        student = name_student(number)
        folder = make_folder(scene, student)
        files = attack.make(Bench(scene.released, folder, scene.words)) or {}
        for name, content in files.items():
            write_file(folder / name, content)
        answers = MIXED_ANSWERS if number % 2 else {}
        neighbour = make_folder(scene, f"{student}n")
        write_file(neighbour / f"{NOTEBOOK}.ipynb", fill_in(scene.released, answers))


def make_folder(scene, student):
    """Make the folder of a submission."""
    folder = scene.course / "submitted" / student / ASSIGNMENT
    folder.mkdir(parents=True)
    return folder


def write_file(path, content):
    """Write bytes, text, or a notebook."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
        return
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_bytes(text.encode("utf-8", "surrogatepass"))


def grade(scene, workers):
    """Run the command; give what it printed, its errors and its exit code."""
    environment = {
        "PATH": os.pathsep.join([str(BIN), "/usr/bin", "/bin"]),
        "HOME": str(scene.root / "home"),
        "TMPDIR": str(scene.root / "tmp"),
        "OMP_NUM_THREADS": "1",
        "LANG": "C.UTF-8",
    }
    command = [BIN / "grader", "autograde", ASSIGNMENT, "--json"]
    done = subprocess.run(
        [*command, "--workers", str(workers)],
        cwd=scene.course,
        env=environment,
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=False,
    )
    return done.stdout, done.stderr, done.returncode


def fingerprint(scene):
    """Give what no submission may change: files by name, as digests."""
    places = [scene.course / name for name in WATCHED]
    places += [scene.root / "home/.ssh", scene.root / "outside"]
    found = {}
    for place in places:
        for path in [place, *sorted(place.rglob("*"))]:
            found[str(path)] = digest(path)
    return found


def digest(path):
    """Give a file's digest; of what is no regular file its kind and size."""
    if path.is_symlink() or not path.is_file() or path.stat().st_size > 1 << 28:
        state = path.lstat()
        size = state.st_size if not path.is_dir() else 0
        return f"{state.st_mode} {size}"
    return hashlib.sha256(path.read_bytes()).hexdigest()


def find_left(scene, before):
    """Name what a run has left behind: files, changes, processes."""
    after = fingerprint(scene)
    changed = [name for name in before | after if before.get(name) != after.get(name)]
    mark = scene.words["MARK"]
    marked = [
        os.path.join(folder, name)
        for folder in (*SHARED, scene.root / "home", scene.course)
        if os.path.isdir(folder)
        for name in os.listdir(folder)
        if mark in name
    ]
    files = [str(path) for path in (scene.root / "tmp").iterdir()]
    return [
        *(f"changed: {name}" for name in changed),
        *(f"left behind: {name}" for name in [*marked, *files]),
        *(f"still runs: {line}" for line in list_children()),
    ]


def list_children():
    """Describe the processes that are ours, those that outlived a parent too."""
    found = []
    for task in Path("/proc/self/task").iterdir():
        for pid in (task / "children").read_text().split():
            command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            if state != "Z":  # of the examiner's own: not yet asked for
                found.append(f"{pid} {command.decode(errors='replace')[:80]}")
    return found


@contextlib.contextmanager
def adopt_orphans():
    """Let whatever outlives its parent become a child of this process."""
    libc = ctypes.CDLL(None)
    libc.prctl(SUBREAPER, 1, 0, 0, 0)
    known = set(list_children())
    try:
        yield known
    finally:
        libc.prctl(SUBREAPER, 0, 0, 0, 0)


class Ears:
    """Sockets on loopback that nobody inside can reach; `hear` tells who did."""

    def __init__(self, folder):
        self.path = folder / "ear"
        tcp = socket.create_server(("127.0.0.1", 0))
        self.port = tcp.getsockname()[1]
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", self.port))
        stream = socket.socket(socket.AF_UNIX)
        stream.bind(str(self.path))
        stream.listen()
        self._sockets = [tcp, udp, stream]

    def hear(self):
        """Say which ears heard something."""
        with selectors.DefaultSelector() as selector:
            for ear in self._sockets:
                selector.register(ear, selectors.EVENT_READ)
            return [f"heard on {key.fileobj}" for key, _ in selector.select(0)]

    def close(self):
        """Close and remove them."""
        for ear in self._sockets:
            ear.close()
        self.path.unlink()


def remove(root):
    """Remove the folder of a run."""
    shutil.rmtree(root, ignore_errors=True)
