"""What a sandbox shows of a CUDA device: its nodes and the driver's libraries."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

NODE: Final = re.compile(r"nvidia(ctl|-uvm|\d+)")  # no tools, no settings, no NVLink
CARD: Final = re.compile(r"nvidia\d+")
LIBRARIES: Final = ("usr/local/nvidia", "usr/local/cuda", "usr/lib/wsl")
ENVIRONMENT: Final = {
    "NVIDIA_TF32_OVERRIDE": "0",  # TF32 keeps 10 bits of 23
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # the same sums in the same order
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",  # asking must not initialise before a fork
}
BROKEN_STATUS: Final = 70  # a process exits with it when its GPU is broken for it
HIDDEN: Final = {"CUDA_VISIBLE_DEVICES": ""}


def find_nodes(root: Path = Path("/")) -> tuple[str, ...]:
    """Return the device nodes that CUDA needs; none where no card can be used."""
    folder = root / "dev"
    names = sorted(p.name for p in folder.glob("nvidia*") if NODE.fullmatch(p.name))
    if "nvidiactl" not in names or not any(map(CARD.fullmatch, names)):
        return ()
    return tuple(str(folder / name) for name in names)


def find_libraries(root: Path = Path("/")) -> tuple[str, ...]:
    """Return folders of the driver that lie outside the system's own."""
    return tuple(str(root / name) for name in LIBRARIES if (root / name).is_dir())
