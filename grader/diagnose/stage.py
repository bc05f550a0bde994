"""Prepares the draws for a search: tapes, passes and scenes, made when needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from grader.diagnose.diagnosis import Trial
from grader.diagnose.scene import Draws, Scene
from grader.diagnose.sizes import list_sizes
from grader.diagnose.tape import Pass, Tape, Traits, record_tape
from grader.diagnose.tape.source import SiteFinder
from grader.diagnose.truth import Reference, Truth, is_close

TAPE_TOLERANCE = 1e-8  # what the tape's own gradient may differ by from autograd's


class Stage:
    """All draws of one check, with what was computed for them.

    strict: a family of changes that fails is an error, and not passed over.
    """

    strict = True

    def __init__(
        self,
        reference: Reference,
        trials: Sequence[Trial],
        truths: Sequence[Truth],
        wrong: Sequence[str],
        rel_tol: float,
    ) -> None:
        self.reference, self.trials, self.truths = reference, trials, truths
        self.wrong, self.rel_tol = wrong, rel_tol
        self.finder, self.traits = SiteFinder(), Traits()
        self.draws = Draws(
            reference,
            tuple(trials),
            list_sizes(trials, [truth.value for truth in truths]),
            self.finder,
            rel_tol,
        )
        self._passes: dict[tuple[int, int], Pass | None] = {}

    def open_scenes(self, name: str, variant: int) -> Scenes | None:
        """Set the draws up for one asked gradient, on one way to take calls apart.

        None: the reference cannot be taped, or has no second way.
        """
        first = self._choose_first(name)
        backward = self.open_pass(first, variant)
        if backward is None or (variant and not backward.tape.used_variant):
            return None
        return Scenes(self, name, variant, first)

    def open_pass(self, index: int, variant: int) -> Pass | None:
        """Tape one draw and run it backward; None where the tape cannot be trusted."""
        key = (index, variant)
        if key not in self._passes:
            self._passes[key] = self._run_pass(index, variant)
        return self._passes[key]

    def _run_pass(self, index: int, variant: int) -> Pass | None:
        trial = self.trials[index]
        tape = record_tape(self.reference, trial.inputs, self.finder, variant)
        if tape is None or not self._is_true(tape, index):
            return None
        backward = Pass(tape, self.wrong, trial.upstream, self.traits)
        for name in self.wrong:
            found = backward.adjoint.get(tape.inputs[name])
            right = self.truths[index].gradients[name]
            if found is None and bool(right.any()):
                return None
            if found is not None and not is_close(found, right, TAPE_TOLERANCE):
                return None
        return backward

    def _is_true(self, tape: Tape, index: int) -> bool:
        named = all(name in tape.inputs for name in self.wrong)
        value = self.truths[index].value
        return named and is_close(tape.output.data, value, TAPE_TOLERANCE)

    def _choose_first(self, name: str) -> int:
        """Choose the smallest draw at which the answer is wrong, and says something.

        A draw whose answer happens to be zero is explained by too many changes.
        """

        def cost(index: int) -> int:
            values = self.trials[index].inputs.values()
            return sum(getattr(value, "numel", int)() for value in values)

        wrong = [
            index
            for index, trial in enumerate(self.trials)
            if not is_close(
                trial.answers[name], self.truths[index].gradients[name], self.rel_tol
            )
        ]
        telling = [i for i in wrong if bool(self.trials[i].answers[name].any())]
        return min(telling or wrong, key=cost)


class Scenes:
    """The scenes of one asked gradient: the first to try on, the others to confirm."""

    def __init__(self, stage: Stage, name: str, variant: int, first: int) -> None:
        self.stage, self.name, self.variant = stage, name, variant
        self.first = self._open(first, None)
        self._rest = [i for i in range(len(stage.trials)) if i != first]
        self._opened: dict[int, Scene | None] = {}

    def list_rest(self) -> Iterator[Scene | None]:
        """Give the other draws one by one; None for one that cannot be taped."""
        for index in self._rest:
            if index not in self._opened:
                known = self.stage.open_pass(index, self.variant) is not None
                self._opened[index] = self._open(index, self.first) if known else None
            yield self._opened[index]

    def _open(self, index: int, first: Scene | None) -> Scene:
        backward = self.stage.open_pass(index, self.variant)
        assert backward is not None
        counts = (first.tape if first else backward.tape).counts
        return Scene(
            self.stage.trials[index],
            backward,
            self.name,
            counts,
            self.stage.draws,
        )
