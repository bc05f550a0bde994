"""Known results of the topics, found in what an executed master prints."""

import re
from functools import cache

import pytest

pytestmark = pytest.mark.notebook  # each lesson is executed once

SPRING = [  # w, b after each epoch, and the loss before it
    ("3.5000", "1.2000", "41.0000"),
    ("1.1500", "0.4100", "18.4150"),
    ("2.7200", "0.9530", "8.2744"),
    ("1.6635", "0.6024", "3.7210"),
    ("2.3671", "0.8502", "1.6763"),
    ("1.8914", "0.6966", "0.7579"),
    ("2.2060", "0.8116", "0.3453"),
    ("1.9912", "0.7463", "0.1597"),
    ("2.1313", "0.8014", "0.0761"),
    ("2.0337", "0.7755", "0.0383"),
]
NOISY = [  # epoch, loss before it, w, b after it
    (20, "2.3416", "0.6630", "0.3662"),
    (40, "1.0303", "1.1058", "0.5999"),
    (60, "0.4566", "1.4017", "0.7487"),
    (80, "0.2051", "1.5996", "0.8432"),
    (100, "0.0947", "1.7320", "0.9030"),
]
PRINTED = [  # lesson, a pattern of one line that it prints
    # y = x²: the slope by hand, and what autograd leaves
    ("02-slopes-and-the-chain", r"height 9\.0 +slope 6\.0"),
    ("02-slopes-and-the-chain", r"x = 3\.0 +x\.grad = 6\.0"),
    ("02-slopes-and-the-chain", r"x = 6\.7 +x\.grad = 13\.4"),
    # y = x² + 3x + 1
    ("02-slopes-and-the-chain", r"height at 2: 11\.0 +slope at 2: 7\.0"),
    # z = sin(x²)
    ("02-slopes-and-the-chain", r"x = 3\.0 +z = 0\.4121 +dz/dx = -5\.4668"),
    ("02-slopes-and-the-chain", r"x = 4\.0 +z = -0\.2879 +dz/dx = -7\.6613"),
    # y = ax² + bx + 1, z = y² + 2y at x = 1, a = 2, b = 3
    ("03-graphs-and-branches", r"'y': 6\.0.*'z': 48\.0"),
    ("03-graphs-and-branches", r"dz/dx = 98\.0 +leaf: True"),
    ("03-graphs-and-branches", r"dz/da = 14\.0 +leaf: True"),
    ("03-graphs-and-branches", r"dz/db = 14\.0 +leaf: True"),
    # a second backward on sin(x²)
    ("03-graphs-and-branches", r"^RuntimeError: "),
    # the sum of x² + 3x + 1, and the mean of x²
    ("04-vectors-mean-and-sum", r"terms = tensor\(\[ 5\., 11\., 19\.\].*sum = 35\.0"),
    ("04-vectors-mean-and-sum", r"gradient = tensor\(\[5\., 7\., 9\.\]"),
    ("04-vectors-mean-and-sum", r"^y = 4\.6667"),
    ("04-vectors-mean-and-sum", r"autograd: tensor\(\[0\.6667, 1\.3333, 2\.0000\]"),
    # one neuron, by hand and by autograd (and without rounding in test_one_neuron.py)
    ("05-one-neuron", r"^z = 6\.7 +p = 0\.9988 +L = 6\.7012"),
    ("05-one-neuron", r"^dL_dw = 6\.691762447357178$"),
    ("05-one-neuron", r"^dL_db = 0\.998770534992218$"),
    ("05-one-neuron", r"^w\.grad = 6\.6918 +b\.grad = 0\.9988"),
    # y = x² + k at x = 1, called back three times, then cleared
    ("06-accumulation", r"after call 1: x\.grad = 2$"),
    ("06-accumulation", r"after call 2: x\.grad = 4$"),
    ("06-accumulation", r"after call 3: x\.grad = 6$"),
    ("06-accumulation", r"after x\.grad\.zero_\(\): x\.grad = 0$"),
    # tracking off in three ways, and what backward says of it
    ("07-gradients-off", r"^detach +requires_grad = False"),
    ("07-gradients-off", r"^no_grad +requires_grad = False"),
    ("07-gradients-off", r"^requires_grad_ +requires_grad = False"),
    ("07-gradients-off", r"^detach +RuntimeError: "),
    ("07-gradients-off", r"^no_grad +RuntimeError: "),
    # y = 2x + 1 at 1, 2, 3, 4 by manual SGD: w, b, loss of ten epochs
    *(
        ("08-linear-regression", rf"^w {w}   b {b}   loss {loss}$".replace(".", r"\."))
        for w, b, loss in SPRING
    ),
    # a hundred noisy readings, seed 42
    *(
        ("08-linear-regression", rf"epoch +{epoch}   loss {loss}   w {w}   b {b}$")
        for epoch, loss, w, b in NOISY
    ),
    # a torch.autograd.Function by hand, through .apply, and gradcheck of it
    ("09-custom-functions", r"^Square passes: True$"),
    # a Function of one's own agrees with autograd, and passes gradcheck
    ("09-custom-functions", r"^yours +x\.grad = \[2\.0, 40\.0, 600\.0\]"),
    ("09-custom-functions", r"^PyTorch's +x\.grad = \[2\.0, 40\.0, 600\.0\]"),
    ("09-custom-functions", r"^Square passes: True"),
    ("09-custom-functions", r"^Deaf passes: False"),
    # y = ax² + bx + 1, z = y² + 2y once more, by an engine of one's own and by PyTorch
    (
        "11-tiny-autograd",
        r"z = 48\.0 +dz/dx = 98\.0 +dz/da = 14\.0 +dz/db = 14\.0",
    ),
    ("11-tiny-autograd", r"z = 48\.0 +gradients \[98\.0, 14\.0, 14\.0\]"),
    # second calls that accumulate: inner nodes too, or leaves alone
    ("11-tiny-autograd", r"a\.grad after 1, 2, 3, 4 calls: \[4, 12, 24, 40\]"),
    ("11-tiny-autograd", r"after call 3: leaf 12\.0 +inner node 2\.0"),
]


@pytest.fixture(scope="module")
def printed(open_lesson):
    """Give what a lesson prints; each lesson is executed once."""

    @cache
    def run(name):
        return open_lesson(f"{name}/{name[3:]}").run()[1]

    return run


@pytest.mark.parametrize(("lesson", "pattern"), PRINTED)
def test_lesson_prints_the_known_value(lesson, pattern, printed):
    assert re.search(pattern, printed(lesson), flags=re.MULTILINE)
