"""Plants wrong steps at random, one or two at once, and asks for their names."""

import random
import sys
from collections import Counter

import torch

from grader.diagnose import KINDS, Trial
from grader.diagnose.families import ROUNDS, VAGUE
from grader.diagnose.search import find_names
from grader.diagnose.stage import Stage
from grader.diagnose.truth import compute_truth
from tests.diagnose.bank.measure import make_trials

ORDER = list(KINDS)
FAR_FETCHED = {family.__name__ for family in VAGUE}
LEAST_EFFECT = 1e-3  # of the gradient: a change below tells nothing


def open_scenes(exercise, wrt):
    """Set up the scenes of a function as if its answer were wrong."""
    trials = make_trials(exercise, wrt, lambda **inputs: inputs[wrt] * 0 + 7.7)
    truths = [compute_truth(exercise.of, trial) for trial in trials]
    return Stage(exercise.of, trials, truths, [wrt], 1e-6).open_scenes(wrt, 0)


def list_changes(scenes, rounds=ROUNDS):
    """List everything that the search could plant at the first draw."""
    found = []
    for families in rounds:
        for family in families:
            for proposal in family(scenes.first):
                size = scenes.first.right.abs() * scenes.first.direction.abs()
                least = LEAST_EFFECT * float(size.sum())
                telling = (proposal.effects.abs() > least).nonzero().flatten()
                found += [(family.__name__, proposal, int(i)) for i in telling]
    return found


def plant(scenes, chosen):
    """Answer with changes planted at all draws; None where one has no place."""
    trials = []
    for scene in [scenes.first, *scenes.list_rest()]:
        answer = scene.right.clone()
        for _, proposal, index in chosen:
            try:
                changed = proposal.change(index, scene)
            except (KeyError, IndexError, RuntimeError, ValueError):
                return None
            if not isinstance(changed, torch.Tensor):
                changed = scene.apply(changed)
            answer = answer + changed - scene.right
        if not bool(torch.isfinite(answer).all()):
            return None
        trials.append(
            Trial(scene.trial.inputs, {scene.name: answer}, scene.trial.upstream)
        )
    return trials


def judge_single(named, chosen):
    """A single change must get its own name, or one that comes before it."""
    if named is None:
        return "silent"
    kinds = {reading.kind for reading in chosen[0][1].describe(chosen[0][2])}
    heard = {named.kind, *(other.kind for other in named.alternatives)}
    if kinds & heard:
        return "own name"
    first = min(ORDER.index(kind) for kind in kinds)
    return "earlier name" if ORDER.index(named.kind) <= first else "later name"


def judge_double(named, chosen, wrt):
    """Two changes at once must get no name, or that of one of them.

    Added up they may be the right gradient times a number: then that is said.
    """
    if named is None:
        return "silent"
    if named.where == wrt:
        return "whole answer"
    kinds = {
        reading.kind for _, proposal, i in chosen for reading in proposal.describe(i)
    }
    heard = {named.kind, *(other.kind for other in named.alternatives)}
    return "one of them" if kinds & heard else "false name"


def run(exercises, count, picked, rng):
    """Plant `picked` changes at once, `count` times in each function."""
    tally, strange = Counter(), []
    for exercise in exercises:
        wrt = exercise.wrong[0].wrt
        scenes = open_scenes(exercise, wrt)
        if scenes is None:
            tally["not taped"] += 1
            continue
        changes = list_changes(scenes)
        if picked > 1:  # two far-fetched changes may well add up to a plain one
            changes = [change for change in changes if change[0] not in FAR_FETCHED]
        for _ in range(count):
            chosen = rng.sample(changes, picked)
            trials = plant(scenes, chosen)
            if trials is None:
                continue
            named = find_names(exercise.of, trials, (wrt,)).get(wrt)
            if picked == 1:
                verdict = judge_single(named, chosen)
            else:
                verdict = judge_double(named, chosen, wrt)
            tally[verdict] += 1
            if verdict in ("silent", "later name", "false name"):
                strange.append((exercise.name, verdict, chosen, named))
    return tally, strange


def main(count, seed):
    """Print how names hold."""
    from tests.diagnose.bank.__main__ import BANKS

    rng = random.Random(seed)
    exercises = [exercise for bank in BANKS.values() for exercise in bank]
    for picked in (1, 2):
        tally, strange = run(exercises, count, picked, rng)
        print(picked, "at once:", dict(tally))
        for name, verdict, chosen, named in strange:
            if verdict == "silent" and picked == 2:
                continue
            print(" ", name, verdict)
            for family, proposal, index in chosen:
                reading = proposal.describe(index)[0]
                print("     planted", family, reading.kind, reading.message)
            print("     named  ", named and (named.kind, named.message))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
