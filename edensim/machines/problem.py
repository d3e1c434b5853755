"""The loop bounds of a layer as a machine sees them: batch, groups, and which input a range of outputs needs.

Modelled: stride, padding (clipped: padding is never fetched), dilation (a dilated window is fetched as one span).
Not modelled: values, activations, fusion of layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edensim.workloads.layer import Layer

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Axis:
    """One spatial direction of a convolution: `outputs` windows of `kernel` taps over `size` inputs."""

    size: int
    kernel: int
    stride: int
    pad: int
    dilation: int
    outputs: int

    @property
    def reach(self) -> int:
        """Inputs a window spans, gaps of a dilated kernel included."""
        return (self.kernel - 1) * self.dilation + 1

    @property
    def skips(self) -> bool:
        """Whether the stride jumps over inputs that no window touches (ResNet's 1x1 stride-2 layers)."""
        return self.stride > self.reach

    def span(self, first: Ints, last: Ints) -> tuple[Ints, Ints]:
        """Inputs [low, high) that outputs [first, last) touch, padding clipped away."""
        low = np.clip(first * self.stride - self.pad, 0, self.size)
        high = np.clip((last - 1) * self.stride - self.pad + self.reach, 0, self.size)
        return low, np.maximum(low, high)

    def needed(self, first: Ints, last: Ints) -> Ints:
        """How many inputs outputs [first, last) need (fewer than the span where the stride skips)."""
        if self.skips:
            before, _ = fetched_positions(self)
            return before[last] - before[first]
        low, high = self.span(first, last)
        return high - low


@lru_cache(maxsize=1024)
def fetched_positions(axis: Axis) -> tuple[Ints, Ints]:
    """For an axis that skips: inputs needed before each output (outputs + 1 values), and their positions in order."""
    starts = np.arange(axis.outputs, dtype=np.int64) * axis.stride - axis.pad
    taps = starts[:, None] + np.arange(axis.reach, dtype=np.int64)
    inside = (taps >= 0) & (taps < axis.size)
    before = np.concatenate([[0], np.cumsum(inside.sum(axis=1))])
    return before.astype(np.int64), taps[inside]


@lru_cache(maxsize=1024)
def used_inputs(axis: Axis) -> int:
    """Inputs that at least one multiplication reads: what any schedule must fetch at least once."""
    return len(np.unique(_taps_inside(axis)))


@lru_cache(maxsize=1024)
def useful_taps(axis: Axis) -> int:
    """(output, tap) pairs that do not fall on padding."""
    return len(_taps_inside(axis))


def _taps_inside(axis: Axis) -> Ints:
    starts = np.arange(axis.outputs, dtype=np.int64) * axis.stride - axis.pad
    taps = (starts[:, None] + np.arange(axis.kernel, dtype=np.int64) * axis.dilation).ravel()
    return taps[(taps >= 0) & (taps < axis.size)]


@lru_cache(maxsize=4096)
def tiled_axis(axis: Axis, tile: int) -> tuple[int, int, int]:
    """Inputs needed when outputs are cut into tiles: (sum over tiles, most in one tile, widest span of one tile)."""
    first = np.arange(0, axis.outputs, tile, dtype=np.int64)
    last = np.minimum(first + tile, axis.outputs)
    needed = axis.needed(first, last)
    low, high = axis.span(first, last)
    return int(needed.sum()), int(needed.max()), int((high - low).max())


@dataclass(frozen=True, slots=True)
class Problem:
    """A layer with its batch: `groups` independent convolutions of C input and K output channels each (per group)."""

    batch: int
    groups: int
    K: int
    C: int
    rows: Axis
    cols: Axis

    @classmethod
    def of(cls, layer: Layer, batch: int = 1) -> Problem:
        """The loop bounds of `layer` for `batch` images."""
        top, _, left, _ = layer.pad
        rows = Axis(layer.H, layer.R, layer.stride[0], top, layer.dilation[0], layer.P)
        cols = Axis(layer.W, layer.S, layer.stride[1], left, layer.dilation[1], layer.Q)
        return cls(batch, layer.groups, layer.K // layer.groups, layer.C // layer.groups, rows, cols)

    @property
    def taps(self) -> int:
        """Kernel height times width."""
        return self.rows.kernel * self.cols.kernel

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the batch, those on padding included."""
        return self.batch * self.groups * self.K * self.C * self.taps * self.rows.outputs * self.cols.outputs

    @property
    def useful_macs(self) -> int:
        """Multiply-accumulates that do not multiply padding."""
        return self.batch * self.groups * self.K * self.C * useful_taps(self.rows) * useful_taps(self.cols)

    @property
    def weight_count(self) -> int:
        """Elements of the weight tensor."""
        return self.groups * self.K * self.C * self.taps

    @property
    def ifm_count(self) -> int:
        """Elements of the input tensor of the batch."""
        return self.batch * self.groups * self.C * self.rows.size * self.cols.size

    @property
    def ofm_count(self) -> int:
        """Elements of the output tensor of the batch."""
        return self.batch * self.groups * self.K * self.rows.outputs * self.cols.outputs

    def as_matrix(self) -> Problem:
        """The same products as a matrix product: one row per output pixel, C*R*S window elements, K columns.

        The weight tensor [K][C][R][S] read as [K][C*R*S] is byte for byte the same.
        """
        one = Axis(1, 1, 1, 0, 1, 1)
        pixels = self.batch * self.rows.outputs * self.cols.outputs
        return Problem(pixels, self.groups, self.K, self.C * self.taps, one, one)
