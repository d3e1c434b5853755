"""Builds a layer table the way a model definition reads: features flow through convolutions, pools and joins.

Modelled: shapes, parameters and which layer feeds which. Pools and joins make no layer; they change the next shape.
Not modelled: activations, dropout, normalisation as work of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from edensim.workloads.dataflow import Dataflow, Origin
from edensim.workloads.layer import Layer, Network
from edensim.workloads.shapes import output_size


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature map under way: channels, height, width, and the layers it comes from."""

    C: int
    H: int
    W: int
    origin: Origin


class NetworkBuilder:
    """Collects layers; `per_filter` is the default number of extra parameters per output channel.

    1: bias. 2: batch norm (scale and shift; running statistics are no parameters). 3: both. 0: neither.
    """

    def __init__(self, name: str, source: str, per_filter: int) -> None:
        self.name = name
        self.source = source
        self.per_filter = per_filter
        self.layers: list[Layer] = []
        self.flow = Dataflow()

    def input(self, C: int, H: int, W: int) -> Feature:
        """Return the image the network is given."""
        return Feature(C, H, W, self.flow.output("input"))

    def conv(
        self,
        x: Feature,
        name: str,
        K: int,
        kernel: int,
        stride: int = 1,
        pad: int | None = None,
        groups: int = 1,
        per_filter: int | None = None,
        extra: int = 0,
    ) -> Feature:
        """Square convolution; `pad` defaults to half the kernel. `extra`: parameters beyond `per_filter` * K."""
        pad = kernel // 2 if pad is None else pad
        P, Q = (output_size(size, kernel, stride, (pad, pad)) for size in (x.H, x.W))
        each = self.per_filter if per_filter is None else per_filter
        kind = "dwconv" if groups == x.C > 1 else "conv"
        self.layers.append(
            Layer(
                name, kind, x.C, x.H, x.W, K, kernel, kernel, P, Q, (stride, stride), (pad, pad, pad, pad),
                groups=groups, inputs=self.flow.read(x.origin), extra_params=each * K + extra,
            )
        )  # fmt: skip
        return Feature(K, P, Q, self.flow.output(name))

    def fc(self, x: Feature, name: str, K: int, extra: int = 0) -> Feature:
        """Fully connected layer with bias on the flattened feature."""
        inputs = self.flow.read(x.origin)
        count = x.C * x.H * x.W
        self.layers.append(Layer(name, "fc", count, 1, 1, K, 1, 1, 1, 1, inputs=inputs, extra_params=K + extra))
        return Feature(K, 1, 1, self.flow.output(name))

    def pool(self, x: Feature, kernel: int, stride: int, pad: int = 0, ceil: bool = False) -> Feature:
        """Pooling window: only the size changes."""
        H, W = (output_size(size, kernel, stride, (pad, pad), ceil=ceil) for size in (x.H, x.W))
        return replace(x, H=H, W=W)

    def global_pool(self, x: Feature) -> Feature:
        """One number per channel."""
        return replace(x, H=1, W=1)

    def upsample(self, x: Feature, factor: int) -> Feature:
        """Repeat rows and columns."""
        return replace(x, H=x.H * factor, W=x.W * factor)

    def add(self, x: Feature, y: Feature) -> Feature:
        """Residual sum, held by the operand computed last."""
        if (x.C, x.H, x.W) != (y.C, y.H, y.W):
            raise ValueError(f"{self.name}: cannot add {x} and {y}")
        return replace(x, origin=self.flow.add(x.origin, y.origin))

    def concat(self, *parts: Feature) -> Feature:
        """Channels side by side."""
        if len({(x.H, x.W) for x in parts}) != 1:
            raise ValueError(f"{self.name}: cannot join {parts}")
        return replace(parts[0], C=sum(x.C for x in parts), origin=self.flow.join(*(x.origin for x in parts)))

    def build(self) -> Network:
        """Return the finished network."""
        return Network(self.name, tuple(self.layers), self.source)
