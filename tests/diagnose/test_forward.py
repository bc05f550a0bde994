"""Forward values computed wrongly, and what else the widest net holds."""

import torch

from grader.diagnose import Trial, name_mistake


def attend(q, K, V):
    weights = torch.softmax(K @ q / len(q) ** 0.5, 0)
    return weights @ V


def decayed(w, b, x, lam):
    return ((x @ w + b) ** 2).mean() + lam * (w * w).sum()


def rates(w, x, y):
    rate = torch.exp(x @ w)
    return (rate - y * torch.log(rate)).mean()


def answer(of, name, student, draw):
    """Let an answer work on five draws, and ask for its name."""
    trials = []
    for seed, (n, k) in enumerate([(3, 5), (5, 7), (7, 11), (11, 3), (13, 5)]):
        torch.manual_seed(seed)
        inputs = {key: value.double() for key, value in draw(n, k).items()}
        shape = of(**inputs).shape
        upstream = torch.randn(shape).double() if shape else None
        given = inputs if upstream is None else {**inputs, "upstream": upstream}
        trials.append(Trial(inputs, {name: student(**given)}, upstream))
    return name_mistake(of, trials, (name,))[name]


def draw_attention(n, k):
    return {"q": torch.randn(k), "K": torch.randn(n, k), "V": torch.randn(n, 4)}


def draw_decay(n, k):
    rows = {"w": torch.randn(k), "x": torch.randn(n, k)}
    return {**rows, "b": torch.randn(()), "lam": torch.rand(()) + 0.1}


def draw_rates(n, k):
    return {"w": torch.randn(k), "x": torch.randn(n, k), "y": torch.rand(n) + 1}


def test_scale_forgotten_in_the_values_is_named():
    def student(q, K, V, upstream):
        return torch.outer(torch.softmax(K @ q, 0), upstream)

    found = answer(attend, "V", student, draw_attention)
    assert found.kind == "wrong-point" and "`K @ q / len(q) ** 0.5`" in found.message


def test_plain_mean_for_weights_is_a_reduction():
    def student(q, K, V, upstream):
        return upstream.expand(V.shape) / len(V)

    found = answer(attend, "V", student, draw_attention)
    assert found.kind == "reduction" and "alike" in found.message


def test_term_too_much_is_written_out():
    def student(w, b, x, lam):
        return 2 * (x @ w + b).mean() + 2 * lam * b

    found = answer(decayed, "b", student, draw_decay)
    assert found.kind == "wrong-rule" and "`2 * lam * b`" in found.message


def test_inner_derivative_left_out_in_one_term_only():
    def student(w, x, y):
        rate = torch.exp(x @ w)
        return x.T @ (rate - y / rate) / len(y)

    found = answer(rates, "w", student, draw_rates)
    assert found.kind == "missing-link" and "`torch.exp(x @ w)`" in found.message
