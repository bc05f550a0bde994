"""Torch calls as values: their names, their tensors cut out and filled in again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Any

import torch

from grader.diagnose.diagnosis import Tensor
from grader.diagnose.tape.steps import Run, Value

RULE_TOLERANCE = 1e-9
# Calls with an axis that another axis can be taken for.
WITH_AXIS = frozenset(
    (
        *("softmax", "log_softmax", "mean", "sum", "cumsum", "cumprod", "logsumexp"),
        *("norm", "linalg_vector_norm", "normalize", "var", "std", "amax", "prod"),
        "flip",
    )
)


def name_function(func: Callable[..., Any]) -> str:
    """Give the plain name of a torch function, operator or property."""
    name = getattr(func, "__name__", "")
    if name == "__get__":
        owner = getattr(func, "__self__", None)
        name = getattr(owner, "__name__", "")
    return name.strip("_") + ("_" if name.endswith("_") and name[:2] != "__" else "")


def changes_argument(name: str, kwargs: dict[str, Any]) -> bool:
    """Tell whether a call changes its first argument (or `out`) in place."""
    named = name.endswith("_") or name in ("setitem", "iadd")
    return named or kwargs.get("out") is not None


def tidy_options(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Give numpy's spellings their torch names, and leave out what is not given."""
    names = {"axis": "dim", "keepdims": "keepdim"}
    return {names.get(k, k): value for k, value in kwargs.items() if value is not None}


def is_same(expected: Tensor, result: Tensor) -> bool:
    """Tell whether a call taken apart gives what the call gave."""
    if expected.shape != result.shape:
        return False
    return bool(torch.allclose(result, expected, RULE_TOLERANCE, RULE_TOLERANCE))


def keep_data(values: Iterable[Value], target: Tensor) -> None:
    """Copy what shares memory with a tensor that is about to change."""
    memory = target.untyped_storage().data_ptr()
    for value in values:
        if value.data.untyped_storage().data_ptr() == memory:
            value.data = value.data.clone()


def open_call(
    func: Callable[..., Any], args: Any, kwargs: Any
) -> tuple[list[Tensor], Run]:
    """Make a call a function of its floating point tensors, and list these."""
    tensors: list[Tensor] = []
    template = cut_tensors((args, kwargs), tensors)
    constant = not torch.is_grad_enabled()

    def run(given: Sequence[Tensor]) -> Tensor:
        filled, named = fill_tensors(template, iter(given))
        if constant:
            with torch.no_grad():
                return func(*filled, **named)
        return func(*filled, **named)

    return tensors, run


def turn_call(func: Callable[..., Any], args: Any, kwargs: Any) -> Run | None:
    """Make the same function along another axis; None where no axis is named."""
    axis = kwargs.get("dim", kwargs.get("axis", args[1] if len(args) > 1 else None))
    if not isinstance(axis, (int, tuple, list)) or isinstance(axis, bool):
        return None
    template = cut_tensors((args, kwargs), [])

    def run(given: Sequence[Tensor]) -> Tensor:
        return turn_axis(func, *fill_tensors(template, iter(given)))

    return run


def read_view(view: Tensor) -> Run:
    """Make a function that reads the same view of its base."""
    layout = (view.size(), view.stride(), view.storage_offset())
    return lambda given: given[0].as_strided(*layout)


def write_view(view: Tensor) -> Run:
    """Make a function that puts a view's new data into its base."""
    layout = (view.size(), view.stride(), view.storage_offset())

    def run(given: Sequence[Tensor]) -> Tensor:
        copy = given[0].clone()
        copy.as_strided(*layout).copy_(given[1])
        return copy

    return run


def turn_axis(func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Call along the first axis where another is asked, along the last for the first.

    Raises: IndexError when the call names no axis.
    """
    name = "dim" if "dim" in kwargs else "axis" if "axis" in kwargs else ""
    axis = kwargs[name] if name else args[1]
    new = -1 if axis == 0 else 0
    if name:
        return func(*args, **{**kwargs, name: new})
    return func(args[0], new, *args[2:], **kwargs)


def join_shapes(shapes: Iterable[Sequence[int]]) -> tuple[int, ...]:
    """Give the shape that operands are stretched to.

    `torch.broadcast_shapes` does the same, but loads sympy: 484 modules, 0.4 s.
    """
    columns = zip_longest(*(tuple(shape)[::-1] for shape in shapes), fillvalue=1)
    return tuple(next((size for size in column if size != 1), 1) for column in columns)[
        ::-1
    ]


def pick_result(func: Callable[..., Any], index: int) -> Callable[..., Tensor]:
    """Make a call of several results a call of one."""
    return lambda *args, **kwargs: func(*args, **kwargs)[index]


class _Hole:
    """Where a tensor stood in a call's arguments."""


HOLE = _Hole()


def cut_tensors(tree: Any, tensors: list[Tensor]) -> Any:
    """Replace floating point tensors by holes, and collect them."""
    if isinstance(tree, torch.Tensor):
        if not tree.is_floating_point():
            return tree.clone()
        tensors.append(tree)
        return HOLE
    if type(tree) in (tuple, list):
        return type(tree)(cut_tensors(branch, tensors) for branch in tree)
    if type(tree) is dict:
        return {key: cut_tensors(branch, tensors) for key, branch in tree.items()}
    return tree


def fill_tensors(tree: Any, tensors: Iterator[Tensor]) -> Any:
    """Put tensors into the holes, in order."""
    if tree is HOLE:
        return next(tensors)
    if type(tree) in (tuple, list):
        return type(tree)(fill_tensors(branch, tensors) for branch in tree)
    if type(tree) is dict:
        return {key: fill_tensors(branch, tensors) for key, branch in tree.items()}
    return tree
