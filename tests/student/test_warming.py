"""What a fork practises before its first request leaves no trace in what it runs."""

import pytest

pytestmark = pytest.mark.process

FRESH = """
import sys
shell = get_ipython()
print("f" in globals(), len(In), Out, shell.user_ns is globals())
print(torch.get_default_dtype(), torch.is_grad_enabled(), sys.getrecursionlimit())
"""


def run(student, source):
    cell = {"op": "run_cell", "source": source, "name": "c", "index": 1}
    reply, _ = student.request(cell, timeout_s=30)
    return "".join(output.get("text", "") for output in reply["outputs"])


def test_practice_leaves_no_trace(zygote):
    with zygote.fork() as student:
        said = run(student, f"import torch{FRESH}").splitlines()
    assert said == ["False 2 {} True", "torch.float32 True 1000"]


def test_forks_do_not_draw_the_same_after_practice(zygote):
    draw = "print(torch.rand(1).item(), random.random(), np.random.rand())"
    draw = f"import torch, random, numpy as np\n{draw}"
    with zygote.fork() as one, zygote.fork() as two:
        first, second = run(one, draw).split(), run(two, draw).split()
    assert not set(first) & set(second)
