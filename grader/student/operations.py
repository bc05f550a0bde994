"""What the examiner may do with the student's names, objects and files.

Each operation takes the student's end of the line and a value; `PERFORM` lists them.
"""

from __future__ import annotations

import builtins
import contextlib
import copy
import io
import random
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from grader.peers.specials import OPERATORS
from grader.student import describe
from grader.student.watched import watch

SAID_CHARACTERS = 1 << 18  # of what one operation prints
WARNINGS_HEARD = 20
FILE_BYTES = 16 << 20
FILES_LISTED = 1000


@dataclass
class Heard:
    """What one operation printed, and the warnings that it gave."""

    out: io.StringIO = field(default_factory=io.StringIO)
    err: io.StringIO = field(default_factory=io.StringIO)
    warned: list[warnings.WarningMessage] = field(default_factory=list)

    def as_message(self) -> dict[str, Any]:
        """Return it for a reply."""
        said = [text.getvalue()[:SAID_CHARACTERS] for text in (self.out, self.err)]
        warned = [
            [
                *(describe.locate(one.category) or ("builtins", "UserWarning")),
                str(one.message),
            ]
            for one in self.warned[:WARNINGS_HEARD]
        ]
        if not any(said) and not warned:
            return {}
        return {"said": [_clean(text) for text in said], "warned": warned}


def _clean(text: str) -> str:
    return text.encode(errors="replace").decode()


@contextlib.contextmanager
def listen() -> Iterator[Heard]:
    """Keep what is printed and warned of."""
    heard = Heard()
    with (
        contextlib.redirect_stdout(heard.out),
        contextlib.redirect_stderr(heard.err),
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("always")
        try:
            yield heard
        finally:
            heard.warned = caught


def set_seeds(seeds: Mapping[str, Any] | None) -> None:
    """Take over the states of the global random generators that a test has set."""
    if seeds is None:
        return
    if "random" in seeds:
        version, numbers, gauss = seeds["random"]
        random.setstate((version, tuple(numbers), gauss))
    if "numpy" in seeds:
        name, keys, *rest = seeds["numpy"]
        np.random.set_state((name, np.array(keys, np.uint32), *rest))
    if "torch" in seeds:
        data = bytearray.fromhex(seeds["torch"])
        torch.set_rng_state(torch.frombuffer(data, dtype=torch.uint8))


def get_names(peer: Any, names: list[str]) -> list[tuple[bool, Any]]:
    """Return for each name whether it is there, and its value."""
    return [(name in peer.names, peer.names.get(name)) for name in names]


def bind_names(peer: Any, pairs: tuple[tuple[str, Any], ...]) -> None:
    """Set globals."""
    peer.names.update(dict(pairs))


def unbind_names(peer: Any, names: list[str]) -> list[bool]:
    """Delete globals; return for each whether it was there."""
    absent = object()
    return [peer.names.pop(name, absent) is not absent for name in names]


def call(peer: Any, what: tuple[Any, tuple[Any, ...], tuple[Any, ...]]) -> Any:
    """Call a function or a class."""
    function, args, kwargs = what
    return function(*args, **dict(kwargs))


def call_method(peer: Any, what: tuple[Any, str, tuple[Any, ...], Any]) -> Any:
    """Call a method by name."""
    thing, name, args, kwargs = what
    return getattr(thing, name)(*args, **dict(kwargs))


def operate(peer: Any, what: tuple[str, tuple[Any, ...], Any]) -> Any:
    """Do what a special method stands for."""
    name, operands, kwargs = what
    return OPERATORS[name](*operands, **dict(kwargs))


def set_attribute(peer: Any, what: tuple[Any, str, Any]) -> None:
    """Set an attribute."""
    setattr(*what)


def read_file(peer: Any, name: str) -> bytes | None:
    """Return the bytes of a file in the working directory, None when it is not one."""
    path = Path(name)
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES + 1)
    except (OSError, ValueError):
        return None
    return data if len(data) <= FILE_BYTES else None


def list_files(peer: Any, nothing: None) -> list[tuple[str, int, int]]:
    """Return name, size and time of the files in the working directory."""
    found = []
    for path in sorted(Path().rglob("*"))[:FILES_LISTED]:
        if path.is_file() and not path.is_symlink():
            about = path.stat()
            found.append((str(path), about.st_size, about.st_mtime_ns))
    return found


def write_files(peer: Any, files: tuple[tuple[str, bytes], ...]) -> None:
    """Write files into the working directory."""
    for name, data in files:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def end_cell(peer: Any) -> None:
    """Close what figures a test cell left: the next cell must not show them."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close("all")
    peer.give_back()


def overhear(peer: Any, owner: Any) -> tuple[Any, Any]:
    """Return the `apply` of a custom Function, and what tells what backward returned.

    The autograd engine sums a gradient that is too large without a word.
    """
    returned: list[Any] = []

    def backward(ctx: Any, *upstream: Any) -> Any:
        grads = owner.backward(ctx, *upstream)
        returned[:] = grads if isinstance(grads, tuple) else (grads,)
        return grads

    def take() -> list[Any]:
        taken = [g.detach() if isinstance(g, torch.Tensor) else g for g in returned]
        returned.clear()
        return taken

    if owner.backward is torch.autograd.Function.backward:  # it defines vjp
        return owner.apply, take
    spy: Any = type(owner.__name__, (owner,), {"backward": staticmethod(backward)})
    return spy.apply, take


def replace_builtin(peer: Any, what: tuple[str, Any]) -> None:
    """Let `input` or `print` be the instructor's; None puts this side's own back."""
    name, function = what
    own = peer.own_builtins.setdefault(name, getattr(builtins, name))
    setattr(builtins, name, own if function is None else function)


def get_figure(peer: Any, name: str) -> Any:
    """Return the current figure or axes; None when there is no figure."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None or not pyplot.get_fignums():
        return None
    return pyplot.gcf() if name == "gcf" else pyplot.gca()


PERFORM: Mapping[str, Callable[[Any, Any], Any]] = {
    "names": get_names,
    "bind": bind_names,
    "unbind": unbind_names,
    "list": lambda peer, nothing: [n for n in peer.names if isinstance(n, str)],
    "call": call,
    "method": call_method,
    "operate": operate,
    "get": lambda peer, what: getattr(*what),
    "set": set_attribute,
    "delete": lambda peer, what: delattr(*what),
    "dir": lambda peer, thing: dir(thing),
    "text": lambda peer, what: (repr if what[1] == "repr" else str)(what[0]),
    "copy": lambda peer, thing: copy.copy(thing),
    "deepcopy": lambda peer, thing: copy.deepcopy(thing),
    "signature": lambda peer, function: describe.describe_signature(function),
    "source": lambda peer, function: describe.find_source(function),
    "share": lambda peer, names: peer.share(names),
    "figure": get_figure,
    "replace": replace_builtin,
    "overhear": overhear,
    "watch": watch,
    "nothing": lambda peer, nothing: None,
    "read_file": read_file,
    "list_files": list_files,
    "write_files": write_files,
}
