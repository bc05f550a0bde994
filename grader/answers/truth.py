"""What autograd says about a reference: values, gradients, Jacobians, chains."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from grader.answers import messages
from grader.answers.calls import Misused, bind_inputs, name_of
from grader.answers.inputs import ExerciseError, Inputs, cast_inputs, copy_inputs
from grader.answers.reading import describe, shape_text

Reference = Callable[..., Any]
# Names beside those of the inputs and their gradients, for a custom Function.
FORWARD, UPSTREAM = "forward", "grad_output"
SECOND, DIRECTION = "second order for ", "direction of "


def refuse_proxy(of: Reference) -> None:
    """Refuse a student's object as the reference.

    Raises: ExerciseError.
    """
    if getattr(of, "__grader_proxy__", False) is True:
        message = f"of={name_of(of)}: a student's function cannot be the reference"
        raise ExerciseError(message)


def call_reference(of: Reference, inputs: Inputs) -> Any:
    """Call the reference with the inputs that it names."""
    args, kwargs = bind_inputs(of, inputs)
    return of(*args, **kwargs)


def evaluate(of: Reference, inputs: Inputs) -> dict[str, Any]:
    """Compute the reference's values by entry; one value has the entry ""."""
    with torch.inference_mode(False), torch.enable_grad():
        result = call_reference(of, inputs)
    entries = {"": result}
    if isinstance(result, Mapping):
        entries = dict(result)
    elif isinstance(result, (tuple, list)):
        entries = {str(place): part for place, part in enumerate(result)}
    return {name: _settle(value) for name, value in entries.items()}


def _settle(value: Any) -> Any:
    """Take a value out of the graph; a Python float is a float64 tensor."""
    if isinstance(value, float):
        return torch.tensor(value, dtype=torch.float64)
    return value.detach() if isinstance(value, Tensor) else value


def find_differentiable(of: Reference, inputs: Inputs) -> list[str]:
    """Name the inputs that the reference's gradient reaches."""
    given = cast_inputs(inputs, torch.float64)
    floats = [
        n for n, v in given.items() if isinstance(v, Tensor) and v.is_floating_point()
    ]
    with torch.enable_grad():
        leaves = [given[name].requires_grad_() for name in floats]
        total = call_reference(of, given).sum()
        grads = torch.autograd.grad(total, leaves, allow_unused=True)
    return [name for name, grad in zip(floats, grads, strict=True) if grad is not None]


def differentiate(
    of: Reference, inputs: Inputs, wrt: Sequence[str], upstream: str
) -> dict[str, Tensor]:
    """Compute the true gradients; zeros where an input has no effect."""
    with torch.inference_mode(False), torch.enable_grad():
        leaves = _track(inputs, wrt)
        out = call_reference(of, {n: v for n, v in inputs.items() if n != upstream})
        # grad_outputs= would load 487 modules of torch at its first use (0.3 s).
        total = (out * inputs[upstream]).sum() if upstream in inputs else out.sum()
        return _gradients(total, dict(zip(wrt, leaves, strict=True)))


def differentiate_fully(
    of: Reference, inputs: Inputs, wrt: Sequence[str]
) -> dict[str, Tensor]:
    """Compute the full Jacobians: axes of the output, then axes of the input."""
    with torch.inference_mode(False), torch.enable_grad():
        leaves = dict(zip(wrt, _track(inputs, wrt), strict=True))
        out = call_reference(of, inputs)
        lines = [_gradients(entry, leaves, keep=True) for entry in out.reshape(-1)]
    return {
        name: torch.stack([line[name] for line in lines]).reshape(
            out.shape + leaf.shape
        )
        for name, leaf in leaves.items()
    }


def differentiate_chain(
    of: Reference, inputs: Inputs, wrt: Sequence[str]
) -> dict[str, Tensor]:
    """Compute the output's gradient for each input and intermediate.

    of: → dict of intermediates; the last one, one number, is the output.
    """
    floats = [n for n, v in inputs.items() if _is_float(v)]
    with torch.inference_mode(False), torch.enable_grad():
        _track(inputs, floats)
        chain = call_reference(of, inputs)
        known = {**inputs, **chain}
        missing = [name for name in wrt if name not in known]
        if missing:
            message = f"wrt names {missing}, neither an input nor an intermediate"
            raise ExerciseError(message)
        return _gradients(output_of(chain).sum(), {name: known[name] for name in wrt})


def output_of(chain: Any) -> Tensor:
    """Return the last entry of a chain.

    Raises: ExerciseError unless it is a dict that ends in one number.
    """
    output = list(chain.values())[-1] if isinstance(chain, dict) and chain else None
    if not isinstance(output, Tensor) or output.numel() != 1:
        message = "of= must return a dict whose last entry is the output, one number"
        raise ExerciseError(message)
    return output


def add_upstream(
    of: Reference, inputs: Inputs, generator: torch.Generator, upstream: str
) -> Inputs:
    """Add a random upstream tensor where the reference gives more than one number."""
    with torch.no_grad():
        out = call_reference(of, copy_inputs(inputs))
    if out.ndim == 0:
        return inputs
    g = torch.randn(out.shape, generator=generator, dtype=out.dtype)
    return {**inputs, upstream: g.to(out.device)}


def add_intermediates(of: Reference, inputs: Inputs) -> Inputs:
    """Add the values of a chain, in its order."""
    with torch.no_grad():
        chain = call_reference(of, copy_inputs(inputs))
    output_of(chain)
    return {**inputs, **{n: v for n, v in chain.items() if n not in inputs}}


def cut_chain(of: Reference, inputs: Inputs, name: str) -> Reference:
    """Make the intermediate `name` an input like any other; gives the output.

    The call of torch that makes it is found by running the chain once, and is
    answered with the given value from then on.
    """
    if name in inputs:
        return _named_like(of, inputs, lambda **kw: output_of(call_reference(of, kw)))
    finder, copies = _Calls(), copy_inputs(inputs)
    # Copying calls torch too, and so does no_grad: neither may be counted.
    with torch.no_grad(), finder:
        chain = call_reference(of, copies)
    place = finder.find(chain[name])

    def output_from(**given: Any) -> Tensor:
        with _Calls(place, given.pop(name)):
            return output_of(call_reference(of, given))

    return _named_like(of, {**inputs, name: None}, output_from)


def _named_like(of: Reference, inputs: Inputs, function: Reference) -> Reference:
    kind = inspect.Parameter.KEYWORD_ONLY
    signature = inspect.Signature([inspect.Parameter(n, kind) for n in inputs])
    function.__signature__ = signature  # type: ignore[attr-defined]
    function.__name__ = name_of(of)
    return function


class _Calls(TorchFunctionMode):  # type: ignore[misc]
    """Counts torch's calls; remembers what they gave, or answers one of them."""

    def __init__(self, place: int = -1, answer: Tensor | None = None) -> None:
        super().__init__()
        self._place, self._answer = place, answer
        self._results: list[Any] = []

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Called by torch for each of its functions; super() need not run."""
        answered = len(self._results) == self._place
        result = self._answer if answered else func(*args, **(kwargs or {}))
        self._results.append(result)
        return result

    def find(self, tensor: Tensor) -> int:
        """Return which call gave this very tensor; −1: none."""
        places = [i for i, result in enumerate(self._results) if result is tensor]
        return places[0] if places else -1


def _is_float(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point()


def _track(inputs: Inputs, names: Sequence[str]) -> list[Tensor]:
    missing = [name for name in names if not _is_float(inputs.get(name))]
    if missing:
        message = f"wrt names {missing}; the draw gives floating {list(inputs)}"
        raise ExerciseError(message)
    return [inputs[name].requires_grad_() for name in names]


def _gradients(
    total: Tensor, targets: Mapping[str, Tensor], *, keep: bool = False
) -> dict[str, Tensor]:
    if not total.requires_grad:
        return {name: torch.zeros_like(target) for name, target in targets.items()}
    grads = torch.autograd.grad(
        total, list(targets.values()), retain_graph=keep, allow_unused=True
    )
    return {
        name: torch.zeros_like(target) if grad is None else grad
        for (name, target), grad in zip(targets.items(), grads, strict=True)
    }


def add_directions(
    of: Reference, inputs: Inputs, wrt: Sequence[str], generator: torch.Generator
) -> Inputs:
    """Add a random upstream gradient, for one number too, and second directions."""
    with torch.no_grad():
        out = call_reference(of, copy_inputs(inputs))
    added = dict(inputs)
    likes = {UPSTREAM: out} | {DIRECTION + name: inputs[name] for name in wrt}
    for name, like in likes.items():
        drawn = torch.randn(like.shape, generator=generator, dtype=like.dtype)
        added[name] = drawn.to(like.device)
    return added


@dataclass(frozen=True)
class BothWays:
    """Runs forward and backward, once or twice, and gathers what came out."""

    wrt: tuple[str, ...]
    order: int

    def run(self, forward: Callable[[Inputs], Any], inputs: Inputs) -> dict[str, Any]:
        """Return the forward value and each gradient; None where none arrived.

        Raises: Misused when forward's value has not the upstream gradient's shape.
        """
        extra = {UPSTREAM, *(DIRECTION + name for name in self.wrt)}
        values = {n: v for n, v in inputs.items() if n not in extra}
        g, twice = inputs[UPSTREAM], self.order == 2
        with torch.inference_mode(False), torch.enable_grad():
            leaves = _track(values, self.wrt)
            out = forward(values)
            if not isinstance(out, Tensor) or out.shape != g.shape:
                words = {"got": describe(out), "want": shape_text(g)}
                raise Misused(messages.FORWARD_SHAPE, **words)
            grads = torch.autograd.grad(
                (out * g).sum(), leaves, create_graph=twice, allow_unused=True
            )
            found = {FORWARD: out, **dict(zip(self.wrt, grads, strict=True))}
            found |= self._run_again(found, leaves, inputs) if twice else {}
        return {n: None if v is None else v.detach() for n, v in found.items()}

    def _run_again(
        self, found: dict[str, Any], leaves: list[Tensor], inputs: Inputs
    ) -> dict[str, Any]:
        """Differentiate the gradients, along one random direction of each."""
        parts = [
            (found[name] * inputs[DIRECTION + name]).sum()
            for name in self.wrt
            if found[name] is not None and found[name].requires_grad
        ]
        grads: Sequence[Tensor | None] = [None] * len(leaves)
        if parts:
            grads = torch.autograd.grad(sum(parts), leaves, allow_unused=True)
        return {
            SECOND + name: torch.zeros_like(leaf) if grad is None else grad
            for name, leaf, grad in zip(self.wrt, leaves, grads, strict=True)
        }
