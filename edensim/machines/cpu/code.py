"""A layer as the loop nests of one way of writing it: which arrays it touches, in which order.

Styles: `darknet` and `darknet_tiled` (im2col and unblocked loops), `openblas` (im2col and Goto's product), `onednn`
(direct convolution, arrays reordered on every call) and `onednn_prepacked`, `fbgemm` (int8, packed panels).
Not modelled: Winograd and FFT convolutions, fused layers, threads of one layer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from edensim.errors import ConfigError
from edensim.machines.cpu import nest_kernel
from edensim.machines.cpu.darknet import PLAIN, TILED, product_loop
from edensim.machines.cpu.fbgemm import AVX2, int8_product, packed_bytes
from edensim.machines.cpu.nest import Operand, Part, Unit, flat, split
from edensim.machines.cpu.onednn import BLOCK, Buffers, direct, reorder_units
from edensim.machines.cpu.openblas import HASWELL, blocked_product
from edensim.workloads.layer import Layer

STYLES = ("darknet", "darknet_tiled", "openblas", "onednn", "onednn_prepacked", "fbgemm")
WEIGHTS, IFM, OFM, COLUMNS, PACK_A, PACK_B = range(6)
"""Numbers of the arrays in touches; from COLUMNS on they are scratch."""
PAGE = 4096
_COPY, _PASS = 2, 8
"""Instructions per copied value (load and store), and per line of a vector pass over an array."""


@dataclass(frozen=True)
class Arrays:
    """Byte addresses of a layer's tensors and of its scratch arrays (COLUMNS, PACK_A, PACK_B)."""

    weights: int
    ifm: int
    ofm: int
    scratch: tuple[int, int, int] = (0, 0, 0)


def value_bytes(style: str, precision: str) -> int:
    """Bytes per value in memory.

    Raises
    ------
    ConfigError
        The style has no code for this precision.
    """
    wanted = {"fbgemm": ("int8",), "onednn": ("fp32",), "onednn_prepacked": ("fp32",)}.get(style, ("fp32", "int16"))
    if precision not in wanted:
        raise ConfigError(
            f"machine.code: the style {style} computes in {' or '.join(wanted)}, but workload.precision is {precision}"
        )
    return {"fp32": 4, "int16": 2, "int8": 1}[precision]


def needs_columns(layer: Layer) -> bool:
    """Whether im2col is needed: kernels of one value and stride 1 read the map itself."""
    return not (layer.R == layer.S == 1 and layer.stride == (1, 1) and layer.pad == (0, 0, 0, 0))


def scratch_sizes(layer: Layer, style: str, size: int) -> tuple[int, int, int]:
    """Bytes of the three scratch arrays (COLUMNS, PACK_A, PACK_B) of a layer."""
    c, k, pixels = layer.C // layer.groups, layer.K // layer.groups, layer.P * layer.Q
    depth = c * layer.R * layer.S
    if style.startswith("darknet"):
        return depth * pixels * size if needs_columns(layer) else 0, 0, 0
    if style == "openblas":
        columns = depth * pixels * size if needs_columns(layer) and layer.kind != "fc" else 0
        return columns, HASWELL.rows * HASWELL.depth * size, HASWELL.depth * max(k, HASWELL.strip) * size
    if style == "onednn":
        blocked = _blocked_counts(layer)
        return blocked["weights"] * size, blocked["ifm"] * size, blocked["ofm"] * size
    if style == "fbgemm":
        return 0, AVX2.rows * AVX2.depth, AVX2.rows * k * 4
    return 0, 0, 0


def paged(size: int) -> int:
    """Bytes of an array that lies on pages of its own."""
    return -(-size // PAGE) * PAGE + PAGE


def scratch_kinds(style: str) -> tuple[str, str, str]:
    """Kind of tensor that each scratch array holds a copy of."""
    if style in ("onednn", "onednn_prepacked"):
        return "weights", "ifm", "ofm"
    return "ifm", "ifm", "ofm" if style == "fbgemm" else "weights"


def stored_counts(layer: Layer, style: str) -> dict[str, int]:
    """Values of each tensor as the style stores it: blocked layouts pad channels, packed weights their blocks."""
    counts = {"weights": layer.weight_count, "ifm": layer.ifm_count, "ofm": layer.ofm_count}
    if layer.kind == "fc":
        return counts
    if style == "fbgemm":
        counts["weights"] = packed_bytes(layer) * layer.groups
    elif style == "onednn_prepacked":
        counts = _blocked_counts(layer)
    return counts


def _blocked_counts(layer: Layer) -> dict[str, int]:
    """Values up to the end of each tensor when its channels come in blocks, those of the last group padded."""

    def padded(channels: int) -> int:
        return -(-channels // BLOCK) * BLOCK

    groups, taps = layer.groups, layer.R * layer.S
    if groups == layer.C == layer.K:  # depthwise: blocks run across groups
        inputs = outputs = padded(groups)
        weights = padded(groups) * taps
    else:
        c, k = layer.C // groups, layer.K // groups
        inputs, outputs = (groups - 1) * c + padded(c), (groups - 1) * k + padded(k)
        weights = ((groups - 1) * k * c + padded(k) * padded(c)) * taps
    return {"weights": weights, "ifm": inputs * layer.H * layer.W, "ofm": outputs * layer.P * layer.Q}


def scratch_at(base: int, layer: Layer, style: str, size: int) -> tuple[int, int, int]:
    """Addresses of the scratch arrays if they lie one after the other from `base` on."""
    columns, pack_a, _ = (paged(x) for x in scratch_sizes(layer, style, size))
    return base, base + columns, base + columns + pack_a


def layer_units(layer: Layer, at: Arrays, style: str, size: int, batch: int = 1) -> Iterator[Unit]:
    """All units of one layer, images one after the other."""
    return flat(layer_parts(layer, at, style, size, range(batch)))


def layer_parts(layer: Layer, at: Arrays, style: str, size: int, images: Iterable[int] = (0,)) -> Iterator[Part]:
    """Units and outermost loops of one layer, images one after the other."""
    for image in images:
        ifm = at.ifm + image * layer.ifm_count * size
        ofm = at.ofm + image * layer.ofm_count * size
        here = Arrays(at.weights, ifm, ofm, at.scratch)
        if layer.kind == "fc":
            yield from _dot_products(layer, here, size)
        elif style in ("onednn", "onednn_prepacked"):
            yield from _direct(layer, here, reorder=style == "onednn")
        elif style == "fbgemm":
            yield from _int8(layer, here)
        else:
            yield from _with_columns(layer, here, style, size)
        if style != "fbgemm":
            yield from passes([(ofm, layer.ofm_count * size, 1, OFM)])


def _with_columns(layer: Layer, at: Arrays, style: str, size: int) -> Iterator[Part]:
    p = layer
    c, k, pixels = p.C // p.groups, p.K // p.groups, p.P * p.Q
    depth = c * p.R * p.S
    for g in range(p.groups):
        x = Operand(at.ifm + g * c * p.H * p.W * size, p.H * p.W, IFM)
        w = Operand(at.weights + g * k * depth * size, depth, WEIGHTS)
        y = Operand(at.ofm + g * k * pixels * size, pixels, OFM)
        b = x
        if needs_columns(p):
            b = Operand(at.scratch[0], pixels, COLUMNS)
            yield from im2col_units(p, x, b, c, size)
        if style == "openblas":
            packs = Operand(at.scratch[1], 0, PACK_A), Operand(at.scratch[2], 0, PACK_B)
            yield from blocked_product(b, w, y, packs, pixels, k, depth, HASWELL)
        else:
            how = replace(TILED if style == "darknet_tiled" else PLAIN, size=size)
            yield product_loop(w, b, y, k, pixels, depth, how)


def im2col_units(layer: Layer, x: Operand, columns: Operand, channels: int, size: int) -> Iterator[Unit]:
    """Units that write the im2col matrix of one image and group."""
    p = layer
    lines = p.P * ((p.Q + p.W) * size // 64 + 3)
    for begin, end in split(0, channels * p.R * p.S, lines):
        yield Unit(
            nest_kernel.im2col,
            (x.address, columns.address, p.H, p.W, p.R, p.S, *p.stride, p.pad[0], p.pad[2], *p.dilation, p.P, p.Q, size,
             begin, end, x.stream, columns.stream, _COPY),
            lines * (end - begin),
        )  # fmt: skip


def _dot_products(layer: Layer, at: Arrays, size: int) -> Iterator[Unit]:
    columns = layer.C * layer.H * layer.W
    per_row = 2 * (columns * size // 64 + 2)
    for begin, end in split(0, layer.K, per_row):
        yield Unit(
            nest_kernel.gemv,
            (at.weights, at.ifm, at.ofm, layer.K, columns, size, begin, end, WEIGHTS, IFM, OFM, _PASS),
            per_row * (end - begin),
        )


def _direct(layer: Layer, at: Arrays, reorder: bool) -> Iterator[Unit]:
    w, x, y = (Operand(a, 0, stream) for a, stream in ((at.weights, WEIGHTS), (at.ifm, IFM), (at.ofm, OFM)))
    if not reorder:
        yield from direct(layer, Buffers(w, x, y))
        return
    blocked = Buffers(*(Operand(a, 0, stream) for a, stream in zip(at.scratch, (COLUMNS, PACK_A, PACK_B), strict=True)))
    taps = layer.C // layer.groups * layer.R * layer.S
    yield from reorder_units(w, blocked.weights, layer.K, taps)
    yield from reorder_units(x, blocked.ifm, layer.C, layer.H * layer.W)
    yield from direct(layer, blocked)
    yield from reorder_units(blocked.ofm, y, layer.K, layer.P * layer.Q)


def _int8(layer: Layer, at: Arrays) -> Iterator[Unit]:
    p = layer
    for g in range(p.groups):
        yield from int8_product(
            p,
            Operand(at.ifm + g * (p.C // p.groups), 0, IFM),
            Operand(at.weights + g * packed_bytes(p), 0, WEIGHTS),
            Operand(at.scratch[2], 0, PACK_B),
            Operand(at.ofm + g * (p.K // p.groups), 0, OFM),
            Operand(at.scratch[1], 0, PACK_A),
        )


def passes(arrays: list[tuple[int, int, int, int]]) -> Iterator[Unit]:
    """One pass over arrays at once: (byte address, bytes, 1 if written, stream) each.

    Batch norm, bias, activation, pooling, residual sums and softmax are such passes.
    """
    table = np.array(arrays, np.int64)
    lines = int(table[:, 1].max() + 63) // 64
    for begin, end in split(0, lines, len(arrays)):
        yield Unit(nest_kernel.sweep, (table, begin, end, _PASS), len(arrays) * (end - begin))
