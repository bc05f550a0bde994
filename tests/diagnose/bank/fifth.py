"""A fifth set, as a stranger would write it; tried once before any change."""

import torch
import torch.nn.functional as F

from tests.diagnose.bank.exercise import Exercise

sigmoid, tanh, exp, log = torch.sigmoid, torch.tanh, torch.exp, torch.log


# --- a trace ------------------------------------------------------------------------
def inertia(A, X):
    return torch.trace(X.T @ A @ X)


def _draw_inertia(d):
    n, k = d.sizes(2)
    return {"A": d.normal(n, n), "X": d.normal(n, k)}


trace = Exercise("trace of a form", inertia, _draw_inertia)
trace.ok("X", lambda A, X: (A + A.T) @ X, lambda A, X: A @ X + A.T @ X)
trace.ok("A", lambda A, X: X @ X.T, lambda A, X: torch.einsum("ik,jk->ij", X, X))
trace.bad("transposed", "X", lambda A, X: 2 * A @ X, "A taken for symmetric")
trace.bad("transposed", "X", lambda A, X: 2 * A.T @ X)
trace.bad("missing-path", "X", lambda A, X: A @ X)
trace.bad("missing-path", "X", lambda A, X: A.T @ X)
trace.bad("factor", "X", lambda A, X: 2 * (A + A.T) @ X)
trace.bad("sign", "X", lambda A, X: (A - A.T) @ X)
trace.bad("missing-link", "X", lambda A, X: 2 * X, "A forgotten")
trace.bad("factor accumulated", "A", lambda A, X: 2 * X @ X.T)
trace.bad("wrong-rule", "A", lambda A, X: torch.diag(torch.diag(X @ X.T)), "diagonal")
trace.odd("X", lambda A, X: (A + 0.7 * A.T) @ X)
trace.odd("A", lambda A, X: X @ X.T + torch.eye(len(A), dtype=A.dtype))
trace.two("missing-path sign", "X", lambda A, X: -A @ X)
trace.two("transposed factor", "A", lambda A, X: 3 * X @ X.T + A)


# --- layer norm with a gain -----------------------------------------------------------
def gained(x, gain, shift):
    centred = x - x.mean(dim=-1, keepdim=True)
    spread = torch.sqrt((centred**2).mean(dim=-1, keepdim=True) + 1e-5)
    return gain * centred / spread + shift


def _draw_gained(d):
    n, k = d.sizes(2)
    return {"x": d.normal(n, k), "gain": d.uniform(k), "shift": d.normal(k)}


gain_norm = Exercise("layer norm with gain", gained, _draw_gained)


def _hat(x):
    c = x - x.mean(-1, keepdim=True)
    s = torch.sqrt((c**2).mean(-1, keepdim=True) + 1e-5)
    return c / s, s


def _gained_dx(x, gain, shift, upstream, mean=True, cov=True, sd=True, g=True):
    hat, s = _hat(x)
    u = upstream * gain if g else upstream
    out = u.clone()
    if mean:
        out = out - u.mean(-1, keepdim=True)
    if cov:
        out = out - hat * (u * hat).mean(-1, keepdim=True)
    return out / s if sd else out


gain_norm.ok("x", _gained_dx)
gain_norm.ok("gain", lambda x, gain, shift, upstream: (upstream * _hat(x)[0]).sum(0))
gain_norm.ok("shift", lambda x, gain, shift, upstream: upstream.sum(0))
gain_norm.bad(
    "missing-path", "x", lambda **k: _gained_dx(**k, mean=False), "mean is a constant"
)
gain_norm.bad(
    "missing-path", "x", lambda **k: _gained_dx(**k, cov=False), "spread is a constant"
)
gain_norm.bad(
    "missing-path",
    "x",
    lambda **k: _gained_dx(**k, mean=False, cov=False),
    "both are constants: what flows back is gain/spread",
)
gain_norm.bad("missing-link", "x", lambda **k: _gained_dx(**k, g=False), "gain lost")
gain_norm.bad(
    "missing-link wrong-rule", "x", lambda **k: _gained_dx(**k, sd=False), "not divided"
)
gain_norm.bad(
    "reduction",
    "gain",
    lambda x, gain, shift, upstream: (upstream * _hat(x)[0]).mean(0),
)
gain_norm.bad("reduction", "shift", lambda x, gain, shift, upstream: upstream.mean(0))
gain_norm.bad(
    "wrong-point missing-link",
    "gain",
    lambda x, gain, shift, upstream: (upstream * (x - x.mean(-1, keepdim=True))).sum(0),
    "not normalised",
)
gain_norm.bad(
    "wrong-point missing-path",
    "gain",
    lambda x, gain, shift, upstream: (upstream * x / _hat(x)[1]).sum(0),
    "not centred",
)
gain_norm.bad(
    "missing-link wrong-input",
    "gain",
    lambda x, gain, shift, upstream: upstream.sum(0),
    "that of the shift",
)
gain_norm.odd("x", lambda x, gain, shift, upstream: upstream * gain * x)
gain_norm.odd(
    "gain", lambda x, gain, shift, upstream: (upstream * _hat(x)[0] ** 3).sum(0)
)
gain_norm.two(
    "missing-path missing-link", "x", lambda **k: _gained_dx(**k, cov=False, g=False)
)


# --- a free energy -------------------------------------------------------------------
def free_energy(E, tau):
    return -tau * torch.logsumexp(-E / tau, dim=0)


def _draw_energy(d):
    return {"E": d.normal(d.sizes(1)[0]), "tau": d.uniform()}


heat = Exercise("free energy", free_energy, _draw_energy)


def _boltzmann(E, tau):
    return torch.softmax(-E / tau, 0)


heat.ok("E", _boltzmann)
heat.ok(
    "tau",
    lambda E, tau: -torch.logsumexp(-E / tau, 0) - (_boltzmann(E, tau) * E).sum() / tau,
)
heat.bad("sign", "E", lambda E, tau: -_boltzmann(E, tau))
heat.bad("missing-link", "E", lambda E, tau: _boltzmann(E, tau) / tau, "tau kept")
heat.bad("missing-link", "E", lambda E, tau: _boltzmann(E, tau) * tau, "1/tau lost")
heat.bad("sign wrong-point", "E", lambda E, tau: torch.softmax(E / tau, 0))
heat.bad("wrong-point missing-link", "E", lambda E, tau: torch.softmax(-E, 0))
heat.bad("wrong-rule missing-link", "E", lambda E, tau: exp(-E / tau), "not normalised")
heat.bad(
    "wrong-rule", "E", lambda E, tau: torch.ones_like(E) / len(E), "taken for a mean"
)
heat.bad("missing-path", "tau", lambda E, tau: -torch.logsumexp(-E / tau, 0))
heat.bad("missing-path", "tau", lambda E, tau: -(_boltzmann(E, tau) * E).sum() / tau)
heat.bad(
    "sign",
    "tau",
    lambda E, tau: -torch.logsumexp(-E / tau, 0) + (_boltzmann(E, tau) * E).sum() / tau,
)
heat.bad("value-returned", "tau", free_energy)
heat.odd("E", lambda E, tau: _boltzmann(E, tau) * (1 - _boltzmann(E, tau)))
heat.bad(
    "wrong-rule",
    "tau",
    lambda E, tau: -torch.logsumexp(-E / tau, 0) - E.mean() / tau,
    "taken for a mean",
)
heat.odd("tau", lambda E, tau: -torch.logsumexp(-E / tau, 0) - E.max() / tau)
heat.two("sign missing-link", "E", lambda E, tau: -_boltzmann(E, tau) / tau)


# --- likeness of rows -----------------------------------------------------------------
def unlikeness(A, B):
    return (1 - F.cosine_similarity(A, B, dim=1)).mean()


def _draw_rows(d):
    n, k = d.sizes(2)
    return {"A": d.normal(n, k), "B": d.normal(n, k)}


likeness = Exercise("cosine of rows", unlikeness, _draw_rows)


def _likeness(A, B, shrink=True, ends=True, project=True, sign=-1.0):
    a = A.norm(dim=1, keepdim=True)
    b = B.norm(dim=1, keepdim=True)
    c = (A * B).sum(1, keepdim=True) / (a * b)
    grad = B / (a * b) if shrink else B / b
    if project:
        grad = grad - c * A / a**2
    return sign * grad / (len(A) if ends else 1)


likeness.ok("A", _likeness)
likeness.bad("sign", "A", lambda A, B: _likeness(A, B, sign=1.0))
likeness.bad("reduction", "A", lambda A, B: _likeness(A, B, ends=False))
likeness.bad("missing-path", "A", lambda A, B: _likeness(A, B, project=False))
likeness.bad("wrong-input", "A", lambda A, B: _likeness(B, A), "the one for B")
likeness.bad(
    "missing-link wrong-rule",
    "A",
    lambda A, B: -B / len(A),
    "norms forgotten",
)
likeness.odd("A", lambda A, B: _likeness(A, B) * A.norm())
likeness.two(
    "missing-path reduction",
    "A",
    lambda A, B: _likeness(A, B, project=False, ends=False),
)


# --- a filter ---------------------------------------------------------------------------
def smooth(x, k):
    return x.unfold(0, 3, 1) @ k


def _draw_smooth(d):
    return {"x": d.normal(d.sizes(1)[0] + 3), "k": d.normal(3)}


sieve = Exercise("filter by unfold", smooth, _draw_smooth)


def sieve_dx(x, k, upstream):
    dx = torch.zeros_like(x)
    for i in range(len(upstream)):
        for j in range(3):
            dx[i + j] += upstream[i] * k[j]
    return dx


def sieve_last(x, k, upstream):
    dx = torch.zeros_like(x)
    for i in range(len(upstream)):
        for j in range(3):
            dx[i + j] = upstream[i] * k[j]
    return dx


sieve.ok("x", sieve_dx)
sieve.ok(
    "k",
    lambda x, k, upstream: x.unfold(0, 3, 1).T @ upstream,
    lambda x, k, upstream: torch.stack(
        [(upstream * x[j : j + len(upstream)]).sum() for j in range(3)]
    ),
    lambda x, k, upstream: torch.einsum("ij,i->j", x.unfold(0, 3, 1), upstream),
)
sieve.bad("reduction", "x", sieve_last, "overwritten, not added")
sieve.bad("transposed", "x", lambda x, k, upstream: sieve_dx(x, k.flip(0), upstream))
sieve.bad(
    "transposed",
    "k",
    lambda x, k, upstream: (x.unfold(0, 3, 1).T @ upstream).flip(0),
)
sieve.bad(
    "missing-link", "k", lambda x, k, upstream: x.unfold(0, 3, 1).sum(0), "no upstream"
)
sieve.bad(
    "reduction",
    "k",
    lambda x, k, upstream: x.unfold(0, 3, 1).T @ upstream / len(upstream),
)
sieve.bad("sign", "x", lambda x, k, upstream: -sieve_dx(x, k, upstream))
sieve.bad(
    "missing-link",
    "x",
    lambda x, k, upstream: sieve_dx(x, torch.ones_like(k), upstream),
    "kernel forgotten",
)
sieve.odd("x", lambda x, k, upstream: sieve_dx(x, k.abs(), upstream))
sieve.two(
    "transposed missing-link",
    "x",
    lambda x, k, upstream: sieve_dx(x, k.flip(0), torch.ones_like(upstream)),
)


# --- a running total ------------------------------------------------------------------------
def total_cost(s, w):
    return (w * torch.cumsum(s, dim=0) ** 2).mean()


stock = Exercise(
    "running total",
    total_cost,
    lambda d: (lambda n: {"s": d.normal(n), "w": d.uniform(n)})(d.sizes(1)[0]),
)


def _stock(s, w, back=True, outer=True, two=2.0):
    c = torch.cumsum(s, 0)
    g = two * w * (c if outer else s) / len(s)
    return torch.flip(torch.cumsum(torch.flip(g, [0]), 0), [0]) if back else g


stock.ok("s", _stock)
stock.ok("w", lambda s, w: torch.cumsum(s, 0) ** 2 / len(s))
stock.bad(
    "missing-link wrong-rule",
    "s",
    lambda s, w: _stock(s, w, back=False),
    "cumsum left out",
)
stock.bad(
    "transposed",
    "s",
    lambda s, w: torch.cumsum(2 * w * torch.cumsum(s, 0) / len(s), 0),
    "summed from the front",
)
stock.bad("factor", "s", lambda s, w: _stock(s, w, two=1.0))
stock.bad("wrong-point", "s", lambda s, w: _stock(s, w, outer=False))
stock.bad("reduction", "s", lambda s, w: _stock(s, w) * len(s))
stock.bad("missing-link", "s", lambda s, w: _stock(s, torch.ones_like(w)))
stock.bad("wrong-point missing-link", "w", lambda s, w: s**2 / len(s))
stock.bad(
    "missing-link wrong-rule wrong-point",
    "w",
    lambda s, w: torch.cumsum(s, 0) / len(s),
    "not squared",
)
stock.bad(
    "wrong-rule",
    "w",
    lambda s, w: 2 * torch.cumsum(s, 0) / len(s),
    "the square is differentiated",
)
stock.bad("wrong-rule", "s", lambda s, w: _stock(s, w**2), "w twice")
stock.odd("s", lambda s, w: _stock(s, w.sqrt()))
stock.odd("w", lambda s, w: torch.cumsum(s, 0).abs() / len(s))
stock.two(
    "transposed factor",
    "s",
    lambda s, w: torch.cumsum(w * torch.cumsum(s, 0) / len(s), 0),
)


# --- scores of a batch ---------------------------------------------------------------------
def batch_scores(Q, K):
    return torch.einsum("bid,bjd->bij", Q, K).tanh()


def _draw_batch(d):
    b, i, k = d.sizes(3)
    return {"Q": d.normal(b, i, k) / 2, "K": d.normal(b, i, k) / 2}


scores = Exercise("scores of a batch", batch_scores, _draw_batch)


def _scores(Q, K, upstream, slope=lambda t, z: 1 - t**2, turn=False):
    z = Q @ K.transpose(1, 2)
    g = upstream * slope(tanh(z), z)
    return (g.transpose(1, 2) if turn else g) @ K


scores.ok(
    "Q",
    _scores,
    lambda Q, K, upstream: torch.einsum(
        "bij,bjd->bid",
        upstream * (1 - torch.einsum("bid,bjd->bij", Q, K).tanh() ** 2),
        K,
    ),
)
scores.bad("missing-link", "Q", lambda **k: _scores(**k, slope=lambda t, z: 1))
scores.bad("wrong-rule", "Q", lambda **k: _scores(**k, slope=lambda t, z: 1 - z**2))
scores.bad("wrong-rule", "Q", lambda **k: _scores(**k, slope=lambda t, z: 1 - t))
scores.bad("wrong-rule", "Q", lambda **k: _scores(**k, slope=lambda t, z: t * (1 - t)))
scores.bad(
    "wrong-point", "Q", lambda **k: _scores(**k, slope=lambda t, z: 1 - tanh(t) ** 2)
)
scores.bad("transposed", "Q", lambda **k: _scores(**k, turn=True))
scores.bad(
    "transposed",
    "K",
    lambda Q, K, upstream: _scores(
        K, Q, upstream, slope=lambda t, z: 1 - tanh(Q @ K.transpose(1, 2)) ** 2
    ),
    "not transposed",
)
scores.bad(
    "missing-link", "Q", lambda Q, K, upstream: _scores(Q, K, torch.ones_like(upstream))
)
scores.bad(
    "wrong-point wrong-input",
    "Q",
    lambda Q, K, upstream: (upstream * (1 - tanh(Q @ K.transpose(1, 2)) ** 2)) @ Q,
)
scores.odd("Q", lambda **k: _scores(**k, slope=lambda t, z: 1 - t**4))
scores.two(
    "missing-link transposed",
    "Q",
    lambda **k: _scores(**k, turn=True, slope=lambda t, z: 1),
)


# --- a likelihood by gather ---------------------------------------------------------------
def picked(z, y):
    logp = z - z.logsumexp(dim=1, keepdim=True)
    return -logp.gather(1, y[:, None]).mean()


def _draw_picked(d):
    n, k = d.sizes(2)
    return {"z": d.normal(n, k), "y": d.whole(k, n)}


nll = Exercise("likelihood by gather", picked, _draw_picked)


def _hot(z, y):
    return F.one_hot(y, z.shape[1]).to(z.dtype)


def nll_loop(z, y):
    p = torch.softmax(z, 1)
    for i in range(len(y)):
        p[i, y[i]] -= 1
    return p / len(y)


nll.ok("z", nll_loop, lambda z, y: (torch.softmax(z, 1) - _hot(z, y)) / len(y))
nll.bad("missing-path", "z", lambda z, y: torch.softmax(z, 1) / len(y))
nll.bad("missing-path", "z", lambda z, y: -_hot(z, y) / len(y))
nll.bad("reduction", "z", lambda z, y: torch.softmax(z, 1) - _hot(z, y))
nll.bad("reduction", "z", lambda z, y: (torch.softmax(z, 1) - _hot(z, y)) / z.numel())
nll.bad("sign", "z", lambda z, y: (_hot(z, y) - torch.softmax(z, 1)) / len(y))
nll.bad(
    "reduction",
    "z",
    lambda z, y: (torch.softmax(z, 0) - _hot(z, y)) / len(y),
    "wrong axis",
)
nll.bad(
    "wrong-point wrong-rule",
    "z",
    lambda z, y: (z - _hot(z, y)) / len(y),
    "scores for p",
)
nll.bad(
    "wrong-rule missing-link",
    "z",
    lambda z, y: (exp(z) - _hot(z, y)) / len(y),
    "not normalised",
)
nll.bad("sign", "z", lambda z, y: (torch.softmax(z, 1) + _hot(z, y)) / len(y))
nll.odd("z", lambda z, y: (torch.softmax(z, 1) - 0.9 * _hot(z, y)) / len(y))
nll.two("reduction missing-path", "z", lambda z, y: torch.softmax(z, 1))


# --- a margin, squared ------------------------------------------------------------------------
def square_hinge(w, X, t):
    m = t * (X @ w)
    return torch.clamp(1 - m, min=0).pow(2).sum()


def _draw_hinge(d):
    n, k = d.sizes(2)
    return {"w": d.normal(k), "X": d.normal(n, k), "t": 2 * d.labels(n) - 1}


margin = Exercise("squared hinge", square_hinge, _draw_hinge)


def _short(w, X, t):
    return 1 - t * (X @ w)


margin.ok("w", lambda w, X, t: -2 * X.T @ (t * torch.relu(_short(w, X, t))))
margin.bad("factor", "w", lambda w, X, t: -X.T @ (t * torch.relu(_short(w, X, t))))
margin.bad("sign", "w", lambda w, X, t: 2 * X.T @ (t * torch.relu(_short(w, X, t))))
margin.bad(
    "missing-link",
    "w",
    lambda w, X, t: -2 * X.T @ torch.relu(_short(w, X, t)),
    "t lost",
)
margin.bad(
    "missing-link wrong-rule",
    "w",
    lambda w, X, t: -2 * X.T @ (t * _short(w, X, t)),
    "gate lost",
)
margin.bad(
    "missing-link factor wrong-rule",
    "w",
    lambda w, X, t: -X.T @ (t * (_short(w, X, t) > 0)),
    "as if not squared",
)
margin.bad(
    "wrong-rule",
    "w",
    lambda w, X, t: -2 * X.T @ (t * (_short(w, X, t)).clamp(max=0)),
    "gate inverted",
)
margin.bad(
    "reduction",
    "w",
    lambda w, X, t: -2 * X.T @ (t * torch.relu(_short(w, X, t))) / len(t),
)
margin.odd("w", lambda w, X, t: -2 * X.T @ (t * torch.relu(1.5 - t * (X @ w))))
margin.two(
    "sign missing-link", "w", lambda w, X, t: 2 * X.T @ torch.relu(_short(w, X, t))
)


# --- a range ------------------------------------------------------------------------------------
def scaled_range(x, a):
    return a * (x.max() - x.min()) ** 2


span = Exercise(
    "range", scaled_range, lambda d: {"x": d.normal(d.sizes(1)[0]), "a": d.uniform()}
)


def _span(x, a, top=1.0, bottom=1.0):
    g = torch.zeros_like(x)
    d = 2 * a * (x.max() - x.min())
    g[x.argmax()] += top * d
    g[x.argmin()] -= bottom * d
    return g


span.ok("x", _span)
span.bad("missing-path", "x", lambda x, a: _span(x, a, bottom=0.0))
span.bad("missing-path", "x", lambda x, a: _span(x, a, top=0.0))
span.bad("sign", "x", lambda x, a: _span(x, a, bottom=-1.0))
span.bad("factor", "x", lambda x, a: _span(x, a) / 2)
span.bad("missing-link", "x", lambda x, a: _span(x, torch.ones_like(a)))
span.bad("missing-link", "x", lambda x, a: _span(x, a) / (2 * (x.max() - x.min())))
span.bad(
    "missing-link factor wrong-rule wrong-point",
    "a",
    lambda x, a: x.max() - x.min(),
    "not squared",
)
span.odd("x", lambda x, a: _span(x, a, top=0.8, bottom=1.3))
span.two("sign factor", "x", lambda x, a: -_span(x, a) / 2)


# --- a gated step -----------------------------------------------------------------------------------
def gated_step(h, u, W, V):
    z = sigmoid(h @ W)
    n = tanh(u + (z * h) @ V)
    return (1 - z) * h + z * n


def _draw_gated(d):
    b, k = d.sizes(2)
    return {
        "h": d.normal(b, k),
        "u": d.normal(b, k),
        "W": d.normal(k, k) / 2,
        "V": d.normal(k, k) / 2,
    }


gated = Exercise("gated step", gated_step, _draw_gated)


def _gated_dh(
    h, u, W, V, upstream, keep=True, reset=True, gate=True, inner=True, slope=True
):
    z = sigmoid(h @ W)
    n = tanh(u + (z * h) @ V)
    da = upstream * z * (1 - n**2 if slope else 1)
    r = da @ V.T
    dz = upstream * (n - h) + (r * h if inner else 0)
    out = dz * z * (1 - z) @ W.T if gate else 0 * h
    if keep:
        out = out + upstream * (1 - z)
    return out + r * z if reset else out


gated.ok("h", _gated_dh)
gated.ok(
    "V",
    lambda h, u, W, V, upstream: (
        (sigmoid(h @ W) * h).T
        @ (upstream * sigmoid(h @ W) * (1 - tanh(u + (sigmoid(h @ W) * h) @ V) ** 2))
    ),
)
gated.bad("missing-path", "h", lambda **k: _gated_dh(**k, keep=False))
gated.bad("missing-path", "h", lambda **k: _gated_dh(**k, reset=False))
gated.bad("missing-path", "h", lambda **k: _gated_dh(**k, gate=False))
gated.bad("missing-path", "h", lambda **k: _gated_dh(**k, inner=False))
gated.bad("missing-link", "h", lambda **k: _gated_dh(**k, slope=False))
gated.bad("sign", "h", lambda **k: -_gated_dh(**k))
gated.bad(
    "missing-link",
    "u",
    lambda h, u, W, V, upstream: (
        upstream * (1 - tanh(u + (sigmoid(h @ W) * h) @ V) ** 2)
    ),
    "gate forgotten",
)
gated.bad(
    "wrong-point",
    "V",
    lambda h, u, W, V, upstream: (
        h.T
        @ (upstream * sigmoid(h @ W) * (1 - tanh(u + (sigmoid(h @ W) * h) @ V) ** 2))
    ),
    "h for z*h",
)
gated.bad(
    "missing-path wrong-point wrong-rule missing-link",
    "u",
    lambda h, u, W, V, upstream: upstream * sigmoid(h @ W) * (1 - tanh(u) ** 2),
    "recurrent part forgotten",
)
gated.odd("h", lambda h, u, W, V, upstream: _gated_dh(h, 1.1 * u, W, V, upstream))
gated.two(
    "missing-path missing-link",
    "h",
    lambda **k: _gated_dh(**k, keep=False, slope=False),
)


# --- a quantile ---------------------------------------------------------------------------------------
def pinball(q, X, w, y):
    e = y - X @ w
    return torch.maximum(q * e, (q - 1) * e).mean()


def _draw_pinball(d):
    n, k = d.sizes(2)
    return {
        "q": d.uniform(low=0.2, high=0.8),
        "X": d.normal(n, k),
        "w": d.normal(k),
        "y": d.normal(n),
    }


quantile = Exercise("pinball loss", pinball, _draw_pinball)


def _pinball(q, X, w, y):
    return torch.where(y - X @ w > 0, q, q - 1)


quantile.ok("w", lambda q, X, w, y: -X.T @ _pinball(q, X, w, y) / len(y))
quantile.bad("sign", "w", lambda q, X, w, y: X.T @ _pinball(q, X, w, y) / len(y))
quantile.bad("reduction", "w", lambda q, X, w, y: -X.T @ _pinball(q, X, w, y))
quantile.bad(
    "wrong-rule",
    "w",
    lambda q, X, w, y: -X.T @ (q * torch.ones_like(y)) / len(y),
    "q everywhere",
)
quantile.bad(
    "missing-path",
    "w",
    lambda q, X, w, y: -X.T @ torch.where(y - X @ w > 0, q, 0 * q) / len(y),
)
quantile.bad(
    "sign", "w", lambda q, X, w, y: -X.T @ torch.where(y - X @ w > 0, q, 1 - q) / len(y)
)
quantile.bad(
    "wrong-rule",
    "w",
    lambda q, X, w, y: -X.T @ torch.where(y - X @ w > 0, q - 1, q) / len(y),
    "sides exchanged",
)
quantile.bad(
    "wrong-rule",
    "w",
    lambda q, X, w, y: -X.T @ (_pinball(q, X, w, y) ** 2) / len(y),
    "the slope twice",
)
quantile.odd("w", lambda q, X, w, y: -X.T @ (_pinball(q, X, w, y) + 0.1 * y) / len(y))
quantile.two("sign reduction", "w", lambda q, X, w, y: X.T @ _pinball(q, X, w, y))


# --- an entropy ------------------------------------------------------------------------------------
def entropy(z):
    p = torch.softmax(z, dim=0)
    return -(p * log(p)).sum()


chaos = Exercise(
    "entropy of a softmax", entropy, lambda d: {"z": d.normal(d.sizes(1)[0])}
)


def _entropy(z, one=1.0, mix=True, sm=True):
    p = torch.softmax(z, 0)
    g = -(log(p) + one)
    if not sm:
        return g
    return p * (g - (p * g).sum()) if mix else p * g


chaos.ok("z", _entropy)
chaos.bad("sign", "z", lambda z: -_entropy(z))
chaos.bad("missing-link", "z", lambda z: _entropy(z, sm=False))
chaos.bad("wrong-rule missing-path", "z", lambda z: _entropy(z, mix=False))
chaos.bad(
    "wrong-rule",
    "z",
    lambda z: (
        -(log(torch.softmax(z, 0)) + 1)
        * torch.softmax(z, 0)
        * (1 - torch.softmax(z, 0))
    ),
    "softmax like a sigmoid",
)
chaos.bad("value-returned", "z", lambda z: entropy(z).expand(len(z)))
chaos.odd("z", lambda z: -torch.softmax(z, 0) * z)
chaos.two("sign missing-link", "z", lambda z: -_entropy(z, sm=False))


# --- bumps --------------------------------------------------------------------------------------------
def bumps(x, c, s):
    return torch.exp(-((x - c) ** 2) / (2 * s**2)).sum()


bell = Exercise(
    "bumps",
    bumps,
    lambda d: {"x": d.normal(d.sizes(1)[0]), "c": d.normal(), "s": d.uniform()},
)


def _bell(x, c, s):
    return torch.exp(-((x - c) ** 2) / (2 * s**2))


bell.ok("c", lambda x, c, s: (_bell(x, c, s) * (x - c)).sum() / s**2)
bell.ok("s", lambda x, c, s: (_bell(x, c, s) * (x - c) ** 2).sum() / s**3)
bell.bad("sign", "c", lambda x, c, s: -(_bell(x, c, s) * (x - c)).sum() / s**2)
bell.bad("factor", "c", lambda x, c, s: (_bell(x, c, s) * (x - c)).sum() / (2 * s**2))
bell.bad(
    "missing-link", "c", lambda x, c, s: (_bell(x, c, s) * (x - c)).sum(), "width lost"
)
bell.bad("missing-link", "c", lambda x, c, s: ((x - c) / s**2).sum(), "exp lost")
bell.bad(
    "wrong-rule missing-link",
    "s",
    lambda x, c, s: (_bell(x, c, s) * (x - c) ** 2).sum() / s**2,
    "power slip",
)
bell.bad(
    "factor", "s", lambda x, c, s: 2 * (_bell(x, c, s) * (x - c) ** 2).sum() / s**3
)
bell.bad("sign", "s", lambda x, c, s: -(_bell(x, c, s) * (x - c) ** 2).sum() / s**3)
bell.bad("reduction", "c", lambda x, c, s: (_bell(x, c, s) * (x - c)).mean() / s**2)
bell.odd("s", lambda x, c, s: (_bell(x, c, s) * (x - c).abs()).sum() / s**3)
bell.two(
    "sign factor", "c", lambda x, c, s: -2 * (_bell(x, c, s) * (x - c)).sum() / s**2
)


# --- ridge with library calls --------------------------------------------------------------------------
def ridge_loss(X, W, b, Y, lam):
    return F.mse_loss(F.linear(X, W, b), Y) + lam * W.pow(2).sum()


def _draw_ridge(d):
    n, k, m = d.sizes(3)
    return {
        "X": d.normal(n, k),
        "W": d.normal(m, k),
        "b": d.normal(m),
        "Y": d.normal(n, m),
        "lam": d.uniform(),
    }


ridge = Exercise("ridge by library calls", ridge_loss, _draw_ridge)


def _E(X, W, b, Y):
    return X @ W.T + b - Y


ridge.ok(
    "W", lambda X, W, b, Y, lam: 2 * _E(X, W, b, Y).T @ X / Y.numel() + 2 * lam * W
)
ridge.ok("b", lambda X, W, b, Y, lam: 2 * _E(X, W, b, Y).sum(0) / Y.numel())
ridge.bad(
    "missing-path", "W", lambda X, W, b, Y, lam: 2 * _E(X, W, b, Y).T @ X / Y.numel()
)
ridge.bad("missing-path", "W", lambda X, W, b, Y, lam: 2 * lam * W)
ridge.bad(
    "factor",
    "W",
    lambda X, W, b, Y, lam: 2 * _E(X, W, b, Y).T @ X / Y.numel() + lam * W,
)
ridge.bad(
    "reduction",
    "W",
    lambda X, W, b, Y, lam: 2 * _E(X, W, b, Y).T @ X / len(Y) + 2 * lam * W,
)
ridge.bad(
    "sign",
    "W",
    lambda X, W, b, Y, lam: 2 * _E(X, W, b, Y).T @ X / Y.numel() - 2 * lam * W,
)
ridge.bad(
    "missing-link",
    "W",
    lambda X, W, b, Y, lam: 2 * _E(X, W, b, Y).T @ X / Y.numel() + 2 * W,
)
ridge.bad("reduction", "b", lambda X, W, b, Y, lam: 2 * _E(X, W, b, Y).mean(0))
ridge.bad("factor", "b", lambda X, W, b, Y, lam: _E(X, W, b, Y).sum(0) / Y.numel())
ridge.bad(
    "missing-path wrong-point",
    "b",
    lambda X, W, b, Y, lam: 2 * (X @ W.T - Y).sum(0) / Y.numel(),
    "b forgotten forward",
)
ridge.odd(
    "W",
    lambda X, W, b, Y, lam: 2 * _E(X, W, b, Y).T @ X / Y.numel() + 2 * lam * W.sign(),
)
ridge.two(
    "missing-path reduction", "W", lambda X, W, b, Y, lam: 2 * _E(X, W, b, Y).T @ X
)


# --- overlap -----------------------------------------------------------------------------------------------
def overlap(z, t):
    p = sigmoid(z)
    return 1 - 2 * (p * t).sum() / (p.sum() + t.sum())


dice_loss = Exercise(
    "overlap",
    overlap,
    lambda d: (lambda n: {"z": d.normal(n), "t": d.uniform(n, low=0.0, high=1.0)})(
        d.sizes(1)[0]
    ),
)


def _overlap(z, t, above=1.0, below=1.0, slope=True, square=True):
    p = sigmoid(z)
    a, b = (p * t).sum(), p.sum() + t.sum()
    g = -2 * (above * t * b - below * a) / (b**2 if square else b)
    return g * p * (1 - p) if slope else g


dice_loss.ok("z", _overlap)
dice_loss.bad("missing-path", "z", lambda z, t: _overlap(z, t, below=0.0))
dice_loss.bad("missing-path", "z", lambda z, t: _overlap(z, t, above=0.0))
dice_loss.bad("missing-link", "z", lambda z, t: _overlap(z, t, slope=False))
dice_loss.bad("sign wrong-rule", "z", lambda z, t: _overlap(z, t, below=-1.0))
dice_loss.bad("sign", "z", lambda z, t: -_overlap(z, t))
dice_loss.bad(
    "wrong-rule missing-link",
    "z",
    lambda z, t: _overlap(z, t, square=False),
    "denominator not squared",
)
dice_loss.bad("factor", "z", lambda z, t: _overlap(z, t) / 2)
dice_loss.bad("factor", "z", lambda z, t: _overlap(z, t, below=0.5))
dice_loss.odd("z", lambda z, t: _overlap(z, t, below=0.7))
dice_loss.two(
    "missing-path missing-link",
    "z",
    lambda z, t: _overlap(z, t, below=0.0, slope=False),
)


# --- three points --------------------------------------------------------------------------------------------
def triplet(a, p, n):
    near = (a - p).square().sum(dim=1)
    far = (a - n).square().sum(dim=1)
    return F.relu(near - far + 1).mean()


def _draw_triplet(d):
    b, k = d.sizes(2)
    return {"a": d.normal(b, k), "p": d.normal(b, k), "n": d.normal(b, k)}


three = Exercise("triplets", triplet, _draw_triplet)


def _on(a, p, n):
    on = ((a - p) ** 2).sum(1) - ((a - n) ** 2).sum(1) + 1 > 0
    return on.double()[:, None]


three.ok("a", lambda a, p, n: _on(a, p, n) * 2 * (n - p) / len(a))
three.ok("p", lambda a, p, n: _on(a, p, n) * 2 * (p - a) / len(a))
three.bad(
    "missing-link wrong-rule", "a", lambda a, p, n: 2 * (n - p) / len(a), "gate lost"
)
three.bad("missing-path", "a", lambda a, p, n: _on(a, p, n) * 2 * (a - p) / len(a))
three.bad("sign", "a", lambda a, p, n: _on(a, p, n) * 2 * (p - n) / len(a))
three.bad("sign", "p", lambda a, p, n: _on(a, p, n) * 2 * (a - p) / len(a))
three.bad("factor", "p", lambda a, p, n: _on(a, p, n) * (p - a) / len(a))
three.bad("reduction", "a", lambda a, p, n: _on(a, p, n) * 2 * (n - p))
three.bad(
    "wrong-rule",
    "p",
    lambda a, p, n: (1 - _on(a, p, n)) * 2 * (p - a) / len(a),
    "gate inverted",
)
three.bad(
    "wrong-input",
    "p",
    lambda a, p, n: _on(a, p, n) * 2 * (a - n) / len(a),
    "the one for n",
)
three.odd("a", lambda a, p, n: _on(a, p, n) * (n - 2 * p) / len(a))
three.two("sign reduction", "p", lambda a, p, n: _on(a, p, n) * 2 * (a - p))


# --- counts --------------------------------------------------------------------------------------------------
def poisson(w, X, y):
    eta = torch.mv(X, w)
    return torch.mean(torch.exp(eta) - torch.mul(y, eta))


def _draw_poisson(d):
    n, k = d.sizes(2)
    return {"w": d.normal(k) / 3, "X": d.normal(n, k), "y": d.whole(5, n).double()}


counts = Exercise("counts", poisson, _draw_poisson)
counts.ok("w", lambda w, X, y: X.T @ (exp(X @ w) - y) / len(y))
counts.bad("missing-path", "w", lambda w, X, y: X.T @ exp(X @ w) / len(y))
counts.bad("missing-path", "w", lambda w, X, y: -X.T @ y / len(y))
counts.bad(
    "wrong-rule wrong-point missing-link",
    "w",
    lambda w, X, y: X.T @ (X @ w - y) / len(y),
    "as for squares",
)
counts.bad("missing-link", "w", lambda w, X, y: X.T @ (1 - y) / len(y), "exp lost")
counts.bad("sign", "w", lambda w, X, y: X.T @ (y - exp(X @ w)) / len(y))
counts.bad("sign", "w", lambda w, X, y: X.T @ (exp(X @ w) + y) / len(y))
counts.bad("reduction", "w", lambda w, X, y: X.T @ (exp(X @ w) - y))
counts.bad(
    "missing-link",
    "w",
    lambda w, X, y: (exp(X @ w) - y).mean() * torch.ones_like(w),
    "X lost",
)
counts.odd("w", lambda w, X, y: X.T @ (exp(X @ w) - y) ** 2 / len(y))
counts.two("missing-path reduction", "w", lambda w, X, y: X.T @ exp(X @ w))

EXERCISES = [
    trace,
    gain_norm,
    heat,
    likeness,
    sieve,
    stock,
    scores,
    nll,
    margin,
    span,
    gated,
    quantile,
    chaos,
    bell,
    ridge,
    dice_loss,
    three,
    counts,
]
