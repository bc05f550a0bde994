"""More functions unseen by the search when they were written; tried once as well."""

import math

import torch
import torch.nn.functional as F

from tests.diagnose.bank.exercise import Exercise

sigmoid, tanh = torch.sigmoid, torch.tanh


# --- quotient --------------------------------------------------------------------------
def quotient(x):
    return torch.exp(2 * x) / (1 + x**2)


ratio = Exercise("quotient", quotient, lambda d: {"x": d.uniform(low=0.2, high=1.4)})


def _uv(x):
    return torch.exp(2 * x), 1 + x**2


ratio.ok(
    "x", lambda x: (2 * _uv(x)[0] * _uv(x)[1] - _uv(x)[0] * 2 * x) / _uv(x)[1] ** 2
)
ratio.bad(
    "sign",
    "x",
    lambda x: (2 * _uv(x)[0] * _uv(x)[1] + _uv(x)[0] * 2 * x) / _uv(x)[1] ** 2,
)
ratio.bad(
    "sign",
    "x",
    lambda x: (_uv(x)[0] * 2 * x - 2 * _uv(x)[0] * _uv(x)[1]) / _uv(x)[1] ** 2,
)
ratio.bad(
    "wrong-rule missing-link",
    "x",
    lambda x: (2 * _uv(x)[0] * _uv(x)[1] - _uv(x)[0] * 2 * x) / _uv(x)[1],
    "denominator not squared",
)
ratio.bad(
    "wrong-rule missing-link",
    "x",
    lambda x: 2 * _uv(x)[0] * _uv(x)[1] - _uv(x)[0] * 2 * x,
    "denominator forgotten",
)
ratio.bad("wrong-rule", "x", lambda x: 2 * _uv(x)[0] / (2 * x), "u'/v'")
ratio.bad("missing-path", "x", lambda x: 2 * _uv(x)[0] / _uv(x)[1])
ratio.bad("missing-path", "x", lambda x: -_uv(x)[0] * 2 * x / _uv(x)[1] ** 2)
ratio.bad(
    "factor missing-link",
    "x",
    lambda x: (_uv(x)[0] * _uv(x)[1] - _uv(x)[0] * 2 * x) / _uv(x)[1] ** 2,
    "inner 2 forgotten",
)
ratio.bad(
    "factor wrong-rule",
    "x",
    lambda x: (2 * _uv(x)[0] * _uv(x)[1] - _uv(x)[0] * x) / _uv(x)[1] ** 2,
)
ratio.odd("x", lambda x: 2 * _uv(x)[0] / (1 + 2 * x))
ratio.two(
    "sign factor missing-link",
    "x",
    lambda x: (_uv(x)[0] * _uv(x)[1] + _uv(x)[0] * 2 * x) / _uv(x)[1] ** 2,
)


# --- three links, roots and logs ---------------------------------------------------------
def chain(x):
    return torch.log(torch.sqrt(x**3 + 5))


links = Exercise("log of a root", chain, lambda d: {"x": d.uniform()})
links.ok("x", lambda x: 3 * x**2 / (2 * (x**3 + 5)))
links.bad("missing-link", "x", lambda x: 1 / (2 * (x**3 + 5)), "innermost left out")
links.bad(
    "missing-link", "x", lambda x: 3 * x**2 / (2 * torch.sqrt(x**3 + 5)), "log left out"
)
links.bad(
    "missing-link", "x", lambda x: 3 * x**2 / torch.sqrt(x**3 + 5), "root left out"
)
links.bad("factor", "x", lambda x: 3 * x**2 / (x**3 + 5))
links.bad("factor wrong-rule", "x", lambda x: x**2 / (2 * (x**3 + 5)))
links.bad("wrong-rule", "x", lambda x: 3 * x**3 / (2 * (x**3 + 5)))
links.bad(
    "wrong-point wrong-rule",
    "x",
    lambda x: 3 * x**2 / (2 * torch.sqrt(x**3 + 5) * (x**3 + 5)),
    "log's slope at the inner value",
)
links.bad("factor", "x", lambda x: 3 * x**2 / (2 * (x**3 + 5)) / math.log(10), "log10")
links.bad("value-returned", "x", lambda x: chain(x))
links.bad("wrong-rule", "x", lambda x: 2 * (x**3 + 5) / (3 * x**2), "upside down")
links.odd("x", lambda x: 3 * x**2 / (2 * (x**3 + 4)))
links.two("missing-link factor", "x", lambda x: 3 * x / torch.sqrt(x**3 + 5))


# --- ridge on a vector ----------------------------------------------------------------------
class Ridge:
    def __init__(self, strength):
        self.strength = strength

    def __call__(self, w, X, y):
        residual = torch.mv(X, w).sub(y)
        data = residual.square().sum().div(2)
        return data.add(w.dot(w), alpha=self.strength)


def _draw_ridge(d):
    n, k = d.sizes(2)
    return {"w": d.normal(k), "X": d.normal(n, k), "y": d.normal(n)}


ridge = Exercise("ridge", Ridge(0.3), _draw_ridge)
ridge.ok("w", lambda w, X, y: X.T @ (X @ w - y) + 0.6 * w)
ridge.bad("factor", "w", lambda w, X, y: 2 * X.T @ (X @ w - y) + 0.6 * w)
ridge.bad("factor missing-path", "w", lambda w, X, y: X.T @ (X @ w - y) + 0.3 * w)
ridge.bad("missing-path", "w", lambda w, X, y: X.T @ (X @ w - y))
ridge.bad("missing-path", "w", lambda w, X, y: 0.6 * w)
ridge.bad("sign", "w", lambda w, X, y: X.T @ (X @ w - y) - 0.6 * w)
ridge.bad("sign", "w", lambda w, X, y: X.T @ (y - X @ w) + 0.6 * w)
ridge.bad("sign", "w", lambda w, X, y: X.T @ (X @ w + y) + 0.6 * w)
ridge.bad("reduction", "w", lambda w, X, y: X.T @ (X @ w - y) / len(y) + 0.6 * w)
ridge.bad(
    "missing-link wrong-rule",
    "w",
    lambda w, X, y: X.T @ torch.ones_like(y) + 0.6 * w,
    "square not differentiated",
)
ridge.bad("factor missing-link", "w", lambda w, X, y: X.T @ (X @ w - y) + 2 * w)
ridge.bad("missing-path wrong-point", "w", lambda w, X, y: X.T @ (X @ w) + 0.6 * w)
ridge.odd("w", lambda w, X, y: X.T @ (X @ w - y) + 0.6 * w.sign())
ridge.two("missing-path sign", "w", lambda w, X, y: X.T @ (y - X @ w))


# --- logs of determinants --------------------------------------------------------------------
def log_volume(A):
    return torch.logdet(A @ A.T + torch.eye(A.shape[0], dtype=A.dtype))


volume = Exercise(
    "log volume",
    log_volume,
    lambda d: (lambda n, k: {"A": d.normal(n, k)})(*d.sizes(2)),
)


def _inverse(A):
    return torch.linalg.inv(A @ A.T + torch.eye(A.shape[0], dtype=A.dtype))


volume.ok("A", lambda A: 2 * _inverse(A) @ A)
volume.bad("factor missing-path transposed", "A", lambda A: _inverse(A) @ A)
volume.bad("sign", "A", lambda A: -2 * _inverse(A) @ A)
volume.bad(
    "wrong-rule",
    "A",
    lambda A: (
        2
        * torch.linalg.det(A @ A.T + torch.eye(len(A), dtype=A.dtype))
        * _inverse(A)
        @ A
    ),
    "det' for logdet'",
)
volume.bad("missing-link wrong-rule", "A", lambda A: 2 * A, "inverse left out")
volume.odd("A", lambda A: 2 * torch.linalg.pinv(A).T)


# --- picking classes -----------------------------------------------------------------------------
def picked_margin(S, t):
    own = S.gather(1, t[:, None])
    margins = torch.clamp(S - own + 1, min=0)
    return (margins.sum(1) - 1).mean()


def _draw_margin(d):
    n, k = d.sizes(2)
    return {"S": d.normal(n, k), "t": d.whole(k, n)}


margin = Exercise("multiclass margin", picked_margin, _draw_margin)


def _margin(S, t, own=1.0, gate=True, others=1.0):
    g = ((S - S.gather(1, t[:, None]) + 1) > 0).double() if gate else torch.ones_like(S)
    d = others * g
    d = d - own * F.one_hot(t, S.shape[1]) * g.sum(1, keepdim=True)
    return d / len(S)


margin.ok("S", _margin)
margin.bad("missing-path", "S", lambda S, t: _margin(S, t, own=0.0))
margin.bad("missing-path", "S", lambda S, t: _margin(S, t, others=0.0))
margin.bad("wrong-rule missing-link", "S", lambda S, t: _margin(S, t, gate=False))
margin.bad("sign", "S", lambda S, t: _margin(S, t, own=-1.0))
margin.bad("reduction", "S", lambda S, t: _margin(S, t) * len(S))
margin.bad(
    "reduction wrong-rule",
    "S",
    lambda S, t: (
        ((S - S.gather(1, t[:, None]) + 1 > 0) * 1.0 - F.one_hot(t, S.shape[1]))
        / len(S)
    ),
    "own class counted once",
)
margin.odd("S", lambda S, t: _margin(S, t, own=0.8))
margin.two("missing-path reduction", "S", lambda S, t: _margin(S, t, own=0.0) * len(S))


# --- a memory written in place ------------------------------------------------------------------------
def decaying(x, a):
    out = torch.empty_like(x)
    state = torch.zeros((), dtype=x.dtype)
    for i in range(x.numel()):
        state = a * state + (1 - a) * x[i]
        out[i] = state
    out *= 2
    return (out - x).pow(2).sum()


decay = Exercise(
    "moving average",
    decaying,
    lambda d: {"x": d.normal(d.sizes(1)[0]), "a": d.uniform(low=0.4, high=0.9)},
)


def decay_da(x, a, through=1.0, second=1.0, first=1.0, two=2.0):
    s, ds, total = 0 * a, 0 * a, 0 * a
    for v in x:
        ds = first * s + through * a * ds - second * v
        s = a * s + (1 - a) * v
        total = total + 2 * (2 * s - v) * two * ds
    return total


decay.ok("a", decay_da)
decay.bad("missing-path", "a", lambda x, a: decay_da(x, a, through=0.0))
decay.bad("missing-path", "a", lambda x, a: decay_da(x, a, second=0.0))
decay.bad("missing-path", "a", lambda x, a: decay_da(x, a, first=0.0))
decay.bad("sign", "a", lambda x, a: decay_da(x, a, second=-1.0))
decay.bad("factor", "a", lambda x, a: decay_da(x, a, two=1.0))
decay.bad("missing-link missing-path", "a", lambda x, a: decay_da(x, a, through=1 / a))
decay.odd("a", lambda x, a: decay_da(x, a, through=0.9))
decay.two(
    "missing-path sign", "a", lambda x, a: decay_da(x, a, through=0.0, second=-1.0)
)


# --- two pieces of different size ---------------------------------------------------------------------
def pieces(w, a, b):
    errors = torch.cat([(a * w - 1) ** 2, (b * w - 1) ** 2])
    return errors.mean()


def _draw_pieces(d):
    n, m = d.sizes(2)
    return {"w": d.normal(), "a": d.normal(n), "b": d.normal(m)}


parts = Exercise("uneven pieces", pieces, _draw_pieces)


def _part(w, a):
    return (2 * (a * w - 1) * a).sum()


parts.ok("w", lambda w, a, b: (_part(w, a) + _part(w, b)) / (len(a) + len(b)))
parts.bad(
    "reduction",
    "w",
    lambda w, a, b: (_part(w, a) / len(a) + _part(w, b) / len(b)) / 2,
    "mean of means",
)
parts.bad("reduction", "w", lambda w, a, b: _part(w, a) + _part(w, b))
parts.bad(
    "reduction accumulated",
    "w",
    lambda w, a, b: _part(w, a) / len(a) + _part(w, b) / len(b),
    "means added",
)
parts.bad("missing-path", "w", lambda w, a, b: _part(w, a) / (len(a) + len(b)))
parts.bad(
    "missing-link",
    "w",
    lambda w, a, b: (
        ((2 * (a * w - 1)).sum() + (2 * (b * w - 1)).sum()) / (len(a) + len(b))
    ),
    "x forgotten",
)
parts.odd(
    "w", lambda w, a, b: (_part(w, a) + 0.5 * _part(w, b)) / (len(a) + 2 * len(b))
)


# --- softplus energy with upstream ---------------------------------------------------------------------
def energies(X, W, b):
    H = F.silu(X @ W + b)
    return H.sum(dim=1) - 0.5 * (X * X).sum(dim=1)


def _draw_energies(d):
    n, k, m = d.sizes(3)
    return {"X": d.normal(n, k), "W": d.normal(k, m), "b": d.normal(m)}


energy = Exercise("energies", energies, _draw_energies)


def _silu_slope(z):
    return sigmoid(z) * (1 + z * (1 - sigmoid(z)))


def _dz(X, W, b, upstream, slope=_silu_slope):
    return upstream[:, None] * slope(X @ W + b)


energy.ok(
    "X", lambda X, W, b, upstream: _dz(X, W, b, upstream) @ W.T - upstream[:, None] * X
)
energy.ok("b", lambda X, W, b, upstream: _dz(X, W, b, upstream).sum(0))
energy.bad("missing-path", "X", lambda X, W, b, upstream: _dz(X, W, b, upstream) @ W.T)
energy.bad(
    "missing-link",
    "X",
    lambda X, W, b, upstream: _dz(X, W, b, upstream) @ W.T - X,
    "upstream forgotten in one term",
)
energy.bad(
    "missing-link",
    "X",
    lambda X, W, b, upstream: _dz(X, W, b, 1 + 0 * upstream) @ W.T - X,
    "upstream ignored",
)
energy.bad(
    "sign",
    "X",
    lambda X, W, b, upstream: _dz(X, W, b, upstream) @ W.T + upstream[:, None] * X,
)
energy.bad(
    "factor",
    "X",
    lambda X, W, b, upstream: _dz(X, W, b, upstream) @ W.T - 2 * upstream[:, None] * X,
)
energy.bad(
    "factor wrong-rule",
    "X",
    lambda X, W, b, upstream: (
        _dz(X, W, b, upstream) @ W.T - 0.5 * upstream[:, None] * X
    ),
)
energy.bad(
    "missing-path",
    "b",
    lambda X, W, b, upstream: _dz(X, W, b, upstream, sigmoid).sum(0),
)
energy.bad(
    "wrong-rule",
    "b",
    lambda X, W, b, upstream: _dz(
        X, W, b, upstream, lambda z: sigmoid(z) * (1 - sigmoid(z))
    ).sum(0),
)
energy.bad(
    "missing-link", "b", lambda X, W, b, upstream: upstream.sum() * torch.ones_like(b)
)
energy.bad(
    "wrong-point",
    "b",
    lambda X, W, b, upstream: _dz(
        X, W, b, upstream, lambda z: _silu_slope(F.silu(z))
    ).sum(0),
)
energy.odd(
    "X",
    lambda X, W, b, upstream: (
        _dz(X, W, b, upstream) @ W.T - 0.7 * upstream[:, None] * X
    ),
)
energy.odd(
    "b",
    lambda X, W, b, upstream: (
        _dz(X, W, b, upstream, lambda z: sigmoid(z) * (1 + z)).sum(0) * 1.2
    ),
)
energy.two(
    "missing-path missing-link",
    "b",
    lambda X, W, b, upstream: _dz(X, W, b, 1 + 0 * upstream, sigmoid).sum(0),
)


# --- pairwise ---------------------------------------------------------------------------------------------
def repulsion(P):
    gaps = P[:, None, :] - P[None, :, :]
    d2 = (gaps**2).sum(-1) + 1.0
    return (1 / d2).sum()


pairs = Exercise(
    "repulsion", repulsion, lambda d: (lambda n, k: {"P": d.normal(n, k)})(*d.sizes(2))
)


def _push(P, power=2, both=2.0):
    gaps = P[:, None] - P[None]
    d2 = (gaps**2).sum(-1, keepdim=True) + 1
    return -both * (2 * gaps / d2**power).sum(1)


pairs.ok("P", _push)
pairs.bad(
    "factor missing-path", "P", lambda P: _push(P, both=1.0), "each pair counted once"
)
pairs.bad("sign", "P", lambda P: -_push(P))
pairs.bad("wrong-rule", "P", lambda P: _push(P, power=1), "1/d² for 1/d⁴")
pairs.bad("wrong-rule", "P", lambda P: _push(P, power=3))
pairs.bad("zero", "P", lambda P: 0 * P)
pairs.odd("P", lambda P: _push(P) + 0.1 * P)


# --- standardised then squashed --------------------------------------------------------------------------------
def squash(x, w):
    z = (x - x.mean()) / x.std(unbiased=False)
    return torch.tanh(w * z).mean()


squashed = Exercise(
    "squash", squash, lambda d: {"x": d.normal(d.sizes(1)[0]), "w": d.uniform()}
)


def _squash(x, w, mean=True, spread=True):
    s = x.std(unbiased=False)
    z = (x - x.mean()) / s
    g = (1 - tanh(w * z) ** 2) * w / len(x)
    total = g - g.mean() if mean else g
    return (total - z * (g * z).mean() if spread else total) / s


squashed.ok("x", _squash)
squashed.ok(
    "w",
    lambda x, w: (
        (1 - tanh(w * (x - x.mean()) / x.std(unbiased=False)) ** 2)
        * (x - x.mean())
        / x.std(unbiased=False)
    ).mean(),
)
squashed.bad("missing-path", "x", lambda x, w: _squash(x, w, mean=False))
squashed.bad("missing-path", "x", lambda x, w: _squash(x, w, spread=False))
squashed.bad("missing-path", "x", lambda x, w: _squash(x, w, mean=False, spread=False))
squashed.bad("reduction", "x", lambda x, w: _squash(x, w) * len(x))
squashed.bad("missing-link", "x", lambda x, w: _squash(x, w) / w)
squashed.bad("missing-link", "x", lambda x, w: _squash(x, w) * x.std(unbiased=False))
squashed.bad(
    "wrong-point",
    "w",
    lambda x, w: ((1 - tanh(w * x) ** 2) * x).mean(),
    "not standardised",
)
squashed.bad(
    "reduction wrong-point",
    "w",
    lambda x, w: (
        (1 - tanh(w * (x - x.mean()) / x.std()) ** 2) * (x - x.mean()) / x.std()
    ).mean(),
    "n - 1",
)
squashed.bad(
    "missing-link",
    "w",
    lambda x, w: (
        ((x - x.mean()) / x.std(unbiased=False)).mean() + 0 * w
        if False
        else (1 - tanh(w * (x - x.mean()) / x.std(unbiased=False)) ** 2).mean()
    ),
)
squashed.odd("w", lambda x, w: ((1 - tanh(w * x.abs()) ** 2) * x).mean() + 0.1)
squashed.two(
    "missing-path reduction", "x", lambda x, w: _squash(x, w, mean=False) * len(x)
)

EXERCISES = [ratio, links, ridge, volume, margin, decay, parts, energy, pairs, squashed]
