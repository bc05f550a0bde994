"""A sixth set, written after the search had learned from the fifth; tried once too."""

import torch
import torch.nn.functional as F

from tests.diagnose.bank.exercise import Exercise

sigmoid, tanh, exp, log = torch.sigmoid, torch.tanh, torch.exp, torch.log


# --- a bowl over two numbers ---------------------------------------------------------
def bowl(p):
    return p[0] ** 2 + 4 * p[1] ** 2


dish = Exercise("bowl", bowl, lambda d: {"p": d.uniform(2)})


def pair(one, two):
    return torch.stack([one, two])


dish.ok("p", lambda p: pair(2 * p[0], 8 * p[1]), lambda p: torch.tensor([2.0, 8.0]) * p)
dish.bad("factor", "p", lambda p: pair(p[0], 4 * p[1]), "both halved")
dish.bad("factor missing-link", "p", lambda p: pair(2 * p[0], 2 * p[1]), "4 lost")
dish.bad("factor wrong-rule", "p", lambda p: pair(2 * p[0], 4 * p[1]), "2 lost once")
dish.bad("missing-path", "p", lambda p: pair(2 * p[0], 0 * p[1]))
dish.bad("sign", "p", lambda p: pair(2 * p[0], -8 * p[1]))
dish.bad("transposed", "p", lambda p: pair(8 * p[1], 2 * p[0]), "in reverse")
dish.odd("p", lambda p: pair(2 * p[0] + 0.3, 8 * p[1]))
dish.two("sign factor", "p", lambda p: pair(-p[0], 8 * p[1]))


# --- a product of many ------------------------------------------------------------------
def likelihood(q, n):
    return n * torch.log(q.prod() + 1)


chance = Exercise(
    "product of many",
    likelihood,
    lambda d: {"q": d.uniform(d.sizes(1)[0]), "n": d.uniform()},
)
chance.ok("q", lambda q, n: n / (q.prod() + 1) * q.prod() / q)
chance.bad(
    "missing-link wrong-rule",
    "q",
    lambda q, n: n / (q.prod() + 1) * torch.ones_like(q),
)
chance.bad("missing-link", "q", lambda q, n: n * q.prod() / q, "log lost")
chance.bad("missing-link", "q", lambda q, n: q.prod() / q / (q.prod() + 1), "n lost")
chance.bad(
    "wrong-rule", "q", lambda q, n: n / (q.prod() + 1) * q.prod() * torch.ones_like(q)
)
chance.bad("wrong-point", "q", lambda q, n: n / q, "the 1 forgotten")
chance.bad("wrong-rule", "q", lambda q, n: n / (q.prod() + 1) * (q.prod() / q + 1))
chance.bad("sign", "q", lambda q, n: -n / (q.prod() + 1) * q.prod() / q)
chance.odd("q", lambda q, n: n / (q.prod() + 1) * q.sum() / q)
chance.two("missing-link sign", "q", lambda q, n: -n * q.prod() / q)


# --- a network with library calls, vector output -------------------------------------------
def head(x, W, g, b):
    h = F.linear(x, W)
    return F.log_softmax(F.layer_norm(h, h.shape[-1:], g, b, 1e-5), dim=-1)


def _draw_head(d):
    n, k, m = d.sizes(3)
    return {
        "x": d.normal(n, k),
        "W": d.normal(m, k),
        "g": d.uniform(m),
        "b": d.normal(m),
    }


top = Exercise("head", head, _draw_head)


def _hat(x, W):
    h = x @ W.T
    c = h - h.mean(-1, keepdim=True)
    s = (c.square().mean(-1, keepdim=True) + 1e-5).sqrt()
    return c / s, s


def _dz(x, W, g, b, upstream, mix=True):
    p = torch.softmax(_hat(x, W)[0] * g + b, -1)
    return upstream - p * upstream.sum(-1, keepdim=True) if mix else upstream


def _dW(x, W, g, b, upstream, mix=True, gain=True, mean=True, cov=True):
    hat, s = _hat(x, W)
    u = _dz(x, W, g, b, upstream, mix) * (g if gain else 1)
    out = u - (u.mean(-1, keepdim=True) if mean else 0)
    if cov:
        out = out - hat * (u * hat).mean(-1, keepdim=True)
    return (out / s).T @ x


top.ok("W", _dW)
top.ok("b", lambda **k: _dz(**k).sum(0))
top.ok("g", lambda **k: (_dz(**k) * _hat(k["x"], k["W"])[0]).sum(0))
top.bad("missing-path missing-link", "W", lambda **k: _dW(**k, mix=False))
top.bad("missing-link", "W", lambda **k: _dW(**k, gain=False))
top.bad("missing-path", "W", lambda **k: _dW(**k, mean=False))
top.bad("missing-path", "W", lambda **k: _dW(**k, cov=False))
top.bad("reduction", "b", lambda **k: _dz(**k).mean(0))
top.bad("missing-link missing-path", "b", lambda **k: _dz(**k, mix=False).sum(0))
top.bad("sign", "g", lambda **k: -(_dz(**k) * _hat(k["x"], k["W"])[0]).sum(0))
top.bad("missing-link wrong-input", "g", lambda **k: _dz(**k).sum(0))
top.odd("W", lambda x, W, g, b, upstream: _dW(x, W, g, b - 0.3 * g, upstream))
top.two("missing-path missing-link", "W", lambda **k: _dW(**k, mean=False, gain=False))


# --- a distance between laws -----------------------------------------------------------------
def divergence(mu, logvar):
    return -0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp())


laws = Exercise(
    "divergence",
    divergence,
    lambda d: (lambda n: {"mu": d.normal(n), "logvar": d.normal(n)})(d.sizes(1)[0]),
)
laws.ok("mu", lambda mu, logvar: mu.clone())
laws.ok("logvar", lambda mu, logvar: 0.5 * (logvar.exp() - 1))
laws.bad("factor accumulated", "mu", lambda mu, logvar: 2 * mu, "half lost")
laws.bad("factor wrong-rule", "mu", lambda mu, logvar: mu / 2)
laws.bad("sign", "mu", lambda mu, logvar: -mu)
laws.bad("wrong-rule", "mu", lambda mu, logvar: mu**2)
laws.bad("reduction", "mu", lambda mu, logvar: mu / len(mu))
laws.bad("missing-path", "logvar", lambda mu, logvar: 0.5 * logvar.exp())
laws.bad("missing-path", "logvar", lambda mu, logvar: 0 * mu - 0.5)
laws.bad("sign", "logvar", lambda mu, logvar: 0.5 * (1 - logvar.exp()))
laws.bad("sign", "logvar", lambda mu, logvar: -0.5 * (1 + logvar.exp()))
laws.bad("wrong-rule wrong-point", "logvar", lambda mu, logvar: 0.5 * (logvar - 1))
laws.bad("factor", "logvar", lambda mu, logvar: logvar.exp() - 1)
laws.odd("logvar", lambda mu, logvar: 0.5 * (logvar.exp() - 0.8))
laws.bad("wrong-rule", "mu", lambda mu, logvar: mu * exp(-logvar), "a factor more")
laws.odd("mu", lambda mu, logvar: mu * torch.sqrt(1 + logvar**2))
laws.two("sign missing-path", "logvar", lambda mu, logvar: -0.5 * logvar.exp())


# --- a spring chain by a loop in place ----------------------------------------------------------
def chain_energy(x, k):
    total = torch.zeros((), dtype=x.dtype)
    for i in range(len(x) - 1):
        total += 0.5 * k * (x[i + 1] - x[i]) ** 2
    return total + torch.cos(x).sum()


springs = Exercise(
    "springs", chain_energy, lambda d: {"x": d.normal(d.sizes(1)[0]), "k": d.uniform()}
)


def _springs(x, k, left=1.0, right=1.0, own=1.0, two=1.0):
    g = -own * torch.sin(x)
    for i in range(len(x) - 1):
        pull = two * k * (x[i + 1] - x[i])
        g[i + 1] += right * pull
        g[i] -= left * pull
    return g


springs.ok("x", _springs)
springs.ok("k", lambda x, k: 0.5 * ((x[1:] - x[:-1]) ** 2).sum())
springs.bad("missing-path", "x", lambda x, k: _springs(x, k, left=0.0))
springs.bad("missing-path", "x", lambda x, k: _springs(x, k, right=0.0))
springs.bad("missing-path", "x", lambda x, k: _springs(x, k, own=0.0))
springs.bad("sign wrong-rule", "x", lambda x, k: _springs(x, k, own=-1.0))
springs.bad("sign", "x", lambda x, k: _springs(x, k, left=-1.0))
springs.bad("factor", "x", lambda x, k: _springs(x, k, two=2.0))
springs.bad("missing-link", "x", lambda x, k: _springs(x, torch.ones_like(k)))
springs.bad("factor", "k", lambda x, k: ((x[1:] - x[:-1]) ** 2).sum())
springs.bad(
    "missing-link wrong-point wrong-rule",
    "k",
    lambda x, k: 0.5 * (x[1:] - x[:-1]).sum(),
)
springs.odd("x", lambda x, k: _springs(x, k) + 0.1 * x)
springs.two("missing-path factor", "x", lambda x, k: _springs(x, k, left=0.0, two=2.0))


# --- ranking with where --------------------------------------------------------------------------
def capped(x, w, c):
    s = (x * w).sum(dim=1)
    small = torch.where(s > c, c * torch.log(s.clamp(min=1e-6) / c) + c, s)
    return small.mean()


def _draw_capped(d):
    n, k = d.sizes(2)
    return {"x": d.uniform(n, k), "w": d.uniform(k), "c": d.uniform(low=2.0, high=3.0)}


cap = Exercise("capped score", capped, _draw_capped)


def _cap(x, w, c, above=None):
    s = x @ w
    up = c / s if above is None else above(s, c)
    return torch.where(s > c, up, torch.ones_like(s)) @ x / len(x)


cap.ok("w", _cap)
cap.bad("wrong-rule missing-link", "w", lambda x, w, c: x.mean(0), "case forgotten")
cap.bad(
    "missing-link", "w", lambda x, w, c: _cap(x, w, c, lambda s, c: 1 / s), "c lost"
)
cap.bad("missing-path", "w", lambda x, w, c: _cap(x, w, c, lambda s, c: 0 * s))
cap.bad("reduction", "w", lambda x, w, c: _cap(x, w, c) * len(x))
cap.bad("sign", "w", lambda x, w, c: -_cap(x, w, c))
cap.bad("wrong-rule", "w", lambda x, w, c: _cap(x, w, c, lambda s, c: log(s / c)))
cap.bad(
    "wrong-rule wrong-point", "w", lambda x, w, c: _cap(x, w, c, lambda s, c: c / s**2)
)
cap.bad(
    "missing-link",
    "w",
    lambda x, w, c: (
        torch.where(x @ w > c, c / (x @ w), 1.0).mean() * torch.ones_like(w)
    ),
    "x lost",
)
cap.odd("w", lambda x, w, c: _cap(x, w, c, lambda s, c: (c / s).sqrt()))
cap.two("sign reduction", "w", lambda x, w, c: -_cap(x, w, c) * len(x))


# --- micro-batches ------------------------------------------------------------------------------
def pieces(w, x, y, k):
    total = torch.zeros((), dtype=w.dtype)
    for part_x, part_y in zip(x.chunk(int(k)), y.chunk(int(k)), strict=True):
        total = total + ((part_x @ w - part_y) ** 2).mean() / k
    return total


def _draw_pieces(d):
    m, n = d.sizes(2)
    k = d.whole(2) + 2
    return {
        "w": d.normal(m),
        "x": d.normal(n * int(k), m),
        "y": d.normal(n * int(k)),
        "k": k,
    }


batches = Exercise("even pieces", pieces, _draw_pieces)


def _pieces(w, x, y, k, two=2.0):
    return two * x.T @ (x @ w - y) / len(x)


batches.ok("w", _pieces)
batches.bad(
    "accumulated reduction factor",
    "w",
    lambda **q: _pieces(**q) * q["k"],
    "not divided",
)
batches.bad("factor", "w", lambda **q: _pieces(**q, two=1.0))
batches.bad("reduction", "w", lambda **q: _pieces(**q) * len(q["x"]))
batches.bad(
    "missing-path wrong-point",
    "w",
    lambda w, x, y, k: 2 * x.T @ (x @ w) / len(x),
    "y lost",
)
batches.bad("sign", "w", lambda w, x, y, k: 2 * x.T @ (x @ w + y) / len(x))
batches.odd("w", lambda w, x, y, k: 2 * x.T @ (x @ w - y).sign() / len(x))
batches.two("reduction factor sign", "w", lambda **q: -_pieces(**q) * len(q["x"]))


# --- a bilinear score through a matrix inverse ------------------------------------------------------
def mahalanobis(x, m, S):
    d = x - m
    return 0.5 * d @ torch.linalg.solve(S, d)


def _draw_mahalanobis(d):
    n = d.sizes(1)[0]
    A = d.normal(n, n)
    return {
        "x": d.normal(n),
        "m": d.normal(n),
        "S": A @ A.T + n * torch.eye(n, dtype=A.dtype),
    }


metric = Exercise("distance by a matrix", mahalanobis, _draw_mahalanobis)
metric.ok("x", lambda x, m, S: torch.linalg.solve(S, x - m))
metric.ok("m", lambda x, m, S: -torch.inverse(S) @ (x - m))
metric.bad("sign wrong-input", "m", lambda x, m, S: torch.inverse(S) @ (x - m))
metric.bad("factor missing-path", "x", lambda x, m, S: 0.5 * torch.inverse(S) @ (x - m))
metric.bad("factor accumulated", "x", lambda x, m, S: 2 * torch.inverse(S) @ (x - m))
metric.bad("wrong-rule missing-link", "x", lambda x, m, S: S @ (x - m), "not inverted")
metric.bad("missing-link", "x", lambda x, m, S: x - m, "S forgotten")
metric.bad(
    "wrong-point missing-path sign",
    "x",
    lambda x, m, S: torch.inverse(S) @ x,
    "m forgotten",
)
metric.bad(
    "wrong-rule missing-path", "x", lambda x, m, S: (x - m) / torch.diag(S), "diagonal"
)
metric.two("sign factor", "m", lambda x, m, S: 2 * torch.inverse(S) @ (x - m))

EXERCISES = [dish, chance, top, laws, springs, cap, batches, metric]
