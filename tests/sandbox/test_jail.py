"""What a student's process cannot reach, tried from inside."""

import os
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def inside(full, print_cell):
    return print_cell


def test_all_layers_are_on(full):
    names = " ".join(full.layers)
    for layer in ("user", "mount", "pid", "network", "ipc", "uts"):
        assert f"{layer} namespace" in names
    for layer in ("private files", "no capabilities", "no new privileges", "rlimits"):
        assert layer in names
    assert "seccomp" in names


def test_no_namespace_is_shared_with_the_examiner(full, student):
    kinds = ("user", "mnt", "pid", "net", "ipc", "uts")
    student.request({"op": "ping"}, timeout_s=10)
    for kind in kinds:
        theirs = os.readlink(f"/proc/{student.pid}/ns/{kind}")
        assert theirs != os.readlink(f"/proc/self/ns/{kind}")


def test_kernel_confirms_the_layers(full, student):
    student.request({"op": "ping"}, timeout_s=10)
    status = Path(f"/proc/{student.pid}/status").read_text()
    facts = dict(line.split(":\t", 1) for line in status.splitlines())
    assert {facts[f"Cap{kind}"] for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {
        "0" * 16
    }
    assert (facts["NoNewPrivs"], facts["Seccomp"]) == ("1", "2")
    assert facts["NSpid"].split()[-1] == "1"
    assert "0" not in facts["Uid"].split()


@pytest.mark.parametrize(
    "path",
    [
        *map(str, (REPOSITORY, REPOSITORY / "solutions", Path.home(), sys.executable)),
        *("/etc/shadow", "/etc/hostname", "/root", "/home", "/var", "/run", "/bin/sh"),
        *("/sys/kernel", "/proc/sys", "/proc/kcore", "/proc/2"),
    ],
)
def test_path_outside_cannot_be_read(inside, path):
    # it is no more than the place where Python lies, if it is there at all
    source = f"import os\nif os.path.exists({path!r}): os.listdir({path!r})"
    assert inside(source) in {"", "PermissionError", "NotADirectoryError"}
    assert inside(f"open({path!r})") in {"FileNotFoundError", "PermissionError"}


def test_root_holds_places_for_libraries_only(full, student, run):
    run("1")
    root = Path(f"/proc/{student.pid}/root")
    places = {"dev", "etc", "lib", "lib64", "packages", "proc", "scratch", "sys", "tmp"}
    places |= {"usr", "warm", "gnu", "nix"}
    python = {Path(path).parts[1] for path in (sys.prefix, sys.base_prefix)}
    assert {path.name for path in root.iterdir()} <= places | python
    inside = root / REPOSITORY.relative_to("/")
    assert not inside.exists() or {path.name for path in inside.iterdir()} <= {".venv"}


def test_package_inside_lacks_the_rooms_of_examiners(inside):
    source = "import grader, os\nprint(sorted(os.listdir(grader.__path__[0])))"
    rooms = inside(source)
    assert "'student'" in rooms
    assert not any(f"'{room}'" in rooms for room in ("grading", "release", "examine"))


def test_package_inside_is_a_copy_and_not_the_repository(inside):
    """A wheel's files beside one another; no path leads to the checkout."""
    source = "import grader, os, sys\nprint(grader.__file__, sys.path)\n"
    source += f"print(os.path.exists({str(REPOSITORY / 'grader')!r}))"
    said = inside(source)
    assert said.startswith("/packages/grader/__init__.py")
    assert f"'{REPOSITORY}'" not in said
    assert said.endswith("False")


@pytest.mark.parametrize(
    "path", ["/x", "/etc/x", "/packages/grader/x", "/proc/self/oom_score_adj", "/dev/x"]
)
def test_writing_outside_the_scratch_folder_fails(inside, path):
    assert inside(f"open({path!r}, 'w')") in {"OSError", "PermissionError"}


def test_libraries_cannot_be_changed(inside):
    assert inside("import torch\nopen(torch.__file__, 'a')") in {
        "OSError",
        "PermissionError",
    }


# Where Python itself lies in /tmp, that is read-only and TMPDIR points elsewhere.
PYTHON_IN_TMP = sys.prefix.startswith("/tmp/")
in_tmp = pytest.param(
    "/tmp/", marks=pytest.mark.skipif(PYTHON_IN_TMP, reason="Python lies in /tmp")
)


@pytest.mark.parametrize("place", ["", in_tmp, "/dev/shm/", "~/"])
def test_scratch_folder_can_be_written(inside, place):
    source = f"import os\npath = os.path.expanduser({place + 'x'!r})\n"
    source += "open(path, 'w').write('kept')\nprint(open(path).read())"
    assert inside(source) == "kept"


def test_temporary_files_work(inside):
    source = "import tempfile\nwith tempfile.NamedTemporaryFile() as f: print(f.name)"
    assert inside(source).startswith("/scratch/tmp/")


def test_scratch_folder_is_empty_for_the_next_student(zygote, run):
    run("import os; t = os.environ['TMPDIR']; open(t + '/left', 'w').write('x')")
    run("open('left', 'w').write('x')")
    source = "import os; print(os.listdir('.'), os.listdir(os.environ['TMPDIR']))"
    message = {"op": "run_cell", "source": source, "name": "c", "index": 1}
    with zygote.fork() as neighbour:
        reply, _ = neighbour.request(message, timeout_s=10)
    assert reply["outputs"][0]["text"] == "[] []\n"


def test_devices_work(inside):
    source = "import os\nopen('/dev/null', 'w').write('x')\n"
    source += "print(len(open('/dev/urandom', 'rb').read(4)), len(os.urandom(4)))"
    assert inside(source) == "4 4"


@pytest.mark.parametrize(
    "call",
    [
        "socket.socket()",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
        "socket.socket(socket.AF_UNIX)",
        "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)",
        "socket.create_connection(('127.0.0.1', 80))",
        "urllib.request.urlopen('http://127.0.0.1')",
        "subprocess.run(['ls'])",
        "os.execv('/bin/sh', ['sh'])",
        "os.memfd_create('x')",
        "os.setuid(0)",
        "os.setsid()",
        "os.mkfifo('/x')",
        "os.mknod('x', 0o20644, os.makedev(1, 3))",
        "os.chroot('.')",
        "os.pidfd_open(1)",
        "os.sched_setaffinity(0, {0})",
        "os.nice(-1)",
        "socket.send_fds(socket.socket(fileno=3), [b'x'], [0])",
        "resource.setrlimit(resource.RLIMIT_DATA, (-1, -1))",
    ],
)
def test_call_is_refused(inside, call):
    imports = "import os, resource, socket, subprocess, urllib.request\n"
    assert inside(imports + call) in {
        "PermissionError",
        "OSError",
        "URLError",
        "gaierror",
        "ValueError",
        "FileNotFoundError",
    }


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("unshare", "0x10000000"),
        ("setns", "0, 0"),
        ("ptrace", "0, 0, 0, 0"),
        ("mount", "b'none', b'/scratch', b'tmpfs', 0, None"),
        ("umount2", "b'/proc', 2"),
        ("process_vm_readv", "1, 0, 0, 0, 0, 0"),
        ("syscall", "425, 1, 0"),
        ("syscall", "321, 0, 0, 0"),
        ("syscall", "298, 0, 0, 0, 0, 0"),
        ("syscall", "323, 0"),
        ("syscall", "250, 0, 0, 0, 0, 0"),
        ("process_vm_writev", "1, 0, 0, 0, 0, 0"),
        ("memfd_create", "b'x', 0"),
        ("shmget", "0, 4096, 0o1600"),
    ],
)
def test_kernel_call_is_refused(inside, name, arguments):
    source = "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
    source += f"print(libc.{name}({arguments}), ctypes.get_errno())"
    assert inside(source) == "-1 1"


def test_clone3_is_missing(inside):
    """The C library then uses clone, whose flags the filter reads."""
    source = "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
    assert inside(source + "print(libc.syscall(435, 0, 0), ctypes.get_errno())") == (
        "-1 38"
    )


def test_network_has_no_device(inside):
    assert inside("import os; print(os.listdir('/proc/self/net'))") in {
        "PermissionError",
        "FileNotFoundError",
        "[]",
    } or "eth" not in inside("print(open('/proc/self/net/dev').read())")


def test_names_of_machine_and_user_are_not_those_outside(inside):
    source = "import getpass, os; print(os.uname().nodename, os.getuid(), "
    source += "getpass.getuser())"
    assert inside(source) == "student 1000 student"


def test_no_device_is_shown(inside):
    assert inside("import torch; print(torch.cuda.is_available())") == "False"


def test_no_terminal(inside):
    source = "import os, sys\nprint(os.isatty(0), os.isatty(1))\nopen('/dev/tty')"
    assert inside(source) in {"FileNotFoundError", "OSError", "PermissionError"}


def test_only_four_descriptors_are_open(full, student, run):
    run("1")
    folder = f"/proc/{student.pid}/fd"
    kinds = {name: os.readlink(f"{folder}/{name}") for name in os.listdir(folder)}
    assert sorted(kinds) == ["0", "1", "2", "3"]
    assert kinds["0"] == "/dev/null"
    assert kinds["3"].startswith("socket:")
    assert "memfd:stdout" in kinds["1"]


def test_environment_is_empty_and_tells_nothing(full, student, run):
    run("1")
    assert Path(f"/proc/{student.pid}/environ").read_bytes() == b""
    names = run("import os; print(sorted(os.environ))")["outputs"][0]["text"]
    assert "PATH" not in names
    assert "HOME" in names


def test_only_own_processes_are_seen(inside):
    source = "import os\nprint([n for n in os.listdir('/proc') if n.isdigit()])"
    assert inside(source) == "['1']"


def test_parent_cannot_be_signalled(zygote, full, inside):
    assert inside("import os; print(os.getppid())") == "0"
    inside("import os; os.kill(-1, 15)")
    with zygote.fork() as other:
        assert other.request({"op": "ping"}, timeout_s=10)


def test_landlock_holds_also_without_mounts(inside):
    assert inside("import os; os.listdir('/')") == "PermissionError"


def test_pool_of_processes_works(inside):
    source = "import multiprocessing\ncontext = multiprocessing.get_context('fork')\n"
    source += "with context.Pool(2) as pool: print(pool.map(abs, [-1, 2]))"
    assert inside(source) == "[1, 2]"
