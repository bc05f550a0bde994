"""Setting up: what is planned and what is told; no network, no environment is made."""

import importlib.util
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def env():
    """The program in .ci, loaded as a module."""
    spec = importlib.util.spec_from_file_location(
        "make_env", ROOT / ".ci" / "make_env.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def checkout(tmp_path):
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def test_cpu_build_is_asked_of_pip_first_then_of_pytorchs_index(env, checkout):
    known, index = env.plan_torch(checkout, "cpu")
    assert known == index[2:] and known[-1].endswith("+cpu")
    assert index[:2] == ["--index-url", "https://download.pytorch.org/whl/cpu"]


def test_cuda_build_is_never_mistaken_for_the_cpu_one(env, checkout):
    (plan,) = env.plan_torch(checkout, "cuda")
    assert plan[-1].startswith("torch===") and not plan[-1].endswith("+cpu")


def test_rest_is_pinned_and_takes_all_extras(env, checkout):
    plan = env.plan_rest(checkout)
    assert plan[:2] == ["-c", str(checkout / "constraints.txt")]
    assert "grading" in plan[-1] and "test" in plan[-1]


def test_machine_without_nvidia_smi_gets_the_cpu_build(env, monkeypatch):
    monkeypatch.setattr(env.shutil, "which", lambda name: None)
    assert env.find_variant("auto") == "cpu"
    assert env.find_variant("cuda") == "cuda"


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_key_changes_with_each_file_that_matters(env, checkout, name):
    before = env.compute_key(checkout, "cpu")
    (checkout / name).write_text("torch==9\n")
    assert (
        env.compute_key(checkout, "cpu") != before != env.compute_key(checkout, "cuda")
    )


def test_full_disk_is_told_before_anything_is_written(
    env, checkout, monkeypatch, capsys
):
    usage = namedtuple("usage", "total used free")(10**12, 10**12, 10**9)
    monkeypatch.setattr(env.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(env.SetupError, match=r"needs about 3 GB.* 1\.0 GB are free"):
        env.make_env(checkout, "cpu")
    assert not (checkout / ".venv").exists()


def test_finished_environment_is_left_alone(env, checkout):
    (checkout / ".venv").mkdir()
    key = env.compute_key(checkout, "cpu")
    (checkout / ".venv" / env.STAMP).write_text(key)
    assert env.make_env(checkout, "cpu") is None


@pytest.fixture
def pip(env, monkeypatch):
    """Stands for pip and venv: records what is run; `says` makes it fail."""

    class Pip:
        says = ""
        runs: list = []  # noqa: RUF012  (a new class for each test)

    def run(command, log):
        Pip.runs.append(command)
        log.write_text(Pip.says)
        return not Pip.says

    def make_venv(venv):
        (venv / "bin").mkdir(parents=True, exist_ok=True)
        (venv / "bin" / "python").touch()

    monkeypatch.setattr(env, "run_logged", run)
    monkeypatch.setattr(env, "make_venv", make_venv)
    return Pip


def test_half_made_environment_is_taken_up_again(env, checkout, pip):
    pip.says = "ERROR: broken"
    with pytest.raises(env.SetupError):
        env.make_env(checkout, "cpu")
    assert not (checkout / ".venv" / env.STAMP).exists()
    pip.says = ""
    assert "set up .venv" in env.make_env(checkout, "cpu")
    assert env.make_env(checkout, "cpu") is None


FAILURES = {
    "network": (
        "WARNING: Retrying ... NewConnectionError\nERROR: No matching distribution",
        "cannot be reached",
    ),
    "disk": ("OSError: [Errno 28] No space left on device", "disk filled up"),
    "other": ("ERROR: torch has no build here\n", "torch has no build here"),
    "silent": ("Killed", "pip stopped"),
}


@pytest.mark.parametrize(("log", "told"), FAILURES.values(), ids=FAILURES)
def test_failure_is_one_sentence(env, checkout, pip, log, told):
    pip.says = log
    with pytest.raises(env.SetupError, match=told) as raised:
        env.make_env(checkout, "cpu")
    assert "\n" not in str(raised.value)


def test_broken_interpreter_is_replaced(env, tmp_path, monkeypatch):
    venv = tmp_path / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to("/gone/python3")
    made = []

    def run(command, **options):
        if command[0] == str(venv / "bin" / "python"):
            raise FileNotFoundError
        made.append(command)
        return namedtuple("done", "returncode")(0)

    monkeypatch.setattr(env.subprocess, "run", run)
    env.make_venv(venv)
    assert made[0][1:] == ["-m", "venv", "--clear", str(venv)]
