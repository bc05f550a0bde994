"""Lessons on Colab: the first cell fetches the package, and the points are the same.

One lesson here; `make colab` runs all of them.
"""

import os

import pytest

from grader.release.badge import name_wheel, read_repository
from tests.colab.conftest import ROOT
from tests.kernels import (
    LESSONS,
    list_max_points,
    list_problems,
    read,
    read_points,
    run_lesson,
)

pytestmark = [pytest.mark.notebook, pytest.mark.timeout(600)]
ONE = "one-neuron"
CHOSEN = LESSONS if os.environ.get("GRADER_COLAB") == "all" else [ONE]


@pytest.fixture
def run_setup(colab, tmp_path):
    """Run the set-up cell as a program, with the package at another address."""

    def run_it(address):
        cells = read("notebooks", ONE).cells
        (cell,) = (cell for cell in cells if cell.id == "setup")
        there = read_repository(ROOT).link_file(name_wheel(ROOT))
        assert there in cell.source
        source = cell.source.replace(there, address)
        return colab.try_source(source, tmp_path)

    return run_it


@pytest.fixture
def fresh(colab):
    """Colab without the package, before and after."""
    yield colab
    colab.run("-m", "pip", "uninstall", "-q", "-y", "gradients-by-hand")


def test_setup_fetches_the_package_and_touches_nothing_else(fresh, run_setup, web):
    before = fresh.freeze()
    address = f"{web}/{name_wheel(ROOT)}"
    assert run_setup(address).stdout == (
        f"Fetched {address}; torch, IPython and widgets stay as they are.\n"
    )
    (new,) = fresh.freeze() - before
    assert before <= fresh.freeze() and new.startswith("gradients-by-hand")


def test_uploaded_wheel_is_taken_first(fresh, run_setup, published, tmp_path):
    (wheel,) = published.glob("*.whl")
    (tmp_path / wheel.name).write_bytes(wheel.read_bytes())
    said = run_setup("https://nowhere.invalid/a.whl")
    assert said.stdout.startswith(f"Fetched {wheel.name}; ")


@pytest.mark.parametrize(
    ("place", "reason"),
    [("{web}/gone/", "no such file"), ("http://127.0.0.1:9/", "no answer")],
)
def test_missing_repository_or_network_is_one_sentence(run_setup, web, place, reason):
    address = place.format(web=web) + name_wheel(ROOT)
    last = run_setup(address).stderr.splitlines()[-1]
    assert last == (
        "ModuleNotFoundError: The course's package cannot be fetched from "
        f"{address} ({reason}): check "
        "the network, or upload the course's .whl file into Files; then run again."
    )


@pytest.fixture(scope="session")
def with_package(colab, published):
    (wheel,) = published.glob("*.whl")
    before = colab.freeze()
    colab.run("-m", "pip", "install", "-q", "--no-deps", str(wheel))
    assert before <= colab.freeze()
    return colab


@pytest.mark.parametrize("lesson", CHOSEN)
def test_lesson_runs_as_here(with_package, kernel, lesson, tmp_path):
    """Solved it earns all points; unsolved it runs to its end."""
    master, copy = run_lesson(lesson, tmp_path, kernel)
    assert list_problems(master) == list_problems(copy) == []
    most = list_max_points(master)
    assert read_points(master) == most
    assert read_points(copy) == dict.fromkeys(most, 0.0)
