"""What hides a function from the reader, or puts another in its place, is found."""

import textwrap

import pytest

from grader.byhand.source import read_cells
from grader.shortcuts.evidence import HIDDEN

HONEST = "def d(x):\n    return 2 * x"
OTHER = "def other(x):\n    return torch.autograd.grad(loss(x), x)[0]"
ANSWER = "def d(x):\n    return other(x)"


def prompt(text):
    first, *rest = text.split("\n")
    return "\n".join([f">>> {first}", *(f"... {line}" for line in rest)])


TEXTS = {
    "prompts": [prompt(OTHER), ANSWER],
    "a form feed in a text": [f'MARK = "a\x0cb"\n{OTHER}', ANSWER],
    "a line separator in a comment": [f"{OTHER}\n# note \u2028{OTHER[:9]}", ANSWER],
    "a call without brackets": [f"{OTHER}\n{ANSWER}\n/print 1"],
    "a magic that runs the cell": [f"%%time\n{OTHER}", ANSWER],
    "a magic that runs a line": [OTHER, HONEST, "%time d = other"],
    "a cell that is not run": [OTHER, ANSWER, f"%%html\n{HONEST}"],
}
BINDINGS = {
    "for": "for d in [other]: pass",
    "with": "with contextlib.nullcontext(other) as d: pass",
    "walrus": "print(d := other)",
    "match": "match [other]:\n    case [d]: pass",
    "unpacking": "(d, *rest) = other, 1",
    "global": "def put():\n    global d\n    d = other\nput()",
    "one of two branches": f"if True:\n    d = other\nelse:\n    {HONEST[:9]} return x",
    "before a cell that stops": f"d = other\n#%%\nraise ValueError\n{HONEST}",
    "the code of the function": "d.__code__ = other.__code__",
    "a caught error": """
try:
    raise ValueError(other)
except ValueError as error:
    d = error.args[0]""",
    "a magic with an option": "%prun -q d = other",
    "setattr": "setattr(d, '__code__', other.__code__)",
}
BOXES = {
    "append": "BOX = []\nBOX.append(other)",
    "an entry": "BOX = [0]\nBOX[0] = other",
    "in a function": "BOX = []\ndef put():\n    BOX.append(other)\nput()",
}
REWRITES = {
    "user_ns": "get_ipython().user_ns['d'] = other",
    "globals": "globals()['d'] = other",
    "vars": "vars().update(d=other)",
    "exec": "exec('d = other')",
    "main": "import __main__\n__main__.d = other",
    "modules": "import sys\nsys.modules[__name__].d = other",
    "run": "%run made.py",
    "bare run": "run made.py",
    "library": "torch.tanh = other",
    "library by another name": "import torch\nT = torch\nT.tanh = other",
    "class of a library": "from torch import Tensor\nsetattr(Tensor, 'tanh', other)",
    "builtins": "import builtins\nbuiltins.d = other",
    "shell": "shell = get_ipython()\nshell.push({'d': other})",
    "transformer": "get_ipython().ast_transformers.append(other)",
    "star": "from tool import *",
    "module beside": "from tool import d",
}


@pytest.mark.parametrize("cells", TEXTS.values(), ids=TEXTS)
def test_cell_is_read_as_a_notebook_runs_it(cells):
    assert read_cells(cells, "d")


@pytest.mark.parametrize("binding", BINDINGS.values(), ids=BINDINGS)
def test_every_binding_counts(binding):
    assert read_cells([OTHER, HONEST, *binding.split("#%%\n")], "d")


@pytest.mark.parametrize("box", BOXES.values(), ids=BOXES)
def test_what_is_put_into_an_object_is_followed(box):
    assert read_cells([OTHER, box, "def d(x):\n    return BOX[0](x)"], "d")


@pytest.mark.parametrize("rewrite", REWRITES.values(), ids=REWRITES)
def test_what_can_bind_any_name_is_hidden_code(rewrite):
    found = read_cells([HONEST, rewrite], "d")
    assert {shortcut.way for shortcut in found} == {HIDDEN}


@pytest.mark.parametrize(
    ("cell", "use"),
    [
        ("from sympy import *", "diff(f, x)"),
        ("from mpmath import *", "diff(f, x)"),
        ("for tool in [sympy]: pass\nimport sympy", "tool.diff(f, x)"),
        ("import sympy\nfor tool in [sympy]: pass", "tool.diff(f, x)"),
        ("%%writefile tool.py\nimport numpy\n#", "tool.step(x)"),
    ],
)
def test_library_that_differentiates_is_found_behind_any_import(cell, use):
    cells = [
        cell,
        "import tool" if "writefile" in cell else "1",
        "def d(x):\n    return ",
    ]
    cells[-1] += use
    assert read_cells(cells, "d")


@pytest.mark.parametrize(
    "cell",
    [
        "if 'd' in globals():\n    print(globals()['d'])",
        "torch.backends.cudnn.deterministic = True",
        "%matplotlib inline\n%config x.y = 1\n%load_ext autoreload",
        "if __name__ == '__main__':\n    print(1)",
        "BOX = []\nBOX.append(torch.autograd.grad(loss(x), x))",
        "from math import *\nfrom torch import *",
        "import torch.autograd",
        "for k in range(3):\n    d(k)\n    loss(k).backward()",
        "%%time\nloss(x).backward()",
        "%%bash\nls",
        "print('google.colab' in str(get_ipython()))",
        "class d2:\n    d = torch.autograd.grad",
    ],
)
def test_honest_cell_accuses_nobody(cell):
    honest = "def d(x):\n    BOX = [torch.exp(x), sin(x), len(x)]\n    return sum(BOX)"
    assert read_cells([OTHER, cell, honest, cell], "d") == ()


def test_cell_that_is_too_deep_or_long_to_read_ends_no_reading():
    deep = "x = " + "+".join(["f(1)"] * 3000)
    assert read_cells([deep, HONEST], "d") == ()
    found = read_cells([f"def d(x):\n    y = {deep[4:]}\n    return f(y)"], "d")
    assert {shortcut.way for shortcut in found} <= {HIDDEN}


SOURCES = {
    "names of a pattern": """
        match torch:
            case object(autograd=engine, enable_grad=on):
                match engine:
                    case object(grad=take):
                        return take(loss(x), x)""",
    "resolve_name": "return pkgutil.resolve_name('torch.autograd' ':grad')(loss(x), x)",
    "the watch taken off": "with q._pop_mode_temporarily(): return x",
    "a compiled text": "return torch.jit.CompilationUnit(TEXT).go(x)",
    "a backward kernel": "return torch.ops.aten.tanh_backward(x, x)",
    "a complex dtype": "z = np.zeros(3, 'D'); return z.view('d')[1::2]",
    "a complex dtype by name": "return np.tanh(np.zeros(3, dtype='complex'))",
    "a complex root": "return np.tanh(1e-30 * np.emath.sqrt(-1)).view(float)[1::2]",
    "a complex dtype by its code": "return x.numpy().astype('c16')",
    "a file that another cell wrote": "return TABLE[0]",
    "a root of minus one": "return np.tanh(1e-30 * (-1) ** 0.5)",
    "an interpolation": """
        return np.polynomial.Chebyshev.interpolate(f, 24, [x - 1, x + 1]).deriv()(x)""",
    "a fitted polynomial": "return np.polyder(np.polyfit(x, y, 3))",
    "an imported gradient": "from numpy import gradient as tilt; return tilt(f(x))",
    "a file": "return np.load('seen.npy')[0]",
    "getattr handed on": "return functools.reduce(getattr, PATH, torch)(x)",
}


def test_data_of_a_file_is_no_short_cut():
    given = (
        "import json, torch\nDATA = json.load(open('data.json'))\nplt.savefig('p.png')"
    )
    answer = "def d(x):\n    return (-1) ** DATA['c16'] * x"
    assert read_cells([given, answer], "d") == ()


@pytest.mark.parametrize("body", SOURCES.values(), ids=SOURCES)
def test_source_of_derivatives_is_known(body):
    text = textwrap.dedent(body).strip()
    head = (
        "import numpy as np, torch, pkgutil, functools\nimport torch.overrides as q\n"
    )
    head += "np.save('t.npy', y)\nTABLE = np.load('t.npy')\n"
    assert read_cells([f"{head}def d(x):\n{textwrap.indent(text, '    ')}"], "d")
