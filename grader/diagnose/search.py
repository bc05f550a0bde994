"""Finds the one wrong step that reproduces the student's numbers at every draw."""

from __future__ import annotations

import gc
import time
import warnings
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import accumulate, chain

import torch

from grader.diagnose.diagnosis import KINDS, Diagnosis, Tensor, Trial
from grader.diagnose.families import ROUNDS, VAGUE
from grader.diagnose.memory import Hit, Memory
from grader.diagnose.scene import Family, Proposal, Scene, dot
from grader.diagnose.stage import Scenes, Stage
from grader.diagnose.truth import (
    SINGLE_TOL,
    Reference,
    Truth,
    compute_truth,
    is_close,
    is_single,
    pick_inputs,
)
from grader.diagnose.whole.case import Case
from grader.diagnose.whole.quotients import read_quotient
from grader.diagnose.whole.readings import read_whole
from grader.diagnose.whole.telling import MOST_ALTERNATIVES, choose_others, polish

LONGEST_S = 3.0  # no further round is begun after that: a person is waiting
MOST_TRIED = 80  # candidates of the first draw that are tried at all draws
NEARER = 0.1  # of its distance to the right gradient: so near must an answer be
SLACK = 20  # a projection may be off by this much more than the answer
ORDER = {kind: place for place, kind in enumerate(KINDS)}
MEMORY = Memory()


def name_mistake(
    reference: Reference,
    trials: Sequence[Trial],
    wrt: tuple[str, ...],
    *,
    rel_tol: float = 1e-6,
) -> dict[str, Diagnosis | None]:
    """Name the mistake behind each wrong answer, or None where no single one fits.

    Returns one entry for each name in `wrt` whose answer is wrong. Never raises:
    a reference that cannot be run again gives None for every answered name.
    """
    try:
        return find_names(reference, trials, wrt, rel_tol=rel_tol, strict=False)
    except Exception:  # noqa: BLE001 - a diagnosis is a courtesy, never a failure
        return dict.fromkeys(wrt)


@contextmanager
def _work_quietly() -> Iterator[None]:
    """Keep thread hand-offs and garbage runs out of many tiny computations.

    Both cost more than the work itself: a parallel region on a busy machine 10 ms, a
    full collection with torch loaded 100 ms.
    """
    threads, collects = torch.get_num_threads(), gc.isenabled()
    torch.set_num_threads(1)
    gc.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a changed function may well be odd
            yield
    finally:
        torch.set_num_threads(threads)
        if collects:
            gc.enable()


def find_names(
    reference: Reference,
    trials: Sequence[Trial],
    wrt: tuple[str, ...],
    *,
    rel_tol: float = 1e-6,
    strict: bool = True,
) -> dict[str, Diagnosis | None]:
    """Do what `name_mistake` does, and raise what goes wrong in doing it.

    strict: raise also what goes wrong within one family of changes.
    """
    with _work_quietly():
        trials = pick_inputs(reference, trials)
        truths = tuple(compute_truth(reference, trial) for trial in trials)
        if all(map(is_single, _list_answers(trials))):
            rel_tol = max(rel_tol, SINGLE_TOL)
        wrong = [name for name in wrt if _is_wrong(name, trials, truths, rel_tol)]
        stage = Stage(reference, trials, truths, wrong, rel_tol)
        stage.strict = strict
        cases = {
            name: Case(name, wrt, tuple(trials), truths, rel_tol, reference)
            for name in wrong
        }
        return {name: _name_one(stage, case) for name, case in cases.items()}


def _list_answers(trials: Sequence[Trial]) -> list[Tensor]:
    return [answer for trial in trials for answer in trial.answers.values()]


def _is_wrong(
    name: str, trials: Sequence[Trial], truths: Sequence[Truth], rel_tol: float
) -> bool:
    if not all(name in trial.answers for trial in trials):
        return False  # it is not answered at every draw: nothing to name
    return any(
        name in truth.gradients
        and not is_close(trial.answers[name], truth.gradients[name], rel_tol)
        for trial, truth in zip(trials, truths, strict=True)
    )


def _name_one(stage: Stage, case: Case) -> Diagnosis | None:
    readings = read_whole(case)
    if not (readings and readings[0].kind == "zero"):
        # A reading of the whole stands first; the search then adds others to it.
        short = bool(readings) or case.says_little
        readings += search_tapes(stage, case.name, ROUNDS[:1] if short else ROUNDS)
    if not readings:
        return read_quotient(case)
    others = tuple(map(polish, choose_others(readings)))
    return replace(polish(readings[0]), alternatives=others)


def search_tapes(
    stage: Stage, name: str, rounds: Sequence[Sequence[Family]] = ROUNDS
) -> list[Diagnosis]:
    """Search the changed backward passes, round by round."""
    question = (getattr(stage.reference, "__code__", None), name, len(rounds))
    for hits in MEMORY.list_known(question):
        if _confirm_again(hits, stage, name):
            return _list_readings(hits)
    started = time.monotonic()
    found: list[Hit] = []
    for families in rounds:
        if time.monotonic() - started > LONGEST_S:
            break
        found += _search_round(stage, name, families)
        if found and not min(found, key=lambda hit: hit.key).is_weak:
            break
    found.sort(key=lambda hit: hit.key)
    if found and question[0] is not None:
        MEMORY.keep(question, found)
    return _list_readings(found)


def _search_round(stage: Stage, name: str, families: Sequence[Family]) -> list[Hit]:
    """Search one round, on the second way to take calls apart if the first fails."""
    found: list[Hit] = []
    for variant in (0, 1):
        scenes = None if found else stage.open_scenes(name, variant)
        if scenes is not None:
            found += _search_families(scenes, families)
    return found


def _list_readings(hits: Sequence[Hit]) -> list[Diagnosis]:
    return [reading for hit in hits for reading in hit.readings]


def _confirm_again(hits: Sequence[Hit], stage: Stage, name: str) -> bool:
    """Tell whether what explained an earlier answer explains this one too."""
    opened = {v: stage.open_scenes(name, v) for v in {hit.variant for hit in hits}}
    scenes = {variant: found for variant, found in opened.items() if found is not None}
    return len(scenes) == len(opened) and all(
        _confirm(hit.proposal, hit.index, scenes[hit.variant], whole=hit is hits[0])
        for hit in hits
    )


def _search_families(scenes: Scenes, families: Sequence[Family]) -> list[Hit]:
    """List what explains the answer; each with the readings that go with it."""
    proposals = [
        (order, family, proposal)
        for order, family in enumerate(families)
        for proposal in _list_proposals(family, scenes)
    ]
    hits: list[Hit] = []
    for place, index in _match([p.effects for _, _, p in proposals], scenes):
        order, family, proposal = proposals[place]
        kind = proposal.describe(index)[0].kind
        key = (
            int(family in VAGUE and not proposal.plain(index)),
            ORDER[kind],
            proposal.rank(index),
            order,
        )
        hits.append(Hit(key, proposal, index, scenes.variant))
    hits.sort(key=lambda hit: hit.key)
    found: list[Hit] = []
    for hit in hits[:MOST_TRIED]:
        if len(found) > MOST_ALTERNATIVES:
            break
        if _confirm(hit.proposal, hit.index, scenes, whole=not found):
            found.append(hit)
    return found


def _list_proposals(family: Family, scenes: Scenes) -> Iterator[Proposal]:
    """Let a family propose; what it cannot do with an odd function is passed over."""
    try:
        yield from family(scenes.first)
    except Exception:  # a name is a courtesy, and the other families may know it
        if scenes.stage.strict:
            raise


def _match(effects: list[Tensor], scenes: Scenes) -> list[tuple[int, int]]:
    """Find the effects that explain the answer: which tensor, and where in it."""
    if not effects:
        return []
    scene, rel_tol = scenes.first, scenes.stage.rel_tol
    gap = (torch.cat(effects) - scene.goal).abs()
    near = gap <= SLACK * rel_tol * scene.size
    # What does not tell the answer from the right one explains nothing.
    near &= gap < NEARER * abs(scene.goal)
    starts = list(accumulate((len(part) for part in effects), initial=0))
    found = []
    for index in near.nonzero().flatten().tolist():
        place = bisect_right(starts, index) - 1
        found.append((place, index - starts[place]))
    return found


def _confirm(proposal: Proposal, index: int, scenes: Scenes, *, whole: bool) -> bool:
    """Tell whether a change gives the student's numbers at every draw.

    whole: compare whole gradients and not only their projections.
    """
    for from_end in (False, True):
        fitting = []
        for scene in chain([scenes.first], scenes.list_rest()):
            if scene is None:
                return False
            scene.from_end = from_end
            if not _fits(proposal, index, scene):
                break
            fitting.append(scene)
        else:
            if not whole or all(_explains(proposal, index, s) for s in fitting):
                return True
    return False


def _fits(proposal: Proposal, index: int, scene: Scene) -> bool:
    """Compare the projections."""
    try:
        changed = proposal.change(index, scene)
    except (KeyError, IndexError, RuntimeError, ValueError):
        return False  # the change has no place at this draw
    rel_tol = scene.draws.rel_tol
    if isinstance(changed, torch.Tensor):
        return _is_nearer(scene, changed)
    moved = sum(dot(change, scene.tangents[v]) for v, change in changed.items())
    return abs(moved - scene.goal) <= SLACK * rel_tol * scene.size


def _explains(proposal: Proposal, index: int, scene: Scene) -> bool:
    """Compare the whole gradients."""
    changed = proposal.change(index, scene)
    if isinstance(changed, torch.Tensor):
        return True  # compared as a whole before
    return _is_nearer(scene, scene.apply(changed))


def _is_nearer(scene: Scene, made: Tensor) -> bool:
    """Tell whether a gradient is the answer, and far nearer to it than the right one.

    At a draw where the answer happens to be right, being the answer is enough.
    """
    if not is_close(scene.yours, made, scene.draws.rel_tol, scene.right):
        return False
    error = float((scene.yours - scene.right).abs().max())
    gap = float((scene.yours - made).abs().max())
    rounding = scene.draws.rel_tol * float(scene.right.abs().max())
    return gap <= NEARER * error or error <= rounding
