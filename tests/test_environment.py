"""One environment, said three times: pyproject, constraints, environment.yml."""

import importlib.metadata
import itertools
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]
EXTRAS = PROJECT["optional-dependencies"]
ALL = [*PROJECT["dependencies"], *itertools.chain.from_iterable(EXTRAS.values())]
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
CONDA_NAMES = {"torch": "pytorch-cpu", "matplotlib": "matplotlib-base"}


def read_pins():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line.split("#")[0].strip() for line in lines]
    return {
        canonicalize_name(pin.split("==")[0]): pin.split("==")[1] for pin in pins if pin
    }


PINS = read_pins()


def find_closure():
    """Name every distribution that the package with all its extras brings here."""
    found, waiting = set(), [("gradients-by-hand", tuple(EXTRAS))]
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in found:
            continue
        found.add((name, extras))
        for line in importlib.metadata.requires(name) or []:
            required = Requirement(line)
            if applies(required, extras):
                waiting.append(
                    (canonicalize_name(required.name), tuple(required.extras))
                )
    return {name for name, _ in found} - {"gradients-by-hand"}


def applies(requirement, extras):
    if requirement.marker is None:
        return True
    here = default_environment()
    return any(
        requirement.marker.evaluate({**here, "extra": one}) for one in extras or [""]
    )


def test_constraints_pin_what_is_installed_and_nothing_else():
    assert set(PINS) == find_closure()


def test_installed_versions_are_the_pinned_ones():
    installed = {name: importlib.metadata.version(name).split("+")[0] for name in PINS}
    assert installed == PINS


@pytest.mark.parametrize("line", ALL)
def test_pin_lies_within_the_bounds(line):
    required = Requirement(line)
    assert required.specifier.contains(PINS[canonicalize_name(required.name)])


def read_conda():
    """Split environment.yml: conda's names with bounds, and pip's lines."""
    lines = [line for line in CONDA["dependencies"] if isinstance(line, str)]
    pip = next(line["pip"] for line in CONDA["dependencies"] if isinstance(line, dict))
    return {line.split()[0]: line.partition(" ")[2] for line in lines}, pip


def test_conda_names_what_students_and_instructors_need():
    conda, _ = read_conda()
    wanted = [*PROJECT["dependencies"], *EXTRAS["grading"], "pytest>=8"]
    for line in wanted:
        required = Requirement(line)
        name = CONDA_NAMES.get(required.name, required.name)
        assert conda.get(name) == str(required.specifier), name


def test_conda_names_nothing_that_pyproject_does_not():
    conda, _ = read_conda()
    known = [*PROJECT["dependencies"], *EXTRAS["grading"], *EXTRAS["test"]]
    names = {Requirement(line).name for line in known}
    names = {CONDA_NAMES.get(name, name) for name in names} | {"python", "pip"}
    assert set(conda) <= names


def test_conda_takes_the_same_python_from_conda_forge_only():
    conda, _ = read_conda()
    assert conda["python"] == PROJECT["requires-python"]
    assert CONDA["channels"] == ["conda-forge", "nodefaults"]


def test_conda_installs_the_package_itself_with_existing_extras():
    _, pip = read_conda()
    assert len(pip) == 1
    extras = re.fullmatch(r"-e \.\[([\w,]+)\]", pip[0])[1]
    assert set(extras.split(",")) <= set(EXTRAS)


def test_every_requirement_says_why():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    lines = re.findall(r'^  "[\w-]+>=[\d.]+",.*$', text, re.MULTILINE)
    assert lines and all("# " in line for line in lines)
