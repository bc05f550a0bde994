"""Each way round a derivation is seen; no honest formula is accused."""

import functools
import textwrap

import pytest
import torch

from grader.byhand import read_function, read_text
from grader.shortcuts.evidence import (
    AUTOGRAD,
    COMPLEX,
    DIFFERENCE,
    FUNC,
    HIDDEN,
    LIBRARY,
)

CHEATS = {
    "backward": (
        AUTOGRAD,
        """
        def d(x):
            x = x.clone().requires_grad_()
            loss(x).backward()
            return x.grad
        """,
    ),
    "autograd.grad": (
        AUTOGRAD,
        """
        def d(x):
            x.requires_grad = True
            return torch.autograd.grad(loss(x), x)[0]
        """,
    ),
    "import inside": (
        AUTOGRAD,
        """
        def d(x):
            from torch.autograd import functional as F
            return F.jacobian(loss, x)
        """,
    ),
    "alias of a module": (
        AUTOGRAD,
        """
        import torch.autograd as tools

        def d(x):
            return tools.functional.jacobian(loss, x)
        """,
    ),
    "function taken out of its module": (
        AUTOGRAD,
        """
        from torch.autograd import grad as slope

        def d(x):
            return slope(loss(x), x)[0]
        """,
    ),
    "helper": (
        AUTOGRAD,
        """
        def helper(x):
            loss(x).backward()
            return x.grad

        def d(x):
            return helper(x)
        """,
    ),
    "helper of a helper": (
        FUNC,
        """
        def inner(f, x):
            return torch.func.jacrev(f)(x)

        def outer(x):
            return inner(loss, x)

        def d(x):
            return outer(x)
        """,
    ),
    "made in a global": (
        FUNC,
        """
        slope = torch.func.grad(loss)

        def d(x):
            return slope(x)
        """,
    ),
    "getattr": (
        HIDDEN,
        """
        def d(x):
            getattr(loss(x), "back" + "ward")()
            return x
        """,
    ),
    "exec": (
        HIDDEN,
        """
        def d(x):
            found = {}
            exec("import torch", found)
            return found["x"]
        """,
    ),
    "word in a dict": (
        AUTOGRAD,
        """
        def d(x):
            return torch.__dict__["autograd"].grad(loss(x), x)[0]
        """,
    ),
    "complex step": (
        COMPLEX,
        """
        def d(x):
            return loss(x + 1e-20j).imag / 1e-20
        """,
    ),
    "central difference": (
        DIFFERENCE,
        """
        def d(x, h=1e-5):
            return (loss(x + h) - loss(x - h)) / (2 * h)
        """,
    ),
    "forward difference by names": (
        DIFFERENCE,
        """
        def d(x):
            h = 1e-6
            there = loss(x + h)
            here = loss(x)
            return (there - here) / h
        """,
    ),
    "difference in a loop": (
        DIFFERENCE,
        """
        def d(x):
            g = torch.zeros_like(x)
            for i in range(len(x)):
                up = x.clone()
                up[i] += 1e-6
                down = x.clone()
                down[i] -= 1e-6
                g[i] = (loss(up) - loss(down)) / 2e-6
            return g
        """,
    ),
    "difference in place": (
        DIFFERENCE,
        """
        def d(x):
            x += 1e-6
            up = loss(x)
            x -= 2e-6
            down = loss(x)
            return (up - down) / 2e-6
        """,
    ),
    "exact difference of a square": (
        DIFFERENCE,
        """
        def d(x):
            return (loss(x + 1) - loss(x - 1)) / 2
        """,
    ),
    "torch.gradient": (
        DIFFERENCE,
        """
        def d(x):
            return torch.gradient(loss(x))[0]
        """,
    ),
    "sympy": (
        LIBRARY,
        """
        import sympy

        def d(x):
            return sympy.diff("x**2")
        """,
    ),
}

HONEST = {
    "chain": """
        def d(w, b, x, y):
            p = torch.sigmoid(x @ w + b)
            return x.T @ (p - y) / len(y)
        """,
    "loop": """
        def d(x):
            '''The gradient; backward, by hand, grad = 2x.'''
            grad = torch.zeros_like(x)
            for i in range(len(x)):
                grad[i] += 2 * x[i]
            return grad
        """,
    "helper": """
        def sigmoid(z):
            return 1 / (1 + torch.exp(-z))

        def d(z):
            s = sigmoid(z)
            return s * (1 - s)
        """,
    "einsum": """
        def d(a, b, g):
            return torch.einsum("ij,kj->ik", g, b)
        """,
    "differences of values": """
        def d(p, q, n):
            return (torch.log(p) - torch.log(q)) / n + torch.arange(n + 1).sum()
        """,
    "stable softmax": """
        def d(z, y):
            e = torch.exp(z - z.max())
            return e / e.sum() - y
        """,
    "a global that only shares a name": """
        def slope(x):
            return torch.func.grad(loss)(x)

        def d(x):
            slope = 2 * x
            return slope
        """,
    "names of arguments": """
        def d(upstream, grad, func):
            return upstream * grad + func
        """,
    "no_grad and detach": """
        def d(x):
            with torch.no_grad():
                return 2 * x.detach()
        """,
    "printing": """
        def d(x):
            print("backward pass", "the grad is", 2 * x)
            return 2 * x
        """,
}


def loss(x):
    return (x**2).sum()


def run(text, tmp_path):
    """Define the text's functions as a notebook does: with a source to be found."""
    path = tmp_path / "cell.py"
    path.write_text(textwrap.dedent(text))
    names = {"torch": torch, "loss": loss, "__name__": "__main__"}
    exec(compile(path.read_text(), str(path), "exec"), names)
    return names["d"]


@pytest.mark.parametrize(("way", "text"), CHEATS.values(), ids=CHEATS)
def test_cheat_is_seen_in_live_function(way, text, tmp_path):
    pytest.importorskip("sympy") if "sympy" in text else None
    found = read_function(run(text, tmp_path))
    assert way in {shortcut.way for shortcut in found}


@pytest.mark.parametrize(("way", "text"), CHEATS.values(), ids=CHEATS)
def test_cheat_is_seen_in_text(way, text):
    found = read_text("import torch\n" + textwrap.dedent(text), "d")
    assert way in {shortcut.way for shortcut in found}


@pytest.mark.parametrize("text", HONEST.values(), ids=HONEST)
def test_honest_function_is_not_accused(text, tmp_path):
    assert read_function(run(text, tmp_path)) == ()
    assert read_text("import torch\n" + textwrap.dedent(text), "d") == ()


def test_line_of_evidence_is_told(tmp_path):
    found = read_function(run(CHEATS["backward"][1], tmp_path))
    assert "loss(x).backward()" in {shortcut.line for shortcut in found}


def test_function_without_source_is_read_as_code():
    names = {"loss": loss}
    exec("def d(x):\n    loss(x).backward()\n    return x.grad", names)
    assert {s.way for s in read_function(names["d"])} == {AUTOGRAD}


@pytest.mark.parametrize(
    "function",
    [
        torch.func.grad(loss),
        functools.partial(torch.func.grad(loss)),
        torch.autograd.grad,
        lambda x: torch.func.grad(loss)(x),  # noqa: PLW0108  (the lambda is read)
    ],
    ids=["func.grad", "partial", "autograd.grad", "lambda"],
)
def test_ready_made_derivative_is_seen(function):
    assert read_function(function)


def test_proxy_is_read_by_its_text():
    def d(x):
        return 2 * x

    d.__grader_proxy__ = True
    d.__grader_source__ = "def d(x):\n    return torch.autograd.grad(f(x), x)"
    assert {s.way for s in read_function(d)} == {AUTOGRAD}


def test_magics_do_not_hide_the_rest():
    text = "%matplotlib inline\n!pip list\ndef d(x):\n    x.backward()\n"
    assert {s.way for s in read_text(text, "d")} == {AUTOGRAD}
