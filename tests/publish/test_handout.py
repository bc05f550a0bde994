import zipfile
from pathlib import Path

import pytest

from grader.publish.handout import pack_handout
from grader.publish.leaks import find_leaks, find_private

ROOT = Path(__file__).parent.parent.parent
WHEEL = "gradients_by_hand-0.1.0-py3-none-any.whl"


@pytest.fixture(scope="module")
def handout(tree, tmp_path_factory):
    folder = tmp_path_factory.mktemp("handout")
    pack_handout(ROOT, tree, folder)
    return folder


def test_there_is_a_zip_for_each_lesson_and_one_of_all(handout):
    lessons = [path.name for path in ROOT.glob("solutions/*")]
    names = {path.stem for path in handout.iterdir()}
    assert names == {*lessons, "gradients-by-hand"}


def test_zip_of_a_lesson_holds_all_that_it_needs(handout):
    with zipfile.ZipFile(handout / "05-one-neuron.zip") as archive:
        names = {"README.md", "environment.yml", "one-neuron.ipynb", WHEEL}
        assert set(archive.namelist()) == {f"05-one-neuron/{one}" for one in names}
        page = archive.read("05-one-neuron/README.md").decode()
    assert page.startswith("# 5 · One neuron\n") and WHEEL in page
    assert "{" not in page


def test_zip_of_all_is_the_tree(handout, tree):
    with zipfile.ZipFile(handout / "gradients-by-hand.zip") as archive:
        for name in archive.namelist():
            kept = tree / name.removeprefix("gradients-by-hand/")
            assert archive.read(name) == kept.read_bytes()


def test_same_tree_gives_the_same_zips(handout, tree, tmp_path):
    for path in pack_handout(ROOT, tree, tmp_path):
        assert path.read_bytes() == (handout / path.name).read_bytes()


def test_no_zip_has_a_leak(handout):
    assert find_leaks(handout, find_private(ROOT)) == []
