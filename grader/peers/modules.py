"""Libraries by their names: where one keeps a thing, and what stands under its name."""

from __future__ import annotations

import sys
import types
from typing import Any

SEARCHED = ("builtins", "math", "operator", "numpy", "torch", "torch.nn.functional")
WELL_KNOWN = frozenset(  # imported for a test that uses the student's import of them
    {
        *("math", "cmath", "random", "statistics", "itertools", "functools", "copy"),
        *("collections", "re", "string", "datetime", "decimal", "fractions", "json"),
        *("numpy", "pandas", "scipy", "sklearn", "matplotlib", "torch", "sympy"),
    }
)
ALIASES = {
    **{name: name for name in WELL_KNOWN},
    **{"np": "numpy", "pd": "pandas", "sp": "sympy", "mpl": "matplotlib"},
    **{"plt": "matplotlib.pyplot", "nn": "torch.nn", "F": "torch.nn.functional"},
    **{"optim": "torch.optim", "rnd": "random", "dt": "datetime"},
}
ALWAYS = frozenset({"math", "np", "numpy", "pd", "pandas", "plt", "torch", "testing"})
PLAIN = (int, float, str, list, tuple, dict, set, type(None))


def is_odd(name: str, value: Any) -> bool:
    """Whether a student's name that a test reads has not the module that it says.

    Under another name than its own a module would be the student's choice.
    """
    if type(value) is not types.ModuleType:
        return name in ALWAYS and type(value) not in PLAIN
    if name in ALIASES:
        return value.__name__ != ALIASES[name]
    return value.__name__.rpartition(".")[2] != name


def find_library_place(value: Any) -> tuple[str, str] | None:
    """Return where a library keeps a function or a class, so both sides have it."""
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    if not isinstance(name, str) or isinstance(value, types.MethodType):
        return None
    for module in (getattr(value, "__module__", None), *SEARCHED):
        hidden = ("grader", "__main__")
        if not isinstance(module, str) or module.partition(".")[0] in hidden:
            continue
        found: Any = sys.modules.get(module)
        for part in name.split("."):
            found = getattr(found, "__dict__", {}).get(part)
        if found is value:
            return module, name
    return None
