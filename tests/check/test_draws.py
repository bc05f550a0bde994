"""Where random inputs come from."""

import math

import pytest
import torch

from grader.accelerators.devices import DEVICES, Devices
from grader.answers.inputs import ExerciseError
from grader.check.draws import SEED, Cases, make_generator, pick_device, sizes


def first_number(name):
    return torch.rand(1, generator=make_generator(name)).item()


def test_same_seed_gives_the_same_draws():
    SEED.set(b"a")
    first = [first_number("f"), first_number("f")]
    SEED.set(b"b")
    other = [first_number("f"), first_number("f")]
    SEED.set(b"a")
    assert [first_number("f"), first_number("f")] == first
    assert not set(first) & set(other)


def test_each_call_and_each_name_has_draws_of_its_own():
    SEED.set(b"a")
    assert first_number("f") != first_number("f")
    SEED.set(b"b")
    first = first_number("f")
    SEED.set(b"a")
    SEED.set(b"b")
    assert first_number("g") != first


def test_without_a_seed_draws_are_fresh():
    SEED.set(None)
    assert first_number("f") != first_number("f")


@pytest.mark.parametrize("n", range(1, 6))
def test_sizes_are_distinct_primes(n):
    found = sizes(torch.Generator().manual_seed(n), n)
    assert len(set(found)) == n
    assert all(math.gcd(p, math.factorial(p - 1)) == 1 for p in found)


@pytest.mark.parametrize("n", [0, 6])
def test_sizes_refuse_what_there_is_not(n):
    with pytest.raises(ValueError, match="between 1 and 5"):
        sizes(torch.Generator(), n)


def test_sizes_vary():
    generator = torch.Generator().manual_seed(0)
    assert len({sizes(generator, 2) for _ in range(20)}) > 5


def test_draw_may_give_several_cases():
    cases = Cases(lambda g: [{"x": 0}, {"x": 1}], None, "f")
    assert [case["x"] for case in cases.take(2)] == [0, 1, 0, 1]
    assert len(cases.take(3)) == 6


def test_given_points_are_all_there_is():
    cases = Cases(None, [{"x": 1}, {"x": 2}], "f")
    assert cases.take(5) == [{"x": 1}, {"x": 2}]
    assert not cases.are_drawn


@pytest.mark.parametrize(
    ("draw", "at"),
    [
        (None, None),
        (lambda g: {}, {}),
        (lambda g: 3, None),
        (lambda g: [], None),
        (lambda g: {1: 2}, None),
    ],
    ids=["neither", "both", "no dict", "no case", "no names"],
)
def test_faulty_exercise_is_its_authors_matter(draw, at):
    with pytest.raises(ExerciseError):
        Cases(draw, at, "f").take(1)


class WithCuda(Devices):
    """Stands for a machine with a device."""

    def pick(self):
        return "cuda"


def test_device_is_picked_where_there_is_one():
    token = DEVICES.set(WithCuda())
    assert pick_device() == "cuda"
    DEVICES.reset(token)
    assert pick_device() in {"cpu", "cuda"}
