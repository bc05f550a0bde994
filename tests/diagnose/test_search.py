"""The search names one wrong step in the words of the reference, or nothing."""

import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F

from grader.diagnose import KINDS, Trial, name_mistake, search
from grader.diagnose.memory import Memory


def neuron(w, b, x, y):
    z = x @ w + b
    p = torch.sigmoid(z)
    return -(y * torch.log(p) + (1 - y) * torch.log(1 - p)).mean()


def draw(seed, n):
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    return {
        "w": normal(3),
        "b": normal(),
        "x": normal(n, 3),
        "y": (normal(n) > 0).double(),
    }


INPUTS = [draw(seed, n) for seed, n in enumerate((5, 7, 11, 13, 17))]


def try_answer(answer, wrt=("w",), of=neuron, cast=torch.float64):
    trials = []
    for inputs in INPUTS:
        found = answer(**{name: value.to(cast) for name, value in inputs.items()})
        found = found if isinstance(found, tuple) else (found,)
        pairs = zip(wrt, found, strict=True)
        trials.append(Trial(inputs, {name: value.double() for name, value in pairs}))
    return name_mistake(of, trials, wrt)


def slope(w, b, x, y):
    return torch.sigmoid(x @ w + b) - y


def right(w, b, x, y):
    return slope(w, b, x, y) @ x / len(x), slope(w, b, x, y).mean()


def left_out(w, b, x, y):
    p = torch.sigmoid(x @ w + b)
    return ((p - y) / (p * (1 - p))) @ x / len(x)


def test_right_answers_get_no_entry():
    assert try_answer(right, ("w", "b")) == {}


def test_link_left_out_is_named_with_its_operation():
    found = try_answer(left_out)["w"]
    assert (found.kind, found.where) == ("missing-link", "torch.sigmoid(z)")
    assert "`torch.sigmoid(z)` by `z`" in found.message


def test_where_to_look_is_one_sentence():
    look = try_answer(left_out)["w"].look
    assert look.endswith(".") and look.count(". ") == 0


def test_swapped_outputs_are_seen_across_names():
    def scalars(w, b):
        return (w * w * b).sum()

    trials = []
    for n in range(5):
        w, b = torch.tensor(1.3 + n), torch.tensor(0.7 - n)
        inputs = {"w": w.double(), "b": b.double()}
        answers = {"w": inputs["w"] ** 2, "b": 2 * inputs["w"] * inputs["b"]}
        trials.append(Trial(inputs, answers))
    found = name_mistake(scalars, trials, ("w", "b"))
    assert [found[name].kind for name in ("w", "b")] == ["swapped", "swapped"]


def test_only_wrong_names_are_named():
    found = try_answer(lambda **i: (right(**i)[0], -right(**i)[1]), ("w", "b"))
    assert {name: d.kind for name, d in found.items()} == {"b": "sign"}


def test_other_readings_come_as_alternatives():
    found = try_answer(lambda w, b, x, y: slope(w, b, x, y) @ x)["w"]
    assert found.kind == "reduction" and found.alternatives
    assert all(other.kind in KINDS for other in found.alternatives)


def test_unexplained_answer_gets_no_name():
    found = try_answer(lambda w, b, x, y: slope(w, b, x, y) @ x / len(x) + 0.1 * w**2)
    assert found == {"w": None}


def test_near_miss_gets_no_name():
    found = try_answer(lambda **i: 1.001 * right(**i)[0])
    assert found == {"w": None}


def test_float32_answer_is_named():
    assert try_answer(left_out, cast=torch.float32)["w"].kind == "missing-link"


@pytest.mark.parametrize("size", [1e-8, 1e8])
def test_size_of_the_gradient_does_not_matter(size):
    def scaled(w, b, x, y):
        return size * neuron(w, b, x, y)

    found = try_answer(lambda **i: size * left_out(**i), of=scaled)
    assert found["w"].kind == "missing-link"


def test_reference_that_cannot_be_taped_is_read_as_a_whole():
    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx, w):
            ctx.save_for_backward(w)
            return w**2

        @staticmethod
        def backward(ctx, g):  # not the derivative of its forward
            return g * 3 * ctx.saved_tensors[0]

    def odd(w, b, x, y):
        return Cube.apply(w).sum() + 0 * b

    assert try_answer(lambda w, b, x, y: 3 * w, of=odd) == {}
    assert try_answer(lambda w, b, x, y: -3 * w, of=odd)["w"].kind == "sign"
    assert try_answer(lambda w, b, x, y: 2 * w + 1, of=odd) == {"w": None}


def test_reference_that_fails_gives_no_name():
    def broken(w, b, x, y):
        raise ValueError

    assert try_answer(lambda **i: i["w"], of=broken) == {"w": None}


def test_no_trial_gives_no_name():
    assert name_mistake(neuron, [], ("w",)) in ({}, {"w": None})


def test_settings_of_the_kernel_are_left_as_they_were():
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    try_answer(left_out)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)


def test_inputs_are_not_changed():
    before = [{name: value.clone() for name, value in i.items()} for i in INPUTS]

    def greedy(w, b, x, y):
        x.mul_(2)
        return neuron(w, b, x, y)

    try_answer(left_out, of=greedy)
    for old, new in zip(before, INPUTS, strict=True):
        assert all(torch.equal(old[name], new[name]) for name in old)


def fused(w, b, x, y):
    return F.binary_cross_entropy_with_logits(x @ w + b, y)


@pytest.mark.parametrize("of", [neuron, fused])
def test_fused_and_written_out_give_the_same_kind(of):
    found = try_answer(lambda w, b, x, y: torch.sigmoid(x @ w + b) @ x / len(x), of=of)
    assert found["w"].kind == "missing-path"


@pytest.mark.process
def test_search_loads_no_large_part_of_torch():
    code = (
        "import sys, torch\n"
        "from grader.diagnose import Trial, name_mistake\n"
        "def of(w, b): return (torch.tanh(w * b + w) ** 2).mean()\n"
        "one = torch.ones(3, dtype=torch.float64)\n"
        "i = [{'w': one * k, 'b': one[0] / k} for k in (1.2, 1.7, 2.3, 0.4, 0.7)]\n"
        "print(name_mistake(of, [Trial(k, {'w': k['w'] ** 3}) for k in i], ('w',)))\n"
        "for name in ('sympy', 'torch._dynamo'):\n"
        "    assert name not in sys.modules, name\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("{'w': None}\n", "")


def score(z, y):
    return F.cross_entropy(z, y)


def score_by_log(z, y):
    return -F.log_softmax(z, 1)[torch.arange(len(y)), y].mean()


def score_by_sum(z, y):
    return (torch.logsumexp(z, 1) - z[torch.arange(len(y)), y]).mean()


def score_by_hand(z, y):
    shares = torch.exp(z) / torch.exp(z).sum(1, keepdim=True)
    return -torch.log(shares[torch.arange(len(y)), y]).mean()


@pytest.mark.parametrize("of", [score, score_by_log, score_by_sum, score_by_hand])
def test_slips_behind_a_softmax_are_named_however_the_loss_is_written(of):
    generator = torch.Generator().manual_seed(3)
    trials = []
    for n in (3, 5, 7, 4, 6):
        z = torch.randn(n, 4, generator=generator, dtype=torch.float64)
        y = torch.randint(4, (n,), generator=generator)
        answer = (torch.sigmoid(z) - F.one_hot(y, 4)) / n
        trials.append(Trial({"z": z, "y": y}, {"z": answer}))
    assert name_mistake(of, trials, ("z",))["z"].kind == "wrong-point"


def test_bias_forgotten_at_one_place_is_named():
    def layer(w, b, x, y):
        return ((torch.tanh(x + b) @ w - y) ** 2).sum()

    def answer(w, b, x, y):
        return 2 * (torch.tanh(x + b) @ w - y) @ torch.tanh(x)

    found = try_answer(answer, of=layer)["w"]
    assert found.kind == "wrong-point" and "without `b`" in found.message


def count_searches(monkeypatch):
    made = []
    search_families = search._search_families
    monkeypatch.setattr(search, "MEMORY", Memory())
    monkeypatch.setattr(
        search,
        "_search_families",
        lambda *given: made.append(given) or search_families(*given),
    )
    return made


def test_answer_that_somebody_gave_before_is_not_searched_for_again(monkeypatch):
    made = count_searches(monkeypatch)
    first = try_answer(left_out)
    assert made
    made.clear()
    assert try_answer(left_out) == first
    assert not made


def test_what_explained_one_answer_is_not_said_of_another(monkeypatch):
    count_searches(monkeypatch)
    try_answer(left_out)
    named = try_answer(lambda w, b, x, y: -slope(w, b, x, y) @ x / len(x))
    assert named["w"].kind == "sign"
