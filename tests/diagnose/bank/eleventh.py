"""An eleventh set, by an author who had not seen the search."""

import torch

from tests.diagnose.bank.exercise import Exercise

sin, cos, tanh, sigmoid, outer = (
    torch.sin,
    torch.cos,
    torch.tanh,
    torch.sigmoid,
    torch.outer,
)


# --- scalar chain: a sine of a square, and a line ---------------------------------------
def wave(x, a):
    return a * sin(x**2) + 3 * x


def _draw_wave(d):
    return {"x": d.uniform(), "a": d.uniform()}


chain = Exercise("sine of a square", wave, _draw_wave)
chain.ok(
    "x",
    lambda x, a: a * cos(x**2) * 2 * x + 3,
    lambda x, a: sum([2 * a * x * cos(x * x), torch.full_like(x, 3)]),
)
chain.ok("a", lambda x, a: sin(x**2))
chain.bad("missing-link", "x", lambda x, a: a * cos(x**2) + 3, "inner lost")
chain.bad("wrong-point", "x", lambda x, a: a * cos(x) * 2 * x + 3, "cos at x")
chain.bad(
    "wrong-rule",
    "x",
    lambda x, a: a * (cos(x) * x**2 + sin(x) * 2 * x) + 3,
    "composition as a product",
)
chain.bad("sign wrong-rule", "x", lambda x, a: -a * cos(x**2) * 2 * x + 3, "sin'=-cos")
chain.bad("factor wrong-rule", "x", lambda x, a: a * cos(x**2) * x + 3, "2 lost")
chain.bad("missing-path", "x", lambda x, a: a * cos(x**2) * 2 * x, "line left out")
chain.bad("wrong-rule", "x", lambda x, a: a * cos(x**2) * 2 * x + 3 * x, "3x kept")
chain.bad("value-returned", "x", lambda x, a: a * sin(x**2) + 3 * x)
chain.two("missing-link missing-path", "x", lambda x, a: a * cos(x**2))
chain.two("sign missing-link", "x", lambda x, a: -a * cos(x**2) + 3)
chain.odd("x", lambda x, a: a * cos(1.13 * x**2) * 1.7 * x + 3)


# --- vector: brought to length one ------------------------------------------------------
def direction(x):
    return x / (x**2).sum().sqrt()


def _draw_direction(d):
    (n,) = d.sizes(1)
    return {"x": d.normal(n)}


def _direction(x, upstream, first=1.0, second=1.0, power=3):
    n = x.norm()
    return first * upstream / n - second * x * (upstream @ x) / n**power


unit = Exercise("direction of a vector", direction, _draw_direction)
unit.ok(
    "x",
    _direction,
    lambda x, upstream: (
        (torch.eye(len(x)).double() / x.norm() - outer(x, x) / x.norm() ** 3) @ upstream
    ),
    lambda x, upstream: torch.stack(
        [
            upstream[i] / x.norm()
            - sum(upstream[j] * x[j] * x[i] for j in range(len(x))) / x.norm() ** 3
            for i in range(len(x))
        ]
    ),
)
unit.bad("missing-path", "x", lambda **k: _direction(**k, second=0), "norm a constant")
unit.bad("missing-path", "x", lambda **k: _direction(**k, first=0))
unit.bad("sign", "x", lambda **k: _direction(**k, second=-1))
unit.bad("factor wrong-rule", "x", lambda **k: _direction(**k, second=2), "root's half")
unit.bad(
    "missing-link",
    "x",
    lambda x, upstream: _direction(x, torch.ones_like(x)),
    "upstream left out",
)
unit.bad(
    "wrong-rule reduction",
    "x",
    lambda x, upstream: upstream * (1 / x.norm() - x**2 / x.norm() ** 3),
    "entry by entry",
)
unit.bad("wrong-rule", "x", lambda **k: _direction(**k, power=2), "norm' = x")
unit.bad(
    "missing-link",
    "x",
    lambda **k: _direction(**k, second=2, power=2),
    "root's derivative left out",
)
unit.two("sign factor wrong-rule", "x", lambda **k: _direction(**k, second=-2))
unit.odd("x", lambda **k: _direction(**k, second=0.37))


# --- matrices: a square one between two others, squared ---------------------------------
def sandwich(A, W, B):
    return (A @ W @ B) ** 2


def _draw_sandwich(d):
    n, k, m = d.sizes(3)
    return {"A": d.normal(n, k), "W": d.normal(k, k), "B": d.normal(k, m)}


def _slope(A, W, B, upstream):
    return 2 * upstream * (A @ W @ B)


product = Exercise("squared matrix product", sandwich, _draw_sandwich)
product.ok(
    "A",
    lambda A, W, B, upstream: _slope(A, W, B, upstream) @ B.T @ W.T,
    lambda A, W, B, upstream: torch.einsum(
        "im,lm,kl->ik", _slope(A, W, B, upstream), B, W
    ),
)
product.ok(
    "W",
    lambda A, W, B, upstream: A.T @ _slope(A, W, B, upstream) @ B.T,
    lambda A, W, B, upstream: sum(
        outer(A[i], B @ _slope(A, W, B, upstream)[i]) for i in range(len(A))
    ),
)
product.ok("B", lambda A, W, B, upstream: (A @ W).T @ _slope(A, W, B, upstream))
product.bad(
    "factor",
    "A",
    lambda A, W, B, upstream: (upstream * (A @ W @ B)) @ B.T @ W.T,
    "2 lost",
)
product.bad(
    "missing-link",
    "A",
    lambda A, W, B, upstream: upstream @ B.T @ W.T,
    "square left out",
)
product.bad(
    "transposed",
    "A",
    lambda A, W, B, upstream: _slope(A, W, B, upstream) @ B.T @ W,
    "W for its transpose",
)
product.bad(
    "missing-link",
    "A",
    lambda A, W, B, upstream: _slope(A, W, B, upstream) @ B.T,
    "W left out",
)
product.bad(
    "transposed",
    "W",
    lambda A, W, B, upstream: B @ _slope(A, W, B, upstream).T @ A,
    "all transposed",
)
product.bad(
    "missing-link",
    "W",
    lambda A, W, B, upstream: A.T @ (2 * A @ W @ B) @ B.T,
    "upstream left out",
)
product.bad(
    "shape transposed",
    "B",
    lambda A, W, B, upstream: _slope(A, W, B, upstream).T @ A @ W,
    "all transposed, not square",
)
product.bad(
    "reduction",
    "W",
    lambda A, W, B, upstream: A.T @ _slope(A, W, B, upstream) @ B.T / len(A),
    "averaged over rows",
)
product.two(
    "factor transposed",
    "A",
    lambda A, W, B, upstream: (upstream * (A @ W @ B)) @ B.T @ W,
)
product.two(
    "missing-link transposed", "W", lambda A, W, B, upstream: B @ upstream.T @ A
)
product.odd(
    "W",
    lambda A, W, B, upstream: A.T @ (upstream * (2 * A @ W @ B + 0.3)) @ (B.T + 0.2),
)


# --- batch mean loss: squared errors of a linear model ----------------------------------
def squares(W, X, Y):
    return ((X @ W - Y) ** 2).mean()


def _draw_squares(d):
    n, k, c = d.sizes(3)
    return {"W": d.normal(k, c), "X": d.normal(n, k), "Y": d.normal(n, c)}


batch = Exercise("mean squared error", squares, _draw_squares)
batch.ok(
    "W",
    lambda W, X, Y: 2 * X.T @ (X @ W - Y) / Y.numel(),
    lambda W, X, Y: sum(
        2 * outer(X[i], X[i] @ W - Y[i]) / Y.numel() for i in range(len(X))
    ),
)
batch.ok("X", lambda W, X, Y: 2 / Y.numel() * torch.einsum("ic,kc->ik", X @ W - Y, W))
batch.bad("factor", "W", lambda W, X, Y: X.T @ (X @ W - Y) / Y.numel(), "2 lost")
batch.bad("reduction", "W", lambda W, X, Y: 2 * X.T @ (X @ W - Y), "sum for mean")
batch.bad("reduction", "W", lambda W, X, Y: 2 * X.T @ (X @ W - Y) / len(Y), "by N only")
batch.bad(
    "reduction",
    "W",
    lambda W, X, Y: 2 * X.T @ (X @ W - Y) / Y.numel() / len(Y),
    "by N twice",
)
batch.bad("sign", "W", lambda W, X, Y: 2 * X.T @ (Y - X @ W) / Y.numel())
batch.bad(
    "missing-path wrong-point",
    "W",
    lambda W, X, Y: 2 * X.T @ (X @ W) / Y.numel(),
    "target left out",
)
batch.bad(
    "missing-path",
    "W",
    lambda W, X, Y: 2 * outer(X[-1], X[-1] @ W - Y[-1]) / Y.numel(),
    "overwritten in the loop: last sample only",
)
batch.bad(
    "missing-link",
    "W",
    lambda W, X, Y: (2 * (X @ W - Y).sum(0) / Y.numel()).expand_as(W),
    "X forgotten",
)
batch.two("sign factor", "W", lambda W, X, Y: X.T @ (Y - X @ W) / Y.numel())
batch.two("factor reduction", "W", lambda W, X, Y: X.T @ (X @ W - Y) / len(Y))
batch.odd("W", lambda W, X, Y: 2 * X.T @ (X @ W - 0.6 * Y) / Y.numel() + 0.05 * W)


# --- broadcasting: a scale and a bias for each column -----------------------------------
def columns(X, g, b):
    return sigmoid(g * X + b)


def _draw_columns(d):
    n, k = d.sizes(2)
    return {"X": d.normal(n, k), "g": d.normal(k), "b": d.normal(k)}


def _columns(X, g, b, upstream):
    s = sigmoid(g * X + b)
    return upstream * s * (1 - s)


bias = Exercise("bias for each column", columns, _draw_columns)
bias.ok(
    "b",
    lambda **k: _columns(**k).sum(0),
    lambda **k: sum(row for row in _columns(**k)),
    lambda **k: torch.einsum("ij->j", _columns(**k)),
)
bias.ok("g", lambda **k: (_columns(**k) * k["X"]).sum(0))
bias.ok("X", lambda **k: _columns(**k) * k["g"])
bias.bad("shape reduction", "b", lambda **k: _columns(**k), "not summed")
bias.bad("reduction", "b", lambda **k: _columns(**k).mean(0), "mean for sum")
bias.bad("shape reduction", "b", lambda **k: _columns(**k).sum(1), "wrong axis")
bias.bad(
    "wrong-rule",
    "b",
    lambda X, g, b, upstream: (upstream * sigmoid(g * X + b)).sum(0),
    "sigma' = sigma",
)


def _slope_at_output(X, g, b, upstream):
    s = sigmoid(sigmoid(g * X + b))
    return (upstream * s * (1 - s)).sum(0)


bias.bad("wrong-point", "b", _slope_at_output, "sigma' at sigma")
bias.bad(
    "missing-link wrong-input", "g", lambda **k: _columns(**k).sum(0), "X forgotten"
)
bias.bad(
    "wrong-point wrong-input",
    "g",
    lambda **k: (_columns(**k) * k["g"]).sum(0),
    "g for X",
)
bias.bad("missing-link", "X", lambda **k: _columns(**k), "g forgotten")
bias.two(
    "missing-link reduction",
    "b",
    lambda X, g, b, upstream: upstream.mean(0),
    "sigma' left out, mean for sum",
)
bias.two(
    "wrong-rule missing-link",
    "g",
    lambda X, g, b, upstream: (upstream * sigmoid(g * X + b)).sum(0),
)
bias.odd("b", lambda **k: (_columns(**k) * (1 + 0.3 * k["X"])).sum(0))


# --- softmax cross-entropy, by hand -----------------------------------------------------
def entropy(Z, y):
    e = torch.exp(Z)
    p = e / e.sum(1, keepdim=True)
    return -torch.log(p[torch.arange(len(y)), y]).mean()


def _draw_entropy(d):
    n, c = d.sizes(2)
    return {"Z": d.normal(n, c), "y": d.whole(c, n)}


def _hot(Z, y):
    return (torch.arange(Z.shape[1]) == y[:, None]).double()


def _loop_entropy(Z, y):
    out = torch.softmax(Z, 1)
    for i in range(len(y)):
        out[i, y[i]] -= 1
    return out / len(y)


def _without_log(Z, y):
    p, t = torch.softmax(Z, 1), _hot(Z, y)
    return (p - t) * (p * t).sum(1, keepdim=True) / len(y)


classes = Exercise("cross-entropy by hand", entropy, _draw_entropy)
classes.ok("Z", lambda Z, y: (torch.softmax(Z, 1) - _hot(Z, y)) / len(y), _loop_entropy)
classes.bad(
    "missing-path",
    "Z",
    lambda Z, y: torch.softmax(Z, 1) / len(y),
    "one-hot target left out",
)
classes.bad(
    "reduction", "Z", lambda Z, y: torch.softmax(Z, 1) - _hot(Z, y), "sum for mean"
)
classes.bad("sign", "Z", lambda Z, y: (_hot(Z, y) - torch.softmax(Z, 1)) / len(y))
classes.bad(
    "wrong-rule missing-path",
    "Z",
    lambda Z, y: -_hot(Z, y) * (1 - torch.softmax(Z, 1)) / len(y),
    "softmax entry by entry",
)
classes.bad(
    "missing-link",
    "Z",
    lambda Z, y: -_hot(Z, y) / torch.softmax(Z, 1) / len(y),
    "stops at p",
)
classes.bad(
    "reduction wrong-point",
    "Z",
    lambda Z, y: (torch.softmax(Z, 0) - _hot(Z, y)) / len(y),
    "softmax over the wrong axis",
)
classes.bad("missing-link", "Z", _without_log, "log left out")
classes.bad("wrong-point", "Z", lambda Z, y: (Z - _hot(Z, y)) / len(y), "logits for p")
classes.two(
    "sign reduction missing-link", "Z", lambda Z, y: _hot(Z, y) - torch.softmax(Z, 1)
)
classes.two("missing-path reduction", "Z", lambda Z, y: torch.softmax(Z, 1))
classes.odd(
    "Z", lambda Z, y: (torch.softmax(0.8 * Z, 1) - 0.9 * _hot(Z, y) + 0.1) / len(y)
)


# --- layer norm without scale and bias --------------------------------------------------
def standard(X):
    m = X.mean(1, keepdim=True)
    v = ((X - m) ** 2).mean(1, keepdim=True)
    return (X - m) / torch.sqrt(v + 1e-5)


def _draw_standard(d):
    n, k = d.sizes(2)
    return {"X": d.normal(n, k)}


def _standard(X, upstream, mean=1.0, var=1.0, root=True, count=False, raw=False):
    m = X.mean(1, keepdim=True)
    s = (X.var(1, correction=0, keepdim=True) + 1e-5).sqrt()
    z = (X - m) / s
    path = (upstream * z).sum(1, keepdim=True)
    path = path if count else path / X.shape[1]
    out = upstream - mean * upstream.mean(1, keepdim=True)
    out = out - var * (X / s if raw else z) * path
    return out / s if root else out


layer = Exercise("layer norm", standard, _draw_standard)
layer.ok(
    "X",
    _standard,
    lambda X, upstream: torch.cat(
        [_standard(x, u) for x, u in zip(X.split(1), upstream.split(1), strict=True)]
    ),
)
layer.bad("missing-path", "X", lambda **k: _standard(**k, mean=0, var=0), "constants")
layer.bad("missing-path", "X", lambda **k: _standard(**k, mean=0), "mean a constant")
layer.bad("missing-path", "X", lambda **k: _standard(**k, var=0), "variance a constant")
layer.bad("sign", "X", lambda **k: _standard(**k, var=-1))
layer.bad("factor wrong-rule", "X", lambda **k: _standard(**k, var=2), "root's half")
layer.bad("reduction", "X", lambda **k: _standard(**k, count=True), "sum for mean")
layer.bad(
    "missing-link wrong-rule", "X", lambda **k: _standard(**k, root=False), "1/s lost"
)
layer.bad("wrong-point", "X", lambda **k: _standard(**k, raw=True), "x not centred")
layer.two("missing-path sign", "X", lambda **k: _standard(**k, mean=0, var=-1))
layer.two("missing-path missing-link", "X", lambda **k: _standard(**k, var=0, root=0))
layer.odd("X", lambda **k: _standard(**k, mean=0.7, var=1.4))


# --- a gated unit -----------------------------------------------------------------------
def gate(x, w, v):
    return sigmoid(w * x) * tanh(v * x)


def _draw_gate(d):
    (n,) = d.sizes(1)
    return {"x": d.normal(n), "w": d.normal(n), "v": d.normal(n)}


def _gate_w(x, w, v, upstream):
    s = sigmoid(w * x)
    return upstream * s * (1 - s) * tanh(v * x) * x


def _gate_v(x, w, v, upstream):
    return upstream * sigmoid(w * x) * (1 - tanh(v * x) ** 2) * x


def _gate_x(x, w, v, upstream):
    s, t = sigmoid(w * x), tanh(v * x)
    return upstream * (s * (1 - s) * t * w + s * (1 - t**2) * v)


def _gate_multiplied(x, w, v, upstream):
    s, t = sigmoid(w * x), tanh(v * x)
    return upstream * (s * (1 - s) * w) * ((1 - t**2) * v)


gated = Exercise("gated unit", gate, _draw_gate)
gated.ok(
    "w",
    _gate_w,
    lambda x, w, v, upstream: (
        upstream * x * tanh(v * x) * sigmoid(w * x) * sigmoid(-w * x)
    ),
)
gated.ok("v", _gate_v)
gated.ok(
    "x",
    _gate_x,
    lambda **k: torch.stack(
        [_gate_x(**{a: b[i] for a, b in k.items()}) for i in range(len(k["x"]))]
    ),
)
gated.bad(
    "wrong-rule",
    "w",
    lambda x, w, v, upstream: upstream * sigmoid(w * x) * tanh(v * x) * x,
    "sigma' = sigma",
)
gated.bad(
    "wrong-rule wrong-point",
    "v",
    lambda x, w, v, upstream: upstream * sigmoid(w * x) * (1 - (v * x) ** 2) * x,
    "tanh' = 1 - z²",
)
gated.bad(
    "missing-link",
    "w",
    lambda x, w, v, upstream: upstream * sigmoid(w * x) * sigmoid(-w * x) * x,
    "the other factor left out",
)
gated.bad(
    "missing-path",
    "x",
    lambda x, w, v, upstream: _gate_w(x, w, v, upstream) / x * w,
    "through the gate only",
)
gated.bad("wrong-rule", "x", _gate_multiplied, "u'v'")
gated.bad("wrong-input", "v", _gate_w, "for w")
gated.bad(
    "wrong-rule",
    "v",
    lambda x, w, v, upstream: (
        upstream * sigmoid(w * x) * tanh(v * x) * (1 - tanh(v * x)) * x
    ),
    "the sigmoid's rule for tanh",
)
gated.bad(
    "missing-link",
    "w",
    lambda x, w, v, upstream: _gate_w(x, w, v, torch.ones_like(x)),
    "upstream left out",
)
gated.two(
    "wrong-rule missing-link",
    "w",
    lambda x, w, v, upstream: upstream * sigmoid(w * x) * tanh(v * x),
    "sigma' = sigma, x forgotten",
)
gated.two(
    "missing-path missing-link",
    "x",
    lambda x, w, v, upstream: _gate_w(x, w, v, upstream) / x,
    "through the gate only, w forgotten",
)
gated.odd(
    "w",
    lambda x, w, v, upstream: (
        upstream * sigmoid(w * x) * (0.8 - 0.6 * sigmoid(w * x)) * tanh(v * x) * x
    ),
)


# --- a quadratic form, not symmetric ----------------------------------------------------
def form(x, A, b):
    return 0.5 * x @ A @ x - b @ x


def _draw_form(d):
    (n,) = d.sizes(1)
    return {"x": d.normal(n), "A": d.normal(n, n), "b": d.normal(n)}


quadratic = Exercise("quadratic form", form, _draw_form)
quadratic.ok(
    "x",
    lambda x, A, b: 0.5 * (A + A.T) @ x - b,
    lambda x, A, b: (
        (torch.einsum("ij,j->i", A, x) + torch.einsum("ji,j->i", A, x)) / 2 - b
    ),
    lambda x, A, b: torch.stack(
        [
            sum((A[i, j] + A[j, i]) * x[j] for j in range(len(x))) / 2 - b[i]
            for i in range(len(x))
        ]
    ),
)
quadratic.ok("A", lambda x, A, b: outer(x, x) / 2)
quadratic.bad(
    "transposed wrong-rule", "x", lambda x, A, b: A @ x - b, "as if symmetric"
)
quadratic.bad("missing-path", "x", lambda x, A, b: 0.5 * A @ x - b, "one x only")
quadratic.bad("factor", "x", lambda x, A, b: (A + A.T) @ x - b, "½ lost")
quadratic.bad("sign", "x", lambda x, A, b: 0.5 * (A + A.T) @ x + b)
quadratic.bad("missing-path", "x", lambda x, A, b: 0.5 * (A + A.T) @ x, "b left out")
quadratic.bad(
    "wrong-rule missing-path", "x", lambda x, A, b: A.diag() * x - b, "entry by entry"
)
quadratic.bad("factor", "A", lambda x, A, b: outer(x, x), "½ lost")
quadratic.bad(
    "wrong-rule",
    "x",
    lambda x, A, b: 0.5 * (A + A.T) @ x - b * x,
    "linear term left as it is",
)
quadratic.two("missing-path sign", "x", lambda x, A, b: 0.5 * A @ x + b)
quadratic.two("missing-path factor", "x", lambda x, A, b: (A + A.T) @ x)
quadratic.odd("x", lambda x, A, b: 0.5 * A @ x + 0.3 * A.T @ x - 1.2 * b)


# --- a recurrence of two steps ----------------------------------------------------------
def steps(h, x, w, u):
    for _ in range(2):
        h = tanh(w * h + u * x)
    return h


def _draw_steps(d):
    (n,) = d.sizes(1)
    return {"h": d.normal(n), "x": d.normal(n), "w": d.normal(), "u": d.normal()}


def _back(h, x, w, u, upstream, at_z=False):
    """Give h after one step, and what reaches the second and the first sum."""
    z1 = w * h + u * x
    h1 = tanh(z1)
    z2 = w * h1 + u * x
    h2 = tanh(z2)
    d2 = upstream * (1 - (z2 if at_z else h2) ** 2)
    return h1, d2, d2 * w * (1 - (z1 if at_z else h1) ** 2)


def _steps_w(last=1.0, first=1.0, fold=torch.sum, stale=False, **k):
    at_z = k.pop("at_z", False)
    h1, d2, d1 = _back(**k, at_z=at_z)
    return fold(last * d2 * (k["h"] if stale else h1) + first * d1 * k["h"])


def _steps_u(fold=torch.sum, **k):
    _, d2, d1 = _back(**k)
    return fold((d2 + d1) * k["x"])


def _loop_w(h, x, w, u, upstream):
    """Carry the derivative forward with the state."""
    slope = torch.zeros_like(h)
    for _ in range(2):
        new = tanh(w * h + u * x)
        slope = (1 - new**2) * (h + w * slope)
        h = new
    return upstream @ slope


def _without_tanh(**k):
    h1, d2, _ = _back(**k)
    return (d2 * h1 + d2 * k["w"] * k["h"]).sum()


recurrent = Exercise("two recurrent steps", steps, _draw_steps)
recurrent.ok("w", _steps_w, _loop_w)
recurrent.ok("u", _steps_u)
recurrent.ok("h", lambda **k: _back(**k)[2] * k["w"])
recurrent.bad("missing-path", "w", lambda **k: _steps_w(**k, first=0), "last step only")
recurrent.bad(
    "missing-link", "w", lambda **k: _steps_w(**k, first=1 / k["w"]), "w left out"
)
recurrent.bad("missing-link", "w", _without_tanh, "first tanh' left out")
recurrent.bad(
    "wrong-rule wrong-point",
    "w",
    lambda **k: _steps_w(**k, at_z=True),
    "tanh' = 1 - z², in both steps",
)
recurrent.bad("wrong-point", "w", lambda **k: _steps_w(**k, stale=True), "the first h")
recurrent.bad("reduction", "u", lambda **k: _steps_u(**k, fold=torch.mean))
recurrent.bad("wrong-input", "u", _steps_w, "for w")
recurrent.bad(
    "shape reduction", "w", lambda **k: _steps_w(**k, fold=torch.clone), "not summed"
)
recurrent.two(
    "missing-path reduction", "w", lambda **k: _steps_w(**k, first=0, fold=torch.mean)
)
recurrent.two(
    "missing-path missing-link",
    "w",
    lambda **k: (k["upstream"] * _back(**k)[0]).sum(),
    "last step only, no tanh'",
)
recurrent.odd("w", lambda **k: _steps_w(**k, last=0.85, first=1.3))


# --- rows looked up, some of them twice -------------------------------------------------
def lookup(E, y, Y):
    return 0.5 * ((E[y] - Y) ** 2).sum(1).mean()


def _draw_lookup(d):
    rows, k, n = d.sizes(3)
    y = d.whole(rows, n)
    y[-1] = y[0]
    return {"E": d.normal(rows, k), "y": y, "Y": d.normal(n, k)}


def _put(E, y, rows):
    return torch.zeros_like(E).index_add(0, y, rows)


def _lookup(E, y, Y):
    return _put(E, y, (E[y] - Y) / len(y))


def _loop_lookup(E, y, Y, overwrite=False, scale=1.0):
    out = torch.zeros_like(E)
    for i, row in enumerate(y):
        old = 0 if overwrite else out[row]
        out[row] = old + scale * (E[row] - Y[i]) / len(y)
    return out


def _averaged(E, y, Y):
    count = torch.bincount(y, minlength=len(E)).clamp(min=1)
    return _lookup(E, y, Y) / count[:, None]


rows_twice = Exercise("rows looked up", lookup, _draw_lookup)
rows_twice.ok(
    "E",
    _lookup,
    _loop_lookup,
    lambda E, y, Y: (y == torch.arange(len(E))[:, None]).double() @ (E[y] - Y) / len(y),
)
rows_twice.bad(
    "missing-path reduction",
    "E",
    lambda **k: _loop_lookup(**k, overwrite=True),
    "a repeated row overwritten",
)
rows_twice.bad("reduction", "E", _averaged, "a repeated row averaged")
rows_twice.bad(
    "shape missing-link reduction",
    "E",
    lambda E, y, Y: (E[y] - Y) / len(y),
    "not put back",
)
rows_twice.bad(
    "reduction", "E", lambda E, y, Y: _put(E, y, E[y] - Y), "sum for the mean"
)
rows_twice.bad("sign", "E", lambda E, y, Y: -_lookup(E, y, Y))
rows_twice.bad(
    "missing-path wrong-point",
    "E",
    lambda E, y, Y: _put(E, y, E[y]) / len(y),
    "target left out",
)
rows_twice.bad(
    "reduction", "E", lambda E, y, Y: _lookup(E, y, Y) / Y.shape[1], "mean over all"
)
rows_twice.bad("factor", "E", lambda E, y, Y: 2 * _lookup(E, y, Y), "½ lost")
rows_twice.two(
    "missing-path reduction",
    "E",
    lambda **k: len(k["y"]) * _loop_lookup(**k, overwrite=True),
    "overwritten, sum for mean",
)
rows_twice.two("sign factor", "E", lambda E, y, Y: -2 * _lookup(E, y, Y))
rows_twice.odd("E", lambda E, y, Y: _lookup(E, y, 0.7 * Y) + 0.02 * E)


# --- a residual connection --------------------------------------------------------------
def residual(X, W):
    return X + tanh(X @ W)


def _draw_residual(d):
    n, k = d.sizes(2)
    return {"X": d.normal(n, k), "W": d.normal(k, k) / 2}


def _branch(X, W, upstream):
    return upstream * (1 - tanh(X @ W) ** 2)


skip = Exercise("residual connection", residual, _draw_residual)
skip.ok(
    "X",
    lambda X, W, upstream: upstream + _branch(X, W, upstream) @ W.T,
    lambda X, W, upstream: torch.stack(
        [u + W @ _branch(x, W, u) for x, u in zip(X, upstream, strict=True)]
    ),
)
skip.ok(
    "W",
    lambda X, W, upstream: X.T @ _branch(X, W, upstream),
    lambda X, W, upstream: torch.einsum("ik,ic->kc", X, _branch(X, W, upstream)),
)
skip.bad(
    "missing-path",
    "X",
    lambda X, W, upstream: _branch(X, W, upstream) @ W.T,
    "skip left out",
)
skip.bad("missing-path", "X", lambda X, W, upstream: upstream, "skip only")
skip.bad(
    "missing-link",
    "X",
    lambda X, W, upstream: 1 + _branch(X, W, upstream) @ W.T,
    "upstream left out of the skip",
)
skip.bad(
    "transposed",
    "X",
    lambda X, W, upstream: upstream + _branch(X, W, upstream) @ W,
    "W for its transpose",
)
skip.bad(
    "missing-link",
    "X",
    lambda X, W, upstream: upstream + upstream @ W.T,
    "tanh' left out",
)
skip.bad(
    "wrong-point wrong-rule",
    "W",
    lambda X, W, upstream: X.T @ (upstream * (1 - residual(X, W) ** 2)),
    "1 - y² with the whole output",
)
skip.bad(
    "transposed",
    "W",
    lambda X, W, upstream: _branch(X, W, upstream).T @ X,
    "operands exchanged",
)
skip.bad(
    "sign wrong-rule",
    "X",
    lambda X, W, upstream: upstream + upstream * (1 + tanh(X @ W) ** 2) @ W.T,
    "tanh' = 1 + t²",
)
skip.two(
    "missing-path transposed",
    "X",
    lambda X, W, upstream: _branch(X, W, upstream) @ W,
    "skip left out, W for its transpose",
)
skip.two("missing-link transposed", "W", lambda X, W, upstream: upstream.T @ X)
skip.odd(
    "X", lambda X, W, upstream: 0.8 * upstream + _branch(X, W, upstream) @ W.T * 1.15
)


EXERCISES = [
    chain,
    unit,
    product,
    batch,
    bias,
    classes,
    layer,
    gated,
    quadratic,
    recurrent,
    rows_twice,
    skip,
]
