"""The student tree's environment: what Binder and conda make of it."""

import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]
CONDA_NAMES = {"torch": "pytorch-cpu", "matplotlib": "matplotlib-base"}


def read_environment(tree):
    found = yaml.safe_load((tree / "environment.yml").read_text())
    *lines, last = found["dependencies"]
    return found, dict(line.partition(" ")[::2] for line in lines), last


def test_whole_of_it_is_three_keys_that_conda_knows(tree):
    found, _, _ = read_environment(tree)
    assert set(found) == {"name", "channels", "dependencies"}
    assert found["channels"] == ["conda-forge", "nodefaults"]


def test_bounds_are_those_of_the_package(tree):
    _, names, _ = read_environment(tree)
    wanted = [Requirement(line) for line in PROJECT["dependencies"]]
    for one in wanted:
        assert names[CONDA_NAMES[one.name]] == str(one.specifier)
    assert names["python"] == PROJECT["requires-python"]


def test_bounds_of_the_rest_are_those_of_the_repository(tree):
    _, names, _ = read_environment(tree)
    extras = PROJECT["optional-dependencies"].values()
    ours = {Requirement(line).name: line for extra in extras for line in extra}
    rest = set(names) - {"python", "pip", *CONDA_NAMES.values()}
    assert rest == {"jupyterlab", "ipywidgets"}
    for name in rest:
        assert f"{name}{names[name]}" == ours[name]


def test_package_is_the_wheel_beside_it(tree):
    """A relative path: pip runs in the folder of environment.yml."""
    _, _, last = read_environment(tree)
    ((wheel,),) = last.values()
    assert list(last) == ["pip"] and wheel.startswith("./")
    assert (tree / wheel).is_file()


def test_nothing_that_binder_would_take_instead_lies_beside_it(tree):
    """A folder `binder` or a Dockerfile goes before environment.yml there."""
    assert not {"binder", ".binder", "Dockerfile"} & {
        path.name for path in tree.iterdir()
    }
