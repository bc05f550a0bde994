"""The filter, read by a small interpreter of it: both architectures, no process."""

import ctypes.util
import errno

import pytest

from grader.sandbox import syscalls
from grader.sandbox.syscalls import (
    ALLOW,
    AUDIT_ARCH,
    COLUMN,
    ERRNO,
    KILL_PROCESS,
    Kept,
    build_filter,
)

EPERM, ENOSYS, EAGAIN = ERRNO | errno.EPERM, ERRNO | errno.ENOSYS, ERRNO | errno.EAGAIN
DANGEROUS = {  # name: x86_64, aarch64
    "socket": (41, 198),
    "connect": (42, 203),
    "sendmsg": (46, 211),
    "setsockopt": (54, 208),  # a program of BPF could be attached
    "execve": (59, 221),
    "execveat": (322, 281),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "unshare": (272, 97),
    "setns": (308, 268),
    "keyctl": (250, 219),
    "io_uring_setup": (425, 425),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "memfd_create": (319, 279),
    "kexec_load": (246, 104),
    "init_module": (175, 105),
    "open_by_handle_at": (304, 265),
    "pidfd_getfd": (438, 438),
    "setsid": (112, 157),
    "shmget": (29, 194),
    "mq_open": (240, 180),
    "reboot": (169, 142),
    "setuid": (105, 146),
    "chroot": (161, 51),
    "mknodat": (259, 33),
}


def judge(arch, number, *arguments, audit=None, **kept):
    """Run the filter on one call, as the kernel does."""
    words = {0: number, 4: AUDIT_ARCH[arch] if audit is None else audit}
    for i in range(6):
        value = (arguments[i] if i < len(arguments) else 0) & (1 << 64) - 1
        words[16 + 8 * i], words[20 + 8 * i] = value & 0xFFFFFFFF, value >> 32
    program = build_filter(arch, Kept(**{"may_fork": True, **kept}))
    at = accumulator = 0
    while True:
        step = program[at]
        at += 1
        if step.code == syscalls.RETURN:
            return step.operand
        if step.code == syscalls.LOAD:
            accumulator = words[step.operand]
        elif step.code == syscalls.AND:
            accumulator &= step.operand
        else:
            holds = {
                syscalls.EQUAL: accumulator == step.operand,
                syscalls.AT_LEAST: accumulator >= step.operand,
                syscalls.ANY_BIT: bool(accumulator & step.operand),
            }[step.code]
            at += step.if_true if holds else step.if_false


each_arch = pytest.mark.parametrize("arch", sorted(COLUMN))


@each_arch
@pytest.mark.parametrize("name", DANGEROUS)
def test_dangerous_call_is_refused(arch, name):
    assert judge(arch, DANGEROUS[name][COLUMN[arch]]) == EPERM


@each_arch
def test_listed_call_is_allowed(arch):
    for number in syscalls.allowed_numbers(COLUMN[arch]):
        assert judge(arch, number) == ALLOW


@each_arch
def test_unknown_call_is_refused(arch):
    assert judge(arch, 999) == EPERM


@each_arch
def test_clone3_looks_missing_so_that_clone_is_used(arch):
    assert judge(arch, syscalls.CLONE3) == ENOSYS


@each_arch
def test_call_of_another_architecture_kills(arch):
    assert judge(arch, 1, audit=0x40000003) == KILL_PROCESS
    assert judge(arch, 0x40000001) == KILL_PROCESS


@each_arch
@pytest.mark.parametrize("bit", [0x20000, *(1 << i for i in range(25, 31))])
def test_clone_into_a_namespace_is_refused(arch, bit):
    assert judge(arch, syscalls.CLONE[COLUMN[arch]], bit | 17) == EPERM


@each_arch
def test_alone_threads_start_but_processes_do_not(arch):
    clone = syscalls.CLONE[COLUMN[arch]]
    assert judge(arch, clone, 0x3D0F00, may_fork=False) == ALLOW
    assert judge(arch, clone, 0x1200011, may_fork=False) == EAGAIN
    assert judge(arch, clone, 0x1200011) == ALLOW


@each_arch
@pytest.mark.parametrize("pid", [0, 1])
def test_first_process_that_kills_itself_is_killed(arch, pid):
    kill = syscalls.KILL[COLUMN[arch]]
    assert judge(arch, kill, pid, 9) == KILL_PROCESS
    assert judge(arch, kill, pid, 2) == ALLOW
    assert judge(arch, kill, 7, 9) == ALLOW


@each_arch
def test_alone_only_itself_can_be_signalled(arch):
    column = COLUMN[arch]
    assert judge(arch, syscalls.KILL[column], 42, 15, own_pid=42) == ALLOW
    assert judge(arch, syscalls.KILL[column], 42, 9, own_pid=42) == KILL_PROCESS
    for pid in (-1, -42, 1, 41):
        assert judge(arch, syscalls.KILL[column], pid, 15, own_pid=42) == EPERM
    assert judge(arch, syscalls.TGKILL[column], 41, 41, 15, own_pid=42) == EPERM


@each_arch
def test_only_pairs_of_unix_streams_are_sockets(arch):
    pair = syscalls.SOCKETPAIR[COLUMN[arch]]
    assert judge(arch, pair, 1, 1 | 0o2000000) == ALLOW
    assert judge(arch, pair, 1, 2) == EPERM  # a datagram could name an address
    assert judge(arch, pair, 2, 1) == EPERM


@each_arch
def test_send_takes_no_address(arch):
    sendto = syscalls.SENDTO[COLUMN[arch]]
    assert judge(arch, sendto, 3, 0, 0, 0, 0) == ALLOW
    assert judge(arch, sendto, 3, 0, 0, 0, 1) == EPERM
    assert judge(arch, sendto, 3, 0, 0, 0, 1 << 32) == EPERM


@each_arch
def test_terminal_cannot_be_typed_into(arch):
    ioctl = syscalls.IOCTL[COLUMN[arch]]
    assert judge(arch, ioctl, 0, 0x5401) == ALLOW
    assert judge(arch, ioctl, 0, 0x5412) == ERRNO | errno.ENOTTY


@each_arch
def test_prctl_only_names_and_asks(arch):
    prctl = syscalls.PRCTL[COLUMN[arch]]
    assert judge(arch, prctl, 15) == ALLOW
    assert judge(arch, prctl, 22) == EPERM


@pytest.mark.skipif(
    not ctypes.util.find_library("seccomp"), reason="libseccomp is not installed"
)
@each_arch
def test_numbers_are_those_of_libseccomp(arch):
    resolve = ctypes.CDLL(
        ctypes.util.find_library("seccomp")
    ).seccomp_syscall_resolve_name_arch
    entries = syscalls.TABLE.replace("\n", ";").split(";")
    for entry in filter(str.strip, entries):
        name, *numbers = entry.split()
        known = resolve(ctypes.c_uint32(AUDIT_ARCH[arch]), name.encode())
        assert max(known, -1) == int(numbers[COLUMN[arch]]), name


GPU_ORDERS = [0xC020462A, 0xC0384657, 0x30000001, 0x30000002, 27, 75]


@each_arch
@pytest.mark.parametrize("order", GPU_ORDERS)
def test_orders_to_a_gpu_pass_only_where_one_is_shown(arch, order):
    ioctl = syscalls.IOCTL[COLUMN[arch]]
    assert judge(arch, ioctl, 3, order, gpu=True) == ALLOW
    assert judge(arch, ioctl, 3, order) == syscalls.ERRNO | syscalls.ENOTTY


@each_arch
@pytest.mark.parametrize("order", [0x5412, 0x4B72, 0x8933, 0x30000003])
def test_other_orders_are_refused_with_a_gpu_too(arch, order):
    ioctl = syscalls.IOCTL[COLUMN[arch]]
    assert judge(arch, ioctl, 3, order, gpu=True) == syscalls.ERRNO | syscalls.ENOTTY
