"""The ways round a derivation, each with the names that betray it."""

from __future__ import annotations

from dataclasses import dataclass

AUTOGRAD = "autograd"
FUNC = "torch.func"
DIFFERENCE = "a finite difference"
COMPLEX = "a complex step"
HIDDEN = "code that is made while it runs"
ASIDE = "another thread or process"
LIBRARY = "another library that differentiates"
WAYS = frozenset({AUTOGRAD, FUNC, DIFFERENCE, COMPLEX, HIDDEN, ASIDE, LIBRARY})


@dataclass(frozen=True)
class Shortcut:
    """One sign of a short cut: which way, and the line that shows it ("" unknown)."""

    way: str
    line: str = ""


# Attributes and methods that only automatic differentiation has.
ATTRIBUTES = {
    "autograd": AUTOGRAD,
    "backward": AUTOGRAD,
    "grad": AUTOGRAD,
    "grad_fn": AUTOGRAD,
    "requires_grad": AUTOGRAD,
    "requires_grad_": AUTOGRAD,
    "retain_grad": AUTOGRAD,
    "enable_grad": AUTOGRAD,
    "set_grad_enabled": AUTOGRAD,
    "forward_ad": AUTOGRAD,
    "make_dual": AUTOGRAD,
    "gradcheck": AUTOGRAD,
    "func": FUNC,
    "jacrev": FUNC,
    "jacfwd": FUNC,
    "hessian": FUNC,
    "grad_and_value": FUNC,
    "functorch": FUNC,
    "gradient": DIFFERENCE,
    "polyder": DIFFERENCE,
    "polyfit": DIFFERENCE,
    "polynomial": DIFFERENCE,
    "deriv": LIBRARY,
    "approx_fprime": DIFFERENCE,
    "approx_derivative": DIFFERENCE,
    "imag": COMPLEX,
    "complex64": COMPLEX,
    "complex128": COMPLEX,
    "cfloat": COMPLEX,
    "cdouble": COMPLEX,
    "view_as_complex": COMPLEX,
    "view_as_real": COMPLEX,
    "complex256": COMPLEX,
    "csingle": COMPLEX,
    "clongdouble": COMPLEX,
    "emath": COMPLEX,
    "scimath": COMPLEX,
    "__globals__": HIDDEN,
    "__builtins__": HIDDEN,
    "__subclasses__": HIDDEN,
    "f_back": HIDDEN,
    "_getframe": HIDDEN,
    "__dict__": HIDDEN,
    "__getattribute__": HIDDEN,
    "_C": HIDDEN,
    "DisableTorchFunction": HIDDEN,
    "DisableTorchFunctionSubclass": HIDDEN,
    "_execution_engine": AUTOGRAD,
    "run_backward": AUTOGRAD,
    "jvp": FUNC,
    "vjp": FUNC,
    "overrides": HIDDEN,
    "_pop_mode": HIDDEN,
    "_pop_mode_temporarily": HIDDEN,
    "getattr_static": HIDDEN,
    "resolve_name": HIDDEN,
    "CompilationUnit": HIDDEN,
    "jit": HIDDEN,
    "ops": HIDDEN,
    "__code__": HIDDEN,
}
# Of these, only what is taken from a module (torch.func, np.gradient): else any name.
OF_MODULES = frozenset(
    {"func", "gradient", "jvp", "vjp", "overrides", "jit", "ops", "polynomial"}
)
# Words that are as common as texts as they are telling as attributes.
COMMON_WORDS = OF_MODULES | {"grad", "deriv"}
# What reads a file: in a function that is derived by hand nothing is read.
READERS = frozenset(
    {"loadtxt", "genfromtxt", "fromfile", "read_text", "read_bytes", "memmap"}
)
# Where the thing that a name stands for comes from.
MODULES = {
    "torch.autograd": AUTOGRAD,
    "torch.func": FUNC,
    "torch._functorch": FUNC,
    "functorch": FUNC,
    "torch._dynamo": FUNC,
    "sympy": LIBRARY,
    "mpmath": LIBRARY,
    "jax": LIBRARY,
    "autograd": LIBRARY,
    "tensorflow": LIBRARY,
    "scipy.differentiate": DIFFERENCE,
    "scipy.optimize": DIFFERENCE,
    "scipy.interpolate": DIFFERENCE,
    "numpy.polynomial": DIFFERENCE,
    "cmath": COMPLEX,
    "importlib": HIDDEN,
    "pkgutil": HIDDEN,
    "pydoc": HIDDEN,
    "runpy": HIDDEN,
    "torch.jit": HIDDEN,
    "torch.overrides": HIDDEN,
    "torch.ops": HIDDEN,
    "operator.attrgetter": HIDDEN,
    "operator.methodcaller": HIDDEN,
    "ctypes": HIDDEN,
    "gc": HIDDEN,
    "base64": HIDDEN,
    "marshal": HIDDEN,
    "pickle": HIDDEN,
    "codecs": HIDDEN,
}
# Builtins that reach anything by a name made on the way.
BUILTINS = {
    "exec": HIDDEN,
    "eval": HIDDEN,
    "compile": HIDDEN,
    "__import__": HIDDEN,
    "globals": HIDDEN,
    "locals": HIDDEN,
    "vars": HIDDEN,
    "complex": COMPLEX,
}


def find_module(name: str) -> str | None:
    """Return the way that a module stands for, or None."""
    parts = name.split(".")
    heads = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((MODULES[head] for head in heads if head in MODULES), None)
