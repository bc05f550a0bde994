"""What a submission may use: rlimits for one process, a watch for the whole tree."""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from grader.wire.frames import Caps

Require = Literal["full", "reduced", "none"]
MB: Final = 1 << 20
ADDRESS_SLACK_MB: Final = 256  # stacks and arenas that are reserved but never filled
PAGE_BYTES: Final = resource.getpagesize()
TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
NEVER: Final = (
    resource.RLIMIT_CORE,
    resource.RLIMIT_MEMLOCK,
    resource.RLIMIT_MSGQUEUE,
    resource.RLIMIT_NICE,
    resource.RLIMIT_RTPRIO,
)


@dataclass(frozen=True)
class Limits:
    """The most that one submission may use; `require` is the least sandbox accepted.

    gpu_mb: GPU memory that it may hold; with 0 no GPU is shown to it.
    memory_mb counts what the student's process tree allocates beyond the libraries,
    shared mappings included. processes counts threads too. output_bytes is for the
    streams of one cell. require: "full" takes namespaces and all other layers,
    "reduced" is content with Landlock, seccomp and rlimits, "none" with nothing.
    preload: modules to import before the fork, so that no submission waits for them.
    """

    cell_s: float = 30.0
    submission_s: float = 300.0
    cpu_s: float = 300.0
    memory_mb: int = 1024
    scratch_mb: int = 64
    file_mb: int = 64
    processes: int = 64
    open_files: int = 256
    output_bytes: int = 1 << 20
    interrupt_s: float = 0.5
    require: Require = "reduced"
    gpu_mb: int = 0
    preload: tuple[str, ...] = ("pandas",)
    caps: Caps = field(default_factory=Caps)

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Limits:
        """Build from what `dataclasses.asdict` and JSON made of it."""
        caps = Caps(**plain["caps"])
        return cls(**{**plain, "caps": caps, "preload": tuple(plain["preload"])})


def set_rlimits(limits: Limits, *, own_user: bool) -> None:
    """Bound this process and, one by one, all that it starts.

    own_user: nobody else's processes count as this user's; else their number would.
    """
    pages = Path("/proc/self/statm").read_text().split()
    mapped, data = (int(pages[i]) * PAGE_BYTES for i in (0, 5))
    bounds = {
        resource.RLIMIT_DATA: data + limits.memory_mb * MB,
        resource.RLIMIT_FSIZE: limits.file_mb * MB,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_CPU: int(limits.cpu_s) + 1,
        **dict.fromkeys(NEVER, 0),
    }
    if not limits.gpu_mb:  # CUDA reserves addresses for all memory of all cards
        most_mapped = limits.memory_mb + ADDRESS_SLACK_MB
        bounds[resource.RLIMIT_AS] = mapped + most_mapped * MB
    if own_user:
        bounds[resource.RLIMIT_NPROC] = limits.processes
    for kind, bound in bounds.items():
        hard = resource.getrlimit(kind)[1]
        most = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(kind, (most, most))


class Usage(NamedTuple):
    """What one process uses, and whose child it is."""

    parent: int
    memory_mb: float  # private and shared, without files and libraries
    cpu_s: float  # with its children that have ended


class Watch:
    """Finds the trees that use more than they may."""

    def __init__(self, limits: Limits, *, alone: bool) -> None:
        own = measure_process("self")
        self.limits = limits
        self.alone = alone  # students cannot have children: look at nobody else
        self.shared_mb = own.memory_mb if own else 0.0  # what each fork shares with us

    def find_greedy(self, roots: set[int]) -> dict[int, str]:
        """Return the first processes of the trees to end, each with the reason."""
        greedy: dict[int, str] = {}
        for root, tree in measure_trees(roots, alone=self.alone).items():
            if sum(usage.cpu_s for usage in tree.values()) > self.limits.cpu_s:
                greedy[root] = f"more than {self.limits.cpu_s:g} s of processor time"
            elif self.uses_too_much(tree):
                greedy[root] = f"more than {self.limits.memory_mb} MB of memory"
        return greedy

    def uses_too_much(self, tree: dict[int, Usage]) -> bool:
        """Tell whether a tree is over its memory, exactly only if that is likely."""
        bound = self.limits.memory_mb + self.limits.scratch_mb
        own = (usage.memory_mb - self.shared_mb for usage in tree.values())
        if sum(max(mb, 0.0) for mb in own) <= bound:
            return False
        return measure_exactly(set(tree)) > bound + self.shared_mb


def measure_trees(roots: set[int], *, alone: bool) -> dict[int, dict[int, Usage]]:
    """Return the processes of each student's tree, by the pid of its first one."""
    names = map(str, roots) if alone else filter(str.isdigit, os.listdir("/proc"))
    found = {int(name): usage for name in names if (usage := measure_process(name))}
    trees: dict[int, dict[int, Usage]] = {root: {} for root in roots}
    for pid, usage in found.items():
        root = find_root(pid, found, roots)
        if root is not None:
            trees[root][pid] = usage
    return trees


def find_root(pid: int, found: dict[int, Usage], roots: set[int]) -> int | None:
    """Return the student's process that a process descends from."""
    for _ in range(len(found) + 1):
        if pid in roots:
            return pid
        if pid not in found:
            return None
        pid = found[pid].parent
    return None


def measure_process(name: str) -> Usage | None:
    """Return what one process uses; None when it is gone."""
    try:
        stat = Path(f"/proc/{name}/stat").read_text(errors="replace")
        status = Path(f"/proc/{name}/status").read_text(errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the name before may hold anything
    cpu_s = sum(int(fields[i]) for i in (11, 12, 13, 14)) / TICKS_PER_S
    kb = sum(
        int(line.split()[1])
        for line in status.splitlines()
        if line.startswith(("RssAnon:", "RssShmem:", "VmSwap:"))
    )
    return Usage(int(fields[1]), kb / 1024, cpu_s)


def measure_exactly(pids: set[int]) -> float:
    """Return the MiB of a tree, each shared page counted by its share; slow."""
    kb = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        wanted = ("Pss_Anon:", "Pss_Shmem:", "SwapPss:")
        lines = (line for line in text.splitlines() if line.startswith(wanted))
        kb += sum(int(line.split()[1]) for line in lines)
    return kb / 1024
