"""Changes at steps that mix entries: transposes, wrong sums, lost repetitions."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from grader.diagnose.changes import remakes
from grader.diagnose.changes.remakes import Remake
from grader.diagnose.diagnosis import Diagnosis, Tensor
from grader.diagnose.links import operands
from grader.diagnose.scene import Changes, Proposal, Scene, dot
from grader.diagnose.tape import Edge

_INDICES = "Write that product with indices and see which one is summed."
_PART = "Ask which entries of the result one entry of {value} has a part in."
_TWICE = "Look at what your code does when an index comes twice."
_RULE = "Write down the rule for that operation alone."

# kind, message, where to look
WORDS: dict[Remake, tuple[str, str, str]] = {
    remakes.skip_step: (
        "missing-link",
        "The derivative of {step} by {value} is left out: "
        "the gradient is passed on as if nothing happened there.",
        "Look at the step from {step} back to {value}.",
    ),
    operands.drop_operand: (
        "missing-link",
        "In what flows back through {step} to {value}, the other operand is left out.",
        "Ask what {value} is multiplied by there.",
    ),
    operands.drop_second_operand: (
        "missing-link",
        "In what flows back through {step} to {value}, another operand is left out.",
        "Ask what {value} is multiplied by there.",
    ),
    remakes.transpose_share: (
        "transposed",
        "What flows back through {step} to {value} is transposed.",
        "Compare the index of rows and of columns in that term.",
    ),
    remakes.transpose_incoming: (
        "transposed",
        "At {step}, the gradient of the result is transposed "
        "before it is carried back to {value}.",
        _INDICES,
    ),
    operands.transpose_operand: (
        "transposed",
        "At {step}, a matrix is transposed on the way back to {value}, "
        "or should be and is not.",
        _INDICES,
    ),
    remakes.go_forward: (
        "transposed",
        "At {step}, the Jacobian is used on the way back to {value} "
        "where its transpose is due.",
        _PART,
    ),
    operands.flip_operand: (
        "transposed",
        "At {step}, an operand is used in the wrong direction on the way back "
        "to {value}.",
        _PART,
    ),
    remakes.flip_share: (
        "transposed",
        "What flows back through {step} to {value} comes in the wrong direction.",
        _PART,
    ),
    remakes.turn_share: (
        "reduction",
        "{step} is gone back through along another axis.",
        "Ask which entries of {value} go into one entry of {step}.",
    ),
    operands.differentiate_operand: (
        "wrong-rule",
        "In what flows back through {step} to {value}, the other factor is "
        "differentiated too.",
        "Ask which of the two factors moves in that term, and which stands still.",
    ),
    remakes.overwrite_last: (
        "reduction",
        "At {step}, entries of {value} that are used several times get only the "
        "last share, not the sum.",
        _TWICE,
    ),
    remakes.overwrite_first: (
        "reduction",
        "At {step}, entries of {value} that are used several times get only the "
        "first share, not the sum.",
        _TWICE,
    ),
    remakes.average_repeats: (
        "reduction",
        "At {step}, entries of {value} that are used several times get the mean "
        "of their shares, not the sum.",
        "Ask what one entry does to the result if it is used twice.",
    ),
    remakes.keep_diagonal: (
        "wrong-rule",
        "{step} is treated entry by entry, but each entry of {value} moves "
        "other entries of the result too.",
        "Look for terms in which the two indices differ.",
    ),
    remakes.keep_square_diagonal: (
        "wrong-rule",
        "At {step}, only the diagonal comes back to {value}.",
        "Look for terms in which the two indices differ.",
    ),
    remakes.spread_evenly: (
        "wrong-rule",
        "{step} is gone back through as if it were a plain sum.",
        "Ask by how much each entry of {value} moves the result.",
    ),
    remakes.spread_mean: (
        "wrong-rule",
        "{step} is gone back through as if it were a plain mean.",
        "Ask by how much each entry of {value} moves the result.",
    ),
    remakes.spread_values: (
        "wrong-rule",
        "In the derivative of {step}, {value} itself stands for its weights.",
        _RULE,
    ),
    remakes.weigh_by_itself: (
        "wrong-input",
        "In the derivative of {step} by {value}, {value} itself stands where the other "
        "operand belongs.",
        "Ask what {value} is multiplied by there.",
    ),
    remakes.spread_turned_values: (
        "wrong-rule",
        "In the derivative of {step}, {value} itself stands for its weights.",
        _RULE,
    ),
    remakes.spread_diagonal: (
        "wrong-rule",
        "{step} is gone back through as if it were a plain trace.",
        "Ask by how much each entry of {value} moves the result.",
    ),
    remakes.spread_result: (
        "wrong-rule",
        "The derivative of {step} by {value} is taken for its value.",
        _RULE,
    ),
    remakes.subtract_mean: (
        "reduction",
        "In the derivative of {step}, a plain mean stands for the weighted one.",
        _RULE,
    ),
    remakes.subtract_sum: (
        "reduction",
        "In the derivative of {step}, a plain sum stands for the weighted one.",
        _RULE,
    ),
    remakes.subtract_only: (
        "missing-link",
        "In the derivative of {step}, its value is missing as a factor.",
        _RULE,
    ),
    remakes.weigh_by_result: (
        "wrong-rule",
        "The derivative of {step} is multiplied by its value once too often.",
        _RULE,
    ),
    remakes.weigh_by_power: (
        "wrong-rule",
        "The logarithm in {step} is not differentiated.",
        _RULE,
    ),
    remakes.divide_by_result: (
        "wrong-rule",
        "The derivative of {step} lacks a factor: its own value.",
        _RULE,
    ),
}


def remake_shares(scene: Scene) -> Iterator[Proposal]:
    """Try each remake at each edge."""
    cases: list[tuple[Remake, Edge]] = []
    effects: list[float] = []
    for edge in [*scene.edges, *scene.whole_edges]:
        for remake in WORDS:
            share = _remake(remake, scene, edge)
            if share is not None:
                cases.append((remake, edge))
                gap = share - edge.contribution
                effects.append(dot(gap, scene.tangents[edge.value]))
    if not cases:
        return

    def change(index: int, other: Scene) -> Changes:
        remake, edge = cases[index]
        found = other.find_edge(edge.step.address, edge.slot)
        share = _remake(remake, other, found)
        if share is None:  # nothing repeats, say, in a smaller draw
            return {}
        return {found.value: share - found.contribution}

    def describe(index: int) -> list[Diagnosis]:
        return describe_remake(*cases[index])

    yield Proposal(torch.tensor(effects, dtype=torch.float64), change, describe)


def _remake(remake: Remake, scene: Scene, edge: Edge) -> Tensor | None:
    try:
        return remake(scene, edge, scene.backward.adjoint[edge.step.output])
    except RuntimeError:  # ones in the place of a matrix to be inverted, say
        return None


def describe_remake(remake: Remake, edge: Edge) -> list[Diagnosis]:
    """Say what a remake means."""
    kind, message, look = WORDS[remake]
    words = {"step": edge.step.phrase, "value": edge.value.phrase}
    text, hint = message.format(**words), look.format(**words)
    return [Diagnosis(kind, edge.step.words, text, hint)]
