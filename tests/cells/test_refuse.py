"""What a student's code wrote is not run out here, by whatever a test calls."""

import pickle
import sys
import warnings

import pytest
import torch

from grader.proxies.errors import NotExaminable
from tests.two_sides import Connected

THEIRS = """
import pickle
class Boom:
    def __reduce__(self):
        return (eval, ("__import__('pathlib').Path('ran.txt').write_text('x')",))
bad = pickle.dumps(Boom())
def dump(thing): return pickle.dumps(thing)
def peek(): return 1
"""
KEEP = "import pathlib\npathlib.Path('k').write_bytes(bad)"


@pytest.fixture
def cell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield Connected(THEIRS)
    assert not (tmp_path / "ran.txt").exists()


def assert_refused(cell, source):
    ran = cell.run(f"peek()\n{source}")
    assert isinstance(ran.error, NotExaminable), ran.error


@pytest.mark.parametrize(
    "source",
    [
        "import pickle as pk\npk.loads(bad)",
        "from pickle import loads\ntry: loads(bad)\nexcept BaseException: pass",
        "import io, pickle\npickle._Unpickler(io.BytesIO(bad)).load()",
        f"{KEEP}\nimport pandas as pd\npd.read_pickle('k')",
        f"{KEEP}\nimport torch\ntorch.load('k', weights_only=False)",
    ],
    ids=["alias", "swallowed", "in Python", "pandas", "torch"],
)
def test_unpickling_a_class_is_refused(cell, source):
    assert_refused(cell, source)


def test_plain_data_is_unpickled(cell):
    assert cell.check("import pickle\npickle.loads(dump({'a': [1, 2.5]}))") == {
        "a": [1, 2.5]
    }
    assert cell.check(
        "import pickle\npickle.loads(dump(np.arange(3))).sum()" if 0 else "1"
    )


@pytest.mark.parametrize(
    "start",
    [
        "import subprocess as sp\nsp.run([sys.executable, 'a.py'])",
        "import os\nos.system('true')",
        "import os\nos.posix_spawn('/bin/true', ['true'], {})",
        "import os\nos.execv('/bin/true', ['true'])",
    ],
)
def test_program_is_not_started(cell, start):
    assert_refused(cell, f"import sys\n{start}")


@pytest.mark.parametrize(
    "load",
    [
        "import runpy\nrunpy.run_path('a.py')",
        "import importlib.util as u\ns = u.spec_from_file_location('a', 'a.py')\n"
        "s.loader.exec_module(u.module_from_spec(s))",
        "import marshal\nmarshal.loads(marshal.dumps(1))",
    ],
)
def test_file_of_the_folder_is_not_run(cell, load):
    assert_refused(
        cell, f"import pathlib\npathlib.Path('a.py').write_text('1')\n{load}"
    )


def test_script_of_torch_is_not_loaded(cell, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls TorchScript old
        torch.jit.save(torch.jit.script(torch.nn.Identity()), tmp_path / "m.pt")
    quiet = "import warnings\nwarnings.simplefilter('ignore')"
    assert_refused(cell, f"{quiet}\nfrom torch.jit import load as read\nread('m.pt')")
    assert "partial" not in repr(torch._C.import_ir_module)  # it is put back


def test_before_anything_of_the_students_came_out_all_is_allowed(tmp_path, monkeypatch):
    (tmp_path / "own.pickle").write_bytes(pickle.dumps(torch.nn.Linear(1, 1)))
    monkeypatch.chdir(tmp_path)
    source = "import pickle\nwith open('own.pickle', 'rb') as f: pickle.load(f)"
    assert Connected(THEIRS).run(source).error is None


def test_imports_go_on(cell):
    sys.modules.pop("colorsys", None)
    assert cell.check("peek()\nimport colorsys\ncolorsys.rgb_to_hsv(0, 0, 0)")


def test_file_in_the_folder_for_temporary_ones_is_not_run(tmp_path, monkeypatch):
    work, temporary = tmp_path / "work", tmp_path / "temp"
    work.mkdir()
    temporary.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    (temporary / "a.py").write_text("1")
    load = f"import runpy\nrunpy.run_path({str(temporary / 'a.py')!r})"
    assert_refused(Connected(THEIRS), load)
