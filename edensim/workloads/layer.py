"""Plain records of what a network computes: one `Layer` per convolution or matrix product.

Modelled: shapes, MACs, parameter counts, which layer feeds which. Not modelled: values, activations, pooling
arithmetic (element-wise and pooling layers move no data of their own here; their sizes show in the shapes).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from edensim.errors import ConfigError, did_you_mean

PRECISION_BITS = {"int4": 4, "int8": 8, "int16": 16, "fp32": 32}


@dataclass(frozen=True, slots=True)
class Layer:
    """A convolution or fully connected layer for one image, in the letters of the accelerator literature.

    C, H, W: input channels, height, width (unpadded). K: output channels. R, S: kernel height, width.
    P, Q: output height, width. Fully connected: H = W = R = S = P = Q = 1.
    `pad` = (top, bottom, left, right). `groups` divides C and K (depthwise: groups = C).
    A matrix product of M rows is a 1x1 convolution over H = P = M, W = Q = 1.
    `inputs`: names of the layers whose outputs are read ("input" = the network's input), pooling in between. Several
    names are a concatenation in channel order, or a sum (residual): then the first one, computed last, adds the others
    to itself and holds the sum; its output is as large as this layer's input.
    `extra_params`: parameters beyond the weights (bias, batch norm), kept out of the weight tensor.
    `weights_from`: layers whose outputs serve as the weight operand (attention); empty: the weights are parameters.
    """

    name: str
    kind: str  # "conv", "dwconv" or "fc"
    C: int
    H: int
    W: int
    K: int
    R: int
    S: int
    P: int
    Q: int
    stride: tuple[int, int] = (1, 1)
    pad: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    inputs: tuple[str, ...] = ()
    extra_params: int = 0
    weights_from: tuple[str, ...] = ()

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one image."""
        return self.K * self.P * self.Q * (self.C // self.groups) * self.R * self.S

    @property
    def weight_count(self) -> int:
        """Elements of the weight tensor."""
        return self.K * (self.C // self.groups) * self.R * self.S

    @property
    def ifm_count(self) -> int:
        """Elements of the input feature map of one image."""
        return self.C * self.H * self.W

    @property
    def ofm_count(self) -> int:
        """Elements of the output feature map of one image."""
        return self.K * self.P * self.Q

    @property
    def parameter_count(self) -> int:
        """Weights, biases and batch-norm parameters; a weight operand that is computed is no parameter."""
        return self.extra_params + (0 if self.weights_from else self.weight_count)


@dataclass(frozen=True, slots=True)
class Network:
    """Layers in execution order; `source` says where the table comes from, `warnings` what of it is not modelled.

    Instead of layers it may have the path of an address `trace`, which a CPU runs.
    """

    name: str
    layers: tuple[Layer, ...]
    source: str = ""
    warnings: tuple[str, ...] = ()
    trace: str = ""

    @property
    def weight_count(self) -> int:
        """Elements of all weight tensors."""
        return sum(x.weight_count for x in self.layers)

    @property
    def parameter_count(self) -> int:
        """Weights, biases and batch-norm parameters."""
        return sum(x.parameter_count for x in self.layers)

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one image."""
        return sum(x.macs for x in self.layers)

    def select(self, names: Iterable[str]) -> Network:
        """Keep only the named layers, in network order.

        Raises
        ------
        ConfigError
            If a name is no layer of this network (the message gives the nearest ones), or none is given.
        """
        wanted = list(names)
        known = [x.name for x in self.layers]
        problems = []
        for name in wanted:
            if name not in known:
                hint = did_you_mean(name, known, f"it has {known[0]} … {known[-1]}")
                problems.append(f"workload.layers: {self.name} has no layer {name!r}{hint}")
        if not wanted:
            problems.append("workload.layers: the list is empty; leave the key out to run all layers")
        if problems:
            raise ConfigError(problems)
        return replace(self, layers=tuple(x for x in self.layers if x.name in wanted))


def size_bytes(count: int, precision: str) -> int:
    """Bytes that `count` elements take in memory; int4 packs two to a byte."""
    return -(-count * PRECISION_BITS[precision] // 8)
