"""What a test does to libraries and settings is put back."""

import math
import os
import random
import sys
import warnings

import numpy as np
import torch

from grader.examine.guard import (
    SeedWatch,
    derive,
    keep_libraries,
    keep_settings,
    seed_all,
)


def test_patches_of_modules_and_classes_are_undone():
    allclose, backward = np.allclose, torch.Tensor.backward
    with keep_libraries():
        np.allclose = torch.Tensor.backward = None
        math.new_name = 1
        del np.pi
    assert (np.allclose, torch.Tensor.backward) == (allclose, backward)
    assert np.pi > 3 and not hasattr(math, "new_name")


def test_settings_are_undone(tmp_path):
    state = random.getstate(), os.getcwd(), len(sys.path), len(warnings.filters)
    with keep_settings():
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        np.set_printoptions(precision=2)
        random.seed(1)
        os.environ["GRADER_TEST"] = "1"
        os.chdir(tmp_path)
        sys.path.insert(0, "x")
        warnings.simplefilter("ignore")
    assert torch.get_default_dtype() is torch.float32 and torch.is_grad_enabled()
    assert np.get_printoptions()["precision"] == 8 and "GRADER_TEST" not in os.environ
    assert state == (
        random.getstate(),
        os.getcwd(),
        len(sys.path),
        len(warnings.filters),
    )


def test_secrets_of_parts_differ():
    assert len({derive(b"s", "a"), derive(b"s", "b"), derive(b"t", "a")}) == 3
    assert derive(b"s", "a", "b") != derive(b"s", "ab")


def test_seeds_are_sent_only_after_a_test_set_one():
    with keep_libraries(), keep_settings():
        seed_all(b"secret")
        watch = SeedWatch()
        watch.patch()
        np.random.rand()
        assert watch.read() is None
        np.random.seed(3)
        assert set(watch.read()) == {"numpy"}
        assert watch.read() is None
        np.random.rand()
        assert watch.read() is not None
        watch.start_cell()
        assert watch.read() is None
