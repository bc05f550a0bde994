"""Takes fused calls apart: one small function per torch function.

Each rule writes a call out in the simple operations that a person differentiates.
A rule may refuse an unusual call by raising: the call then stays in one piece, as it
does when the rule's result is not the call's.
"""

# ruff: noqa: PLR0913, PLR0917 - the parameters are torch's own signatures
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch

from grader.diagnose.diagnosis import Tensor

Rule = Callable[..., Tensor]
Axes = int | Sequence[int] | None

# Calls that stretch their operands to one shape before they work entry by entry.
BROADCASTING = frozenset(
    [
        "add",
        "sub",
        "rsub",
        "mul",
        "div",
        "true_divide",
        "rdiv",
        "rtruediv",
        "pow",
        "rpow",
        "where",
        "maximum",
        "minimum",
        "atan2",
        "hypot",
        "logaddexp",
        "xlogy",
        "copysign",
        "fmax",
        "fmin",
        "max",
        "min",
        "subtract",
        "multiply",
        "divide",
        "radd",
        "rmul",
        "truediv",
    ]
)


def find_rule(name: str, variant: int) -> tuple[Rule | None, bool]:
    """Find the rule for a function, and whether it is the second of two."""
    second = OTHER_RULES.get(name)
    if variant and second is not None:
        return second, True
    return RULES.get(name), False


def _refuse() -> Tensor:
    raise NotImplementedError


def _count(x: Tensor, dim: Axes) -> int:
    if dim is None or (isinstance(dim, Sequence) and not dim):
        return int(x.numel())
    axes = dim if isinstance(dim, Sequence) else (dim,)
    count: int = math.prod(x.shape[axis] for axis in axes)
    return count


def _sum(x: Tensor, dim: Axes = None, keepdim: bool = False) -> Tensor:
    return x.sum() if dim is None else x.sum(dim, keepdim)


def _reduce(each: Tensor, reduction: str) -> Tensor:
    if reduction == "none":
        return each
    return each.mean() if reduction == "mean" else each.sum()


def _mean(
    input: Tensor, dim: Axes = None, keepdim: bool = False, dtype: Any = None
) -> Tensor:
    return _sum(input, dim, keepdim) / _count(input, dim)


def _var(
    input: Tensor,
    dim: Axes | bool = None,
    unbiased: bool = True,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    if isinstance(dim, bool):
        return _var(input, None, dim)
    lost = int(unbiased) if correction is None else correction
    if dim is None:
        centred = input - input.mean()
    else:
        centred = input - input.mean(dim, keepdim=True)
    return _sum(centred**2, dim, keepdim) / (_count(input, dim) - lost)


def _std(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    return _var(input, *args, **kwargs).sqrt()


def _softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    exps = input.exp()
    return exps / exps.sum(_class_axis(input) if dim is None else dim, keepdim=True)


def _class_axis(input: Tensor) -> int:
    return 0 if input.dim() in (0, 1, 3) else 1


def _log_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    axis = _class_axis(input) if dim is None else dim
    return input - input.exp().sum(axis, keepdim=True).log()


def _log_of_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    return input.softmax(_class_axis(input) if dim is None else dim).log()


def _logsumexp(input: Tensor, dim: Axes, keepdim: bool = False) -> Tensor:
    return input.exp().sum(dim, keepdim).log()


def _cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Any = None,
    ignore_index: int = -100,
    reduce: Any = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    if weight is not None or label_smoothing:
        return _refuse()
    axis = 1 if input.dim() > 1 else 0
    return _nll_loss(input.log_softmax(axis), target, reduction=reduction)


def _nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Any = None,
    ignore_index: int = -100,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    axis = 1 if input.dim() > 1 else 0
    if weight is not None:
        return _refuse()
    if not target.is_floating_point():
        one_hot = torch.nn.functional.one_hot(target, input.shape[axis])
        target = one_hot.movedim(-1, axis).to(input.dtype)
    each = -(target * input).sum(axis)
    return each if not each.dim() else _reduce(each, reduction)


def _bce(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    if weight is not None:
        return _refuse()
    each = -(target * input.log() + (1 - target) * (1 - input).log())
    return _reduce(each, reduction)


def _bce_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    if weight is not None:
        return _refuse()
    p = input.sigmoid()
    ones = target * p.log()
    if pos_weight is not None:
        ones = pos_weight * ones
    return _reduce(-(ones + (1 - target) * (1 - p).log()), reduction)


def _bce_by_softplus(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    if weight is not None or pos_weight is not None:
        return _refuse()
    return _reduce((1 + input.exp()).log() - target * input, reduction)


def _mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    return _reduce((input - target) ** 2, reduction)


def _l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    return _reduce((input - target).abs(), reduction)


def _smooth_l1(
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    error = input - target
    size = error.abs()
    return _reduce(
        torch.where(size < beta, error**2 / (2 * beta), size - beta / 2), reduction
    )


def _huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    error = input - target
    size = error.abs()
    each = torch.where(size < delta, error**2 / 2, delta * (size - delta / 2))
    return _reduce(each, reduction)


def _kl_div(
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    if log_target:
        return _refuse()
    each = target * (target.log() - input)
    if reduction == "batchmean":
        return each.sum() / input.shape[0]
    return _reduce(each, reduction)


def _soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    return _reduce((1 + (-target * input).exp()).log(), reduction)


def _poisson_nll(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: Any = None,
    eps: float = 1e-8,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    if full:
        return _refuse()
    each = input.exp() - target * input
    if not log_input:
        each = input - target * (input + eps).log()
    return _reduce(each, reduction)


def _gaussian_nll(
    input: Tensor,
    target: Tensor,
    var: Tensor,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    if full:
        return _refuse()
    return _reduce(0.5 * (var.log() + (input - target) ** 2 / var), reduction)


def _softplus(input: Tensor, beta: float = 1, threshold: float = 20) -> Tensor:
    if beta != 1:
        return (1 + (beta * input).exp()).log() / beta
    return (1 + input.exp()).log()


def _logsigmoid(input: Tensor) -> Tensor:
    return input.sigmoid().log()


def _silu(input: Tensor, inplace: bool = False) -> Tensor:
    return input * input.sigmoid()


def _gelu(input: Tensor, approximate: str = "none") -> Tensor:
    if approximate == "none":
        return input * (0.5 * (1 + (input / math.sqrt(2)).erf()))
    inner = math.sqrt(2 / math.pi) * (input + 0.044715 * input**3)
    return 0.5 * input * (1 + inner.tanh())


def _mish(input: Tensor, inplace: bool = False) -> Tensor:
    return input * (1 + input.exp()).log().tanh()


def _glu(input: Tensor, dim: int = -1) -> Tensor:
    value, gate = input.chunk(2, dim)
    return value * gate.sigmoid()


def _layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    axes = tuple(range(-len(normalized_shape), 0))
    normal = _normalise(input, axes, eps)
    scaled = normal if weight is None else normal * weight
    return scaled if bias is None else scaled + bias


def _normalise(input: Tensor, axes: tuple[int, ...], eps: float) -> Tensor:
    centred = input - input.mean(axes, keepdim=True)
    spread = (centred**2).mean(axes, keepdim=True)
    return centred / (spread + eps).sqrt()


def _rms_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    axes = tuple(range(-len(normalized_shape), 0))
    floor = torch.finfo(input.dtype).eps if eps is None else eps
    normal = input / ((input**2).mean(axes, keepdim=True) + floor).sqrt()
    return normal if weight is None else normal * weight


def _batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    if not training:
        return _refuse()
    axes = tuple(axis for axis in range(input.dim()) if axis != 1)
    shape = [-1 if axis == 1 else 1 for axis in range(input.dim())]
    shape = shape if input.dim() > 2 else [-1]
    normal = _normalise(input, axes, eps)
    scaled = normal if weight is None else normal * weight.reshape(shape)
    return scaled if bias is None else scaled + bias.reshape(shape)


def _group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    groups = input.reshape(input.shape[0], num_groups, -1)
    normal = _normalise(groups, (2,), eps).reshape(input.shape)
    shape = [-1] + [1] * (input.dim() - 2)
    scaled = normal if weight is None else normal * weight.reshape(shape)
    return scaled if bias is None else scaled + bias.reshape(shape)


def _norm(
    input: Tensor,
    p: Any = 2,
    dim: Axes = None,
    keepdim: bool = False,
    dtype: Any = None,
    out: Any = None,
) -> Tensor:
    if p in (1, 1.0):
        return _sum(input.abs(), dim, keepdim)
    if p not in (2, 2.0, "fro", None):
        return _refuse()
    return _sum(input**2, dim, keepdim).sqrt()


def _vector_norm(
    x: Tensor, ord: Any = 2, dim: Axes = None, keepdim: bool = False, dtype: Any = None
) -> Tensor:
    return _norm(x, ord, dim, keepdim)


def _linalg_norm(
    A: Tensor, ord: Any = None, dim: Axes = None, keepdim: bool = False
) -> Tensor:
    return _norm(A, ord, dim, keepdim)


def _matrix_norm(
    A: Tensor, ord: Any = "fro", dim: Axes = (-2, -1), keepdim: bool = False
) -> Tensor:
    return _norm(A, ord, dim, keepdim) if ord == "fro" else _refuse()


def _normalize(
    input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: Any = None
) -> Tensor:
    return input / _norm(input, p, dim, True)


def _cosine_similarity(
    x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8
) -> Tensor:
    sizes = _norm(x1, 2, dim) * _norm(x2, 2, dim)
    return (x1 * x2).sum(dim) / sizes


def _pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    return _norm(x1 - x2 + eps, p, -1, keepdim)


def _dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    return _norm(input - other, p)


def _cdist(x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str = "") -> Tensor:
    return _norm(x1.unsqueeze(-2) - x2.unsqueeze(-3), p, -1)


def _linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    product = input @ weight.T if weight.dim() == 2 else input @ weight
    return product if bias is None else product + bias


def _bilinear(
    input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None
) -> Tensor:
    product = torch.einsum("...i,kij,...j->...k", input1, weight, input2)
    return product if bias is None else product + bias


def _addmm(
    input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1
) -> Tensor:
    first = input if beta == 1 else beta * input
    product = mat1 @ mat2
    return first + (product if alpha == 1 else alpha * product)


def _addcmul(
    input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1
) -> Tensor:
    product = tensor1 * tensor2
    return input + (product if value == 1 else value * product)


def _addcdiv(
    input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1
) -> Tensor:
    ratio = tensor1 / tensor2
    return input + (ratio if value == 1 else value * ratio)


def _lerp(input: Tensor, end: Tensor, weight: Any) -> Tensor:
    return input + weight * (end - input)


def _dot(input: Tensor, tensor: Tensor) -> Tensor:
    return (input * tensor).sum() if input.dim() == 1 else _refuse()


def _vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    return (x * y).sum(dim)


def _outer(input: Tensor, vec2: Tensor) -> Tensor:
    return input.unsqueeze(1) * vec2.unsqueeze(0)


def _trace(input: Tensor) -> Tensor:
    return input.diagonal().sum()


def _embedding(input: Tensor, weight: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    return weight[input]


def _attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    if attn_mask is not None or is_causal:
        return _refuse()
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    return (query @ key.mT * factor).softmax(-1) @ value


RULES: dict[str, Rule] = {
    "mean": _mean,
    "var": _var,
    "std": _std,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "logsumexp": _logsumexp,
    "cross_entropy": _cross_entropy,
    "nll_loss": _nll_loss,
    "binary_cross_entropy": _bce,
    "binary_cross_entropy_with_logits": _bce_with_logits,
    "mse_loss": _mse_loss,
    "l1_loss": _l1_loss,
    "smooth_l1_loss": _smooth_l1,
    "huber_loss": _huber_loss,
    "kl_div": _kl_div,
    "soft_margin_loss": _soft_margin_loss,
    "poisson_nll_loss": _poisson_nll,
    "gaussian_nll_loss": _gaussian_nll,
    "softplus": _softplus,
    "logsigmoid": _logsigmoid,
    "log_sigmoid": _logsigmoid,
    "silu": _silu,
    "gelu": _gelu,
    "mish": _mish,
    "glu": _glu,
    "layer_norm": _layer_norm,
    "rms_norm": _rms_norm,
    "batch_norm": _batch_norm,
    "group_norm": _group_norm,
    "norm": _norm,
    "linalg_vector_norm": _vector_norm,
    "linalg_norm": _linalg_norm,
    "linalg_matrix_norm": _matrix_norm,
    "normalize": _normalize,
    "cosine_similarity": _cosine_similarity,
    "pairwise_distance": _pairwise_distance,
    "dist": _dist,
    "cdist": _cdist,
    "linear": _linear,
    "bilinear": _bilinear,
    "addmm": _addmm,
    "addmv": _addmm,
    "baddbmm": _addmm,
    "addcmul": _addcmul,
    "addcdiv": _addcdiv,
    "lerp": _lerp,
    "dot": _dot,
    "inner": _dot,
    "vdot": _dot,
    "linalg_vecdot": _vecdot,
    "outer": _outer,
    "ger": _outer,
    "trace": _trace,
    "embedding": _embedding,
    "scaled_dot_product_attention": _attention,
}

# A second way to write the same call: students start from either.
OTHER_RULES: dict[str, Rule] = {
    "log_softmax": _log_of_softmax,
    "binary_cross_entropy_with_logits": _bce_by_softplus,
}
