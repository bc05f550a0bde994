"""Notices differentiation while it happens, in the process where it happens."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from grader.shortcuts.evidence import AUTOGRAD, COMPLEX, FUNC, Shortcut

# What torch calls (torch 2.13); torch.func calls requires_grad_ on wrapped tensors.
_CALLS = {
    "backward": AUTOGRAD,
    "grad": AUTOGRAD,
    "register_hook": AUTOGRAD,
    "_make_dual": FUNC,
    "_unpack_dual": FUNC,
}


_BESIDE = 1e-2  # relative: no further apart do finite differences look
_KEPT = 8  # arguments of each function that are remembered
_COMPARED = 10_000  # entries
_PLAIN = frozenset(  # exact for any step: nobody takes differences of these alone
    {"add", "sub", "mul", "div", "neg", "clone", "detach", "reshape", "sum", "__get__"}
)


class Watch(TorchFunctionMode):  # type: ignore[misc]
    """A block in which each way round a derivation leaves a shortcut in `found`.

    is_beside: a function was called at two points that lie side by side. An iteration
    does that too: it is a hint for people, not evidence.
    """

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Shortcut] = []
        self.is_beside = False
        self._points: dict[str, list[Tensor]] = {}

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Look at one call; torch calls it for each of its functions in the block."""
        kwargs = kwargs or {}
        way = _CALLS.get(getattr(func, "__name__", ""))
        if way is None and _starts_tracking(func, args, kwargs):
            way = FUNC if _is_wrapped(args) else AUTOGRAD
        if way is not None:
            self._note(way)
        if args and isinstance(args[0], Tensor) and not self.is_beside:
            self._compare(getattr(func, "__name__", ""), args[0])
        result = func(*args, **kwargs)
        if isinstance(result, Tensor):
            if result.is_complex():
                self._note(COMPLEX)
            if result.grad_fn is not None:
                self._note(AUTOGRAD)
        return result

    def _compare(self, name: str, point: Tensor) -> None:
        """Remember a point; see whether the same function was near it before."""
        is_number = point.is_floating_point() and 0 < point.numel() <= _COMPARED
        if name.strip("_") in _PLAIN or name in _PLAIN or not is_number:
            return
        with torch._C.DisableTorchFunction():
            for other in self._points.get(name, ()):
                if other.shape == point.shape:
                    gap = float((other - point).abs().max())
                    size = float(point.abs().max())
                    self.is_beside |= 0 < gap <= _BESIDE * size
            kept = self._points.setdefault(name, [])
            if len(kept) < _KEPT:
                kept.append(point.detach().clone())

    def _note(self, way: str) -> None:
        shortcut = Shortcut(way)
        if shortcut not in self.found:
            self.found.append(shortcut)


def _starts_tracking(func: Any, args: Any, kwargs: dict[str, Any]) -> bool:
    if kwargs.get("requires_grad") is True:
        return True
    if func is Tensor.requires_grad_:
        return bool(args[1:2] != (False,))
    # The setter has no name of its own: it is found by what it is given.
    name = getattr(func, "__name__", "")
    return (
        name == "__set__" and func == Tensor.requires_grad.__set__ and args[-1] is True
    )


def _is_wrapped(args: Any) -> bool:
    functorch = getattr(torch._C, "_functorch", None)
    known = getattr(functorch, "is_functorch_wrapped_tensor", lambda tensor: False)
    return bool(args) and isinstance(args[0], Tensor) and bool(known(args[0]))
