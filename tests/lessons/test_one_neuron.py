"""The lesson "One neuron": right answers earn all, wrong ones fail and are named."""

import re
import textwrap

import pytest

pytestmark = pytest.mark.notebook  # each case runs the cells above its check
NAME = "05-one-neuron/one-neuron"

# exercise, what the student wrote for the body, the mistakes it may be called
# (the first named one must be among them; "" where no single name fits)
SIGNATURES = {
    "forward": "def forward(x, y, w, b):",
    "dL_dp": "def dL_dp(p, y):",
    "dp_dz": "def dp_dz(z):",
    "dz": "def dz(x, w, b):",
    "dL_dz": "def dL_dz(z, y):",
    "links": "def links(x, y, w, b):",
    "batch": "def batch(X, y, w, b):",
    "stable": "def stable(z, y):",
    "recap": "def recap(x, h, v):",
}
NEURON = """
    z = w * x + b
    p = torch.sigmoid(z)
    q = torch.clamp(p, 1e-8, 1 - 1e-8)
"""
ERROR = """
    p = torch.sigmoid(X @ w + b)
    e = (p - y) / len(y)
"""
GRADIENTS = {
    "p": "-y / p + (1 - y) / (1 - p)",
    "z": "p - y",
    "w": "(p - y) * x",
    "b": "p - y",
}


def neuron(loss, q="torch.clamp(p, 1e-8, 1 - 1e-8)", shown="p"):
    return f"{NEURON}    q = {q}\n    return z, {shown}, {loss}"


def walk(**changed):
    """All four gradients, some of them replaced."""
    pairs = {**GRADIENTS, **changed}.items()
    return NEURON + "    return {" + ", ".join(f"'{k}': {v}" for k, v in pairs) + "}"


WRONG = {
    "forward, no clamp": (
        "forward",
        neuron("-(y * q.log() + (1 - y) * (1 - q).log())", q="p"),
        "not-finite",
    ),
    "forward, minus lost": (
        "forward",
        neuron("y * q.log() + (1 - y) * (1 - q).log()"),
        "",
    ),
    "forward, base 10": (
        "forward",
        neuron("-(y * q.log10() + (1 - y) * (1 - q).log10())"),
        "",
    ),
    "forward, one term": ("forward", neuron("-y * q.log()"), ""),
    "forward, p clamped": (
        "forward",
        neuron("-(y * q.log() + (1 - y) * (1 - q).log())", shown="q"),
        "",
    ),
    "dL_dp, sign": ("dL_dp", "return y / p - (1 - y) / (1 - p)", "sign"),
    "dL_dp, inner minus lost": (
        "dL_dp",
        "return -y / p - (1 - y) / (1 - p)",
        "sign missing-link wrong-rule",
    ),
    "dL_dp, one term": ("dL_dp", "return -y / p", "missing-path"),
    "dL_dp, the loss": (
        "dL_dp",
        "return -(y * torch.log(p) + (1 - y) * torch.log(1 - p))",
        "value-returned",
    ),
    "dL_dp, denominator lost": ("dL_dp", "return p - y", "wrong-rule missing-link"),
    "dp_dz, the value": ("dp_dz", "return torch.sigmoid(z)", "value-returned"),
    "dp_dz, sign": (
        "dp_dz",
        "return -torch.exp(-z) / (1 + torch.exp(-z)) ** 2",
        "sign",
    ),
    "dp_dz, inner lost": (
        "dp_dz",
        "return -1 / (1 + torch.exp(-z)) ** 2",
        "missing-link",
    ),
    "dp_dz, at p": (
        "dp_dz",
        "p = torch.sigmoid(torch.sigmoid(z)); return p * (1 - p)",
        "wrong-point",
    ),
    "dp_dz, tanh's rule": (
        "dp_dz",
        "return 1 - torch.sigmoid(z) ** 2",
        "wrong-rule",
    ),
    "dz, order": ("dz", "return 1.0, x", "swapped"),
    "dz, w for x": ("dz", "return w, 1.0", "wrong-rule wrong-input wrong-point"),
    "dz, b is a constant": ("dz", "return x, 0.0", "zero"),
    "dz, only one": ("dz", "return x", ""),
    "dL_dz, sign": ("dL_dz", "return y - torch.sigmoid(z)", "sign"),
    "dL_dz, score for forecast": ("dL_dz", "return z - y", "wrong-point"),
    "dL_dz, truth forgotten": ("dL_dz", "return torch.sigmoid(z)", "missing-path"),
    "dL_dz, stops at p": (
        "dL_dz",
        "p = torch.sigmoid(z); return -y / p + (1 - y) / (1 - p)",
        "missing-link",
    ),
    "dL_dz, squared error's": (
        "dL_dz",
        "p = torch.sigmoid(z); return (p - y) * p * (1 - p)",
        "wrong-rule",
    ),
    "links, x forgotten": ("links", walk(w="p - y"), "missing-link wrong-input"),
    "links, w for x": ("links", walk(w="(p - y) * w"), "wrong-rule wrong-input"),
    "links, order": ("links", walk(w="p - y", b="(p - y) * x"), "swapped wrong-input"),
    "links, stops at p": (
        "links",
        walk(z=GRADIENTS["p"], w=f"({GRADIENTS['p']}) * x", b=GRADIENTS["p"]),
        "missing-link",
    ),
    "links, y - p": ("links", walk(z="y - p", w="(y - p) * x", b="y - p"), "sign"),
    "batch, sum for mean": (
        "batch",
        ERROR + "    return X.T @ (p - y), (p - y).sum()",
        "reduction",
    ),
    "batch, sign": ("batch", ERROR + "    return -X.T @ e, -e.sum()", "sign"),
    "batch, rows not added": (
        "batch",
        ERROR + "    return X * e[:, None], e.sum()",
        "shape reduction",
    ),
    "batch, b not added": ("batch", ERROR + "    return X.T @ e, e", "shape reduction"),
    "batch, b averaged twice": (
        "batch",
        ERROR + "    return X.T @ e, e.mean()",
        "reduction factor",
    ),
    "batch, score for forecast": (
        "batch",
        "e = (X @ w + b - y) / len(y); return X.T @ e, e.sum()",
        "",
    ),
    "batch, no transpose": ("batch", ERROR + "    return X @ e, e.sum()", ""),
    "stable, naive": (
        "stable",
        "p = torch.sigmoid(z)\nreturn -(y * p.log() + (1 - y) * (1 - p).log()), p - y",
        "not-finite",
    ),
    "stable, clamped": (
        "stable",
        "p = torch.sigmoid(z); q = p.clamp(1e-8, 1 - 1e-8)\n"
        "return -(y * q.log() + (1 - y) * (1 - q).log()), p - y",
        "",
    ),
    "stable, exp overflows": (
        "stable",
        "return (1 - y) * z + torch.log(1 + torch.exp(-z)), torch.sigmoid(z) - y",
        "not-finite",
    ),
    "recap, tangent for secant": (
        "recap",
        "return {'secant': 2 * x, 'slope': 2 * x * torch.cos(x * x),"
        " 'mean': 2 * v / len(v)}",
        "",
    ),
    "recap, inner slope lost": (
        "recap",
        "return {'secant': 2 * x + h, 'slope': torch.cos(x * x),"
        " 'mean': 2 * v / len(v)}",
        "",
    ),
    "recap, sum for mean": (
        "recap",
        "return {'secant': 2 * x + h, 'slope': 2 * x * torch.cos(x * x),"
        " 'mean': 2 * v}",
        "",
    ),
}

RIGHT = {
    "forward, PyTorch's loss": (
        "forward",
        "z = w * x + b; p = 1 / (1 + torch.exp(-z))\n"
        "f = torch.nn.functional.binary_cross_entropy\n"
        "return z, p, f(p.clamp(1e-8, 1 - 1e-8), y)",
    ),
    "forward, by name": (
        "forward",
        "z = w * x + b; p = torch.sigmoid(z); q = p.clamp(1e-8, 1 - 1e-8)\n"
        "return {'L': -torch.log(q if y == 1 else 1 - q), 'p': p, 'z': z}",
    ),
    "dL_dp, one fraction": ("dL_dp", "return (p - y) / (p * (1 - p))"),
    "dL_dp, two cases": ("dL_dp", "return -1 / p if y == 1 else 1 / (1 - p)"),
    "dL_dp, plain numbers": (
        "dL_dp",
        "p, y = float(p), float(y)\nreturn (p - y) / (p * (1 - p))",
    ),
    "dp_dz, exponentials": (
        "dp_dz",
        "return torch.exp(-z) / (1 + torch.exp(-z)) ** 2",
    ),
    "dp_dz, symmetric": (
        "dp_dz",
        "return torch.sigmoid(z) * torch.sigmoid(-z)",
    ),
    "dp_dz, tanh": ("dp_dz", "return (1 - torch.tanh(z / 2) ** 2) / 4"),
    "dz, tensors": ("dz", "return x, torch.ones_like(b)"),
    "dz, by name": ("dz", "return {'b': 1, 'w': x}"),
    "dz, numbers": ("dz", "return float(x), 1"),
    "dL_dz, with exp": ("dL_dz", "return 1 / (1 + torch.exp(-z)) - y"),
    "dL_dz, two links": (
        "dL_dz",
        "p = torch.sigmoid(z)\nreturn (p - y) / (p * (1 - p)) * p * (1 - p)",
    ),
    "dL_dz, one number in a list": ("dL_dz", "return [torch.sigmoid(z) - y]"),
    "links, spelt out": ("links", walk()),
    "links, one after the other": (
        "links",
        NEURON + "    g = {'p': (p - y) / (p * (1 - p))}\n"
        "    g['z'] = g['p'] * p * (1 - p); g['w'] = g['z'] * x; g['b'] = g['z']\n"
        "    return g",
    ),
    "links, in order": (
        "links",
        NEURON + "    return -y / p + (1 - y) / (1 - p), p - y, (p - y) * x, p - y",
    ),
    "batch, a loop": (
        "batch",
        "dw, db = torch.zeros_like(w), 0.0\n"
        "for row, label in zip(X, y):\n"
        "    e = (torch.sigmoid(row @ w + b) - label) / len(y)\n"
        "    dw, db = dw + e * row, db + e\n"
        "return dw, db",
    ),
    "batch, means": (
        "batch",
        "e = torch.sigmoid(X @ w + b) - y\nreturn (e[:, None] * X).mean(0), e.mean()",
    ),
    "batch, einsum": (
        "batch",
        "e = torch.sigmoid(torch.einsum('nd,d->n', X, w) + b) - y\n"
        "return torch.einsum('n,nd->d', e, X) / len(y), e.sum() / len(y)",
    ),
    "stable, where": (
        "stable",
        "t = torch.log1p(torch.exp(-z.abs()))\n"
        "L = torch.where(z > 0, z - y * z + t, t - y * z)\n"
        "return L, torch.sigmoid(z) - y",
    ),
    "stable, softplus": (
        "stable",
        "f = torch.nn.functional.softplus\nreturn f(z) - y * z, torch.sigmoid(z) - y",
    ),
    "recap, simplified": (
        "recap",
        "return {'mean': v * (2 / v.numel()), 'secant': 2 * x + h,"
        " 'slope': 2 * x * torch.cos(x * x)}",
    ),
}


@pytest.fixture(scope="module")
def lesson(open_lesson):
    return open_lesson(NAME)


def write(exercise, body):
    return SIGNATURES[exercise] + "\n" + textwrap.indent(textwrap.dedent(body), "    ")


def test_master_earns_all_points(lesson):
    earned = {name: lesson.mark(name).points for name in lesson.max_points}
    assert earned == lesson.max_points


def test_stubs_earn_nothing_politely(lesson):
    for name in lesson.max_points:
        mark = lesson.mark_stub(name)
        assert (mark.points, mark.statuses) == (0.0, {"unsolved"}), name


@pytest.mark.parametrize("case", RIGHT)
def test_right_answer_in_another_style_earns_all(lesson, case):
    exercise, body = RIGHT[case]
    mark = lesson.mark(exercise, write(exercise, body))
    assert mark.points == lesson.max_points[exercise], str(mark.reports[0])


@pytest.mark.parametrize("case", WRONG)
def test_wrong_answer_fails_and_is_named(lesson, case):
    exercise, body, names = WRONG[case]
    mark = lesson.mark(exercise, write(exercise, body))
    assert mark.points < lesson.max_points[exercise]
    assert all(not report.passed for report in mark.reports)
    if names:
        first = mark.reports[0].diagnosis
        assert first is not None
        assert first.kind in names.split(), first.message


# bug -> (a kind that it is not, inputs at which it hides, inputs of a wrong shape)
HUNTS = {
    "a": ("sign", {"x": 1.0, "y": 0.0, "w": 0.4, "b": 0.3}, {"x": 6.7}),
    "b": (
        "sign",
        {"X": [[0.8, -1.5]], "y": [1.0], "w": [0.4, 0.2], "b": 0.3},
        {"X": [0.8, -1.5], "y": 1.0, "w": [0.4, 0.2], "b": 0.3},
    ),
    "c": ("factor", {"p": 0.3, "y": 1.0}, {"p": 0.3}),
    "d": ("reduction", {"x": 0.7, "y": 0.0, "w": 0.7, "b": 0.3}, {"x": 6.7, "w": 1.0}),
    "e": ("sign", {"z": 0.659}, {"z": [3.0, 1.0]}),
}


def hunt(letter, part, value):
    """An answer to one part of a hunt; the other two stay the master's."""
    return f"def {part}_{letter}(*_):\n    return {value!r}"


@pytest.mark.parametrize("letter", HUNTS)
def test_wrong_kind_costs_a_third(lesson, letter):
    kind = HUNTS[letter][0]
    mark = lesson.mark(f"bug_{letter}", hunt(letter, "kind", kind))
    assert mark.points == pytest.approx(2 / 3, abs=0.01)


@pytest.mark.parametrize("letter", HUNTS)
def test_place_where_it_hides_is_no_witness(lesson, letter):
    hidden = HUNTS[letter][1]
    mark = lesson.mark(f"bug_{letter}", hunt(letter, "witness", hidden))
    assert mark.points == pytest.approx(2 / 3, abs=0.01)


@pytest.mark.parametrize("letter", HUNTS)
def test_witness_that_does_not_fit_is_no_witness(lesson, letter):
    misfit = HUNTS[letter][2]
    mark = lesson.mark(f"bug_{letter}", hunt(letter, "witness", misfit))
    assert mark.points == pytest.approx(2 / 3, abs=0.01)


@pytest.mark.parametrize("letter", HUNTS)
def test_bug_handed_back_is_no_repair(lesson, letter):
    planted = f"repaired_{letter} = handed_in_{letter}"
    mark = lesson.mark(f"bug_{letter}", planted)
    assert mark.points == pytest.approx(2 / 3, abs=0.01)


@pytest.mark.parametrize("letter", HUNTS)
def test_reports_of_a_hunt_do_not_name_the_bug(lesson, letter):
    mark = lesson.mark_stub(f"bug_{letter}")
    assert not mark.kinds
    own = lesson.mark(f"bug_{letter}").reports[0]
    found = next(row.yours for row in own.rows)  # the master names it
    assert found.strip("'\"") not in str(mark.reports[0])


# published values of this neuron, float32: what the lesson prints at the name
REFERENCE = {
    "z": 6.7,
    "p": 0.9988,
    "L": 6.7012,
    "dL_dw": 6.691762447357178,
    "dL_db": 0.998770534992218,
    "w.grad": 6.6918,
    "b.grad": 0.9988,
}


def test_solved_lesson_computes_the_reference_values(lesson):
    _, printed = lesson.run()
    for name, value in REFERENCE.items():
        found = re.search(rf"\b{name} = (\S+)", printed)
        assert found, name
        assert float(found[1]) == pytest.approx(value, rel=1e-5), name


def test_reference_values_are_not_typed_in(lesson):
    text = "".join("".join(cell["source"]) for cell in lesson.cells)
    assert not re.search(r"6\.69|6\.70\d|0\.998", text)


def test_unsolved_lesson_runs_to_its_end(lesson):
    _, printed = lesson.run(solved=False)
    assert "Exercise 5.1 comes first" in printed
    assert "not written down yet" in printed


PLANTED = {
    "a": ("loss_of_one", "w", "draw_student"),
    "b": ("batch_loss", "w", "draw_batch"),
    "c": ("bce", "p", "draw_forecast"),
    "d": ("loss_of_one", "x", "draw_student"),
    "e": ("squash", "z", "draw_score"),
}


@pytest.mark.parametrize("letter", PLANTED)
def test_check_does_not_name_a_planted_bug(lesson, letter):
    of, wrt, draw = PLANTED[letter]
    asked = f"handed_in_{letter}, of={of}, wrt={wrt!r}, draw={draw}"
    cheat = f"report = check.gradient({asked})\n"
    told = "assert (report.passed, report.diagnoses) == (False, ())"
    lesson.mark(f"bug_{letter}", cheat + told)
