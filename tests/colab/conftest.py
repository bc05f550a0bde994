"""An environment with Colab's versions, and the course's wheel served as GitHub would.

Its torch is linked from the environment that runs the tests: copying takes minutes.
"""

import contextlib
import functools
import http.server
import importlib.metadata
import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from grader.publish.tree import build_wheel

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
KERNEL = "colab"
FAKE = "def blocking_request(*_, **__):\n    return None\n"


@dataclass(frozen=True)
class Colab:
    """folder/env is the environment, folder/share holds its kernel."""

    folder: Path

    @property
    def python(self):
        return self.folder / "env" / "bin" / "python"

    def run(self, *command):
        """Run a Python command there, and give what it says."""
        done = subprocess.run(
            [self.python, *command], capture_output=True, text=True, check=True
        )
        return done.stdout

    def try_source(self, source, folder):
        """Run a cell's text by itself; it may fail."""
        return subprocess.run(
            [self.python, "-c", source],
            cwd=folder,
            env={**os.environ, "PIP_RETRIES": "0"},  # an absent server stays absent
            capture_output=True,
            text=True,
            check=False,
        )

    def freeze(self):
        """Name all that is installed, with versions."""
        return set(self.run("-m", "pip", "freeze", "--all").split("\n")) - {""}


@pytest.fixture(scope="session")
def colab(tmp_path_factory):
    """Colab as it starts: torch is there, the course's package is not."""
    found = Colab(tmp_path_factory.mktemp("colab"))
    make_environment(found)
    make_kernel(found)
    return found


def make_environment(colab):
    subprocess.run([sys.executable, "-m", "venv", colab.folder / "env"], check=True)
    pins = str(HERE / "colab.txt")
    # Without bytecode: most of these files are never imported.
    pip = ["-m", "pip", "install", "-q", "--no-deps", "--no-compile"]
    colab.run(*pip, "-r", pins)
    (packages,) = (colab.folder / "env").glob("lib/python3*/site-packages")
    torch = importlib.metadata.distribution("torch")
    tops = {Path(file).parts[0] for file in torch.files} - {"..", "__pycache__"}
    for top in tops:
        (packages / top).symlink_to(torch.locate_file(top))
    # Colab's kernel has imported its own package before the first cell runs.
    (packages / "google" / "colab").mkdir(parents=True)
    (packages / "google" / "colab" / "__init__.py").touch()
    (packages / "google" / "colab" / "_message.py").write_text(FAKE)
    (packages / "colab.pth").write_text("import google.colab\n")


def make_kernel(colab):
    folder = colab.folder / "share" / "kernels" / KERNEL
    folder.mkdir(parents=True)
    start = [str(colab.python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": start, "display_name": "Colab", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec))


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """The folder with the wheel, as it lies in the public repository."""
    folder = tmp_path_factory.mktemp("public")
    build_wheel(ROOT, folder)
    return folder


@pytest.fixture
def web(published):
    """A server of it on this machine; gives its address."""
    handler = functools.partial(QuietHandler, directory=published)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with contextlib.closing(server.socket):
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Writes no line for each request."""

    def log_message(self, *_):
        pass


@pytest.fixture
def kernel(colab, monkeypatch):
    """Name the kernel for a client that runs notebooks there."""
    monkeypatch.setenv("JUPYTER_PATH", str(colab.folder / "share"))
    return KERNEL
