"""Whether submissions are shown a GPU; the machine's cards are made up."""

import pytest

from grader.cohort import device
from grader.cohort.device import choose_gpu_mb
from grader.errors import GraderError


@pytest.fixture(params=[True, False], ids=["with a card", "without"])
def card(request, monkeypatch):
    nodes = ("/dev/nvidia0", "/dev/nvidiactl") if request.param else ()
    monkeypatch.setattr(device, "find_nodes", lambda: nodes)
    return request.param


@pytest.mark.parametrize("asks", [True, False])
def test_auto_shows_a_card_only_to_an_assignment_that_asks(card, asks):
    assert choose_gpu_mb("auto", 500, lambda: asks) == (500 if card and asks else 0)


def test_cpu_shows_no_card(card):
    assert choose_gpu_mb("cpu", 500, lambda: True) == 0


def test_cuda_by_name_is_refused_where_there_is_no_card(card):
    if card:
        assert choose_gpu_mb("cuda", 500, lambda: False) == 500
    else:
        with pytest.raises(GraderError, match="--device cpu"):
            choose_gpu_mb("cuda", 500, lambda: True)


def test_cards_of_other_machines_are_taken_on_trust(card):
    assert choose_gpu_mb("cuda", 500, lambda: False, here=False) == 500
    assert choose_gpu_mb("auto", 500, lambda: True, here=False) == 0
