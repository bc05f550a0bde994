"""Make `.venv` what `pyproject.toml` and `constraints.txt` say; stdlib only.

Done already: nothing happens. Half-made: repaired. Impossible: one sentence, exit 1.
The stamp is written last, so whatever was interrupted is taken up again.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STAMP = "made-from.sha256"
LOG = "setup.log"
# Measured in November 2026: the CPU environment takes 1.7 GB, CUDA's libraries 7 more.
NEEDED_GB = {"cpu": 3, "cuda": 12}
CPU_INDEX = "https://download.pytorch.org/whl/cpu"  # documented on pytorch.org
NETWORK_SIGNS = re.compile(
    r"NewConnectionError|NameResolutionError|Failed to establish|timed? ?out|ProxyError"
    r"|Temporary failure|Network is unreachable|RemoteDisconnected",
    re.IGNORECASE,
)


class SetupError(Exception):
    """What the person at the keyboard can put right, in one sentence."""


def find_variant(asked: str) -> str:
    """Return "cuda" or "cpu"; several GB are only fetched where a GPU can use them."""
    if asked != "auto":
        return asked
    nvidia_smi = shutil.which("nvidia-smi")
    if nvidia_smi is None:
        return "cpu"
    listed = subprocess.run(
        [nvidia_smi, "-L"], capture_output=True, text=True, check=False
    )
    return "cuda" if "GPU 0" in listed.stdout else "cpu"


def compute_key(root: Path, variant: str) -> str:
    """Digest all that decides what belongs into the environment, and where it lies."""
    digest = hashlib.sha256()
    for name in ("pyproject.toml", "constraints.txt"):
        digest.update((root / name).read_bytes())
    place = f"{root} {sys.version_info[:2]} {variant}"  # scripts hold absolute paths
    return hashlib.sha256(digest.digest() + place.encode()).hexdigest()


def check_disk(folder: Path, variant: str) -> None:
    """Raises SetupError before anything is written when the space will not do."""
    free_gb = shutil.disk_usage(folder).free / 1e9
    if free_gb < NEEDED_GB[variant]:
        message = (
            f"the environment needs about {NEEDED_GB[variant]} GB on the disk of "
            f"{folder}, and {free_gb:.1f} GB are free: "
            "make room and run the same command again"
        )
        raise SetupError(message)


def plan_torch(root: Path, variant: str) -> list[list[str]]:
    """Return pip's argument lists for torch, to be tried in turn.

    `===` keeps pip from taking a `+cpu` build where CUDA is wanted: PEP 440 holds
    2.13.0+cpu to be newer than 2.13.0.
    """
    pins = (root / "constraints.txt").read_text(encoding="utf-8")
    found = re.search(r"^torch==(\S+)", pins, re.MULTILINE)
    if found is None:
        raise SetupError("constraints.txt does not pin torch: add a line torch==…")
    version = found[1]
    if variant == "cuda" or sys.platform == "darwin":  # macOS wheels are small
        return [["-c", str(root / "constraints.txt"), f"torch==={version}"]]
    known_to_pip = ["--no-deps", f"torch=={version}+cpu"]
    return [known_to_pip, ["--index-url", CPU_INDEX, *known_to_pip]]


def plan_rest(root: Path) -> list[str]:
    """Return pip's arguments for the package with all its extras, pinned."""
    pyproject = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    extras = ",".join(sorted(pyproject["project"]["optional-dependencies"]))
    return ["-c", str(root / "constraints.txt"), "-e", f"{root}[{extras}]"]


def run_logged(command: list[str], log: Path) -> bool:
    """Run a command with its output in the log; True when it succeeded."""
    with log.open("a", encoding="utf-8") as out:
        out.write(f"\n$ {' '.join(command)}\n")
        out.flush()
        done = subprocess.run(
            command, stdout=out, stderr=subprocess.STDOUT, check=False
        )
    return done.returncode == 0


def explain_failure(log: Path) -> str:
    """Turn the end of pip's log into one sentence."""
    text = log.read_text(encoding="utf-8", errors="replace")
    if "No space left on device" in text:
        return f"the disk filled up: make room and run the same command again ({log})"
    if NETWORK_SIGNS.search(text):
        return (
            "the package index cannot be reached: check the network "
            f"and run the same command again ({log})"
        )
    errors = re.findall(r"^ERROR: (.+)$", text, re.MULTILINE) or ["pip stopped"]
    return f"installing failed: {errors[-1]} ({log})"


def make_venv(venv: Path) -> None:
    """Create the environment, or keep one whose Python and pip still work."""
    works = [str(venv / "bin" / "python"), "-m", "pip", "--version"]
    try:
        if subprocess.run(works, capture_output=True, check=False).returncode == 0:
            return
    except OSError:
        pass  # no such Python: never made, or its interpreter went away
    print("setting up: making .venv", flush=True)
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(venv)],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        shutil.rmtree(venv, ignore_errors=True)
        message = (
            f"{sys.executable} cannot make a virtual environment: "
            "install its venv module (on Debian and Ubuntu: apt install python3-venv)"
        )
        raise SetupError(message)


def fill_venv(root: Path, venv: Path, variant: str) -> None:
    """Install torch first, so that nothing after it chooses another build."""
    log = venv / LOG
    log.write_text("", encoding="utf-8")
    options = ["--disable-pip-version-check", "--no-input", "--retries", "2"]
    pip = [str(venv / "bin" / "python"), "-m", "pip", "install", *options]
    print(f"setting up: torch ({variant} build, some minutes)", flush=True)
    if not any(run_logged(pip + args, log) for args in plan_torch(root, variant)):
        raise SetupError(explain_failure(log))
    log.write_text("", encoding="utf-8")  # a first miss of torch is no news any more
    print("setting up: everything else that constraints.txt pins", flush=True)
    if not run_logged(pip + plan_rest(root), log):
        raise SetupError(explain_failure(log))


def make_env(root: Path, asked: str) -> str | None:
    """Bring `.venv` in step; return one line of what was done, None for nothing."""
    venv = root / ".venv"
    variant = find_variant(asked)
    key = compute_key(root, variant)
    stamp = venv / STAMP
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == key:
        return None
    started = time.monotonic()
    if not (venv / "bin" / "python").exists():
        check_disk(root, variant)
    stamp.unlink(missing_ok=True)
    make_venv(venv)
    fill_venv(root, venv, variant)
    stamp.write_text(key, encoding="utf-8")
    return (
        f"set up .venv in {time.monotonic() - started:.0f} s ({variant} build of torch)"
    )


def main() -> int:
    """Parse the command line; errors of ours are one sentence."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torch", choices=("auto", "cpu", "cuda"), default="auto")
    try:
        done = make_env(ROOT, parser.parse_args().torch)
    except (SetupError, OSError) as error:
        print(f"setting up: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("setting up: stopped; the next run takes it up again", file=sys.stderr)
        return 130
    if done:
        print(done)
    return 0


if __name__ == "__main__":
    sys.exit(main())
