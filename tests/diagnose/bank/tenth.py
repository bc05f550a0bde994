"""A tenth set, by an author who had not seen the search."""

import torch

from tests.diagnose.bank.exercise import Exercise

exp, log, sqrt, sin, cos = torch.exp, torch.log, torch.sqrt, torch.sin, torch.cos
sinh, cosh, atan = torch.sinh, torch.cosh, torch.atan


# --- a power times a logarithm -----------------------------------------------------------
def growth(x, a):
    return x**a * torch.log(x)


def _draw_growth(d):
    return {"x": d.uniform(low=1.2, high=2.9), "a": d.uniform(low=0.4, high=3.2)}


power = Exercise("power times logarithm", growth, _draw_growth)
power.ok("x", lambda x, a: x ** (a - 1) * (a * log(x) + 1))
power.ok("x", lambda x, a: exp((a - 1) * log(x)) + a * x**a * log(x) / x)
power.ok("a", lambda x, a: x**a * log(x) ** 2)
power.bad("missing-path", "x", lambda x, a: a * x ** (a - 1) * log(x), "u'v only")
power.bad("missing-path", "x", lambda x, a: x**a / x, "uv' only")
power.bad("wrong-rule", "x", lambda x, a: a * x ** (a - 1) / x, "u'v'")
power.bad(
    "wrong-rule",
    "x",
    lambda x, a: a * x**a * log(x) + x**a / x,
    "exponent not lowered",
)
power.bad(
    "wrong-rule",
    "x",
    lambda x, a: x**a * log(x) * log(x) + x**a / x,
    "x^a taken for a^x",
)
power.bad(
    "missing-link wrong-rule",
    "x",
    lambda x, a: x ** (a - 1) * log(x) + x ** (a - 1),
    "the exponent does not come down",
)
power.bad(
    "value-returned missing-link",
    "a",
    lambda x, a: x**a * log(x),
    "d x^a / da, the other factor forgotten",
)
power.bad("wrong-rule", "a", lambda x, a: a * x ** (a - 1) * log(x), "power rule in a")
power.two("missing-path wrong-rule", "x", lambda x, a: a * x**a * log(x))
power.odd("x", lambda x, a: x ** (a - 1) * (a * log(x) + 1) + 0.1 * sin(3 * x))


# --- a nest of root, arc and hyperbolic sine ---------------------------------------------
def bend(x, k):
    angle = torch.atan(k * torch.sinh(x))
    return torch.sqrt(1 + angle**2)


def _draw_bend(d):
    return {"x": d.uniform(), "k": d.uniform(low=0.4, high=2.2)}


def _bend(x, k):
    t = k * sinh(x)
    return t, atan(t), sqrt(1 + atan(t) ** 2)


def _bend_x(x, k, arc=lambda t: 1 / (1 + t**2), root=lambda f: 1 / (2 * f)):
    t, h, f = _bend(x, k)
    return root(f) * 2 * h * arc(t) * k * cosh(x)


nest = Exercise("root of arc of sinh", bend, _draw_bend)
nest.ok("x", _bend_x)
nest.ok(
    "x",
    lambda x, k: _bend(x, k)[1] / bend(x, k) * cos(_bend(x, k)[1]) ** 2 * k * cosh(x),
)
nest.ok(
    "k", lambda x, k: _bend(x, k)[1] / bend(x, k) / (1 + _bend(x, k)[0] ** 2) * sinh(x)
)
nest.bad(
    "wrong-rule",
    "x",
    lambda x, k: _bend_x(x, k, arc=lambda t: 1 / sqrt(1 + t**2)),
    "atan' with a root",
)
nest.bad(
    "missing-link", "x", lambda x, k: _bend_x(x, k, arc=lambda t: 1.0), "atan' left out"
)
nest.bad(
    "missing-link",
    "x",
    lambda x, k: _bend_x(x, k, root=lambda f: 1.0),
    "root' left out",
)
nest.bad(
    "factor wrong-rule",
    "x",
    lambda x, k: _bend_x(x, k, root=lambda f: 1 / f),
    "root' without the half",
)
nest.bad("missing-link", "x", lambda x, k: _bend_x(x, k) / k, "k forgotten")
nest.bad(
    "wrong-point",
    "x",
    lambda x, k: _bend_x(x, k, arc=lambda t: 1 / (1 + x**2)),
    "atan' at x",
)
nest.bad(
    "wrong-rule",
    "x",
    lambda x, k: _bend_x(x, k) / cosh(x) * sinh(x),
    "sinh' = sinh",
)
nest.bad("wrong-input", "k", lambda x, k: _bend_x(x, k), "that is d/dx")
nest.two(
    "wrong-rule missing-link",
    "x",
    lambda x, k: _bend_x(x, k, arc=lambda t: 1 / sqrt(1 + t**2)) / k,
)
nest.odd("x", lambda x, k: _bend_x(x, k) * (1 + 0.2 * sin(5 * x + k)))


# --- likelihood of a Gaussian, by mean and log-variance ----------------------------------
def gaussian(x, m, s):
    gap = x - m
    return (-0.5 * (s + gap**2 / torch.exp(s))).sum(dim=1).mean()


def _draw_gaussian(d):
    n, k = d.sizes(2)
    return {"x": d.normal(n, k), "m": d.normal(k), "s": d.normal(k)}


def _gauss_loop(x, m, s):
    total = torch.zeros_like(m)
    for row in x:
        total += (row - m) / exp(s)
    return total / len(x)


gauss = Exercise("Gaussian log-likelihood", gaussian, _draw_gaussian)
gauss.ok("m", lambda x, m, s: ((x - m) * exp(-s)).mean(0))
gauss.ok("m", _gauss_loop)
gauss.ok("s", lambda x, m, s: 0.5 * ((x - m) ** 2 / exp(s) - 1).mean(0))
gauss.bad("sign", "m", lambda x, m, s: ((m - x) / exp(s)).mean(0))
gauss.bad("missing-link", "m", lambda x, m, s: (x - m).mean(0), "variance forgotten")
gauss.bad(
    "wrong-point wrong-rule",
    "m",
    lambda x, m, s: ((x - m) / exp(s / 2)).mean(0),
    "by the deviation, not the variance",
)
gauss.bad(
    "wrong-point",
    "m",
    lambda x, m, s: ((x - m) / s).mean(0),
    "log-variance taken for the variance",
)
gauss.bad("reduction", "m", lambda x, m, s: ((x - m) / exp(s)).sum(0))
gauss.bad(
    "missing-path",
    "s",
    lambda x, m, s: 0.5 * ((x - m) ** 2 / exp(s)).mean(0),
    "the log-term is lost",
)
gauss.bad(
    "missing-link",
    "s",
    lambda x, m, s: 0.5 * ((x - m) ** 2 / exp(s) ** 2 - 1).mean(0),
    "exp' left out",
)
gauss.bad(
    "factor",
    "s",
    lambda x, m, s: ((x - m) ** 2 / exp(s)).mean(0) - 0.5,
    "half for the first term only",
)
gauss.bad(
    "sign wrong-rule",
    "s",
    lambda x, m, s: -0.5 * ((x - m) ** 2 / exp(s) + 1).mean(0),
    "1/v' without its minus",
)
gauss.two("sign missing-link", "m", lambda x, m, s: (m - x).mean(0))
gauss.odd(
    "s", lambda x, m, s: 0.5 * ((x - m) ** 2 / exp(s) - 1).mean(0) + 0.05 * cos(m)
)


# --- Poisson regression with exposure ----------------------------------------------------
def counts(X, w, e, y):
    rate = e * torch.exp(X @ w)
    return (rate - y * torch.log(rate)).mean()


def _draw_counts(d):
    n, k = d.sizes(2)
    return {
        "X": 0.6 * d.normal(n, k),
        "w": 0.6 * d.normal(k),
        "e": d.uniform(n, low=0.5, high=3.0),
        "y": d.whole(6, n).double(),
    }


def _rate(X, w, e):
    return e * exp(X @ w)


poisson = Exercise("Poisson regression", counts, _draw_counts)
poisson.ok("w", lambda X, w, e, y: X.T @ (_rate(X, w, e) - y) / len(y))
poisson.ok(
    "w",
    lambda X, w, e, y: torch.einsum("nk,n->k", X, _rate(X, w, e) - y) / len(y),
)
poisson.ok("X", lambda X, w, e, y: torch.outer(_rate(X, w, e) - y, w) / len(y))
poisson.ok("e", lambda X, w, e, y: (exp(X @ w) - y / e) / len(y))
poisson.bad(
    "wrong-point",
    "w",
    lambda X, w, e, y: X.T @ (X @ w - y) / len(y),
    "linear prediction for the rate",
)
poisson.bad("missing-path", "w", lambda X, w, e, y: X.T @ _rate(X, w, e) / len(y))
poisson.bad(
    "missing-link wrong-point",
    "w",
    lambda X, w, e, y: X.T @ (exp(X @ w) - y) / len(y),
    "exposure forgotten",
)
poisson.bad(
    "missing-link",
    "w",
    lambda X, w, e, y: X.T @ (_rate(X, w, e) - y / _rate(X, w, e)) / len(y),
    "log' without the inner derivative",
)
poisson.bad("reduction", "w", lambda X, w, e, y: X.T @ (_rate(X, w, e) - y))
poisson.bad(
    "wrong-input wrong-point",
    "X",
    lambda X, w, e, y: (_rate(X, w, e) - y)[:, None] * X / len(y),
    "X in the place of w",
)
poisson.bad(
    "missing-link wrong-rule wrong-point",
    "e",
    lambda X, w, e, y: (_rate(X, w, e) - y) / len(y),
    "stops at the log-rate",
)
poisson.bad(
    "missing-link",
    "e",
    lambda X, w, e, y: (1 - y / _rate(X, w, e)) / len(y),
    "stops at the rate",
)
poisson.two("sign reduction", "w", lambda X, w, e, y: X.T @ (y - _rate(X, w, e)))
poisson.two("missing-path reduction", "w", lambda X, w, e, y: X.T @ _rate(X, w, e))
poisson.odd(
    "w",
    lambda X, w, e, y: X.T @ (_rate(X, w, e) - y) / len(y) + 0.1 * X[0].abs(),
)


# --- a quadratic form, as a trace --------------------------------------------------------
def energy(X, A, B):
    return 0.5 * torch.trace(X.T @ A @ X) - (B * X).sum()


def _draw_energy(d):
    n, k = d.sizes(2)
    return {"X": d.normal(n, k), "A": d.normal(n, n), "B": d.normal(n, k)}


form = Exercise("trace of a quadratic form", energy, _draw_energy)
form.ok("X", lambda X, A, B: 0.5 * (A + A.T) @ X - B)
form.ok("X", lambda X, A, B: 0.5 * (A @ X + torch.einsum("ji,jk->ik", A, X)) - B)
form.ok("A", lambda X, A, B: 0.5 * sum(torch.outer(x, x) for x in X.T))
form.bad("transposed wrong-rule", "X", lambda X, A, B: A @ X - B, "A not symmetric")
form.bad("transposed wrong-rule", "X", lambda X, A, B: A.T @ X - B)
form.bad("missing-path", "X", lambda X, A, B: 0.5 * A @ X - B, "one X of the two")
form.bad("factor", "X", lambda X, A, B: (A + A.T) @ X - B, "half lost")
form.bad("sign", "X", lambda X, A, B: 0.5 * (A + A.T) @ X + B)
form.bad("missing-path", "X", lambda X, A, B: 0.5 * (A + A.T) @ X, "B lost")
form.bad(
    "wrong-rule missing-path",
    "X",
    lambda X, A, B: A.diag()[:, None] * X - B,
    "entry by entry",
)
form.bad("sign", "B", lambda X, A, B: X)
form.bad("factor", "A", lambda X, A, B: X @ X.T)
form.two("transposed wrong-rule missing-path", "X", lambda X, A, B: A @ X)
form.odd("X", lambda X, A, B: 0.5 * (A + A.T) @ X - B + 0.1 * X[0] * A.diag()[:, None])


# --- distance measured in deviations -----------------------------------------------------
def scaled_distance(X, m, d):
    return torch.sqrt(((X - m) ** 2 / d).sum(dim=1))


def _draw_distance(dice):
    n, k = dice.sizes(2)
    return {
        "X": dice.normal(n, k),
        "m": dice.normal(k),
        "d": dice.uniform(k, low=0.4, high=2.5),
    }


def _pull_x(X, m, d, upstream):
    return (upstream / scaled_distance(X, m, d))[:, None] * (X - m) / d


def _pull_d(X, m, d, upstream, power=2):
    weights = upstream / (2 * scaled_distance(X, m, d))
    return -(weights @ (X - m) ** 2) / d**power


far = Exercise("Mahalanobis distance", scaled_distance, _draw_distance)
far.ok("X", _pull_x)
far.ok("m", lambda X, m, d, upstream: -_pull_x(X, m, d, upstream).sum(0))
far.ok(
    "m",
    lambda X, m, d, upstream: (
        -torch.einsum("n,nk->k", upstream / scaled_distance(X, m, d), X - m) / d
    ),
)
far.ok("d", _pull_d)
far.bad("sign", "m", lambda X, m, d, upstream: _pull_x(X, m, d, upstream).sum(0))
far.bad(
    "missing-link",
    "m",
    lambda X, m, d, upstream: -_pull_x(X, m, d, upstream).sum(0) * d,
    "d forgotten",
)
far.bad(
    "missing-link",
    "m",
    lambda X, m, d, upstream: -2 * (upstream[:, None] * (X - m) / d).sum(0),
    "root' left out",
)
far.bad("reduction", "m", lambda X, m, d, upstream: -_pull_x(X, m, d, upstream).mean(0))
far.bad(
    "factor",
    "X",
    lambda X, m, d, upstream: 0.5 * _pull_x(X, m, d, upstream),
    "2 of the square lost",
)
far.bad(
    "missing-link",
    "X",
    lambda X, m, d, upstream: _pull_x(X, m, d, torch.ones_like(upstream)),
    "upstream left out",
)
far.bad(
    "wrong-rule",
    "d",
    lambda X, m, d, upstream: _pull_d(X, m, d, upstream, power=1),
    "(1/d)' = -1/d",
)
far.bad(
    "sign wrong-rule",
    "d",
    lambda X, m, d, upstream: -_pull_d(X, m, d, upstream),
    "(1/d)' = 1/d²",
)
far.two(
    "sign missing-link",
    "m",
    lambda X, m, d, upstream: _pull_x(X, m, d, upstream).sum(0) * d,
)
far.odd("X", lambda X, m, d, upstream: _pull_x(X, m, d + 0.2, upstream) + 0.1 * m)


# --- beads on springs --------------------------------------------------------------------
def chain(P, k, L):
    length = (P[1:] - P[:-1]).norm(dim=1)
    return (0.5 * k * (length - L) ** 2).sum()


def _draw_chain(d):
    (n,) = d.sizes(1)
    return {
        "P": d.normal(n, 3),
        "k": d.uniform(n - 1, low=0.5, high=3.0),
        "L": d.uniform(),
    }


def _stretch(P):
    step = P[1:] - P[:-1]
    return step, step.norm(dim=1)


def _ends(pull, here=1.0, there=-1.0):
    none = pull.new_zeros(1, 3)
    return here * torch.cat([none, pull]) + there * torch.cat([pull, none])


def _tug(P, k, L):
    step, r = _stretch(P)
    return (k * (r - L) / r)[:, None] * step


def _beads_loop(P, k, L):
    grad = torch.zeros_like(P)
    for i in range(len(k)):
        step = P[i + 1] - P[i]
        pull = k[i] * (step.norm() - L) * step / step.norm()
        grad[i + 1] += pull
        grad[i] -= pull
    return grad


beads = Exercise("spring chain", chain, _draw_chain)
beads.ok("P", lambda P, k, L: _ends(_tug(P, k, L)))
beads.ok("P", _beads_loop)
beads.ok("L", lambda P, k, L: k @ (L - _stretch(P)[1]))
beads.bad("missing-path", "P", lambda P, k, L: _ends(_tug(P, k, L), there=0), "far end")
beads.bad("sign", "P", lambda P, k, L: _ends(_tug(P, k, L), there=1.0), "both ends +")
beads.bad(
    "missing-link wrong-rule",
    "P",
    lambda P, k, L: _ends((k * (_stretch(P)[1] - L))[:, None] * _stretch(P)[0]),
    "not the unit vector",
)
beads.bad(
    "missing-path wrong-point",
    "P",
    lambda P, k, L: _ends(k[:, None] * _stretch(P)[0]),
    "rest length forgotten",
)
beads.bad("factor", "k", lambda P, k, L: (_stretch(P)[1] - L) ** 2)
beads.bad(
    "value-returned wrong-rule",
    "k",
    lambda P, k, L: 0.5 * k * (_stretch(P)[1] - L) ** 2,
    "k kept",
)
beads.bad("sign", "L", lambda P, k, L: k @ (_stretch(P)[1] - L), "-1 lost")
beads.bad("missing-link", "L", lambda P, k, L: (L - _stretch(P)[1]).sum(), "k lost")
beads.two(
    "missing-path missing-link wrong-rule",
    "P",
    lambda P, k, L: _ends(
        (k * (_stretch(P)[1] - L))[:, None] * _stretch(P)[0], there=0
    ),
)
beads.odd("P", lambda P, k, L: _ends(_tug(P, k, L)) + 0.1 * P.abs())


# --- how far a throw goes ----------------------------------------------------------------
def throw(v, a, h, g):
    up = v * torch.sin(a)
    time = (up + torch.sqrt(up**2 + 2 * g * h)) / g
    return v * torch.cos(a) * time


def _draw_throw(d):
    return {
        "v": d.uniform(low=2.2, high=6.0),
        "a": d.uniform(low=0.4, high=1.2),
        "h": d.uniform(low=0.5, high=3.0),
        "g": d.uniform(low=3.0, high=11.0),
    }


def _root(v, a, h, g):
    return sqrt((v * sin(a)) ** 2 + 2 * g * h)


def _throw_v(v, a, h, g, inner=None, outer=1.0, path=1.0):
    r, s = _root(v, a, h, g), sin(a)
    inner = v * s**2 / r if inner is None else inner
    return cos(a) / g * (outer * (v * s + r) + path * v * (s + inner))


def _throw_a(v, a, h, g, turn=-1.0, inner=None):
    r, s, c = _root(v, a, h, g), sin(a), cos(a)
    inner = v**2 * s * c / r if inner is None else inner
    return turn * v * s / g * (v * s + r) + v * c / g * (v * c + inner)


def _throw_g(v, a, h, g, down=-1.0, inside=1.0):
    slope = inside * h / _root(v, a, h, g)
    return down * throw(v, a, h, g) / g + v * cos(a) / g * slope


reach = Exercise("range of a throw", throw, _draw_throw)
reach.ok("v", _throw_v)
reach.ok("a", _throw_a)
reach.ok("h", lambda v, a, h, g: v * cos(a) / _root(v, a, h, g))
reach.ok("g", _throw_g)
reach.bad(
    "factor",
    "h",
    lambda v, a, h, g: v * cos(a) / (2 * _root(v, a, h, g)),
    "2 of 2gh lost",
)
reach.bad(
    "missing-link",
    "h",
    lambda v, a, h, g: v * cos(a) / (g * _root(v, a, h, g)),
    "g lost",
)
reach.bad(
    "missing-path", "v", lambda v, a, h, g: _throw_v(v, a, h, g, path=0), "time fixed"
)
reach.bad(
    "missing-path",
    "v",
    lambda v, a, h, g: _throw_v(v, a, h, g, inner=0),
    "v under the root forgotten",
)
reach.bad(
    "missing-link",
    "v",
    lambda v, a, h, g: _throw_v(v, a, h, g, inner=sin(a) / (2 * _root(v, a, h, g))),
    "root' without the square's slope",
)
reach.bad(
    "sign wrong-rule",
    "a",
    lambda v, a, h, g: _throw_a(v, a, h, g, turn=1.0),
    "cos' = sin",
)
reach.bad(
    "missing-path", "g", lambda v, a, h, g: _throw_g(v, a, h, g, inside=0), "1/g only"
)
reach.bad(
    "sign wrong-rule",
    "g",
    lambda v, a, h, g: _throw_g(v, a, h, g, down=1.0),
    "minus of 1/g lost",
)
reach.two(
    "sign missing-path wrong-rule",
    "a",
    lambda v, a, h, g: _throw_a(v, a, h, g, turn=1.0, inner=0),
)
reach.odd("v", lambda v, a, h, g: _throw_v(v, a, h, g) + 0.2 * sin(v * g))


# --- the pull of many stars --------------------------------------------------------------
def gravity(q, P, m, soft):
    r = torch.sqrt(((q - P) ** 2).sum(dim=1) + soft**2)
    return -(m / r).sum()


def _draw_gravity(d):
    (n,) = d.sizes(1)
    return {
        "q": d.normal(3),
        "P": d.normal(n, 3),
        "m": d.uniform(n, low=0.5, high=4.0),
        "soft": d.uniform(low=0.4, high=1.3),
    }


def _apart(q, P, soft):
    return sqrt(((q - P) ** 2).sum(1) + soft**2)


def _fall(q, P, m, soft, power=3):
    return (m / _apart(q, P, soft) ** power)[:, None] * (q - P)


def _fall_loop(q, P, m, soft):
    total = torch.zeros_like(q)
    for p, mass in zip(P, m, strict=True):
        r2 = (q - p) @ (q - p) + soft**2
        total += mass * (q - p) * r2**-1.5
    return total


stars = Exercise("gravitational potential", gravity, _draw_gravity)
stars.ok("q", lambda q, P, m, soft: _fall(q, P, m, soft).sum(0))
stars.ok("q", _fall_loop)
stars.ok("P", lambda q, P, m, soft: -_fall(q, P, m, soft))
stars.ok("soft", lambda q, P, m, soft: (m * soft / _apart(q, P, soft) ** 3).sum())
stars.bad("sign", "q", lambda q, P, m, soft: -_fall(q, P, m, soft).sum(0))
stars.bad(
    "wrong-rule missing-link",
    "q",
    lambda q, P, m, soft: _fall(q, P, m, soft, power=2).sum(0),
    "square for cube: not the unit vector",
)
stars.bad(
    "factor", "q", lambda q, P, m, soft: 2 * _fall(q, P, m, soft).sum(0), "2 kept"
)
stars.bad(
    "wrong-point missing-path",
    "q",
    lambda q, P, m, soft: _fall(q, P, m, 0 * soft).sum(0),
    "softening forgotten",
)
stars.bad("reduction", "q", lambda q, P, m, soft: _fall(q, P, m, soft).mean(0))
stars.bad(
    "shape reduction", "q", lambda q, P, m, soft: _fall(q, P, m, soft), "not summed"
)
stars.bad("sign", "P", lambda q, P, m, soft: _fall(q, P, m, soft), "inner minus lost")
stars.bad(
    "missing-link",
    "soft",
    lambda q, P, m, soft: 0.5 * (m / _apart(q, P, soft) ** 3).sum(),
    "inner derivative left out",
)
stars.two(
    "sign wrong-rule missing-link",
    "q",
    lambda q, P, m, soft: -_fall(q, P, m, soft, power=2).sum(0),
)
stars.odd("q", lambda q, P, m, soft: _fall(q, P, m, soft).sum(0) + 0.1 * P.abs().sum(0))


# --- weighted standard deviation ---------------------------------------------------------
def deviation(x, w):
    p = w / w.sum()
    mean = (p * x).sum()
    return torch.sqrt((p * (x - mean) ** 2).sum())


def _draw_deviation(d):
    (n,) = d.sizes(1)
    return {"x": d.normal(n), "w": d.uniform(n, low=0.5, high=4.0)}


def _moments(x, w):
    p = w / w.sum()
    gap = x - p @ x
    return p, gap, sqrt(p @ gap**2)


def _dev_w(x, w, take=lambda sd: sd**2, root=lambda sd: 2 * sd):
    _, gap, sd = _moments(x, w)
    return (gap**2 - take(sd)) / root(sd) / w.sum()


def _dev_w_plain_mean(x, w):
    p = w / w.sum()
    gap = x - x.mean()
    var = p @ gap**2
    return (gap**2 - var) / (2 * sqrt(var)) / w.sum()


def _dev_x(x, w):
    p, gap, sd = _moments(x, w)
    return p * gap / sd


spread = Exercise("weighted deviation", deviation, _draw_deviation)
spread.ok("x", _dev_x)
spread.ok("x", lambda x, w: w * (x - (w @ x) / w.sum()) / (w.sum() * deviation(x, w)))
spread.ok("w", _dev_w)
spread.bad(
    "missing-path",
    "w",
    lambda x, w: _dev_w(x, w, take=lambda sd: 0),
    "the sum of the weights taken as fixed",
)
spread.bad("missing-link", "w", lambda x, w: _dev_w(x, w) * w.sum(), "not divided")
spread.bad(
    "factor wrong-rule",
    "w",
    lambda x, w: _dev_w(x, w, root=lambda sd: sd),
    "root' without the half",
)
spread.bad(
    "missing-link", "w", lambda x, w: _dev_w(x, w, root=lambda sd: 1), "root' left out"
)
spread.bad(
    "wrong-point wrong-rule",
    "w",
    lambda x, w: _dev_w(x, w, take=lambda sd: sd),
    "deviation for variance",
)
spread.bad("wrong-point reduction", "w", _dev_w_plain_mean, "the mean without weights")
spread.bad("missing-link", "x", lambda x, w: _dev_x(x, w) * w.sum() / w, "weights lost")
spread.bad(
    "wrong-rule missing-path",
    "x",
    lambda x, w: _dev_x(x, w) * (1 - w / w.sum()),
    "the mean's path, but entry by entry",
)
spread.two(
    "missing-path missing-link",
    "w",
    lambda x, w: _dev_w(x, w, take=lambda sd: 0, root=lambda sd: 1),
)
spread.odd("w", lambda x, w: _dev_w(x, w) + 0.03 * sin(4 * x))


# --- correlation -------------------------------------------------------------------------
def correlation(x, y):
    a = x - x.mean()
    b = y - y.mean()
    return (a * b).sum() / (a.norm() * b.norm())


def _draw_correlation(d):
    (n,) = d.sizes(1)
    return {"x": d.normal(n), "y": d.normal(n) + 0.7}


def _corr(x, y, norm=1.0, over=None):
    a, b = x - x.mean(), y - y.mean()
    over = a.norm() if over is None else over
    return (b / b.norm() - norm * correlation(x, y) * a / over) / a.norm()


linked = Exercise("correlation", correlation, _draw_correlation)
linked.ok("x", lambda x, y: _corr(x, y))
linked.ok("y", lambda x, y: _corr(y, x))
linked.bad("missing-path", "x", lambda x, y: _corr(x, y, norm=0), "norm detached")
linked.bad(
    "sign wrong-rule",
    "x",
    lambda x, y: _corr(x, y, norm=-1),
    "minus of the quotient rule",
)
linked.bad(
    "missing-link wrong-rule",
    "x",
    lambda x, y: _corr(x, y, over=1),
    "quotient rule: v for v²",
)
linked.bad("wrong-input", "y", lambda x, y: _corr(x, y))
linked.bad(
    "wrong-point missing-path",
    "x",
    lambda x, y: _corr(x, y) + y.mean() / (x - x.mean()).norm() / (y - y.mean()).norm(),
    "y for y minus its mean",
)
linked.bad("reduction", "x", lambda x, y: _corr(x, y) / len(x), "divided by n again")
linked.bad(
    "missing-link",
    "y",
    lambda x, y: _corr(y, x) * (x - x.mean()).norm(),
    "the other norm lost",
)
linked.bad("factor", "x", lambda x, y: _corr(x, y, norm=2), "norm' without the half")
linked.two("missing-path sign", "x", lambda x, y: -_corr(x, y, norm=0))
linked.odd("x", lambda x, y: _corr(x, y) + 0.1 * sin(3 * y))


# --- divergence of a softmax from a table ------------------------------------------------
def divergence(z, q):
    logp = torch.log_softmax(z, dim=1)
    return (torch.exp(logp) * (logp - torch.log(q))).sum(dim=1).mean()


def _draw_divergence(d):
    n, k = d.sizes(2)
    return {"z": d.normal(n, k), "q": torch.softmax(d.normal(n, k), dim=1)}


def _soft(z):
    return torch.softmax(z, dim=1)


def _centred(p, g):
    return p * (g - (p * g).sum(1, keepdim=True))


def _ratio(z, q):
    return log(_soft(z)) - log(q)


def _jacobian(z, q):
    rows = []
    for p, g in zip(_soft(z), _ratio(z, q) + 1, strict=True):
        rows.append((torch.diag(p) - torch.outer(p, p)) @ g)
    return torch.stack(rows) / len(z)


kl = Exercise("divergence", divergence, _draw_divergence)
kl.ok("z", lambda z, q: _centred(_soft(z), _ratio(z, q)) / len(z))
kl.ok("z", _jacobian)
kl.ok("q", lambda z, q: -_soft(z) / q / len(z))
kl.bad(
    "missing-path wrong-rule",
    "z",
    lambda z, q: _soft(z) * (_ratio(z, q) + 1) / len(z),
    "softmax' = p",
)
kl.bad(
    "wrong-rule missing-path",
    "z",
    lambda z, q: _soft(z) * (1 - _soft(z)) * (_ratio(z, q) + 1) / len(z),
    "softmax entry by entry",
)
kl.bad("missing-link", "z", lambda z, q: (_ratio(z, q) + 1) / len(z), "stops at p")
kl.bad("wrong-rule", "z", lambda z, q: (_soft(z) - q) / len(z), "the other direction")
kl.bad(
    "missing-path wrong-point",
    "z",
    lambda z, q: _centred(_soft(z), log(_soft(z))) / len(z),
    "entropy only",
)
kl.bad(
    "reduction",
    "z",
    lambda z, q: _centred(_soft(z), _ratio(z, q)) / z.numel(),
    "mean of all",
)
kl.bad("sign", "q", lambda z, q: _soft(z) / q / len(z))
kl.bad("missing-link", "q", lambda z, q: -_soft(z) / len(z), "log' left out")
kl.two("missing-link reduction", "z", lambda z, q: _ratio(z, q) + 1)
kl.odd("z", lambda z, q: _centred(_soft(z), _ratio(z, q)) / len(z) + 0.02 * q**2)


# --- payments discounted and added up ----------------------------------------------------
def saved(v, h):
    discount = torch.cumprod(1 / (1 + h), dim=0)
    return torch.cumsum(v * discount, dim=0)


def _draw_saved(d):
    (n,) = d.sizes(1)
    return {"v": d.normal(n) + 1.5, "h": d.uniform(n, low=0.1, high=0.9)}


def _disc(h):
    return torch.cumprod(1 / (1 + h), 0)


def _later(g):
    return g.flip(0).cumsum(0).flip(0)


def _saved_h(v, h, upstream):
    return -_later(_later(upstream) * v * _disc(h)) / (1 + h)


def _saved_loop(v, h, upstream):
    grad = torch.zeros_like(v)
    for i in range(len(v)):
        for j in range(i, len(v)):
            grad[i] += upstream[j] * _disc(h)[i]
    return grad


payments = Exercise("discounted payments", saved, _draw_saved)
payments.ok("v", lambda v, h, upstream: _disc(h) * _later(upstream))
payments.ok("v", _saved_loop)
payments.ok("h", _saved_h)
payments.bad(
    "transposed reduction wrong-rule",
    "v",
    lambda v, h, upstream: _disc(h) * upstream.cumsum(0),
    "not reversed",
)
payments.bad("missing-link", "v", lambda v, h, upstream: _later(upstream), "discount")
payments.bad(
    "missing-link wrong-rule missing-path",
    "v",
    lambda v, h, upstream: _disc(h) * upstream,
    "cumsum' = 1",
)
payments.bad(
    "missing-link",
    "v",
    lambda v, h, upstream: _disc(h) * _later(torch.ones_like(v)),
    "upstream left out",
)
payments.bad(
    "wrong-point wrong-rule",
    "v",
    lambda v, h, upstream: _disc(h) * (1 + h) * _later(upstream),
    "discount of the step before",
)
payments.bad("sign", "h", lambda v, h, upstream: -_saved_h(v, h, upstream))
payments.bad(
    "wrong-rule missing-link missing-path",
    "h",
    lambda v, h, upstream: -_later(upstream) * v * _disc(h) / (1 + h),
    "cumprod entry by entry",
)
payments.bad(
    "missing-link wrong-rule",
    "h",
    lambda v, h, upstream: _saved_h(v, h, upstream) / (1 + h),
    "product not divided by its own factor",
)
payments.two(
    "missing-link transposed reduction wrong-rule",
    "v",
    lambda v, h, upstream: upstream.cumsum(0),
)
payments.odd("v", lambda v, h, upstream: _disc(h) * _later(upstream) + 0.1 * v * h)


# --- a blend under a loss of two pieces --------------------------------------------------
def blend(a, b, t, c):
    gap = torch.lerp(a, b, t) - c
    return torch.where(gap.abs() < 1, 0.5 * gap**2, gap.abs() - 0.5).mean()


def _draw_blend(d):
    n, k = d.sizes(2)
    return {
        "a": 1.5 * d.normal(n, k),
        "b": d.normal(k),
        "t": d.uniform(low=0.15, high=0.4),
        "c": d.normal(n, k),
    }


def _blend(a, b, t, c, far=torch.sign):
    gap = (1 - t) * a + t * b - c
    slope = torch.where(gap.abs() < 1, gap, far(gap))
    return slope / a.numel()


mixed = Exercise("blend and Huber", blend, _draw_blend)
mixed.ok("a", lambda a, b, t, c: (1 - t) * _blend(a, b, t, c))
mixed.ok(
    "a", lambda a, b, t, c: (1 - t) * (a + t * (b - a) - c).clamp(-1, 1) / a.numel()
)
mixed.ok("b", lambda a, b, t, c: t * _blend(a, b, t, c).sum(0))
mixed.ok("t", lambda a, b, t, c: (_blend(a, b, t, c) * (b - a)).sum())
mixed.bad(
    "missing-link missing-path",
    "a",
    lambda a, b, t, c: _blend(a, b, t, c),
    "1 - t forgotten",
)
mixed.bad(
    "wrong-point wrong-rule",
    "a",
    lambda a, b, t, c: t * _blend(a, b, t, c),
    "t for 1 - t",
)
mixed.bad(
    "wrong-rule missing-link missing-path",
    "a",
    lambda a, b, t, c: (1 - t) * _blend(a, b, t, c, far=lambda g: g),
    "a square everywhere",
)
mixed.bad(
    "missing-path wrong-rule",
    "a",
    lambda a, b, t, c: (1 - t) * _blend(a, b, t, c, far=torch.zeros_like),
    "no slope in the tails",
)
mixed.bad(
    "missing-link wrong-rule",
    "a",
    lambda a, b, t, c: (1 - t) * _blend(a, b, t, c, far=torch.ones_like),
    "|x|' = 1",
)
mixed.bad(
    "reduction",
    "b",
    lambda a, b, t, c: t * _blend(a, b, t, c).mean(0),
    "mean of the rows",
)
mixed.bad("sign", "t", lambda a, b, t, c: (_blend(a, b, t, c) * (a - b)).sum())
mixed.bad(
    "missing-path wrong-point",
    "t",
    lambda a, b, t, c: (_blend(a, b, t, c) * b).sum(),
    "b only",
)
mixed.two("sign missing-link wrong-input", "a", lambda a, b, t, c: -_blend(a, b, t, c))
mixed.odd("a", lambda a, b, t, c: (1 - t) * _blend(a, b, t, c) + 0.01 * sin(3 * c))

EXERCISES = [
    power,
    nest,
    gauss,
    poisson,
    form,
    far,
    beads,
    reach,
    stars,
    spread,
    linked,
    kl,
    payments,
    mixed,
]
