"""Calls into the Linux kernel that Python 3.11 does not offer; policy lives elsewhere.

The C library is reached through ctypes, so that a bare machine needs nothing more.
Numbers are those of the kernel's own headers (include/uapi/linux, Linux 6.12).
"""

from __future__ import annotations

import ctypes
import os
import platform
from ctypes import c_char_p, c_int, c_long, c_ulong, c_void_p
from typing import Final

CLONE_NEWNS: Final = 0x00020000
CLONE_NEWUTS: Final = 0x04000000
CLONE_NEWIPC: Final = 0x08000000
CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWPID: Final = 0x20000000
CLONE_NEWNET: Final = 0x40000000

MS_NOSUID: Final = 0x2
MS_NODEV: Final = 0x4
MS_NOEXEC: Final = 0x8
MS_BIND: Final = 0x1000
MS_REC: Final = 0x4000
MS_PRIVATE: Final = 0x40000
MNT_DETACH: Final = 0x2
AT_FDCWD: Final = -100
AT_RECURSIVE: Final = 0x8000
MOUNT_ATTR_READ_ONLY: Final = 0x1 | 0x2 | 0x4  # read-only, no set-uid, no devices

PR_SET_PDEATHSIG: Final = 1
PR_SET_DUMPABLE: Final = 4
PR_SET_SECCOMP: Final = 22
PR_CAPBSET_DROP: Final = 24
PR_SET_NO_NEW_PRIVS: Final = 38
PR_CAP_AMBIENT: Final = 47
PR_CAP_AMBIENT_CLEAR_ALL: Final = 4
SECCOMP_MODE_FILTER: Final = 2

CAPABILITY_VERSION: Final = 0x20080522
LAST_CAPABILITY: Final = 63  # of the two 32-bit words; unknown ones answer EINVAL
MADV_COLLAPSE: Final = 25

# The same numbers on every architecture: younger than the common table.
NR_MOUNT_SETATTR: Final = 442
NR_LANDLOCK_CREATE: Final = 444
NR_LANDLOCK_ADD_RULE: Final = 445
NR_LANDLOCK_RESTRICT: Final = 446
NR_PIVOT_ROOT: Final = {"x86_64": 155, "aarch64": 41}
NR_CAPSET: Final = {"x86_64": 126, "aarch64": 91}

LIBC: Final = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = c_long
LIBC.mount.argtypes = [c_char_p, c_char_p, c_char_p, c_ulong, c_char_p]
LIBC.madvise.argtypes = [c_void_p, ctypes.c_size_t, c_int]


class CapabilityHeader(ctypes.Structure):
    """`struct __user_cap_header_struct`."""

    _fields_ = (("version", ctypes.c_uint32), ("pid", c_int))


class MountAttributes(ctypes.Structure):
    """`struct mount_attr`."""

    _fields_ = (
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


def machine() -> str:
    """Return the architecture as the kernel names it."""
    return platform.machine()


def syscall(number: int, *arguments: object) -> int:
    """Make a system call by its number.

    Raises: OSError with the kernel's reason.
    """
    words = (c_long(a) if isinstance(a, int) else a for a in arguments)
    return check(LIBC.syscall(c_long(number), *words), f"system call {number}")


def check(result: int, what: str) -> int:
    """Return a result of the C library, or raise the OSError that it reports."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def unshare(flags: int) -> None:
    """Move this process (its future children for pids) into new namespaces."""
    check(LIBC.unshare(c_int(flags)), f"new namespaces ({flags:#x})")


def enter_namespace(descriptor: int, kind: int) -> None:
    """Join the namespace behind a descriptor."""
    check(LIBC.setns(c_int(descriptor), c_int(kind)), "join a namespace")


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """Mount, bind or change a mount."""
    texts = [text.encode() for text in (source, target, kind, options)]
    check(LIBC.mount(*texts[:3], flags, texts[3]), f"mount {source} at {target}")


def make_read_only(target: str, flags: int = AT_RECURSIVE) -> None:
    """Make a mount (and those below it) read-only, without set-uid and devices."""
    # not MS_REMOUNT: that would have to repeat each flag that an outer namespace locked
    attributes = MountAttributes(attr_set=MOUNT_ATTR_READ_ONLY)
    size = ctypes.sizeof(attributes)
    path = c_char_p(target.encode())
    by_reference = ctypes.byref(attributes)
    syscall(NR_MOUNT_SETATTR, AT_FDCWD, path, flags, by_reference, size)


def pivot_root(root: str) -> None:
    """Make the mount at `root` the root of everything and let the old one go."""
    os.chdir(root)
    here = c_char_p(b".")
    syscall(NR_PIVOT_ROOT[machine()], here, here)  # stacked: no directory for the old
    check(LIBC.umount2(b".", c_int(MNT_DETACH)), "unmount the old root")
    os.chdir("/")


def prctl(option: int, *arguments: object) -> None:
    """Change an attribute of this process."""
    words = [c_ulong(a) if isinstance(a, int) else a for a in arguments]
    words += [c_ulong(0)] * (4 - len(words))
    check(LIBC.prctl(c_int(option), *words), f"prctl {option}")


def drop_capabilities() -> None:
    """Give up every capability, for this process and all that it starts."""
    for capability in range(LAST_CAPABILITY + 1):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:  # beyond the last one that this kernel has, or not permitted
            break
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    header = CapabilityHeader(CAPABILITY_VERSION, 0)
    none = (ctypes.c_uint32 * 6)()
    syscall(NR_CAPSET[machine()], ctypes.byref(header), ctypes.byref(none))


def collapse_pages(start: int, size: int) -> bool:
    """Ask for huge pages behind a range, so that a fork copies fewer page tables."""
    return bool(LIBC.madvise(start, size, MADV_COLLAPSE) == 0)
