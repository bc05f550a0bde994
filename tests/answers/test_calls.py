"""How a student's function is called, and that all is left as found."""

import random
import sys
import warnings

import numpy
import pytest
import torch

from grader.answers.calls import (
    Misused,
    bind_inputs,
    call_quietly,
    find_line,
    is_library,
    is_unsolved,
    leave_as_found,
)
from grader.errors import GraderError


def state():
    return (
        torch.get_rng_state().tolist(),
        random.getstate(),
        numpy.random.get_state()[1].tolist(),
        torch.is_grad_enabled(),
        torch.get_default_dtype(),
    )


def disturb():
    torch.manual_seed(1)
    random.seed(1)
    numpy.random.seed(1)
    torch.set_grad_enabled(False)
    torch.set_default_dtype(torch.float64)


def test_states_are_left_as_found():
    before = state()
    with leave_as_found():
        disturb()
    assert state() == before


def test_states_are_left_as_found_after_an_error():
    before = state()
    with pytest.raises(ZeroDivisionError), leave_as_found():
        disturb()
        1 / 0  # noqa: B018
    assert state() == before


def test_libraries_that_are_not_loaded_stay_so(monkeypatch):
    monkeypatch.delitem(sys.modules, "numpy.random")
    with leave_as_found():
        pass
    assert "numpy.random" not in sys.modules


def test_noise_is_caught_and_noted(capfd):
    def noisy():
        print("to stdout")
        print("to stderr", file=sys.stderr)
        warnings.warn("a warning", stacklevel=1)
        return 7

    outcome = call_quietly(noisy)
    assert capfd.readouterr() == ("", "")
    assert outcome.value == 7
    assert "a warning" in outcome.notes[0]
    assert "to stdout" in outcome.notes[1]


@pytest.mark.parametrize("raised", [ValueError, SystemExit, MemoryError])
def test_any_error_of_the_students_comes_back(raised):
    def fails():
        raise raised("x")

    assert isinstance(call_quietly(fails).error, raised)


@pytest.mark.parametrize("raised", [GraderError, KeyboardInterrupt])
def test_what_is_not_the_students_passes(raised):
    def fails():
        raise raised("x")

    with pytest.raises(raised):
        call_quietly(fails)


INPUTS = {"x": 1, "y": 2}


@pytest.mark.parametrize(
    ("function", "given"),
    [
        (lambda x, y: (x, y), (1, 2)),
        (lambda y, x: (y, x), (2, 1)),
        (lambda y: y, 2),
        (lambda a, b: (a, b), (1, 2)),
        (lambda a, x: (a, x), (2, 1)),
        (lambda x, /, y: (x, y), (1, 2)),
        (lambda *, y, x: (x, y), (1, 2)),
        (lambda *a: a, (1, 2)),
        (lambda x, *a: (x, a), (1, (2,))),
        (lambda **k: k, {"x": 1, "y": 2}),
        (lambda x, z=5: (x, z), (1, 5)),
        (lambda z=5, x=0: (z, x), (5, 1)),
        (max, 2),
    ],
)
def test_inputs_find_their_parameters(function, given):
    args, kwargs = bind_inputs(function, INPUTS)
    assert function(*args, **kwargs) == given


def test_missing_input_is_told():
    with pytest.raises(Misused, match="asks for 'c'; this exercise gives x, y"):
        bind_inputs(lambda a, b, c: a, INPUTS)


def test_line_of_the_students_code_is_found():
    def student(x):
        return torch.ones(2) @ torch.ones(3)

    assert find_line(call_quietly(student, 1).error) == (
        "return torch.ones(2) @ torch.ones(3)"
    )


def test_line_of_a_proxy_is_taken_from_it():
    error = ValueError("x")
    error.__grader_line__ = "  return x / 0  "
    assert find_line(error) == "return x / 0"


def test_stub_is_told_from_torchs_own_refusal():
    def stub():
        raise NotImplementedError("Exercise 1.1: return it")

    def torchs():
        torch.nn.Module()(1)

    assert is_unsolved(call_quietly(stub).error)
    assert not is_unsolved(call_quietly(torchs).error)
    assert not is_unsolved(ValueError())


def test_library_files_are_known():
    assert is_library(torch.__file__)
    assert is_library(random.__file__)
    assert not is_library("/tmp/ipykernel_1/123.py")
    assert not is_library(__file__)
