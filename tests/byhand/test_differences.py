"""A difference is a quotient when it is divided by its step, or the step is tiny."""

import pytest

from grader.byhand import read_text
from grader.shortcuts.evidence import DIFFERENCE

QUOTIENTS = [
    "return (f(x + h) - f(x)) / h",
    "return (f(h + x) - f(x)) / h",
    "return (f(x + h) - f(x - h)) * (1 / (2 * h))",
    "return (f(x + 1) - f(x - 1)) / 2",
    "return 0.5 * (f(x + 1) - f(x - 1))",
    "return f(x + 1e-6) - f(x)",
    "up, down = f(x + h), f(x - h); return (up - down) / (2 * h)",
    "rise = f(x + h) - f(x); rise /= h; return rise",
    "over = 1 / h; return over * (f(x + h) - f(x))",
    "return torch.div(f(x + h) - f(x), h)",
    "return (f(x + h) - f(x)).sum().div(h)",
    "return torch.sub(f(x + h), f(x)) / h",
    "return (f(x + h) + -f(x)) / h",
    "return (f(a=x + h) - f(a=x)) / h",
    "return (f(x + 2 * h) - f(x + h)) / h",
    "rise = lambda: f(x + h) - f(x); return rise() / h",
    "return sum([f(x + s, 1) * s for s in (1., -1.)]) / 2",
    "return (f(x + h) - f(x)) * 5e5",
    "t = 0\n    for s in (1, -1):\n        t += s * f(x + s)\n    return t / 2",
    "return sum(f(x + s) / s for s in (h, -h)) / 2",
]
HONEST = [
    "return 1 / (1 + torch.exp(-x - 1)) - 1 / (1 + torch.exp(-x))",
    "return torch.sigmoid(x + 1) - torch.sigmoid(x)",
    "return torch.exp(-x) * (k * s(k * x + math.pi / 2) - s(k * x))",
    "return 3 * (torch.sigmoid(x + 1) - torch.sigmoid(x))",
    "return (torch.sigmoid(x + 1) - torch.sigmoid(x)) / len(x)",
    "return (torch.sin(x + k) - torch.sin(x)) * k",
    "return torch.log(x) - torch.log(1 - x)",
    "return sum(torch.sin(x + s) for s in (1, -1))",
    "return sum(s * torch.sin(x + s) for s in (1, -1))",
    "return sum((-1) ** n * torch.sin(n * x) for n in range(5))",
    "return torch.cos(x - h) - torch.cos(x + h)",
]


@pytest.mark.parametrize("body", QUOTIENTS)
def test_quotient_is_found(body):
    found = read_text(f"def d(x, h):\n    {body}", "d")
    assert {shortcut.way for shortcut in found} == {DIFFERENCE}


@pytest.mark.parametrize("body", HONEST)
def test_difference_that_an_honest_slope_has_is_none(body):
    text = f"import math, torch\ns = torch.sin\ndef d(x, k, h):\n    {body}"
    assert read_text(text, "d") == ()


def test_step_of_another_cell_is_known():
    text = "H = 2.0 ** -20\ndef rise(x):\n    return f(x + H) - f(x)"
    assert read_text(f"{text}\ndef d(x):\n    return rise(x) * 2 ** 20", "d")
