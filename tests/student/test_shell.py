"""Cells run as in a kernel, inside the sandbox."""

import base64
import re

import pytest

pytestmark = pytest.mark.process
SHOWN = {
    "1 + 1": ["execute_result: 2"],
    "1 + 1;": [],
    "x = 1": [],
    "print('a'); print('b')": ["stdout: a\nb\n"],
    "import sys; print('e', file=sys.stderr); 5": [
        "stderr: e\n",
        "execute_result: 5",
    ],
    "import os; print('a'); os.write(1, b'b\\n'); print('c');": ["stdout: a\nb\nc\n"],
    "from IPython.display import display\ndisplay(3); print(4)": [
        "display_data: 3",
        "stdout: 4\n",
    ],
    "display('no import needed')": ["display_data: 'no import needed'"],
    "await __import__('asyncio').sleep(0, 'awaited')": ["execute_result: 'awaited'"],
    "import asyncio; asyncio.run(asyncio.sleep(0, 7))": ["execute_result: 7"],
    "%%capture kept\nprint('hidden')": [],
    "raise ValueError('why')": ["error: ValueError: why"],
    "exit": [],
    "exit()": [],
    "import warnings; warnings.warn('careful')": [
        "stderr: Cell In[1]:1: UserWarning: careful\n"
        "  import warnings; warnings.warn('careful')\n"
    ],
    "%matplotlib inline": [],
    "%config InlineBackend.figure_format = 'retina'": [],
    "get_ipython().__class__.__name__": ["execute_result: 'Shell'"],
    "class E(BaseException): pass\nraise E('x')": ["error: E: x"],
    "class E(Exception):\n def __str__(self): raise E\nraise E": ["error: E: "],
    "__name__": ["execute_result: '__main__'"],
    "import torch; torch.tensor([1.0])": ["execute_result: tensor([1.])"],
    "import sys; sys.stdout.isatty()": ["execute_result: False"],
    "print('\\ud800')": ["stdout: ?\n"],
}
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def run(zygote):
    with zygote.fork() as student:
        count = iter(range(1, 1000))

        def run_cell(source):
            message = {"op": "run_cell", "source": source, "name": "c"}
            return student.request({**message, "index": next(count)}, timeout_s=30)[0]

        yield run_cell


@pytest.fixture
def see(run):
    """Run a cell; return its outputs as short texts."""

    def run_and_shorten(source):
        return [shorten(output) for output in run(source)["outputs"]]

    return run_and_shorten


def shorten(output):
    if output["output_type"] == "stream":
        return f"{output['name']}: {output['text']}"
    if output["output_type"] == "error":
        return f"error: {output['ename']}: {output['evalue']}"
    return f"{output['output_type']}: {output['data'].get('text/plain')}"


@pytest.mark.parametrize(("source", "outputs"), SHOWN.items(), ids=SHOWN)
def test_cell_shows(see, source, outputs):
    assert see(source) == outputs


@pytest.mark.parametrize(
    "magic",
    [
        *("%time 1 + 1", "%timeit -n 1 -r 1 1 + 1", "%%time\nx = 1", "%who", "%pwd"),
        *("?len", "len?", "%%timeit -n 1 -r 1\n1 + 1", "%config InlineBackend"),
        *("%lsmagic", "%%writefile x.py\nprint(1)"),
    ],
)
def test_magic_works(run, magic):
    reply = run(magic)
    assert reply["error"] is None
    assert reply["outputs"]


@pytest.mark.parametrize(
    "source",
    [
        "!ls",
        "%pip install torch",
        "%%bash\nls",
        "%conda install x",
        "%sx ls",
        "%system ls",
    ],
)
def test_shell_is_refused_without_an_error(see, source):
    (output,) = see(source)
    assert output.startswith("stderr: There is no shell while a notebook is graded")


def test_names_from_a_refused_shell_are_empty(see):
    assert see("names = !ls\nlist(names)")[-1] == "execute_result: []"


@pytest.mark.parametrize(
    "source", ["input()", "input('name? ')", "import getpass; getpass.getpass()"]
)
def test_input_is_refused(run, source):
    error = run(source)["error"]
    assert error["ename"] == "StdinNotImplementedError"
    assert "nobody to ask" in error["evalue"]


def test_exit_is_an_error_and_the_next_cell_runs(see):
    assert see("raise SystemExit(3)")[0] == "error: SystemExit: 3"
    assert see("1") == ["execute_result: 1"]


def test_bent_shell_gives_an_error_not_silence(run):
    reply = run("get_ipython().run_cell = lambda *_, **__: None")
    assert reply["error"] is None
    assert run("1")["error"]["ename"] == "AttributeError"


def test_traceback_names_cell_and_line(run):
    run("def f(x):\n    y = x\n    return 1 / y")
    text = ANSI.sub("", "\n".join(run("f(0)")["error"]["traceback"]))
    assert "Cell In[2], line 1" in text
    assert "Cell In[1], line 3" in text
    assert "----> 3     return 1 / y" in text


def test_syntax_error_is_shown(run):
    error = run("this is no Python")["error"]
    assert error["ename"] == "SyntaxError"
    assert "Cell In[1], line 1" in ANSI.sub("", "\n".join(error["traceback"]))


def test_endless_recursion_is_shown_in_short(run):
    reply = run("def f(): return f()\nf()")
    assert reply["error"]["ename"] == "RecursionError"
    assert reply["seconds"] < 5
    assert len("\n".join(reply["error"]["traceback"])) < 20_000


def test_results_are_kept_under_their_numbers(see):
    see("41")
    see("_ + 1")
    assert see("Out[1], _2, In[1]") == ["execute_result: (41, 42, '41')"]


def test_figure_appears_below_its_cell(run):
    (output,) = run("import matplotlib.pyplot as plt\nplt.plot([1, 2]);")["outputs"]
    assert output["output_type"] == "display_data"
    assert base64.b64decode(output["data"]["image/png"]).startswith(b"\x89PNG")
    assert run("1")["outputs"][0]["output_type"] == "execute_result"


def test_figures_of_a_loop_all_appear(run):
    source = "import matplotlib.pyplot as plt\n"
    source += "for i in range(2):\n  plt.figure()\n  plt.plot([i])\n  plt.show()"
    assert len(run(source)["outputs"]) == 2


def test_frame_appears_as_a_table(run):
    pytest.importorskip("pandas")
    (output,) = run("import pandas\npandas.DataFrame({'a': [1]})")["outputs"]
    assert "<table" in output["data"]["text/html"]


def test_display_is_updated(see):
    source = "handle = display(1, display_id=True); handle.update(2)"
    assert see(source) == ["display_data: 2"]


def test_slider_is_shown_without_a_kernel(run):
    pytest.importorskip("ipywidgets")
    source = "from ipywidgets import interact\n@interact(x=(0, 3))\ndef f(x): print(x)"
    reply = run(source)
    assert reply["error"] is None
    shown = [
        output.get("data", {}).get("text/plain", "") for output in reply["outputs"]
    ]
    assert any("interactive" in text for text in shown)


def test_output_is_cleared(see):
    source = (
        "from IPython.display import clear_output\nprint(1); clear_output(); print(2)"
    )
    assert see(source) == ["stdout: 2\n"]


def test_printing_thread_is_heard(see):
    source = "import threading\n"
    source += "t = threading.Thread(target=print, args=(1,)); t.start(); t.join()"
    assert see(source) == ["stdout: 1\n"]


def test_printing_child_is_heard(zygote, see):
    if zygote.layers[0] != "full":
        pytest.skip("processes are refused here")
    source = (
        "import os\nchild = os.fork()\nif not child:\n  print('child'); os._exit(0)\n"
    )
    source += "os.waitpid(child, 0);"
    assert see(source) == ["stdout: child\n"]


def test_progress_bar_on_stderr_is_kept_as_written(see):
    source = "import sys\nfor i in range(3): sys.stderr.write(f'\\r{i}')"
    assert see(source)[0] == "stderr: \r0\r1\r2"


def test_file_is_written_and_read_in_the_working_folder(see):
    see("%%writefile note.txt\nhello")
    assert see("open('note.txt').read()") == ["execute_result: 'hello\\n'"]


def test_module_beside_the_notebook_is_imported(see):
    see("%%writefile helper.py\nx = 5")
    assert see("import helper; helper.x") == ["execute_result: 5"]


def test_program_in_the_working_folder_runs(see):
    see("%%writefile x.py\nprint(__name__)")
    assert see("%run x.py") == ["stdout: __main__\n"]


def test_class_can_be_pickled(see):
    source = "import pickle\nclass A: pass\ntype(pickle.loads(pickle.dumps(A()))) is A"
    assert see(source) == ["execute_result: True"]


def test_source_of_a_function_is_found(see):
    see("def f():\n    return 1")
    assert see("import inspect; print(inspect.getsource(f))") == [
        "stdout: def f():\n    return 1\n\n"
    ]


def test_checks_and_drawings_can_be_imported(run):
    assert run("from grader import check, show")["error"] is None


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("x = 1\nprint(x)", "1\n"),
        ("# a note\n%lsmagic\nprint(2)", "2\n"),
        ("import asyncio\nawait asyncio.sleep(0)\nprint(3)", "3\n"),
        ("print(4)\n\n\n", "4\n"),
        ("\n\n  print(5)\n  print(6)", "5\n6\n"),
    ],
)
def test_cell_of_mere_python_runs_as_one_with_magics_does(run, source, shown):
    outputs = run(source)["outputs"]
    assert outputs[-1]["text"].endswith(shown)
