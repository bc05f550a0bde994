import json
import re
import shutil
import zipfile
from pathlib import Path
from urllib.parse import unquote

import pytest

from grader.publish.leaks import Leaked
from grader.publish.tree import NotReleased, build_tree, build_wheel, list_files
from grader.release.badge import read_repository

ROOT = Path(__file__).parent.parent.parent
LESSON = "00-tensors-and-checks"


def test_tree_holds_what_a_class_needs_and_no_more(tree):
    copies = [path.relative_to(ROOT) for path in ROOT.glob("notebooks/*/*.ipynb")]
    wheel = "gradients_by_hand-0.1.0-py3-none-any.whl"
    top = {".gitignore", "README.md", "environment.yml", wheel}
    assert set(list_files(tree)) == top | {path.as_posix() for path in copies}


def test_copies_are_the_released_ones(tree):
    for copy in ROOT.glob("notebooks/*/*.ipynb"):
        assert (tree / copy.relative_to(ROOT)).read_bytes() == copy.read_bytes()


def test_wheel_is_the_whole_package_and_nothing_else(tree):
    (wheel,) = tree.glob("*.whl")
    files = (path for path in ROOT.glob("grader/**/*") if path.is_file())
    ours = [path for path in files if "__pycache__" not in path.parts]
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {path.relative_to(ROOT).as_posix() for path in ours} <= names
    assert all(name.startswith(("grader/", "gradients_by_hand-")) for name in names)


def test_same_sources_give_the_same_wheel(tree, tmp_path):
    (wheel,) = tree.glob("*.whl")
    assert build_wheel(ROOT, tmp_path).read_bytes() == wheel.read_bytes()


def list_targets(text):
    """Give repository, branch and path of every badge in a text."""
    colab = re.findall(
        r"research\.google\.com/github/([^/]+/[^/]+)/blob/([^/]+)/([^\") ]+)", text
    )
    binder = re.findall(
        r"mybinder\.org/v2/gh/([^/]+/[^/]+)/([^?]+)\?urlpath=lab%2Ftree%2F([^\") ]+)",
        text,
    )
    assert len(colab) == len(binder)
    return [(repo, branch, unquote(path)) for repo, branch, path in colab + binder]


def test_every_badge_leads_to_a_file_of_the_tree(tree):
    here = read_repository(ROOT)
    pages = [*tree.glob("notebooks/*/*.ipynb"), tree / "README.md", ROOT / "README.md"]
    for page in pages:
        text = page.read_text(encoding="utf-8").replace('\\"', '"')
        targets = list_targets(text)
        assert targets, page
        for repo, branch, path in targets:
            assert (repo, branch) == (here.name, here.branch)
            assert (tree / path).is_file(), path


def test_fetched_package_is_a_file_of_the_tree(tree):
    address = read_repository(ROOT).link_file("")
    for copy in tree.glob("notebooks/*/*.ipynb"):
        (found,) = re.findall(
            rf'COURSE_PACKAGE = \\"{address}(.+?)\\"', copy.read_text()
        )
        assert (tree / found).is_file()


def test_pages_name_the_wheel(tree):
    for name in ("README.md", "environment.yml"):
        text = (tree / name).read_text()
        assert "gradients_by_hand-0.1.0" in text and "{wheel}" not in text


def test_new_tree_replaces_the_old_and_keeps_its_repository(course):
    target = course / "build" / "student"
    (target / ".git").mkdir(parents=True)
    (target / ".git" / "HEAD").write_text("ref")
    (target / "old").mkdir()
    files = build_tree(course, target)
    assert not (target / "old").exists() and (target / ".git" / "HEAD").is_file()
    assert f"notebooks/{LESSON}/tensors-and-checks.ipynb" in files
    assert not [name for name in files if ".git/" in name]


def test_leak_stops_the_tree_and_leaves_the_old_one(course):
    target = course / "build" / "student"
    build_tree(course, target)
    before = (target / "README.md").read_bytes()
    master = next(course.glob("solutions/*/*.ipynb"))
    shutil.copy(master, course / "notebooks" / LESSON / "tensors-and-checks.ipynb")
    with pytest.raises(Leaked, match="marks of a solution"):
        build_tree(course, target)
    assert (target / "README.md").read_bytes() == before


def test_lesson_without_a_copy_is_told(course):
    shutil.rmtree(course / "notebooks" / LESSON)
    with pytest.raises(NotReleased, match="make release"):
        build_tree(course, course / "build" / "student")


def test_unsaved_states_of_an_editor_stay_behind(course):
    folder = course / "notebooks" / LESSON / ".ipynb_checkpoints"
    folder.mkdir()
    (folder / "a.ipynb").write_text(json.dumps({"cells": []}))
    assert not [
        name for name in build_tree(course, course / "out") if "checkpoints/" in name
    ]
