"""A fourth set, written after the search had learned from the second and third."""

import math

import torch
import torch.nn.functional as F

from tests.diagnose.bank.exercise import Exercise

sigmoid, tanh = torch.sigmoid, torch.tanh


# --- a sigmoid written out ---------------------------------------------------------------
def logistic(a, b, x, y):
    s = 1 / (1 + torch.exp(-(a * x + b)))
    return (s - y) ** 2


def _draw_logistic(d):
    return {
        "a": d.uniform(),
        "b": d.normal(),
        "x": d.uniform(),
        "y": d.uniform(low=0.1, high=0.9),
    }


curve = Exercise("logistic curve", logistic, _draw_logistic)


def _s(a, b, x):
    return sigmoid(a * x + b)


curve.ok(
    "a", lambda a, b, x, y: 2 * (_s(a, b, x) - y) * _s(a, b, x) * (1 - _s(a, b, x)) * x
)
curve.bad(
    "missing-link",
    "a",
    lambda a, b, x, y: 2 * (_s(a, b, x) - y) * x,
    "sigmoid left out",
)
curve.bad(
    "missing-link wrong-input",
    "a",
    lambda a, b, x, y: 2 * (_s(a, b, x) - y) * _s(a, b, x) * (1 - _s(a, b, x)),
)
curve.bad(
    "missing-link",
    "a",
    lambda a, b, x, y: _s(a, b, x) * (1 - _s(a, b, x)) * x,
    "loss left out",
)
curve.bad(
    "factor",
    "a",
    lambda a, b, x, y: (_s(a, b, x) - y) * _s(a, b, x) * (1 - _s(a, b, x)) * x,
)
curve.bad(
    "sign",
    "a",
    lambda a, b, x, y: -2 * (_s(a, b, x) - y) * _s(a, b, x) * (1 - _s(a, b, x)) * x,
)
curve.bad(
    "wrong-rule",
    "a",
    lambda a, b, x, y: 2 * (_s(a, b, x) - y) * _s(a, b, x) * x,
    "s' = s",
)
curve.bad(
    "wrong-rule missing-link",
    "a",
    lambda a, b, x, y: 2 * (_s(a, b, x) - y) * _s(a, b, x) ** 2 * x,
    "s' = s²",
)
curve.bad(
    "wrong-rule",
    "a",
    lambda a, b, x, y: 2 * (_s(a, b, x) - y) * (1 - _s(a, b, x) ** 2) * x,
)
curve.bad(
    "wrong-input",
    "a",
    lambda a, b, x, y: 2 * (_s(a, b, x) - y) * _s(a, b, x) * (1 - _s(a, b, x)) * a,
)
curve.bad(
    "wrong-point",
    "a",
    lambda a, b, x, y: 2 * (_s(a, b, x) - y) * sigmoid(x) * (1 - sigmoid(x)) * x,
    "s' at x",
)
curve.bad(
    "missing-path wrong-point",
    "a",
    lambda a, b, x, y: 2 * _s(a, b, x) * _s(a, b, x) * (1 - _s(a, b, x)) * x,
    "y forgotten",
)
curve.bad("value-returned", "a", lambda a, b, x, y: (_s(a, b, x) - y) ** 2)
curve.odd("a", lambda a, b, x, y: 2 * (_s(a, b, x) - y) * _s(a, b, x) * (1 - y) * x)
curve.two("missing-link sign", "a", lambda a, b, x, y: -2 * (_s(a, b, x) - y) * x)


# --- spread around a centre -----------------------------------------------------------------
def spread(x, c):
    return ((x - c) ** 2).mean()


scatter = Exercise(
    "spread", spread, lambda d: {"x": d.normal(d.sizes(1)[0]), "c": d.normal()}
)
scatter.ok(
    "x",
    lambda x, c: 2 * (x - c) / len(x),
    lambda x, c: torch.stack([2 * (v - c) / len(x) for v in x]),
)
scatter.ok("c", lambda x, c: -2 * (x - c).mean())
scatter.bad("reduction", "x", lambda x, c: 2 * (x - c))
scatter.bad("factor", "x", lambda x, c: (x - c) / len(x))
scatter.bad("sign", "c", lambda x, c: 2 * (x - c).mean())
scatter.bad("reduction", "c", lambda x, c: -2 * (x - c).sum())
scatter.bad("missing-path wrong-point", "c", lambda x, c: -2 * x.mean())
scatter.bad("missing-path wrong-point", "x", lambda x, c: 2 * x / len(x))
scatter.bad("wrong-rule", "x", lambda x, c: 2 * (x - c) ** 2 / len(x))
scatter.bad("sign", "x", lambda x, c: 2 * (x + c) / len(x))
scatter.bad("missing-path reduction", "c", lambda x, c: -2 * (x[0] - c) / len(x))
scatter.odd("x", lambda x, c: 2 * (x - 0.9 * c) / len(x))
scatter.odd("c", lambda x, c: -2 * (x - c).median())
scatter.two("sign factor", "c", lambda x, c: (x - c).mean())


# --- a weighted mean --------------------------------------------------------------------------
def weighted(v, w):
    return (w * v).sum() / w.sum()


mean = Exercise(
    "weighted mean",
    weighted,
    lambda d: (lambda n: {"v": d.normal(n), "w": d.uniform(n)})(d.sizes(1)[0]),
)
mean.ok("v", lambda v, w: w / w.sum())
mean.ok("w", lambda v, w: (v - (w * v).sum() / w.sum()) / w.sum())
mean.bad("missing-link", "v", lambda v, w: w.clone(), "not divided")
mean.bad(
    "missing-link", "v", lambda v, w: torch.ones_like(v) / w.sum(), "weights forgotten"
)
mean.bad(
    "missing-path",
    "w",
    lambda v, w: v / w.sum(),
    "weights in the denominator forgotten",
)
mean.bad(
    "missing-path", "w", lambda v, w: -(w * v).sum() / w.sum() ** 2 * torch.ones_like(w)
)
mean.bad("sign", "w", lambda v, w: (v + (w * v).sum() / w.sum()) / w.sum())
mean.bad(
    "wrong-rule missing-link",
    "w",
    lambda v, w: v / w.sum() - (w * v).sum() / w.sum(),
    "1/s for 1/s²",
)
mean.bad("wrong-input", "w", lambda v, w: w / w.sum())
mean.bad("reduction", "v", lambda v, w: w / w.mean())
mean.odd("w", lambda v, w: (v - v.mean()) / w.sum())
mean.two("missing-path sign", "w", lambda v, w: -v / w.sum())


# --- one class of a softmax written out ----------------------------------------------------------
def surprise(z, k):
    e = torch.exp(z)
    p = e / e.sum()
    return -torch.log(p[k])


def _draw_surprise(d):
    n = d.sizes(1)[0]
    return {"z": d.normal(n), "k": d.whole(n)}


nll = Exercise("surprise", surprise, _draw_surprise)


def _p(z):
    return torch.softmax(z, 0)


def _hot(z, k):
    return F.one_hot(k, len(z)).double()


nll.ok("z", lambda z, k: _p(z) - _hot(z, k))
nll.bad("missing-path", "z", lambda z, k: _p(z))
nll.bad("missing-path", "z", lambda z, k: -_hot(z, k))
nll.bad("sign", "z", lambda z, k: _hot(z, k) - _p(z))
nll.bad("wrong-rule", "z", lambda z, k: -(1 - _p(z)) * _hot(z, k), "elementwise")
nll.bad(
    "missing-link", "z", lambda z, k: _p(z)[k] * (_p(z) - _hot(z, k)), "log left out"
)
nll.bad(
    "missing-link wrong-rule",
    "z",
    lambda z, k: 1 / torch.exp(z).sum() - _hot(z, k) / torch.exp(z)[k],
    "exp left out",
)
nll.bad("sign", "z", lambda z, k: _p(z) + _hot(z, k))
nll.odd("z", lambda z, k: _p(z) ** 2 - _hot(z, k))
nll.odd("z", lambda z, k: _p(2 * z) - _hot(z, k))
nll.two("missing-path sign", "z", lambda z, k: -_p(z))


# --- least squares by matrices ----------------------------------------------------------------------
def misfit(A, X, B):
    R = A.matmul(X) - B
    return torch.trace(R.t() @ R)


def _draw_misfit(d):
    n, k, m = d.sizes(3)
    return {"A": d.normal(n, k), "X": d.normal(k, m), "B": d.normal(n, m)}


matrices = Exercise("matrix misfit", misfit, _draw_misfit)
matrices.ok("X", lambda A, X, B: 2 * A.T @ (A @ X - B))
matrices.ok("A", lambda A, X, B: 2 * (A @ X - B) @ X.T)
matrices.bad("factor", "X", lambda A, X, B: A.T @ (A @ X - B))
matrices.bad("sign", "X", lambda A, X, B: 2 * A.T @ (B - A @ X))
matrices.bad("missing-path wrong-point", "X", lambda A, X, B: 2 * A.T @ A @ X)
matrices.bad("missing-path", "A", lambda A, X, B: -2 * B @ X.T)
matrices.bad("sign", "A", lambda A, X, B: 2 * (A @ X + B) @ X.T)
matrices.bad("reduction", "A", lambda A, X, B: 2 * (A @ X - B) @ X.T / B.numel())
matrices.bad(
    "missing-link", "A", lambda A, X, B: 2 * (A @ X - B) @ torch.ones_like(X).T
)
matrices.odd("X", lambda A, X, B: 2 * A.T @ (A @ X - B).abs())
matrices.two("factor sign", "A", lambda A, X, B: (B - A @ X) @ X.T)


# --- an LSTM cell ---------------------------------------------------------------------------------------
def lstm(i, f, o, g, c):
    c_new = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c_new)
    return h


def _draw_lstm(d):
    n = d.sizes(1)[0]
    return {name: d.normal(n) for name in "ifogc"}


memory = Exercise("lstm cell", lstm, _draw_lstm)


def _c(i, f, o, g, c):
    return sigmoid(f) * c + sigmoid(i) * tanh(g)


def _dc(i, f, o, g, c, upstream):
    return upstream * sigmoid(o) * (1 - tanh(_c(i, f, o, g, c)) ** 2)


memory.ok(
    "f",
    lambda i, f, o, g, c, upstream: (
        _dc(i, f, o, g, c, upstream) * c * sigmoid(f) * (1 - sigmoid(f))
    ),
)
memory.ok(
    "g",
    lambda i, f, o, g, c, upstream: (
        _dc(i, f, o, g, c, upstream) * sigmoid(i) * (1 - tanh(g) ** 2)
    ),
)
memory.bad(
    "missing-link",
    "f",
    lambda i, f, o, g, c, upstream: _dc(i, f, o, g, c, upstream) * c,
)
memory.bad(
    "missing-link",
    "f",
    lambda i, f, o, g, c, upstream: (
        upstream * sigmoid(o) * c * sigmoid(f) * (1 - sigmoid(f))
    ),
    "tanh left out",
)
memory.bad(
    "missing-link",
    "f",
    lambda i, f, o, g, c, upstream: (
        upstream
        * (1 - tanh(_c(i, f, o, g, c)) ** 2)
        * c
        * sigmoid(f)
        * (1 - sigmoid(f))
    ),
    "output gate left out",
)
memory.bad(
    "wrong-rule",
    "f",
    lambda i, f, o, g, c, upstream: (
        _dc(i, f, o, g, c, upstream) * c * (1 - sigmoid(f) ** 2)
    ),
)
memory.bad(
    "wrong-point",
    "f",
    lambda i, f, o, g, c, upstream: (
        _dc(i, f, o, g, c, upstream) * _c(i, f, o, g, c) * sigmoid(f) * (1 - sigmoid(f))
    ),
    "new c for old c",
)
memory.bad(
    "wrong-rule",
    "g",
    lambda i, f, o, g, c, upstream: (
        upstream
        * sigmoid(o)
        * (1 - _c(i, f, o, g, c) ** 2)
        * sigmoid(i)
        * (1 - tanh(g) ** 2)
    ),
)
memory.bad(
    "wrong-rule",
    "g",
    lambda i, f, o, g, c, upstream: (
        _dc(i, f, o, g, c, upstream) * sigmoid(i) * sigmoid(g) * (1 - sigmoid(g))
    ),
    "sigmoid's for tanh's",
)
memory.bad(
    "wrong-point wrong-input wrong-rule",
    "g",
    lambda i, f, o, g, c, upstream: (
        _dc(i, f, o, g, c, upstream) * sigmoid(f) * (1 - tanh(g) ** 2)
    ),
    "the other gate",
)
memory.bad(
    "missing-link",
    "g",
    lambda i, f, o, g, c, upstream: (
        _dc(i, f, o, g, c, torch.ones_like(upstream)) * sigmoid(i) * (1 - tanh(g) ** 2)
    ),
)
memory.odd(
    "f",
    lambda i, f, o, g, c, upstream: (
        _dc(i, f, o, g, c, upstream) * (c + 0.1) * sigmoid(f)
    ),
)
memory.odd("g", lambda i, f, o, g, c, upstream: upstream * torch.exp(-(g**2)))
memory.two(
    "missing-link wrong-rule",
    "f",
    lambda i, f, o, g, c, upstream: upstream * sigmoid(o) * c * sigmoid(f),
)


# --- clipped probabilities -------------------------------------------------------------------------------
def safe_loss(q, y):
    p = q.clamp(0.2, 0.8)
    return -(y * p.log() + (1 - y) * (1 - p).log()).sum()


def _draw_safe(d):
    n = d.sizes(1)[0] + 3
    return {"q": d.uniform(n, low=0.02, high=0.98), "y": d.labels(n)}


safe = Exercise("clipped loss", safe_loss, _draw_safe)


def _inside(q):
    return ((q > 0.2) & (q < 0.8)).double()


safe.ok("q", lambda q, y: _inside(q) * (q - y) / (q * (1 - q)))
safe.bad(
    "wrong-rule missing-link",
    "q",
    lambda q, y: (
        (q.clamp(0.2, 0.8) - y) / (q.clamp(0.2, 0.8) * (1 - q.clamp(0.2, 0.8)))
    ),
    "clamp ignored on the way back",
)
safe.bad(
    "missing-link wrong-point",
    "q",
    lambda q, y: (q - y) / (q * (1 - q)),
    "clamp ignored altogether",
)
safe.bad("sign", "q", lambda q, y: _inside(q) * (y - q) / (q * (1 - q)))
safe.bad("missing-path", "q", lambda q, y: -_inside(q) * y / q)
safe.bad("sign", "q", lambda q, y: _inside(q) * (-y / q - (1 - y) / (1 - q)))
safe.bad("reduction", "q", lambda q, y: _inside(q) * (q - y) / (q * (1 - q)) / len(q))
safe.bad(
    "missing-link wrong-rule",
    "q",
    lambda q, y: _inside(q) * (q - y),
    "divisor forgotten",
)
safe.odd("q", lambda q, y: _inside(q) * (q - y) / q.sqrt())
safe.bad(
    "missing-link",
    "q",
    lambda q, y: _inside(q) * (q - y) / q,
    "the derivative of the second term left out",
)
safe.two(
    "sign wrong-rule missing-link",
    "q",
    lambda q, y: (
        (y - q.clamp(0.2, 0.8)) / (q.clamp(0.2, 0.8) * (1 - q.clamp(0.2, 0.8)))
    ),
)


# --- a recurrence of numbers -------------------------------------------------------------------------------
def remember(w, u, xs, y):
    h = torch.zeros_like(w)
    for x in xs:
        h = torch.tanh(w * h + u * x)
    return (h - y) ** 2 / 2


def _draw_remember(d):
    return {
        "w": d.uniform(low=0.4, high=0.9),
        "u": d.uniform(),
        "xs": d.normal(d.sizes(1)[0]),
        "y": d.normal(),
    }


scalar = Exercise("remember", remember, _draw_remember)


def bptt(
    w,
    u,
    xs,
    y,
    which="w",
    slope=lambda h, z: 1 - h * h,
    steps=None,
    carry=True,
    shift=0,
):
    hs, zs = [0 * w], [0 * w]
    for x in xs:
        zs.append(w * hs[-1] + u * x)
        hs.append(tanh(zs[-1]))
    g, total = hs[-1] - y, 0 * w
    for t in list(range(len(xs), 0, -1))[:steps]:
        g = g * slope(hs[t], zs[t])
        total = total + g * (hs[t - 1 + shift] if which == "w" else xs[t - 1])
        g = g * w if carry else g
    return total


scalar.ok("w", bptt)
scalar.ok("u", lambda w, u, xs, y: bptt(w, u, xs, y, "u"))
scalar.bad("missing-path", "w", lambda w, u, xs, y: bptt(w, u, xs, y, steps=1))
scalar.bad("missing-path", "u", lambda w, u, xs, y: bptt(w, u, xs, y, "u", steps=1))
scalar.bad(
    "missing-link", "w", lambda w, u, xs, y: bptt(w, u, xs, y, slope=lambda h, z: 1)
)
scalar.bad(
    "wrong-rule",
    "u",
    lambda w, u, xs, y: bptt(w, u, xs, y, "u", slope=lambda h, z: 1 - z * z),
)
scalar.bad(
    "wrong-rule",
    "u",
    lambda w, u, xs, y: bptt(w, u, xs, y, "u", slope=lambda h, z: h * (1 - h)),
)
scalar.bad("missing-link", "w", lambda w, u, xs, y: bptt(w, u, xs, y, carry=False))
scalar.bad("missing-link", "u", lambda w, u, xs, y: bptt(w, u, xs, y, "u", carry=False))
scalar.bad("wrong-point", "w", lambda w, u, xs, y: bptt(w, u, xs, y, shift=1))
scalar.bad(
    "wrong-point",
    "u",
    lambda w, u, xs, y: bptt(w, u, xs, y, "u", slope=lambda h, z: 1 - tanh(h) ** 2),
)
scalar.bad("factor", "w", lambda w, u, xs, y: 2 * bptt(w, u, xs, y))
scalar.bad(
    "missing-path wrong-point",
    "w",
    lambda w, u, xs, y: bptt(w, u, xs, 0 * y),
    "target forgotten",
)
scalar.odd("w", lambda w, u, xs, y: bptt(w, u, xs, y, slope=lambda h, z: 1 - h**4))
scalar.two(
    "missing-link sign",
    "w",
    lambda w, u, xs, y: -bptt(w, u, xs, y, slope=lambda h, z: 1),
)


# --- attention of a set to itself -------------------------------------------------------------------------------
def self_attention(X, W):
    S = (X @ W) @ X.T / math.sqrt(W.shape[1])
    P = torch.softmax(S, dim=-1)
    return P @ X


def _draw_self(d):
    n, k = d.sizes(2)
    return {"X": d.normal(n, k) / 2, "W": d.normal(k, k) / 2}


selfish = Exercise("self-attention", self_attention, _draw_self)


def _attend(X, W, upstream, scale=True, jacobian=True, transpose=False, rows=1):
    root = math.sqrt(W.shape[1]) if scale else 1
    P = torch.softmax((X @ W) @ X.T / math.sqrt(W.shape[1]), -1)
    dP = upstream @ X.T
    dS = P * (dP - (dP * P).sum(rows, keepdim=True)) if jacobian else P * dP
    dS = dS.T if transpose else dS
    return X.T @ dS @ X / root


selfish.ok("W", _attend)
selfish.bad("factor missing-link reduction", "W", lambda **k: _attend(**k, scale=False))
selfish.bad("missing-path wrong-rule", "W", lambda **k: _attend(**k, jacobian=False))
selfish.bad("transposed", "W", lambda **k: _attend(**k, transpose=True))
selfish.bad("transposed", "W", lambda **k: _attend(**k).T)
selfish.bad("sign", "W", lambda **k: -_attend(**k))
selfish.bad(
    "missing-link",
    "W",
    lambda X, W, upstream: X.T @ (upstream @ X.T) @ X / math.sqrt(W.shape[1]),
    "softmax left out",
)
selfish.bad(
    "missing-link", "W", lambda X, W, upstream: _attend(X, W, torch.ones_like(upstream))
)
selfish.odd("W", lambda X, W, upstream: _attend(X, 1.1 * W, upstream))
selfish.two(
    "transposed missing-path factor missing-link",
    "W",
    lambda **k: _attend(**k, scale=False, transpose=True),
)


# --- sums of powers ------------------------------------------------------------------------------------------------
def polynomial(c, x):
    total = c[0]
    for k in range(1, len(c)):
        total = total + c[k] * x**k
    return total


poly = Exercise(
    "polynomial", polynomial, lambda d: {"c": d.normal(d.sizes(1)[0]), "x": d.uniform()}
)
poly.ok("x", lambda c, x: sum(k * c[k] * x ** (k - 1) for k in range(1, len(c))))
poly.ok("c", lambda c, x: torch.stack([x**k for k in range(len(c))]))
poly.bad(
    "missing-link factor wrong-rule",
    "x",
    lambda c, x: sum(c[k] * x ** (k - 1) for k in range(1, len(c))),
    "k forgotten",
)
poly.bad(
    "wrong-rule",
    "x",
    lambda c, x: sum(k * c[k] * x**k for k in range(1, len(c))),
    "power kept",
)
poly.bad(
    "missing-link",
    "x",
    lambda c, x: sum(k * x ** (k - 1) for k in range(1, len(c))),
    "coefficients forgotten",
)
poly.bad(
    "missing-path",
    "x",
    lambda c, x: sum(k * c[k] * x ** (k - 1) for k in range(2, len(c))),
    "linear term forgotten",
)
poly.bad(
    "missing-path",
    "x",
    lambda c, x: (len(c) - 1) * c[-1] * x ** (len(c) - 2),
    "highest power alone",
)
poly.bad(
    "wrong-rule",
    "x",
    lambda c, x: c[0] + sum(k * c[k] * x ** (k - 1) for k in range(1, len(c))),
    "constant kept",
)
poly.bad("value-returned", "x", lambda c, x: polynomial(c, x))
poly.odd(
    "x", lambda c, x: sum((k + 0.3) * c[k] * x ** (k - 1) for k in range(1, len(c)))
)
poly.two(
    "missing-link missing-path wrong-rule factor",
    "x",
    lambda c, x: sum(c[k] * x ** (k - 1) for k in range(2, len(c))),
)


# --- an energy ---------------------------------------------------------------------------------------------------------
def energy(m, v, h):
    return 0.5 * m * v**2 + 9.81 * m * h


physics = Exercise(
    "energy", energy, lambda d: {"m": d.uniform(), "v": d.uniform(), "h": d.uniform()}
)
physics.ok("m", lambda m, v, h: v**2 / 2 + 9.81 * h)
physics.ok("v", lambda m, v, h: m * v)
physics.bad("missing-path", "m", lambda m, v, h: v**2 / 2)
physics.bad("missing-path", "m", lambda m, v, h: 9.81 * h)
physics.bad("factor missing-link", "m", lambda m, v, h: v**2 + 9.81 * h)
physics.bad("factor missing-link", "m", lambda m, v, h: v**2 / 2 + h)
physics.bad("factor wrong-rule", "v", lambda m, v, h: 0.5 * m * v)
physics.bad("factor", "v", lambda m, v, h: 2 * m * v)
physics.bad("missing-link", "v", lambda m, v, h: v.clone())
physics.bad("sign", "m", lambda m, v, h: v**2 / 2 - 9.81 * h)
physics.bad("value-returned", "v", lambda m, v, h: energy(m, v, h))
physics.bad("wrong-point", "m", lambda m, v, h: v / 2 + 9.81 * h, "v for v²")
physics.odd("m", lambda m, v, h: v**2 / 2 + 9.5 * h)
physics.two("missing-path factor missing-link", "m", lambda m, v, h: h.clone())


# --- preferences ---------------------------------------------------------------------------------------------------------
def preference(s, better, worse, beta):
    return -F.logsigmoid(beta * (s[better] - s[worse])).mean()


def _draw_preference(d):
    n, k = d.sizes(2)
    return {
        "s": d.normal(k),
        "better": d.whole(k, n + 4),
        "worse": d.whole(k, n + 4),
        "beta": d.uniform(),
    }


prefer = Exercise("preference", preference, _draw_preference)


def _prefer(s, better, worse, beta, plus=1.0, minus=1.0, slope=lambda d: sigmoid(-d)):
    g = -beta * slope(beta * (s[better] - s[worse])) / len(better)
    out = torch.zeros_like(s)
    out.index_add_(0, better, plus * g)
    return out.index_add_(0, worse, -minus * g)


prefer.ok("s", _prefer)
prefer.bad("missing-path", "s", lambda **k: _prefer(**k, minus=0.0))
prefer.bad("missing-path", "s", lambda **k: _prefer(**k, plus=0.0))
prefer.bad("sign", "s", lambda **k: _prefer(**k, minus=-1.0))
prefer.bad(
    "sign wrong-point missing-link wrong-rule",
    "s",
    lambda **k: _prefer(**k, slope=sigmoid),
    "σ(d) for σ(-d)",
)
prefer.bad("missing-link", "s", lambda **k: _prefer(**k, slope=torch.ones_like))
prefer.bad("missing-link", "s", lambda **k: _prefer(**k) / k["beta"])
prefer.bad("reduction", "s", lambda **k: _prefer(**k) * len(k["better"]))
prefer.odd("s", lambda **k: _prefer(**k, minus=0.9))
prefer.two("missing-path sign", "s", lambda **k: -_prefer(**k, minus=0.0))


# --- running products and sums -----------------------------------------------------------------------------------------------
def compound(r):
    return torch.cumprod(1 + r, dim=0).sum()


interest = Exercise(
    "compound interest", compound, lambda d: {"r": 0.3 * d.normal(d.sizes(1)[0])}
)


def interest_right(r):
    c = torch.cumprod(1 + r, 0)
    return torch.stack([c[t:].sum() / (1 + r[t]) for t in range(len(r))])


interest.ok("r", interest_right)
interest.bad(
    "missing-link wrong-rule",
    "r",
    lambda r: interest_right(r) * (1 + r),
    "own factor kept",
)
interest.bad(
    "wrong-rule", "r", lambda r: torch.cumprod(1 + r, 0) / (1 + r), "own term only"
)
interest.bad("sign", "r", lambda r: -interest_right(r))
interest.bad(
    "missing-path",
    "r",
    lambda r: torch.cumprod(1 + r, 0)[-1] / (1 + r),
    "last value only",
)
interest.odd("r", lambda r: torch.cumprod(1 + r, 0) + 0.1)

EXERCISES = [
    curve,
    scatter,
    mean,
    nll,
    matrices,
    memory,
    safe,
    scalar,
    selfish,
    poly,
    physics,
    prefer,
    interest,
]
