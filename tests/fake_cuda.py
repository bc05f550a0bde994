"""A second device that is not there: its tensors lie on the CPU and say "cuda".

Within `FakeCuda()` they keep to a device's rules: factories and `.to` put them there,
results stay there, and an operation on tensors of both devices fails.
"""

import contextlib
import sys
import weakref

import torch
from torch.overrides import TorchFunctionMode

from grader.accelerators.devices import DEVICES, Devices

CUDA = torch.device("cuda")
MOVES = {"to", "cpu", "cuda", "copy_"}
LEAVES_AS_IT_IS = {"numpy", "__array__"}
ANYWHERE = {
    *("__get__", "__set__", "__getitem__", "backward", "grad"),
    "_has_compatible_shallow_copy_type",
}
MIXED = "Expected all tensors to be on the same device, but found cuda and cpu!"


class FakeDevices(Devices):
    """Checks' view of a machine with that device."""

    def is_there(self):
        return True

    def name(self, tensor):
        return tensor.device.type

    def to_cpu(self, tensor):
        return tensor.cpu()


class FakeCuda(TorchFunctionMode):
    """Marks tensors, and refuses what a real device would refuse."""

    def __init__(self):
        super().__init__()
        self.marked = {}  # by id; an entry goes with its tensor
        self.count = 0  # of tensors that ever lay there

    def __enter__(self):
        self.token = DEVICES.set(FakeDevices())
        return super().__enter__()

    def __exit__(self, *error):
        DEVICES.reset(self.token)
        return super().__exit__(*error)

    def is_there(self, value):
        return isinstance(value, torch.Tensor) and id(value) in self.marked

    def mark(self, value):
        if isinstance(value, torch.Tensor):
            self.count += 1
            key = id(value)
            self.marked[key] = weakref.ref(value, lambda _: self.marked.pop(key, None))
        elif isinstance(value, (tuple, list)):
            for part in value:
                self.mark(part)
        return value

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        owner = getattr(getattr(func, "__self__", None), "__name__", "")
        tensors = [t for t in flatten((args, kwargs)) if isinstance(t, torch.Tensor)]
        there = [t for t in tensors if self.is_there(t)]
        if (name, owner) == ("__get__", "device"):
            return CUDA if there else func(*args, **kwargs)
        if (name, owner) == ("__get__", "is_cuda"):
            return bool(there)
        if name in LEAVES_AS_IT_IS and there:
            raise TypeError("can't convert cuda:0 device type tensor to numpy.")
        if name in {"to", "cpu", "cuda"} and tensors:
            return self.move(func, name, args, kwargs)
        device = kwargs.pop("device", None)
        if device is not None:
            return self.make(func, device, args, kwargs)
        if there and name not in ANYWHERE | MOVES:
            elsewhere = [t for t in tensors if not self.is_there(t) and is_plain(t)]
            if elsewhere and not in_backward():
                raise RuntimeError(MIXED)
        result = func(*args, **kwargs)
        if (name, owner) == ("__set__", "data") and self.is_there(args[1]):
            self.mark(args[0])  # a module that moves
        if there and name not in {"tolist", "item"}:
            self.mark(result)
        return result

    def move(self, func, name, args, kwargs):
        tensor, *rest = args
        asked = [*rest, *kwargs.values()]
        asked = [a.device if isinstance(a, torch.Tensor) else a for a in asked]
        devices = [torch.device(a) for a in asked if is_device(a)]
        others = [a for a in asked if isinstance(a, torch.dtype)]
        target = {"cpu": "cpu", "cuda": "cuda"}.get(name)
        if devices:
            target = devices[0].type
        was = self.is_there(tensor)
        target = target or ("cuda" if was else "cpu")
        moved = torch.Tensor.to(tensor, *others) if others else tensor
        if (target == "cuda") != was and moved is tensor:
            moved = tensor.clone()
        return self.mark(moved) if target == "cuda" else moved

    def make(self, func, device, args, kwargs):
        if torch.device(device).type != "cuda":
            return func(*args, device=device, **kwargs)
        generator = kwargs.get("generator")
        if generator is not None:
            raise RuntimeError("Expected a 'cuda' device type for generator")
        return self.mark(func(*args, **kwargs))


def is_plain(tensor):
    """Whether its device counts: it has axes, and torch.func did not wrap it anew."""
    return tensor.ndim and not torch._C._functorch.is_functorch_wrapped_tensor(tensor)


def flatten(value):
    if isinstance(value, (tuple, list)):
        for part in value:
            yield from flatten(part)
    elif isinstance(value, dict):
        yield from flatten(list(value.values()))
    else:
        yield value


def is_device(value):
    if isinstance(value, torch.device):
        return True
    with contextlib.suppress(RuntimeError, TypeError):
        return isinstance(value, str) and bool(torch.device(value))
    return False


def in_backward():
    """Whether saved tensors may be about: they come back from C++ without a mark."""
    if torch._C._current_graph_task_id() != -1:
        return True
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename == torch.autograd.function.__file__:
            return True
        frame = frame.f_back
    return False
