"""The tape holds the reference's computation, step by step, in its own words."""

import pytest
import torch
import torch.nn.functional as F

from grader.diagnose.tape import Pass, Traits, record_tape
from grader.diagnose.tape.source import SiteFinder


def numbers(*shape):
    g = torch.Generator().manual_seed(len(shape))
    return torch.rand(shape, generator=g, dtype=torch.float64) + 0.2


def record(of, variant=0, **inputs):
    return record_tape(of, inputs, SiteFinder(), variant)


def gradient_gap(of, inputs):
    """How far the tape's own backward pass is from autograd's."""
    tape = record(of, **inputs)
    backward = Pass(tape, ["x"], None, Traits())
    leaves = {name: value.clone() for name, value in inputs.items()}
    leaf = leaves["x"].requires_grad_()
    moved = {name: value.clone() for name, value in leaves.items()}
    (right,) = torch.autograd.grad(of(**moved).sum(), leaf)
    return float((backward.adjoint[tape.inputs["x"]] - right).abs().max())


def written(of, **inputs):
    return [step.words for step in record(of, **inputs).steps]


def test_steps_are_named_as_written():
    def of(x, b):
        z = x * b
        return torch.log(z)

    assert written(of, x=numbers(3), b=numbers(3)) == ["x * b", "torch.log(z)"]


def test_broadcast_is_a_step_of_its_own():
    tape = record(lambda x, b: x + b, x=numbers(3, 2), b=numbers(2))
    assert [step.operation for step in tape.steps] == ["broadcast", "add"]


def test_fused_call_is_taken_apart_and_kept_whole():
    tape = record(lambda x: F.softmax(x, dim=0), x=numbers(4))
    assert [step.operation for step in tape.steps] == ["exp", "sum", "broadcast", "div"]
    assert [step.operation for step in tape.fused] == ["softmax"]


def test_second_way_is_used_where_there_is_one():
    tape = record(lambda x: F.log_softmax(x, 0), variant=1, x=numbers(4))
    assert tape.used_variant
    assert not record(lambda x: x.exp(), variant=1, x=numbers(4)).used_variant


def test_source_that_cannot_be_read_gives_plain_names():
    space = {"torch": torch}
    exec("def of(x):\n    return torch.tanh(x)", space)
    assert written(space["of"], x=numbers(2)) == ["tanh(x)"]


def grow(x):
    out = torch.zeros(3, *x.shape, dtype=x.dtype)
    state = x
    for t in range(3):
        state = state * x + 1
        out[t] = state
    out += x
    return out


def through_a_view(x):
    y = x * 2
    row = y[0]
    row.mul_(3)
    y[1] += row
    return y * row


def with_out(x):
    kept = torch.empty_like(x)
    torch.mul(x, 3, out=kept)
    return kept + x


def constants(x):
    with torch.no_grad():
        scale = x.max()
    return x / scale + x.detach()


def several_results(x):
    first, second = x.chunk(2)
    values, _ = torch.sort(first)
    return values * second.max(dim=0).values


def looped(x):
    return sum(row.prod() for row in x) + x.T.sum()


@pytest.mark.parametrize(
    "of", [grow, through_a_view, constants, several_results, looped]
)
def test_backward_pass_of_the_tape_is_autograds(of):
    assert gradient_gap(of, {"x": numbers(4, 3)}) < 1e-12


FUSED = {
    "linear": lambda x: F.linear(x, x[:2], x[0, :2]),
    "layer_norm": lambda x: F.layer_norm(x, (3,), x[0], x[1]),
    "rms_norm": lambda x: F.rms_norm(x, (3,), x[0]),
    "batch_norm": lambda x: F.batch_norm(x, None, None, x[0], x[1], training=True),
    "cross_entropy": lambda x: F.cross_entropy(x, torch.tensor([0, 1, 2, 2])),
    "bce": lambda x: F.binary_cross_entropy(x / 2, x.detach() / 2),
    "bce_with_logits": lambda x: F.binary_cross_entropy_with_logits(x, x.round()),
    "mse": lambda x: F.mse_loss(x, x.flip(0), reduction="sum"),
    "huber": lambda x: F.huber_loss(3 * x, x.flip(0)),
    "smooth_l1": lambda x: F.smooth_l1_loss(3 * x, x.flip(0)),
    "kl_div": lambda x: F.kl_div(x, x.softmax(1), reduction="batchmean"),
    "gaussian_nll": lambda x: F.gaussian_nll_loss(x, x.flip(0), x),
    "gelu": lambda x: F.gelu(x) + F.gelu(x, approximate="tanh"),
    "silu": lambda x: F.silu(x) + F.mish(x) + F.softplus(x, beta=2),
    "glu": lambda x: F.glu(x[:, :2]),
    "logsigmoid": lambda x: F.logsigmoid(2 * x),
    "logsumexp": lambda x: x.logsumexp(dim=1),
    "std": lambda x: x.std() + x.var(dim=0, unbiased=False),
    "norm": lambda x: x.norm() + torch.linalg.norm(x[0]) + x.norm(p=1, dim=1),
    "normalize": lambda x: F.normalize(x, dim=0),
    "cosine": lambda x: F.cosine_similarity(x, x.flip(0)),
    "distance": lambda x: F.pairwise_distance(x, x.flip(0)) + torch.dist(x, x.flip(0)),
    "cdist": lambda x: torch.cdist(x, x + 1),
    "products": lambda x: torch.dot(x[0], x[1]) + torch.outer(x[0], x[1]),
    "addmm": lambda x: torch.addmm(x[:3], x[:3].T, x[:3], beta=2, alpha=3),
    "attention": lambda x: F.scaled_dot_product_attention(x, x, x),
    "embedding": lambda x: F.embedding(torch.tensor([1, 1, 3]), x),
    "group_norm": lambda x: F.group_norm(x[:, :2], 2),
    "bilinear": lambda x: F.bilinear(x, x, torch.ones(2, 3, 3, dtype=x.dtype)),
    "lerp": lambda x: torch.lerp(x, x.flip(0), 0.3) + torch.addcmul(x, x, x),
    "trace": lambda x: torch.trace(x[:3]),
}


@pytest.mark.parametrize("of", FUSED.values(), ids=FUSED)
def test_rule_gives_the_value_and_gradient_of_the_call(of):
    assert gradient_gap(of, {"x": numbers(4, 3)}) < 1e-10


@pytest.mark.parametrize("name", FUSED)
def test_rule_is_used(name):
    tape = record(FUSED[name], x=numbers(4, 3))
    assert tape.fused


def test_change_with_out_is_written():
    tape = record(with_out, x=numbers(3))
    assert torch.equal(tape.output.data, 4 * numbers(3))


def test_reference_that_gives_no_tensor_has_no_tape():
    assert record(lambda x: 3.0, x=numbers(2)) is None
    assert record(lambda x: x.no_such_thing, x=numbers(2)) is None
