"""The layers around a student's process, in the order in which they are put on.

The zygote goes into its own namespaces first (`enter`), before it imports anything
large: a process with threads cannot. Each student adds layers of its own after the fork
(`confine`).
"""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Literal, NoReturn

from grader.accelerators.nodes import find_libraries, find_nodes
from grader.sandbox import files, kernel, syscalls
from grader.sandbox.limits import Limits, set_rlimits

Level = Literal["full", "reduced", "none"]
STUDENT_ID: Final = 1000  # inside; outside it is the person's own, or NOBODY under root
NOBODY: Final = 65534
SHARED_NAMESPACES: Final = (
    kernel.CLONE_NEWNS | kernel.CLONE_NEWPID | kernel.CLONE_NEWNET
    | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS
)  # fmt: skip
OWN_NAMESPACES: Final = kernel.CLONE_NEWNET | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS


@dataclass(frozen=True)
class Jail:
    """Where the zygote is: its level, its own pid namespace, its folders."""

    level: Level
    packages: Path
    temporary: Path  # on the outer file system; used where no private root is
    readable: tuple[str, ...]  # what Landlock lets a student read
    is_root: bool
    pid_namespace: int = -1
    filter: bytes = b""  # of system calls; assembling one takes 2 ms
    nodes: tuple[str, ...] = ()  # of a GPU that students may use


def enter(level: Level, package: Path, temporary: Path, *, gpu: bool = False) -> Jail:
    """Go into the zygote's namespaces; where there are some, as pid 1 of a new process.

    Raises: OSError when the system forbids it.
    """
    nodes = find_nodes() if gpu else ()
    readable = tuple(files.visible_paths(*(find_libraries() if gpu else ())))
    root = is_root()
    if level != "full":
        temporary.mkdir(mode=0o711)
        packages = temporary / "packages"
        files.copy_package(package, packages)
        return Jail(level, packages, temporary, readable, root, nodes=nodes)
    user = os.geteuid(), os.getegid()
    if root:
        kernel.unshare(SHARED_NAMESPACES)
    else:
        kernel.unshare(SHARED_NAMESPACES | kernel.CLONE_NEWUSER)
        write_id_maps(*user)
    become_first_process()
    files.build_root(package, readable, nodes)
    socket.sethostname("student")
    own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    return Jail(
        level,
        Path(files.PACKAGES),
        temporary,
        (*readable, "/proc", "/etc"),
        root,
        own,
        syscalls.assemble_crowd(gpu=gpu),
        nodes,
    )


def is_root() -> bool:
    """Tell whether this process can become another user: root of more than itself."""
    lines = Path("/proc/self/uid_map").read_text().splitlines()
    ranges = [[int(word) for word in line.split()] for line in lines]
    others = any(first <= NOBODY < first + count for first, _, count in ranges)
    return os.geteuid() == 0 and others


def write_id_maps(user: int, group: int) -> None:
    """Call `user` outside STUDENT_ID inside; nobody else exists there."""
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{STUDENT_ID} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{STUDENT_ID} {group} 1")


def become_first_process() -> None:
    """Go on as pid 1 of the new pid namespace; the old process waits for the end."""
    child = os.fork()
    if child:
        wait_and_exit(child)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)


def wait_and_exit(child: int) -> NoReturn:
    """Hold nothing, wait for the child, end as it ended."""
    os.closerange(0, 256)
    _, status = os.waitpid(child, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def fork_apart(jail: Jail, child_main: Callable[[], None]) -> int:
    """Fork a child that is pid 1 of a pid namespace of its own; return its pid."""
    if jail.level == "full":
        kernel.unshare(kernel.CLONE_NEWPID)
    try:
        pid = os.fork()
        if pid == 0:
            run_and_exit(child_main)
    finally:
        if jail.level == "full":
            kernel.enter_namespace(jail.pid_namespace, kernel.CLONE_NEWPID)
    return pid


def run_and_exit(child_main: Callable[[], None]) -> NoReturn:
    """Run the child's part; whatever happens, never return into the zygote's code."""
    code = 1
    try:
        child_main()
        code = 0
    finally:
        os._exit(code)


def confine(jail: Jail, limits: Limits, scratch: Path) -> tuple[str, ...]:
    """Put the student's layers on this process, for good; return their names.

    Raises: OSError when one cannot be put on.
    """
    os.setsid()
    layers: list[str] = []
    Path("/proc/self/oom_score_adj").write_text("1000")
    if jail.level == "full":
        layers += isolate(jail, limits)
    elif jail.is_root:
        layers += leave_root(jail, scratch)
    for name in ("work", "tmp"):
        (scratch / name).mkdir()
    os.chdir(scratch / "work")
    set_rlimits(limits, own_user=jail.level == "full")
    if jail.level == "none":
        return (*layers, "rlimits")
    kernel.drop_capabilities()
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)  # reset by changes of user
    layers += ["no capabilities", "no new privileges", "rlimits"]
    layers += restrict_files(jail, scratch)
    alone = partial(syscalls.assemble_alone, os.getpid(), gpu=bool(jail.nodes))
    syscalls.install(jail.filter or alone())
    layers += [f"GPU shown: {', '.join(jail.nodes)}"] if jail.nodes else []
    return (*layers, "seccomp")


def isolate(jail: Jail, limits: Limits) -> list[str]:
    """Take own namespaces, own /proc, own scratch folder; own nothing outside."""
    kernel.unshare(kernel.CLONE_NEWNS)
    files.mount_proc("/proc")
    files.mount_scratch(limits.scratch_mb, NOBODY if jail.is_root else STUDENT_ID)
    kernel.make_read_only("/", 0)
    names = ["mount", "pid", "network", "ipc", "uts"]
    if jail.is_root:
        kernel.unshare(OWN_NAMESPACES)
        become_nobody()
    user = os.geteuid(), os.getegid()
    try:
        kernel.unshare(kernel.CLONE_NEWUSER | OWN_NAMESPACES * (not jail.is_root))
        write_id_maps(*user)
        names.insert(0, "user")
    except OSError:
        if not jail.is_root:
            raise
    return [f"{name} namespace" for name in names] + ["private files"]


def become_nobody() -> None:
    """Give up root: nothing outside belongs to this process any more."""
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # else its own /proc entries are root's


def leave_root(jail: Jail, scratch: Path) -> list[str]:
    """Become nobody where the interpreter can still be read by nobody."""
    open_to_all = all(
        parent.stat().st_mode & 0o5 == 0o5
        for path in jail.readable
        for parent in (Path(path), *Path(path).parents)
        if parent.is_dir()
    )
    if not open_to_all:  # capabilities go all the same; Landlock guards root's files
        return []
    os.chown(scratch, NOBODY, NOBODY)
    become_nobody()
    return ["not root"]


def restrict_files(jail: Jail, scratch: Path) -> list[str]:
    """Put Landlock on; only where files are private already may it be missing."""
    if files.landlock_version() == 0:
        if jail.level == "full":
            return []
        raise OSError(errno.ENOSYS, "this kernel has no Landlock, or it is off")
    devices = [path for path in files.DEVICES if os.path.exists(path)]
    readable = [*jail.readable, str(jail.packages)]
    version = files.restrict(readable, [str(scratch), *devices], jail.nodes)
    return [f"Landlock {version}"]


def try_out(
    level: Level, limits: Limits, package: Path, temporary: Path
) -> tuple[tuple[str, ...] | None, str]:
    """Confine a process that does nothing; return its layers, or why they failed."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        run_and_exit(partial(report_layers, writer, level, limits, package, temporary))
    os.close(writer)
    with os.fdopen(reader, "rb") as report:
        layers, failure = json.loads(report.read() or b'[null, "it ended early"]')
    os.waitpid(pid, 0)
    if temporary.exists():
        files.remove_tree(temporary)
    return (None if layers is None else tuple(layers)), failure


def report_layers(
    writer: int, level: Level, limits: Limits, package: Path, temporary: Path
) -> None:
    """Write the layers that a student would have, or the reason why not."""
    try:
        home = enter(level, package, temporary, gpu=limits.gpu_mb > 0)
        scratch = temporary if level != "full" else Path(files.SCRATCH)
        reader, inner = os.pipe()
        fork_apart(home, partial(report_confinement, inner, home, limits, scratch))
        os.close(inner)
        report = os.read(reader, 1 << 16)
    except OSError as error:
        report = json.dumps([None, describe(error)]).encode()
    os.write(writer, report)


def describe(error: OSError) -> str:
    """Say what failed; calls of ours name themselves, Python's name a file."""
    return str(error.strerror) + (f" ({error.filename})" if error.filename else "")


def report_confinement(writer: int, home: Jail, limits: Limits, scratch: Path) -> None:
    """Put the layers on and write their names."""
    layers, failure = None, ""
    try:
        layers = confine(home, limits, scratch)
    except OSError as error:
        failure = describe(error)
    os.write(writer, json.dumps([layers, failure]).encode())


def collapse_heap() -> Iterator[None]:
    """Put huge pages behind the zygote's memory, one for each step of the caller.

    A fork then copies far fewer page tables: 7 ms of processor time with its exit,
    25 without, measured with torch, matplotlib and pandas loaded.
    """
    huge = 2 << 20
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, rights, *rest = line.split()
        if rights != "rw-p" or (len(rest) > 3 and rest[3] != "[heap]"):
            continue
        start, end = (int(edge, 16) for edge in span.split("-"))
        start, end = -(-start // huge) * huge, end // huge * huge
        for page in range(start, end, huge):
            kernel.collapse_pages(page, huge)
            yield
