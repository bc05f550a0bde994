"""What the commands for masters load before they begin."""

import pytest

from tests.commands import run
from tests.demo.sample_class import ROOT


@pytest.mark.process
@pytest.mark.parametrize("room", ["release", "publish"])
def test_no_torch_is_loaded_for_a_text(room):
    code = f"import grader.{room}.__main__, sys; sys.exit('torch' in sys.modules)"
    assert run(ROOT, "python", "-c", code).returncode == 0
