"""What a student's process can see of the file system, and Landlock's rules for it.

Visible are system libraries, Python with its packages, and a copy of this package
without the rooms of examiners: no test, master, gradebook, neighbour or home.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import shutil
import site
import stat
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from grader.sandbox import kernel

SYSTEM: Final = (
    *("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache"),
    *("/etc/localtime", "/usr/share/zoneinfo", "/gnu/store", "/nix/store"),
    "/sys/devices/system/cpu",
)
DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
PACKAGES: Final = "/packages"  # where the copy of this package lies in a private root
SCRATCH: Final = "/scratch"
WARM: Final = "/warm"  # what libraries write while the zygote warms up
STUDENTS_ROOMS: Final = (  # what a lesson imports, and what runs inside
    *("__init__.py", "accelerators", "answers", "byhand", "check", "complete"),
    *("diagnose", "errors.py", "ink", "peers", "plots", "sandbox", "shortcuts", "show"),
    *("steps", "student", "values", "wire"),
)
FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
ENTRIES_PER_MB: Final = 64  # files and folders in a scratch folder
ROOT_BYTES: Final = 32 << 20
MOUNT_POINTS: Final = ("/tmp", "/mnt", "/srv", "/media", "/opt", "/sys")

READ: Final = 0b1100  # Landlock: read files, list directories
FILE_RIGHTS: Final = 0b110 | 1 << 14  # read, write, truncate: what a file can have
ORDERS: Final = 1 << 15  # ioctl on a device, since version 5
NO_SPECIAL_FILES: Final = ~(1 << 0 | 1 << 6 | 1 << 9 | 1 << 11)  # run, devices, sockets
FS_RIGHTS_OF_ABI: Final = (0, 13, 14, 15, 15, 16)  # how many there are, by version
LANDLOCK_VERSION_FLAG: Final = 1
LANDLOCK_PATH_BENEATH: Final = 1


class Ruleset(ctypes.Structure):
    """`struct landlock_ruleset_attr`."""

    _fields_ = tuple((n, ctypes.c_uint64) for n in ("files", "network", "scoped"))


class PathRule(ctypes.Structure):
    """`struct landlock_path_beneath_attr`."""

    _pack_ = 1
    _fields_ = (("rights", ctypes.c_uint64), ("directory", ctypes.c_int32))


def visible_paths(*more: str) -> list[str]:
    """Return the real paths that Python, packages and `more` need, outermost only."""
    python = [path for name, path in sysconfig.get_paths().items() if "lib" in name]
    python += [str(Path(p) / "lib") for p in (sys.prefix, sys.base_prefix)]
    wanted = [*SYSTEM, *more, *python, *site.getsitepackages()]
    real = sorted({os.path.realpath(p) for p in wanted if os.path.exists(p)})
    return [p for p in real if not any(is_below(p, q) for q in real if q != p)]


def is_below(path: str, directory: str) -> bool:
    """Tell whether a path lies in a directory."""
    return path.startswith(directory.rstrip("/") + "/")


def copy_package(source: Path, target: Path) -> None:
    """Copy the rooms that students need, with their compiled files."""
    for name in STUDENTS_ROOMS:
        room, place = source / "grader" / name, target / "grader" / name
        if room.is_dir():
            shutil.copytree(room, place, ignore=shutil.ignore_patterns("*.ipynb"))
        elif room.is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(room, place)


def build_root(package: Path, paths: Sequence[str], nodes: Sequence[str]) -> None:
    """Replace the root of this mount namespace by one with these paths only."""
    free = (p for p in MOUNT_POINTS if is_free(p, [*paths, str(package)]))
    root = next(free, None)
    if root is None:
        raise OSError(errno.EBUSY, "no folder is free to become the new root")
    kernel.mount("none", "/", "", kernel.MS_REC | kernel.MS_PRIVATE)
    options = f"size={ROOT_BYTES},mode=755"
    flags = kernel.MS_NOSUID | kernel.MS_NODEV
    kernel.mount("tmpfs", root, "tmpfs", flags, options)
    for path in (*paths, *DEVICES, *nodes):
        bind(path, root + path)
    copy_links(root)
    copy_package(package, Path(root + PACKAGES))
    write_small_files(Path(root))
    mount_proc(root + "/proc", whole=True)  # torch looks up the processor when warming
    kernel.pivot_root(root)


def is_free(directory: str, paths: Iterable[str]) -> bool:
    """Tell whether mounting over a directory hides none of the paths."""
    return os.path.isdir(directory) and not any(
        path == directory or is_below(path, directory) for path in paths
    )


def bind(source: str, target: str) -> None:
    """Show a file or a directory at the same place in the new root, read-only."""
    make_place(target, directory=os.path.isdir(source))
    kernel.mount(source, target, "", kernel.MS_BIND | kernel.MS_REC)
    if not stat.S_ISCHR(os.stat(source).st_mode):
        kernel.make_read_only(target)


def make_place(target: str, *, directory: bool) -> None:
    """Make an empty file or directory to mount on."""
    place = Path(target)
    (place if directory else place.parent).mkdir(parents=True, exist_ok=True)
    if not directory:
        place.touch()


def copy_links(root: str) -> None:
    """Make links like `/lib -> usr/lib` again, at the paths that programs name."""
    for path in (*SYSTEM, *site.getsitepackages()):
        link = Path(root + path)
        if os.path.realpath(path) != path and not os.path.lexists(link):
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(os.path.realpath(path))


def write_small_files(root: Path) -> None:
    """Write the few files and places that libraries ask for."""
    (root / "etc").mkdir(exist_ok=True)
    (root / "etc/passwd").write_text("student:x:1000:1000::/scratch/work:/none\n")
    (root / "etc/group").write_text("student:x:1000:\n")
    for place in ("/proc", SCRATCH):
        (root / place[1:]).mkdir(exist_ok=True)
    for link in (root / "tmp", root / "dev/shm"):
        if not link.exists():  # Python may lie in /tmp; TMPDIR works all the same
            link.symlink_to(f"{SCRATCH}/tmp")


def mount_proc(target: str, *, whole: bool = False) -> None:
    """Show the processes of this pid namespace; of the system only if `whole`."""
    flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
    kernel.mount("proc", target, "proc", flags, "" if whole else "subset=pid")


def mount_scratch(size_mb: int, owner: int) -> None:
    """Mount a fresh, empty, bounded scratch folder for one student."""
    flags = kernel.MS_NOSUID | kernel.MS_NODEV
    options = f"size={size_mb}m,nr_inodes={size_mb * ENTRIES_PER_MB},mode=700"
    options += f",uid={owner},gid={owner}"
    kernel.mount("tmpfs", SCRATCH, "tmpfs", flags, options)


def landlock_version() -> int:
    """Return the version of Landlock that the kernel offers; 0 is none."""
    try:
        number = kernel.NR_LANDLOCK_CREATE
        return kernel.syscall(number, None, 0, LANDLOCK_VERSION_FLAG)
    except OSError:
        return 0


def restrict(
    readable: Iterable[str], writable: Iterable[str], nodes: Iterable[str] = ()
) -> int:
    """Refuse all other files, TCP, and signals and sockets outside; return the version.

    Every path is a directory, or a device that may be read and written. nodes: devices
    that may also be given orders, by ioctl.
    """
    version = landlock_version()
    rights = FS_RIGHTS_OF_ABI[min(version, len(FS_RIGHTS_OF_ABI) - 1)]
    every = (1 << rights) - 1
    network, scoped = 0b11 * (version >= 4), 0b11 * (version >= 6)
    size = 8 * (1 + (version >= 4) + (version >= 6))
    ruleset = Ruleset(every, network, scoped)
    descriptor = kernel.syscall(
        kernel.NR_LANDLOCK_CREATE, ctypes.byref(ruleset), size, 0
    )
    for path in readable:
        allow(descriptor, path, READ)
    for path in writable:
        allow(descriptor, path, every & NO_SPECIAL_FILES & ~ORDERS)
    for path in nodes:
        allow(descriptor, path, every & (FILE_RIGHTS | ORDERS))
    kernel.syscall(kernel.NR_LANDLOCK_RESTRICT, descriptor, 0)
    os.close(descriptor)
    return version


def allow(ruleset: int, path: str, rights: int) -> None:
    """Add one path, and what lies below it, to a ruleset."""
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not os.path.isdir(path):
            rights &= FILE_RIGHTS | ORDERS
        rule = PathRule(rights, place)
        number = kernel.NR_LANDLOCK_ADD_RULE
        kernel.syscall(number, ruleset, LANDLOCK_PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(place)


def remove_tree(directory: Path) -> None:
    """Remove a directory however deep a stranger made it; links are not followed."""
    # shutil.rmtree recurses and holds a descriptor a level: a thousand levels stop it
    way_down: list[str] = []
    here = os.open(directory, FOLDER)
    while True:
        deeper = remove_files(here)
        if deeper is not None:
            os.chmod(deeper, 0o700, dir_fd=here)
            here = move(here, deeper)
            way_down.append(deeper)
        elif way_down:
            here = move(here, "..")
            os.rmdir(way_down.pop(), dir_fd=here)
        else:
            break
    os.close(here)
    directory.rmdir()


def remove_files(folder: int) -> str | None:
    """Remove all but folders; stop at the first folder and return its name."""
    while entry := find_entry(folder):
        if entry.is_dir(follow_symlinks=False):
            return entry.name
        os.unlink(entry.name, dir_fd=folder)
    return None


def find_entry(folder: int) -> os.DirEntry[str] | None:
    """Return the first entry of a folder, if there is one."""
    with os.scandir(folder) as entries:
        return next(entries, None)


def move(folder: int, name: str) -> int:
    """Return the descriptor of a neighbouring folder in exchange for this one's."""
    neighbour = os.open(name, FOLDER, dir_fd=folder)
    os.close(folder)
    return neighbour


def is_larger(directory: Path, size_mb: int) -> bool:
    """Tell whether a tree holds more than it may: bytes, or files and folders."""
    left, left_entries = size_mb << 20, size_mb * ENTRIES_PER_MB
    todo = [directory]
    while todo and left >= 0 and left_entries >= 0:
        with contextlib.suppress(OSError), os.scandir(todo.pop()) as entries:
            for entry in entries:
                left -= entry.stat(follow_symlinks=False).st_blocks * 512
                left_entries -= 1
                if entry.is_dir(follow_symlinks=False):
                    todo.append(Path(entry.path))
    return left < 0 or left_entries < 0
