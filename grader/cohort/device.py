"""Whether submissions are shown a GPU: when asked, or where the assignment asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from grader.accelerators.nodes import find_nodes
from grader.errors import GraderError

if TYPE_CHECKING:
    from grader.submission.assignment import Assignment

DEVICES: Final = ("auto", "cpu", "cuda")
TAG: Final = "cuda"  # of a check cell that is to be tried there
NO_CARD: Final = (
    "no CUDA device can be shown to submissions: /dev/nvidiactl or /dev/nvidia0 is "
    "missing; grade with --device cpu"
)


def choose_gpu_mb(
    device: str, cap_mb: int, asks: Callable[[], bool], *, here: bool = True
) -> int:
    """Give the GPU memory of a submission in MiB; 0 when it is shown no GPU.

    asks: whether the assignment wants one; called only where there is one. here: it is
        this machine that examines; of others only they know what they have.

    Raises:
        GraderError: CUDA was asked for by name and is not there.
    """
    if device == "cpu" or (device == "auto" and not here):
        return 0
    found = bool(find_nodes()) if here else True
    if device == "cuda":
        if not found:
            raise GraderError(NO_CARD)
        return cap_mb
    return cap_mb if found and asks() else 0


def asks_for_cuda(assignment: Assignment) -> bool:
    """Tell whether one of its check cells has the tag."""
    cells = [cell for notebook in assignment.notebooks for cell in notebook.cells]
    return any(cell.kind == "check" and TAG in cell.tags for cell in cells)
