"""A ninth set, by an author who had not seen the search."""

import torch
import torch.nn.functional as F

from tests.diagnose.bank.exercise import Exercise

sigmoid, tanh, log, relu = (
    torch.sigmoid,
    torch.tanh,
    torch.log,
    torch.relu,
)
softplus, softmax, outer, where = F.softplus, torch.softmax, torch.outer, torch.where


def _hot(y, c):
    return F.one_hot(y, c).double()


def _until(draw, fits):
    """Draw again until every branch is taken."""

    def again(d):
        while not fits(**(inputs := draw(d))):
            pass
        return inputs

    return again


# --- a two-layer network: softplus, then tanh --------------------------------------------
def layers(A, a, v, X, t):
    h = F.softplus(X @ A + a)
    y = torch.tanh(h @ v)
    return ((y - t) ** 2).mean()


def _draw_layers(d):
    n, k, m = d.sizes(3)
    return {
        "A": 0.5 * d.normal(k, m),
        "a": d.normal(m),
        "v": 0.5 * d.normal(m),
        "X": d.normal(n, k),
        "t": d.normal(n),
    }


def _ends(A, a, v, X):
    z = X @ A + a
    return z, softplus(z), tanh(softplus(z) @ v)


def _back(A, a, v, X, t, slope=None, out=None):
    z, h, y = _ends(A, a, v, X)
    dq = 2 * (y - t) / len(t) * (1 - y**2 if out is None else out(y))
    return dq[:, None] * v * (sigmoid(z) if slope is None else slope(z, h))


def _loop_A(A, a, v, X, t):
    g = torch.zeros_like(A)
    for x, d in zip(X, _back(A, a, v, X, t), strict=True):
        g += outer(x, d)
    return g


def _at_v(A, a, v, X, t, link=True, point="h", turn=1.0):
    z, h, y = _ends(A, a, v, X)
    dq = turn * 2 * (y - t) / len(t) * (1 - y**2 if link else 1)
    return (h if point == "h" else z).T @ dq


def _no_v(A, a, v, X, t):
    z, _, y = _ends(A, a, v, X)
    return X.T @ ((2 * (y - t) / len(t) * (1 - y**2))[:, None] * sigmoid(z))


net = Exercise("softplus and tanh", layers, _draw_layers)
net.ok("A", lambda A, a, v, X, t: X.T @ _back(A, a, v, X, t), _loop_A)
net.ok("a", lambda A, a, v, X, t: _back(A, a, v, X, t).sum(0))
net.bad(
    "missing-link",
    "v",
    lambda A, a, v, X, t: _at_v(A, a, v, X, t, link=False),
    "tanh' lost",
)
net.bad(
    "wrong-point", "v", lambda A, a, v, X, t: _at_v(A, a, v, X, t, point="z"), "z for h"
)
net.bad(
    "wrong-rule",
    "A",
    lambda A, a, v, X, t: (
        X.T @ _back(A, a, v, X, t, lambda z, h: sigmoid(z) * (1 - sigmoid(z)))
    ),
    "softplus' = sigma'",
)
net.bad(
    "wrong-rule",
    "A",
    lambda A, a, v, X, t: X.T @ _back(A, a, v, X, t, lambda z, h: (z > 0).double()),
    "the gate of relu",
)
net.bad(
    "wrong-point",
    "A",
    lambda A, a, v, X, t: X.T @ _back(A, a, v, X, t, lambda z, h: sigmoid(h)),
    "sigma at h",
)
net.bad("missing-link", "A", _no_v, "v lost")
net.bad(
    "reduction", "a", lambda A, a, v, X, t: _back(A, a, v, X, t).mean(0), "mean for sum"
)
net.bad(
    "wrong-rule",
    "a",
    lambda A, a, v, X, t: _back(A, a, v, X, t, out=lambda y: 1 - y).sum(0),
    "square lost in tanh'",
)
net.two(
    "sign missing-link",
    "v",
    lambda A, a, v, X, t: _at_v(A, a, v, X, t, link=False, turn=-1.0),
)
net.odd(
    "a", lambda A, a, v, X, t: _back(A, a, v, X, t).sum(0) + 0.07 * torch.cos(3 * v)
)


# --- softmax regression with class weights and smoothed labels --------------------------
def smoothed(W, X, y, w, eps):
    c = W.shape[1]
    logp = torch.log_softmax(X @ W, dim=1)
    q = (1 - eps) * F.one_hot(y, c) + eps / c
    return -(w[y] * (q * logp).sum(1)).mean()


def _draw_smoothed(d):
    n, k, c = d.sizes(3)
    y = d.whole(c, n)
    y[-1] = y[0]
    return {
        "W": d.normal(k, c),
        "X": d.normal(n, k),
        "y": y,
        "w": d.uniform(c),
        "eps": d.uniform(low=0.1, high=0.4),
    }


def _targets(W, y, eps):
    c = W.shape[1]
    return (1 - eps) * _hot(y, c) + eps / c


def _p(W, X, dim=1):
    return softmax(X @ W, dim)


def _costs(W, X, y, eps):
    return -(_targets(W, y, eps) * torch.log_softmax(X @ W, 1)).sum(1)


def _into(X, y, w, off):
    return X.T @ (w[y][:, None] * off) / len(y)


def _written(W, X, y, w, eps):
    g = torch.zeros_like(w)
    for i, cost in zip(y.tolist(), _costs(W, X, y, eps), strict=True):
        g[i] = cost / len(y)
    return g


def _loop_w(W, X, y, w, eps):
    g = torch.zeros_like(w)
    for i, cost in zip(y.tolist(), _costs(W, X, y, eps), strict=True):
        g[i] += cost / len(y)
    return g


smooth = Exercise("smoothed and weighted softmax", smoothed, _draw_smoothed)
smooth.ok(
    "W",
    lambda W, X, y, w, eps: _into(X, y, w, _p(W, X) - _targets(W, y, eps)),
    lambda W, X, y, w, eps: (
        torch.einsum("nk,n,nc->kc", X, w[y], _p(W, X) - _targets(W, y, eps)) / len(y)
    ),
)
smooth.ok("w", _loop_w)
smooth.bad(
    "wrong-point",
    "W",
    lambda W, X, y, w, eps: _into(X, y, w, _p(W, X) - _hot(y, len(w))),
    "hard labels",
)
smooth.bad(
    "missing-path wrong-point",
    "W",
    lambda W, X, y, w, eps: _into(X, y, w, (1 - eps) * (_p(W, X) - _hot(y, len(w)))),
    "the even share has no gradient",
)
smooth.bad(
    "missing-path",
    "W",
    lambda W, X, y, w, eps: _into(X, y, w, _p(W, X)),
    "minus target lost",
)
smooth.bad(
    "missing-link",
    "W",
    lambda W, X, y, w, eps: X.T @ (_p(W, X) - _targets(W, y, eps)) / len(y),
    "w[y] lost",
)
smooth.bad(
    "wrong-rule wrong-point",
    "W",
    lambda W, X, y, w, eps: X.T @ (w * (_p(W, X) - _targets(W, y, eps))) / len(y),
    "weights by column",
)
smooth.bad(
    "reduction wrong-point",
    "W",
    lambda W, X, y, w, eps: _into(X, y, w, _p(W, X, 0) - _targets(W, y, eps)),
    "softmax along the batch",
)
smooth.bad(
    "reduction",
    "W",
    lambda W, X, y, w, eps: (
        _into(X, y, w, _p(W, X) - _targets(W, y, eps)) * len(y) / w[y].sum()
    ),
    "over the weights' sum",
)
smooth.bad("reduction", "w", _written, "written, not added")
smooth.two(
    "missing-path missing-link", "W", lambda W, X, y, w, eps: X.T @ _p(W, X) / len(y)
)
smooth.odd(
    "W",
    lambda W, X, y, w, eps: (
        _into(X, y, w, _p(W, X) ** 1.3 - _targets(W, y, eps)) + 0.01 * W
    ),
)


# --- batch normalisation -----------------------------------------------------------------
def batch(x, gamma, beta, eps):
    c = x - x.mean(0)
    var = (c**2).mean(0)
    return gamma * c / torch.sqrt(var + eps) + beta


def _draw_batch(d):
    n, k = d.sizes(2)
    return {
        "x": d.uniform(k) * d.normal(n, k) + d.normal(k),
        "gamma": d.uniform(k),
        "beta": d.normal(k),
        "eps": d.uniform(low=0.1, high=0.6),
    }


def _stats(x, eps, n=None):
    c = x - x.mean(0)
    s = ((c**2).sum(0) / (n or len(x)) + eps).sqrt()
    return c / s, s


def _bn(x, gamma, eps, u, mean=1.0, var=1.0, n=None):
    xh, s = _stats(x, eps, n)
    return (
        gamma / s * (u - mean * u.mean(0) - var * xh * (u * xh).sum(0) / (n or len(x)))
    )


def _steps(x, gamma, beta, eps, upstream):
    n = len(x)
    c = x - x.mean(0)
    s = ((c**2).mean(0) + eps) ** 0.5
    dvar = (upstream * gamma * c).sum(0) * -0.5 * s**-3
    dc = upstream * gamma / s + dvar * 2 * c / n
    return dc - dc.sum(0) / n


norm = Exercise("batch norm", batch, _draw_batch)
norm.ok("x", _steps, lambda x, gamma, beta, eps, upstream: _bn(x, gamma, eps, upstream))
norm.ok(
    "gamma", lambda x, gamma, beta, eps, upstream: (upstream * _stats(x, eps)[0]).sum(0)
)
norm.bad(
    "missing-path",
    "x",
    lambda x, gamma, beta, eps, upstream: _bn(x, gamma, eps, upstream, mean=0),
    "the mean's path",
)
norm.bad(
    "missing-path",
    "x",
    lambda x, gamma, beta, eps, upstream: _bn(x, gamma, eps, upstream, var=0),
    "the variance's path",
)
norm.bad(
    "sign wrong-rule",
    "x",
    lambda x, gamma, beta, eps, upstream: _bn(x, gamma, eps, upstream, var=-1),
)
norm.bad(
    "factor wrong-rule",
    "x",
    lambda x, gamma, beta, eps, upstream: _bn(x, gamma, eps, upstream, var=2),
    "sqrt's half",
)
norm.bad(
    "wrong-point missing-path",
    "x",
    lambda x, gamma, beta, eps, upstream: _bn(x, gamma, 0, upstream),
    "eps lost",
)
norm.bad(
    "missing-link",
    "x",
    lambda x, gamma, beta, eps, upstream: _bn(x, 1, eps, upstream),
    "gamma lost",
)
norm.bad(
    "reduction",
    "x",
    lambda x, gamma, beta, eps, upstream: _bn(x, gamma, eps, upstream, n=len(x) - 1),
    "n - 1",
)
norm.bad(
    "wrong-point",
    "gamma",
    lambda x, gamma, beta, eps, upstream: (upstream * x).sum(0),
    "x for x-hat",
)
norm.two(
    "missing-path",
    "x",
    lambda x, gamma, beta, eps, upstream: _bn(x, gamma, eps, upstream, 0, 0),
    "both statistics held fixed",
)
norm.two(
    "missing-path missing-link",
    "x",
    lambda x, gamma, beta, eps, upstream: _bn(x, 1, eps, upstream, var=0),
)
norm.odd(
    "x", lambda x, gamma, beta, eps, upstream: _bn(x, gamma, eps, upstream, 0.8, 1.35)
)


# --- layer normalisation beside a skip ---------------------------------------------------
def skip(x, g, eps):
    mu = x.mean(1, keepdim=True)
    var = ((x - mu) ** 2).mean(1, keepdim=True)
    return x + g * (x - mu) / torch.sqrt(var + eps)


def _draw_skip(d):
    n, k = d.sizes(2)
    return {
        "x": d.uniform(n, 1) * d.normal(n, k) + d.normal(n, 1),
        "g": d.uniform(k),
        "eps": d.uniform(low=0.1, high=0.6),
    }


def _rows(x, eps, dim=1):
    c = x - x.mean(dim, keepdim=True)
    s = ((c**2).mean(dim, keepdim=True) + eps).sqrt()
    return c / s, s


def _ln(x, g, eps, u, dim=1, mean=1.0, var=1.0):
    xh, s = _rows(x, eps, dim)
    d = u * g
    part = d - mean * d.mean(dim, keepdim=True)
    return (part - var * xh * (d * xh).mean(dim, keepdim=True)) / s


def _ln_rows(x, g, eps, upstream):
    rows = []
    for r, u in zip(x, upstream, strict=True):
        c, k = r - r.mean(), len(r)
        s = (c @ c / k + eps).sqrt()
        J = (torch.eye(k).double() - 1 / k - outer(c, c) / k / s**2) / s
        rows.append(u + J @ (u * g))
    return torch.stack(rows)


def _sum_mean(x, g, eps, u):
    xh, s = _rows(x, eps)
    d = u * g
    return (d - d.sum(1, keepdim=True) - xh * (d * xh).mean(1, keepdim=True)) / s


layer = Exercise("layer norm with a skip", skip, _draw_skip)
layer.ok("x", _ln_rows, lambda x, g, eps, upstream: upstream + _ln(x, g, eps, upstream))
layer.ok(
    "g",
    lambda x, g, eps, upstream: torch.einsum("nk,nk->k", upstream, _rows(x, eps)[0]),
)
layer.bad(
    "missing-path",
    "x",
    lambda x, g, eps, upstream: _ln(x, g, eps, upstream),
    "skip lost",
)
layer.bad("missing-path", "x", lambda x, g, eps, upstream: upstream, "only the skip")
layer.bad(
    "missing-path",
    "x",
    lambda x, g, eps, upstream: upstream + _ln(x, g, eps, upstream, var=0),
)
layer.bad(
    "missing-link",
    "x",
    lambda x, g, eps, upstream: 1 + _ln(x, g, eps, upstream),
    "upstream lost on the skip",
)
layer.bad(
    "reduction wrong-point",
    "x",
    lambda x, g, eps, upstream: upstream + _ln(x, g, eps, upstream, dim=0),
    "along the batch",
)
layer.bad(
    "wrong-rule wrong-point transposed",
    "x",
    lambda x, g, eps, upstream: upstream + g * _ln(x, 1, eps, upstream),
    "g outside the means, as in batch norm",
)
layer.bad(
    "reduction",
    "x",
    lambda x, g, eps, upstream: upstream + _sum_mean(x, g, eps, upstream),
    "sum for mean",
)
layer.bad(
    "missing-link",
    "g",
    lambda x, g, eps, upstream: _rows(x, eps)[0].sum(0),
    "upstream lost",
)
layer.two(
    "missing-path", "x", lambda x, g, eps, upstream: _ln(x, g, eps, upstream, mean=0)
)
layer.odd(
    "x",
    lambda x, g, eps, upstream: (
        upstream**3 / 2 + _ln(x, g, eps, upstream, mean=0.6, var=1.2)
    ),
)


# --- attention for one query -------------------------------------------------------------
def attend(q, K, V):
    s = K @ q / len(q) ** 0.5
    return torch.softmax(s, 0) @ V


def _draw_attend(d):
    n, k, m = d.sizes(3)
    return {"q": d.normal(k), "K": d.normal(n, k), "V": d.normal(n, m)}


def _weights(q, K, root=None):
    return softmax(K @ q / (len(q) ** 0.5 if root is None else root), 0)


def _scores(q, K, V, u, root=None):
    a, da = _weights(q, K, root), V @ u
    return a * (da - a @ da)


def _loop_q(q, K, V, upstream):
    a, da, g = _weights(q, K), V @ upstream, torch.zeros_like(q)
    for i in range(len(a)):
        for j in range(len(a)):
            g += da[j] * a[j] * (float(i == j) - a[i]) * K[i] / len(q) ** 0.5
    return g


def _flat(q, K, V, u, f):
    a, da = _weights(q, K), V @ u
    return K.T @ f(a, da) / len(q) ** 0.5


look = Exercise("attention of one query", attend, _draw_attend)
look.ok(
    "q",
    _loop_q,
    lambda q, K, V, upstream: K.T @ _scores(q, K, V, upstream) / len(q) ** 0.5,
)
look.ok(
    "K", lambda q, K, V, upstream: outer(_scores(q, K, V, upstream), q) / len(q) ** 0.5
)
look.bad(
    "missing-link factor",
    "q",
    lambda q, K, V, upstream: K.T @ _scores(q, K, V, upstream),
    "root of d lost on the way back",
)
look.bad(
    "wrong-point missing-link",
    "q",
    lambda q, K, V, upstream: K.T @ _scores(q, K, V, upstream, 1),
    "no scale at all",
)
look.bad(
    "wrong-rule",
    "q",
    lambda q, K, V, upstream: _flat(q, K, V, upstream, lambda a, da: a * (1 - a) * da),
    "a (1 - a)",
)
look.bad(
    "missing-path wrong-rule",
    "q",
    lambda q, K, V, upstream: _flat(q, K, V, upstream, lambda a, da: a * da),
    "the normaliser held fixed",
)
look.bad(
    "sign wrong-rule",
    "q",
    lambda q, K, V, upstream: _flat(q, K, V, upstream, lambda a, da: a * (da + a @ da)),
)
look.bad(
    "reduction wrong-rule",
    "q",
    lambda q, K, V, upstream: _flat(
        q, K, V, upstream, lambda a, da: a * (da - da.mean())
    ),
    "plain mean for the weighted one",
)
look.bad(
    "missing-link",
    "K",
    lambda q, K, V, upstream: outer(V @ upstream, q) / len(q) ** 0.5,
    "softmax' lost",
)
look.bad(
    "wrong-point",
    "V",
    lambda q, K, V, upstream: outer(K @ q / len(q) ** 0.5, upstream),
    "scores for weights",
)
look.two(
    "wrong-rule missing-link",
    "q",
    lambda q, K, V, upstream: (
        K.T @ (_weights(q, K) * (1 - _weights(q, K)) * (V @ upstream))
    ),
)
look.odd(
    "q",
    lambda q, K, V, upstream: _flat(
        q, K, V, upstream, lambda a, da: a**0.7 * (da - 0.6 * a @ da)
    ),
)


# --- squared hinge with a penalty --------------------------------------------------------
def hinge(w, b, X, y, lam):
    m = y * (X @ w + b)
    return (torch.clamp(1 - m, min=0) ** 2).mean() + lam * (w**2).sum()


def _draw_hinge(d):
    n, k = d.sizes(2)
    return {
        "w": 0.6 * d.normal(k),
        "b": d.normal(),
        "X": d.normal(n, k),
        "y": 2 * d.labels(n) - 1,
        "lam": d.uniform(low=0.2, high=0.8),
    }


def _short(w, b, X, y):
    return 1 - y * (X @ w + b)


def _pull(w, b, X, y):
    return -2 * relu(_short(w, b, X, y)) * y / len(y)


def _loop_hinge(w, b, X, y, lam):
    g = 2 * lam * w
    for x, s in zip(X, y, strict=True):
        gap = 1 - s * (x @ w + b)
        if gap > 0:
            g = g - 2 * gap * s * x / len(y)
    return g


def _mixed(w, b, X, y, lam):
    gap = _short(w, b, X, y)
    return (gap < -0.1).any() and y[gap > 0.1].unique().numel() == 2


margin = Exercise("squared hinge", hinge, _until(_draw_hinge, _mixed))
margin.ok(
    "w", _loop_hinge, lambda w, b, X, y, lam: X.T @ _pull(w, b, X, y) + 2 * lam * w
)
margin.ok("b", lambda w, b, X, y, lam: _pull(w, b, X, y).sum())
margin.bad(
    "missing-path", "w", lambda w, b, X, y, lam: X.T @ _pull(w, b, X, y), "penalty lost"
)
margin.bad(
    "factor wrong-rule",
    "w",
    lambda w, b, X, y, lam: X.T @ _pull(w, b, X, y) + lam * w,
    "the penalty's 2",
)
margin.bad(
    "reduction",
    "w",
    lambda w, b, X, y, lam: X.T @ _pull(w, b, X, y) + 2 * lam * w / len(y),
    "penalty over n",
)
margin.bad(
    "missing-link",
    "w",
    lambda w, b, X, y, lam: X.T @ (_pull(w, b, X, y) * y) + 2 * lam * w,
    "y lost",
)
margin.bad(
    "missing-link wrong-point",
    "w",
    lambda w, b, X, y, lam: X.T @ (-2 * _short(w, b, X, y) * y) / len(y) + 2 * lam * w,
    "no clamp",
)
margin.bad(
    "wrong-rule wrong-point",
    "w",
    lambda w, b, X, y, lam: (
        X.T @ (-2 * _short(w, b, X, y).clamp(max=0) * y) / len(y) + 2 * lam * w
    ),
    "gate the wrong way round",
)
margin.bad(
    "missing-link",
    "b",
    lambda w, b, X, y, lam: -((_short(w, b, X, y) > 0) * y).mean(),
    "the square's derivative lost",
)
margin.bad(
    "wrong-rule",
    "b",
    lambda w, b, X, y, lam: _pull(w, b, X, y).sum() + 2 * lam * b,
    "the bias penalised too",
)
margin.two("sign missing-path", "w", lambda w, b, X, y, lam: -X.T @ _pull(w, b, X, y))
margin.two(
    "missing-link factor",
    "w",
    lambda w, b, X, y, lam: X.T @ (_pull(w, b, X, y) * y) + lam * w,
)
margin.odd(
    "w", lambda w, b, X, y, lam: X.T @ torch.sin(2 * _pull(w, b, X, y)) + 1.4 * lam * w
)


# --- focal loss --------------------------------------------------------------------------
def focal(w, X, y, gamma):
    p = torch.sigmoid(X @ w)
    right = y * p + (1 - y) * (1 - p)
    return -((1 - right) ** gamma * torch.log(right)).mean()


def _draw_focal(d):
    n, k = d.sizes(2)
    return {
        "w": 0.6 * d.normal(k),
        "X": d.normal(n, k),
        "y": torch.cat([d.labels(n - 2), torch.tensor([0.0, 1.0]).double()]),
        "gamma": d.uniform(low=1.4, high=3.0),
    }


def _sure(w, X, y):
    p = sigmoid(X @ w)
    return p, y * p + (1 - y) * (1 - p)


def _fall(r, gamma, one=1.0, two=1.0):
    return one * gamma * (1 - r) ** (gamma - 1) * log(r) - two * (1 - r) ** gamma / r


def _foc(w, X, y, gamma, fall=_fall, turn=True, slope=lambda p: p * (1 - p)):
    p, r = _sure(w, X, y)
    return X.T @ (fall(r, gamma) * (2 * y - 1 if turn else 1) * slope(p)) / len(y)


def _loop_focal(w, X, y, gamma):
    g = torch.zeros_like(w)
    for x, s in zip(X, y, strict=True):
        p = sigmoid(x @ w)
        if s == 1:
            g += (1 - p) ** gamma * (gamma * p * log(p) - (1 - p)) * x
        else:
            g += p**gamma * (p - gamma * (1 - p) * log(1 - p)) * x
    return g / len(y)


hard = Exercise("focal loss", focal, _draw_focal)
hard.ok("w", _foc, _loop_focal)
hard.bad(
    "missing-path",
    "w",
    lambda w, X, y, gamma: _foc(w, X, y, gamma, lambda r, c: _fall(r, c, one=0)),
    "the focus held fixed",
)
hard.bad(
    "sign wrong-rule missing-link",
    "w",
    lambda w, X, y, gamma: _foc(w, X, y, gamma, lambda r, c: _fall(r, c, one=-1)),
    "the minus of 1 - p",
)
hard.bad(
    "missing-link sign",
    "w",
    lambda w, X, y, gamma: _foc(w, X, y, gamma, turn=False),
    "2y - 1 lost",
)
hard.bad(
    "wrong-rule",
    "w",
    lambda w, X, y, gamma: _foc(w, X, y, gamma, lambda r, c: _fall(r, c, one=1 - r)),
    "power not lowered",
)
hard.bad(
    "factor missing-link wrong-rule",
    "w",
    lambda w, X, y, gamma: _foc(w, X, y, gamma, lambda r, c: _fall(r, c, one=1 / c)),
    "gamma not brought down",
)
hard.bad(
    "wrong-rule",
    "w",
    lambda w, X, y, gamma: _foc(
        w, X, y, gamma, lambda r, c: c * (1 - r) ** (c - 1) / r
    ),
    "u'v'",
)
hard.bad(
    "wrong-point",
    "w",
    lambda w, X, y, gamma: _foc(
        w, X, y, gamma, slope=lambda p: sigmoid(p) * (1 - sigmoid(p))
    ),
    "sigma' at p",
)
hard.bad(
    "value-returned missing-link wrong-rule",
    "gamma",
    lambda w, X, y, gamma: (lambda r: -((1 - r) ** gamma * log(r)).mean())(
        _sure(w, X, y)[1]
    ),
    "a to the x is its own derivative",
)
hard.two(
    "missing-path missing-link",
    "w",
    lambda w, X, y, gamma: _foc(
        w, X, y, gamma, lambda r, c: _fall(r, c, one=0), slope=lambda p: 1
    ),
)
hard.odd(
    "w",
    lambda w, X, y, gamma: _foc(
        w,
        X,
        y,
        gamma,
        lambda r, c: _fall(r, c, 0.6, 1.15),
        slope=lambda p: (p * (1 - p)) ** 1.2,
    ),
)


# --- regression with Huber's loss --------------------------------------------------------
def huber(w, X, t, d):
    r = X @ w - t
    a = r.abs()
    return torch.where(a <= d, r**2 / 2, d * (a - d / 2)).mean()


def _draw_huber(d):
    n, k = d.sizes(2)
    return {
        "w": d.normal(k),
        "X": d.normal(n, k),
        "t": d.normal(n),
        "d": d.uniform(low=0.4, high=1.2),
    }


def _res(w, X, t):
    return X @ w - t


def _hub(w, X, t, f):
    return X.T @ f(_res(w, X, t)) / len(t)


def _loop_huber(w, X, t, d):
    g = torch.zeros_like(w)
    for x, y in zip(X, t, strict=True):
        r = x @ w - y
        g += (r if abs(r) <= d else d * torch.sign(r)) * x / len(t)
    return g


def _far(w, X, t, d):
    a = _res(w, X, t).abs()
    return a, (a > d).double()


def _spanned(w, X, t, d):
    r = _res(w, X, t) / d
    return (r < -1.1).any() and (r > 1.1).any() and (r.abs() < 0.9).any()


robust = Exercise("Huber regression", huber, _until(_draw_huber, _spanned))
robust.ok(
    "w",
    _loop_huber,
    lambda w, X, t, d: _hub(w, X, t, lambda r: torch.minimum(torch.maximum(r, -d), d)),
)
robust.ok("d", lambda w, X, t, d: relu(_res(w, X, t).abs() - d).mean())
robust.bad(
    "missing-path",
    "w",
    lambda w, X, t, d: _hub(w, X, t, lambda r: r * (r.abs() <= d)),
    "far ones lost",
)
robust.bad(
    "wrong-rule wrong-point",
    "w",
    lambda w, X, t, d: _hub(w, X, t, lambda r: r),
    "no far branch",
)
robust.bad(
    "missing-link wrong-rule",
    "w",
    lambda w, X, t, d: _hub(w, X, t, lambda r: where(r.abs() <= d, r, d)),
    "|r|' = 1",
)
robust.bad(
    "missing-link factor",
    "w",
    lambda w, X, t, d: _hub(w, X, t, lambda r: where(r.abs() <= d, r, r.sign())),
    "d lost",
)
robust.bad(
    "factor wrong-rule",
    "w",
    lambda w, X, t, d: _hub(
        w, X, t, lambda r: where(r.abs() <= d, 2 * r, d * r.sign())
    ),
    "the half lost",
)
robust.bad(
    "wrong-rule wrong-point",
    "w",
    lambda w, X, t, d: _hub(w, X, t, lambda r: where(r.abs() <= d, d * r.sign(), r)),
    "branches exchanged",
)
robust.bad(
    "sign",
    "t",
    lambda w, X, t, d: _res(w, X, t).clamp(-d.item(), d.item()) / len(t),
    "minus lost",
)
robust.bad(
    "missing-path",
    "d",
    lambda w, X, t, d: (lambda a, far: (far * (a - d / 2)).mean())(*_far(w, X, t, d)),
    "the d inside",
)
robust.two(
    "sign missing-path",
    "w",
    lambda w, X, t, d: -_hub(w, X, t, lambda r: r * (r.abs() <= d)),
)
robust.odd("w", lambda w, X, t, d: _hub(w, X, t, lambda r: d * tanh(r / d + 0.1)))


# --- a bag of embeddings -----------------------------------------------------------------
def bag(E, U, s, ids, y):
    m = (s[:, None] * E[ids]).mean(0)
    z = torch.tanh(m) @ U
    return torch.logsumexp(z, 0) - z[y]


def _draw_bag(d):
    v, c, k, n = sorted(d.sizes(4))
    if d.whole(2).item():
        c, k = k, c
    return {
        "E": d.normal(v, k),
        "U": d.normal(k, c),
        "s": d.uniform(n),
        "ids": d.whole(v, n),
        "y": d.whole(c),
    }


def _mid(E, s, ids):
    return (s[:, None] * E[ids]).mean(0)


def _dz(E, U, s, ids, y):
    return softmax(tanh(_mid(E, s, ids)) @ U, 0) - _hot(y, U.shape[1])


def _each(E, U, s, ids, y, slope=lambda m: 1 - tanh(m) ** 2, off=_dz):
    dm = (U @ off(E, U, s, ids, y)) * slope(_mid(E, s, ids))
    return s[:, None] * dm / len(ids)


def _add(E, ids, rows):
    return torch.zeros_like(E).index_add(0, ids, rows)


def _put(E, ids, rows):
    g = torch.zeros_like(E)
    for i, row in zip(ids.tolist(), rows, strict=True):
        g[i] = row
    return g


words = Exercise("bag of embeddings", bag, _draw_bag)
words.ok(
    "E",
    lambda E, U, s, ids, y: _add(E, ids, _each(E, U, s, ids, y)),
    lambda E, U, s, ids, y: _hot(ids, len(E)).T @ _each(E, U, s, ids, y),
)
words.ok(
    "U", lambda E, U, s, ids, y: outer(tanh(_mid(E, s, ids)), _dz(E, U, s, ids, y))
)
words.bad(
    "reduction",
    "E",
    lambda E, U, s, ids, y: _put(E, ids, _each(E, U, s, ids, y)),
    "written, not added",
)
words.bad(
    "missing-link",
    "E",
    lambda E, U, s, ids, y: _add(E, ids, _each(E, U, s, ids, y) / s[:, None]),
    "s lost",
)
words.bad(
    "reduction",
    "E",
    lambda E, U, s, ids, y: _add(E, ids, _each(E, U, s, ids, y) * len(ids)),
    "sum for mean",
)
words.bad(
    "missing-link",
    "E",
    lambda E, U, s, ids, y: _add(E, ids, _each(E, U, s, ids, y, lambda m: 1)),
    "tanh' lost",
)
words.bad(
    "wrong-point wrong-rule",
    "E",
    lambda E, U, s, ids, y: _add(E, ids, _each(E, U, s, ids, y, lambda m: 1 - m**2)),
    "1 - m²",
)
words.bad(
    "wrong-point wrong-rule",
    "E",
    lambda E, U, s, ids, y: _add(E, (ids + 1) % len(E), _each(E, U, s, ids, y)),
    "rows off by one",
)
words.bad(
    "missing-path",
    "U",
    lambda E, U, s, ids, y: outer(
        tanh(_mid(E, s, ids)), softmax(tanh(_mid(E, s, ids)) @ U, 0)
    ),
    "minus one-hot lost",
)
words.bad(
    "wrong-point",
    "U",
    lambda E, U, s, ids, y: outer(_mid(E, s, ids), _dz(E, U, s, ids, y)),
    "m for h",
)
words.two(
    "missing-link reduction",
    "E",
    lambda E, U, s, ids, y: _put(E, ids, _each(E, U, s, ids, y, lambda m: 1)),
)
words.odd(
    "U",
    lambda E, U, s, ids, y: (
        outer(torch.sin(2 * _mid(E, s, ids)), _dz(E, U, s, ids, y)) + 0.05
    ),
)


# --- a convolution by slices -------------------------------------------------------------
def slices(x, w, b, t):
    z = w[0] * x[:-2] + w[1] * x[1:-1] + w[2] * x[2:] + b
    return ((torch.relu(z) - t) ** 2).mean()


def _draw_slices(d):
    (n,) = d.sizes(1)
    n += 4
    return {
        "x": d.normal(n),
        "w": d.normal(3),
        "b": 0.5 * d.normal(),
        "t": d.normal(n - 2),
    }


def _pre(x, w, b):
    return F.conv1d(x[None, None], w[None, None])[0, 0] + b


def _dpre(x, w, b, t):
    z = _pre(x, w, b)
    return 2 * (relu(z) - t) * (z > 0) / len(t)


def _taps(d, x):
    return torch.stack([d @ x[k : k + len(d)] for k in range(3)])


def _spread(d, w, x, taps=(0, 1, 2)):
    g = torch.zeros_like(x)
    for k in taps:
        g[k : k + len(d)] += d * w[k]
    return g


conv = Exercise("convolution by slices", slices, _draw_slices)
conv.ok(
    "w",
    lambda x, w, b, t: _taps(_dpre(x, w, b, t), x),
    lambda x, w, b, t: x.unfold(0, len(t), 1) @ _dpre(x, w, b, t),
)
conv.ok("x", lambda x, w, b, t: _spread(_dpre(x, w, b, t), w, x))
conv.bad(
    "wrong-rule wrong-point transposed",
    "w",
    lambda x, w, b, t: _taps(_dpre(x, w, b, t), x).flip(0),
    "reversed",
)
conv.bad(
    "missing-link wrong-rule",
    "w",
    lambda x, w, b, t: _taps(2 * (relu(_pre(x, w, b)) - t) / len(t), x),
    "gate lost",
)
conv.bad(
    "wrong-point",
    "w",
    lambda x, w, b, t: (lambda e: _taps(2 * e * (e > 0) / len(t), x))(
        relu(_pre(x, w, b)) - t
    ),
    "gate at the error",
)
conv.bad(
    "wrong-point",
    "w",
    lambda x, w, b, t: (_dpre(x, w, b, t) @ x[1:-1]).repeat(3),
    "the same slice for all",
)
conv.bad(
    "factor", "w", lambda x, w, b, t: _taps(_dpre(x, w, b, t), x) / 2, "the 2 lost"
)
conv.bad(
    "missing-path",
    "x",
    lambda x, w, b, t: _spread(_dpre(x, w, b, t), w, x, (0, 1)),
    "last tap left out",
)
conv.bad("reduction", "b", lambda x, w, b, t: _dpre(x, w, b, t).mean(), "mean twice")
conv.bad("wrong-rule", "t", lambda x, w, b, t: -_dpre(x, w, b, t), "gate where none is")
conv.two(
    "missing-link factor",
    "w",
    lambda x, w, b, t: _taps((relu(_pre(x, w, b)) - t) / len(t), x),
    "gate and 2 lost",
)
conv.odd(
    "x",
    lambda x, w, b, t: (
        _spread(_dpre(x, w, b, t), w**2 + 0.3, x, (0, 2)) + 0.02 * torch.cos(x)
    ),
)


# --- three steps of a recurrence ---------------------------------------------------------
def steps(U, v, r, x, y):
    h = torch.tanh(x[0] * v)
    h = torch.tanh(x[1] * v + U @ h)
    h = torch.tanh(x[2] * v + U @ h)
    return 0.5 * (r @ h - y) ** 2


def _draw_steps(d):
    (k,) = d.sizes(1)
    return {
        "U": d.normal(k, k) / k**0.5,
        "v": d.normal(k),
        "r": d.normal(k),
        "x": d.normal(3),
        "y": d.normal(),
    }


def _states(U, v, x):
    h1 = tanh(x[0] * v)
    h2 = tanh(x[1] * v + U @ h1)
    return h1, h2, tanh(x[2] * v + U @ h2)


def _through(U, v, r, x, y, step=None, slope=lambda h: 1 - h**2):
    h1, h2, h3 = _states(U, v, x)
    step = U.T if step is None else step
    d3 = (r @ h3 - y) * r * (1 - h3**2)
    d2 = (step @ d3) * slope(h2)
    return (step @ d2) * slope(h1), d2, d3


def _to_U(U, v, r, x, y, late=0, last=1.0, first=1.0, **how):
    h, d = _states(U, v, x), _through(U, v, r, x, y, **how)
    return last * outer(d[2], h[1 + late]) + first * outer(d[1], h[late])


def _loop_v(U, v, r, x, y):
    hs = _states(U, v, x)
    d, g = (r @ hs[2] - y) * r, torch.zeros_like(v)
    for i in (2, 1, 0):
        d = d * (1 - hs[i] ** 2)
        g += x[i] * d
        d = U.T @ d
    return g


def _inner(z, d):
    return d * (1 - z**2)


def _pre_slope(U, v, r, x, y):
    h1, h2, h3 = _states(U, v, x)
    z2, z3 = x[1] * v + U @ h1, x[2] * v + U @ h2
    d3 = _inner(z3, (r @ h3 - y) * r)
    return outer(d3, h2) + outer(_inner(z2, U.T @ d3), h1)


memory = Exercise("three steps of a recurrence", steps, _draw_steps)
memory.ok("U", _to_U)
memory.ok("v", _loop_v, lambda U, v, r, x, y: x @ torch.stack(_through(U, v, r, x, y)))
memory.bad(
    "missing-path",
    "U",
    lambda U, v, r, x, y: _to_U(U, v, r, x, y, first=0),
    "last step only",
)
memory.bad(
    "transposed",
    "U",
    lambda U, v, r, x, y: _to_U(U, v, r, x, y, step=U),
    "U on the way back",
)
memory.bad(
    "missing-link",
    "U",
    lambda U, v, r, x, y: _to_U(U, v, r, x, y, slope=lambda h: 1),
    "the second tanh' lost",
)
memory.bad(
    "missing-link",
    "U",
    lambda U, v, r, x, y: _to_U(U, v, r, x, y, step=torch.eye(len(v)).double()),
    "U lost between the steps",
)
memory.bad(
    "wrong-point",
    "U",
    lambda U, v, r, x, y: _to_U(U, v, r, x, y, late=1),
    "states off by one",
)
memory.bad("wrong-rule wrong-point", "U", _pre_slope, "1 - z²")
memory.bad(
    "missing-path",
    "v",
    lambda U, v, r, x, y: x[1:] @ torch.stack(_through(U, v, r, x, y)[1:]),
    "cut before the first step",
)
memory.bad(
    "wrong-point",
    "r",
    lambda U, v, r, x, y: (lambda h: (r @ h[2] - y) * h[1])(_states(U, v, x)),
    "the state before",
)
memory.two(
    "sign missing-path",
    "U",
    lambda U, v, r, x, y: _to_U(U, v, r, x, y, last=-1.0, first=0),
)
memory.two(
    "missing-link transposed",
    "U",
    lambda U, v, r, x, y: _to_U(U, v, r, x, y, slope=lambda h: 1).T,
)
memory.odd(
    "U", lambda U, v, r, x, y: _to_U(U, v, r, x, y, last=0.83, first=1.4) + 0.01 * U
)


# --- cosine similarity against a margin --------------------------------------------------
def alike(a, b, m, T):
    c = a @ b / (a.norm() * b.norm())
    return F.softplus((m - c) / T)


def _draw_alike(d):
    (k,) = d.sizes(1)
    return {
        "a": d.normal(k),
        "b": d.normal(k),
        "m": d.uniform(low=0.1, high=0.6),
        "T": d.uniform(low=0.3, high=0.8),
    }


def _cos(a, b):
    return a @ b / (a.norm() * b.norm())


def _gap(a, b, m, T):
    return (m - _cos(a, b)) / T


def _turn(a, b, own=1.0):
    return b / (a.norm() * b.norm()) - own * _cos(a, b) * a / a.norm() ** 2


def _project(a, b, m, T):
    e, f = a / a.norm(), b / b.norm()
    J = (torch.eye(len(a)).double() - outer(e, e)) / a.norm()
    return -sigmoid(_gap(a, b, m, T)) / T * (J @ f)


def _sim(a, b, m, T, own=1.0, slope=sigmoid):
    return -slope(_gap(a, b, m, T)) / T * _turn(a, b, own)


cosine = Exercise("cosine and margin", alike, _draw_alike)
cosine.ok("a", _project, lambda a, b, m, T: _sim(a, b, m, T))
cosine.ok("T", lambda a, b, m, T: -sigmoid(_gap(a, b, m, T)) * _gap(a, b, m, T) / T)
cosine.bad(
    "missing-path", "a", lambda a, b, m, T: _sim(a, b, m, T, own=0), "norm held fixed"
)
cosine.bad(
    "sign wrong-rule",
    "a",
    lambda a, b, m, T: _sim(a, b, m, T, own=-1),
    "quotient rule with +",
)
cosine.bad(
    "wrong-rule missing-link",
    "a",
    lambda a, b, m, T: _sim(a, b, m, T, own=a.norm()),
    "norm' = a",
)
cosine.bad(
    "factor wrong-rule",
    "a",
    lambda a, b, m, T: _sim(a, b, m, T, own=2),
    "the root's half lost",
)
cosine.bad(
    "factor missing-link", "a", lambda a, b, m, T: T * _sim(a, b, m, T), "1/T lost"
)
cosine.bad(
    "wrong-rule",
    "a",
    lambda a, b, m, T: _sim(a, b, m, T, slope=lambda z: sigmoid(z) * (1 - sigmoid(z))),
    "softplus' = sigma'",
)
cosine.bad("wrong-input", "a", lambda a, b, m, T: _sim(b, a, m, T), "that of b")
cosine.bad(
    "wrong-rule missing-link",
    "T",
    lambda a, b, m, T: -sigmoid(_gap(a, b, m, T)) * _gap(a, b, m, T),
    "(1/T)' = -1/T",
)
cosine.two(
    "sign missing-path",
    "a",
    lambda a, b, m, T: -_sim(a, b, m, T, own=0),
    "norm fixed, minus lost",
)
cosine.odd(
    "a", lambda a, b, m, T: _sim(a, b, m, T, own=0.7, slope=lambda z: sigmoid(1.3 * z))
)

EXERCISES = [
    net,
    smooth,
    norm,
    layer,
    look,
    margin,
    hard,
    robust,
    words,
    conv,
    memory,
    cosine,
]
