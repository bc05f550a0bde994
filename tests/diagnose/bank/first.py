"""The functions that the search was developed on."""

import math

import torch
import torch.nn.functional as F

from tests.diagnose.bank.exercise import Exercise

sigmoid, tanh = torch.sigmoid, torch.tanh


# --- one number -------------------------------------------------------------------
def quadratic(x):
    return x**2 + 3 * x + 1


square = Exercise("quadratic", quadratic, lambda d: {"x": d.uniform()})
square.ok(
    "x",
    lambda x: 2 * x + 3,
    lambda x: torch.tensor(2.0 * float(x) + 3, dtype=torch.float64),
)
square.bad("value-returned", "x", lambda x: x**2 + 3 * x + 1)
square.bad("sign", "x", lambda x: -2 * x - 3)
square.bad("missing-path", "x", lambda x: 2 * x, "the linear term forgotten")
square.bad("missing-path", "x", lambda x: x * 0 + 3, "the square forgotten")
square.bad("wrong-rule", "x", lambda x: 2 * x + 3 + 1, "the constant kept")
square.bad("wrong-rule", "x", lambda x: 2 * x + 3 * x, "linear term kept as 3x")
square.bad("factor wrong-rule", "x", lambda x: x + 3, "x² has slope x")
square.bad("sign", "x", lambda x: 2 * x - 3)
square.bad("missing-link factor", "x", lambda x: 2 * x + 1, "3x has slope 1")
square.bad("wrong-rule", "x", lambda x: x**2 + 3, "x² differentiated to itself")
square.bad("wrong-rule", "x", lambda x: x**3 / 3 + 3, "integrated")
square.bad("wrong-rule", "x", lambda x: 1 / (2 * x + 3), "dx/dy")
square.bad("zero", "x", lambda x: 0 * x)
square.bad("accumulated factor", "x", lambda x: 3 * (2 * x + 3), "three passes")
square.odd("x", lambda x: 2 * x**1.3 + 2.7)
square.odd("x", lambda x: torch.sqrt(x) + 1.9 * x)
square.two("missing-path factor wrong-rule", "x", lambda x: x)


def sine_of_square(x):
    u = x**2
    return torch.sin(u)


sine = Exercise("sin(x²)", sine_of_square, lambda d: {"x": d.uniform()})
sine.ok("x", lambda x: torch.cos(x**2) * 2 * x, lambda x: 2 * x * torch.cos(x * x))
sine.bad("missing-link", "x", lambda x: torch.cos(x**2), "inner left out")
sine.bad("missing-link", "x", lambda x: 2 * x, "outer left out")
sine.bad("wrong-point", "x", lambda x: torch.cos(x) * 2 * x)
sine.bad("wrong-point", "x", lambda x: torch.cos(2 * x) * 2 * x, "at the derivative")
sine.bad("sign wrong-rule", "x", lambda x: -torch.cos(x**2) * 2 * x)
sine.bad("wrong-rule", "x", lambda x: torch.sin(x**2) * 2 * x, "sin' = sin")
sine.bad("factor wrong-rule", "x", lambda x: torch.cos(x**2) * x)
sine.bad(
    "wrong-rule",
    "x",
    lambda x: torch.cos(x) * x**2 + torch.sin(x) * 2 * x,
    "read as a product",
)
sine.bad("value-returned", "x", lambda x: torch.sin(x**2))
sine.bad("wrong-rule", "x", lambda x: torch.cos(x**2) * x**2, "x² has slope x²")
sine.bad("wrong-rule", "x", lambda x: torch.cos(x**2) + 2 * x, "links added")
sine.odd("x", lambda x: torch.cos(x**2 + 0.3) * 2 * x)
sine.odd("x", lambda x: torch.cos(x**2) * 2 * x + 0.05)
sine.two("wrong-point sign wrong-rule", "x", lambda x: -torch.cos(x) * 2 * x)
sine.two("missing-link wrong-rule", "x", lambda x: 2 * torch.sin(x**2))


def nested(a, b, x):
    y = a * x**2 + b * x + 1
    return y**2 + 2 * y


graph = Exercise(
    "z = y² + 2y",
    nested,
    lambda d: {"a": d.uniform(), "b": d.uniform(), "x": d.uniform()},
)


def _y(a, b, x):
    return a * x**2 + b * x + 1


graph.ok("a", lambda a, b, x: (2 * _y(a, b, x) + 2) * x**2)
graph.ok("x", lambda a, b, x: (2 * _y(a, b, x) + 2) * (2 * a * x + b))
graph.bad("missing-path", "a", lambda a, b, x: 2 * _y(a, b, x) * x**2)
graph.bad("missing-path factor", "a", lambda a, b, x: 2 * x**2)
graph.bad("missing-link", "a", lambda a, b, x: x**2, "stops at dy/da")
graph.bad("missing-link", "a", lambda a, b, x: 2 * _y(a, b, x) + 2, "stops at dz/dy")
graph.bad("wrong-input", "a", lambda a, b, x: (2 * _y(a, b, x) + 2) * x, "that is b's")
graph.bad("wrong-rule", "a", lambda a, b, x: 4 * _y(a, b, x) * x**2, "multiplied")
graph.bad("missing-path", "x", lambda a, b, x: (2 * _y(a, b, x) + 2) * 2 * a * x)
graph.bad("missing-path", "x", lambda a, b, x: (2 * _y(a, b, x) + 2) * b)
graph.bad("factor wrong-rule", "x", lambda a, b, x: (2 * _y(a, b, x) + 2) * (a * x + b))
graph.bad("missing-link", "x", lambda a, b, x: (2 * _y(a, b, x) + 2) * (2 * x + b))
graph.bad("wrong-point", "b", lambda a, b, x: (2 * x + 2) * x, "slope at x, not y")
graph.odd("b", lambda a, b, x: (2 * _y(a, b, x) + 2) * x + a * b)
graph.odd("x", lambda a, b, x: (2 * _y(a, b, x) + 2.5) * (2 * a * x + 1.1 * b))
graph.two(
    "missing-path missing-link", "x", lambda a, b, x: 2 * _y(a, b, x) * (2 * a * x)
)


# --- the neuron ---------------------------------------------------------------------
def neuron_loss(w, b, x, y):
    z = x @ w + b
    p = torch.sigmoid(z)
    return -(y * torch.log(p) + (1 - y) * torch.log(1 - p)).mean()


def _draw_neuron(d):
    n, k = d.sizes(2)
    return {"w": d.normal(k), "b": d.normal(), "x": d.normal(n, k), "y": d.labels(n)}


neuron = Exercise("neuron", neuron_loss, _draw_neuron)


def _zp(w, b, x):
    z = x @ w + b
    return z, torch.sigmoid(z)


def neuron_by_loop(w, b, x, y):
    dw = torch.zeros_like(w)
    for i in range(len(x)):
        p = 1 / (1 + torch.exp(-(sum(x[i, j] * w[j] for j in range(len(w))) + b)))
        for j in range(len(w)):
            dw[j] += (p - y[i]) * x[i, j] / len(x)
    return dw


def neuron_vectorised(w, b, x, y):
    return x.T @ (_zp(w, b, x)[1] - y) / len(x)


def neuron_einsum(w, b, x, y):
    return torch.einsum("n,nk->k", _zp(w, b, x)[1] - y, x) / x.shape[0]


neuron.ok("w", neuron_by_loop, neuron_vectorised, neuron_einsum)
neuron.ok("b", lambda w, b, x, y: (_zp(w, b, x)[1] - y).mean())


def neuron_stops_at_p(w, b, x, y):
    p = _zp(w, b, x)[1]
    return ((p - y) / (p * (1 - p))) @ x / len(x)


def neuron_sigma_twice(w, b, x, y):
    p = _zp(w, b, x)[1]
    return ((p - y) * p * (1 - p)) @ x / len(x)


def neuron_sigma_at_p(w, b, x, y):
    p = _zp(w, b, x)[1]
    dp = (p - y) / (p * (1 - p))
    return (dp * sigmoid(p) * (1 - sigmoid(p))) @ x / len(x)


def neuron_sigma_is_p(w, b, x, y):
    p = _zp(w, b, x)[1]
    return ((p - y) / (1 - p)) @ x / len(x)


def neuron_sigma_like_tanh(w, b, x, y):
    p = _zp(w, b, x)[1]
    return ((p - y) / (p * (1 - p)) * (1 - p**2)) @ x / len(x)


def neuron_only_ones(w, b, x, y):
    p = _zp(w, b, x)[1]
    return (y * (p - 1)) @ x / len(x)


def neuron_only_zeros(w, b, x, y):
    p = _zp(w, b, x)[1]
    return ((1 - y) * p) @ x / len(x)


def neuron_plus_for_minus(w, b, x, y):
    p = _zp(w, b, x)[1]
    dp = -y / p - (1 - y) / (1 - p)
    return (dp * p * (1 - p)) @ x / len(x)


neuron.bad("sign", "w", lambda w, b, x, y: (y - _zp(w, b, x)[1]) @ x / len(x))
neuron.bad("reduction", "w", lambda w, b, x, y: (_zp(w, b, x)[1] - y) @ x)
neuron.bad("reduction", "b", lambda w, b, x, y: (_zp(w, b, x)[1] - y).sum())
neuron.bad(
    "reduction", "b", lambda w, b, x, y: (_zp(w, b, x)[1] - y).sum() / len(x) ** 2
)
neuron.bad("missing-link", "w", neuron_stops_at_p)
neuron.bad("wrong-rule", "w", neuron_sigma_twice)
neuron.bad("wrong-point", "w", neuron_sigma_at_p)
neuron.bad("wrong-rule", "w", neuron_sigma_is_p)
neuron.bad("wrong-rule", "w", neuron_sigma_like_tanh)
neuron.bad("missing-path", "w", neuron_only_ones)
neuron.bad("missing-path", "w", neuron_only_zeros)
neuron.bad("sign", "w", neuron_plus_for_minus)
neuron.bad("wrong-point", "w", lambda w, b, x, y: ((x @ w + b) - y) @ x / len(x))
neuron.bad(
    "wrong-point",
    "w",
    lambda w, b, x, y: ((_zp(w, b, x)[1] > 0.5).double() - y) @ x / len(x),
)
neuron.bad(
    "missing-link wrong-input",
    "w",
    lambda w, b, x, y: (_zp(w, b, x)[1] - y).mean() * torch.ones_like(w),
    "x forgotten",
)
neuron.bad(
    "factor", "w", lambda w, b, x, y: neuron_vectorised(w, b, x, y) / math.log(10)
)
neuron.bad(
    "missing-path reduction",
    "w",
    lambda w, b, x, y: (_zp(w, b, x)[1] - y)[0] * x[0],
    "first sample only",
)
neuron.bad(
    "missing-path reduction",
    "b",
    lambda w, b, x, y: (_zp(w, b, x)[1] - y)[-1] / len(x),
    "last sample only",
)
neuron.bad("missing-path", "w", lambda w, b, x, y: _zp(w, b, x)[1] @ x / len(x))
neuron.bad(
    "wrong-point wrong-rule",
    "b",
    lambda w, b, x, y: (sigmoid(x @ w) - y).mean(),
    "forward without b",
)
neuron.odd("w", lambda w, b, x, y: (_zp(w, b, x)[1] - y.roll(1)) @ x / len(x) + w)
neuron.odd("w", lambda w, b, x, y: (sigmoid(1.1 * (x @ w)) - 0.9 * y) @ x / len(x))
neuron.odd("b", lambda w, b, x, y: (_zp(w, b, x)[1] - y).abs().sqrt().mean())
neuron.odd("b", lambda w, b, x, y: (_zp(w, b, x)[1] ** 2 - 0.7 * y).mean())


def neuron_stops_at_p_and_sums(w, b, x, y):
    return len(x) * neuron_stops_at_p(w, b, x, y)


neuron.two("missing-link reduction", "w", neuron_stops_at_p_and_sums)
neuron.two(
    "sign missing-path",
    "w",
    lambda w, b, x, y: -(y * (_zp(w, b, x)[1] - 1)) @ x / len(x),
)
neuron.two("wrong-rule sign", "w", lambda w, b, x, y: -neuron_sigma_twice(w, b, x, y))


# --- linear regression with several outputs -----------------------------------------
def regression_loss(W, b, X, Y):
    E = X @ W + b - Y
    return (E**2).mean()


def _draw_regression(d):
    n, k, m = d.sizes(3)
    return {
        "W": d.normal(k, m),
        "b": d.normal(m),
        "X": d.normal(n, k),
        "Y": d.normal(n, m),
    }


regression = Exercise("linear regression", regression_loss, _draw_regression)


def _error(W, b, X, Y):
    return X @ W + b - Y


def regression_by_loop(W, b, X, Y):
    dW = torch.zeros_like(W)
    E = _error(W, b, X, Y)
    for i in range(W.shape[0]):
        for j in range(W.shape[1]):
            dW[i, j] = 2 * sum(X[n, i] * E[n, j] for n in range(len(X))) / E.numel()
    return dW


regression.ok(
    "W",
    regression_by_loop,
    lambda W, b, X, Y: 2 * X.T @ _error(W, b, X, Y) / Y.numel(),
    lambda W, b, X, Y: torch.einsum("nk,nm->km", X, _error(W, b, X, Y)) * 2 / Y.numel(),
)
regression.ok("b", lambda W, b, X, Y: 2 * _error(W, b, X, Y).sum(0) / Y.numel())
regression.bad("factor", "W", lambda W, b, X, Y: X.T @ _error(W, b, X, Y) / Y.numel())
regression.bad(
    "factor", "W", lambda W, b, X, Y: 4 * X.T @ _error(W, b, X, Y) / Y.numel()
)
regression.bad("reduction", "W", lambda W, b, X, Y: 2 * X.T @ _error(W, b, X, Y))
regression.bad(
    "reduction", "W", lambda W, b, X, Y: 2 * X.T @ _error(W, b, X, Y) / len(X)
)
regression.bad("reduction", "b", lambda W, b, X, Y: 2 * _error(W, b, X, Y).mean(0))
regression.bad(
    "reduction", "b", lambda W, b, X, Y: 2 * _error(W, b, X, Y).mean(0) / Y.numel()
)
regression.bad(
    "sign", "b", lambda W, b, X, Y: -2 * _error(W, b, X, Y).sum(0) / Y.numel()
)
regression.bad("missing-path", "W", lambda W, b, X, Y: -2 * X.T @ Y / Y.numel())
regression.bad(
    "wrong-point missing-path",
    "W",
    lambda W, b, X, Y: 2 * X.T @ (X @ W - Y) / Y.numel(),
    "forward without b",
)
regression.bad(
    "wrong-point missing-path",
    "b",
    lambda W, b, X, Y: 2 * (X @ W + b).sum(0) / Y.numel(),
    "forward without y",
)
regression.bad(
    "missing-link wrong-rule",
    "b",
    lambda W, b, X, Y: torch.full_like(b, 1 / b.numel()),
    "the square not differentiated",
)
regression.bad(
    "missing-path reduction",
    "b",
    lambda W, b, X, Y: 2 * _error(W, b, X, Y)[0] / b.numel(),
    "first sample only",
)
regression.odd("W", lambda W, b, X, Y: 2 * X.T @ _error(W, b, X, Y).abs() / Y.numel())
regression.odd("b", lambda W, b, X, Y: 2 * _error(W, b, X, Y).median(0)[0] / len(b))
regression.odd(
    "W", lambda W, b, X, Y: 2 * X.T @ _error(W, b, X, Y) / Y.numel() + 0.1 * W
)
regression.two(
    "factor sign", "W", lambda W, b, X, Y: -X.T @ _error(W, b, X, Y) / Y.numel()
)
regression.two(
    "factor wrong-point missing-path",
    "W",
    lambda W, b, X, Y: X.T @ (X @ W - Y) / Y.numel(),
)


# --- a broadcast that should not be -------------------------------------------------
def line_loss(w, b, x, y):
    return ((w * x + b - y) ** 2).mean()


def _draw_line(d):
    n = d.sizes(1)[0]
    return {"w": d.normal(), "b": d.normal(), "x": d.normal(n), "y": d.normal(n)}


line = Exercise("line", line_loss, _draw_line)
line.ok("w", lambda w, b, x, y: (2 * (w * x + b - y) * x).mean())
line.bad(
    "reduction shape",
    "w",
    lambda w, b, x, y: (2 * ((w * x + b)[:, None] - y) * x[:, None]).mean(),
    "a column against a row",
)
line.bad("wrong-input", "w", lambda w, b, x, y: (2 * (w * x + b - y)).mean())
line.bad(
    "wrong-point wrong-input", "w", lambda w, b, x, y: (2 * (w * x + b - y) * w).mean()
)
line.bad("reduction", "w", lambda w, b, x, y: (2 * (w * x + b - y) * x).sum())
line.bad("factor", "w", lambda w, b, x, y: ((w * x + b - y) * x).mean())
line.bad("wrong-rule", "w", lambda w, b, x, y: ((w * x + b - y) ** 2 * x).mean())
line.bad("missing-link", "w", lambda w, b, x, y: x.mean(), "the square forgotten")
line.bad("wrong-rule", "b", lambda w, b, x, y: (2 * (w * x + b - y) * b).mean())
line.odd("w", lambda w, b, x, y: (2 * (w * x + b - y) * x).median())
line.odd("b", lambda w, b, x, y: (2 * (w * x + b) - y).mean() + b)
line.two(
    "reduction wrong-input missing-link",
    "w",
    lambda w, b, x, y: (2 * (w * x + b - y)).sum(),
)


# --- softmax cross-entropy -----------------------------------------------------------
def softmax_loss(W, X, t):
    z = X @ W
    return F.cross_entropy(z, t)


def _draw_softmax(d):
    n, k, c = d.sizes(3)
    return {"W": d.normal(k, c), "X": d.normal(n, k), "t": d.whole(c, n)}


softmax = Exercise("softmax cross-entropy", softmax_loss, _draw_softmax)


def _probabilities(W, X):
    return torch.softmax(X @ W, dim=1)


def _one_hot(W, t):
    return F.one_hot(t, W.shape[1]).double()


def softmax_by_loop(W, X, t):
    dW = torch.zeros_like(W)
    for n in range(len(X)):
        p = torch.softmax(X[n] @ W, 0)
        p[t[n]] -= 1
        dW += torch.outer(X[n], p) / len(X)
    return dW


softmax.ok(
    "W",
    softmax_by_loop,
    lambda W, X, t: X.T @ (_probabilities(W, X) - _one_hot(W, t)) / len(X),
    lambda W, X, t: (
        torch.einsum("nk,nc->kc", X, _probabilities(W, X) - _one_hot(W, t)) / len(t)
    ),
)


def softmax_elementwise(W, X, t):
    p = _probabilities(W, X)
    dp = -_one_hot(W, t) / p
    return X.T @ (dp * p * (1 - p)) / len(X)


softmax.bad("missing-path", "W", lambda W, X, t: X.T @ _probabilities(W, X) / len(X))
softmax.bad("missing-path", "W", lambda W, X, t: -X.T @ _one_hot(W, t) / len(X))
softmax.bad("wrong-rule missing-path", "W", softmax_elementwise)
softmax.bad(
    "reduction", "W", lambda W, X, t: X.T @ (_probabilities(W, X) - _one_hot(W, t))
)
softmax.bad(
    "reduction",
    "W",
    lambda W, X, t: X.T @ (_probabilities(W, X) - _one_hot(W, t)) / W.shape[1],
)
softmax.bad(
    "sign", "W", lambda W, X, t: X.T @ (_one_hot(W, t) - _probabilities(W, X)) / len(X)
)
softmax.bad(
    "sign", "W", lambda W, X, t: X.T @ (_one_hot(W, t) + _probabilities(W, X)) / len(X)
)
softmax.bad(
    "reduction wrong-point",
    "W",
    lambda W, X, t: X.T @ (torch.softmax(X @ W, 0) - _one_hot(W, t)) / len(X),
    "softmax over the samples",
)
softmax.bad("wrong-point", "W", lambda W, X, t: X.T @ (X @ W - _one_hot(W, t)) / len(X))
softmax.bad(
    "wrong-rule",
    "W",
    lambda W, X, t: (
        X.T @ ((_probabilities(W, X) - _one_hot(W, t)) * _probabilities(W, X)) / len(X)
    ),
)
softmax.bad(
    "missing-path reduction",
    "W",
    lambda W, X, t: torch.outer(
        X[0], (_probabilities(W, X) - _one_hot(W, t))[0] / len(X)
    ),
)
softmax.bad(
    "wrong-point missing-link",
    "W",
    lambda W, X, t: X.T @ (sigmoid(X @ W) - _one_hot(W, t)) / len(X),
    "sigmoid for softmax",
)
softmax.odd(
    "W", lambda W, X, t: X.T @ (_probabilities(W, X) ** 2 - _one_hot(W, t)) / len(X)
)
softmax.odd(
    "W", lambda W, X, t: X.T @ (_probabilities(W, 1.3 * X) - _one_hot(W, t)) / len(X)
)
softmax.two("missing-path reduction", "W", lambda W, X, t: X.T @ _probabilities(W, X))
softmax.two(
    "sign missing-path", "W", lambda W, X, t: -X.T @ _probabilities(W, X) / len(X)
)


# --- normalisation --------------------------------------------------------------------
def normalise(x, gain):
    return F.layer_norm(x, (x.shape[1],)) * gain


def _draw_norm(d):
    n, k = d.sizes(2)
    return {"x": d.normal(n, k), "gain": d.normal(k)}


norm = Exercise("layer norm", normalise, _draw_norm)


def _normal(x):
    mu = x.mean(1, keepdim=True)
    s = torch.sqrt(((x - mu) ** 2).mean(1, keepdim=True) + 1e-5)
    return (x - mu) / s, s


def norm_right(x, gain, upstream):
    h, s = _normal(x)
    g = upstream * gain
    return (g - g.mean(1, keepdim=True) - h * (g * h).mean(1, keepdim=True)) / s


def norm_by_loop(x, gain, upstream):
    dx = torch.zeros_like(x)
    for i in range(len(x)):
        k = x.shape[1]
        mu = x[i].sum() / k
        var = ((x[i] - mu) ** 2).sum() / k
        s = torch.sqrt(var + 1e-5)
        h = (x[i] - mu) / s
        g = upstream[i] * gain
        dx[i] = (k * g - g.sum() - h * (g * h).sum()) / (k * s)
    return dx


norm.ok("x", norm_right, norm_by_loop)
norm.ok(
    "gain",
    lambda x, gain, upstream: (upstream * _normal(x)[0]).sum(0),
    lambda x, gain, upstream: torch.einsum("nk,nk->k", upstream, _normal(x)[0]),
)


def norm_without_mean(x, gain, upstream):
    h, s = _normal(x)
    g = upstream * gain
    return (g - h * (g * h).mean(1, keepdim=True)) / s


def norm_without_spread(x, gain, upstream):
    s = _normal(x)[1]
    g = upstream * gain
    return (g - g.mean(1, keepdim=True)) / s


def norm_without_both(x, gain, upstream):
    return upstream * gain / _normal(x)[1]


def norm_without_gain(x, gain, upstream):
    h, s = _normal(x)
    g = upstream
    return (g - g.mean(1, keepdim=True) - h * (g * h).mean(1, keepdim=True)) / s


def norm_not_divided(x, gain, upstream):
    h, _ = _normal(x)
    g = upstream * gain
    return g - g.mean(1, keepdim=True) - h * (g * h).mean(1, keepdim=True)


def norm_sign(x, gain, upstream):
    h, s = _normal(x)
    g = upstream * gain
    return (g - g.mean(1, keepdim=True) + h * (g * h).mean(1, keepdim=True)) / s


def norm_sums(x, gain, upstream):
    h, s = _normal(x)
    g = upstream * gain
    return (g - g.mean(1, keepdim=True) - h * (g * h).sum(1, keepdim=True)) / s


norm.bad("missing-path", "x", norm_without_mean)
norm.bad("missing-path", "x", norm_without_spread)
norm.bad("missing-path missing-link wrong-rule", "x", norm_without_both)
norm.bad("missing-link", "x", norm_without_gain)
norm.bad("missing-link", "x", norm_not_divided)
norm.bad("sign", "x", norm_sign)
norm.bad("reduction", "x", norm_sums)
norm.bad(
    "reduction", "gain", lambda x, gain, upstream: (upstream * _normal(x)[0]).mean(0)
)
norm.bad("missing-link", "gain", lambda x, gain, upstream: _normal(x)[0].sum(0))
norm.bad("missing-link", "gain", lambda x, gain, upstream: upstream.sum(0))
norm.bad(
    "wrong-point missing-link", "gain", lambda x, gain, upstream: (upstream * x).sum(0)
)
norm.odd("x", lambda x, gain, upstream: upstream * gain * 0.9 / _normal(x)[1] + x)
norm.odd("gain", lambda x, gain, upstream: (upstream * x / x.norm()).sum(0))
norm.two(
    "missing-link missing-path",
    "x",
    lambda x, gain, upstream: upstream * gain - (upstream * gain).mean(1, keepdim=True),
)


# --- a gate -----------------------------------------------------------------------------
def gated(x, a):
    return x * torch.sigmoid(a * x)


gate = Exercise(
    "gate", gated, lambda d: {"x": d.normal(d.sizes(1)[0]), "a": d.uniform()}
)


def _gate(x, a):
    return sigmoid(a * x)


gate.ok(
    "x",
    lambda x, a, upstream: (
        upstream * (_gate(x, a) + a * x * _gate(x, a) * (1 - _gate(x, a)))
    ),
)
gate.ok(
    "a",
    lambda x, a, upstream: (upstream * x * x * _gate(x, a) * (1 - _gate(x, a))).sum(),
)
gate.bad("missing-path", "x", lambda x, a, upstream: upstream * _gate(x, a))
gate.bad(
    "missing-path",
    "x",
    lambda x, a, upstream: upstream * a * x * _gate(x, a) * (1 - _gate(x, a)),
)
gate.bad(
    "wrong-rule",
    "x",
    lambda x, a, upstream: upstream * a * _gate(x, a) * (1 - _gate(x, a)),
    "(fg)' = f'g'",
)
gate.bad(
    "missing-link",
    "x",
    lambda x, a, upstream: (
        upstream * (_gate(x, a) + x * _gate(x, a) * (1 - _gate(x, a)))
    ),
)
gate.bad(
    "missing-link",
    "x",
    lambda x, a, upstream: upstream * (_gate(x, a) + a * x),
    "σ' forgotten",
)
gate.bad(
    "wrong-rule",
    "x",
    lambda x, a, upstream: upstream * (_gate(x, a) + a * x * _gate(x, a)),
    "σ' = σ",
)
gate.bad(
    "wrong-rule",
    "x",
    lambda x, a, upstream: upstream * (_gate(x, a) + a * x * (1 - _gate(x, a) ** 2)),
)
gate.bad(
    "missing-link",
    "x",
    lambda x, a, upstream: _gate(x, a) + a * x * _gate(x, a) * (1 - _gate(x, a)),
    "upstream ignored",
)
gate.bad(
    "sign",
    "x",
    lambda x, a, upstream: (
        upstream * (_gate(x, a) - a * x * _gate(x, a) * (1 - _gate(x, a)))
    ),
)
gate.bad(
    "missing-link",
    "a",
    lambda x, a, upstream: (upstream * x * _gate(x, a) * (1 - _gate(x, a))).sum(),
)
gate.bad(
    "reduction",
    "a",
    lambda x, a, upstream: (upstream * x * x * _gate(x, a) * (1 - _gate(x, a))).mean(),
)
gate.bad(
    "wrong-point",
    "a",
    lambda x, a, upstream: (upstream * x * a * _gate(x, a) * (1 - _gate(x, a))).sum(),
)
gate.odd("x", lambda x, a, upstream: upstream * torch.sigmoid(a * x + 0.2))
gate.odd("a", lambda x, a, upstream: (upstream * x**2 * torch.exp(-x * x)).sum())
gate.two("missing-path missing-link", "x", lambda x, a, upstream: _gate(x, a))
gate.two(
    "missing-link reduction",
    "a",
    lambda x, a, upstream: (upstream * x * _gate(x, a) * (1 - _gate(x, a))).mean(),
)


# --- a quadratic form ---------------------------------------------------------------------
def energy(x, A):
    return x @ A @ x


form = Exercise(
    "quadratic form",
    energy,
    lambda d: (lambda k: {"x": d.normal(k), "A": d.normal(k, k)})(d.sizes(1)[0]),
)
form.ok(
    "x",
    lambda x, A: (A + A.T) @ x,
    lambda x, A: A @ x + A.T @ x,
    lambda x, A: torch.einsum("ij,j->i", A, x) + torch.einsum("ij,i->j", A, x),
)
form.ok("A", lambda x, A: torch.outer(x, x), lambda x, A: x[:, None] * x)
form.bad("transposed", "x", lambda x, A: 2 * A @ x)
form.bad("transposed", "x", lambda x, A: 2 * A.T @ x)
form.bad("missing-path", "x", lambda x, A: A @ x)
form.bad("missing-path", "x", lambda x, A: A.T @ x)
form.bad("sign", "x", lambda x, A: (A - A.T) @ x)
form.bad(
    "value-returned", "x", lambda x, A: (x @ A @ x) * torch.ones_like(x), ""
) if False else None
form.bad("missing-link", "x", lambda x, A: 2 * x, "A forgotten") if False else None
form.bad("factor", "x", lambda x, A: 2 * (A + A.T) @ x)
form.bad("factor", "A", lambda x, A: 2 * torch.outer(x, x))
form.bad(
    "wrong-rule missing-path", "A", lambda x, A: torch.diag(x * x), "only the diagonal"
)
form.odd("x", lambda x, A: (A * A.T) @ x)
form.odd("A", lambda x, A: torch.outer(x, x.flip(0)))
form.two("missing-path sign", "x", lambda x, A: -A @ x)


# --- a recurrence ---------------------------------------------------------------------------
def run_cell(W, U, x):
    h = torch.zeros(W.shape[0], dtype=x.dtype)
    for t in range(x.shape[0]):
        h = torch.tanh(W @ h + U @ x[t])
    return (h**2).sum()


def _draw_cell(d):
    steps, hidden, inputs = d.sizes(3)
    return {
        "W": 0.5 * d.normal(hidden, hidden),
        "U": 0.5 * d.normal(hidden, inputs),
        "x": d.normal(steps, inputs),
    }


cell = Exercise("recurrence", run_cell, _draw_cell)


def backprop_cell(
    W, U, x, slope=lambda h: 1 - h**2, carry=lambda W, g: W.T @ g, last=0, shift=0
):
    hs = [torch.zeros(W.shape[0], dtype=x.dtype)]
    for t in range(len(x)):
        hs.append(torch.tanh(W @ hs[-1] + U @ x[t]))
    dW, dU = torch.zeros_like(W), torch.zeros_like(U)
    dh = 2 * hs[-1]
    for t in range(len(x), last if last > 0 else 0, -1):
        dz = dh * slope(hs[t])
        dW += torch.outer(dz, hs[t - 1 + shift])
        dU += torch.outer(dz, x[t - 1])
        dh = carry(W, dz)
        if last == -1:
            break
    return dW, dU


cell.ok("W", lambda W, U, x: backprop_cell(W, U, x)[0])
cell.ok("U", lambda W, U, x: backprop_cell(W, U, x)[1])
cell.bad(
    "missing-link", "W", lambda W, U, x: backprop_cell(W, U, x, slope=lambda h: 1)[0]
)
cell.bad(
    "wrong-rule",
    "W",
    lambda W, U, x: backprop_cell(W, U, x, slope=lambda h: h * (1 - h))[0],
)
cell.bad(
    "wrong-rule", "U", lambda W, U, x: backprop_cell(W, U, x, slope=lambda h: 1 - h)[1]
)
cell.bad(
    "transposed",
    "W",
    lambda W, U, x: backprop_cell(W, U, x, carry=lambda W, g: W @ g)[0],
)
cell.bad(
    "transposed",
    "U",
    lambda W, U, x: backprop_cell(W, U, x, carry=lambda W, g: W @ g)[1],
)
cell.bad(
    "missing-path",
    "W",
    lambda W, U, x: backprop_cell(W, U, x, last=-1)[0],
    "last step only",
)
cell.bad("missing-path", "U", lambda W, U, x: backprop_cell(W, U, x, last=-1)[1])
cell.bad(
    "wrong-point",
    "W",
    lambda W, U, x: backprop_cell(W, U, x, shift=1)[0],
    "h_t for h_{t-1}",
)
cell.bad(
    "missing-link", "U", lambda W, U, x: backprop_cell(W, U, x, carry=lambda W, g: g)[1]
)
cell.bad("factor", "U", lambda W, U, x: backprop_cell(W, U, x)[1] / 2)
cell.bad(
    "missing-path",
    "U",
    lambda W, U, x: backprop_cell(W, U, x, last=1)[1],
    "first step left out",
)
cell.odd("W", lambda W, U, x: backprop_cell(W, U, x, slope=lambda h: 0.9 - h**2)[0])
cell.odd("U", lambda W, U, x: backprop_cell(W, 0.9 * U, x)[1])
cell.two(
    "missing-link transposed",
    "W",
    lambda W, U, x: backprop_cell(W, U, x, slope=lambda h: 1, carry=lambda W, g: W @ g)[
        0
    ],
)


# --- indexing -------------------------------------------------------------------------------
def mean_of_rows(E, ids, v):
    rows = E[ids]
    return torch.tanh(rows.mean(0) * v).sum()


def _draw_rows(d):
    k, m = d.sizes(2)
    ids = torch.cat([d.whole(4, 6), torch.tensor([1, 1, 2])])
    return {"E": d.normal(k + 2, m), "ids": ids, "v": d.uniform(m)}


rows = Exercise("rows of a table", mean_of_rows, _draw_rows)


def _rows_grad(E, ids, v):
    m = E[ids].mean(0)
    return (1 - tanh(m * v) ** 2) * v / len(ids)


def rows_right(E, ids, v):
    dE = torch.zeros_like(E)
    for i in ids:
        dE[i] += _rows_grad(E, ids, v)
    return dE


def rows_vectorised(E, ids, v):
    counts = torch.bincount(ids, minlength=len(E)).double()
    return torch.outer(counts, _rows_grad(E, ids, v))


def rows_overwritten(E, ids, v):
    dE = torch.zeros_like(E)
    dE[ids] = _rows_grad(E, ids, v).expand(len(ids), -1)
    return dE


def rows_everywhere(E, ids, v):
    return _rows_grad(E, ids, v).expand(E.shape).clone() * len(ids)


rows.ok("E", rows_right, rows_vectorised)
rows.bad("reduction", "E", rows_overwritten)
rows.bad("reduction", "E", lambda E, ids, v: rows_right(E, ids, v) * len(ids))
rows.bad("missing-link", "E", lambda E, ids, v: rows_right(E, ids, v) / v)
rows.bad(
    "missing-link",
    "E",
    lambda E, ids, v: rows_right(E, ids, v) / (1 - tanh(E[ids].mean(0) * v) ** 2),
)
rows.bad("sign", "E", lambda E, ids, v: -rows_right(E, ids, v))
rows.bad(
    "missing-path reduction",
    "E",
    lambda E, ids, v: (
        rows_right(E, ids, v)
        * (torch.arange(len(E)) == ids[0])[:, None]
        / torch.bincount(ids, minlength=len(E)).clamp(min=1)[:, None]
    ),
    "first index only",
)
rows.odd("E", lambda E, ids, v: rows_right(E, ids, v) + 0.01 * E)
rows.odd("E", rows_everywhere)


# --- standardising, with a loss ----------------------------------------------------------
def zscore(x):
    return (x - x.mean()) / x.std()


score = Exercise("z-score", zscore, lambda d: {"x": d.normal(d.sizes(1)[0])})


def _score(x, upstream, n1, mean=True, spread=True, sign=-1, unit=False):
    n = len(x)
    s = torch.sqrt(((x - x.mean()) ** 2).sum() / n1)
    h = (x - x.mean()) / s
    g = upstream
    total = g.clone()
    if mean:
        total = total - g.mean()
    if spread:
        total = total + sign * h * (g * h).sum() / n1
    return total if unit else total / s


score.ok("x", lambda x, upstream: _score(x, upstream, len(x) - 1))
score.bad(
    "reduction", "x", lambda x, upstream: _score(x, upstream, len(x)), "n for n-1"
)
score.bad(
    "missing-path", "x", lambda x, upstream: _score(x, upstream, len(x) - 1, mean=False)
)
score.bad(
    "missing-path",
    "x",
    lambda x, upstream: _score(x, upstream, len(x) - 1, spread=False),
)
score.bad("sign", "x", lambda x, upstream: _score(x, upstream, len(x) - 1, sign=1))
score.bad(
    "missing-link", "x", lambda x, upstream: _score(x, upstream, len(x) - 1, unit=True)
)
score.bad(
    "missing-link",
    "x",
    lambda x, upstream: (
        _score(x, torch.ones_like(x) * 0 + 1, len(x) - 1) * 0
        + _score(x, upstream, len(x) - 1) * x.std() ** 2
    ),
    "multiplied by the spread",
) if False else None
score.bad(
    "missing-path missing-link wrong-rule", "x", lambda x, upstream: upstream / x.std()
)
score.odd("x", lambda x, upstream: _score(x, upstream, len(x) + 1))
score.odd("x", lambda x, upstream: _score(x, upstream, len(x) - 1) + 0.02 * x)


# --- attention ------------------------------------------------------------------------------
def attend(q, K, V):
    s = K @ q / math.sqrt(q.shape[0])
    a = torch.softmax(s, dim=0)
    return a @ V


def _draw_attention(d):
    n, k, m = d.sizes(3)
    return {"q": d.normal(k), "K": d.normal(n, k), "V": d.normal(n, m)}


attention = Exercise("attention", attend, _draw_attention)


def _attend(q, K):
    return torch.softmax(K @ q / math.sqrt(len(q)), 0)


def _ds(q, K, V, upstream):
    a = _attend(q, K)
    da = V @ upstream
    return a * (da - (a * da).sum())


attention.ok(
    "q",
    lambda q, K, V, upstream: K.T @ _ds(q, K, V, upstream) / math.sqrt(len(q)),
    lambda q, K, V, upstream: (
        torch.einsum("nk,n->k", K, _ds(q, K, V, upstream)) / len(q) ** 0.5
    ),
)
attention.ok(
    "K",
    lambda q, K, V, upstream: torch.outer(_ds(q, K, V, upstream), q) / len(q) ** 0.5,
)
attention.ok("V", lambda q, K, V, upstream: torch.outer(_attend(q, K), upstream))
attention.bad(
    "factor missing-link reduction",
    "q",
    lambda q, K, V, upstream: K.T @ _ds(q, K, V, upstream),
)
attention.bad(
    "missing-path wrong-rule",
    "q",
    lambda q, K, V, upstream: K.T @ (_attend(q, K) * (V @ upstream)) / len(q) ** 0.5,
)
attention.bad(
    "wrong-rule",
    "q",
    lambda q, K, V, upstream: (
        K.T @ (_attend(q, K) * (1 - _attend(q, K)) * (V @ upstream)) / len(q) ** 0.5
    ),
)
attention.bad(
    "missing-link",
    "q",
    lambda q, K, V, upstream: K.T @ (V @ upstream) / len(q) ** 0.5,
)
attention.bad(
    "missing-link",
    "K",
    lambda q, K, V, upstream: (
        torch.outer(_ds(q, K, V, upstream), torch.ones_like(q)) / len(q) ** 0.5
    ),
)
attention.bad(
    "missing-link",
    "V",
    lambda q, K, V, upstream: torch.outer(_attend(q, K), torch.ones_like(upstream)),
)
attention.bad(
    "missing-link wrong-point",
    "V",
    lambda q, K, V, upstream: torch.outer(K @ q / len(q) ** 0.5, upstream),
    "scores, not weights",
)
attention.bad(
    "wrong-point missing-link factor",
    "V",
    lambda q, K, V, upstream: torch.outer(torch.softmax(K @ q, 0), upstream),
    "scale forgotten in the forward pass",
)
attention.bad(
    "sign",
    "q",
    lambda q, K, V, upstream: (
        K.T
        @ (_attend(q, K) * (V @ upstream + (_attend(q, K) * (V @ upstream)).sum()))
        / len(q) ** 0.5
    ),
)
attention.odd("q", lambda q, K, V, upstream: K.T @ _attend(q, K) * upstream.mean())
attention.odd("K", lambda q, K, V, upstream: 0.3 * K)
attention.two(
    "missing-path factor missing-link reduction wrong-rule",
    "q",
    lambda q, K, V, upstream: K.T @ (_attend(q, K) * (V @ upstream)),
)


# --- two layers --------------------------------------------------------------------------------
def two_layers(W1, W2, X, Y):
    H = torch.tanh(X @ W1)
    return F.mse_loss(H @ W2, Y)


def _draw_layers(d):
    n, k, h, m = d.sizes(4)
    return {
        "W1": d.normal(k, h) / 2,
        "W2": d.normal(h, m),
        "X": d.normal(n, k),
        "Y": d.normal(n, m),
    }


layers = Exercise("two layers", two_layers, _draw_layers)


def _hidden(W1, W2, X, Y):
    H = tanh(X @ W1)
    return H, 2 * (H @ W2 - Y) / Y.numel()


def layers_right(W1, W2, X, Y):
    H, E = _hidden(W1, W2, X, Y)
    return X.T @ ((E @ W2.T) * (1 - H**2))


def layers_einsum(W1, W2, X, Y):
    H, E = _hidden(W1, W2, X, Y)
    return torch.einsum("nk,nm,hm,nh->kh", X, E, W2, 1 - H**2)


def with_slope(slope):
    def answer(W1, W2, X, Y):
        H, E = _hidden(W1, W2, X, Y)
        return X.T @ ((E @ W2.T) * slope(H, X @ W1))

    return answer


layers.ok("W1", layers_right, layers_einsum)
layers.ok(
    "W2", lambda W1, W2, X, Y: _hidden(W1, W2, X, Y)[0].T @ _hidden(W1, W2, X, Y)[1]
)
layers.bad("missing-link", "W1", with_slope(lambda h, z: 1))
layers.bad("wrong-rule", "W1", with_slope(lambda h, z: 1 - z**2))
layers.bad("wrong-rule", "W1", with_slope(lambda h, z: h * (1 - h)))
layers.bad("wrong-point", "W1", with_slope(lambda h, z: 1 - tanh(h) ** 2))
layers.bad("wrong-rule", "W1", with_slope(lambda h, z: 1 - h))
layers.bad("wrong-rule", "W1", with_slope(lambda h, z: (1 - h**2) ** 2))
layers.bad(
    "missing-path wrong-point",
    "W1",
    lambda W1, W2, X, Y: (
        X.T @ ((2 * (tanh(X @ W1) @ W2) / Y.numel() @ W2.T) * (1 - tanh(X @ W1) ** 2))
    ),
    "y forgotten",
)
layers.bad(
    "reduction",
    "W2",
    lambda W1, W2, X, Y: _hidden(W1, W2, X, Y)[0].T @ _hidden(W1, W2, X, Y)[1] * len(X),
)
layers.bad(
    "wrong-point missing-link",
    "W2",
    lambda W1, W2, X, Y: (X @ W1).T @ _hidden(W1, W2, X, Y)[1],
    "before the tanh",
)
layers.bad(
    "missing-link wrong-point",
    "W2",
    lambda W1, W2, X, Y: tanh(X @ W1).T @ (2 * (X @ W1 @ W2 - Y) / Y.numel()),
    "forward without tanh in one place",
) if False else None
layers.bad(
    "factor",
    "W2",
    lambda W1, W2, X, Y: _hidden(W1, W2, X, Y)[0].T @ _hidden(W1, W2, X, Y)[1] / 2,
)
layers.odd("W1", with_slope(lambda h, z: 1 - 0.8 * h**2))
layers.odd(
    "W2",
    lambda W1, W2, X, Y: _hidden(W1, W2, X, Y)[0].T @ (_hidden(W1, W2, X, Y)[1] + 0.01),
)
layers.two(
    "missing-link factor", "W1", lambda *a, **k: with_slope(lambda h, z: 1)(*a, **k) / 2
)


# --- a hinge -----------------------------------------------------------------------------------
def hinge_loss(w, X, y):
    margins = 1 - y * (X @ w)
    return torch.relu(margins).mean() + 0.1 * (w**2).sum()


def _draw_hinge(d):
    n, k = d.sizes(2)
    return {"w": d.normal(k) / 2, "X": d.normal(n, k), "y": 2 * d.labels(n) - 1}


hinge = Exercise("hinge", hinge_loss, _draw_hinge)


def _open(w, X, y):
    return ((1 - y * (X @ w)) > 0).double()


hinge.ok(
    "w",
    lambda w, X, y: -X.T @ (y * _open(w, X, y)) / len(X) + 0.2 * w,
    lambda w, X, y: (
        torch.stack(
            [
                -(y[i] * X[i] if 1 - y[i] * (X[i] @ w) > 0 else 0 * w)
                for i in range(len(X))
            ]
        ).mean(0)
        + 0.2 * w
    ),
)
hinge.bad(
    "wrong-rule missing-link",
    "w",
    lambda w, X, y: -X.T @ y / len(X) + 0.2 * w,
    "gate lost",
)
hinge.bad(
    "wrong-rule",
    "w",
    lambda w, X, y: -X.T @ (y * (1 - _open(w, X, y))) / len(X) + 0.2 * w,
)
hinge.bad("missing-path", "w", lambda w, X, y: -X.T @ (y * _open(w, X, y)) / len(X))
hinge.bad("missing-path", "w", lambda w, X, y: 0.2 * w)
hinge.bad("factor", "w", lambda w, X, y: -X.T @ (y * _open(w, X, y)) / len(X) + 0.1 * w)
hinge.bad(
    "factor missing-link",
    "w",
    lambda w, X, y: -X.T @ (y * _open(w, X, y)) / len(X) + 2 * w,
)
hinge.bad("sign", "w", lambda w, X, y: X.T @ (y * _open(w, X, y)) / len(X) + 0.2 * w)
hinge.bad("sign", "w", lambda w, X, y: -X.T @ (y * _open(w, X, y)) / len(X) - 0.2 * w)
hinge.bad("reduction", "w", lambda w, X, y: -X.T @ (y * _open(w, X, y)) + 0.2 * w)
hinge.bad("missing-link", "w", lambda w, X, y: -X.T @ _open(w, X, y) / len(X) + 0.2 * w)
hinge.bad(
    "wrong-rule",
    "w",
    lambda w, X, y: -X.T @ (y * torch.relu(1 - y * (X @ w))) / len(X) + 0.2 * w,
)
hinge.odd("w", lambda w, X, y: -X.T @ (y * _open(w, X, y)) / len(X) + 0.27 * w)
hinge.odd("w", lambda w, X, y: -X.T @ (y * sigmoid(1 - y * (X @ w))) / len(X) + 0.2 * w)
hinge.two("missing-path reduction", "w", lambda w, X, y: -X.T @ (y * _open(w, X, y)))
hinge.two(
    "wrong-rule missing-link missing-path", "w", lambda w, X, y: -X.T @ y / len(X)
)


# --- log-sum-exp --------------------------------------------------------------------------------
def soft_maximum(x, t):
    return torch.logsumexp(x / t, dim=1).sum()


def _draw_soft(d):
    n, k = d.sizes(2)
    return {"x": d.normal(n, k), "t": d.uniform(low=1.2, high=2.5)}


soft = Exercise("soft maximum", soft_maximum, _draw_soft)


def _weights(x, t):
    return torch.softmax(x / t, 1)


soft.ok("x", lambda x, t: _weights(x, t) / t)
soft.ok("t", lambda x, t: -(_weights(x, t) * x).sum() / t**2)
soft.bad("missing-link", "x", lambda x, t: _weights(x, t))
soft.bad("missing-link", "x", lambda x, t: torch.exp(x / t) / t, "log left out")
soft.bad("reduction", "x", lambda x, t: _weights(x, t) / t / x.shape[0])
soft.bad("reduction", "x", lambda x, t: torch.softmax(x / t, 0) / t)
soft.bad("wrong-rule", "x", lambda x, t: torch.ones_like(x) / t, "as a plain sum")
soft.bad("sign", "t", lambda x, t: (_weights(x, t) * x).sum() / t**2)
soft.bad("wrong-rule missing-link", "t", lambda x, t: -(_weights(x, t) * x).sum() / t)
soft.bad("missing-link wrong-rule", "t", lambda x, t: -_weights(x, t).sum() / t**2)
soft.bad(
    "missing-path reduction", "t", lambda x, t: -(_weights(x, t) * x)[0].sum() / t**2
)
soft.odd("x", lambda x, t: torch.softmax(x / t + 0.1 * x, 1) / t)
soft.odd("t", lambda x, t: -(_weights(x, t) * x.abs()).sum() / t**2)
soft.two("sign missing-link", "t", lambda x, t: _weights(x, t).sum() / t**2)

EXERCISES = [
    square,
    sine,
    graph,
    neuron,
    regression,
    line,
    softmax,
    norm,
    gate,
    form,
    cell,
    rows,
    score,
    attention,
    layers,
    hinge,
    soft,
]
