"""What a sandbox shows of a card, on file systems that are made for it."""

import pytest

from grader.accelerators.nodes import find_libraries, find_nodes


def make_machine(root, *names):
    (root / "dev").mkdir()
    for name in names:
        (root / "dev" / name).touch()
    return root


def list_names(paths):
    return [path.rpartition("/")[2] for path in paths]


def test_nodes_are_those_of_the_cards_and_nothing_else(tmp_path):
    shown = ["nvidia-uvm", "nvidia0", "nvidia1", "nvidiactl"]
    hidden = ["nvidia-uvm-tools", "nvidia-modeset", "nvidia-caps", "nvidia0x", "sda"]
    machine = make_machine(tmp_path, *shown, *hidden)
    assert list_names(find_nodes(machine)) == shown


@pytest.mark.parametrize("names", [[], ["nvidiactl"], ["nvidia0", "nvidia-uvm"]])
def test_no_node_is_shown_where_no_card_can_be_used(tmp_path, names):
    assert find_nodes(make_machine(tmp_path, *names)) == ()


def test_libraries_are_folders_of_the_driver_that_exist(tmp_path):
    (tmp_path / "usr/local/nvidia").mkdir(parents=True)
    (tmp_path / "usr/local/other").mkdir()
    assert find_libraries(tmp_path) == (f"{tmp_path}/usr/local/nvidia",)
