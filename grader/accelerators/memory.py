"""Watches what a submission holds of a card's memory, and ends it at its cap."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final, Protocol

from grader.errors import GraderError

PERIOD_S: Final = 0.1
MIB: Final = 1 << 20
NO_LIBRARY: Final = (
    "a GPU's memory cannot be watched without nvidia-ml-py: "
    "pip install 'gradients-by-hand[cuda]', or grade with --device cpu"
)
NO_DRIVER: Final = (
    "a GPU's memory cannot be watched: NVIDIA's driver says '{error}'; "
    "grade with --device cpu"
)


class Meter(Protocol):
    """What the driver tells of memory, in MiB."""

    def by_process(self) -> dict[int, float]:
        """By pid, on all cards; empty where the driver does not tell."""

    def in_all(self) -> float:
        """By everybody, on all cards."""


class DriverMeter:
    """Asks NVIDIA's driver by its own library, NVML.

    Raises: GraderError when the driver cannot be asked; then nothing is graded on it.
    """

    def __init__(self) -> None:
        try:
            import pynvml  # noqa: PLC0415  only where a card is shown
        except ImportError:
            raise GraderError(NO_LIBRARY) from None
        self._nvml: Any = pynvml
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError as error:
            raise GraderError(NO_DRIVER.format(error=error)) from None
        count = pynvml.nvmlDeviceGetCount()
        self._cards = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(count)]

    def by_process(self) -> dict[int, float]:
        """Sum over the cards; what the driver will not tell is left out."""
        used: dict[int, float] = {}
        for card in self._cards:
            for process in self._nvml.nvmlDeviceGetComputeRunningProcesses(card):
                if process.usedGpuMemory is not None:
                    mib = process.usedGpuMemory / MIB
                    used[process.pid] = used.get(process.pid, 0.0) + mib
        return used

    def in_all(self) -> float:
        """Sum over the cards."""
        used = (self._nvml.nvmlDeviceGetMemoryInfo(card).used for card in self._cards)
        return float(sum(used)) / MIB


class Guard:
    """Ends one submission when its processes hold more than `cap_mb`.

    Where the driver does not tell whose memory is whose (in many containers), what all
    hold more than at the start counts: then grade with one worker.
    """

    def __init__(
        self,
        meter: Meter,
        cap_mb: int,
        tree: Callable[[], set[int]],
        end: Callable[[str], None],
    ) -> None:
        self._meter = meter
        self._cap_mb = cap_mb
        self._tree = tree
        self._end = end
        self._before = meter.in_all()
        self._over = threading.Event()

    def check(self) -> bool:
        """Measure once; end the submission and return True when it holds too much."""
        told = self._meter.by_process()
        if told:
            tree = self._tree()
            held = sum(mib for pid, mib in told.items() if pid in tree)
        else:
            held = self._meter.in_all() - self._before
        if held > self._cap_mb:
            self._end(f"more than {self._cap_mb} MB of GPU memory")
            return True
        return False

    def start(self) -> None:
        """Check again and again until `stop`."""
        threading.Thread(target=self._watch, daemon=True).start()

    def stop(self) -> None:
        """Stop checking; may be called from anywhere, and twice."""
        self._over.set()

    def _watch(self) -> None:
        while not self._over.wait(PERIOD_S) and not self.check():
            pass
