"""The warm process that students are forked from; it knows no test and no secret.

Started by exec with an empty environment, it jails itself, warms up, and obeys one
socket: each request brings the socket of a new student and is answered with that
student's pidfd. It watches what its students use, and remembers how they ended.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import importlib
import importlib.util
import json
import os
import select
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from grader.accelerators import nodes
from grader.sandbox import files, jail
from grader.sandbox.jail import Jail
from grader.sandbox.limits import Limits, Watch

if TYPE_CHECKING:  # it imports IPython, which must wait until the jail is closed
    from grader.student.shell import Shell

PRELOADED: Final = (  # what a first use would import, up to seconds at a time
    "torch",
    "torch.optim",
    "torch._dynamo",
    "torch.func",
    "torch.testing",
    "torch.utils.data",
    "numpy.random",
    "matplotlib.pyplot",
    "grader.student.main",
    "grader.student.handles",
    "grader.check",
    "grader.show",
)
ENVIRONMENT: Final = {
    # a second thread would hang the first fork that uses it
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "LANG": "C.UTF-8",
    "USER": "student",
}
MESSAGE_BYTES: Final = 1 << 16
WATCH_MS: Final = 50
JOIN_S: Final = 2.0
STUDENTS_SOCKET: Final = 3
DONE: Final = object()


@dataclass
class Student:
    """A forked process that has not been buried yet."""

    number: int
    scratch: Path
    reason: str = ""


class Nursery:
    """Forks students, watches them, and buries them."""

    def __init__(
        self,
        control: socket.socket,
        home: Jail,
        limits: Limits,
        shell: Shell,
        practise: Callable[[], None],
    ) -> None:
        self.control = control
        self.home = home
        self.limits = limits
        self.shell = shell
        self.practise = practise
        self.watch = Watch(limits, alone=home.level != "full")
        self.students: dict[int, Student] = {}  # by pid
        self.ends: dict[int, str] = {}  # by number, until they are asked for
        self.count = 0

    def run(self) -> None:
        """Obey until the launcher closes the socket; then end every student."""
        try:
            self.obey_until_closed()
        finally:
            for pid in self.students:
                os.kill(pid, signal.SIGKILL)

    def obey_until_closed(self) -> None:
        """Do what comes, look after the students, improve while nothing is asked."""
        poll = select.poll()
        poll.register(self.control, select.POLLIN)
        idle = jail.collapse_heap()  # makes later forks cheaper
        watched_s = 0.0
        while True:
            if poll.poll(self.find_patience_ms(next(idle, DONE) is DONE)):
                order, descriptors = receive_order(self.control)
                if order is None:
                    return
                self.obey(order, descriptors)
            if time.monotonic() - watched_s > WATCH_MS / 1000:
                self.look_after()
                watched_s = time.monotonic()

    def find_patience_ms(self, rested: bool) -> int | None:
        """Return how long to wait for an order: not at all, a bit, or for ever."""
        if not rested:
            return 0
        return WATCH_MS if self.students else None

    def look_after(self) -> None:
        """Bury the dead and end those who use more than they may."""
        self.bury()
        greedy = self.watch.find_greedy(set(self.students))
        if self.home.level != "full":  # no file system of its own bounds the folder
            size_mb = self.limits.scratch_mb
            for pid, student in self.students.items():
                if files.is_larger(student.scratch, size_mb):
                    greedy[pid] = f"more than {size_mb} MB of files"
        for pid, reason in greedy.items():
            self.students[pid].reason = reason
            os.kill(pid, signal.SIGKILL)

    def obey(self, order: dict[str, Any], descriptors: list[int]) -> None:
        """Fork a student for the socket that came, or tell how one ended."""
        if descriptors:
            self.fork(descriptors[0])
        else:
            self.bury()
            self.answer(reason=self.ends.pop(order["why"], ""))

    def answer(self, *descriptors: int, **facts: Any) -> None:
        """Send one message to the launcher."""
        socket.send_fds(self.control, [json.dumps(facts).encode()], descriptors)

    def fork(self, descriptor: int) -> None:
        """Fork one student that serves `descriptor`."""
        self.count += 1
        scratch = Path(files.SCRATCH)
        if self.home.level != "full":
            scratch = self.home.temporary / f"scratch-{self.count}"
            scratch.mkdir(mode=0o700)
        child = partial(self.be_student, descriptor, scratch)
        pid = jail.fork_apart(self.home, child)
        os.close(descriptor)
        self.students[pid] = Student(self.count, scratch)
        pidfd = os.pidfd_open(pid)
        self.answer(pidfd, number=self.count)
        os.close(pidfd)

    def be_student(self, descriptor: int, scratch: Path) -> None:
        """Be a student's process until the examiner closes the socket."""
        from grader.student.main import serve  # noqa: PLC0415  imported by the warm-up

        keep_only(descriptor)
        os.environ.update(HOME=f"{scratch}/work", TMPDIR=f"{scratch}/tmp")
        tempfile.tempdir = None  # found once, for the zygote
        sys.path.insert(0, "")  # modules that lie beside the notebook
        jail.confine(self.home, self.limits, scratch)
        sock = socket.socket(fileno=STUDENTS_SOCKET)
        self.practise()
        serve(sock, self.limits.caps, self.shell)

    def bury(self) -> None:
        """Note how students ended and remove what they left."""
        for pid, student in list(self.students.items()):
            gone, status = os.waitpid(pid, os.WNOHANG)
            if not gone:
                continue
            del self.students[pid]
            self.ends[student.number] = student.reason or describe_end(status)
            if self.home.level != "full":
                files.remove_tree(student.scratch)


def receive_order(control: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """Return the launcher's next message and descriptors; None when it is gone."""
    try:
        data, descriptors, _, _ = socket.recv_fds(control, MESSAGE_BYTES, 1)
    except ConnectionResetError:
        return None, []
    return (json.loads(data) if data else None), descriptors


def describe_end(status: int) -> str:
    """Say in words how a process ended."""
    code = os.waitstatus_to_exitcode(status)
    if code == nodes.BROKEN_STATUS:
        return "an illegal access broke the GPU for it"
    if code >= 0:
        return f"it exited with status {code}"
    if -code == signal.SIGSYS:  # the filter's answer to the first pid's kill -9
        return "it killed itself"
    return f"it was ended by {signal.Signals(-code).name}"


def keep_only(descriptor: int) -> None:
    """Leave nothing open but an empty input, two captured outputs and one socket."""
    captures = [os.memfd_create(name) for name in ("stdout", "stderr")]
    for capture in captures:
        fcntl.fcntl(capture, fcntl.F_SETFL, os.O_APPEND)
    sources = [os.open("/dev/null", os.O_RDONLY), *captures, descriptor]
    # first to numbers above all targets, so that none is overwritten before its turn
    sources = [fcntl.fcntl(s, fcntl.F_DUPFD, STUDENTS_SOCKET + 1) for s in sources]
    for target, source in enumerate(sources):
        os.dup2(source, target)
    os.closerange(STUDENTS_SOCKET + 1, os.sysconf("SC_OPEN_MAX"))


def boot(control: socket.socket, config: dict[str, Any]) -> tuple[Jail, Limits]:
    """Find the best level that the system allows, and enter it.

    Raises: SystemExit when none of the accepted levels works; the launcher is told.
    """
    limits = Limits.from_plain(config["limits"])
    package, temporary = Path(config["package"]), Path(config["temporary"])
    failures: dict[str, str] = {}
    for level in config["levels"]:
        layers, failure = jail.try_out(level, limits, package, temporary)
        if layers is not None:
            control.send(json.dumps({"level": level, "layers": layers}).encode())
            gpu = limits.gpu_mb > 0
            return jail.enter(level, package, temporary, gpu=gpu), limits
        failures[level] = failure
    control.send(json.dumps({"failures": failures}).encode())
    sys.exit(1)


def main(control: socket.socket, home: Jail, limits: Limits) -> None:
    """Warm up, then look after students until the launcher closes the socket."""
    try:
        warm_up_and_run(control, home, limits)
    finally:
        if home.level != "full":
            files.remove_tree(home.temporary)


def warm_up_and_run(control: socket.socket, home: Jail, limits: Limits) -> None:
    """Tell the launcher when all is warm; return when the launcher is gone."""
    os.environ.update(ENVIRONMENT)
    os.environ.update(nodes.ENVIRONMENT if home.nodes else nodes.HIDDEN)
    warm = Path(files.WARM) if home.level == "full" else home.temporary / "warm"
    warm.mkdir(exist_ok=True)
    places = ("HOME", "TMPDIR", "MPLCONFIGDIR", "IPYTHONDIR")
    os.environ.update(dict.fromkeys(places, str(warm)))
    shell, practise = warm_up(limits)
    check_single_thread()
    os.dup2(1, 2)  # to nowhere: what failed before is in the launcher's log
    control.send(json.dumps({"ready": True}).encode())
    Nursery(control, home, limits, shell, practise).run()


def warm_up(limits: Limits) -> tuple[Shell, Callable[[], None]]:
    """Import what students use, use it, and make all of it cheap to fork."""
    import torch  # noqa: PLC0415

    gc.disable()  # what is imported stays: looking through it again and again is slow
    torch.set_num_threads(1)
    torch.backends.cudnn.deterministic = True  # where a GPU is shown: same sums again
    for name in (*PRELOADED, *limits.preload):
        with contextlib.suppress(ModuleNotFoundError):  # not every course has each
            importlib.import_module(name)
    from grader.student.warming import warm_up as warm_shell  # noqa: PLC0415

    shell, practise = warm_shell(limits.output_bytes, limits.caps)
    for thread in threading.enumerate()[1:]:  # matplotlib's, that spoke of its fonts
        thread.join(JOIN_S)
    gc.freeze()
    gc.enable()
    return shell, practise


def check_single_thread() -> None:
    """Refuse to fork from a process with threads: the children would hang.

    Raises: RuntimeError.
    """
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        raise RuntimeError(f"the zygote has {threads} threads; a fork needs one")
