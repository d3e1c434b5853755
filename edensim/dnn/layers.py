"""From a torch module to the layer records that machines run: shapes, parameters, and which layer feeds which.

The module runs once on one image of zeros (on the "meta" device if that is where its parameters are, which costs
nothing). Modelled: `Conv1d`, `Conv2d` and `Linear` modules, batch norms and other parameters (counted to the layer
whose output they take, else to the next layer). Not modelled: transposed and 3-d convolutions, recurrent layers,
products of two computed matrices (attention), convolutions written as functions; `warnings` tells of modules left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakIdKeyDictionary

from edensim.dnn.where import device_of, evaluating
from edensim.errors import InputError
from edensim.workloads import Layer, Network
from edensim.workloads.dataflow import Dataflow, Origin
from edensim.workloads.names import Names

LAYER_TYPES = (nn.Conv1d, nn.Conv2d, nn.Linear)
SUMS = {"add", "add_", "__add__", "__radd__", "__iadd__", "sub", "__sub__", "mul", "__mul__", "__imul__", "mul_"}


def to_network(net: nn.Module, shape: tuple[int, ...], name: str = "") -> Network:
    """Write a module as a table of layers for one image.

    Parameters
    ----------
    net : torch.nn.Module
        Any module that takes a tensor (1, *shape).
    shape : tuple of int
        Shape of one input, e.g. (3, 224, 224).
    name : str
        Name of the table (default: the class of the module).

    Raises
    ------
    InputError
        If the module does not run on such an input, or has no layer of a kind that is modelled.
    """
    record = _Record(net)
    try:
        with evaluating(net), record.hooks(), torch.no_grad(), record:
            net(record.start(torch.zeros(1, *shape, device=device_of(net))))
    except (RuntimeError, TypeError, ValueError) as problem:
        raise InputError(f"{type(net).__name__} does not run on an input of shape {(1, *shape)}: {problem}") from None
    if not record.layers:
        raise InputError(f"{type(net).__name__}: found no Conv1d, Conv2d or Linear module that runs")
    return Network(name or type(net).__name__, record.finish(), "torch module", tuple(record.warnings))


class _Record(TorchFunctionMode):
    """Follows every tensor through torch's functions, and notes the layers as they run."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net, self.flow, self.names = net, Dataflow(), Names()
        self.origin = WeakIdKeyDictionary()
        self.made_by = WeakIdKeyDictionary()
        self.layers: list[dict[str, Any]] = []
        self.waiting, self.counted = 0, set[int]()
        self.warnings: list[str] = []

    def start(self, x: Tensor) -> Tensor:
        """Mark the network's input."""
        self.origin[x] = self.flow.output("input")
        return x

    @contextmanager
    def hooks(self) -> Iterator[None]:
        """See every module that has parameters of its own."""
        handles = []
        for path, module in self.net.named_modules():
            if not any(True for _ in module.parameters(recurse=False)):
                continue
            if isinstance(module, LAYER_TYPES):
                handles.append(module.register_forward_hook(self._layer_hook(path)))
            else:
                handles.append(module.register_forward_pre_hook(self._constants_hook(path)))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Give the result of a function the origin of its operands."""
        result = func(*args, **(kwargs or {}))
        operands = [x for x in _tensors((args, kwargs)) if x in self.origin]
        if operands:
            for made in _tensors(result):
                if made not in self.origin or getattr(func, "__name__", "").endswith("_"):
                    self.origin[made] = self._combine(func, operands)
        return result

    def finish(self) -> tuple[Layer, ...]:
        """Layers in the order they ran; parameters that wait for a layer go to the last."""
        self.layers[-1]["extra_params"] += self.waiting
        return tuple(Layer(**fields) for fields in self.layers)

    def _combine(self, func: Any, operands: list[Tensor]) -> Origin:
        origins = [self.origin[x] for x in operands]
        if len(origins) == 1:
            return origins[0]
        if getattr(func, "__name__", "") not in SUMS:
            return self.flow.join(*origins)
        size = max(x.numel() for x in operands)
        full = [o for x, o in zip(operands, origins, strict=True) if x.numel() == size]
        small = [o for x, o in zip(operands, origins, strict=True) if x.numel() < size]
        return self.flow.add(*full, broadcast=small) if len(full) + len(small) > 1 else full[0]

    def _layer_hook(self, path: str) -> Any:
        def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            name = self.names.take(path or type(module).__name__.lower())
            fields = _fields(module, inputs[0], output)
            fields |= {"name": name, "inputs": self.flow.read(self.origin[inputs[0]])}
            fields["extra_params"] = self.waiting + self._count(module, but=module.weight)
            self.waiting = 0
            self._count_weight(module, name)
            self.layers.append(fields)
            self.origin[output] = self.flow.output(name)
            self.made_by[output] = fields

        return note

    def _constants_hook(self, path: str) -> Any:
        def note(module: nn.Module, inputs: tuple[Any, ...]) -> None:
            count = self._count(module)
            if not isinstance(module, nn.modules.batchnorm._NormBase | nn.LayerNorm | nn.GroupNorm | nn.PReLU):
                self.warnings.append(f"{path} ({type(module).__name__}): its work is not modelled, only its parameters")
            first = next(_tensors(inputs), None)
            fields = self.made_by.get(first) if first is not None else None
            if fields is None:
                self.waiting += count
            else:
                fields["extra_params"] += count

        return note

    def _count(self, module: nn.Module, but: Tensor | None = None) -> int:
        fresh = [p for p in module.parameters(recurse=False) if p is not but and id(p) not in self.counted]
        self.counted |= {id(p) for p in fresh}
        return sum(p.numel() for p in fresh)

    def _count_weight(self, module: nn.Module, name: str) -> None:
        if id(module.weight) in self.counted:
            self.warnings.append(f"{name}: its weights are shared with a layer before, and are counted twice")
        self.counted.add(id(module.weight))


def _fields(module: nn.Module, x: Tensor, y: Tensor) -> dict[str, Any]:
    if isinstance(module, nn.Linear):
        rows = x.numel() // x.shape[-1]
        kind = "fc" if rows == 1 else "conv"
        return {"kind": kind, "C": module.in_features, "H": rows, "W": 1, "K": module.out_features, "R": 1, "S": 1,
                "P": rows, "Q": 1}  # fmt: skip
    dims = len(module.kernel_size)
    shapes = (x.shape[-dims:], y.shape[-dims:], module.kernel_size, module.stride, module.dilation)
    (H, W), (P, Q), (R, S), stride, dilation = ((1,) * (2 - dims) + tuple(v) for v in shapes)
    # torch keeps (left, right, top, bottom).
    left, right, top, bottom = [*module._reversed_padding_repeated_twice, 0, 0][:4]
    kind = "dwconv" if module.groups == module.in_channels > 1 else "conv"
    return {"kind": kind, "C": module.in_channels, "H": H, "W": W, "K": module.out_channels, "R": R, "S": S, "P": P,
            "Q": Q, "stride": stride, "pad": (top, bottom, left, right), "dilation": dilation,
            "groups": module.groups}  # fmt: skip


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _tensors(item)
