"""A twelfth set, by an author who had not seen the search."""

import torch
import torch.nn.functional as F

from tests.diagnose.bank.exercise import Exercise

exp, log, cos, sin, tanh = torch.exp, torch.log, torch.cos, torch.sin, torch.tanh
sigmoid, softmax, relu, outer = torch.sigmoid, torch.softmax, torch.relu, torch.outer
einsum, where, stack = torch.einsum, torch.where, torch.stack
LN2 = 0.6931471805599453


def _numbers(*names, low=0.3, high=1.8):
    """Give a draw of positive numbers."""
    return lambda d: {name: d.uniform(low=low, high=high) for name in names}


def _by_row(answer, *alike):
    """Let an answer work on each row alone; `alike` is the same for all rows."""

    def each(**k):
        rows = next(len(v) for name, v in k.items() if name not in alike)
        cut = (
            {n: v if n in alike else v[i : i + 1] for n, v in k.items()}
            for i in range(rows)
        )
        return torch.cat([answer(**one) for one in cut])

    return each


# --- scalar: a logarithm to base 2 ------------------------------------------------------
def bits(x, k):
    return torch.log2(1 + k * x**2)


base = Exercise("logarithm to base 2", bits, _numbers("x", "k"))
base.ok(
    "x",
    lambda x, k: 2 * k * x / ((1 + k * x**2) * LN2),
    lambda x, k: (k * x + x * k) / (LN2 + LN2 * k * x * x),
)
base.ok("k", lambda x, k: x**2 / (LN2 * (1 + k * x**2)))
base.bad("factor wrong-rule", "x", lambda x, k: 2 * k * x / (1 + k * x**2), "ln 2 lost")
base.bad(
    "factor wrong-rule",
    "x",
    lambda x, k: LN2 * 2 * k * x / (1 + k * x**2),
    "times ln 2",
)
base.bad("missing-link", "x", lambda x, k: 1 / ((1 + k * x**2) * LN2), "inner lost")
base.bad("wrong-point", "x", lambda x, k: 2 * k * x / (x * LN2), "1/x, not 1/u")
base.bad(
    "wrong-rule", "x", lambda x, k: (1 + 2 * k * x) / ((1 + k * x**2) * LN2), "1 kept"
)
base.bad(
    "missing-link factor", "x", lambda x, k: 2 * x / ((1 + k * x**2) * LN2), "k lost"
)
base.bad("missing-link", "x", lambda x, k: 2 * k * x, "logarithm left out")
base.bad("wrong-input", "k", lambda x, k: 2 * k * x / ((1 + k * x**2) * LN2), "for x")
base.bad(
    "wrong-point",
    "k",
    lambda x, k: x**2 / (LN2 * k * x**2),
    "1 lost from the denominator",
)
base.two("missing-link factor", "x", lambda x, k: 1 / (1 + k * x**2), "inner and ln 2")
base.odd("x", lambda x, k: 2 * k * x / ((1.3 + k * x**2) * 0.8))


# --- scalar: base and exponent both move ------------------------------------------------
def tower(x, a):
    return x ** (a * x)


power = Exercise("power of itself", tower, _numbers("x", "a", low=0.4, high=2.0))
power.ok(
    "x",
    lambda x, a: x ** (a * x) * (a * log(x) + a),
    lambda x, a: a * x * x ** (a * x - 1) + x ** (a * x) * log(x) * a,
    lambda x, a: exp(a * x * log(x)) * a * (1 + log(x)),
)
power.ok("a", lambda x, a: x ** (a * x) * x * log(x))
power.bad(
    "missing-path wrong-rule", "x", lambda x, a: a * x * x ** (a * x - 1), "power rule"
)
power.bad(
    "missing-path", "x", lambda x, a: x ** (a * x) * log(x) * a, "exponential rule"
)
power.bad(
    "missing-link wrong-rule", "x", lambda x, a: a * log(x) + a, "the power itself lost"
)
power.bad("sign", "x", lambda x, a: x ** (a * x) * (a * log(x) - a))
power.bad("value-returned", "x", lambda x, a: x ** (a * x))
power.bad("missing-link", "a", lambda x, a: x ** (a * x) * log(x), "inner x lost")
power.bad("wrong-rule", "a", lambda x, a: x ** (a * x) * x, "a^u differentiates to a^u")
power.bad(
    "missing-link factor",
    "x",
    lambda x, a: a * x * x ** (a * x - 1) + x ** (a * x) * log(x),
    "inner a lost",
)
power.bad(
    "wrong-rule factor",
    "a",
    lambda x, a: x ** (a * x) * x * torch.log10(x),
    "log to base 10",
)
power.two("missing-path sign", "x", lambda x, a: -a * x ** (a * x) * log(x))
power.odd("x", lambda x, a: x ** (a * x) * (0.7 * a * log(x) + 1.4))


# --- scalar: a quotient, cubed ----------------------------------------------------------
def contrast(x, c):
    return ((x - c) / (x + c)) ** 3


quotient = Exercise("cubed contrast", contrast, _numbers("x", "c"))
quotient.ok(
    "x",
    lambda x, c: 3 * ((x - c) / (x + c)) ** 2 * 2 * c / (x + c) ** 2,
    lambda x, c: 6 * c * (x - c) ** 2 / (x + c) ** 4,
    lambda x, c: 3 * (x - c) ** 2 / (x + c) ** 3 - 3 * (x - c) ** 3 / (x + c) ** 4,
)
quotient.ok("c", lambda x, c: -6 * x * (x - c) ** 2 / (x + c) ** 4)
quotient.bad(
    "sign wrong-rule",
    "x",
    lambda x, c: 3 * ((x - c) / (x + c)) ** 2 * ((x + c) + (x - c)) / (x + c) ** 2,
    "plus in the quotient rule",
)
quotient.bad(
    "wrong-rule missing-link",
    "x",
    lambda x, c: 3 * ((x - c) / (x + c)) ** 2 * 2 * c / (x + c),
    "denominator not squared",
)
quotient.bad(
    "sign",
    "x",
    lambda x, c: 3 * ((x - c) / (x + c)) ** 2 * ((x - c) - (x + c)) / (x + c) ** 2,
    "quotient rule the wrong way round",
)
quotient.bad(
    "missing-link wrong-rule",
    "x",
    lambda x, c: 3 * ((x - c) / (x + c)) ** 2,
    "quotient's derivative lost",
)
quotient.bad(
    "missing-link", "x", lambda x, c: 2 * c / (x + c) ** 2, "the cube left out"
)
quotient.bad(
    "factor",
    "x",
    lambda x, c: ((x - c) / (x + c)) ** 2 * 2 * c / (x + c) ** 2,
    "3 lost",
)
quotient.bad(
    "wrong-rule",
    "x",
    lambda x, c: 3 * ((x - c) / (x + c)) ** 3 * 2 * c / (x + c) ** 2,
    "exponent kept",
)
quotient.bad(
    "missing-path",
    "x",
    lambda x, c: 3 * ((x - c) / (x + c)) ** 2 / (x + c),
    "numerator only",
)
quotient.bad(
    "sign", "c", lambda x, c: 6 * x * (x - c) ** 2 / (x + c) ** 4, "-c taken as c"
)
quotient.bad(
    "wrong-input", "c", lambda x, c: 6 * c * (x - c) ** 2 / (x + c) ** 4, "for x"
)
quotient.two(
    "factor sign",
    "x",
    lambda x, c: -(((x - c) / (x + c)) ** 2) * 2 * c / (x + c) ** 2,
)


# --- scalar: a swing that dies away -----------------------------------------------------
def ring(x, w):
    return cos(w * x) ** 2 * exp(-x / 2)


def _ring(x, w, u=None, v=None, first=1.0, second=1.0):
    u = -2 * w * cos(w * x) * sin(w * x) if u is None else u
    v = -exp(-x / 2) / 2 if v is None else v
    return first * u * exp(-x / 2) + second * cos(w * x) ** 2 * v


fading = Exercise("fading square of a cosine", ring, _numbers("x", "w"))
fading.ok(
    "x",
    _ring,
    lambda x, w: -exp(-x / 2) * (w * sin(2 * w * x) + cos(w * x) ** 2 / 2),
)
fading.ok("w", lambda x, w: -x * sin(2 * w * x) * exp(-x / 2))
fading.bad(
    "sign wrong-rule",
    "x",
    lambda x, w: _ring(x, w, u=2 * w * cos(w * x) * sin(w * x)),
    "cos' = sin",
)
fading.bad(
    "wrong-rule",
    "x",
    lambda x, w: w * cos(w * x) * sin(w * x) * exp(-x / 2),
    "u'v'",
)
fading.bad("missing-path", "x", lambda x, w: _ring(x, w, second=0), "exp a constant")
fading.bad(
    "missing-link factor",
    "x",
    lambda x, w: _ring(x, w, u=-2 * cos(w * x) * sin(w * x)),
    "inner w lost",
)
fading.bad(
    "missing-link factor",
    "x",
    lambda x, w: _ring(x, w, v=exp(-x / 2)),
    "inner -1/2 lost",
)
fading.bad(
    "factor wrong-rule",
    "x",
    lambda x, w: _ring(x, w, u=-w * cos(w * x) * sin(w * x)),
    "2 of the square lost",
)
fading.bad(
    "wrong-rule",
    "x",
    lambda x, w: _ring(x, w, u=w * sin(w * x) ** 2),
    "square of the derivative",
)
fading.bad(
    "missing-link",
    "x",
    lambda x, w: _ring(x, w, u=2 * cos(w * x)),
    "the cosine's derivative lost",
)
fading.two(
    "wrong-rule missing-link factor",
    "x",
    lambda x, w: _ring(x, w, v=-x / 2 * exp(-x / 2 - 1)),
    "power rule",
)
fading.bad(
    "missing-link", "w", lambda x, w: -sin(2 * w * x) * exp(-x / 2), "inner x lost"
)
fading.two(
    "missing-path sign",
    "x",
    lambda x, w: 2 * w * cos(w * x) * sin(w * x) * exp(-x / 2),
)


# --- scalar: an enzyme that its substrate inhibits --------------------------------------
def uptake(s, V, K, I):
    return V * s / (K + s + s**2 / I)


def _below(s, V, K, I):
    return K + s + s**2 / I


enzyme = Exercise("inhibited enzyme", uptake, _numbers("s", "V", "K", "I"))
enzyme.ok(
    "s",
    lambda s, V, K, I: V * (K - s**2 / I) / _below(s, V, K, I) ** 2,
    lambda s, V, K, I: (
        (V * _below(s, V, K, I) - V * s * (1 + 2 * s / I)) / _below(s, V, K, I) ** 2
    ),
)
enzyme.ok("I", lambda s, V, K, I: V * s**3 / I**2 / _below(s, V, K, I) ** 2)
enzyme.ok("K", lambda s, V, K, I: -V * s / _below(s, V, K, I) ** 2)
enzyme.bad(
    "missing-path",
    "s",
    lambda s, V, K, I: V / _below(s, V, K, I),
    "denominator constant",
)
enzyme.bad(
    "factor wrong-rule",
    "s",
    lambda s, V, K, I: (
        (V * _below(s, V, K, I) - V * s * (1 + s / I)) / _below(s, V, K, I) ** 2
    ),
    "2 of the square lost",
)
enzyme.bad(
    "sign",
    "s",
    lambda s, V, K, I: (
        (V * _below(s, V, K, I) + V * s * (1 + 2 * s / I)) / _below(s, V, K, I) ** 2
    ),
    "plus in the quotient rule",
)
enzyme.bad("wrong-rule", "s", lambda s, V, K, I: V / (1 + 2 * s / I), "u' over v'")
enzyme.bad(
    "missing-path",
    "s",
    lambda s, V, K, I: (
        (V * _below(s, V, K, I) - V * s * (2 * s / I)) / _below(s, V, K, I) ** 2
    ),
    "s in the denominator taken as constant",
)
enzyme.bad("sign", "I", lambda s, V, K, I: -V * s**3 / I**2 / _below(s, V, K, I) ** 2)
enzyme.bad(
    "wrong-rule",
    "I",
    lambda s, V, K, I: V * s**3 / I / _below(s, V, K, I) ** 2,
    "(1/I)' = -1/I",
)
enzyme.bad(
    "missing-link wrong-input",
    "I",
    lambda s, V, K, I: -V * s / _below(s, V, K, I) ** 2,
    "stops at the denominator",
)
enzyme.bad(
    "wrong-rule missing-link",
    "K",
    lambda s, V, K, I: -V * s / _below(s, V, K, I),
    "denominator not squared",
)
enzyme.bad(
    "missing-link", "K", lambda s, V, K, I: -1 / _below(s, V, K, I) ** 2, "Vs lost"
)
enzyme.two("sign missing-link", "K", lambda s, V, K, I: 1 / _below(s, V, K, I) ** 2)
enzyme.odd("s", lambda s, V, K, I: V * (1.2 * K - 0.7 * s) / _below(s, V, K, I) ** 2)


# --- rows over their root mean square, with a gain --------------------------------------
def rms_rows(X, g):
    return X / torch.sqrt((X**2).mean(1, keepdim=True) + 1e-6) * g


def _draw_rms(d):
    n, k = d.sizes(2)
    return {"X": d.normal(n, k), "g": d.normal(k)}


def _r(X):
    return torch.sqrt((X**2).mean(1, keepdim=True) + 1e-6)


def _rms(X, g, upstream, first=1.0, second=1.0, power=3, count=None, gain=True):
    v = upstream * g if gain else upstream
    count = X.shape[1] if count is None else count
    inner = (v * X).sum(1, keepdim=True) / count
    return first * v / _r(X) - second * X * inner / _r(X) ** power


rms = Exercise("rows over their root mean square", rms_rows, _draw_rms)
rms.ok(
    "X",
    _rms,
    _by_row(_rms, "g"),
    lambda X, g, upstream: stack(
        [
            ((torch.eye(len(g)).double() - outer(x, x) / len(g) / r**2) / r) @ (g * u)
            for x, u, r in zip(X, upstream, _r(X), strict=True)
        ]
    ),
)
rms.ok("g", lambda X, g, upstream: (upstream * X / _r(X)).sum(0))
rms.bad("missing-path", "X", lambda **k: _rms(**k, second=0), "root a constant")
rms.bad("missing-path", "X", lambda **k: _rms(**k, first=0), "root only")
rms.bad("reduction", "X", lambda **k: _rms(**k, count=1), "sum for mean")
rms.bad("factor wrong-rule", "X", lambda **k: _rms(**k, second=2), "root's half lost")
rms.bad("sign", "X", lambda **k: _rms(**k, second=-1))
rms.bad("missing-link", "X", lambda **k: _rms(**k, gain=False), "gain lost")
rms.bad("wrong-rule", "X", lambda **k: _rms(**k, power=2), "1/r not squared enough")
rms.bad("missing-link", "g", lambda X, g, upstream: (upstream * X).sum(0), "1/r lost")
rms.bad("reduction", "g", lambda X, g, upstream: (upstream * X / _r(X)).mean(0))
rms.bad(
    "shape reduction", "g", lambda X, g, upstream: upstream * X / _r(X), "not summed"
)
rms.bad("missing-link", "g", lambda X, g, upstream: (X / _r(X)).sum(0), "no upstream")
rms.two("sign reduction", "X", lambda **k: _rms(**k, second=-1, count=1))
rms.odd("X", lambda **k: _rms(**k, first=1.2, second=0.55))


# --- columns standardised, by n - 1 -----------------------------------------------------
def standardise(X):
    return (X - X.mean(0)) / X.std(0)


def _draw_columns(d):
    n, k = d.sizes(2)
    return {"X": d.normal(n, k)}


def _score(X, upstream, mean=1.0, std=1.0, less=1, root=1, axis=0, raw=False):
    s = X.std(axis, keepdim=True)
    z = (X if raw else X - X.mean(axis, keepdim=True)) / s
    n = X.shape[axis]
    out = upstream - mean * upstream.mean(axis, keepdim=True)
    out = out - std * z * (upstream * z).sum(axis, keepdim=True) / (n - less)
    return out / s**root


def _score_loop(X, upstream):
    n = len(X)
    out = torch.zeros_like(X)
    for c in range(X.shape[1]):
        x, u = X[:, c], upstream[:, c]
        d, s = x - x.sum() / n, x.std()
        ds = -(u * d).sum() / s**2
        dd = u / s + ds * d / (n - 1) / s
        out[:, c] = dd - dd.sum() / n
    return out


def _biased(X, upstream):
    z = (X - X.mean(0)) / X.std(0, correction=0)
    return (upstream - upstream.mean(0) - z * (upstream * z).mean(0)) / X.std(
        0, correction=0
    )


columns = Exercise("columns standardised", standardise, _draw_columns)
columns.ok("X", _score, _score_loop)
columns.bad("missing-path", "X", lambda **k: _score(**k, mean=0, std=0), "constants")
columns.bad("missing-path", "X", lambda **k: _score(**k, mean=0), "mean constant")
columns.bad("missing-path", "X", lambda **k: _score(**k, std=0), "deviation constant")
columns.bad("reduction", "X", lambda **k: _score(**k, less=0), "n for n - 1")
columns.bad("reduction factor", "X", _biased, "n for n - 1 in all")
columns.bad("sign", "X", lambda **k: _score(**k, std=-1))
columns.bad(
    "factor wrong-rule", "X", lambda **k: _score(**k, std=2), "root's half lost"
)
columns.bad("reduction", "X", lambda **k: _score(**k, axis=1), "along rows")
columns.bad("missing-link wrong-rule", "X", lambda **k: _score(**k, root=0), "1/s lost")
columns.two("missing-path reduction", "X", lambda **k: _score(**k, mean=0, less=0))
columns.odd("X", lambda **k: _score(**k, mean=0.4, std=1.3))


# --- cosine of each row and one query ---------------------------------------------------
def match(A, q):
    return (A @ q) / (A.norm(dim=1) * q.norm())


def _draw_match(d):
    n, k = d.sizes(2)
    return {"A": d.normal(n, k), "q": d.normal(k)}


def _match_q(A, q, upstream, second=1.0, power=2, rows=True, fold=torch.sum):
    a = A.norm(dim=1, keepdim=True) if rows else torch.ones_like(A[:, :1])
    c = match(A, q)[:, None]
    each = A / (a * q.norm()) - second * c * q / q.norm() ** power
    return fold(upstream[:, None] * each, 0)


def _match_A(A, q, upstream, first=1.0, second=1.0, other=False):
    a = A.norm(dim=1, keepdim=True)
    c = match(A, q)[:, None]
    each = first * q / (a * q.norm())
    each = each - second * c * A / (q.norm() ** 2 if other else a**2)
    return upstream[:, None] * each


similar = Exercise("cosine to a query", match, _draw_match)
similar.ok(
    "q",
    _match_q,
    lambda A, q, upstream: sum(
        u * (a / a.norm() - (a @ q) * q / (a.norm() * (q @ q))) / q.norm()
        for a, u in zip(A, upstream, strict=True)
    ),
)
similar.ok("A", _match_A, _by_row(_match_A, "q"))
similar.bad("missing-path", "q", lambda **k: _match_q(**k, second=0), "norm a constant")
similar.bad("sign", "q", lambda **k: _match_q(**k, second=-1))
similar.bad("wrong-rule missing-link", "q", lambda **k: _match_q(**k, power=1))
similar.bad(
    "missing-link reduction",
    "q",
    lambda A, q, upstream: _match_q(A, q, torch.ones(len(A)).double()),
    "no upstream",
)
similar.bad("reduction", "q", lambda **k: _match_q(**k, fold=torch.mean))
similar.bad("missing-path", "A", lambda **k: _match_A(**k, second=0), "norm a constant")
similar.bad("missing-path", "A", lambda **k: _match_A(**k, first=0), "norm only")
similar.bad("wrong-point", "A", lambda **k: _match_A(**k, other=True), "|q| for |a|")
similar.bad(
    "missing-link",
    "A",
    lambda A, q, upstream: upstream[:, None] * q.expand_as(A),
    "dot product only",
)
similar.two(
    "missing-path reduction", "q", lambda **k: _match_q(**k, second=0, fold=torch.mean)
)
similar.odd("A", lambda **k: _match_A(**k, first=0.9, second=1.35))


# --- gated linear unit ------------------------------------------------------------------
def glu(X, W, V):
    return (X @ W) * sigmoid(X @ V)


def _draw_glu(d):
    n, k = d.sizes(2)
    return {"X": d.normal(n, k), "W": d.normal(k, k) / 2, "V": d.normal(k, k) / 2}


def _gate_slope(X, V):
    return sigmoid(X @ V) * sigmoid(-(X @ V))


def _glu_X(X, W, V, upstream, first=1.0, second=1.0, turn=False):
    a = (upstream * sigmoid(X @ V)) @ W.T
    b = (upstream * (X @ W) * _gate_slope(X, V)) @ (V if turn else V.T)
    return first * a + second * b


gated = Exercise("gated linear unit", glu, _draw_glu)
gated.ok(
    "W",
    lambda X, W, V, upstream: X.T @ (upstream * sigmoid(X @ V)),
    lambda X, W, V, upstream: einsum("ni,nj,nj->ij", X, upstream, sigmoid(X @ V)),
)
gated.ok(
    "V",
    lambda X, W, V, upstream: X.T @ (upstream * (X @ W) * _gate_slope(X, V)),
    lambda X, W, V, upstream: sum(
        outer(x, u * (x @ W) * sigmoid(x @ V) * (1 - sigmoid(x @ V)))
        for x, u in zip(X, upstream, strict=True)
    ),
)
gated.ok("X", _glu_X, _by_row(_glu_X, "W", "V"))
gated.bad("missing-link", "W", lambda X, W, V, upstream: X.T @ upstream, "gate lost")
gated.bad(
    "missing-link",
    "V",
    lambda X, W, V, upstream: X.T @ (upstream * _gate_slope(X, V)),
    "value lost",
)
gated.bad(
    "wrong-rule",
    "V",
    lambda X, W, V, upstream: X.T @ (upstream * (X @ W) * sigmoid(X @ V)),
    "sigma' = sigma",
)
gated.bad(
    "wrong-point wrong-rule",
    "V",
    lambda X, W, V, upstream: X.T @ (upstream * (X @ W) * (X @ V) * (1 - X @ V)),
    "z(1 - z)",
)
gated.bad("missing-path", "X", lambda **k: _glu_X(**k, second=0), "gate a constant")
gated.bad("missing-path", "X", lambda **k: _glu_X(**k, first=0), "value a constant")
gated.bad("transposed", "X", lambda **k: _glu_X(**k, turn=True), "V for its transpose")
gated.bad(
    "wrong-input",
    "W",
    lambda X, W, V, upstream: X.T @ (upstream * (X @ W) * _gate_slope(X, V)),
    "for V",
)
gated.bad(
    "transposed",
    "W",
    lambda X, W, V, upstream: (upstream * sigmoid(X @ V)).T @ X,
    "operands exchanged",
)
gated.bad(
    "wrong-rule",
    "V",
    lambda X, W, V, upstream: X.T @ (upstream * (X @ W) * (1 - sigmoid(X @ V) ** 2)),
    "tanh's rule",
)
gated.two("missing-path transposed", "X", lambda **k: _glu_X(**k, first=0, turn=True))
gated.odd(
    "V",
    lambda X, W, V, upstream: (
        X.T @ (upstream * (X @ W + 0.4) * _gate_slope(X, 0.8 * V))
    ),
)


# --- SwiGLU, projected ------------------------------------------------------------------
def swiglu(X, W, V, O):
    a = X @ W
    return (a * sigmoid(a) * (X @ V)) @ O


def _draw_swiglu(d):
    n, k, m = d.sizes(3)
    return {
        "X": d.normal(n, k),
        "W": d.normal(k, m) / 2,
        "V": d.normal(k, m) / 2,
        "O": d.normal(m, m) / 2,
    }


def _swish(a, own=1.0, other=1.0):
    return own * sigmoid(a) + other * a * sigmoid(a) * (1 - sigmoid(a))


def _swiglu_W(X, W, V, O, upstream, slope=_swish, back=None, value=True):
    back = O.T if back is None else back
    return X.T @ ((upstream @ back) * (X @ V if value else 1) * slope(X @ W))


swish = Exercise("swish gate, projected", swiglu, _draw_swiglu)
swish.ok(
    "W",
    _swiglu_W,
    lambda X, W, V, O, upstream: einsum(
        "ni,nm,nm,mj,nj->im",
        X,
        X @ V,
        sigmoid(X @ W) * (1 + (X @ W) * (1 - sigmoid(X @ W))),
        O,
        upstream,
    ),
)
swish.ok("V", lambda X, W, V, O, upstream: X.T @ ((upstream @ O.T) * F.silu(X @ W)))
swish.ok("O", lambda X, W, V, O, upstream: (F.silu(X @ W) * (X @ V)).T @ upstream)
swish.bad(
    "missing-path wrong-rule",
    "W",
    lambda **k: _swiglu_W(**k, slope=sigmoid),
    "sigmoid a constant",
)
swish.bad(
    "missing-path",
    "W",
    lambda **k: _swiglu_W(**k, slope=lambda a: _swish(a, own=0)),
    "factor a a constant",
)
swish.bad(
    "wrong-rule",
    "W",
    lambda **k: _swiglu_W(**k, slope=lambda a: sigmoid(a) * (1 - sigmoid(a))),
    "the sigmoid's slope",
)
swish.bad(
    "transposed", "W", lambda **k: _swiglu_W(**k, back=k["O"]), "O for its transpose"
)
swish.bad("missing-link", "W", lambda **k: _swiglu_W(**k, value=False), "value lost")
swish.bad(
    "missing-link",
    "V",
    lambda X, W, V, O, upstream: X.T @ (upstream * F.silu(X @ W)),
    "O lost",
)
swish.bad(
    "missing-link wrong-point",
    "V",
    lambda X, W, V, O, upstream: X.T @ ((upstream @ O.T) * (X @ W)),
    "sigmoid lost",
)
swish.bad(
    "transposed",
    "O",
    lambda X, W, V, O, upstream: upstream.T @ (F.silu(X @ W) * (X @ V)),
    "operands exchanged",
)
swish.bad(
    "missing-link wrong-point",
    "O",
    lambda X, W, V, O, upstream: F.silu(X @ W).T @ upstream,
    "value lost",
)
swish.two(
    "missing-path missing-link wrong-rule",
    "W",
    lambda **k: _swiglu_W(**k, slope=sigmoid, value=False),
)
swish.odd(
    "W", lambda **k: _swiglu_W(**k, slope=lambda a: _swish(a, own=1.3, other=0.6))
)


# --- a recurrent cell with one gate -----------------------------------------------------
def cell(x, h, A, B, C, D):
    z = sigmoid(A @ x + B @ h)
    return (1 - z) * h + z * tanh(C @ x + D @ h)


def _draw_cell(d):
    k, m = d.sizes(2)
    return {
        "x": d.normal(k),
        "h": d.normal(m),
        "A": d.normal(m, k) / 2,
        "B": d.normal(m, m) / 2,
        "C": d.normal(m, k) / 2,
        "D": d.normal(m, m) / 2,
    }


def _zn(x, h, A, B, C, D, **_):
    return sigmoid(A @ x + B @ h), tanh(C @ x + D @ h)


def _cell_h(keep=1.0, gate=1.0, new=1.0, turn=1.0, turned=False, at_z=False, **k):
    z, n = _zn(**k)
    u, h, B, D = k["upstream"], k["h"], k["B"], k["D"]
    point = k["C"] @ k["x"] + D @ h if at_z else n
    out = keep * u * (1 - z) + gate * (B if turned else B.T) @ (
        turn * u * (n - h) * z * (1 - z)
    )
    return out + new * D.T @ (u * z * (1 - point**2))


def _cell_B(diff=None, turned=False, slope=True, **k):
    z, n = _zn(**k)
    diff = n - k["h"] if diff is None else diff(n, k["h"])
    d = k["upstream"] * diff * (z * (1 - z) if slope else 1)
    return outer(k["h"], d) if turned else outer(d, k["h"])


def _cell_D(gate=True, slope=None, **k):
    z, n = _zn(**k)
    d = k["upstream"] * (z if gate else 1) * (1 - n**2 if slope is None else slope(n))
    return outer(d, k["h"])


def _cell_jacobian(x, h, A, B, C, D, upstream):
    z, n = _zn(x, h, A, B, C, D)
    J = torch.diag(1 - z) + (z * (1 - z) * (n - h))[:, None] * B
    return upstream @ (J + (z * (1 - n * n))[:, None] * D)


grown = Exercise("cell with one gate", cell, _draw_cell)
grown.ok("h", _cell_h, _cell_jacobian)
grown.ok("B", _cell_B)
grown.ok("D", _cell_D)
grown.bad("missing-path", "h", lambda **k: _cell_h(**k, gate=0), "gate a constant")
grown.bad("missing-path", "h", lambda **k: _cell_h(**k, new=0), "candidate a constant")
grown.bad("missing-path", "h", lambda **k: _cell_h(**k, keep=0), "direct path lost")
grown.bad("sign", "h", lambda **k: _cell_h(**k, turn=-1), "h - n")
grown.bad("transposed", "h", lambda **k: _cell_h(**k, turned=True), "B not transposed")
grown.bad(
    "wrong-point wrong-rule", "h", lambda **k: _cell_h(**k, at_z=True), "tanh' = 1 - z²"
)
grown.bad("transposed", "B", lambda **k: _cell_B(**k, turned=True))
grown.bad(
    "missing-path", "B", lambda **k: _cell_B(**k, diff=lambda n, h: n), "1 - z constant"
)
grown.bad("missing-link", "B", lambda **k: _cell_B(**k, slope=False), "sigma' lost")
grown.bad(
    "sign",
    "B",
    lambda **k: _cell_B(**k, diff=lambda n, h: n + h),
    "minus of 1 - z lost",
)
grown.bad("missing-link", "D", lambda **k: _cell_D(**k, gate=False), "gate lost")
grown.bad(
    "wrong-rule", "D", lambda **k: _cell_D(**k, slope=lambda n: n * (1 - n)), "sigma's"
)
grown.bad("wrong-input", "D", _cell_B, "for B")
grown.two("missing-path transposed", "h", lambda **k: _cell_h(**k, new=0, turned=True))
grown.odd("h", lambda **k: _cell_h(**k, keep=0.85, gate=1.4, new=1.1))


# --- Rayleigh quotient ------------------------------------------------------------------
def rayleigh(x, A):
    return x @ A @ x / (x @ x)


def _draw_rayleigh(d):
    (n,) = d.sizes(1)
    return {"x": d.normal(n), "A": d.normal(n, n)}


def _rayleigh(x, A, M=None, low=2.0):
    M = A + A.T if M is None else M
    return (M @ x - low * rayleigh(x, A) * x) / (x @ x)


ratio = Exercise("Rayleigh quotient", rayleigh, _draw_rayleigh)
ratio.ok(
    "x",
    _rayleigh,
    lambda x, A: ((A @ x + x @ A) * (x @ x) - (x @ A @ x) * 2 * x) / (x @ x) ** 2,
    lambda x, A: stack(
        [
            sum((A[i, j] + A[j, i]) * x[j] for j in range(len(x))) / (x**2).sum()
            - 2 * x[i] * (x @ A @ x) / (x**2).sum() ** 2
            for i in range(len(x))
        ]
    ),
)
ratio.ok("A", lambda x, A: outer(x, x) / (x @ x))
ratio.bad(
    "transposed wrong-rule", "x", lambda x, A: _rayleigh(x, A, 2 * A), "symmetric"
)
ratio.bad("missing-path", "x", lambda x, A: _rayleigh(x, A, A), "one x of the form")
ratio.bad("missing-path", "x", lambda x, A: _rayleigh(x, A, low=0), "x·x constant")
ratio.bad("sign", "x", lambda x, A: _rayleigh(x, A, low=-2), "plus")
ratio.bad("factor missing-path", "x", lambda x, A: _rayleigh(x, A, low=1), "2 lost")
ratio.bad("wrong-rule", "x", lambda x, A: (A + A.T) @ x / (2 * x), "u' over v'")
ratio.bad("missing-link", "A", lambda x, A: outer(x, x), "x·x lost")
ratio.bad("wrong-rule missing-path", "A", lambda x, A: torch.diag(x**2) / (x @ x))
ratio.bad(
    "wrong-rule missing-link",
    "x",
    lambda x, A: (A + A.T) @ x * (x @ x) - (x @ A @ x) * 2 * x,
    "not divided by the square",
)
ratio.two("missing-path sign", "x", lambda x, A: _rayleigh(x, A, A, low=-2))
ratio.odd("x", lambda x, A: _rayleigh(x, A, A + 0.6 * A.T, low=1.7))


# --- a leaky unit over three steps ------------------------------------------------------
def leaky(h, X, a, w):
    for t in range(3):
        h = (1 - a) * h + a * tanh(w * h + X[t])
    return h


def _draw_leaky(d):
    (n,) = d.sizes(1)
    return {
        "h": d.normal(n),
        "X": d.normal(3, n),
        "a": d.uniform(low=0.2, high=0.8),
        "w": d.uniform(),
    }


def _leaky(
    h, X, a, w, upstream, leak=True, back=True, times=True, slope=True, most=3, at="h"
):
    """Give what reaches the parameters w and a at each step, the last step first."""
    states = [h]
    for t in range(3):
        states.append((1 - a) * states[-1] + a * tanh(w * states[-1] + X[t]))
    g, for_w, for_a = upstream, [], []
    for t in (2, 1, 0)[:most]:
        n = tanh(w * states[t] + X[t])
        d = g * a * (1 - n**2 if slope else 1)
        for_w.append(d * {"h": states[t], "new": states[t + 1], "n": n}[at])
        for_a.append((g, n, states[t]))
        g = (g * (1 - a) if leak else 0) + (d * (w if times else 1) if back else 0)
    return for_w, for_a


def _leaky_w(**k):
    return sum(part.sum() for part in _leaky(**k)[0])


def _leaky_a(first=1.0, second=1.0, **k):
    return sum((g * (first * n - second * h)).sum() for g, n, h in _leaky(**k)[1])


def _leaky_forward(h, X, a, w, upstream):
    slope = torch.zeros_like(h)
    for x in X:
        n = tanh(w * h + x)
        slope = (1 - a) * slope + a * (1 - n * n) * (h + w * slope)
        h = h + a * (n - h)
    return upstream @ slope


leak = Exercise("leaky unit, three steps", leaky, _draw_leaky)
leak.ok("w", _leaky_w, _leaky_forward)
leak.ok("a", _leaky_a)
leak.bad("missing-path", "w", lambda **k: _leaky_w(**k, most=1), "last step only")
leak.bad("missing-path", "w", lambda **k: _leaky_w(**k, leak=False), "leak path lost")
leak.bad("missing-path", "w", lambda **k: _leaky_w(**k, back=False), "not through tanh")
leak.bad(
    "missing-link", "w", lambda **k: _leaky_w(**k, times=False), "w lost on the way"
)
leak.bad("missing-link", "w", lambda **k: _leaky_w(**k, slope=False), "tanh' lost")
leak.bad(
    "wrong-point", "w", lambda **k: _leaky_w(**k, at="new"), "state after the step"
)
leak.bad("missing-path", "a", lambda **k: _leaky_a(**k, second=0), "1 - a constant")
leak.bad("sign", "a", lambda **k: _leaky_a(**k, second=-1), "minus of 1 - a lost")
leak.bad("missing-path", "a", lambda **k: _leaky_a(**k, most=1), "last step only")
leak.bad("wrong-input", "a", _leaky_w, "for w")
leak.bad(
    "shape reduction", "w", lambda **k: sum(_leaky(**k)[0]), "not summed over units"
)
leak.two(
    "missing-path missing-link", "w", lambda **k: _leaky_w(**k, most=1, slope=False)
)
leak.odd(
    "w",
    lambda **k: sum(
        c * p.sum() for c, p in zip((1.1, 0.8, 1.4), _leaky(**k)[0], strict=True)
    ),
)


# --- partial likelihood: a sum over those still at risk ---------------------------------
def risk(x, e):
    still = exp(x).flip(0).cumsum(0).flip(0)
    return -(e * (x - log(still))).sum() / e.sum()


def _draw_risk(d):
    (n,) = d.sizes(1)
    e = d.labels(n)
    e[0] = 1
    e[-2] = 1
    return {"x": d.normal(n), "e": e}


def _still(x):
    return exp(x).flip(0).cumsum(0).flip(0)


def _risk(x, e, own=1.0, other=1.0, mean=True):
    out = -own * e + other * exp(x) * (e / _still(x)).cumsum(0)
    return out / e.sum() if mean else out


def _risk_loop(x, e):
    g = torch.zeros_like(x)
    for i in range(len(x)):
        if e[i]:
            g[i] -= 1
            g[i:] += softmax(x[i:], 0)
    return g / e.sum()


hazard = Exercise("partial likelihood", risk, _draw_risk)
hazard.ok("x", _risk, _risk_loop)
hazard.bad("missing-path", "x", lambda **k: _risk(**k, other=0), "logarithm constant")
hazard.bad("missing-path", "x", lambda **k: _risk(**k, own=0), "own term lost")
hazard.bad("sign", "x", lambda **k: -_risk(**k), "minus of the loss lost")
hazard.bad("sign", "x", lambda **k: _risk(**k, other=-1))
hazard.bad(
    "reduction missing-link", "x", lambda **k: _risk(**k, mean=False), "sum for mean"
)
hazard.bad(
    "missing-path missing-link wrong-rule reduction",
    "x",
    lambda x, e: -(e - e * exp(x) / _still(x)) / e.sum(),
    "own time only",
)
hazard.bad(
    "reduction", "x", lambda x, e: _risk(x, e, mean=False) / len(x), "by n, not events"
)
hazard.bad(
    "missing-link", "x", lambda x, e: (-e + exp(x) * e.cumsum(0)) / e.sum(), "1/u lost"
)
hazard.bad(
    "reduction wrong-point wrong-rule",
    "x",
    lambda x, e: -(e - softmax(x, 0) * e.sum()) / e.sum(),
    "all at risk at all times",
)
hazard.two("missing-path reduction", "x", lambda **k: _risk(**k, own=0, mean=False))
hazard.odd("x", lambda **k: _risk(**k, own=1.15, other=0.7))


# --- pairs of words from one table ------------------------------------------------------
def pairs(E, i, j, t):
    return F.softplus(-t * (E[i] * E[j]).sum(1)).mean()


def _draw_pairs(d):
    rows, k, n = d.sizes(3)
    i, j = d.whole(rows, n), d.whole(rows, n)
    i[-1], j[-1] = i[0], (i[0] + 1) % rows
    return {"E": d.normal(rows, k) / 2, "i": i, "j": j, "t": 2 * d.labels(n) - 1}


def _pull(E, i, j, t, label=True, mean=True, turned=False):
    s = (E[i] * E[j]).sum(1)
    c = -(t if label else 1) * sigmoid(t * s if turned else -t * s)
    return c[:, None] / (len(i) if mean else 1)


def _add(E, rows, what):
    return torch.zeros_like(E).index_add(0, rows, what)


def _pairs(E, i, j, t, first=1.0, second=1.0, **how):
    c = _pull(E, i, j, t, **how)
    return first * _add(E, i, c * E[j]) + second * _add(E, j, c * E[i])


def _pairs_loop(E, i, j, t, overwrite=False):
    g = torch.zeros_like(E)
    for c, a, b in zip(_pull(E, i, j, t), i, j, strict=True):
        g[a] = (0 if overwrite else g[a]) + c * E[b]
        g[b] = (0 if overwrite else g[b]) + c * E[a]
    return g


words = Exercise("pairs from one table", pairs, _draw_pairs)
words.ok(
    "E",
    _pairs,
    _pairs_loop,
    lambda E, i, j, t: (
        F.one_hot(i, len(E)).double().T @ (_pull(E, i, j, t) * E[j])
        + F.one_hot(j, len(E)).double().T @ (_pull(E, i, j, t) * E[i])
    ),
)
words.bad("missing-path", "E", lambda **k: _pairs(**k, second=0), "first word only")
words.bad("missing-path", "E", lambda **k: _pairs(**k, first=0), "second word only")
words.bad(
    "missing-path reduction",
    "E",
    lambda **k: _pairs_loop(**k, overwrite=True),
    "rows overwritten",
)
words.bad("sign", "E", lambda **k: -_pairs(**k))
words.bad("missing-link sign", "E", lambda **k: _pairs(**k, label=False), "label lost")
words.bad("reduction", "E", lambda **k: _pairs(**k, mean=False), "sum for mean")
words.bad(
    "wrong-point sign missing-link",
    "E",
    lambda **k: _pairs(**k, turned=True),
    "sigma(ts)",
)
words.bad(
    "wrong-point wrong-rule",
    "E",
    lambda E, i, j, t: (
        _add(E, i, _pull(E, i, j, t) * E[i]) + _add(E, j, _pull(E, i, j, t) * E[j])
    ),
    "each word its own row",
)
words.bad(
    "reduction", "E", lambda E, i, j, t: _pairs(E, i, j, t) / E.shape[1], "by N·K"
)
words.two("missing-path reduction", "E", lambda **k: _pairs(**k, second=0, mean=False))
words.odd("E", lambda **k: _pairs(**k, first=0.65, second=1.2))


# --- messages along the edges of a graph ------------------------------------------------
def messages(X, W, a, b):
    return tanh(torch.zeros_like(X).index_add(0, b, X[a]) @ W)


def _draw_messages(d):
    n, k, m = d.sizes(3)
    a, b = d.whole(n, m + n), d.whole(n, m + n)
    return {"X": d.normal(n, k), "W": d.normal(k, k) / 3, "a": a, "b": b}


def _pooled(X, a, b):
    return torch.zeros_like(X).index_add(0, b, X[a])


def _back(X, W, a, b, upstream, slope=True):
    return upstream * (1 - tanh(_pooled(X, a, b) @ W) ** 2 if slope else 1)


def _messages_X(turn=False, slope=True, swap=False, **k):
    g = _back(**k, slope=slope) @ (k["W"] if turn else k["W"].T)
    a, b = (k["b"], k["a"]) if swap else (k["a"], k["b"])
    return torch.zeros_like(g).index_add(0, a, g[b])


def _messages_loop(overwrite=False, **k):
    g = _back(**k) @ k["W"].T
    out = torch.zeros_like(g)
    for s, t in zip(k["a"], k["b"], strict=True):
        out[s] = g[t] if overwrite else out[s] + g[t]
    return out


graph = Exercise("messages along edges", messages, _draw_messages)
graph.ok("X", _messages_X, _messages_loop)
graph.ok(
    "W",
    lambda **k: _pooled(k["X"], k["a"], k["b"]).T @ _back(**k),
    lambda **k: sum(
        outer(k["X"][s], _back(**k)[t]) for s, t in zip(k["a"], k["b"], strict=True)
    ),
)
graph.bad(
    "transposed wrong-rule reduction wrong-point",
    "X",
    lambda **k: _messages_X(**k, swap=True),
    "along the edges, not against",
)
graph.bad("missing-link", "X", lambda **k: _back(**k) @ k["W"].T, "edges lost")
graph.bad("missing-link", "X", lambda **k: _messages_X(**k, slope=False), "tanh' lost")
graph.bad("transposed", "X", lambda **k: _messages_X(**k, turn=True))
graph.bad(
    "missing-path reduction",
    "X",
    lambda **k: _messages_loop(**k, overwrite=True),
    "overwritten",
)
graph.bad(
    "wrong-point missing-link",
    "W",
    lambda **k: k["X"].T @ _back(**k),
    "X, not its sums",
)
graph.bad(
    "missing-link",
    "W",
    lambda **k: _pooled(k["X"], k["a"], k["b"]).T @ k["upstream"],
    "tanh' lost",
)
graph.bad("transposed", "W", lambda **k: _back(**k).T @ _pooled(k["X"], k["a"], k["b"]))
graph.bad(
    "reduction",
    "W",
    lambda **k: _pooled(k["X"], k["a"], k["b"]).T @ _back(**k) / len(k["X"]),
    "mean over nodes",
)
graph.two(
    "transposed missing-link", "X", lambda **k: _messages_X(**k, turn=True, slope=False)
)


# --- additive attention -----------------------------------------------------------------
def look(H, W, s, v):
    return softmax(tanh(H @ W + s) @ v, 0) @ H


def _draw_look(d):
    n, k = d.sizes(2)
    return {
        "H": d.normal(n, k),
        "W": d.normal(k, k) / 2,
        "s": d.normal(k),
        "v": d.normal(k),
    }


def _parts(H, W, s, v, upstream, how="full"):
    t = tanh(H @ W + s)
    p, r = softmax(t @ v, 0), H @ upstream
    de = {
        "full": p * (r - p @ r),
        "plus": p * (r + p @ r),
        "own": p * r,
        "alone": p * (1 - p) * r,
        "bare": r,
    }[how]
    return t, p, de


def _look_v(how="full", at="t", **k):
    t, _, de = _parts(**k, how=how)
    return (t if at == "t" else k["H"] @ k["W"] + k["s"]).T @ de


def _look_pre(times=True, slope="t", **k):
    t, _, de = _parts(**k)
    z = k["H"] @ k["W"] + k["s"]
    local = {"t": 1 - t**2, "z": 1 - z**2, "none": torch.ones_like(t)}[slope]
    return de[:, None] * (k["v"] if times else 1) * local


def _look_H(value=1.0, score=1.0, turn=False, **k):
    _, p, _ = _parts(**k)
    W = k["W"] if turn else k["W"].T
    return value * outer(p, k["upstream"]) + score * _look_pre(**k) @ W


additive = Exercise("additive attention", look, _draw_look)
additive.ok(
    "v",
    _look_v,
    lambda H, W, s, v, upstream: (
        tanh(H @ W + s).T
        @ (
            torch.diag(softmax(tanh(H @ W + s) @ v, 0))
            - outer(softmax(tanh(H @ W + s) @ v, 0), softmax(tanh(H @ W + s) @ v, 0))
        )
        @ H
        @ upstream
    ),
)
additive.ok("s", lambda **k: _look_pre(**k).sum(0))
additive.ok("W", lambda **k: k["H"].T @ _look_pre(**k))
additive.ok("H", _look_H)
additive.bad(
    "wrong-rule missing-path", "v", lambda **k: _look_v(**k, how="alone"), "p(1 - p)"
)
additive.bad(
    "missing-path wrong-rule", "v", lambda **k: _look_v(**k, how="own"), "softmax' = p"
)
additive.bad("missing-link", "v", lambda **k: _look_v(**k, how="bare"), "softmax lost")
additive.bad("sign", "v", lambda **k: _look_v(**k, how="plus"))
additive.bad(
    "wrong-point missing-link", "v", lambda **k: _look_v(**k, at="z"), "tanh lost"
)
additive.bad("missing-path", "H", lambda **k: _look_H(**k, score=0), "weights constant")
additive.bad("missing-path", "H", lambda **k: _look_H(**k, value=0), "values constant")
additive.bad("transposed", "H", lambda **k: _look_H(**k, turn=True))
additive.bad(
    "missing-link missing-path zero",
    "s",
    lambda **k: _look_pre(**k, slope="none").sum(0),
    "tanh' lost, which leaves nothing",
)
additive.bad(
    "missing-link", "s", lambda **k: _look_pre(**k, times=False).sum(0), "v lost"
)
additive.bad(
    "wrong-point wrong-rule",
    "s",
    lambda **k: _look_pre(**k, slope="z").sum(0),
    "1 - z²",
)
additive.bad("reduction", "s", lambda **k: _look_pre(**k).mean(0))
additive.bad("transposed", "W", lambda **k: _look_pre(**k).T @ k["H"])
additive.two(
    "missing-link wrong-rule missing-path",
    "s",
    lambda **k: (_parts(**k, how="own")[2][:, None] * k["v"]).sum(0),
)
additive.odd("H", lambda **k: _look_H(**k, value=0.75, score=1.3))


# --- regression with log cosh -----------------------------------------------------------
def soft_error(w, b, X, y):
    return log(torch.cosh(X @ w + b - y)).mean()


def _draw_soft(d):
    n, k = d.sizes(2)
    return {
        "w": d.normal(k),
        "b": d.normal(),
        "X": d.normal(n, k) / 2,
        "y": d.normal(n),
    }


def _left(w, b, X, y):
    return X @ w + b - y


robust = Exercise("log cosh regression", soft_error, _draw_soft)
robust.ok(
    "w",
    lambda **k: k["X"].T @ tanh(_left(**k)) / len(k["y"]),
    lambda **k: (
        sum(x * tanh(r) for x, r in zip(k["X"], _left(**k), strict=True)) / len(k["y"])
    ),
    lambda **k: (
        k["X"].T @ (torch.sinh(_left(**k)) / torch.cosh(_left(**k))) / len(k["y"])
    ),
)
robust.ok("b", lambda **k: tanh(_left(**k)).mean())
robust.bad(
    "wrong-rule",
    "w",
    lambda **k: k["X"].T @ (1 - tanh(_left(**k)) ** 2) / len(k["y"]),
    "differentiated once more",
)
robust.bad(
    "wrong-rule wrong-point missing-link",
    "w",
    lambda **k: k["X"].T @ _left(**k) / len(k["y"]),
    "as for the half square",
)
robust.bad(
    "missing-link",
    "w",
    lambda **k: k["X"].T @ torch.sinh(_left(**k)) / len(k["y"]),
    "log lost",
)
robust.bad(
    "missing-link",
    "w",
    lambda **k: k["X"].T @ (1 / torch.cosh(_left(**k))) / len(k["y"]),
    "cosh' lost",
)
robust.bad("reduction", "w", lambda **k: k["X"].T @ tanh(_left(**k)), "sum for mean")
robust.bad("sign", "w", lambda **k: -k["X"].T @ tanh(_left(**k)) / len(k["y"]), "y - p")
robust.bad(
    "wrong-point missing-path",
    "w",
    lambda **k: k["X"].T @ tanh(k["X"] @ k["w"] + k["b"]) / len(k["y"]),
    "y lost",
)
robust.bad(
    "sign wrong-rule",
    "w",
    lambda **k: -k["X"].T @ tanh(_left(**k)) / len(k["y"]),
    "cosh' = -sinh, as cos",
)
robust.bad("reduction", "b", lambda **k: tanh(_left(**k)).sum(), "sum for mean")
robust.bad("missing-path", "b", lambda **k: tanh(_left(**k))[-1] / len(k["y"]), "last")
robust.bad(
    "missing-link", "w", lambda **k: tanh(_left(**k)).mean().expand_as(k["w"]), "X lost"
)
robust.two("sign reduction", "w", lambda **k: -k["X"].T @ tanh(_left(**k)))
robust.odd("w", lambda **k: k["X"].T @ tanh(0.6 * _left(**k) + 0.2) / len(k["y"]))


# --- support vector regression ----------------------------------------------------------
def tube(w, X, y, c):
    return relu((X @ w - y).abs() - 0.3).mean() + c / 2 * (w**2).sum()


def _draw_tube(d):
    n, k = d.sizes(2)
    return {"w": d.normal(k), "X": d.normal(n, k), "y": d.normal(n), "c": d.uniform()}


def _tube(w, X, y, c, sign=True, out="abs", mean=True, reg=1.0):
    r = X @ w - y
    on = {"abs": r.abs() > 0.3, "all": torch.ones_like(r) > 0, "up": r > 0.3}[out]
    d = on * (r.sign() if sign else 1)
    return X.T @ d.double() / (len(y) if mean else 1) + reg * c * w


svr = Exercise("tube regression", tube, _draw_tube)
svr.ok(
    "w",
    _tube,
    lambda w, X, y, c: (
        sum(
            (x if x @ w > t else -x) if abs(x @ w - t) > 0.3 else 0 * x
            for x, t in zip(X, y, strict=True)
        )
        / len(y)
        + c * w
    ),
)
svr.ok("c", lambda w, X, y, c: w @ w / 2)
svr.bad("missing-link", "w", lambda **k: _tube(**k, sign=False), "|r|' lost")
svr.bad("missing-link wrong-rule", "w", lambda **k: _tube(**k, out="all"), "relu' lost")
svr.bad("missing-path", "w", lambda **k: _tube(**k, reg=0), "penalty lost")
svr.bad("factor wrong-rule", "w", lambda **k: _tube(**k, reg=2), "2 too much")
svr.bad("reduction", "w", lambda **k: _tube(**k, mean=False), "sum for mean")
svr.bad(
    "reduction",
    "w",
    lambda **k: _tube(**k, mean=False) / len(k["y"]),
    "penalty averaged too",
)
svr.bad("sign", "w", lambda **k: _tube(**k, reg=-1), "penalty subtracted")
svr.bad(
    "missing-path wrong-point wrong-rule",
    "w",
    lambda **k: _tube(**k, out="up"),
    "above only",
)
svr.bad("missing-path", "w", lambda **k: k["c"] * k["w"], "data term lost")
svr.bad("factor wrong-rule", "c", lambda w, X, y, c: w @ w, "½ lost")
svr.bad(
    "wrong-rule wrong-point missing-link", "c", lambda w, X, y, c: w.norm() / 2, "norm"
)
svr.two("missing-path reduction", "w", lambda **k: _tube(**k, reg=0, mean=False))
svr.odd("w", lambda **k: _tube(**k, reg=1.45) * 0.9 + 0.1)


# --- distance of a code from the standard normal ----------------------------------------
def code(m, v):
    return -0.5 * (1 + v - m**2 - exp(v)).sum(1).mean()


def _draw_code(d):
    n, k = d.sizes(2)
    return {"m": d.normal(n, k), "v": d.normal(n, k)}


latent = Exercise("code and standard normal", code, _draw_code)
latent.ok(
    "v",
    lambda m, v: (exp(v) - 1) / 2 / len(v),
    lambda m, v: -0.5 * (torch.ones_like(v) - v.exp()) / v.shape[0],
)
latent.ok("m", lambda m, v: m / len(m))
latent.bad("missing-path", "v", lambda m, v: exp(v) / 2 / len(v), "linear term lost")
latent.bad("sign", "v", lambda m, v: (1 - exp(v)) / 2 / len(v), "minus lost")
latent.bad("factor", "v", lambda m, v: (exp(v) - 1) / len(v), "½ lost")
latent.bad("reduction", "v", lambda m, v: (exp(v) - 1) / 2, "sum for mean")
latent.bad("reduction", "v", lambda m, v: (exp(v) - 1) / 2 / v.numel(), "by N·K")
latent.bad("sign", "v", lambda m, v: (exp(v) + 1) / 2 / len(v), "plus")
latent.bad("wrong-rule", "v", lambda m, v: (exp(v) - v) / 2 / len(v), "v left as it is")
latent.bad(
    "wrong-rule", "v", lambda m, v: (v * exp(v - 1) - 1) / 2 / len(v), "power rule"
)
latent.bad(
    "missing-path", "v", lambda m, v: -0.5 / len(v) * torch.ones_like(v), "exp lost"
)
latent.bad("factor", "m", lambda m, v: 2 * m / len(m), "½ lost")
latent.bad("sign", "m", lambda m, v: -m / len(m))
latent.two("missing-path sign", "v", lambda m, v: -exp(v) / 2 / len(v))
latent.two("factor reduction", "m", lambda m, v: 2 * m)


# --- overlap of two masks ---------------------------------------------------------------
def overlap_loss(z, t):
    p = sigmoid(z)
    return 1 - 2 * (p * t).sum() / (p.sum() + t.sum())


def _draw_masks(d):
    n, k = d.sizes(2)
    return {"z": d.normal(n, k), "t": d.labels(n, k)}


def _dice(z, t, low=1.0, power=2, slope="p", top=True, two=2.0):
    p = sigmoid(z)
    below, both = p.sum() + t.sum(), (p * t).sum()
    q = sigmoid(p) if slope == "at p" else p
    local = {"none": 1, "p": p}.get(slope, q * (1 - q))
    local = p * (1 - p) if slope == "p" else local
    return -two * ((t if top else 1) / below - low * both / below**power) * local


masks = Exercise("overlap of masks", overlap_loss, _draw_masks)
masks.ok(
    "z",
    _dice,
    lambda z, t: (
        2
        * ((sigmoid(z) * t).sum() - t * (sigmoid(z).sum() + t.sum()))
        / (sigmoid(z).sum() + t.sum()) ** 2
        * sigmoid(z)
        * sigmoid(-z)
    ),
)
masks.bad("missing-path", "z", lambda **k: _dice(**k, low=0), "denominator constant")
masks.bad("sign", "z", lambda **k: _dice(**k, low=-1), "plus in the quotient rule")
masks.bad("sign", "z", lambda **k: -_dice(**k), "1 - lost")
masks.bad("missing-link", "z", lambda **k: _dice(**k, slope="none"), "sigma' lost")
masks.bad("wrong-point", "z", lambda **k: _dice(**k, slope="at p"), "sigma' at p")
masks.bad("factor", "z", lambda **k: _dice(**k, two=1), "2 lost")
masks.bad(
    "missing-link wrong-rule", "z", lambda **k: _dice(**k, power=1), "not squared"
)
masks.bad("missing-link wrong-rule", "z", lambda **k: _dice(**k, top=False), "t lost")
masks.bad(
    "missing-path",
    "z",
    lambda z, t: (
        2
        * (sigmoid(z) * t).sum()
        / (sigmoid(z).sum() + t.sum()) ** 2
        * sigmoid(z)
        * sigmoid(-z)
    ),
    "numerator constant",
)
masks.two("missing-path missing-link", "z", lambda **k: _dice(**k, low=0, slope="none"))
masks.odd("z", lambda **k: _dice(**k, low=0.45, two=2.3))


# --- pairs that attract or repel --------------------------------------------------------
def contrast_pairs(A, B, y, m):
    d = ((A - B) ** 2).sum(1).sqrt()
    return (y * d**2 + (1 - y) * relu(m - d) ** 2).mean()


def _draw_contrast(d):
    n, k = d.sizes(2)
    y = d.labels(n)
    y[0], y[1] = 0, 1
    A = d.normal(n, k)
    B = A + d.uniform(n, 1, low=0.2, high=2) * F.normalize(d.normal(n, k), dim=1)
    return {"A": A, "B": B, "y": y, "m": d.uniform(low=1.4, high=1.8)}


def _siamese(A, B, y, m, near=2.0, far=2.0, unit=True, clamp=True, turn=1.0):
    d = (A - B).norm(dim=1)
    gap = relu(m - d) if clamp else m - d
    c = near * y - turn * far * (1 - y) * gap / (d if unit else 1)
    return c[:, None] * (A - B) / len(y)


siamese = Exercise("pairs near or far", contrast_pairs, _draw_contrast)
siamese.ok(
    "A",
    _siamese,
    lambda A, B, y, m: torch.stack(
        [
            (
                2 * (a - b)
                if t
                else -2 * max(m - (a - b).norm(), 0 * m) * (a - b) / (a - b).norm()
            )
            / len(y)
            for a, b, t in zip(A, B, y, strict=True)
        ]
    ),
)
siamese.ok("B", lambda **k: -_siamese(**k))
siamese.bad("sign", "A", lambda **k: _siamese(**k, turn=-1), "minus of m - d lost")
siamese.bad("missing-path", "A", lambda **k: _siamese(**k, far=0), "near pairs only")
siamese.bad("missing-path", "A", lambda **k: _siamese(**k, near=0), "far pairs only")
siamese.bad(
    "missing-link wrong-rule", "A", lambda **k: _siamese(**k, unit=False), "1/d lost"
)
siamese.bad("factor wrong-rule", "A", lambda **k: _siamese(**k, far=1), "2 lost once")
siamese.bad("factor", "A", lambda **k: _siamese(**k) / 2, "2 lost twice")
siamese.bad("missing-link", "A", lambda **k: _siamese(**k, clamp=False), "no relu")
siamese.bad(
    "reduction", "A", lambda **k: _siamese(**k) / k["A"].shape[1], "mean by N·K"
)
siamese.bad("sign wrong-input", "B", _siamese, "for A")
siamese.two("missing-path factor", "A", lambda **k: _siamese(**k, near=0, far=1))
siamese.odd("A", lambda **k: _siamese(**k, near=1.6, far=2.5))


# --- each row to find its partner -------------------------------------------------------
def partners(A, B, tau):
    return -torch.log_softmax(A @ B.T / tau, 1).diagonal().mean()


def _draw_partners(d):
    n, k = d.sizes(2)
    return {"A": d.normal(n, k) / 2, "B": d.normal(n, k), "tau": d.uniform()}


def _miss(A, B, tau, one=1.0, axis=1, mean=True):
    P = softmax(A @ B.T / tau, axis)
    return (P - one * torch.eye(len(A)).double()) / (len(A) if mean else 1)


nce = Exercise("each row to its partner", partners, _draw_partners)
nce.ok(
    "A",
    lambda **k: _miss(**k) @ k["B"] / k["tau"],
    lambda A, B, tau: (
        (torch.stack([softmax(B @ a / tau, 0) @ B for a in A]) - B) / tau / len(A)
    ),
)
nce.ok("B", lambda **k: _miss(**k).T @ k["A"] / k["tau"])
nce.ok("tau", lambda **k: -(_miss(**k) * (k["A"] @ k["B"].T)).sum() / k["tau"] ** 2)
nce.bad("missing-link", "A", lambda **k: _miss(**k) @ k["B"], "1/tau lost")
nce.bad(
    "missing-path", "A", lambda **k: _miss(**k, one=0) @ k["B"] / k["tau"], "partner"
)
nce.bad("transposed", "B", lambda **k: _miss(**k) @ k["A"] / k["tau"], "not transposed")
nce.bad(
    "reduction wrong-point",
    "A",
    lambda **k: _miss(**k, axis=0) @ k["B"] / k["tau"],
    "softmax along columns",
)
nce.bad("wrong-rule", "A", lambda **k: _miss(**k) @ k["B"] * k["tau"], "times tau")
nce.bad(
    "sign", "tau", lambda **k: (_miss(**k) * (k["A"] @ k["B"].T)).sum() / k["tau"] ** 2
)
nce.bad(
    "wrong-rule missing-link",
    "tau",
    lambda **k: -(_miss(**k) * (k["A"] @ k["B"].T)).sum() / k["tau"],
    "(1/tau)' = -1/tau",
)
nce.bad(
    "reduction",
    "A",
    lambda **k: _miss(**k, mean=False) @ k["B"] / k["tau"],
    "sum for mean",
)
nce.bad(
    "wrong-point",
    "A",
    lambda A, B, tau: (
        (softmax(A @ B.T, 1) - torch.eye(len(A)).double()) @ B / tau / len(A)
    ),
    "temperature lost in the softmax",
)
nce.bad(
    "wrong-point wrong-input",
    "A",
    lambda **k: _miss(**k) @ k["A"] / k["tau"],
    "A for B",
)
nce.two("missing-link reduction", "A", lambda **k: _miss(**k, mean=False) @ k["B"])
nce.odd("A", lambda **k: (_miss(**k, one=0.8) + 0.02) @ k["B"] / k["tau"])


# --- a filter with gaps -----------------------------------------------------------------
def gappy(x, w, b):
    return tanh(x.unfold(0, 5, 1)[:, ::2] @ w + b)


def _draw_gappy(d):
    (n,) = d.sizes(1)
    return {"x": d.normal(n + 5), "w": d.normal(3), "b": d.normal()}


def _dz(x, w, b, upstream, slope=True):
    return upstream * (1 - gappy(x, w, b) ** 2 if slope else 1)


def _gappy_w(step=2, slope=True, **k):
    d = _dz(**k, slope=slope)
    return stack([(d * k["x"][step * j : step * j + len(d)]).sum() for j in range(3)])


def _gappy_x(taps=(0, 1, 2), flip=False, overwrite=False, step=2, **k):
    d, w = _dz(**k), k["w"].flip(0) if flip else k["w"]
    out = torch.zeros_like(k["x"])
    for j in taps:
        there = slice(step * j, step * j + len(d))
        out[there] = w[j] * d if overwrite else out[there] + w[j] * d
    return out


gaps = Exercise("filter with gaps", gappy, _draw_gappy)
gaps.ok(
    "w",
    _gappy_w,
    lambda **k: k["x"].unfold(0, 5, 1)[:, ::2].T @ _dz(**k),
)
gaps.ok("x", _gappy_x)
gaps.ok("b", lambda **k: _dz(**k).sum())
gaps.bad(
    "wrong-rule transposed wrong-point reduction",
    "w",
    lambda **k: _gappy_w(**k).flip(0),
    "flipped",
)
gaps.bad("missing-link", "w", lambda **k: _gappy_w(**k, slope=False), "tanh' lost")
gaps.bad(
    "wrong-point reduction", "w", lambda **k: _gappy_w(**k, step=1), "gaps forgotten"
)
gaps.bad(
    "reduction", "w", lambda **k: _gappy_w(**k) / len(k["upstream"]), "mean for sum"
)
gaps.bad(
    "wrong-rule transposed wrong-point reduction",
    "x",
    lambda **k: _gappy_x(**k, flip=True),
    "kernel flipped",
)
gaps.bad(
    "missing-path reduction",
    "x",
    lambda **k: _gappy_x(**k, overwrite=True),
    "overwritten",
)
gaps.bad("missing-path", "x", lambda **k: _gappy_x(**k, taps=(0,)), "first tap only")
gaps.bad("reduction", "b", lambda **k: _dz(**k).mean(), "mean for sum")
gaps.bad("shape reduction", "b", lambda **k: _dz(**k), "not summed")
gaps.bad("missing-link", "b", lambda **k: k["upstream"].sum(), "tanh' lost")
gaps.bad(
    "shape missing-path missing-link reduction",
    "x",
    lambda **k: k["w"].sum() * _dz(**k),
    "as long as the output",
)
gaps.two("missing-link reduction", "b", lambda **k: k["upstream"].mean())
gaps.odd("x", lambda **k: _gappy_x(**k, taps=(0, 1, 1)) * 1.1)


# --- soft maximum over a row, by a mean of powers ---------------------------------------
def softest(X, beta):
    return log(exp(beta * X).mean(1)) / beta


def _draw_softest(d):
    n, k = d.sizes(2)
    return {"X": d.normal(n, k), "beta": d.uniform()}


def _softest_beta(X, beta, upstream, first=1.0, second=1.0):
    p = softmax(beta * X, 1)
    part = first * (p * X).sum(1) / beta - second * softest(X, beta) / beta
    return upstream @ part


soft = Exercise("soft maximum of rows", softest, _draw_softest)
soft.ok(
    "X",
    lambda X, beta, upstream: upstream[:, None] * softmax(beta * X, 1),
    lambda X, beta, upstream: stack(
        [
            u * exp(beta * x) / exp(beta * x).sum()
            for x, u in zip(X, upstream, strict=True)
        ]
    ),
)
soft.ok("beta", _softest_beta)
soft.bad(
    "missing-link wrong-rule",
    "X",
    lambda X, beta, upstream: upstream[:, None] * softmax(beta * X, 1) * beta,
    "1/beta lost",
)
soft.bad(
    "missing-link",
    "X",
    lambda X, beta, upstream: upstream[:, None] * softmax(beta * X, 1) / beta,
    "inner beta lost",
)
soft.bad(
    "wrong-point missing-link factor",
    "X",
    lambda X, beta, upstream: upstream[:, None] * softmax(X, 1),
    "beta lost in the softmax",
)
soft.bad(
    "reduction",
    "X",
    lambda X, beta, upstream: upstream[:, None] * softmax(beta * X, 1) / X.shape[1],
    "mean divided twice",
)
soft.bad(
    "wrong-rule",
    "X",
    lambda X, beta, upstream: upstream[:, None] * F.one_hot(X.argmax(1), X.shape[1]),
    "hard maximum",
)
soft.bad(
    "reduction wrong-point",
    "X",
    lambda X, beta, upstream: upstream[:, None] * softmax(beta * X, 0),
    "along columns",
)
soft.bad(
    "missing-link", "X", lambda X, beta, upstream: softmax(beta * X, 1), "no upstream"
)
soft.bad(
    "missing-link",
    "X",
    lambda X, beta, upstream: upstream[:, None] * exp(beta * X) / X.shape[1],
    "log lost",
)
soft.bad(
    "missing-path", "beta", lambda **k: _softest_beta(**k, second=0), "1/beta const"
)
soft.bad(
    "missing-path", "beta", lambda **k: _softest_beta(**k, first=0), "log constant"
)
soft.bad("sign", "beta", lambda **k: _softest_beta(**k, second=-1))
soft.two(
    "missing-link wrong-rule",
    "X",
    lambda X, beta, upstream: beta * softmax(beta * X, 1),
    "1/beta and upstream lost",
)
soft.odd("beta", lambda **k: _softest_beta(**k, first=0.8, second=1.25))


# --- mean of the two largest ------------------------------------------------------------
def best_two(X, c):
    return sigmoid(c * X.topk(2, 1).values.mean(1))


def _draw_best(d):
    n, k = d.sizes(2)
    return {"X": d.normal(n, k), "c": d.uniform()}


def _chosen(X, most=2):
    return torch.zeros_like(X).scatter(1, X.topk(most, 1).indices, 1.0)


def _best_d(X, c, upstream, slope=True):
    s = best_two(X, c)
    return upstream * (s * (1 - s) if slope else 1)


top = Exercise("mean of the two largest", best_two, _draw_best)
top.ok(
    "X",
    lambda **k: (_best_d(**k) * k["c"] / 2)[:, None] * _chosen(k["X"]),
    lambda **k: where(
        k["X"] >= k["X"].sort(1).values[:, -2:-1],
        (_best_d(**k) * k["c"])[:, None] / 2,
        torch.zeros_like(k["X"]),
    ),
)
top.ok("c", lambda **k: _best_d(**k) @ k["X"].topk(2, 1).values.mean(1))
top.bad(
    "missing-path",
    "X",
    lambda **k: (_best_d(**k) * k["c"] / 2)[:, None] * _chosen(k["X"], 1),
    "largest only",
)
top.bad(
    "factor reduction",
    "X",
    lambda **k: (_best_d(**k) * k["c"])[:, None] * _chosen(k["X"]),
    "sum for mean",
)
top.bad(
    "missing-link wrong-rule",
    "X",
    lambda **k: (_best_d(**k) * k["c"] / 2)[:, None] * torch.ones_like(k["X"]),
    "to all entries",
)
top.bad(
    "reduction",
    "X",
    lambda **k: (_best_d(**k) * k["c"])[:, None] * _chosen(k["X"]) / k["X"].shape[1],
    "mean over all entries",
)
top.bad(
    "missing-link",
    "X",
    lambda **k: (_best_d(**k, slope=False) * k["c"] / 2)[:, None] * _chosen(k["X"]),
    "sigma' lost",
)
top.bad(
    "missing-link",
    "X",
    lambda **k: (_best_d(**k) / 2)[:, None] * _chosen(k["X"]),
    "c lost",
)
top.bad(
    "wrong-point reduction",
    "c",
    lambda **k: _best_d(**k) @ k["X"].mean(1),
    "mean of all",
)
top.bad("missing-link", "c", lambda **k: _best_d(**k).sum(), "what c multiplies lost")
top.bad(
    "reduction",
    "c",
    lambda **k: (_best_d(**k) * k["X"].topk(2, 1).values.mean(1)).mean(),
    "mean for sum",
)
top.two(
    "missing-path missing-link",
    "X",
    lambda **k: (_best_d(**k, slope=False) * k["c"] / 2)[:, None] * _chosen(k["X"], 1),
)
top.odd("X", lambda **k: (_best_d(**k) * k["c"] / 2)[:, None] * (_chosen(k["X"]) + 0.1))


# --- a stack of bilinear forms, by einsum -----------------------------------------------
def forms(X, T, Y):
    return einsum("ni,kij,nj->nk", X, T, Y)


def _draw_forms(d):
    n, k, m = d.sizes(3)
    return {"X": d.normal(n, m), "T": d.normal(k, m, m), "Y": d.normal(n, m)}


tensor = Exercise("stack of bilinear forms", forms, _draw_forms)
tensor.ok(
    "X",
    lambda X, T, Y, upstream: einsum("nk,kij,nj->ni", upstream, T, Y),
    lambda X, T, Y, upstream: sum(
        upstream[:, k : k + 1] * (Y @ T[k].T) for k in range(len(T))
    ),
)
tensor.ok(
    "T",
    lambda X, T, Y, upstream: einsum("nk,ni,nj->kij", upstream, X, Y),
    lambda X, T, Y, upstream: stack(
        [(X * upstream[:, k : k + 1]).T @ Y for k in range(len(T))]
    ),
)
tensor.ok("Y", lambda X, T, Y, upstream: einsum("nk,kij,ni->nj", upstream, T, X))
tensor.bad(
    "transposed",
    "X",
    lambda X, T, Y, upstream: einsum("nk,kji,nj->ni", upstream, T, Y),
    "T transposed",
)
tensor.bad(
    "transposed", "T", lambda X, T, Y, upstream: einsum("nk,nj,ni->kij", upstream, X, Y)
)
tensor.bad(
    "missing-link",
    "X",
    lambda X, T, Y, upstream: einsum("nk,kij->ni", upstream, T),
    "Y lost",
)
tensor.bad(
    "wrong-point wrong-input",
    "X",
    lambda X, T, Y, upstream: einsum("nk,kij,nj->ni", upstream, T, X),
    "X for Y",
)
tensor.bad(
    "wrong-input",
    "X",
    lambda X, T, Y, upstream: einsum("nk,kij,ni->nj", upstream, T, X),
    "for Y",
)
tensor.bad(
    "missing-link",
    "X",
    lambda X, T, Y, upstream: einsum("kij,nj->ni", T, Y),
    "upstream lost",
)
tensor.bad(
    "reduction",
    "T",
    lambda X, T, Y, upstream: einsum("nk,ni,nj->kij", upstream, X, Y) / len(X),
    "mean for sum",
)
tensor.bad(
    "missing-link",
    "T",
    lambda X, T, Y, upstream: einsum("nk,nj->kj", upstream, Y)[:, None].expand_as(T),
    "X lost",
)
tensor.bad(
    "missing-path",
    "T",
    lambda X, T, Y, upstream: einsum("k,i,j->kij", upstream[-1], X[-1], Y[-1]),
    "last sample only",
)
tensor.two(
    "transposed reduction",
    "T",
    lambda X, T, Y, upstream: einsum("nk,nj,ni->kij", upstream, X, Y) / len(X),
)
tensor.odd(
    "X", lambda X, T, Y, upstream: einsum("nk,kij,nj->ni", upstream + 0.2, T, 0.8 * Y)
)


# --- a map with given distances ---------------------------------------------------------
def stress(P, t):
    i, j = torch.triu_indices(len(P), len(P), 1)
    return (((P[i] - P[j]).pow(2).sum(1).sqrt() - t) ** 2).sum()


def _draw_stress(d):
    n, k = d.sizes(2)
    return {"P": d.normal(n, k), "t": d.uniform(n * (n - 1) // 2)}


def _stress(P, t, two=2.0, unit=1, target=1.0, first=1.0, second=1.0):
    i, j = torch.triu_indices(len(P), len(P), 1)
    e = P[i] - P[j]
    d = e.norm(dim=1)
    f = (two * (d - target * t) / d**unit)[:, None] * e
    return first * _add(P, i, f) - second * _add(P, j, f)


def _stress_loop(P, t):
    g, c = torch.zeros_like(P), 0
    for a in range(len(P)):
        for b in range(a + 1, len(P)):
            gap = P[a] - P[b]
            pull = 2 * (1 - t[c] / gap.norm()) * gap
            g[a] += pull
            g[b] -= pull
            c += 1
    return g


mds = Exercise("map with given distances", stress, _draw_stress)
mds.ok("P", _stress, _stress_loop)
mds.bad("missing-path", "P", lambda **k: _stress(**k, second=0), "first of a pair only")
mds.bad("missing-path", "P", lambda **k: _stress(**k, first=0), "second of a pair only")
mds.bad("factor", "P", lambda **k: _stress(**k, two=4), "each pair twice")
mds.bad("factor", "P", lambda **k: _stress(**k, two=1), "2 lost")
mds.bad("missing-link wrong-rule", "P", lambda **k: _stress(**k, unit=0), "1/d lost")
mds.bad("sign", "P", lambda **k: _stress(**k, two=-2), "t - d")
mds.bad("sign", "P", lambda **k: _stress(**k, second=-1), "minus of the second lost")
mds.bad(
    "missing-path wrong-point missing-link",
    "P",
    lambda **k: _stress(**k, target=0),
    "t lost",
)
mds.bad("wrong-rule", "P", lambda **k: _stress(**k, unit=2), "root's derivative 1/d²")
mds.two("missing-path factor", "P", lambda **k: _stress(**k, second=0, two=1))
mds.odd("P", lambda **k: _stress(**k, target=0.7, second=1.2))


# --- logistic regression with a penalty -------------------------------------------------
def penalised(w, X, y, c):
    return log(1 + exp(-y * (X @ w))).mean() + c * (w @ w)


def _draw_penalised(d):
    n, k = d.sizes(2)
    return {
        "w": d.normal(k),
        "X": d.normal(n, k),
        "y": 2 * d.labels(n) - 1,
        "c": d.uniform(),
    }


def _penalised(w, X, y, c, turned=False, label=True, mean=True, reg=2.0, turn=1.0):
    m = y * (X @ w)
    p = sigmoid(m) if turned else sigmoid(-m)
    data = -turn * X.T @ ((y if label else 1) * p) / (len(y) if mean else 1)
    return data + reg * c * w


decision = Exercise("logistic with a penalty", penalised, _draw_penalised)
decision.ok(
    "w",
    _penalised,
    lambda w, X, y, c: (
        sum(-t * x / (1 + exp(t * (x @ w))) for x, t in zip(X, y, strict=True)) / len(y)
        + 2 * c * w
    ),
    lambda w, X, y, c: X.T @ (sigmoid(X @ w) - (y + 1) / 2) / len(y) + c * w + c * w,
)
decision.ok("c", lambda w, X, y, c: (w**2).sum())
decision.bad(
    "wrong-point sign missing-link",
    "w",
    lambda **k: _penalised(**k, turned=True),
    "sigma(m)",
)
decision.bad("missing-link", "w", lambda **k: _penalised(**k, label=False), "y lost")
decision.bad("missing-path", "w", lambda **k: _penalised(**k, reg=0), "penalty lost")
decision.bad(
    "factor missing-path wrong-rule", "w", lambda **k: _penalised(**k, reg=1), "2 lost"
)
decision.bad("reduction", "w", lambda **k: _penalised(**k, mean=False), "sum for mean")
decision.bad(
    "reduction",
    "w",
    lambda **k: _penalised(**k, mean=False) / len(k["y"]),
    "penalty averaged too",
)
decision.bad("sign", "w", lambda **k: _penalised(**k, turn=-1), "minus lost")
decision.bad(
    "missing-link wrong-rule",
    "w",
    lambda w, X, y, c: _penalised(w, X, y, c, reg=0) + 2 * c,
    "w lost from the penalty",
)
decision.bad(
    "missing-link",
    "w",
    lambda w, X, y, c: -X.T @ (y * exp(-y * (X @ w))) / len(y) + 2 * c * w,
    "log lost",
)
decision.bad(
    "missing-link",
    "w",
    lambda w, X, y, c: X.T @ sigmoid(-y * (X @ w)) / len(y) + 2 * c * w,
    "inner -y lost",
)
decision.bad("wrong-rule", "c", lambda w, X, y, c: 2 * w.sum(), "differentiated by w")
decision.two(
    "missing-path reduction", "w", lambda **k: _penalised(**k, reg=0, mean=False)
)
decision.odd("w", lambda **k: _penalised(**k, reg=1.3, turn=0.85))


# --- waiting times ----------------------------------------------------------------------
def waiting(w, b, X, y):
    s = X @ w + b
    return (y * exp(-s) + s).mean()


def _draw_waiting(d):
    n, k = d.sizes(2)
    return {
        "w": d.normal(k) / 2,
        "b": d.normal(),
        "X": d.normal(n, k) / 2,
        "y": d.uniform(n),
    }


def _wait(w, b, X, y, line=1.0, fall=1.0, turn=-1.0, times=True):
    s = X @ w + b
    return (line - fall * (y if times else 1) * exp(turn * s)) / len(y)


gamma = Exercise("waiting times", waiting, _draw_waiting)
gamma.ok(
    "w",
    lambda **k: k["X"].T @ _wait(**k),
    lambda w, b, X, y: (
        X.mean(0)
        - sum(t * exp(-(x @ w) - b) * x for x, t in zip(X, y, strict=True)) / len(y)
    ),
)
gamma.ok("b", lambda **k: _wait(**k).sum())
gamma.bad(
    "sign missing-link",
    "w",
    lambda **k: k["X"].T @ _wait(**k, fall=-1),
    "exp(-s)'=exp(-s)",
)
gamma.bad("missing-path", "w", lambda **k: k["X"].T @ _wait(**k, line=0), "line lost")
gamma.bad("missing-path", "w", lambda **k: k["X"].T @ _wait(**k, fall=0), "exp lost")
gamma.bad(
    "wrong-point sign",
    "w",
    lambda **k: k["X"].T @ _wait(**k, turn=1),
    "exp(s) for exp(-s)",
)
gamma.bad("missing-link", "w", lambda **k: k["X"].T @ _wait(**k, times=False), "y lost")
gamma.bad("missing-link", "w", lambda **k: _wait(**k).sum().expand_as(k["w"]), "X lost")
gamma.bad("reduction", "b", lambda **k: _wait(**k).sum() * len(k["y"]), "sum for mean")
gamma.bad("shape reduction", "b", lambda **k: _wait(**k), "not summed")
gamma.bad(
    "wrong-point wrong-input",
    "w",
    lambda **k: _wait(**k).sum() * k["w"],
    "w for X",
)
gamma.two(
    "missing-path sign missing-link", "w", lambda **k: -k["X"].T @ _wait(**k, line=0)
)
gamma.odd("w", lambda **k: k["X"].T @ _wait(**k, line=0.8, fall=1.2))


# --- cross-entropy where some tokens do not count ---------------------------------------
def masked(Z, y, m):
    return (F.cross_entropy(Z, y, reduction="none") * m).sum() / m.sum()


def _draw_masked(d):
    n, c = d.sizes(2)
    m = d.labels(n)
    m[0], m[1] = 1, 0
    return {"Z": d.normal(n, c), "y": d.whole(c, n), "m": m}


def _masked(Z, y, m, one=1.0, axis=1, mask=True, by=None, probs=None):
    P = softmax(Z, axis) if probs is None else probs(Z)
    g = P - one * F.one_hot(y, Z.shape[1])
    return g * (m[:, None] if mask else 1) / (m.sum() if by is None else by)


def _masked_loop(Z, y, m):
    g = torch.zeros_like(Z)
    for i in range(len(y)):
        if m[i]:
            g[i] = exp(Z[i]) / exp(Z[i]).sum()
            g[i, y[i]] -= 1
    return g / m.count_nonzero()


tokens = Exercise("masked cross-entropy", masked, _draw_masked)
tokens.ok("Z", _masked, _masked_loop)
tokens.bad(
    "missing-link wrong-rule", "Z", lambda **k: _masked(**k, mask=False), "mask lost"
)
tokens.bad("reduction", "Z", lambda **k: _masked(**k, by=len(k["y"])), "by all tokens")
tokens.bad(
    "reduction missing-link", "Z", lambda **k: _masked(**k, by=1), "sum for mean"
)
tokens.bad("missing-path", "Z", lambda **k: _masked(**k, one=0), "target lost")
tokens.bad("sign", "Z", lambda **k: -_masked(**k), "target minus p")
tokens.bad("sign", "Z", lambda **k: _masked(**k, one=-1), "p plus target")
tokens.bad(
    "reduction wrong-point", "Z", lambda **k: _masked(**k, axis=0), "along the tokens"
)
tokens.bad(
    "wrong-point wrong-rule", "Z", lambda **k: _masked(**k, probs=sigmoid), "sigmoid"
)
tokens.bad(
    "wrong-point",
    "Z",
    lambda **k: _masked(**k, probs=lambda Z: F.one_hot(Z.argmax(1), Z.shape[1])),
    "the decision for p",
)
tokens.bad(
    "missing-link wrong-point wrong-rule",
    "Z",
    lambda **k: _masked(**k, probs=exp),
    "exponentials not normalised",
)
tokens.two("missing-path reduction", "Z", lambda **k: _masked(**k, one=0, by=1))
tokens.odd("Z", lambda **k: _masked(**k, one=0.85) + 0.03)


# --- the larger of two layers -----------------------------------------------------------
def larger(X, A, B):
    return torch.maximum(X @ A, X @ B)


def _draw_larger(d):
    n, k = d.sizes(2)
    return {"X": d.normal(n, k), "A": d.normal(k, k), "B": d.normal(k, k)}


def _wins(X, A, B):
    return (X @ A > X @ B).double()


def _larger_X(X, A, B, upstream, first=1.0, second=1.0, turn=False):
    on = _wins(X, A, B)
    a = (upstream * on) @ (A if turn else A.T)
    return first * a + second * (upstream * (1 - on)) @ (B if turn else B.T)


maxout = Exercise("larger of two layers", larger, _draw_larger)
maxout.ok(
    "A",
    lambda X, A, B, upstream: X.T @ (upstream * _wins(X, A, B)),
    lambda X, A, B, upstream: einsum(
        "ni,nj->ij", X, where(X @ A > X @ B, upstream, 0 * upstream)
    ),
)
maxout.ok("X", _larger_X, _by_row(_larger_X, "A", "B"))
maxout.bad(
    "missing-link wrong-rule",
    "A",
    lambda X, A, B, upstream: X.T @ upstream,
    "no choice",
)
maxout.bad(
    "wrong-input wrong-point wrong-rule",
    "A",
    lambda X, A, B, upstream: X.T @ (upstream * (1 - _wins(X, A, B))),
    "the other choice: for B",
)
maxout.bad(
    "wrong-rule value-returned",
    "A",
    lambda X, A, B, upstream: X.T @ (upstream * torch.maximum(X @ A, X @ B)),
    "maximum differentiates to itself",
)
maxout.bad("missing-path", "X", lambda **k: _larger_X(**k, second=0), "through A only")
maxout.bad("transposed", "X", lambda **k: _larger_X(**k, turn=True))
maxout.bad(
    "missing-link wrong-rule",
    "X",
    lambda X, A, B, upstream: upstream @ A.T + upstream @ B.T,
    "both, always",
)
maxout.bad(
    "transposed",
    "A",
    lambda X, A, B, upstream: (upstream * _wins(X, A, B)).T @ X,
    "operands exchanged",
)
maxout.bad(
    "reduction",
    "A",
    lambda X, A, B, upstream: X.T @ (upstream * _wins(X, A, B)) / len(X),
    "mean over samples",
)
maxout.two(
    "missing-path transposed", "X", lambda **k: _larger_X(**k, second=0, turn=True)
)


# --- a rectifier with learned slopes ----------------------------------------------------
def slopes(X, a, v):
    return where(X > 0, X, a * X) @ v


def _draw_slopes(d):
    n, k = d.sizes(2)
    return {"X": d.normal(n, k), "a": d.uniform(k), "v": d.normal(k)}


prelu = Exercise("learned slopes", slopes, _draw_slopes)
prelu.ok(
    "a",
    lambda X, a, v, upstream: (upstream[:, None] * v * X.clamp(max=0)).sum(0),
    lambda X, a, v, upstream: v * (upstream @ (X * (X < 0))),
)
prelu.ok(
    "X",
    lambda X, a, v, upstream: outer(upstream, v) * where(X > 0, 1.0, a),
)
prelu.ok("v", lambda X, a, v, upstream: where(X > 0, X, a * X).T @ upstream)
prelu.bad(
    "missing-link wrong-rule missing-path",
    "a",
    lambda X, a, v, upstream: v * (upstream @ X),
    "all entries",
)
prelu.bad(
    "missing-link",
    "a",
    lambda X, a, v, upstream: v * (upstream @ (X < 0).double()),
    "X lost",
)
prelu.bad(
    "missing-link", "X", lambda X, a, v, upstream: outer(upstream, v), "slope lost"
)
prelu.bad(
    "missing-path",
    "X",
    lambda X, a, v, upstream: outer(upstream, v) * (X > 0),
    "as a plain rectifier",
)
prelu.bad(
    "reduction",
    "a",
    lambda X, a, v, upstream: v * (upstream @ (X * (X < 0))) / len(X),
    "mean for sum",
)
prelu.bad(
    "missing-link", "a", lambda X, a, v, upstream: upstream @ (X * (X < 0)), "v lost"
)
prelu.bad(
    "missing-link wrong-point",
    "v",
    lambda X, a, v, upstream: X.T @ upstream,
    "kink lost",
)
prelu.bad(
    "wrong-point wrong-rule",
    "X",
    lambda X, a, v, upstream: outer(upstream, v) * where(X > 0, a, 1.0),
    "branches exchanged",
)
prelu.bad(
    "missing-path wrong-point",
    "v",
    lambda X, a, v, upstream: relu(X).T @ upstream,
    "as a plain rectifier",
)
prelu.bad(
    "shape reduction",
    "a",
    lambda X, a, v, upstream: outer(upstream, v) * X.clamp(max=0),
    "not summed",
)
prelu.two(
    "missing-link reduction",
    "a",
    lambda X, a, v, upstream: (upstream @ (X * (X < 0))) / len(X),
)


# --- all sums of two lists --------------------------------------------------------------
def table(a, b, C):
    return C * tanh(a[:, None] + b)


def _draw_table(d):
    n, m = d.sizes(2)
    return {"a": d.normal(n), "b": d.normal(m), "C": d.normal(n, m)}


def _table(a, b, C, upstream, slope=None, times=True):
    t = tanh(a[:, None] + b)
    return upstream * (C if times else 1) * (1 - t**2 if slope is None else slope(t))


sums = Exercise("all sums of two lists", table, _draw_table)
sums.ok(
    "a",
    lambda **k: _table(**k).sum(1),
    lambda a, b, C, upstream: stack(
        [
            sum(
                upstream[i, j] * C[i, j] / torch.cosh(a[i] + b[j]) ** 2
                for j in range(len(b))
            )
            for i in range(len(a))
        ]
    ),
)
sums.ok("b", lambda **k: _table(**k).sum(0), lambda **k: einsum("ij->j", _table(**k)))
sums.bad(
    "shape reduction wrong-input", "a", lambda **k: _table(**k).sum(0), "wrong axis"
)
sums.bad("reduction", "b", lambda **k: _table(**k).mean(0), "mean for sum")
sums.bad("missing-link", "a", lambda **k: _table(**k, times=False).sum(1), "C lost")
sums.bad(
    "missing-link",
    "b",
    lambda **k: _table(**k, slope=torch.ones_like).sum(0),
    "tanh' lost",
)
sums.bad(
    "wrong-rule", "a", lambda **k: _table(**k, slope=lambda t: 1 - t).sum(1), "1 - t"
)
sums.bad(
    "wrong-rule sign",
    "a",
    lambda **k: _table(**k, slope=lambda t: 1 + t**2).sum(1),
    "1+t²",
)
sums.bad("missing-path", "a", lambda **k: _table(**k)[:, 0], "first column only")
sums.bad("shape reduction", "b", lambda **k: _table(**k), "not summed")
sums.bad(
    "wrong-point",
    "b",
    lambda a, b, C, upstream: (upstream * C * (1 - table(a, b, C) ** 2)).sum(0),
    "1 - y² with the whole output",
)
sums.two("missing-link reduction", "b", lambda **k: _table(**k, times=False).mean(0))


# --- a linear system --------------------------------------------------------------------
def system(A, b, c):
    return c @ torch.linalg.solve(A, b)


def _draw_system(d):
    (n,) = d.sizes(1)
    return {
        "A": d.normal(n, n) + 4 * torch.eye(n).double(),
        "b": d.normal(n),
        "c": d.normal(n),
    }


def _inv(A):
    return torch.linalg.inv(A)


solve = Exercise("linear system", system, _draw_system)
solve.ok(
    "A",
    lambda A, b, c: -outer(_inv(A).T @ c, _inv(A) @ b),
    lambda A, b, c: -outer(torch.linalg.solve(A.T, c), torch.linalg.solve(A, b)),
)
solve.ok("b", lambda A, b, c: torch.linalg.solve(A.T, c), lambda A, b, c: c @ _inv(A))
solve.bad("sign", "A", lambda A, b, c: outer(_inv(A).T @ c, _inv(A) @ b), "minus lost")
solve.bad(
    "transposed", "A", lambda A, b, c: -outer(_inv(A) @ b, _inv(A).T @ c), "transposed"
)
solve.bad("transposed", "b", lambda A, b, c: _inv(A) @ c, "A for its transpose")
solve.bad(
    "transposed",
    "A",
    lambda A, b, c: -outer(_inv(A) @ c, _inv(A) @ b),
    "one transposed",
)
solve.bad(
    "missing-link", "A", lambda A, b, c: -outer(c, _inv(A) @ b), "one inverse lost"
)
solve.bad(
    "wrong-point wrong-rule missing-link",
    "b",
    lambda A, b, c: A.T @ c,
    "A for its inverse",
)
solve.bad("missing-link", "b", lambda A, b, c: c.clone(), "the system lost")
solve.bad("wrong-input wrong-point", "b", lambda A, b, c: _inv(A) @ b, "for c")
solve.two("sign transposed", "A", lambda A, b, c: outer(_inv(A) @ b, _inv(A).T @ c))
solve.odd("A", lambda A, b, c: -outer(_inv(A).T @ (c + 0.3), _inv(A) @ (0.8 * b)))


EXERCISES = [
    base,
    power,
    quotient,
    fading,
    enzyme,
    rms,
    columns,
    similar,
    gated,
    swish,
    grown,
    ratio,
    leak,
    hazard,
    words,
    graph,
    additive,
    robust,
    svr,
    latent,
    masks,
    siamese,
    nce,
    gaps,
    soft,
    top,
    tensor,
    mds,
    decision,
    gamma,
    tokens,
    maxout,
    prelu,
    sums,
    solve,
]
