"""Which system calls a student's process may make: a seccomp filter.

Everything that is not listed is refused. The filter is assembled here, without
libseccomp, which a bare machine may lack.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from grader.sandbox import kernel

# name, x86_64, aarch64 (-1: the architecture has no such call); from libseccomp 2.5.4
TABLE: Final = """
read 0 63; write 1 64; readv 19 65; writev 20 66; pread64 17 67; pwrite64 18 68
preadv 295 69; pwritev 296 70; preadv2 327 286; pwritev2 328 287; lseek 8 62
close 3 57; close_range 436 436; open 2 -1; openat 257 56; stat 4 -1; fstat 5 80
lstat 6 -1; newfstatat 262 79; statx 332 291; access 21 -1; faccessat 269 48
faccessat2 439 439; dup 32 23; dup2 33 -1; dup3 292 24; fcntl 72 25; flock 73 32
fsync 74 82; fdatasync 75 83; ftruncate 77 46; truncate 76 45; fallocate 285 47
fadvise64 221 223; getdents 78 -1; getdents64 217 61; getcwd 79 17; chdir 80 49
fchdir 81 50; rename 82 -1; renameat 264 38; renameat2 316 276; mkdir 83 -1
mkdirat 258 34; rmdir 84 -1; unlink 87 -1; unlinkat 263 35; link 86 -1; linkat 265 37
symlink 88 -1; symlinkat 266 36; readlink 89 -1; readlinkat 267 78; chmod 90 -1
fchmod 91 52; fchmodat 268 53; umask 95 166; utime 132 -1; utimes 235 -1
futimesat 261 -1; utimensat 280 88; statfs 137 43; fstatfs 138 44; sendfile 40 71
copy_file_range 326 285
mmap 9 222; mprotect 10 226; munmap 11 215; mremap 25 216; madvise 28 233; brk 12 214
msync 26 227; membarrier 324 283
clock_gettime 228 113; clock_getres 229 114; clock_nanosleep 230 115; nanosleep 35 101
gettimeofday 96 169; time 201 -1; times 100 153; getitimer 36 102; setitimer 38 103
alarm 37 -1
sched_yield 24 124; sched_getaffinity 204 123; sched_getparam 143 121
sched_getscheduler 145 120; sched_get_priority_max 146 125
sched_get_priority_min 147 126; getpriority 140 141; getcpu 309 168
getpid 39 172; getppid 110 173; gettid 186 178; getuid 102 174; geteuid 107 175
getgid 104 176; getegid 108 177; getresuid 118 148; getresgid 120 150
getgroups 115 158; getpgrp 111 -1; getpgid 121 155; getsid 124 156
exit 60 93; exit_group 231 94; wait4 61 260; waitid 247 95
rt_sigaction 13 134; rt_sigprocmask 14 135; rt_sigreturn 15 139; rt_sigpending 127 136
rt_sigtimedwait 128 137; rt_sigsuspend 130 133; sigaltstack 131 132; pause 34 -1
set_tid_address 218 96; set_robust_list 273 99; get_robust_list 274 100; rseq 334 293
futex 202 98; restart_syscall 219 128; arch_prctl 158 -1
getrlimit 97 163; setrlimit 160 164; prlimit64 302 261; getrusage 98 165
sysinfo 99 179; uname 63 160; getrandom 318 278; capget 125 90
pipe 22 -1; pipe2 293 59; poll 7 -1; ppoll 271 73; select 23 -1; pselect6 270 72
epoll_create 213 -1; epoll_create1 291 20; epoll_ctl 233 21; epoll_wait 232 -1
epoll_pwait 281 22; eventfd 284 -1; eventfd2 290 19
recvfrom 45 207; shutdown 48 210; getsockname 51 204; getpeername 52 205
getsockopt 55 209
"""
CLONE3: Final = 435  # ENOSYS makes the C library use clone, whose flags can be read
FORK: Final = (57, -1)
VFORK: Final = (58, -1)
CLONE: Final = (56, 220)
KILL: Final = (62, 129)
TKILL: Final = (200, 130)
TGKILL: Final = (234, 131)
IOCTL: Final = (16, 29)
PRCTL: Final = (157, 167)
SOCKETPAIR: Final = (53, 199)
SENDTO: Final = (44, 206)

NEW_NAMESPACES: Final = 0x7E020000  # mount, cgroup, uts, ipc, user, pid, net
CLONE_THREAD: Final = 0x10000
SIGKILL: Final = 9
AF_UNIX: Final = 1
SOCK_STREAM: Final = 1
SOCK_TYPE_MASK: Final = 0xF
# is it a terminal, its size, non-blocking, bytes to read, close on exec or not
HARMLESS_IOCTLS: Final = (0x5401, 0x5413, 0x5421, 0x541B, 0x5451, 0x5450)
UVM_ORDERS: Final = (0x30000001, 0x30000002)  # begin and end with unified memory
FIRST_OTHER_ORDER: Final = 0x1000
ORDER_TYPE: Final = 0xFF00
NVIDIA_ORDERS: Final = 0x4600  # 'F'
# thread names, "dumpable?", "in the bounding set?", names of mappings
HARMLESS_PRCTLS: Final = (15, 16, 3, 23, 0x53564D41)

ALLOW: Final = 0x7FFF0000
KILL_PROCESS: Final = 0x80000000
ERRNO: Final = 0x00050000
EPERM, EAGAIN, ENOTTY, ENOSYS = 1, 11, 25, 38

LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
AND: Final = 0x54  # BPF_ALU | BPF_AND | BPF_K
EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
AT_LEAST: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
ANY_BIT: Final = 0x45  # BPF_JMP | BPF_JSET | BPF_K
RETURN: Final = 0x06  # BPF_RET | BPF_K
NUMBER_AT, ARCH_AT, ARGUMENTS_AT = 0, 4, 16  # offsets in struct seccomp_data
X32_BIT: Final = 0x40000000
AUDIT_ARCH: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
COLUMN: Final = {"x86_64": 0, "aarch64": 1}


STEP: Final = struct.Struct("<HBBI")


class Step(NamedTuple):
    """One BPF instruction."""

    code: int
    operand: int
    if_true: int = 0
    if_false: int = 0


class Kept(NamedTuple):
    """What a student may do beyond the table; own_pid: the only one to signal."""

    may_fork: bool = False
    own_pid: int | None = None
    gpu: bool = False


class Program(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def assemble_crowd(*, gpu: bool = False) -> bytes:
    """Return the filter for a pid namespace of one's own: processes may be made."""
    return encode(build_filter(kernel.machine(), Kept(may_fork=True, gpu=gpu)))


def assemble_alone(own_pid: int, *, gpu: bool = False) -> bytes:
    """Return the filter where others can be seen: no processes, no signals."""
    return encode(build_filter(kernel.machine(), Kept(own_pid=own_pid, gpu=gpu)))


def encode(steps: list[Step]) -> bytes:
    """Return instructions as the kernel reads them."""
    return b"".join(STEP.pack(s.code, s.if_true, s.if_false, s.operand) for s in steps)


def install(code: bytes) -> None:
    """Refuse every call that is not listed, from now on and for all descendants."""
    program = Program(len(code) // STEP.size, code)
    kernel.prctl(
        kernel.PR_SET_SECCOMP, kernel.SECCOMP_MODE_FILTER, ctypes.byref(program)
    )


def build_filter(arch: str, kept: Kept) -> list[Step]:
    """Assemble the filter for one architecture; each rule falls through to the next."""
    column = COLUMN[arch]
    steps = [
        Step(LOAD, ARCH_AT),
        Step(EQUAL, AUDIT_ARCH[arch], 1, 0),
        Step(RETURN, KILL_PROCESS),  # a 32-bit call: its numbers mean something else
        Step(LOAD, NUMBER_AT),
        Step(AT_LEAST, X32_BIT, 0, 1),
        Step(RETURN, KILL_PROCESS),
    ]
    for first, last in ranges(allowed_numbers(column)):
        steps += [
            Step(AT_LEAST, first, 0, 2),
            Step(AT_LEAST, last + 1, 1, 0),
            Step(RETURN, ALLOW),
        ]
    steps += [Step(EQUAL, CLONE3, 0, 1), Step(RETURN, ERRNO | ENOSYS)]
    for numbers, rule in argument_rules(kept):
        if numbers[column] >= 0:
            steps += [Step(EQUAL, numbers[column], 0, len(rule)), *rule]
    return [*steps, Step(RETURN, ERRNO | EPERM)]


def allowed_numbers(column: int) -> list[int]:
    """Return the numbers of the calls that are allowed whatever their arguments."""
    lines = (entry.split() for entry in TABLE.replace("\n", ";").split(";"))
    numbers = (int(line[1 + column]) for line in lines if line)
    return sorted(number for number in numbers if number >= 0)


def ranges(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Join sorted numbers into runs: a shorter filter is installed and run faster."""
    first = last = None
    for number in numbers:
        if last is not None and number == last + 1:
            last = number
            continue
        if first is not None and last is not None:
            yield first, last
        first = last = number
    if first is not None and last is not None:
        yield first, last


def argument_rules(kept: Kept) -> Iterator[tuple[tuple[int, int], list[Step]]]:
    """Yield the calls that depend on arguments, each with steps that all return."""
    yield CLONE, clone_rule(kept.may_fork)
    for numbers in (FORK, VFORK):
        yield numbers, [Step(RETURN, ALLOW if kept.may_fork else ERRNO | EAGAIN)]
    for numbers, signal_at in ((KILL, 1), (TKILL, 1), (TGKILL, 2)):
        yield numbers, signal_rule(signal_at, kept.own_pid)
    yield IOCTL, gpu_rule() * kept.gpu + one_of(1, HARMLESS_IOCTLS, ENOTTY)
    yield PRCTL, one_of(0, HARMLESS_PRCTLS, EPERM)
    yield SOCKETPAIR, socketpair_rule()
    yield SENDTO, sendto_rule()


def clone_rule(may_fork: bool) -> list[Step]:
    """Allow threads, perhaps processes, never a new namespace."""
    return [
        Step(LOAD, argument(0)),
        Step(ANY_BIT, NEW_NAMESPACES, 0, 1),
        Step(RETURN, ERRNO | EPERM),
        Step(ANY_BIT, CLONE_THREAD, 0, 1),
        Step(RETURN, ALLOW),
        Step(RETURN, ALLOW if may_fork else ERRNO | EAGAIN),
    ]


def signal_rule(signal_at: int, own_pid: int | None) -> list[Step]:
    """Let SIGKILL to oneself kill, also as pid 1; signal only `own_pid` if given."""
    victims = (0, 1) if own_pid is None else (0, own_pid)
    fatal = [Step(LOAD, argument(signal_at)), Step(EQUAL, SIGKILL, 0, 4)]
    fatal += [Step(LOAD, argument(0))]
    fatal += [Step(EQUAL, victims[0], 1, 0), Step(EQUAL, victims[1], 0, 1)]
    fatal += [Step(RETURN, KILL_PROCESS), Step(LOAD, argument(0))]
    if own_pid is None:
        return [*fatal, Step(RETURN, ALLOW)]
    only_self = [Step(EQUAL, own_pid, 0, 1), Step(RETURN, ALLOW)]
    return [*fatal, *only_self, Step(RETURN, ERRNO | EPERM)]


def socketpair_rule() -> list[Step]:
    """Allow pairs of Unix streams, which reach nobody else; datagrams could."""
    return [
        Step(LOAD, argument(0)),
        Step(EQUAL, AF_UNIX, 0, 3),
        Step(LOAD, argument(1)),
        Step(AND, SOCK_TYPE_MASK),
        Step(EQUAL, SOCK_STREAM, 1, 0),
        Step(RETURN, ERRNO | EPERM),
        Step(RETURN, ALLOW),
    ]


def sendto_rule() -> list[Step]:
    """Allow `send`, that is `sendto` without an address."""
    return [
        Step(LOAD, argument(4)),
        Step(EQUAL, 0, 0, 2),
        Step(LOAD, argument(4) + 4),
        Step(EQUAL, 0, 1, 0),
        Step(RETURN, ERRNO | EPERM),
        Step(RETURN, ALLOW),
    ]


def one_of(position: int, values: tuple[int, ...], otherwise: int) -> list[Step]:
    """Allow only these values of one argument."""
    count = len(values)
    tests = [Step(EQUAL, v, count - i, 0) for i, v in enumerate(values)]
    return [
        Step(LOAD, argument(position)),
        *tests,
        Step(RETURN, ERRNO | otherwise),
        Step(RETURN, ALLOW),
    ]


def gpu_rule() -> list[Step]:
    """Allow the orders of NVIDIA's driver and its unified memory; else go on."""
    return [
        Step(LOAD, argument(1)),
        Step(EQUAL, UVM_ORDERS[0], 4, 0),
        Step(EQUAL, UVM_ORDERS[1], 3, 0),
        Step(AT_LEAST, FIRST_OTHER_ORDER, 0, 2),  # unified memory counts from 1
        Step(AND, ORDER_TYPE),
        Step(EQUAL, NVIDIA_ORDERS, 0, 1),
        Step(RETURN, ALLOW),
    ]


def argument(position: int) -> int:
    """Return the offset of the lower half of an argument, on little-endian machines."""
    return ARGUMENTS_AT + 8 * position
