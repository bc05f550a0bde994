"""What differentiates is seen while it runs."""

import pytest
import torch
from torch.autograd import forward_ad

from grader.shortcuts import Watch
from grader.shortcuts.evidence import AUTOGRAD, COMPLEX, FUNC

X = torch.tensor([1.0, 2.0], dtype=torch.float64)


def loss(x):
    return (x**2).sum()


def by_backward():
    x = X.clone().requires_grad_()
    with torch.enable_grad():
        loss(x).backward()


def by_setting():
    x = X.clone()
    x.requires_grad = True


def by_creating():
    torch.tensor([1.0], requires_grad=True)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
def test_forward_mode_is_seen():
    watch = Watch()
    with watch, forward_ad.dual_level():
        forward_ad.unpack_dual(loss(forward_ad.make_dual(X, X)))
    assert FUNC in {shortcut.way for shortcut in watch.found}


@pytest.mark.parametrize(
    ("cheat", "way"),
    [
        (by_backward, AUTOGRAD),
        (by_setting, AUTOGRAD),
        (by_creating, AUTOGRAD),
        (lambda: torch.func.grad(loss)(X), FUNC),
        (lambda: torch.complex(X, X).sum(), COMPLEX),
    ],
)
def test_way_is_seen(cheat, way):
    watch = Watch()
    with watch, torch.no_grad():
        cheat()
    assert way in {shortcut.way for shortcut in watch.found}


def test_honest_steps_leave_nothing():
    watch = Watch()
    with watch, torch.no_grad():
        x = X.detach().clone().requires_grad_(False)
        with torch.no_grad():
            torch.einsum("i,j->ij", x, 2 * x).sum(0).numpy()
    assert watch.found == []
