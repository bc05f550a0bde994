"""Rooms: who imports whom, how large they are, and what a student's side needs."""

import ast
import importlib.metadata
import re
import subprocess
import sys
from collections import defaultdict
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "grader"
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(
        ".__init__"
    ): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
DESIGN = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
# The table of rooms, from the bottom up: a room imports only rooms that stand above it.
ORDER = re.findall(r"^\| `(\w+)` \|", DESIGN, re.MULTILINE)
# Walls of docs/design.md: these rooms never import those.
WALLS = {
    "sandbox": {"answers", "check", "diagnose", "grading", "examine", "release"},
    "student": {"answers", "check", "diagnose", "grading", "examine", "release"},
    "wire": {"answers", "check", "diagnose", "grading", "examine", "release"},
    "check": {"grading", "sandbox", "release", "examine", "values"},
    "show": {"grading", "sandbox", "release", "examine", "values", "check"},
    "diagnose": {"grading", "sandbox", "release", "examine", "values", "check"},
}
MAX_MODULES = 8  # in a folder; diagnose/changes holds one family of changes a file


def list_imports(path):
    """Name the modules of ours that a file imports anywhere, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for one in found if (name := find_module(one))}


def find_module(name):
    """Give the module that a dotted name lies in, None for other people's."""
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return name or None


def find_room(module):
    """`grader.check.report` → `check`; the package's own `__init__` → `grader`."""
    return module.split(".")[1] if "." in module else module


GRAPH = {name: list_imports(path) - {name} for name, path in MODULES.items()}
GRAPH["grader"] = set()  # it hands on two rooms when they are first named
ROOMS = defaultdict(set)
for _module, _imported in GRAPH.items():
    ROOMS[find_room(_module)] |= {find_room(one) for one in _imported}


def test_design_lists_every_room_once():
    assert len(ORDER) == len(set(ORDER))
    assert set(ROOMS) <= set(ORDER)


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_room_imports_only_rooms_above_it_in_the_design(room):
    assert ROOMS[room] <= set(ORDER[: ORDER.index(room) + 1])


@pytest.mark.parametrize("room", WALLS)
def test_wall_is_not_crossed_by_any_way(room):
    reached, waiting = set(), {room}
    while waiting:
        reached |= waiting
        waiting = set().union(*(ROOMS[one] for one in waiting)) - reached
    assert not reached & WALLS[room]


def test_no_module_imports_itself_by_any_way():
    order = list(TopologicalSorter(GRAPH).static_order())
    assert len(order) == len(MODULES)


def test_room_holds_at_most_eight_modules():
    folders = defaultdict(list)
    for path in MODULES.values():
        if path.name not in {"__init__.py", "__main__.py"}:
            folders[path.parent.relative_to(ROOT)].append(path.stem)
    assert {
        folder: names
        for folder, names in folders.items()
        if len(names) > MAX_MODULES + (folder.name == "changes")
    } == {}


@pytest.mark.parametrize("name", ["utils", "helpers", "common", "base", "misc"])
def test_no_module_is_named_for_nothing(name):
    assert [module for module in MODULES if module.endswith(f".{name}")] == []


def find_needed(*distributions):
    """Name all importable packages that these distributions bring along."""
    tops = importlib.metadata.packages_distributions()
    installed = {normalize(one) for dists in tops.values() for one in dists}
    names, waiting = set(), set(distributions)
    while waiting:
        name = waiting.pop()
        names.add(name)
        lines = importlib.metadata.requires(name) or []
        required = {find_name(line) for line in lines if "extra ==" not in line}
        waiting |= (required & installed) - names
    return {top for top, dists in tops.items() if names & set(map(normalize, dists))}


def find_name(requirement):
    return normalize(re.match(r"[\w.-]+", requirement)[0])


def normalize(name):
    """As PEP 503 compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


# Runs in a fresh interpreter: only the standard library and the named packages exist.
ONLY = """
import sys

allowed = set(sys.argv[1].split(",")) | set(sys.stdlib_module_names) | {"grader"}


class Block:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in allowed and not top.startswith("_"):
            raise ModuleNotFoundError(f"{name}: not on Colab", name=name)


sys.meta_path.insert(0, Block())
from grader import check, show
import grader.diagnose
ours = {name.split(".")[1] for name in sys.modules if name.startswith("grader.")}
print(",".join(sorted(ours)), "torch._dynamo" in sys.modules, "IPython" in sys.modules)
"""


@pytest.mark.process
def test_students_side_needs_only_torch_and_matplotlib():
    needed = ",".join(sorted(find_needed("torch", "matplotlib")))
    done = subprocess.run(
        [sys.executable, "-c", ONLY, needed],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    rooms, loads_dynamo, loads_ipython = done.stdout.split()
    assert not set(rooms.split(",")) & (WALLS["check"] | {"student", "wire"})
    assert (loads_dynamo, loads_ipython) == ("False", "False")
