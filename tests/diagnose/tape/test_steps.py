"""Calls are written as Python writes them, also where no source can be read."""

import pytest
import torch

from grader.diagnose.tape import record_tape
from grader.diagnose.tape.source import SiteFinder

P = {"p": torch.ones(2, dtype=torch.float64), "q": torch.ones(2, dtype=torch.float64)}


@pytest.mark.parametrize(
    "text",
    [
        *("p**2", "p[1]", "1 - p", "-p", "p + q", "p - q", "3 * p", "p / q", "p @ q"),
        *("q * log(p)", "(1 - q) * log(1 - p)", "(p + q)**2", "exp(-p)", "2**p"),
    ],
)
def test_call_without_source_is_written_in_full(text):
    names = {"log": torch.log, "exp": torch.exp}
    of = eval(f"lambda p, q: {text}", names)
    assert record_tape(of, P, SiteFinder()).output.words == text
