"""A seventh set: what a course has its students differentiate; tried once too."""

import torch
import torch.nn.functional as F

from tests.diagnose.bank.exercise import Exercise

sigmoid, tanh, exp, log, relu = (
    torch.sigmoid,
    torch.tanh,
    torch.exp,
    torch.log,
    torch.relu,
)


# --- a swing that dies away --------------------------------------------------------------
def swing(t, a, w):
    return torch.exp(-a * t) * torch.cos(w * t)


def _draw_swing(d):
    return {"t": d.uniform(), "a": d.uniform(), "w": d.uniform()}


damped = Exercise("damped swing", swing, _draw_swing)
damped.ok(
    "t",
    lambda t, a, w: -exp(-a * t) * (a * torch.cos(w * t) + w * torch.sin(w * t)),
)
damped.bad(
    "missing-path",
    "t",
    lambda t, a, w: -a * exp(-a * t) * torch.cos(w * t),
    "first only",
)
damped.bad("missing-path", "t", lambda t, a, w: -w * exp(-a * t) * torch.sin(w * t))
damped.bad(
    "wrong-rule", "t", lambda t, a, w: a * w * exp(-a * t) * torch.sin(w * t), "u'v'"
)
damped.bad(
    "sign wrong-rule",
    "t",
    lambda t, a, w: exp(-a * t) * (-a * torch.cos(w * t) + w * torch.sin(w * t)),
    "cos' = sin",
)
damped.bad(
    "missing-link sign",
    "t",
    lambda t, a, w: -exp(-a * t) * (torch.cos(w * t) + w * torch.sin(w * t)),
    "a forgotten",
)
damped.bad(
    "missing-link",
    "t",
    lambda t, a, w: -exp(-a * t) * (a * torch.cos(w * t) + torch.sin(w * t)),
    "w forgotten",
)
damped.bad("sign", "a", lambda t, a, w: t * exp(-a * t) * torch.cos(w * t))
damped.bad(
    "wrong-input missing-link wrong-point",
    "a",
    lambda t, a, w: -a * exp(-a * t) * torch.cos(w * t),
)
damped.bad("wrong-rule", "t", lambda t, a, w: -exp(-a * t) * (a + w) * torch.cos(w * t))
damped.odd("t", lambda t, a, w: -exp(-a * t) * (a + 0.4 * w) * torch.cos(w * t))
damped.two("missing-path sign", "t", lambda t, a, w: a * exp(-a * t) * torch.cos(w * t))


# --- a tanh unit -------------------------------------------------------------------------
def unit(w, b, x, y):
    z = w * x + b
    h = torch.tanh(z)
    return 0.5 * (h - y) ** 2


def _draw_unit(d):
    return {"w": d.normal(), "b": d.normal(), "x": d.normal(), "y": d.normal()}


def _h(w, b, x):
    return tanh(w * x + b)


single = Exercise("tanh unit", unit, _draw_unit)
single.ok("w", lambda w, b, x, y: (_h(w, b, x) - y) * (1 - _h(w, b, x) ** 2) * x)
single.ok("b", lambda w, b, x, y: (_h(w, b, x) - y) / torch.cosh(w * x + b) ** 2)
single.bad(
    "wrong-rule wrong-point",
    "w",
    lambda w, b, x, y: (_h(w, b, x) - y) * (1 - (w * x + b) ** 2) * x,
    "1 - z²",
)
single.bad(
    "wrong-rule",
    "w",
    lambda w, b, x, y: (_h(w, b, x) - y) * _h(w, b, x) * (1 - _h(w, b, x)) * x,
)
single.bad("missing-link", "w", lambda w, b, x, y: (_h(w, b, x) - y) * x)
single.bad(
    "wrong-rule", "w", lambda w, b, x, y: (_h(w, b, x) - y) * (1 + _h(w, b, x) ** 2) * x
)
single.bad(
    "wrong-rule missing-link",
    "w",
    lambda w, b, x, y: (_h(w, b, x) - y) * (1 - _h(w, b, x)) * x,
    "square lost",
)
single.bad(
    "wrong-point",
    "b",
    lambda w, b, x, y: (_h(w, b, x) - y) * (1 - tanh(b) ** 2),
    "at b",
)
single.bad(
    "wrong-point missing-link",
    "b",
    lambda w, b, x, y: (w * x + b - y) * (1 - _h(w, b, x) ** 2),
    "error with z",
)
single.bad(
    "factor", "b", lambda w, b, x, y: 2 * (_h(w, b, x) - y) * (1 - _h(w, b, x) ** 2)
)
single.bad(
    "wrong-input",
    "x",
    lambda w, b, x, y: (_h(w, b, x) - y) * (1 - _h(w, b, x) ** 2) * x,
)
single.two(
    "sign missing-link", "w", lambda w, b, x, y: (y - _h(w, b, x)) * x, "two slips"
)


# --- softmax regression with temperature -------------------------------------------------------
def temperate(W, X, y, T):
    logits = X @ W / T
    logp = logits - torch.logsumexp(logits, dim=1, keepdim=True)
    return -logp[torch.arange(len(y)), y].mean()


def _draw_temperate(d):
    n, k, c = d.sizes(3)
    return {
        "W": d.normal(k, c),
        "X": d.normal(n, k),
        "y": d.whole(c, n),
        "T": d.uniform(low=0.6, high=2.5),
    }


def _probs(W, X, T):
    return torch.softmax(X @ W / T, dim=1)


def _hot(y, c):
    return F.one_hot(y, c).double()


def _temperate(W, X, y, T, hot=1.0):
    return X.T @ (_probs(W, X, T) - hot * _hot(y, W.shape[1])) / T / len(y)


warm = Exercise("softmax with temperature", temperate, _draw_temperate)
warm.ok(
    "W",
    _temperate,
    lambda W, X, y, T: (
        torch.einsum("nk,nc->kc", X, _probs(W, X, T) - _hot(y, W.shape[1]))
        / (T * len(y))
    ),
)
warm.bad("missing-link", "W", lambda W, X, y, T: _temperate(W, X, y, T) * T, "T lost")
warm.bad("missing-path", "W", lambda W, X, y, T: _temperate(W, X, y, T, 0.0))
warm.bad("reduction", "W", lambda W, X, y, T: _temperate(W, X, y, T) * len(y))
warm.bad("sign", "W", lambda W, X, y, T: -_temperate(W, X, y, T))
warm.bad("sign", "W", lambda W, X, y, T: _temperate(W, X, y, T, -1.0), "p + y")
warm.bad(
    "wrong-rule wrong-point",
    "W",
    lambda W, X, y, T: (
        X.T @ ((_probs(W, X, T) - _hot(y, W.shape[1])) * _probs(W, X, T)) / T / len(y)
    ),
    "softmax once more",
)
warm.bad(
    "wrong-point",
    "W",
    lambda W, X, y, T: (
        X.T @ (torch.softmax(X @ W, 1) - _hot(y, W.shape[1])) / T / len(y)
    ),
    "p without T",
)
warm.bad(
    "wrong-point reduction",
    "W",
    lambda W, X, y, T: (
        X.T @ (torch.softmax(X @ W / T, 0) - _hot(y, W.shape[1])) / T / len(y)
    ),
    "softmax over the batch",
)
warm.bad(
    "reduction factor",
    "W",
    lambda W, X, y, T: _temperate(W, X, y, T) * len(y) / W.numel(),
)
warm.odd(
    "W",
    lambda W, X, y, T: (
        X.T @ (_probs(W, X, T).sqrt() - _hot(y, W.shape[1])) / T / len(y)
    ),
)
warm.two("missing-path sign", "W", lambda W, X, y, T: -_temperate(W, X, y, T, 0.0))


# --- standard scores ---------------------------------------------------------------
def standard(x):
    n = len(x)
    m = x.sum() / n
    v = ((x - m) ** 2).sum() / (n - 1)
    return (x - m) / torch.sqrt(v)


spread = Exercise("standard score", standard, lambda d: {"x": d.normal(d.sizes(1)[0])})


def _standard(x, upstream, mean=True, var=True, root=True, n=None, half=1.0):
    n = len(x) - 1 if n is None else n
    m, s = x.mean(), x.std()
    z = (x - m) / s
    out = upstream / s if root else upstream
    if var:
        out = out - half * z * (upstream * z).sum() / n / s
    if mean:
        out = out - upstream.mean() / s
    return out


spread.ok("x", _standard)
spread.bad("missing-path", "x", lambda **k: _standard(**k, var=False))
spread.bad("missing-path", "x", lambda **k: _standard(**k, mean=False))
spread.bad("missing-path", "x", lambda **k: _standard(**k, mean=False, var=False))
spread.bad("factor", "x", lambda **k: _standard(**k, half=2.0), "½ of the root lost")
spread.bad("reduction", "x", lambda **k: _standard(**k, n=len(k["x"])), "n for n-1")
spread.bad("reduction", "x", lambda **k: _standard(**k, n=1), "n-1 lost")
spread.bad("sign", "x", lambda **k: _standard(**k, half=-1.0))
spread.odd("x", lambda **k: _standard(**k, half=0.37))
spread.two("missing-path sign", "x", lambda **k: -_standard(**k, mean=False))


# --- a gate by silu -----------------------------------------------------------------------------------
def gate(x, A, B):
    g = x @ A
    return ((x @ B) * (g * torch.sigmoid(g))).sum()


def _draw_gate(d):
    n, k, m = d.sizes(3)
    return {"x": d.normal(n, k), "A": d.normal(k, m), "B": d.normal(k, m)}


def _slope(g):
    s = sigmoid(g)
    return s + g * s * (1 - s)


swiglu = Exercise("gate by silu", gate, _draw_gate)
swiglu.ok("A", lambda x, A, B: x.T @ ((x @ B) * _slope(x @ A)))
swiglu.ok("B", lambda x, A, B: x.T @ F.silu(x @ A))
swiglu.ok("x", lambda x, A, B: F.silu(x @ A) @ B.T + ((x @ B) * _slope(x @ A)) @ A.T)
swiglu.bad("missing-path", "A", lambda x, A, B: x.T @ ((x @ B) * sigmoid(x @ A)))
swiglu.bad(
    "missing-path",
    "A",
    lambda x, A, B: x.T @ ((x @ B) * (x @ A) * sigmoid(x @ A) * (1 - sigmoid(x @ A))),
)
swiglu.bad(
    "wrong-rule missing-link",
    "A",
    lambda x, A, B: x.T @ ((x @ B) * sigmoid(x @ A) * (1 - sigmoid(x @ A))),
    "u'v'",
)
swiglu.bad("missing-link", "A", lambda x, A, B: x.T @ _slope(x @ A), "the other factor")
swiglu.bad(
    "wrong-point missing-link missing-path",
    "B",
    lambda x, A, B: x.T @ sigmoid(x @ A),
    "not silu",
)
swiglu.bad("missing-path", "x", lambda x, A, B: F.silu(x @ A) @ B.T)
swiglu.bad(
    "wrong-point wrong-input",
    "x",
    lambda x, A, B: F.silu(x @ A) @ A.T + ((x @ B) * _slope(x @ A)) @ B.T,
    "weights exchanged",
)
swiglu.odd("B", lambda x, A, B: x.T @ (F.silu(x @ A) + 0.1))
swiglu.two("missing-path sign", "x", lambda x, A, B: -((x @ B) * _slope(x @ A)) @ A.T)


# --- a parabola in many dimensions ---------------------------------------------------------------------
def parabola(x, A, b, c):
    return 0.5 * x @ A @ x - b @ x + c * (x**2).sum()


def _draw_parabola(d):
    n = d.sizes(1)[0]
    return {"x": d.normal(n), "A": d.normal(n, n), "b": d.normal(n), "c": d.uniform()}


basin = Exercise("parabola", parabola, _draw_parabola)
basin.ok("x", lambda x, A, b, c: 0.5 * (A + A.T) @ x - b + 2 * c * x)
basin.ok("A", lambda x, A, b, c: 0.5 * torch.outer(x, x))
basin.bad("transposed", "x", lambda x, A, b, c: A @ x - b + 2 * c * x, "A symmetric")
basin.bad("transposed", "x", lambda x, A, b, c: A.T @ x - b + 2 * c * x)
basin.bad("missing-path", "x", lambda x, A, b, c: 0.5 * A @ x - b + 2 * c * x)
basin.bad("factor", "x", lambda x, A, b, c: (A + A.T) @ x - b + 2 * c * x)
basin.bad("missing-path", "x", lambda x, A, b, c: 0.5 * (A + A.T) @ x + 2 * c * x)
basin.bad("sign", "x", lambda x, A, b, c: 0.5 * (A + A.T) @ x + b + 2 * c * x)
basin.bad("factor", "x", lambda x, A, b, c: 0.5 * (A + A.T) @ x - b + c * x)
basin.bad(
    "missing-link", "x", lambda x, A, b, c: 0.5 * (A + A.T) @ x - b + 2 * x, "c lost"
)
basin.bad("factor", "A", lambda x, A, b, c: torch.outer(x, x))
basin.bad("wrong-input wrong-point", "b", lambda x, A, b, c: -b, "b for x")
basin.bad(
    "wrong-rule wrong-point",
    "x",
    lambda x, A, b, c: 0.5 * (A + A.T) @ x - b + 2 * c,
    "2c",
)
basin.odd("x", lambda x, A, b, c: 0.5 * (A + A.T) @ x - b**2 + 2 * c * x)


# --- a sigmoid through time ---------------------------------------------------------------------
def unroll(w, u, xs, y):
    h = torch.zeros((), dtype=xs.dtype)
    for x in xs:
        h = torch.sigmoid(w * h + u * x)
    return (h - y) ** 2


def _draw_unroll(d):
    return {"w": d.normal(), "u": d.normal(), "xs": d.normal(4), "y": d.uniform()}


def _through(w, u, xs, y, of="w", gate=True, chain=True, two=2.0):
    h = torch.zeros((), dtype=xs.dtype)
    slope = torch.zeros((), dtype=xs.dtype)
    for x in xs:
        new = sigmoid(w * h + u * x)
        inner = (h if of == "w" else x) + (w * slope if chain else 0)
        slope = (new * (1 - new) if gate else 1) * inner
        h = new
    return two * (h - y) * slope


time = Exercise("sigmoid through time", unroll, _draw_unroll)
time.ok("w", _through)
time.ok("u", lambda **k: _through(**k, of="u"))
time.bad("missing-path", "w", lambda **k: _through(**k, chain=False), "last step only")
time.bad("missing-link", "w", lambda **k: _through(**k, gate=False), "no slope at all")
time.bad("factor", "u", lambda **k: _through(**k, of="u", two=1.0))
time.bad("sign", "u", lambda **k: _through(**k, of="u", two=-2.0))
time.bad("wrong-input", "u", lambda **k: _through(**k, of="w"))
time.bad("missing-path", "u", lambda **k: _through(**k, of="u", chain=False))
time.bad(
    "missing-link wrong-point",
    "u",
    lambda **k: _no_w(**k),
    "w lost on the way back",
)
time.odd("w", lambda **k: _through(**k) + 0.05 * k["w"])


def _no_w(w, u, xs, y):
    h, slope = torch.zeros_like(w), torch.zeros_like(w)
    for x in xs:
        h = sigmoid(w * h + u * x)
        slope = h * (1 - h) * (x + slope)
    return 2 * (h - y) * slope


# --- words in a bag -----------------------------------------------------------------------------------------
def bag(E, v, ids, y):
    score = E[ids].mean(dim=1) @ v
    return F.binary_cross_entropy_with_logits(score, y, reduction="mean")


def _draw_bag(d):
    n, t, k = d.sizes(3)
    return {
        "E": d.normal(4, k),
        "v": d.normal(k),
        "ids": d.whole(4, n, t),
        "y": d.labels(n),
    }


def _miss(E, v, ids, y):
    return (sigmoid(E[ids].mean(1) @ v) - y) / len(y)


def _bag(E, v, ids, y, words=True, many=True, delta=None):
    delta = _miss(E, v, ids, y) if delta is None else delta
    out = torch.zeros_like(E)
    for row, d in zip(ids, delta, strict=True):
        for i in row:
            new = d * v / (len(row) if words else 1)
            out[i] = out[i] + new if many else new
    return out


words = Exercise("bag of words", bag, _draw_bag)
words.ok("E", _bag)
words.ok("v", lambda E, v, ids, y: E[ids].mean(1).T @ _miss(E, v, ids, y))
words.bad("reduction", "E", lambda **k: _bag(**k, words=False), "words summed")
words.bad("reduction wrong-rule", "E", lambda **k: _bag(**k, many=False), "overwritten")
words.bad("reduction", "E", lambda **k: _bag(**k) * len(k["y"]), "sum over texts")
words.bad(
    "missing-path",
    "v",
    lambda E, v, ids, y: E[ids].mean(1).T @ sigmoid(E[ids].mean(1) @ v) / len(y),
    "y lost",
)
words.bad(
    "wrong-rule",
    "v",
    lambda E, v, ids, y: (
        E[ids].mean(1).T
        @ (_miss(E, v, ids, y) * (lambda p: p * (1 - p))(sigmoid(E[ids].mean(1) @ v)))
    ),
    "σ′ once too often",
)
words.bad(
    "reduction missing-link",
    "v",
    lambda E, v, ids, y: E[ids].sum(1).T @ _miss(E, v, ids, y),
    "words summed",
)
words.bad(
    "wrong-point",
    "v",
    lambda E, v, ids, y: E[ids].mean(1).T @ (E[ids].mean(1) @ v - y) / len(y),
    "z for p",
)
words.odd("v", lambda E, v, ids, y: E[ids].amax(1).T @ _miss(E, v, ids, y))
words.two("sign reduction", "E", lambda **k: -_bag(**k, words=False))


# --- points and centres ---------------------------------------------------------------------------------------
def nearness(P, C):
    d2 = ((P[:, None, :] - C[None, :, :]) ** 2).sum(dim=-1)
    return -torch.log(torch.exp(-d2).sum(dim=1)).mean()


def _draw_nearness(d):
    n, c, k = d.sizes(3)
    return {"P": 0.5 * d.normal(n, k), "C": 0.5 * d.normal(c, k)}


def _weights(P, C):
    return torch.softmax(-((P[:, None] - C[None]) ** 2).sum(-1), dim=1)


def _dC(P, C, two=2.0, r=None):
    r = _weights(P, C) if r is None else r
    return two * torch.einsum("nc,nck->ck", r, C[None] - P[:, None]) / len(P)


centres = Exercise("points and centres", nearness, _draw_nearness)
centres.ok("C", _dC)
centres.ok("P", lambda P, C: 2 * (P - _weights(P, C) @ C) / len(P))
centres.bad("sign wrong-input", "C", lambda P, C: -_dC(P, C))
centres.bad("factor", "C", lambda P, C: _dC(P, C, 1.0))
centres.bad("reduction", "C", lambda P, C: _dC(P, C) * len(P))
centres.bad("reduction", "C", lambda P, C: _dC(P, C) / len(C), "mean over centres")
centres.bad(
    "missing-link wrong-rule",
    "C",
    lambda P, C: _dC(P, C, r=exp(-((P[:, None] - C[None]) ** 2).sum(-1))),
    "1/Σ lost",
)
centres.bad(
    "missing-link",
    "C",
    lambda P, C: _dC(
        P,
        C,
        r=(1 / exp(-((P[:, None] - C[None]) ** 2).sum(-1)).sum(1, keepdim=True)).expand(
            -1, len(C)
        ),
    ),
    "exp′ lost",
)
centres.bad(
    "wrong-point wrong-rule",
    "C",
    lambda P, C: _dC(
        P, C, r=torch.softmax(-((P[:, None] - C[None]) ** 2).sum(-1), dim=0)
    ),
    "softmax over the points",
)
centres.odd("P", lambda P, C: 2 * (P - _weights(P, C) @ C) / len(P) + 0.01 * P)
centres.two("sign factor", "P", lambda P, C: -(P - _weights(P, C) @ C) / len(P))


# --- a hidden layer of rectifiers ----------------------------------------------------------------------------------
def hidden(W1, b1, w2, X, y):
    z = X @ W1 + b1
    a = torch.relu(z)
    return ((a @ w2 - y) ** 2).mean()


def _draw_hidden(d):
    n, k, m = d.sizes(3)
    return {
        "W1": d.normal(k, m),
        "b1": d.normal(m),
        "w2": d.normal(m),
        "X": d.normal(n, k),
        "y": d.normal(n),
    }


def _delta(W1, b1, w2, X, y, gate=None):
    z = X @ W1 + b1
    e = 2 * (relu(z) @ w2 - y) / len(y)
    return torch.outer(e, w2) * ((z > 0) if gate is None else gate(z))


net = Exercise("layer of rectifiers", hidden, _draw_hidden)
net.ok("W1", lambda **k: k["X"].T @ _delta(**k))
net.ok("b1", lambda **k: _delta(**k).sum(0))
net.bad(
    "wrong-rule missing-link",
    "W1",
    lambda **k: k["X"].T @ _delta(**k, gate=torch.ones_like),
    "gate lost",
)
net.bad(
    "wrong-rule",
    "W1",
    lambda **k: k["X"].T @ _delta(**k, gate=lambda z: z <= 0),
    "inverted",
)
net.bad(
    "wrong-rule value-returned wrong-point",
    "W1",
    lambda **k: k["X"].T @ _delta(**k, gate=relu),
    "relu for its slope",
)
net.bad("reduction", "b1", lambda **k: _delta(**k).mean(0))
net.bad(
    "missing-link",
    "b1",
    lambda W1, b1, w2, X, y: (
        (2 * (relu(X @ W1 + b1) @ w2 - y) / len(y))[:, None] * (X @ W1 + b1 > 0)
    ).sum(0),
    "w2 lost",
)
net.bad(
    "wrong-point",
    "w2",
    lambda W1, b1, w2, X, y: (
        2 * (X @ W1 + b1).T @ (relu(X @ W1 + b1) @ w2 - y) / len(y)
    ),
    "z for a",
)
net.bad(
    "wrong-point missing-path",
    "w2",
    lambda W1, b1, w2, X, y: 2 * relu(X @ W1).T @ (relu(X @ W1 + b1) @ w2 - y) / len(y),
    "bias forgotten",
)
net.bad(
    "sign",
    "w2",
    lambda W1, b1, w2, X, y: (
        2 * relu(X @ W1 + b1).T @ (y - relu(X @ W1 + b1) @ w2) / len(y)
    ),
)
net.odd("W1", lambda **k: k["X"].T @ _delta(**k, gate=sigmoid))
net.two(
    "wrong-rule missing-link reduction",
    "b1",
    lambda **k: _delta(**k, gate=torch.ones_like).mean(0),
)


# --- a loss that forgives ----------------------------------------------------------------------------------------
def forgiving(a, b, x, y, s):
    r = (y - a * x - b) / s
    return torch.log(1 + r**2).sum()


def _draw_forgiving(d):
    n = d.sizes(1)[0]
    return {
        "a": d.normal(),
        "b": d.normal(),
        "x": d.normal(n),
        "y": d.normal(n),
        "s": d.uniform(),
    }


def _r(a, b, x, y, s):
    return (y - a * x - b) / s


cauchy = Exercise("cauchy loss", forgiving, _draw_forgiving)
cauchy.ok("a", lambda **k: (-2 * _r(**k) / (1 + _r(**k) ** 2) * k["x"] / k["s"]).sum())
cauchy.ok("s", lambda **k: (-2 * _r(**k) ** 2 / (1 + _r(**k) ** 2)).sum() / k["s"])
cauchy.bad(
    "sign", "a", lambda **k: (2 * _r(**k) / (1 + _r(**k) ** 2) * k["x"] / k["s"]).sum()
)
cauchy.bad(
    "missing-link",
    "a",
    lambda **k: (-2 * _r(**k) / (1 + _r(**k) ** 2) * k["x"]).sum(),
    "1/s",
)
cauchy.bad(
    "missing-link", "a", lambda **k: (-2 * _r(**k) * k["x"] / k["s"]).sum(), "log′"
)
cauchy.bad(
    "missing-link",
    "a",
    lambda **k: -(k["x"] / (1 + _r(**k) ** 2) / k["s"]).sum(),
    "square′",
)
cauchy.bad(
    "wrong-input missing-link",
    "a",
    lambda **k: (-2 * _r(**k) / (1 + _r(**k) ** 2) / k["s"]).sum(),
)
cauchy.bad(
    "wrong-point wrong-rule",
    "b",
    lambda **k: (-2 * _r(**k) / _r(**k) ** 2 / k["s"]).sum(),
    "1 forgotten",
)
cauchy.bad(
    "reduction", "b", lambda **k: (-2 * _r(**k) / (1 + _r(**k) ** 2) / k["s"]).mean()
)
cauchy.bad(
    "wrong-rule missing-link",
    "s",
    lambda **k: (-2 * _r(**k) / (1 + _r(**k) ** 2)).sum() / k["s"] ** 2,
    "y-ax-b lost",
)
cauchy.bad(
    "factor", "s", lambda **k: (-(_r(**k) ** 2) / (1 + _r(**k) ** 2)).sum() / k["s"]
)
cauchy.odd("b", lambda **k: (-2 * _r(**k) / (1 + _r(**k).abs()) / k["s"]).sum())


# --- rates by broadcasting ------------------------------------------------------------------------------------------
def rates(u, v, c, R):
    guess = u[:, None] * v[None, :] + c
    return ((guess - R) ** 2).mean() + 0.1 * (u**2).sum()


def _draw_rates(d):
    n, m = d.sizes(2)
    return {"u": d.normal(n), "v": d.normal(m), "c": d.normal(m), "R": d.normal(n, m)}


def _off(u, v, c, R):
    return 2 * (torch.outer(u, v) + c - R) / R.numel()


table = Exercise("rates", rates, _draw_rates)
table.ok("u", lambda u, v, c, R: _off(u, v, c, R) @ v + 0.2 * u)
table.ok("v", lambda u, v, c, R: _off(u, v, c, R).T @ u)
table.ok("c", lambda u, v, c, R: _off(u, v, c, R).sum(0))
table.bad("missing-path", "u", lambda u, v, c, R: _off(u, v, c, R) @ v, "penalty lost")
table.bad("factor", "u", lambda u, v, c, R: _off(u, v, c, R) @ v + 0.1 * u)
table.bad(
    "missing-link factor",
    "u",
    lambda u, v, c, R: _off(u, v, c, R) @ v + 2 * u,
    "0.1 lost",
)
table.bad(
    "missing-link wrong-input",
    "v",
    lambda u, v, c, R: _off(u, v, c, R).sum(0),
    "u lost",
)
table.bad(
    "reduction",
    "v",
    lambda u, v, c, R: _off(u, v, c, R).T @ u * len(u),
    "by columns only",
)
table.bad("reduction", "c", lambda u, v, c, R: _off(u, v, c, R).mean(0))
table.bad(
    "sign wrong-point",
    "c",
    lambda u, v, c, R: 2 * (torch.outer(u, v) - c - R).sum(0) / R.numel(),
    "- c",
)
table.bad(
    "wrong-point missing-path",
    "c",
    lambda u, v, c, R: 2 * (torch.outer(u, v) - R).sum(0) / R.numel(),
    "c lost",
)
table.odd("v", lambda u, v, c, R: _off(u, v, c, R).T @ u + 0.02 * v)
table.two("missing-path sign", "u", lambda u, v, c, R: -_off(u, v, c, R) @ v)

EXERCISES = [
    damped,
    single,
    warm,
    spread,
    swiglu,
    basin,
    time,
    words,
    centres,
    net,
    cauchy,
    table,
]
