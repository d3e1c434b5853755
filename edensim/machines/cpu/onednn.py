"""Convolutions as oneDNN's AVX2 kernels run them: direct, in layouts blocked by eight channels.

In eager mode every call first reorders weights and maps into the blocked layouts and the result back; a prepacked
network (as OpenVINO or a frozen graph runs it) does not.
Source: oneDNN src/cpu/x64/jit_avx2_convolution.cpp and jit_avx2_conv_kernel_f32.cpp (nb_oc_blocking 4, ow innermost).
Not modelled: Winograd, the 1x1 kernels' other blocking, threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edensim.machines.cpu import direct_kernel
from edensim.machines.cpu.nest import Operand, Unit, split
from edensim.workloads.layer import Layer

BLOCK, BLOCKING = 8, 4
PER_LINE = 16
"""Instructions per line touched: 16 values are two vectors, each broadcast and multiplied for several outputs."""


@dataclass(frozen=True)
class Buffers:
    """Blocked copies of weights, input and output (the arrays themselves when the network is prepacked)."""

    weights: Operand
    ifm: Operand
    ofm: Operand


def reorder_units(source: Operand, target: Operand, channels: int, pixels: int) -> Iterator[Unit]:
    """Copy a planar array into the blocked layout (or back: the lines are the same)."""
    per_16 = channels * 2
    for begin, end in split(0, -(-pixels // 16), per_16):
        yield Unit(
            direct_kernel.reorder,
            (source.address, target.address, channels, pixels, BLOCK, 16 * begin, min(16 * end, pixels), source.stream,
             target.stream, 8),
            per_16 * (end - begin),
        )  # fmt: skip


def direct(layer: Layer, at: Buffers) -> Iterator[Unit]:
    """Units of one image's convolution on blocked layouts, group after group."""
    p = layer
    if p.groups == p.C == p.K:
        yield from _depthwise(p, at)
        return
    c, k = p.C // p.groups, p.K // p.groups
    per_row = -(-c // BLOCK) * (p.R * (p.W // 2 + 1) + BLOCKING * (p.R * p.S * 4 + p.Q // 2 + 1))
    for g in range(p.groups):
        x = at.ifm.address + g * c * p.H * p.W * 4
        w = at.weights.address + g * k * c * p.R * p.S * 4
        y = at.ofm.address + g * k * p.P * p.Q * 4
        for ob in range(0, -(-k // BLOCK), BLOCKING):
            for begin, end in split(0, p.P, per_row):
                yield Unit(
                    direct_kernel.direct_rows,
                    (x, w, y, c, p.H, p.W, p.R, p.S, *p.stride, p.pad[0], p.pad[2], p.P, p.Q, k, BLOCK, BLOCKING,
                     begin, end, ob, at.weights.stream, at.ifm.stream, at.ofm.stream, PER_LINE),
                    per_row * (end - begin),
                )  # fmt: skip


def _depthwise(p: Layer, at: Buffers) -> Iterator[Unit]:
    per_row = (p.R * p.W + p.Q) // 2 + 4
    for cb in range(-(-p.C // BLOCK)):
        for begin, end in split(0, p.P, per_row):
            yield Unit(
                direct_kernel.depthwise_rows,
                (at.ifm.address, at.weights.address, at.ofm.address, p.H, p.W, p.R, p.stride[0], p.pad[0], p.P, p.Q,
                 p.R * p.S * BLOCK * 4, BLOCK, cb, begin, end, at.weights.stream, at.ifm.stream, at.ofm.stream,
                 PER_LINE),
                per_row * (end - begin),
            )  # fmt: skip
