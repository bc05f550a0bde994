"""A sample of the attack set; `make attack` runs all of it."""

import pytest

from tests.attack.__main__ import run, write_table
from tests.attack.attacks import list_attacks

SAMPLE = (
    "allclose and assert_close say yes",
    "equal to everything",
    "inputs changed under the reference",
    "errors that belong to the grader",
    "all zeros agree with themselves",
    "run_cell replaced",
    "full marks saved",
    "link to the master",
    "an object that keeps what it is compared with",
    "hidden inputs kept for a later cell",
    "a process that writes after grading",
    "autograd in a class, a closure and a partial",
    "the process ends",
    "KeyboardInterrupt caught",
    "a tensor of 10^18 without memory",
    "cut off",
)


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    attacks = [attack for attack in list_attacks() if attack.name in SAMPLE]
    outcomes, rest = run(tmp_path_factory.mktemp("attacks"), attacks)
    return {outcome.attack.name: outcome for outcome in outcomes}, rest


@pytest.mark.process
@pytest.mark.parametrize("name", SAMPLE)
def test_attack_ends_as_it_should(ended, name):
    outcomes, _ = ended
    assert outcomes[name].surprises == [], "\n".join(write_table([outcomes[name]]))


@pytest.mark.process
def test_nothing_is_left_behind(ended):
    _, rest = ended
    assert rest == []


def test_set_has_all_families_in_numbers():
    attacks = list_attacks()
    kinds = [attack.kind for attack in attacks]
    assert kinds.count("cheat") >= 70
    assert kinds.count("fault") >= 45
    assert set(SAMPLE) <= {attack.name for attack in attacks}
