"""An eighth set, short, written after the search had learned from the seventh."""

import torch
import torch.nn.functional as F

from tests.diagnose.bank.exercise import Exercise

sigmoid, tanh, exp, softmax = torch.sigmoid, torch.tanh, torch.exp, torch.softmax


# --- a dose that is taken up and goes down -------------------------------------------
def dose(x):
    return x**2 * torch.exp(-x) / (1 + x)


def _bell(x):
    return x**2 * exp(-x)


drug = Exercise("dose", dose, lambda d: {"x": d.uniform()})
drug.ok(
    "x",
    lambda x: ((2 * x - x**2) * exp(-x) * (1 + x) - _bell(x)) / (1 + x) ** 2,
)
drug.bad(
    "sign wrong-rule",
    "x",
    lambda x: ((2 * x - x**2) * exp(-x) * (1 + x) + _bell(x)) / (1 + x) ** 2,
    "plus in the quotient rule",
)
drug.bad(
    "sign missing-link wrong-rule",
    "x",
    lambda x: ((2 * x + x**2) * exp(-x) * (1 + x) - _bell(x)) / (1 + x) ** 2,
    "inner minus lost",
)
drug.bad(
    "wrong-rule",
    "x",
    lambda x: ((2 * x - x**2) * exp(-x) * (1 + x) - _bell(x)) / (1 + x),
    "not squared",
)
drug.bad("wrong-rule missing-link", "x", lambda x: (2 * x - x**2) * exp(-x), "u'/v'")
drug.bad("missing-path", "x", lambda x: (2 * x - x**2) * exp(-x) / (1 + x))
drug.bad(
    "wrong-rule factor missing-link",
    "x",
    lambda x: ((x - x**2) * exp(-x) * (1 + x) - _bell(x)) / (1 + x) ** 2,
    "2 lost",
)


# --- attention to one question ----------------------------------------------------------
def pool(H, q, v):
    a = torch.softmax(H @ q, dim=0)
    return (a @ H) @ v


def _draw_pool(d):
    n, k = d.sizes(2)
    return {"H": d.normal(n, k), "q": d.normal(k), "v": d.normal(k)}


def _ds(H, q, v):
    a, u = softmax(H @ q, 0), H @ v
    return a * (u - a @ u)


look = Exercise("attention pooling", pool, _draw_pool)
look.ok("q", lambda H, q, v: H.T @ _ds(H, q, v))
look.ok("v", lambda H, q, v: softmax(H @ q, 0) @ H)
look.bad(
    "wrong-rule",
    "q",
    lambda H, q, v: H.T @ ((H @ v) * (lambda a: a * (1 - a))(softmax(H @ q, 0))),
    "softmax entry by entry",
)
look.bad(
    "missing-path", "q", lambda H, q, v: H.T @ ((H @ v) * softmax(H @ q, 0)), "a·u only"
)
look.bad("missing-link", "q", lambda H, q, v: H.T @ (H @ v), "softmax left out")
look.bad("missing-path", "H", lambda H, q, v: torch.outer(softmax(H @ q, 0), v))
look.bad("missing-path", "H", lambda H, q, v: torch.outer(_ds(H, q, v), q))
look.bad(
    "reduction missing-link wrong-rule", "v", lambda H, q, v: H.mean(0), "plain mean"
)


# --- soft labels --------------------------------------------------------------------------
def smooth(W, b, X, y):
    logits = X @ W + b
    target = 0.9 * F.one_hot(y, W.shape[1]).double() + 0.1 / W.shape[1]
    return -(target * torch.log_softmax(logits, dim=1)).sum(1).mean()


def _draw_smooth(d):
    n, k, c = d.sizes(3)
    return {
        "W": d.normal(k, c),
        "b": d.normal(c),
        "X": d.normal(n, k),
        "y": d.whole(c, n),
    }


def _gap(W, b, X, y, p=None, soft=True):
    t = F.one_hot(y, W.shape[1]).double()
    t = 0.9 * t + 0.1 / W.shape[1] if soft else t
    return ((softmax(X @ W + b, 1) if p is None else p) - t) / len(y)


labels = Exercise("soft labels", smooth, _draw_smooth)
labels.ok("W", lambda **k: k["X"].T @ _gap(**k))
labels.ok("b", lambda **k: _gap(**k).sum(0))
labels.bad("wrong-point", "b", lambda **k: _gap(**k, soft=False).sum(0), "hard labels")
labels.bad(
    "wrong-point",
    "W",
    lambda **k: k["X"].T @ _gap(**k, p=k["X"] @ k["W"] + k["b"]),
    "z for p",
)
labels.bad(
    "wrong-point",
    "W",
    lambda **k: k["X"].T @ _gap(**k, p=sigmoid(k["X"] @ k["W"] + k["b"])),
    "sigmoid for softmax",
)
labels.bad(
    "wrong-point missing-path",
    "W",
    lambda **k: k["X"].T @ _gap(**k, p=softmax(k["X"] @ k["W"], 1)),
    "b forgotten",
)
labels.bad("reduction", "b", lambda **k: _gap(**k).mean(0))
labels.bad(
    "wrong-rule wrong-point",
    "W",
    lambda **k: (
        k["X"].T
        @ (_gap(**k) * (lambda p: p * (1 - p))(softmax(k["X"] @ k["W"] + k["b"], 1)))
    ),
    "σ′ once more",
)


# --- a road that is left by a gate -----------------------------------------------------------
def highway(x, A, B, c):
    t = torch.sigmoid(x @ A + c)
    return t * torch.tanh(x @ B) + (1 - t) * x


def _draw_highway(d):
    n, k = d.sizes(2)
    return {
        "x": d.normal(n, k),
        "A": d.normal(k, k),
        "B": d.normal(k, k),
        "c": d.normal(k),
    }


def _gate(x, A, c):
    return sigmoid(x @ A + c)


def _dA(x, A, B, c, upstream, one=1.0, slope=lambda t: t * (1 - t)):
    t = _gate(x, A, c)
    return x.T @ (upstream * (tanh(x @ B) - one * x) * slope(t))


road = Exercise("highway", highway, _draw_highway)
road.ok("A", _dA)
road.ok(
    "B",
    lambda x, A, B, c, upstream: (
        x.T @ (upstream * _gate(x, A, c) * (1 - tanh(x @ B) ** 2))
    ),
)
road.bad("missing-path", "A", lambda **k: _dA(**k, one=0.0), "carried part forgotten")
road.bad("sign", "A", lambda **k: _dA(**k, one=-1.0), "minus of 1 - t lost")
road.bad("missing-link", "A", lambda **k: _dA(**k, slope=torch.ones_like))
road.bad("wrong-rule", "A", lambda **k: _dA(**k, slope=lambda t: t))
road.bad(
    "missing-link",
    "B",
    lambda x, A, B, c, upstream: x.T @ (upstream * (1 - tanh(x @ B) ** 2)),
    "gate lost",
)
road.bad(
    "wrong-point wrong-rule",
    "B",
    lambda x, A, B, c, upstream: (
        x.T @ (upstream * (1 - _gate(x, A, c)) * (1 - tanh(x @ B) ** 2))
    ),
    "1 - t for t",
)
road.bad(
    "wrong-point wrong-rule",
    "B",
    lambda x, A, B, c, upstream: x.T @ (upstream * _gate(x, A, c) * (1 - (x @ B) ** 2)),
    "1 - z²",
)
road.bad(
    "reduction", "c", lambda x, A, B, c, upstream: _dc(x, A, B, c, upstream).mean(0)
)
road.bad("transposed", "A", lambda **k: _dA(**k).T)


def _dc(x, A, B, c, upstream):
    t = _gate(x, A, c)
    return upstream * (tanh(x @ B) - x) * t * (1 - t)


# --- an image of a plane --------------------------------------------------------------------
def image(M, X, Y):
    return ((X @ M @ X.T - Y) ** 2).mean()


def _draw_image(d):
    n, k = d.sizes(2)
    return {"M": d.normal(k, k), "X": d.normal(n, k), "Y": d.normal(n, n)}


def _R(M, X, Y):
    return 2 * (X @ M @ X.T - Y) / Y.numel()


picture = Exercise("image of a plane", image, _draw_image)
picture.ok("M", lambda M, X, Y: X.T @ _R(M, X, Y) @ X)
picture.ok("X", lambda M, X, Y: _R(M, X, Y) @ X @ M.T + _R(M, X, Y).T @ X @ M)
picture.bad("transposed", "M", lambda M, X, Y: X.T @ _R(M, X, Y).T @ X)
picture.bad("missing-path", "X", lambda M, X, Y: _R(M, X, Y) @ X @ M.T)
picture.bad(
    "transposed", "X", lambda M, X, Y: 2 * _R(M, X, Y) @ X @ M.T, "all symmetric"
)
picture.bad(
    "transposed", "X", lambda M, X, Y: _R(M, X, Y) @ X @ (M + M.T), "R symmetric"
)
picture.bad(
    "reduction", "M", lambda M, X, Y: X.T @ _R(M, X, Y) @ X * len(Y), "by rows only"
)
picture.bad(
    "missing-link",
    "M",
    lambda M, X, Y: X.T @ (2 * X / Y.numel() * (X @ M @ X.T - Y).sum(1, keepdim=True)),
    "one X lost",
)
picture.odd("M", lambda M, X, Y: X.T @ _R(M, X, Y).sign() @ X)
picture.two("transposed sign", "M", lambda M, X, Y: -X.T @ _R(M, X, Y).T @ X)

EXERCISES = [drug, look, labels, road, picture]
