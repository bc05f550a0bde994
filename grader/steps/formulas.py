"""Writes one operation of a computation as a short formula; a table, no logic."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from grader.ink.numbers import SUPERSCRIPTS

PATTERNS: Mapping[str, str] = {
    "add": "{0} + {1}",
    "sub": "{0} − {1}",
    "rsub": "{1} − {0}",
    "mul": "{0} × {1}",
    "div": "{0} / {1}",
    "truediv": "{0} / {1}",
    "rdiv": "{1} / {0}",
    "neg": "−{0}",
    "matmul": "{0} @ {1}",
    "mm": "{0} @ {1}",
    "mv": "{0} @ {1}",
    "bmm": "{0} @ {1}",
    "dot": "{0} · {1}",
    "addmm": "{0} + {1} @ {2}",
    "t": "{0}ᵀ",
    "transpose": "{0}ᵀ",
    "mT": "{0}ᵀ",
    "reciprocal": "1 / {0}",
    "detach": "detach({0})",
    "data": "{0}.data",
    "clone": "clone({0})",
    "eq": "{0} == {1}",
    "gt": "{0} > {1}",
    "lt": "{0} < {1}",
    "ge": "{0} ≥ {1}",
    "le": "{0} ≤ {1}",
}
# The slope of an entry depends on that entry alone: the local derivative is a number
# for each entry. Everything else needs a vector–Jacobian product.
ELEMENTWISE = frozenset({
    "add", "sub", "rsub", "mul", "div", "truediv", "rdiv", "pow", "rpow", "neg",
    "exp", "log", "log2", "log10", "log1p", "expm1", "sin", "cos", "tan", "tanh",
    "sigmoid", "relu", "sqrt", "rsqrt", "square", "abs", "clamp", "reciprocal",
    "softplus", "log_sigmoid", "logsigmoid", "leaky_relu", "gelu", "silu", "maximum",
    "minimum", "where", "clone",
})  # fmt: skip
SYMBOLS: Mapping[str, str] = {
    "+": "add", "-": "sub", "*": "mul", "/": "div", "**": "pow", "@": "matmul",
    "log_sigmoid": "logsigmoid",
}  # fmt: skip


def write_formula(operation: str, operands: Sequence[str]) -> str:
    """Write an operation on named operands: `a × x`, `x²`, `sigmoid(z)`."""
    if operation in {"pow", "rpow"} and len(operands) == 2:
        base, exponent = operands if operation == "pow" else reversed(operands)
        if re.fullmatch(r"[-−]?\d{1,2}", exponent):
            return base + exponent.replace("−", "-").translate(SUPERSCRIPTS)
        return f"{base} ^ {exponent}"
    if operation == "square" and len(operands) == 1:
        return f"{operands[0]}²"
    pattern = PATTERNS.get(operation)
    if pattern and pattern.count("{") == len(operands):
        return pattern.format(*operands)
    return f"{operation}({', '.join(operands)})"


def read_backward_name(name: str) -> str:
    """Turn autograd's `MulBackward0` into `mul`, `LogSigmoidBackward0` into words."""
    bare = re.sub(r"^.*::|Backward\d*$", "", name)
    if bare.isupper() or not bare:
        return bare or name
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", bare).lower()
    return SYMBOLS.get(words, words)
