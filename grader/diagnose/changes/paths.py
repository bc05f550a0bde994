"""Changes of how much flows along a path: left out, turned round, or scaled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import torch

from grader.diagnose.diagnosis import Diagnosis, Tensor
from grader.diagnose.scene import Changes, Proposal, Scene, dot
from grader.diagnose.sizes import (
    KNOWN,
    PLAIN,
    describe_number,
    explain_size,
    is_near,
    is_plain_constant,
)
from grader.diagnose.tape import Edge, Value
from grader.diagnose.tape.local import agrees

MOST_BRANCHES = 6  # all choices among more branches would be too many
TURNING = {"neg", "rsub", "cos", "reciprocal", "rdiv"}  # steps with a minus inside
TURNING_SECOND = {"sub", "div", "subtract", "divide", "truediv", "true_divide"}


@dataclass(frozen=True)
class Scale:
    """A number by which a path can be off; by trial, since sizes differ.

    label: the name of a size.
    """

    kind: str
    label: str
    numbers: tuple[float, ...]


def list_scales(scene: Scene) -> list[Scale]:
    """List the numbers that a slip can bring in: none, a sign, a size, a constant."""
    sizes, trials = scene.draws.sizes, len(scene.draws.trials)
    numbers = {n for step in scene.tape.steps for n in step.numbers}
    scales = [Scale("missing-path", "0", (0.0,) * trials)]
    scales.append(Scale("sign", "-1", (-1.0,) * trials))
    scales += [
        Scale("reduction", name, column)
        for name, column in sizes.items()
        if not is_plain_constant(column)
    ]
    plain = [*PLAIN, *KNOWN]
    for number in numbers:
        plain += [number, 1 / number] if number else []
    seen: list[float] = [0, 1, -1]
    for number in plain:
        if not any(is_near(number, other, 1e-9) for other in seen):
            seen.append(number)
            scales.append(Scale("factor", "", (number,) * trials))
    return scales


@dataclass(frozen=True)
class Flow:
    """Something that flows back into a value: along one edge, or along all of them."""

    value: Value
    share: Tensor
    edge: Edge | None

    def find(self, scene: Scene) -> tuple[Value, Tensor]:
        """Find the same flow on another tape."""
        if self.edge is None:
            value = scene.find_value(self.value.address)
            return value, scene.backward.adjoint[value]
        edge = scene.find_edge(self.edge.step.address, self.edge.slot)
        return edge.value, edge.contribution


def list_flows(scene: Scene) -> list[Flow]:
    """List what flows along each edge, and into each value that has several."""
    edges = [*scene.edges, *scene.whole_edges]
    flows = [Flow(edge.value, edge.contribution, edge) for edge in edges]
    for value, leaving in scene.backward.entering.items():
        if len(leaving) > 1 and value is not scene.target and value in scene.tangents:
            flows.append(Flow(value, scene.backward.adjoint[value], None))
    return flows


def scale_flows(scene: Scene) -> Iterator[Proposal]:
    """Leave out, turn round or scale what flows along one path."""
    flows, scales = list_flows(scene), list_scales(scene)
    if not flows:
        return
    parts = [dot(flow.share, scene.tangents[flow.value]) for flow in flows]
    amounts = torch.tensor([scale.numbers[scene.index] - 1 for scale in scales])
    effects = torch.outer(torch.tensor(parts).double(), amounts.double()).flatten()

    def change(index: int, other: Scene) -> Changes:
        flow, scale = flows[index // len(scales)], scales[index % len(scales)]
        value, share = flow.find(other)
        return {value: (scale.numbers[other.index] - 1) * share}

    def describe(index: int) -> list[Diagnosis]:
        flow, scale = flows[index // len(scales)], scales[index % len(scales)]
        return describe_flow(flow, scale, scene)

    def rank(index: int) -> int:
        flow, scale = flows[index // len(scales)], scales[index % len(scales)]
        return rank_flow(flow, scale, scene)

    yield Proposal(effects, change, describe, rank)


def choose_branches(scene: Scene) -> Iterator[Proposal]:
    """Leave out several branches of a fan-out, or keep one of many alone."""
    choices: list[tuple[Value, tuple[Edge, ...]]] = []
    for value, leaving in scene.backward.entering.items():
        if value not in scene.tangents or len(leaving) < 3:
            continue
        most = len(leaving) - 1
        counts = range(2, most + 1) if most < MOST_BRANCHES else (most,)
        for count in counts:
            choices += [(value, chosen) for chosen in combinations(leaving, count)]
    if not choices:
        return
    parts = {
        edge: dot(edge.contribution, scene.tangents[value])
        for value, dropped in choices
        for edge in dropped
    }
    effects = torch.tensor([-sum(parts[e] for e in d) for _, d in choices])

    def change(index: int, other: Scene) -> Changes:
        found = [other.find_edge(e.step.address, e.slot) for e in choices[index][1]]
        return {found[0].value: -sum(edge.contribution for edge in found)}

    def describe(index: int) -> list[Diagnosis]:
        value, dropped = choices[index]
        left = [e for e in scene.backward.entering[value] if e not in dropped]
        kept = ", ".join(dict.fromkeys(edge.step.phrase for edge in left))
        only = "only the one" if len(left) == 1 else f"only {len(left)} ways"
        return [
            Diagnosis(
                "missing-path",
                value.words,
                f"Of the ways in which {value.phrase} has a part in the result, "
                f"{only} through {kept} {'is' if len(left) == 1 else 'are'} in your "
                "gradient.",
                f"Find every place where {value.phrase} is used.",
            )
        ]

    yield Proposal(effects.double(), change, describe)


def describe_flow(flow: Flow, scale: Scale, scene: Scene) -> list[Diagnosis]:
    """Say what a scaled flow means."""
    value = flow.value.phrase
    where = flow.edge.step.words if flow.edge else flow.value.words
    through = f"through {flow.edge.step.phrase} to {value}" if flow.edge else value
    through = through if flow.edge else f"to {value}"
    if scale.kind == "missing-path":
        dropped = _describe_dropped(flow, scene)
        return [_describe_half(flow), dropped] if _has_twin(flow, scene) else [dropped]
    if scale.kind == "sign" and flow.edge and _has_twin(flow, scene):
        # In `x * x`, one half turned round takes the other one away.
        return [_describe_dropped(Flow(flow.edge.step.output, flow.share, None), scene)]
    if scale.kind == "sign":
        message = f"What flows back {through} has the opposite sign."
        look = "Look for a minus that is lost, or a difference taken backwards."
    elif scale.kind == "reduction":
        message = (
            f"What flows back {through} is `{scale.label}` times what it should be: "
            f"{explain_size(scale.label)}"
        )
        look = "Look at how many entries are added up there, and what divides them."
    else:
        number = describe_number(scale.numbers[0])
        message = f"What flows back {through} is {number} times what it should be."
        look = "Look for a constant that is lost, or used twice, in that step."
    found = [Diagnosis(scale.kind, where, message, look)]
    return found + _other_readings(flow, scale)


def rank_flow(flow: Flow, scale: Scale, scene: Scene) -> int:
    """Order the places where the same scale may sit: the likeliest first."""
    edge = flow.edge
    if edge is None:
        return 3
    operation = edge.step.operation
    if scale.kind == "sign":
        second = operation in TURNING_SECOND and edge.slot == 1
        return 0 if operation in TURNING or second else 2
    if scale.kind == "factor":
        number = scale.numbers[0]
        own = (*edge.step.numbers, *(1 / n for n in edge.step.numbers if n))
        return 0 if any(is_near(number, other) for other in own) else 2
    if scale.kind == "reduction":
        return 0 if operation in ("sum", "mean", "broadcast") else 2
    branches = scene.backward.entering.get(edge.value, ())
    return 0 if len(branches) > 1 else 2


def _has_twin(flow: Flow, scene: Scene) -> bool:
    """Tell whether the step uses the same value twice alike, as in `x * x`."""
    if flow.edge is None:
        return False
    edges = [
        edge
        for edge in scene.backward.list_edges(flow.edge.step)
        if edge.value is flow.value
    ]
    return len(edges) == 2 and agrees(*(edge.contribution for edge in edges))


def _describe_half(flow: Flow) -> Diagnosis:
    assert flow.edge is not None
    step = flow.edge.step
    return Diagnosis(
        "factor",
        step.words,
        f"What flows back through {step.phrase} to {flow.value.phrase} is 1/2 times "
        "what it should be.",
        f"Count how often {flow.value.phrase} stands in {step.phrase}.",
    )


def _describe_dropped(flow: Flow, scene: Scene) -> Diagnosis:
    value = flow.value.phrase
    if flow.edge is None or len(scene.backward.entering.get(flow.value, ())) < 2:
        return Diagnosis(
            "missing-path",
            flow.value.words,
            f"Nothing flows back through {value}: "
            "your gradient takes it for a constant.",
            f"Ask what {value} depends on.",
        )
    step = flow.edge.step
    return Diagnosis(
        "missing-path",
        step.words,
        f"The way from {value} through {step.phrase} is left out.",
        f"Find every place where {value} is used, and add up what comes back.",
    )


def _other_readings(flow: Flow, scale: Scale) -> list[Diagnosis]:
    """A constant lost at a step is a wrong rule; where nothing is left, a lost link."""
    edge = flow.edge
    if edge is None or edge.slope is None:
        return []
    number = scale.numbers[0]
    if scale.kind == "sign":
        return [_wrong_rule(edge)] if edge.step.operation in TURNING else []
    lost = [n for n in edge.step.numbers if is_near(number * n, 1) or number == n]
    if scale.kind != "factor" or not lost:
        return []
    if not all(is_near(number * slope, 1) for slope in edge.slope.flatten().tolist()):
        return [_wrong_rule(edge)]
    left_out = Diagnosis(
        "missing-link",
        edge.step.words,
        f"The derivative of {edge.step.phrase} is left out.",
        f"Look at the step from {edge.step.phrase} back to {edge.value.phrase}.",
    )
    return [left_out, _wrong_rule(edge)]


def _wrong_rule(edge: Edge) -> Diagnosis:
    """Name the kind; there is nothing to say that the first reading has not said."""
    look = f"Write down the rule for {edge.step.phrase} alone."
    return Diagnosis("wrong-rule", edge.step.words, "", look)
