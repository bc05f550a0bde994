"""The incoming gradient forgotten on one of several paths."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from grader.diagnose.changes.paths import Flow, list_flows
from grader.diagnose.diagnosis import Diagnosis, Tensor
from grader.diagnose.scene import Changes, Proposal, Scene, dot
from grader.diagnose.tape import Pass


def forget_upstream(scene: Scene) -> Iterator[Proposal]:
    """Let ones flow along one path in place of the incoming gradient."""
    if scene.trial.upstream is None:
        return
    plain = _run_plain(scene)
    flows = [flow for flow in list_flows(scene) if _find_share(plain, flow) is not None]
    if not flows:
        return
    effects = [
        dot(_gap(plain, flow, flow.share), scene.tangents[flow.value]) for flow in flows
    ]

    def change(index: int, other: Scene) -> Changes:
        value, share = flows[index].find(other)
        return {value: _gap(_run_plain(other), flows[index], share)}

    def describe(index: int) -> list[Diagnosis]:
        value = flows[index].value
        return [
            Diagnosis(
                "missing-link",
                "upstream",
                f"The incoming gradient `upstream` is missing in what flows back to "
                f"{value.phrase}.",
                "Look for the term of your answer in which `upstream` does not stand.",
            )
        ]

    yield Proposal(torch.tensor(effects, dtype=torch.float64), change, describe)


def _run_plain(scene: Scene) -> Pass:
    def run() -> Pass:
        ones = torch.ones_like(scene.tape.output.data)
        return Pass(scene.tape, [scene.name], ones, scene.backward.traits)

    return scene.recall("plain", run)


def _gap(plain: Pass, flow: Flow, share: Tensor) -> Tensor:
    found = _find_share(plain, flow)
    if found is None:
        raise KeyError(flow.value.address)
    return found - share


def _find_share(plain: Pass, flow: Flow) -> Tensor | None:
    tape = plain.tape
    if flow.edge is None:
        return plain.adjoint.get(tape.values_at[flow.value.address])
    step = tape.steps_at[flow.edge.step.address]
    edges = plain.list_edges(step)
    return next((e.contribution for e in edges if e.slot == flow.edge.slot), None)
