"""A network whose weights and input maps are read through approximate memory on every pass.

Use::

    memory = FaultyMemory(net, Storage.paper("int8"), errors)
    memory.calibrate(batches(data.train))
    with memory:
        scores = net(images)

Inside of the `with` block every `Conv` and `Linear` layer reads its weights once per call and its input map once per
image, each from the place of its own tensor: encoded (`codes`), hit by errors (`reading`), decoded, and for fp32
corrected. It is the layer that reads, so a map with two readers is read twice. Outside of the block the network is what
it was; its own parameters never change. Hooks on a layer lie outside of its reads: they see what is stored, and what is
computed from what was read. Copies of the network are made outside of the block.

Tensors on another device than the CPU are read there (`on_device`), the same bits; where their errors can only be drawn
by the injector (laws that are not listed weak cells, rates above 0.07) they go through the host.

Gradients pass straight through the memory: a layer's backward pass uses the values it read (`backward = "corrupted"`),
or the error-free ones ("clean", at the price of a second forward pass). Address order is the order of elements of a
contiguous tensor (N, C, H, W).

Without gradients, weights are encoded once for as long as they are the same tensor of the same version: what is changed
behind torch's back (`weight.data.mul_`, `weight.data = weight.data.t()`) is seen by the next `with` block, or after a
pass with gradients.

Not modelled: element-wise sums, pools and norms reading their maps from memory; errors of writes; recurrent and
attention layers that hand their weights to one fused function. One network in one thread at a time.
"""

from __future__ import annotations

import math
import warnings
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple, Self

import torch
from torch import Tensor, nn

from edensim.dnn import on_device
from edensim.dnn.codes import code_of
from edensim.dnn.passing import Rooms, Space, TensorReads, floats
from edensim.dnn.ranges import measure_maps, range_of_values, range_of_weights, union
from edensim.dnn.reading import NoErrors, ReadErrors
from edensim.dnn.storage import Kind, Range, Storage, StoredTensor
from edensim.errors import ConfigError

READERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.Linear)


class Reader(NamedTuple):
    """A layer that reads: its name, and the names of its tensors."""

    name: str
    module: Any
    weights: str
    ifm: str


class StraightThrough(torch.autograd.Function):
    """Values read in place of `x`; the gradient of `x` is that of the values."""

    @staticmethod
    def forward(context: Any, x: Tensor, values: Tensor) -> Tensor:
        """Return the values."""
        return values

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Pass the gradient on as it is (x + (y - x) would round, and lose infinities)."""
        return gradient, None


class FaultyMemory:
    """Approximate memory under a network; see the module docstring.

    Parameters
    ----------
    net : torch.nn.Module
        Any network; `READERS` in it are what reads.
    storage : Storage
        Representation of its tensors.
    errors : ReadErrors, optional
        Errors of the memory (default: none). May be replaced at any time.

    Attributes
    ----------
    tensors : dict of str to StoredTensor
        What the memory holds for one image and in what range, by name, in the order of the network; by `calibrate`.
    backward : "corrupted" or "clean"
        What the backward pass of a layer computes with.
    bits_read, flips, corrected : int
        Counted since the last `rewind`.

    Raises
    ------
    ConfigError
        If the network has no layer that reads, or one whose weights are computed (parametrized).
    """

    def __init__(self, net: nn.Module, storage: Storage, errors: ReadErrors | None = None) -> None:
        self.net, self.storage = net, storage
        self.errors: ReadErrors = errors or NoErrors()
        self.backward: Literal["corrupted", "clean"] = "corrupted"
        self.tensors: dict[str, StoredTensor] = {}
        self.readers = [
            Reader(name, module, f"{name}.weights", f"{name}.ifm")
            for path, module in net.named_modules()
            if isinstance(module, READERS) and (name := path or type(module).__name__.lower())
        ]
        if not self.readers:
            known = ", ".join(kind.__name__ for kind in READERS)
            raise ConfigError(f"{type(net).__name__} has no layer that reads weights and maps ({known})")
        if computed := [r.name for r in self.readers if r.module._parameters.get("weight") is None]:
            raise ConfigError(
                f"{computed[0]} computes its weights anew in every call, so the memory does not hold them; expected a "
                "parameter: see torch.nn.utils.parametrize.remove_parametrizations"
            )
        self._forwards: list[Any] = []  # of the readers, while this memory is under its network
        self._handles: list[Any] = []
        self._shared: dict[str, Range] = {}
        self._reads: dict[str, TensorReads] = {}
        self._dims: dict[str, int] = {}
        self._kept: set[str] = set()
        self._rooms = Rooms()
        self.rewind()

    def rewind(self, access: int = 0) -> None:
        """Number the next read of every tensor `access`, and count from zero."""
        self._next: dict[str, int] = defaultdict(lambda: access)
        self.bits_read = self.flips = self.corrected = 0

    def calibrate(self, batches: Iterable[Any], maps: bool = True) -> None:
        """Learn the ranges of all stored tensors from error-free passes in evaluation mode.

        Layers that do not run are no longer among the `readers`: they have no errors, which a warning tells.

        Parameters
        ----------
        batches : iterable
            Inputs of the network, e.g. `edensim.dnn.batches(data.train)`. Not looked at if `maps` is false.
        maps : bool
            False: learn the ranges of weights and constants only.

        Raises
        ------
        InputError
            If a map holds NaN or infinite values.
        """
        if self._forwards:
            raise ConfigError("calibrate outside of the `with` block: ranges are those of error-free memory")
        found = {}
        if maps and "ifm" in self.storage.kinds:
            found = measure_maps(self.net, {r.ifm: r.module for r in self.readers}, batches, self.storage.map_quantile)
            if idle := [r.name for r in self.readers if r.ifm not in found]:
                warnings.warn(f"{', '.join(idle)}: not run as modules, so nothing they use has errors", stacklevel=2)
            self.readers = [r for r in self.readers if r.ifm in found]
        for reader in self.readers:
            if "weights" in self.storage.kinds:
                self._note_weights(reader)
            if reader.ifm in found:
                self._note(reader.ifm, "ifm", *found[reader.ifm])
        if "constants" in self.storage.kinds:
            for path, module in self.net.named_modules():
                for name in _constant_names(module):
                    value = getattr(module, name)
                    self._note(f"{path}.{name}", "constants", range_of_values(value), tuple(value.shape))
        self._share()

    def restore(self, tensors: dict[str, StoredTensor]) -> None:
        """Take over what another calibration found, `tensors` of a memory of the same network."""
        self.tensors = dict(tensors)
        self._share()

    def __enter__(self) -> Self:
        if self._forwards:
            raise ConfigError("this memory is under its network already")
        needed = {r.weights if kind == "weights" else r.ifm for r in self.readers for kind in self.storage.kinds}
        if not self.tensors or ("constants" not in self.storage.kinds and not needed <= self.tensors.keys()):
            raise ConfigError("calibrate the memory first: ranges of the network's tensors are not known")
        for reader in self.readers:
            self._dims[reader.ifm] = reader.module.weight.dim()
            self._forwards.append(reader.module.__dict__.get("forward"))
            _shadow(reader.module, "forward", self._forward(reader, reader.module.forward))
        if "constants" in self.storage.kinds:
            self._hook_constants()
        # A module reads one map and one weight at a time, but several constants, and more while readers in it read.
        nested = [
            r for r in self.readers if any(isinstance(m, READERS) for m in r.module.modules() if m is not r.module)
        ]
        self._kept = {name for r in nested for name in (r.weights, r.ifm)}
        self._kept |= {tensor.name for tensor in self.tensors.values() if tensor.kind == "constants"}
        return self

    def __exit__(self, *exception: object) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles = []
        self._reads.clear()
        for reader, own in zip(self.readers, self._forwards, strict=True):
            reader.module.__dict__.pop("forward", None)
            if own is not None:
                _shadow(reader.module, "forward", own)
        self._forwards = []
        for module in self.net.modules():
            _unshadow(module)

    def _forward(self, reader: Reader, forward: Any) -> Any:
        """What a layer computes, from what it reads; in the place of its own, as hooks around it would cost more."""
        module, weights, maps = reader.module, "weights" in self.storage.kinds, "ifm" in self.storage.kinds

        def reading(*args: Any, **kwargs: Any) -> Any:
            learns = torch.is_grad_enabled()
            if learns and self.backward == "clean":
                output = forward(*args, **kwargs)
                with torch.no_grad():
                    if weights:
                        self._note_weights(reader)
                    values = reading(*args, **kwargs)
                self._reads.pop(reader.weights, None)  # they are about to be trained
                return StraightThrough.apply(output, values)
            if weights:
                if learns:
                    self._note_weights(reader)  # they change while they are trained
                weight = module._parameters["weight"]  # the module itself takes ten times as long to find it
                module.__dict__["weight"] = self._read(reader.weights, "weights", weight, learns)
            try:
                if maps and args:
                    args = (self._read(reader.ifm, "ifm", args[0], learns), *args[1:])
                elif maps:
                    kwargs |= {"input": self._read(reader.ifm, "ifm", kwargs["input"], learns)}
                return forward(*args, **kwargs)
            finally:
                module.__dict__.pop("weight", None)

        return reading

    def _hook_constants(self) -> None:
        for path, module in self.net.named_modules():
            if not (names := _constant_names(module)):
                continue

            def before(module: nn.Module, args: Any, path: str = path, names: list[str] = names) -> None:
                for name in names:
                    # A norm in training updates its statistics and does not read them.
                    if not (name.startswith("running") and module.training):
                        full = f"{path}.{name}"
                        value = getattr(module, name)
                        _shadow(module, name, self._read(full, "constants", value, torch.is_grad_enabled()))

            def after(module: nn.Module, args: Any, output: Any, names: list[str] = names) -> None:
                for name in names:
                    module.__dict__.pop(name, None)

            self._handles += [
                module.register_forward_pre_hook(before),
                module.register_forward_hook(after, always_call=True),
            ]

    def _read(self, name: str, kind: Kind, x: Tensor, learns: bool) -> Tensor:
        """The tensor as a reader gets it: shape, dtype and device of `x`, in the graph if the network `learns`."""
        reads = self._reads.get(name) or self._reads_of(name)
        if not (learns or reads.kept) and _at_host(x):
            read, bits, flips, corrected = reads.pass_through(self.errors, x, self._next)
            self.bits_read += bits
            self.flips += flips
            self.corrected += corrected
            return read
        return self._read_apart(reads, kind, x, learns and x.requires_grad)

    def _read_apart(self, reads: TensorReads, kind: Kind, x: Tensor, grad: bool) -> Tensor:
        """Likewise into memory of its own, with a gradient on request."""
        items = reads.items(x)
        if not items:
            return x
        if grad and self.storage.clips and kind != "constants":
            # In the graph: what is clipped has no gradient.
            largest = self.tensors[reads.name].range.largest
            x = x.clamp(-largest if reads.code.signed else 0.0, largest)
        access = self._next[reads.name]
        self._next[reads.name] = access + items
        size = reads.code.row_bytes(x.numel() // items)
        drawn = None if _at_host(x) else reads.draws_on(x.device, self.errors, size)
        if drawn is None:
            space = Space.of_its_own(x.shape, items)
            flips, corrected = reads.read(self.errors, floats(x, items), space.rows, access)
            read = space.tensor.to(x.device, x.dtype)
        else:
            read, flips, corrected = on_device.read(reads.code, drawn, x, items, access)
        self.bits_read += 8 * items * size
        self.flips += flips
        self.corrected += corrected
        return StraightThrough.apply(x, read) if grad else read

    def _note_weights(self, reader: Reader) -> None:
        weight = reader.module.weight
        self._note(reader.weights, "weights", range_of_weights(weight, self.storage.weight_clip), tuple(weight.shape))

    def _note(self, name: str, kind: Kind, seen: Range, shape: tuple[int, ...]) -> None:
        self._reads.pop(name, None)
        size = code_of(self.storage, kind, seen, seen).row_bytes(math.prod(shape))
        self.tensors[name] = StoredTensor(name, kind, shape, size, seen)

    def _reads_of(self, name: str) -> TensorReads:
        tensor = self.tensors[name]
        code = code_of(self.storage, tensor.kind, tensor.range, self._shared.get(tensor.kind, tensor.range))
        dims = self._dims.get(name, 0)
        reads = self._reads[name] = TensorReads(name, tensor.kind, code, self._rooms, dims, name in self._kept)
        return reads

    def _share(self) -> None:
        """Bounds of fp32 values that tensors of a kind, or all, have in common."""
        self._reads.clear()
        if self.storage.bounds == "tensor":
            return
        for kind in self.storage.kinds:
            known = [t.range for t in self.tensors.values() if self.storage.bounds == "network" or t.kind == kind]
            self._shared[kind] = union(known)


def _at_host(x: Tensor) -> bool:
    return x.is_cpu


def _constant_names(module: nn.Module) -> list[str]:
    """Parameters and float buffers of a module but the weight of a reader."""
    names = [name for name, _ in module.named_parameters(recurse=False)]
    names += [name for name, b in module.named_buffers(recurse=False) if b.is_floating_point()]
    reads = isinstance(module, READERS)
    return [name for name in names if getattr(module, name) is not None and not (reads and name == "weight")]


def _shadow(module: nn.Module, name: str, value: Tensor) -> None:
    """Let `module.name` be `value`: the instance's own attributes come before its registered parameters.

    The parameter stays registered, so optimisers, `state_dict` and tied weights see nothing of it.
    """
    module.__dict__[name] = value


def _unshadow(module: nn.Module) -> None:
    for name in [*module._parameters, *module._buffers]:
        module.__dict__.pop(name, None)
