"""Functions that were written after the search stood, and tried once before any change."""

import math

import torch
import torch.nn.functional as F

from tests.diagnose.bank.exercise import Exercise

sigmoid, tanh = torch.sigmoid, torch.tanh


# --- a gated update -------------------------------------------------------------------
def update(z, n, h):
    keep = torch.sigmoid(z)
    fresh = torch.tanh(n)
    return (1 - keep) * fresh + keep * h


def _draw_update(d):
    k = d.sizes(1)[0]
    return {"z": d.normal(k), "n": d.normal(k), "h": d.normal(k)}


gru = Exercise("gated update", update, _draw_update)
gru.ok(
    "z",
    lambda z, n, h, upstream: upstream * (h - tanh(n)) * sigmoid(z) * (1 - sigmoid(z)),
)
gru.ok("n", lambda z, n, h, upstream: upstream * (1 - sigmoid(z)) * (1 - tanh(n) ** 2))
gru.bad(
    "sign",
    "z",
    lambda z, n, h, upstream: upstream * (tanh(n) - h) * sigmoid(z) * (1 - sigmoid(z)),
)
gru.bad(
    "sign",
    "z",
    lambda z, n, h, upstream: upstream * (tanh(n) + h) * sigmoid(z) * (1 - sigmoid(z)),
)
gru.bad(
    "missing-path",
    "z",
    lambda z, n, h, upstream: upstream * h * sigmoid(z) * (1 - sigmoid(z)),
)
gru.bad("missing-link", "z", lambda z, n, h, upstream: upstream * (h - tanh(n)))
gru.bad(
    "wrong-rule",
    "z",
    lambda z, n, h, upstream: upstream * (h - tanh(n)) * (1 - sigmoid(z) ** 2),
)
gru.bad(
    "wrong-point missing-link",
    "z",
    lambda z, n, h, upstream: upstream * (h - n) * sigmoid(z) * (1 - sigmoid(z)),
    "tanh forgotten in the value",
)
gru.bad(
    "wrong-rule",
    "n",
    lambda z, n, h, upstream: upstream * (1 - sigmoid(z)) * (1 - n**2),
)
gru.bad(
    "wrong-point wrong-rule",
    "n",
    lambda z, n, h, upstream: upstream * sigmoid(z) * (1 - tanh(n) ** 2),
    "the other gate",
)
gru.bad("missing-link", "n", lambda z, n, h, upstream: upstream * (1 - tanh(n) ** 2))
gru.bad("missing-link", "n", lambda z, n, h, upstream: upstream * (1 - sigmoid(z)))
gru.odd("z", lambda z, n, h, upstream: upstream * (h - tanh(n)) * torch.exp(-(z**2)))
gru.odd("n", lambda z, n, h, upstream: upstream * (1.1 - sigmoid(z)) * (1 - tanh(n)))
gru.two("missing-link missing-path", "z", lambda z, n, h, upstream: upstream * h)


# --- logits ------------------------------------------------------------------------------
def logit_loss(w, X, y):
    return F.binary_cross_entropy_with_logits(X @ w, y, reduction="sum")


def _draw_logits(d):
    n, k = d.sizes(2)
    return {"w": d.normal(k), "X": d.normal(n, k), "y": d.labels(n)}


logits = Exercise("bce with logits", logit_loss, _draw_logits)
logits.ok("w", lambda w, X, y: X.T @ (sigmoid(X @ w) - y))
logits.bad("sign", "w", lambda w, X, y: X.T @ (y - sigmoid(X @ w)))
logits.bad("reduction", "w", lambda w, X, y: X.T @ (sigmoid(X @ w) - y) / len(y))
logits.bad("missing-path", "w", lambda w, X, y: X.T @ sigmoid(X @ w))
logits.bad("missing-path", "w", lambda w, X, y: -X.T @ y)
logits.bad("wrong-point missing-link", "w", lambda w, X, y: X.T @ (X @ w - y))
logits.bad(
    "wrong-rule",
    "w",
    lambda w, X, y: (
        X.T @ ((sigmoid(X @ w) - y) * sigmoid(X @ w) * (1 - sigmoid(X @ w)))
    ),
)
logits.bad(
    "missing-link",
    "w",
    lambda w, X, y: (
        X.T @ ((sigmoid(X @ w) - y) / sigmoid(X @ w) / (1 - sigmoid(X @ w)))
    ),
)
logits.bad("wrong-point", "w", lambda w, X, y: X.T @ (sigmoid(X @ w).round() - y))
logits.bad("wrong-point", "w", lambda w, X, y: X.T @ (sigmoid(sigmoid(X @ w)) - y))
logits.bad("sign", "w", lambda w, X, y: X.T @ (sigmoid(X @ w) + y))
logits.odd("w", lambda w, X, y: X.T @ (tanh(X @ w) - 0.4 * y))
logits.odd("w", lambda w, X, y: X.T @ (sigmoid(X @ w) - y) + 0.05)
logits.two("missing-path reduction", "w", lambda w, X, y: X.T @ sigmoid(X @ w) / len(y))


# --- a Gaussian ----------------------------------------------------------------------------
def gaussian_loss(mu, s, y):
    sigma = torch.exp(s)
    return (torch.log(sigma) + 0.5 * ((y - mu) / sigma) ** 2).mean()


def _draw_gaussian(d):
    n = d.sizes(1)[0]
    return {"mu": d.normal(), "s": 0.5 * d.normal(), "y": d.normal(n)}


gauss = Exercise("gaussian", gaussian_loss, _draw_gaussian)
gauss.ok("mu", lambda mu, s, y: -((y - mu) / torch.exp(2 * s)).mean())
gauss.ok("s", lambda mu, s, y: (1 - ((y - mu) / torch.exp(s)) ** 2).mean())
gauss.bad("sign", "mu", lambda mu, s, y: ((y - mu) / torch.exp(2 * s)).mean())
gauss.bad("factor", "mu", lambda mu, s, y: -2 * ((y - mu) / torch.exp(2 * s)).mean())
gauss.bad(
    "wrong-rule missing-link", "mu", lambda mu, s, y: -((y - mu) / torch.exp(s)).mean()
)
gauss.bad("reduction", "mu", lambda mu, s, y: -((y - mu) / torch.exp(2 * s)).sum())
gauss.bad(
    "missing-path", "s", lambda mu, s, y: -(((y - mu) / torch.exp(s)) ** 2).mean()
)
gauss.bad("missing-path", "s", lambda mu, s, y: 1.0 + 0 * s)
gauss.bad("sign", "s", lambda mu, s, y: (1 + ((y - mu) / torch.exp(s)) ** 2).mean())
gauss.bad(
    "missing-link",
    "s",
    lambda mu, s, y: (1 - ((y - mu) / torch.exp(s)) ** 2).mean() / torch.exp(s),
    "gradient by sigma",
)
gauss.bad(
    "factor", "s", lambda mu, s, y: (1 - 0.5 * ((y - mu) / torch.exp(s)) ** 2).mean()
)
gauss.bad(
    "factor", "s", lambda mu, s, y: (1 - 2 * ((y - mu) / torch.exp(s)) ** 2).mean()
)
gauss.odd("mu", lambda mu, s, y: -((y - mu).abs() / torch.exp(s)).mean())
gauss.odd("s", lambda mu, s, y: (1 - (y / torch.exp(s)) ** 2).mean() * 0.9)
gauss.two("sign reduction", "mu", lambda mu, s, y: ((y - mu) / torch.exp(2 * s)).sum())
gauss.two(
    "sign missing-path", "s", lambda mu, s, y: (((y - mu) / torch.exp(s)) ** 2).mean()
)


# --- cosine similarity ---------------------------------------------------------------------
def cosine(u, v):
    return u @ v / (u.norm() * v.norm())


angle = Exercise(
    "cosine",
    cosine,
    lambda d: (lambda k: {"u": d.normal(k), "v": d.normal(k)})(d.sizes(1)[0]),
)


def angle_right(u, v):
    a, b = u.norm(), v.norm()
    return v / (a * b) - (u @ v) * u / (a**3 * b)


angle.ok("u", angle_right)
angle.bad("missing-path", "u", lambda u, v: v / (u.norm() * v.norm()))
angle.bad("missing-path", "u", lambda u, v: -(u @ v) * u / (u.norm() ** 3 * v.norm()))
angle.bad(
    "sign",
    "u",
    lambda u, v: v / (u.norm() * v.norm()) + (u @ v) * u / (u.norm() ** 3 * v.norm()),
)
angle.bad("wrong-input", "u", lambda u, v: angle_right(v, u))
angle.bad("missing-link", "u", lambda u, v: angle_right(u, v) * v.norm())
angle.bad(
    "missing-link wrong-rule",
    "u",
    lambda u, v: (
        v / (u.norm() * v.norm()) - (u @ v) * 2 * u / (u.norm() ** 2 * v.norm())
    ),
    "the norm's square differentiated",
)
angle.bad(
    "wrong-rule",
    "u",
    lambda u, v: v / (u.norm() * v.norm()) - (u @ v) * u / (u.norm() ** 2 * v.norm()),
    "divided by the norm once too little",
)
angle.bad(
    "factor",
    "u",
    lambda u, v: (
        v / (u.norm() * v.norm()) - 2 * (u @ v) * u / (u.norm() ** 3 * v.norm())
    ),
)
angle.odd("u", lambda u, v: angle_right(u, v) + 0.1 * v)
angle.odd("u", lambda u, v: v / u.norm() - u / v.norm())
angle.two("missing-path missing-link", "u", lambda u, v: v / u.norm())


# --- normalisation over a batch ---------------------------------------------------------------
def batch_norm(x, gain, shift):
    mu = x.mean(0)
    centred = x - mu
    var = (centred**2).mean(0)
    return centred / torch.sqrt(var + 1e-5) * gain + shift


def _draw_batch(d):
    n, k = d.sizes(2)
    return {"x": d.normal(n, k), "gain": d.normal(k), "shift": d.normal(k)}


batch = Exercise("batch norm", batch_norm, _draw_batch)


def _normal(x):
    s = torch.sqrt(x.var(0, unbiased=False) + 1e-5)
    return (x - x.mean(0)) / s, s


def batch_grad(x, gain, shift, upstream, mean=1, var=1, scale=True):
    h, s = _normal(x)
    g = upstream * gain
    dx = g - mean * g.mean(0) - var * h * (g * h).mean(0)
    return dx / s if scale else dx


batch.ok("x", batch_grad)
batch.ok("gain", lambda x, gain, shift, upstream: (upstream * _normal(x)[0]).sum(0))
batch.bad("missing-path", "x", lambda **k: batch_grad(**k, mean=0))
batch.bad("missing-path", "x", lambda **k: batch_grad(**k, var=0))
batch.bad(
    "missing-path missing-link wrong-rule",
    "x",
    lambda **k: batch_grad(**k, mean=0, var=0),
)
batch.bad("missing-link", "x", lambda **k: batch_grad(**k, scale=False))
batch.bad("factor", "x", lambda **k: batch_grad(**k, var=2))
batch.bad("factor", "x", lambda **k: batch_grad(**k, var=0.5))
batch.bad("sign", "x", lambda **k: batch_grad(**k, mean=-1))
batch.bad("sign", "x", lambda **k: batch_grad(**k, var=-1))
batch.bad(
    "reduction",
    "gain",
    lambda x, gain, shift, upstream: (upstream * _normal(x)[0]).mean(0),
)
batch.bad("reduction", "shift", lambda x, gain, shift, upstream: upstream.mean(0))
batch.bad(
    "missing-path reduction", "shift", lambda x, gain, shift, upstream: upstream[0]
)
batch.bad(
    "missing-link",
    "shift",
    lambda x, gain, shift, upstream: torch.full_like(shift, len(x)),
)
batch.bad(
    "wrong-input",
    "shift",
    lambda x, gain, shift, upstream: (upstream * _normal(x)[0]).sum(0),
)
batch.bad(
    "wrong-rule wrong-input",
    "shift",
    lambda x, gain, shift, upstream: (upstream * gain).sum(0),
    "gain applied to the shift",
)
batch.odd("x", lambda **k: batch_grad(**k, mean=0.7))
batch.odd("gain", lambda x, gain, shift, upstream: (upstream * x.sign()).sum(0))
batch.two("missing-path sign", "x", lambda **k: batch_grad(**k, mean=0, var=-1))
batch.two(
    "missing-path missing-link", "x", lambda **k: batch_grad(**k, mean=0, scale=False)
)


# --- a convolution ---------------------------------------------------------------------------------
def smooth(x, k):
    return F.conv1d(x[None, None], k[None, None])[0, 0]


def _draw_signal(d):
    n = d.sizes(1)[0]
    return {"x": d.normal(n + 4), "k": d.normal(3)}


conv = Exercise("convolution", smooth, _draw_signal)


def conv_dk(x, k, upstream):
    m = len(upstream)
    return torch.stack([(upstream * x[j : j + m]).sum() for j in range(len(k))])


def conv_dx(x, k, upstream):
    dx = torch.zeros_like(x)
    for i in range(len(upstream)):
        dx[i : i + len(k)] += upstream[i] * k
    return dx


def conv_overwrites(x, k, upstream):
    dx = torch.zeros_like(x)
    for i in range(len(upstream)):
        dx[i : i + len(k)] = upstream[i] * k
    return dx


conv.ok("k", conv_dk)
conv.ok(
    "x",
    conv_dx,
    lambda x, k, upstream: F.conv_transpose1d(upstream[None, None], k[None, None])[
        0, 0
    ],
)
conv.bad("transposed", "k", lambda x, k, upstream: conv_dk(x, k, upstream).flip(0))
conv.bad("transposed", "x", lambda x, k, upstream: conv_dx(x, k.flip(0), upstream))
conv.bad(
    "reduction", "k", lambda x, k, upstream: conv_dk(x, k, upstream) / len(upstream)
)
conv.bad(
    "missing-link",
    "k",
    lambda x, k, upstream: conv_dk(x, k, torch.ones_like(upstream)),
    "upstream ignored",
)
conv.bad(
    "missing-link", "x", lambda x, k, upstream: conv_dx(x, torch.ones_like(k), upstream)
)
conv.bad("sign", "x", lambda x, k, upstream: -conv_dx(x, k, upstream))
conv.odd("x", conv_overwrites)
conv.odd("k", lambda x, k, upstream: conv_dk(x.abs(), k, upstream))
conv.two(
    "sign missing-link",
    "k",
    lambda x, k, upstream: -conv_dk(x, k, torch.ones_like(upstream)),
)


# --- a running sum ------------------------------------------------------------------------------------
def discounted(r, g):
    total = torch.zeros((), dtype=r.dtype)
    values = []
    for t in range(len(r) - 1, -1, -1):
        total = r[t] + g * total
        values.append(total)
    return torch.stack(values[::-1])


returns = Exercise(
    "returns",
    discounted,
    lambda d: {"r": d.normal(d.sizes(1)[0]), "g": d.uniform(low=0.5, high=0.9)},
)


def returns_dr(r, g, upstream):
    return torch.stack(
        [sum(upstream[s] * g ** (t - s) for s in range(t + 1)) for t in range(len(r))]
    )


def returns_dg(r, g, upstream, power=lambda k, g: k * g ** (k - 1)):
    total = torch.zeros((), dtype=r.dtype)
    for s in range(len(r)):
        for t in range(s + 1, len(r)):
            total = total + upstream[s] * r[t] * power(t - s, g)
    return total


returns.ok("r", returns_dr)
returns.ok("g", returns_dg)
returns.bad(
    "missing-path", "r", lambda r, g, upstream: upstream.clone(), "no time before"
)
returns.bad(
    "missing-link", "r", lambda r, g, upstream: upstream.cumsum(0), "not discounted"
)
returns.bad(
    "transposed",
    "r",
    lambda r, g, upstream: torch.stack(
        [
            sum(upstream[s] * g ** (s - t) for s in range(t, len(r)))
            for t in range(len(r))
        ]
    ),
    "forward for backward",
)
returns.bad(
    "missing-link",
    "r",
    lambda r, g, upstream: returns_dr(r, g, torch.ones_like(r)),
    "upstream ignored",
)
returns.bad("sign", "g", lambda r, g, upstream: -returns_dg(r, g, upstream))
returns.bad(
    "missing-path",
    "g",
    lambda r, g, upstream: sum(
        upstream[s] * discounted(r, g)[s + 1] for s in range(len(r) - 1)
    ),
    "the totals taken for constants",
)
returns.odd("r", lambda r, g, upstream: returns_dr(r, 0.9 * g, upstream))
returns.odd(
    "g",
    lambda r, g, upstream: returns_dg(r, g, upstream, lambda k, g: (k + 0.5) * g**k),
)
returns.two("sign missing-path", "r", lambda r, g, upstream: -upstream)


# --- a bilinear form in a batch ----------------------------------------------------------------------
def bilinear_loss(A, X, Z):
    s = torch.einsum("ni,ij,nj->n", X, A, Z)
    return F.softplus(-s).mean()


def _draw_bilinear(d):
    n, i, j = d.sizes(3)
    return {"A": d.normal(i, j), "X": d.normal(n, i), "Z": d.normal(n, j)}


bilinear = Exercise("bilinear", bilinear_loss, _draw_bilinear)


def _slope(A, X, Z):
    return -sigmoid(-((X @ A) * Z).sum(1)) / len(X)


bilinear.ok(
    "A",
    lambda A, X, Z: (X * _slope(A, X, Z)[:, None]).T @ Z,
    lambda A, X, Z: torch.einsum("n,ni,nj->ij", _slope(A, X, Z), X, Z),
)
bilinear.ok("X", lambda A, X, Z: _slope(A, X, Z)[:, None] * (Z @ A.T))
bilinear.bad(
    "sign", "A", lambda A, X, Z: torch.einsum("n,ni,nj->ij", -_slope(A, X, Z), X, Z)
)
bilinear.bad(
    "reduction",
    "A",
    lambda A, X, Z: torch.einsum("n,ni,nj->ij", _slope(A, X, Z) * len(X), X, Z),
)
bilinear.bad(
    "missing-link",
    "A",
    lambda A, X, Z: -X.T @ Z / len(X),
    "softplus not differentiated",
)
bilinear.bad(
    "sign wrong-point wrong-rule missing-link",
    "A",
    lambda A, X, Z: (
        -torch.einsum("n,ni,nj->ij", sigmoid(((X @ A) * Z).sum(1)) / len(X), X, Z)
    ),
    "σ(s) for σ(-s)",
)
bilinear.bad(
    "missing-link",
    "X",
    lambda A, X, Z: _slope(A, X, Z)[:, None] * A.sum(1).expand(X.shape),
    "Z forgotten",
)
bilinear.bad(
    "missing-link",
    "A",
    lambda A, X, Z: (
        (X * _slope(A, X, Z)[:, None]).sum(0)[:, None].expand(A.shape).clone()
    ),
    "Z forgotten",
)
bilinear.bad(
    "missing-path reduction",
    "A",
    lambda A, X, Z: _slope(A, X, Z)[0] * torch.outer(X[0], Z[0]),
)
bilinear.odd("A", lambda A, X, Z: X.T @ Z * A)
bilinear.odd("X", lambda A, X, Z: _slope(A, X, Z)[:, None] * (Z @ A.T).abs())
bilinear.two("reduction missing-link", "A", lambda A, X, Z: -X.T @ Z)


# --- distillation ------------------------------------------------------------------------------------------
def distil(z, q, T):
    logp = F.log_softmax(z / T, dim=1)
    return F.kl_div(logp, q, reduction="batchmean") * T**2


def _draw_distil(d):
    n, k = d.sizes(2)
    return {
        "z": d.normal(n, k),
        "q": torch.softmax(d.normal(n, k), 1),
        "T": d.uniform(low=1.3, high=2.7),
    }


distil_ = Exercise("distillation", distil, _draw_distil)
distil_.ok("z", lambda z, q, T: (torch.softmax(z / T, 1) - q) / len(z) * T)
distil_.bad(
    "missing-link", "z", lambda z, q, T: (torch.softmax(z / T, 1) - q) / len(z) * T**2
)
distil_.bad(
    "missing-link factor",
    "z",
    lambda z, q, T: (torch.softmax(z / T, 1) - q) / len(z) / T,
    "T² forgotten",
)
distil_.bad("missing-path", "z", lambda z, q, T: torch.softmax(z / T, 1) / len(z) * T)
distil_.bad("missing-path", "z", lambda z, q, T: -q / len(z) * T)
distil_.bad("sign", "z", lambda z, q, T: (q - torch.softmax(z / T, 1)) / len(z) * T)
distil_.bad("reduction", "z", lambda z, q, T: (torch.softmax(z / T, 1) - q) * T)
distil_.bad(
    "reduction", "z", lambda z, q, T: (torch.softmax(z / T, 1) - q) / z.numel() * T
)
distil_.bad(
    "wrong-point",
    "z",
    lambda z, q, T: (torch.softmax(z, 1) - q) / len(z) * T,
    "temperature forgotten in the value",
)
distil_.bad(
    "wrong-point",
    "z",
    lambda z, q, T: (F.log_softmax(z / T, 1) - q) / len(z) * T,
    "log p for p",
)
distil_.odd("z", lambda z, q, T: (torch.softmax(z / T, 1) - q) ** 2 / len(z))
distil_.odd("z", lambda z, q, T: (torch.softmax(z / T, 1) - q**T) / len(z) * T)
distil_.two("missing-path reduction", "z", lambda z, q, T: torch.softmax(z / T, 1) * T)


# --- a small network with fused calls ---------------------------------------------------------------------
def gelu_net(x, W, b, v):
    h = F.gelu(F.linear(x, W, b))
    return (h @ v).sum()


def _draw_gelu(d):
    n, k, m = d.sizes(3)
    return {
        "x": d.normal(n, k),
        "W": d.normal(m, k),
        "b": d.normal(m),
        "v": d.normal(m),
    }


gelu = Exercise("gelu network", gelu_net, _draw_gelu)


def _phi(z):
    return 0.5 * (1 + torch.erf(z / math.sqrt(2)))


def _density(z):
    return torch.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def _dz(x, W, b, v, slope=lambda z: _phi(z) + z * _density(z)):
    return slope(x @ W.T + b) * v


gelu.ok("W", lambda x, W, b, v: _dz(x, W, b, v).T @ x)
gelu.ok("b", lambda x, W, b, v: _dz(x, W, b, v).sum(0))
gelu.bad("missing-path", "W", lambda x, W, b, v: _dz(x, W, b, v, _phi).T @ x)
gelu.bad(
    "missing-path",
    "W",
    lambda x, W, b, v: _dz(x, W, b, v, lambda z: z * _density(z)).T @ x,
)
gelu.bad("wrong-rule", "W", lambda x, W, b, v: _dz(x, W, b, v, _density).T @ x, "f'g'")
gelu.bad(
    "missing-link",
    "W",
    lambda x, W, b, v: _dz(x, W, b, v, lambda z: torch.ones_like(z)).T @ x,
)
gelu.bad(
    "factor",
    "W",
    lambda x, W, b, v: (
        _dz(x, W, b, v, lambda z: _phi(z) + z * _density(z) * math.sqrt(2 * math.pi)).T
        @ x
    ),
    "1/√(2π) lost",
)
gelu.bad(
    "sign",
    "W",
    lambda x, W, b, v: _dz(x, W, b, v, lambda z: _phi(z) - z * _density(z)).T @ x,
)
gelu.bad(
    "missing-link",
    "b",
    lambda x, W, b, v: _dz(x, W, b, torch.ones_like(v)).sum(0),
    "v forgotten",
)
gelu.bad("reduction", "b", lambda x, W, b, v: _dz(x, W, b, v).mean(0))
gelu.bad(
    "wrong-point missing-path",
    "b",
    lambda x, W, b, v: _dz(x, W, 0 * b, v).sum(0),
    "forward without b",
)
gelu.bad("wrong-rule", "b", lambda x, W, b, v: (_dz(x, W, b, v) * b).sum(0), "times b")
gelu.odd("W", lambda x, W, b, v: _dz(x, W, b, v, lambda z: (z > 0) * 1.0).T @ x)
gelu.odd("b", lambda x, W, b, v: _dz(x, W, b, v, lambda z: sigmoid(1.702 * z)).sum(0))
gelu.two(
    "missing-path reduction", "b", lambda x, W, b, v: _dz(x, W, b, v, _phi).mean(0)
)


# --- matrix factorisation -----------------------------------------------------------------------------------
def factorise(U, V, R, M):
    E = M * (R - U @ V.T)
    return (E**2).sum() / M.sum() + 0.05 * (U**2).sum()


def _draw_factors(d):
    n, m, k = d.sizes(3)
    mask = d.labels(n, m)
    mask[0] = 1
    return {"U": d.normal(n, k), "V": d.normal(m, k), "R": d.normal(n, m), "M": mask}


factors = Exercise("factorisation", factorise, _draw_factors)


def _rest(U, V, R, M):
    return M * (R - U @ V.T) / M.sum()


factors.ok("U", lambda U, V, R, M: -2 * _rest(U, V, R, M) @ V + 0.1 * U)
factors.ok("V", lambda U, V, R, M: -2 * _rest(U, V, R, M).T @ U)
factors.bad("sign", "U", lambda U, V, R, M: 2 * _rest(U, V, R, M) @ V + 0.1 * U)
factors.bad("missing-path", "U", lambda U, V, R, M: -2 * _rest(U, V, R, M) @ V)
factors.bad("factor", "U", lambda U, V, R, M: -2 * _rest(U, V, R, M) @ V + 0.05 * U)
factors.bad("factor", "U", lambda U, V, R, M: -_rest(U, V, R, M) @ V + 0.1 * U)
factors.bad("factor", "V", lambda U, V, R, M: -_rest(U, V, R, M).T @ U)
factors.bad(
    "missing-link reduction",
    "V",
    lambda U, V, R, M: -2 * _rest(U, V, R, M).T @ U * M.sum(),
)
factors.bad(
    "wrong-point missing-link",
    "V",
    lambda U, V, R, M: -2 * (R - U @ V.T).T @ U / M.sum(),
    "mask forgotten",
)
factors.bad(
    "missing-path wrong-point",
    "V",
    lambda U, V, R, M: -2 * (M * R / M.sum()).T @ U,
    "prediction forgotten",
)
factors.bad(
    "wrong-rule",
    "V",
    lambda U, V, R, M: -2 * _rest(U, V, R, M).T @ U + 0.1 * V,
    "decays V too",
) if False else None
factors.odd("U", lambda U, V, R, M: -2 * _rest(U, V, R, M) @ V + 0.13 * U)
factors.bad(
    "wrong-rule",
    "V",
    lambda U, V, R, M: -2 * (M * (R - U @ V.T) ** 2).T @ U / M.sum(),
    "2E² for 2E",
)
factors.two("sign missing-path", "U", lambda U, V, R, M: 2 * _rest(U, V, R, M) @ V)


# --- a kernel ---------------------------------------------------------------------------------------------------
def kernel(X, c, g):
    d2 = ((X - c) ** 2).sum(1)
    return torch.exp(-g * d2).sum()


def _draw_kernel(d):
    n, k = d.sizes(2)
    return {"X": d.normal(n, k), "c": d.normal(k), "g": d.uniform(low=0.05, high=0.2)}


rbf = Exercise("kernel", kernel, _draw_kernel)


def _k(X, c, g):
    return torch.exp(-g * ((X - c) ** 2).sum(1))


rbf.ok("c", lambda X, c, g: (2 * g * _k(X, c, g)[:, None] * (X - c)).sum(0))
rbf.ok("g", lambda X, c, g: -(((X - c) ** 2).sum(1) * _k(X, c, g)).sum())
rbf.bad("sign", "c", lambda X, c, g: (-2 * g * _k(X, c, g)[:, None] * (X - c)).sum(0))
rbf.bad("factor", "c", lambda X, c, g: (g * _k(X, c, g)[:, None] * (X - c)).sum(0))
rbf.bad(
    "missing-link",
    "c",
    lambda X, c, g: (2 * _k(X, c, g)[:, None] * (X - c)).sum(0),
    "g forgotten",
)
rbf.bad("missing-link", "c", lambda X, c, g: (2 * g * (X - c)).sum(0), "exp forgotten")
rbf.bad(
    "reduction", "c", lambda X, c, g: (2 * g * _k(X, c, g)[:, None] * (X - c)).mean(0)
)
rbf.bad(
    "missing-link wrong-rule",
    "c",
    lambda X, c, g: (g * _k(X, c, g)[:, None] * torch.ones_like(X)).sum(0),
    "square not differentiated",
)
rbf.bad("missing-link", "g", lambda X, c, g: -_k(X, c, g).sum(), "d² forgotten")
rbf.bad("sign", "g", lambda X, c, g: (((X - c) ** 2).sum(1) * _k(X, c, g)).sum())
rbf.bad(
    "wrong-rule",
    "c",
    lambda X, c, g: (2 * g * _k(X, c, g)[:, None] * (X - c) ** 2).sum(0),
)
rbf.bad(
    "missing-path reduction",
    "g",
    lambda X, c, g: -(((X - c) ** 2).sum(1) * _k(X, c, g))[-1],
    "last row only",
)
rbf.bad(
    "sign",
    "c",
    lambda X, c, g: (
        2 * g * torch.exp(g * ((X - c) ** 2).sum(1))[:, None] * (X - c)
    ).sum(0),
    "exp(+)",
)
rbf.odd("c", lambda X, c, g: (2 * g * _k(X, c, g)[:, None] * (X.abs() - c)).sum(0))
rbf.odd("g", lambda X, c, g: -((X - c).abs().sum(1) * _k(X, c, g)).sum() * 0.7)
rbf.two(
    "sign missing-link",
    "c",
    lambda X, c, g: (-2 * _k(X, c, g)[:, None] * (X - c)).sum(0),
)


# --- growth -------------------------------------------------------------------------------------------------------
def grow(r, x):
    for _ in range(4):
        x = x + r * x * (1 - x)
    return x


growth = Exercise(
    "growth",
    grow,
    lambda d: {"r": d.uniform(low=0.2, high=0.7), "x": d.uniform(low=0.1, high=0.4)},
)


def growth_dr(r, x, keep=1.0, last=False, cross=lambda x: 1 - 2 * x):
    d = torch.zeros_like(r)
    for _ in range(4):
        d = keep * d * (1 + r * cross(x)) + x * (1 - x)
        x = x + r * x * (1 - x)
    return d


def growth_dx(r, x, slope=lambda r, x: 1 + r * (1 - 2 * x)):
    d = torch.ones_like(x)
    for _ in range(4):
        d = d * slope(r, x)
        x = x + r * x * (1 - x)
    return d


growth.ok("r", growth_dr)
growth.ok("x", growth_dx)
growth.bad(
    "missing-path", "r", lambda r, x: growth_dr(r, x, keep=0.0), "last turn only"
)
growth.bad(
    "missing-path", "x", lambda r, x: growth_dx(r, x, lambda r, x: r * (1 - 2 * x))
)
growth.bad(
    "missing-path", "x", lambda r, x: growth_dx(r, x, lambda r, x: 1 + r * (1 - x))
)
growth.bad("missing-path", "x", lambda r, x: growth_dx(r, x, lambda r, x: 1 - r * x))
growth.bad(
    "sign", "x", lambda r, x: growth_dx(r, x, lambda r, x: 1 + r * (1 - x) + r * x)
)
growth.bad(
    "missing-link", "x", lambda r, x: growth_dx(r, x, lambda r, x: 1 + (1 - 2 * x))
)
growth.bad("value-returned", "x", lambda r, x: grow(r, x))
growth.odd("x", lambda r, x: growth_dx(r, x, lambda r, x: 1 + r * (1 - 2.2 * x)))
growth.odd("r", lambda r, x: growth_dr(r, x, keep=0.9))
growth.two(
    "missing-path missing-link", "x", lambda r, x: growth_dx(r, x, lambda r, x: 1 - x)
)


# --- a robust loss ---------------------------------------------------------------------------------------------------
def robust(w, x, y):
    return F.huber_loss(w * x, y, delta=0.8)


def _draw_robust(d):
    n = d.sizes(1)[0]
    return {"w": d.normal(), "x": d.normal(n + 3), "y": 2 * d.normal(n + 3)}


huber = Exercise("huber", robust, _draw_robust)
huber.ok("w", lambda w, x, y: ((w * x - y).clamp(-0.8, 0.8) * x).mean())
huber.bad(
    "wrong-rule missing-link",
    "w",
    lambda w, x, y: ((w * x - y) * x).mean(),
    "never clipped",
)
huber.bad(
    "missing-path",
    "w",
    lambda w, x, y: (
        torch.where((w * x - y).abs() < 0.8, w * x - y, 0 * x).mul(x).mean()
    ),
)
huber.bad(
    "missing-path",
    "w",
    lambda w, x, y: (
        torch.where((w * x - y).abs() < 0.8, 0 * x, 0.8 * (w * x - y).sign())
        .mul(x)
        .mean()
    ),
)
huber.bad(
    "missing-link factor",
    "w",
    lambda w, x, y: (
        torch.where((w * x - y).abs() < 0.8, w * x - y, (w * x - y).sign())
        .mul(x)
        .mean()
    ),
    "delta forgotten",
)
huber.bad(
    "wrong-input missing-link",
    "w",
    lambda w, x, y: (w * x - y).clamp(-0.8, 0.8).mean(),
    "x forgotten",
)
huber.bad("reduction", "w", lambda w, x, y: ((w * x - y).clamp(-0.8, 0.8) * x).sum())
huber.bad("sign", "w", lambda w, x, y: ((y - w * x).clamp(-0.8, 0.8) * x).mean())
huber.bad(
    "missing-link",
    "w",
    lambda w, x, y: (
        torch.where((w * x - y).abs() < 0.8, w * x - y, 0.8 + 0 * x).mul(x).mean()
    ),
    "sign of the error forgotten",
)
huber.odd("w", lambda w, x, y: (tanh(w * x - y) * x).mean())
huber.two(
    "wrong-rule reduction missing-link", "w", lambda w, x, y: ((w * x - y) * x).sum()
)


# --- a maximum ------------------------------------------------------------------------------------------------------------
def pooled(W, X):
    h = torch.relu(X @ W)
    return h.max(dim=0).values.sum()


def _draw_pool(d):
    n, k, m = d.sizes(3)
    return {"W": d.normal(k, m), "X": d.normal(n, k)}


pool = Exercise("max pooling", pooled, _draw_pool)


def _winners(W, X):
    h = torch.relu(X @ W)
    return F.one_hot(h.argmax(0), len(X)).T.double(), (h > 0).double()


pool.ok("W", lambda W, X: X.T @ (_winners(W, X)[0] * _winners(W, X)[1]))
pool.bad("wrong-rule", "W", lambda W, X: X.T @ _winners(W, X)[1], "all rows pass")
pool.bad("wrong-rule", "W", lambda W, X: X.T @ _winners(W, X)[1] / len(X), "as a mean")
pool.bad(
    "missing-link",
    "W",
    lambda W, X: (
        X.sum(1)[:, None].T
        @ (_winners(W, X)[0] * _winners(W, X)[1])
        * torch.ones(W.shape[0], 1, dtype=W.dtype)
    ),
) if False else None
pool.bad(
    "wrong-rule",
    "W",
    lambda W, X: X.T @ (_winners(W, X)[0] * torch.relu(X @ W)),
    "times the value",
)
pool.bad("sign", "W", lambda W, X: -X.T @ (_winners(W, X)[0] * _winners(W, X)[1]))
pool.bad(
    "missing-link",
    "W",
    lambda W, X: (_winners(W, X)[0] * _winners(W, X)[1]).sum(0).expand(W.shape).clone(),
    "X forgotten",
)
pool.odd("W", lambda W, X: X.T @ torch.softmax(X @ W, 0))
pool.odd("W", lambda W, X: X.T @ (_winners(W, X)[0] * tanh(X @ W)) * 1.1)


# --- powers and roots ---------------------------------------------------------------------------------------------------------
def root_mean_square(x):
    return torch.sqrt((x**2).mean())


rms = Exercise(
    "root mean square", root_mean_square, lambda d: {"x": d.normal(d.sizes(1)[0])}
)


def _rms(x):
    return torch.sqrt((x * x).mean())


rms.ok(
    "x",
    lambda x: x / (len(x) * _rms(x)),
    lambda x: torch.stack([v / (len(x) * _rms(x)) for v in x]),
)
rms.bad("missing-link", "x", lambda x: 2 * x / len(x), "root not differentiated")
rms.bad(
    "missing-link",
    "x",
    lambda x: 1 / (2 * _rms(x)) / len(x) + 0 * x,
    "square not differentiated",
)
rms.bad("factor", "x", lambda x: 2 * x / (len(x) * _rms(x)))
rms.bad("reduction", "x", lambda x: x / _rms(x))
rms.bad(
    "wrong-rule", "x", lambda x: x * _rms(x) / len(x), "½·root for 1/(2·root)"
) if False else None
rms.bad("wrong-rule", "x", lambda x: 2 * x / len(x) * _rms(x), "root' = root")
rms.bad(
    "wrong-rule wrong-point",
    "x",
    lambda x: x / (len(x) * _rms(x) ** 2),
    "1/(2m) for 1/(2√m)",
)
rms.bad("wrong-rule", "x", lambda x: x**2 / (2 * len(x) * _rms(x)), "x² for 2x")
rms.bad(
    "wrong-point wrong-rule",
    "x",
    lambda x: 1 / (2 * torch.sqrt(x.abs())) * 2 * x / len(x),
    "root taken entry by entry",
) if False else None
rms.odd("x", lambda x: x.abs() / len(x) + 0.1)
rms.odd("x", lambda x: (x - x.mean()) / (len(x) * _rms(x)))
rms.two("missing-link reduction", "x", lambda x: 2 * x)

EXERCISES = [
    gru,
    logits,
    gauss,
    angle,
    batch,
    conv,
    returns,
    bilinear,
    distil_,
    gelu,
    factors,
    rbf,
    growth,
    huber,
    pool,
    rms,
]
