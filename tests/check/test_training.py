"""Training paths, effects on tensors and expected errors."""

import pytest
import torch

from grader import check
from grader.answers.inputs import ExerciseError


def mse(w, b, x, y):
    return ((w * x + b - y) ** 2).mean()


def line(generator):
    (n,) = check.sizes(generator, 1)
    x = torch.randn(2 * n + 2, generator=generator, dtype=torch.float64)
    return {"w": x[0], "b": x[1], "x": x[2 : n + 2], "y": x[n + 2 :]}


def slopes(w, b, x, y):
    e = w * x + b - y
    return 2 * (e * x).mean(), 2 * e.mean()


def train(w, b, x, y, *, lr, steps):
    path = []
    for _ in range(steps):
        dw, db = slopes(w, b, x, y)
        w, b = w - lr * dw, b - lr * db
        path.append((w, b))
    return path


def check_path(student, steps=4):
    return check.path(
        student, loss=mse, params=("w", "b"), draw=line, lr=0.05, steps=steps
    )


RIGHT = {
    "tuples": train,
    "dicts": lambda **k: [{"b": b, "w": w} for w, b in train(**k)],
    "columns": lambda **k: dict(zip("wb", zip(*train(**k), strict=True), strict=True)),
    "with the start": lambda **k: [(k["w"], k["b"]), *train(**k)],
    "stacked": lambda **k: torch.stack([torch.stack(s) for s in train(**k)]),
    "numbers": lambda **k: [(w.item(), b.item()) for w, b in train(**k)],
}


@pytest.mark.parametrize("student", RIGHT.values(), ids=RIGHT)
def test_right_path_earns_all(student):
    report = check_path(student)
    assert report.passed, str(report)


def test_autograd_path_earns_all():
    def student(w, b, x, y, *, lr, steps):
        w, b = w.requires_grad_(), b.requires_grad_()
        path = []
        for _ in range(steps):
            mse(w, b, x, y).backward()
            with torch.no_grad():
                for leaf in (w, b):
                    leaf -= lr * leaf.grad  # noqa: PLW2901  (in place is the point)
                    leaf.grad = None
            path.append((w.clone(), b.clone()))
        return path

    assert check_path(student).passed


def wrong_loop(change):
    """Make a loop from one changed step: (state, slopes, old slopes, lr) → state."""

    def student(w, b, x, y, *, lr, steps):
        state, old, path = (w, b), None, []
        for _ in range(steps):
            now = slopes(*state, x, y)
            state, old = change(state, now, old, lr, (x, y))
            path.append(state)
        return path

    return student


def step(state, grads, lr):
    return tuple(p - lr * g for p, g in zip(state, grads, strict=True))


def stale(state, now, old, lr, data):
    total = now if old is None else tuple(map(sum, zip(now, old, strict=True)))
    return step(state, total, lr), total


def in_turn(state, now, old, lr, data):
    w = state[0] - lr * now[0]
    return (w, state[1] - lr * slopes(w, state[1], *data)[1]), now


WRONG = {
    "stale": (stale, "accumulated", 2),
    "ascends": (lambda s, n, o, lr, d: (step(s, n, -lr), n), "sign", 1),
    "in turn": (in_turn, "wrong-point", 1),
    "still": (lambda s, n, o, lr, d: (s, n), "zero", 1),
    "once": (
        lambda s, n, o, lr, d: (step(s, n, lr) if o is None else s, n),
        "detached",
        2,
    ),
    "first slope": (
        lambda s, n, o, lr, d: (step(s, o or n, lr), o or n),
        "wrong-point",
        2,
    ),
    "no lr": (lambda s, n, o, lr, d: (step(s, n, 1), n), "factor", 1),
    "lr twice": (lambda s, n, o, lr, d: (step(s, n, lr**2), n), "factor", 1),
    "b stays": (lambda s, n, o, lr, d: ((step(s, n, lr)[0], s[1]), n), "zero", 1),
    "sum for mean": (
        lambda s, n, o, lr, d: (step(s, n, lr * len(d[0])), n),
        "reduction",
        1,
    ),
    "half": (lambda s, n, o, lr, d: (step(s, n, lr / 2), n), "factor", 1),
}


@pytest.mark.parametrize(("change", "kind", "first"), WRONG.values(), ids=WRONG)
def test_wrong_loop_is_named_with_its_first_step(change, kind, first):
    report = check_path(wrong_loop(change))
    assert not report.passed
    assert report.diagnosis.kind == kind, str(report)
    assert f"The first step that is off is step {first}." in str(report)


def recorded(pick):
    def student(**inputs):
        path = train(**inputs)
        return pick([(inputs["w"], inputs["b"]), *path])

    return student


@pytest.mark.parametrize(
    ("pick", "words"),
    [
        (lambda path: path[:-1], "before its step"),
        (lambda path: [path[-1]] * (len(path) - 1), "the last parameters"),
    ],
    ids=["before", "last"],
)
def test_wrong_record_is_named(pick, words):
    assert words in str(check_path(recorded(pick)))


@pytest.mark.parametrize(
    ("student", "words"),
    [
        (lambda **k: train(**k)[:2], "2 entries; one for each of 4 steps"),
        (lambda **k: 3, "The path is an int (3); a list of 4 states"),
        (lambda **k: [s[0] for s in train(**k)], "the parameters w, b are meant"),
        (lambda **k: None, "is None"),
    ],
    ids=["short", "number", "one parameter", "none"],
)
def test_misuse_is_told(student, words):
    report = check_path(student)
    assert report.score == 0
    assert words in str(report)


def test_half_the_parameters_earn_half():
    def student(**inputs):
        return [(w, b + 1) for w, b in train(**inputs)]

    assert check_path(student).score == pytest.approx(0.5)


def test_single_parameter_needs_no_tuples():
    def student(w, b, x, y, *, lr, steps):
        path = []
        for _ in range(steps):
            w = w - lr * slopes(w, b, x, y)[0]
            path.append(w)
        return path

    report = check.path(student, loss=mse, params="w", draw=line, lr=0.1, steps=3)
    assert report.passed, str(report)


def leaf(generator):
    x = torch.randn(3, generator=generator, dtype=torch.float64)
    old = torch.randn(3, generator=generator, dtype=torch.float64)
    x.requires_grad_().grad = old
    return {"x": x, "lr": 0.1}


def expect(x, lr):
    x.grad = None
    (x**2).sum().backward()
    with torch.no_grad():
        x -= lr * x.grad
    return {"returns": True, "x.grad": x.grad, "x": x}


def test_consequences_are_judged():
    def student(x, lr):
        x.grad.zero_()
        (x * x).sum().backward()
        x.data -= lr * x.grad
        return True

    report = check.effects(student, expect=expect, draw=leaf)
    assert report.passed, str(report)
    assert [row.quantity for row in report.rows] == [
        "returned value",
        "x.grad",
        "x afterwards",
    ]


def test_each_effect_counts_by_itself():
    def student(x, lr):
        (x**2).sum().backward()
        return True

    report = check.effects(student, expect=expect, draw=leaf)
    assert [row.ok for row in report.rows] == [True, False, False]


@pytest.mark.parametrize(
    ("student", "kind"),
    [
        (lambda x: [(x**2).sum().backward() for _ in range(3)], "accumulated"),
        (lambda x: None, "detached"),
        (lambda x: (-(x**2)).sum().backward(), "sign"),
        (lambda x: (x**2 * 0).sum().backward(), "zero"),
    ],
)
def test_wrong_gradient_left_behind_is_named(student, kind):
    def fresh(generator):
        return {"x": torch.randn(3, generator=generator).double().requires_grad_()}

    def expect(x):
        (x**2).sum().backward()
        return {"x.grad": x.grad}

    report = check.effects(student, expect=expect, draw=fresh)
    assert report.diagnosis.kind == kind


def test_none_may_be_expected():
    def expect(x, lr):
        return {"x.grad": None, "returns": None}

    def clear(x, lr):
        x.grad = None

    assert check.effects(clear, expect=expect, draw=leaf).passed
    assert check.effects(lambda x, lr: 1, expect=expect, draw=leaf).score == 0


def test_doing_nothing_earns_nothing():
    def expect(x, lr):
        return {"x.grad": x.grad, "x": x.detach() - lr}

    assert check.effects(lambda x, lr: None, expect=expect, draw=leaf).score == 0
    assert check.effects(lambda x, lr: x.data.sub_(lr), expect=expect, draw=leaf).passed


def test_inputs_stay_as_they_were():
    x = torch.ones(2, requires_grad=True)
    x.grad = torch.full((2,), 7.0)
    check.effects(
        lambda x: x.sum().backward(),
        expect=lambda x: {"x.grad": x.grad + 1},
        at={"x": x},
    )
    assert x.grad.tolist() == [7.0, 7.0]


@pytest.mark.parametrize("expected", [{}, None, {"y": 1}, {"y.grad": 1}])
def test_faulty_expectation_is_its_authors_matter(expected):
    with pytest.raises(ExerciseError):
        check.effects(lambda x, lr: 1, expect=lambda x, lr: expected, draw=leaf)


def backward_twice():
    y = torch.ones(2, requires_grad=True).exp().sum()
    y.backward()
    y.backward()


def test_expected_error_earns_all():
    report = check.error(backward_twice, raises=RuntimeError)
    assert report.passed
    assert "It raises RuntimeError" in str(report)


@pytest.mark.parametrize(
    ("student", "status", "words"),
    [
        (lambda: 3, "wrong", "raised nothing and returned an int (3)"),
        (lambda: 1 / 0, "wrong", "raised ZeroDivisionError; RuntimeError is asked for"),
        (lambda: undefined, "wrong", "raised NameError"),  # noqa: F821
    ],
)
def test_other_outcomes_are_told(student, status, words):
    report = check.error(student, raises=RuntimeError)
    assert (report.status, report.score) == (status, 0.0)
    assert words in str(report)


def test_stub_does_not_pass_for_its_base_class():
    def stub():
        raise NotImplementedError("Exercise 7.1: raise it")

    assert check.error(stub, raises=RuntimeError).status == "unsolved"
    assert check.error(stub, raises=NotImplementedError).passed


def test_error_may_need_inputs():
    def student(x):
        x.sum().backward()

    draw = lambda generator: {"x": torch.ones(2)}  # noqa: E731
    assert check.error(student, raises=(ValueError, RuntimeError), draw=draw).passed


def test_gradient_left_from_before_is_named():
    def fresh_grad(x):
        (x**3).sum().backward()
        return x.grad

    def draw(generator):
        x = torch.rand(3, generator=generator).requires_grad_()
        x.grad = torch.full((3,), 7.0)
        return {"x": x}

    def expect(x):
        return {"returns": 3 * x.detach() ** 2}

    report = check.effects(fresh_grad, expect=expect, draw=draw)
    assert report.diagnosis.kind == "accumulated"
    assert "x.grad before" in report.diagnosis.message


@pytest.mark.parametrize(
    ("step", "kind"), [(lambda b: b - 1, "zero"), (lambda b: b.add_(2), "sign")]
)
def test_argument_that_moves_not_or_the_wrong_way_is_named(step, kind):
    draw = lambda generator: {"b": torch.rand(3, generator=generator)}  # noqa: E731
    report = check.effects(step, expect=lambda b: {"b": b - 2}, draw=draw)
    assert (report.score, report.diagnosis.kind) == (0, kind)


@pytest.mark.parametrize(
    ("left", "told"),
    [(1.0, "w.grad holds a gradient at the end"), (0.0, "None is due")],
)
def test_gradient_where_none_is_due_is_told(left, told):
    def student(w):
        w.grad = torch.full_like(w, left)

    report = check.effects(student, expect=lambda w: {"w.grad": None}, draw=draw_leaf)
    assert told in str(report)


def draw_leaf(generator):
    return {"w": torch.rand(3, generator=generator).requires_grad_()}
