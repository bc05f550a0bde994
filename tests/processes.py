"""What /proc tells of processes: which one started which, and what they hold."""

import contextlib
from pathlib import Path


def list_family(pid):
    """Give a process and all below it as (pid, time of start): a pid can come again."""
    children, starts = {}, {}
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            # The name before the last parenthesis may hold blanks.
            parts = (path / "stat").read_text().rpartition(")")[2].split()
            children.setdefault(int(parts[1]), []).append(int(path.name))
            starts[int(path.name)] = parts[19]
    found, waiting = set(), [pid]
    while waiting:
        one = waiting.pop()
        if one in starts:
            found.add((one, starts[one]))
            waiting += children.get(one, ())
    return found


def is_alive(member):
    """Whether that very process still runs; one that nobody waited for does not."""
    pid, start = member
    with contextlib.suppress(OSError):
        parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return parts[19] == start and parts[0] != "Z"
    return False


def sum_memory(members):
    """Give the MiB that these processes hold, what they share counted once."""
    total = 0
    for pid, _ in members:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total / 1024


def read_memory(pid):
    """Give all that a process can write to, heap and stacks among it."""
    found = []
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights, *rest = line.split()
            if rights.startswith("rw") and not rest[3:]:
                start, end = (int(edge, 16) for edge in span.split("-"))
                memory.seek(start)
                found.append(memory.read(end - start))
    return b"".join(found)
