"""What a submission does to a card: contained, and the next one finds it usable."""

import pytest
import torch

from grader.sandbox.launcher import Zygote
from grader.sandbox.limits import Limits
from grader.sandbox.process import StudentDied, StudentTimeout

CAP_MB = 1024
pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]
HOLD = "import torch\nkept = []\nwhile True: kept.append(torch.ones(1 << 26).cuda())"
TOO_MUCH = "import torch\ntorch.empty(1 << 50, device='cuda')"
ENDLESS = "import torch\ntorch.ones((), device='cuda')\ntorch.cuda._sleep(1 << 62)"
ILLEGAL = """
import torch
table = torch.ones(3, device="cuda")
table[torch.tensor([1 << 40], device="cuda")]
"""
USE = "import torch\nprint(torch.ones(2, device='cuda').sum().item())"


@pytest.fixture(scope="module")
def cards():
    with Zygote.start(Limits(gpu_mb=CAP_MB)) as zygote:
        yield zygote


def run(zygote, source, timeout_s=60.0):
    message = {"op": "run_cell", "source": source, "name": "cell", "index": 1}
    with zygote.fork() as student:
        return student.request(message, timeout_s=timeout_s)[0]


def assert_card_works(zygote):
    assert run(zygote, USE)["outputs"][0]["text"] == "2.0\n"


def test_card_is_used(cards):
    assert_card_works(cards)


def test_submission_that_holds_too_much_is_ended(cards):
    with pytest.raises(StudentDied, match="GPU memory"):
        run(cards, HOLD)
    assert_card_works(cards)


def test_allocation_that_fails_is_an_error_of_its_cell(cards):
    assert run(cards, TOO_MUCH)["error"]["ename"] == "OutOfMemoryError"
    assert_card_works(cards)


def test_endless_kernel_is_ended_with_its_process(cards):
    with pytest.raises((StudentTimeout, StudentDied)):
        run(cards, ENDLESS, timeout_s=5.0)
    assert_card_works(cards)


def test_illegal_access_ends_its_process_and_no_other(cards):
    with pytest.raises(StudentDied):
        run(cards, ILLEGAL)
    assert_card_works(cards)
