"""`gradient`, `value`, `vjp`, `jacobian`, `links`: right and wrong answers."""

import linecache
import math

import numpy
import pytest
import torch

from grader import check
from grader.accelerators.devices import DEVICES, Devices
from grader.answers.inputs import ExerciseError
from grader.check.report import escape


def bce(w, b, x, y):
    p = torch.sigmoid(x @ w + b)
    return -(y * p.log() + (1 - y) * (1 - p).log()).mean()


def draw(generator):
    n, d = check.sizes(generator, 2)
    shapes = {"w": (d,), "b": (), "x": (n, d), "y": (n,)}
    inputs = {
        name: torch.randn(shape, generator=generator, dtype=torch.float64)
        for name, shape in shapes.items()
    }
    return inputs | {"y": (inputs["y"] > 0).double()}


def dw_db(w, b, x, y):
    e = torch.sigmoid(x @ w + b) - y
    return x.T @ e / len(y), e.mean()


def loops(w, b, x, y):
    dw, db = torch.zeros_like(w), 0.0
    for row, label in zip(x, y, strict=True):
        e = torch.sigmoid(row @ w + b) - label
        dw += e * row / len(y)
        db += e.item() / len(y)
    return {"w": dw, "b": db}


# Some are lambdas around the same formula: how it is called is the point.
RIGHT = {
    "vectorised": dw_db,
    "loops, dict, Python float": loops,
    "einsum, list": lambda w, b, x, y: [
        torch.einsum("nd,n->d", x, torch.sigmoid(x @ w + b) - y) / len(y),
        dw_db(w, b, x, y)[1],
    ],
    "numpy": lambda w, b, x, y: tuple(g.numpy() for g in dw_db(w, b, x, y)),
    "numpy scalar": lambda w, b, x, y: (
        dw_db(w, b, x, y)[0],
        numpy.float64(dw_db(w, b, x, y)[1]),
    ),
    "list of numbers": lambda w, b, x, y: (
        dw_db(w, b, x, y)[0].tolist(),
        dw_db(w, b, x, y)[1],
    ),
    "one-entry shape": lambda w, b, x, y: (
        dw_db(w, b, x, y)[0],
        dw_db(w, b, x, y)[1].reshape(1),
    ),
    "float32": lambda w, b, x, y: dw_db(w.float(), b.float(), x.float(), y.float()),
    "float32 inside": lambda w, b, x, y: dw_db(w.float().double(), b, x, y),
    "other names": lambda v, c, data, t: dw_db(v, c, data, t),  # noqa: PLW0108
    "names in another order": lambda y, x, b, w: dw_db(w, b, x, y),
    "positional": lambda *args: dw_db(*args),  # noqa: PLW0108
    "any names": lambda **named: dw_db(**named),  # noqa: PLW0108
    "defaults": lambda w, b, x, y, scale=1.0: dw_db(w, b, x, y),
    "names with a d": lambda w, b, x, y: dict(
        zip(["dw", "db"], dw_db(w, b, x, y), strict=True)
    ),
    "still tracked": lambda w, b, x, y: dw_db(w.requires_grad_(), b, x, y),
    "by autograd": lambda w, b, x, y: torch.autograd.grad(
        bce(w.requires_grad_(), b.requires_grad_(), x, y), (w, b)
    ),
}


@pytest.mark.parametrize("student", RIGHT.values(), ids=RIGHT)
def test_right_answer_earns_all_points(student):
    report = check.gradient(student, of=bce, wrt=("w", "b"), draw=draw)
    assert report.passed, str(report)
    assert report.points(3) == 3.0


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("one-entry shape", "() is one number, (1,) a list that holds one"),
        ("float32", "only about 6 digits could be compared"),
        ("float32 inside", "right only to the precision of float32"),
    ],
)
def test_what_is_accepted_with_a_word_is_told(name, note):
    assert note in str(check.gradient(RIGHT[name], of=bce, wrt=("w", "b"), draw=draw))


def of_dw(change):
    """Make an answer whose part for w is changed; b stays right."""

    def student(w, b, x, y):
        return change(*dw_db(w, b, x, y), x), dw_db(w, b, x, y)[1]

    return student


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("reduction", lambda dw, db, x: dw * len(x)),
        ("sign", lambda dw, db, x: -dw),
        ("factor", lambda dw, db, x: 2 * dw),
        ("zero", lambda dw, db, x: 0 * dw),
        ("none-returned", lambda dw, db, x: None),
        ("none-returned", lambda dw, db, x: "dw"),
        ("dtype", lambda dw, db, x: dw.round().long()),
        ("dtype", lambda dw, db, x: dw + 0j),
        ("dtype", lambda dw, db, x: dw.half()),
        ("shape", lambda dw, db, x: dw[None]),
        ("shape", lambda dw, db, x: dw[1:]),
        ("reduction", lambda dw, db, x: dw.sum()),
        ("not-finite", lambda dw, db, x: dw / 0),
        ("not-finite", lambda dw, db, x: dw * math.nan),
    ],
)
def test_mistake_costs_its_half_and_is_named(kind, change):
    report = check.gradient(of_dw(change), of=bce, wrt=("w", "b"), draw=draw)
    assert report.score == pytest.approx(0.5)
    assert report.status == "partial"
    assert [row.ok for row in report.rows] == [False, True]
    assert report.diagnosis.kind == kind
    assert report.diagnosis.message in str(report)
    page = report._repr_html_().replace("<code>", "`").replace("</code>", "`")
    assert escape(report.diagnosis.message) in page


def test_broadcastable_shape_never_passes():
    def column(w, b, x, y):
        return dw_db(w, b, x, y)[0][:, None]

    report = check.gradient(column, of=bce, wrt="w", draw=draw)
    assert report.score == 0
    assert report.diagnosis.kind == "shape"


@pytest.mark.parametrize("off", [1.001, 0.999])
@pytest.mark.parametrize("size", [1e-8, 1.0, 1e8])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_near_miss_fails_at_any_size(off, size, dtype):
    def student(w, b, x, y):
        return (off * size * dw_db(w, b, x, y)[0]).to(dtype)

    def scaled(w, b, x, y):
        return size * bce(w, b, x, y)

    assert not check.gradient(student, of=scaled, wrt="w", draw=draw).passed


@pytest.mark.parametrize("size", [1e-8, 1.0, 1e8])
@pytest.mark.parametrize("name", ["loops, dict, Python float", "float32"])
def test_rounding_passes_at_any_size(size, name):
    def student(w, b, x, y):
        found = RIGHT[name](w, b, x, y)
        parts = found.values() if isinstance(found, dict) else found
        return tuple(size * part for part in parts)

    def scaled(w, b, x, y):
        return size * bce(w, b, x, y)

    assert check.gradient(student, of=scaled, wrt=("w", "b"), draw=draw).passed


def test_wrong_tiny_gradient_is_no_zero():
    def scaled(w, b, x, y):
        return 1e-30 * bce(w, b, x, y)

    report = check.gradient(
        lambda w, b, x, y: torch.zeros_like(w), of=scaled, wrt="w", draw=draw
    )
    assert report.diagnosis.kind == "zero"


def one_vector(generator):
    (n,) = check.sizes(generator, 1)
    return {"x": torch.randn(n, generator=generator, dtype=torch.float64)}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_zero_by_cancellation_accuses_no_rounding(dtype):
    def student(x):
        s = torch.softmax(x.to(dtype), 0)
        return s - s * s.sum()

    def zero(x):
        return torch.zeros_like(x, dtype=dtype)

    def of(x):
        return torch.softmax(x, 0).sum()

    for _ in range(10):
        assert check.gradient(student, of=of, wrt="x", draw=one_vector).passed
        assert check.gradient(zero, of=of, wrt="x", draw=one_vector).passed


def test_wrong_at_some_draws_only_is_told():
    def student(x):
        return 2 * x if len(x) == 3 else 3 * x

    def of(x):
        return (x**2).sum()

    points = [{"x": torch.randn(n).double()} for n in (3, 5, 3)]
    report = check.gradient(student, of=of, wrt="x", at=points)
    assert report.score == 0
    assert report.headline == "Right at 2 of 3 draws; this one shows the difference."
    assert "x (5,)" in str(report)


def test_given_points_are_checked():
    point = {"x": torch.tensor(3.0)}
    assert check.gradient(lambda x: 2 * x, of=lambda x: x**2, wrt="x", at=point).passed


def test_both_values_and_entries_are_shown():
    report = check.gradient(
        lambda x: 3 * x,
        of=lambda x: (x**2).sum(),
        wrt="x",
        at={"x": torch.tensor([1.5, 2.5]).double()},
    )
    row = report.rows[0]
    assert (row.quantity, row.yours, row.autograd) == (
        "gradient for x",
        "[4.5, 7.5]",
        "[3, 5]",
    )
    assert row.error == pytest.approx(0.5)
    assert [entry.index for entry in row.entries] == ["[1]", "[0]"]


def test_stub_is_friendly_and_worth_nothing():
    def dL_dz(w, b, x, y):
        raise NotImplementedError("Exercise 5.3: return dL_dz")

    report = check.gradient(dL_dz, of=bce, wrt="w", draw=draw)
    assert (report.status, report.points(2)) == ("unsolved", 0.0)
    assert "Exercise 5.3 is not solved yet: return dL_dz." in str(report)
    assert str(report).count("\n") <= 3


def test_error_becomes_three_lines():
    def student(w, b, x, y):
        return x @ undefined  # noqa: F821

    report = check.gradient(student, of=bce, wrt="w", draw=draw)
    assert (report.status, report.score) == ("raised", 0.0)
    assert "NameError: name 'undefined' is not defined" in str(report)
    assert "return x @ undefined" in str(report)
    assert "Traceback" not in str(report)
    assert str(report).count("\n") <= 3


def test_detached_result_is_named():
    def student(x):
        y = (x.requires_grad_() ** 2).sum().detach()
        y.backward()
        return x.grad

    report = check.gradient(
        student, of=lambda x: (x**2).sum(), wrt="x", draw=one_vector
    )
    assert report.diagnosis.kind == "detached"


@pytest.mark.parametrize(
    ("student", "words"),
    [
        (torch.ones(3), "not a function"),
        (lambda w, b, x, y, lr: w, "asks for 'lr'"),
        (lambda w, b, x, y: w, "asks for 2 (w, b)"),
        (lambda w, b, x, y: (w, b, x), "your function returned 3"),
        (lambda w, b, x, y: {"w": w}, "no entry 'b'"),
    ],
    ids=["no function", "asks for more", "one", "three", "dict"],
)
def test_misuse_is_told(student, words):
    report = check.gradient(student, of=bce, wrt=("w", "b"), draw=draw, name="dw")
    assert (report.status, report.score) == ("wrong", 0.0)
    assert words in str(report)


def test_upstream_is_given_for_more_than_one_number():
    def of(x):
        return x**2

    def student(x, upstream):
        return 2 * x * upstream

    assert check.gradient(student, of=of, wrt="x", draw=one_vector).passed
    assert check.gradient(
        lambda x, g: 2 * x * g, of=of, wrt="x", draw=one_vector, upstream="g"
    ).passed


def test_ignored_upstream_fails():
    report = check.gradient(
        lambda x, upstream: 2 * x, of=lambda x: x**2, wrt="x", draw=one_vector
    )
    assert report.score == 0


def test_integers_and_numbers_reach_both_sides():
    def of(x, k, y):
        return (x**k)[y].sum()

    def student(x, k, y):
        g = torch.zeros_like(x)
        for i in y:
            g[i] += k * x[i] ** (k - 1)
        return g

    def indexed(generator):
        x = one_vector(generator)["x"]
        return {"x": x, "k": 3, "y": torch.randint(len(x), (4,), generator=generator)}

    assert check.gradient(student, of=of, wrt="x", draw=indexed).passed


def test_students_function_as_reference_is_refused():
    def of(x):
        return x

    of.__grader_proxy__ = True
    with pytest.raises(ExerciseError, match="cannot be the reference"):
        check.gradient(lambda x: x, of=of, wrt="x", draw=one_vector)


def test_unknown_input_is_the_authors_fault():
    with pytest.raises(ExerciseError, match="wrt names"):
        check.gradient(lambda x: x, of=lambda x: x, wrt="z", draw=one_vector)


class Elsewhere(Devices):
    """Stands for a machine with two devices: every double lies on "cuda"."""

    def name(self, tensor):
        return "cuda" if tensor.dtype == torch.float64 else "cpu"


def test_answer_on_another_device_is_told():
    token = DEVICES.set(Elsewhere())
    report = check.gradient(
        lambda x: (2 * x).float(), of=lambda x: (x**2).sum(), wrt="x", draw=one_vector
    )
    DEVICES.reset(token)
    assert report.passed
    assert "came back on cpu; the inputs are on cuda" in str(report)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_inputs_may_lie_on_a_device():
    def on_cuda(generator):
        return {name: value.cuda() for name, value in draw(generator).items()}

    assert check.gradient(dw_db, of=bce, wrt=("w", "b"), draw=on_cuda).passed
    moved = check.gradient(
        lambda w, b, x, y: [g.cpu() for g in dw_db(w, b, x, y)],
        of=bce,
        wrt=("w", "b"),
        draw=on_cuda,
    )
    assert moved.passed
    assert "came back on cpu; the inputs are on cuda" in str(moved)


def test_value_counts_entry_by_entry():
    def of(x):
        return {"mean": x.mean(), "sum": x.sum(), "n": len(x)}

    def student(x):
        return {"mean": x.mean(), "sum": -x.sum(), "n": len(x)}

    report = check.value(student, of=of, draw=one_vector)
    assert report.score == pytest.approx(2 / 3)
    assert report.diagnosis.kind == "sign"
    assert "the reference's" in str(report)


def test_value_takes_what_is_not_finite_as_it_is():
    def of(x):
        return torch.log(x - x)

    assert check.value(lambda x: torch.log(0 * x), of=of, draw=one_vector).passed
    assert not check.value(lambda x: x, of=of, draw=one_vector).passed


def test_value_reference_may_use_autograd():
    def of(x):
        x.requires_grad_()
        return torch.autograd.grad((x**2).sum(), x)[0]

    assert check.value(lambda x: 2 * x, of=of, draw=one_vector).passed


def test_vjp_takes_upstream_first():
    def of(x):
        return torch.cumsum(x, 0)

    def student(v, x):
        return v.flip(0).cumsum(0).flip(0)

    assert check.vjp(student, of=of, wrt="x", draw=one_vector).passed
    assert not check.vjp(lambda v, x: v, of=of, wrt="x", draw=one_vector).passed


@pytest.mark.parametrize(
    ("student", "kind"),
    [
        (lambda x: torch.ones(len(x), len(x)).tril().double(), None),
        (lambda x: torch.ones(len(x), len(x)).triu().double(), "transposed"),
        (lambda x: -torch.ones(len(x), len(x)).tril().double(), "sign"),
    ],
    ids=["right", "transposed", "sign"],
)
def test_jacobian_is_compared_entry_by_entry(student, kind):
    report = check.jacobian(
        student, of=lambda x: torch.cumsum(x, 0), wrt="x", draw=one_vector
    )
    assert report.passed == (kind is None)
    assert (report.diagnosis.kind if report.diagnosis else None) == kind


def test_jacobian_of_a_matrix_has_all_axes():
    def of(x, a):
        return a @ x

    def student(x, a):
        return torch.einsum("ik,jl->ijkl", a, torch.eye(x.shape[1]).double())

    def matrices(generator):
        n, d, k = check.sizes(generator, 3)
        rand = torch.randn(n * d + d * k, generator=generator, dtype=torch.float64)
        return {"a": rand[: n * d].reshape(n, d), "x": rand[n * d :].reshape(d, k)}

    assert check.jacobian(student, of=of, wrt="x", draw=matrices).passed


def neuron(w, b, x, y):
    z = x @ w + b
    p = torch.sigmoid(z)
    losses = -(y * p.log() + (1 - y) * (1 - p).log())
    return {"z": z, "p": p, "losses": losses, "L": losses.mean()}


def backward(slope):
    """Make a student's chain with its own slope of the sigmoid."""

    def student(w, b, x, y, p):
        dp = (p - y) / (p * (1 - p)) / len(y)
        dz = dp * slope(p)
        return {"p": dp, "z": dz, "w": x.T @ dz, "b": dz.sum()}

    return student


LINKS = ("p", "z", "w", "b")


def test_right_links_earn_all():
    report = check.links(
        backward(lambda p: p * (1 - p)), of=neuron, wrt=LINKS, draw=draw
    )
    assert report.passed, str(report)


def test_first_broken_link_is_named():
    report = check.links(backward(lambda p: 1), of=neuron, wrt=LINKS, draw=draw)
    assert report.score == pytest.approx(1 / 4)
    assert "First broken link, going backward: z." in str(report)
    assert report.diagnosis.kind == "missing-link"
    assert "sigmoid" in report.diagnosis.message


def test_swapped_links_are_named_together():
    def student(w, b, x, y):
        dw, db = dw_db(w, b, x, y)
        return {"w": db.expand(len(w)), "b": dw[0]}

    def one_feature(generator):
        return {k: v[..., :1] if k in "wx" else v for k, v in draw(generator).items()}

    report = check.links(student, of=neuron, wrt=("w", "b"), draw=one_feature)
    assert report.score == 0


def test_link_that_is_no_name_is_the_authors_fault():
    with pytest.raises(ExerciseError, match="neither an input nor an intermediate"):
        check.links(backward(lambda p: 1), of=neuron, wrt=("q",), draw=draw)
    with pytest.raises(ExerciseError, match="last entry is the output"):
        check.links(
            backward(lambda p: 1), of=lambda x: {"x": x}, wrt=("x",), draw=one_vector
        )


def test_planted_bug_is_not_named_and_others_are():
    def of(x):
        return (x**2).sum()

    check.plant(of, lambda x: -2 * x)
    hidden = check.gradient(lambda x: -(x + x), of=of, wrt="x", draw=one_vector)
    assert hidden.diagnosis is None
    assert "This is a planted bug" in str(hidden)
    other = check.gradient(lambda x: 4 * x, of=of, wrt="x", draw=one_vector)
    assert other.diagnosis.kind == "factor"


CELL = "# exercise: {name}\ndef slope(x):\n    return -2 * x\n"


def run_cell(name):
    """Define `slope` in an answer cell, as a kernel does."""
    text, cell, names = CELL.format(name=name), f"<cell {name}>", {}
    linecache.cache[cell] = (len(text), None, text.splitlines(True), cell)
    exec(compile(text, cell, "exec"), names)
    return names["slope"]


@pytest.mark.parametrize(("cell", "kind"), [("slope", "sign"), ("bug_a", None)])
def test_planted_mistake_is_named_in_an_answer_of_ones_own(cell, kind):
    def of(x):
        return (x**2).sum()

    check.plant(of, lambda x: -2 * x)
    report = check.gradient(run_cell(cell), of=of, wrt="x", draw=one_vector)
    assert getattr(report.diagnosis, "kind", None) == kind


def test_planted_bug_with_other_answers_says_nothing_of_itself():
    def broken(w, b, x, y):
        raise ValueError

    def of(w, b, x, y):
        return bce(w, b, x, y)

    check.plant(of, broken, lambda w, b, x, y: -dw_db(w, b, x, y)[0])
    report = check.gradient(
        lambda w, b, x, y: [-g for g in dw_db(w, b, x, y)],
        of=of,
        wrt=("w", "b"),
        draw=draw,
    )
    assert [diagnosis.kind for diagnosis in report.diagnoses] == ["sign"]


def test_broken_link_is_named_in_the_words_of_the_chain():
    def chain(w, x, y):
        p = torch.sigmoid(w * x)
        return {"p": p, "loss": -(y * torch.log(p) + (1 - y) * torch.log(1 - p))}

    def student(y, p):
        return {"p": -(y / p + (1 - y) / (1 - p))}

    def draw(generator):
        w, x = torch.rand(2, generator=generator)
        return [{"w": w, "x": x, "y": torch.tensor(y)} for y in (0.0, 1.0)]

    report = check.links(student, of=chain, wrt=("p",), draw=draw)
    assert (report.diagnosis.kind, report.diagnosis.where) == ("sign", "1 - p")
