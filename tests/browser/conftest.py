"""A JupyterLab of its own on a copy of the course, and a headless Chromium."""

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.commands import make_environment
from tests.demo.sample_class import Student, solve

ROOT = Path(__file__).parent.parent.parent
A, N = "05-one-neuron", "one-neuron"
CLASS = (
    Student("amina", {"dL_dp": "sign flipped"}),
    Student("bjarne", {"dL_dp": "one fraction", "stable": "stub"}),
)
START_S = 60
GRADING_MS = 200_000  # the first submission also starts the sandbox
SETTINGS = {
    # Cells outside the window would have no outputs in the page.
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
    },
    "@jupyterlab/apputils-extension/themes": {"theme": "JupyterLab Light"},
}


@dataclass(frozen=True)
class Lab:
    """A running server and its course folder."""

    folder: Path
    port: int
    token: str

    def link(self, path):
        """Give an address of the server, with the token; `?` and `&` are set right."""
        joint = "&" if "?" in path else "?"
        return f"http://127.0.0.1:{self.port}/{path}{joint}token={self.token}"


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1200, "height": 2400})
    page = context.new_page()
    page.set_default_timeout(60_000)
    yield page
    context.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory, browser):
    """A server in a copy of the course; its settings touch nobody's home."""
    folder = tmp_path_factory.mktemp("course")
    copy_course(folder)
    home = tmp_path_factory.mktemp("jupyter")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    lab = Lab(folder, port, secrets.token_hex(16))
    with run_server(lab, home):
        yield lab


def press(page, lab, student, step):
    """Press a symbol in the row of a student, and wait for nbgrader's word."""
    page.goto(lab.link(f"formgrader/manage_submissions/{A}"))
    page.locator("tbody tr", has_text=student).locator(f"td.{step} a").click()
    page.get_by_text("Successfully").wait_for(timeout=GRADING_MS)


@pytest.fixture(scope="session")
def graded(lab, browser):
    """Both students' work, graded by pressing Autograde in Formgrader."""
    page = browser.new_page()
    page.goto(lab.link("login"))
    for student in CLASS:
        press(page, lab, student.name, "autograde")
    page.close()
    return lab


def copy_course(folder):
    for name in ("nbgrader_config.py", "pyproject.toml", "Makefile"):
        shutil.copy(ROOT / name, folder)
    for name in ("solutions", "notebooks"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / "mine").mkdir()  # where a student works in a copy of her own
    shutil.copy(ROOT / "notebooks" / A / f"{N}.ipynb", folder / "mine")
    hand_in(folder)
    # What `make lab` starts lies there; the environment of the tests is the one.
    (folder / ".ci").symlink_to(ROOT / ".ci")
    (folder / ".venv").symlink_to(sys.prefix)


def hand_in(folder):
    for student in CLASS:
        place = folder / "submitted" / student.name / A
        place.mkdir(parents=True)
        (place / f"{N}.ipynb").write_bytes(solve(student))


@contextlib.contextmanager
def run_server(lab, home):
    """Start the server, wait for it, end it with its kernels."""
    log = home / "server.log"
    with log.open("w") as out:
        server = subprocess.Popen(
            ["make", "-o", "env", "-o", "release", "lab", *write_options(lab)],
            cwd=lab.folder,
            env=write_environment(home),
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_for(lab, server, log)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(timeout=20)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)


def write_options(lab):
    """`make lab`, with what lets a program drive it; nothing is made or installed."""
    flags = [
        "--no-browser",
        f"--IdentityProvider.token={lab.token}",
        "--ip=127.0.0.1",
        "--LabApp.expose_app_in_browser=True",
    ]
    return [f"PORT={lab.port}", f"LAB_FLAGS={' '.join(flags)}"]


def write_environment(home):
    """Give the server folders of its own, and the venv's programs by name."""
    settings = home / "settings"
    for name, content in SETTINGS.items():
        path = settings / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    return {
        **make_environment(),
        "HOME": str(home),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(settings),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
    }


def wait_for(lab, server, log):
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if server.poll() is not None:
            pytest.fail(f"JupyterLab ended: {log.read_text()[-1000:]}")
        try:
            urllib.request.urlopen(lab.link("api/status"), timeout=5).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    pytest.fail(f"JupyterLab did not answer in {START_S} s: {log.read_text()[-1000:]}")
