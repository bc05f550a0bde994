"""A small soak: hostile hand-ins, a killed run, and every honest score right."""

import pytest

from tests.bench.soak import soak


@pytest.mark.process
def test_a_killed_run_goes_on_and_loses_nothing(tmp_path):
    faults, told = soak(tmp_path.resolve(), 30, 2, seed=8)
    assert faults == [], told
