"""The search is loaded when an answer is wrong, not before, and no large library."""

import subprocess
import sys

import pytest

CHECK = """
import sys, torch
from grader import check
def of(w): return (w**2).sum()
def draw(generator): return {"w": torch.rand(3, generator=generator)}
def right(w): return 2 * w
def wrong(w): return w
def search(): return set(sys.modules) - {"grader.diagnose.diagnosis"}
def is_loaded(): return any(n.startswith("grader.diagnose.") for n in search())
check.gradient(right, of=of, wrt="w", draw=draw)
print(is_loaded())
check.gradient(wrong, of=of, wrt="w", draw=draw)
print(is_loaded())
print([name for name in ("sympy", "torch._dynamo") if name in sys.modules])
"""


@pytest.mark.process
def test_right_answer_loads_no_search():
    done = subprocess.run(
        [sys.executable, "-c", CHECK], capture_output=True, text=True, check=True
    )
    loaded = [line for line in done.stdout.splitlines() if line in ("True", "False")]
    assert loaded == ["False", "True"]
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "[]"
