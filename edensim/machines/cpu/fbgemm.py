"""Int8 products as FBGEMM runs them: weights packed beforehand, input packed on the way, requantisation fused.

Source: FBGEMM include/fbgemm/PackingTraits-inl.h (acc32, AVX2: blocks of 120 x 512, tiles of 12 x 8, rows interleaved
by four), src/Fbgemm.cc and src/ExecuteKernelU8S8.cc (loop order). Maps lie [row][column][channel].
Not modelled: threads, the depthwise kernels' own layout (run as one product per group), outlier matrices.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edensim.machines.cpu import direct_kernel
from edensim.machines.cpu.nest import Operand, Unit, split
from edensim.workloads.layer import Layer


@dataclass(frozen=True)
class Packing:
    """Rows and depth (bytes) of a block of A, tile of the kernel, interleave of rows."""

    rows: int = 120
    depth: int = 512
    tile: int = 12
    width: int = 8
    interleave: int = 4


AVX2 = Packing()


def packed_bytes(layer: Layer, how: Packing = AVX2) -> int:
    """Bytes of one group's prepacked weights: depth padded to the interleave, columns to the tile."""
    depth = layer.C // layer.groups * layer.R * layer.S
    return -(-depth // how.interleave) * how.interleave * (-(-layer.K // layer.groups // how.width) * how.width)


PER_B_LINE = 80
"""Instructions per line of packed B: two vectors of it, each multiplied (three instructions) with twelve broadcasts."""


def int8_product(
    layer: Layer, a: Operand, b: Operand, sums: Operand, y: Operand, packed: Operand, how: Packing = AVX2
) -> Iterator[Unit]:
    """Units of one group of one image: outputs [pixels, K] from patches of `a`, prepacked weights `b`."""
    p = layer
    m, n, channels = p.P * p.Q, p.K // p.groups, p.C // p.groups
    depth_all = channels * p.R * p.S
    columns = -(-n // how.width) * how.width
    plain = p.R == p.S == 1 and p.stride == (1, 1) and p.pad == (0, 0, 0, 0) and p.groups == 1
    for i0 in range(0, m, how.rows):
        rows = min(how.rows, m - i0)
        for depth0 in range(0, depth_all, how.depth):
            depth = min(how.depth, depth_all - depth0)
            padded = -(-depth // how.interleave) * how.interleave
            pack = (a.stream, packed.stream, 6)
            if plain:
                yield Unit(
                    direct_kernel.pack_rows,
                    (a.address, packed.address, i0, i0 + rows, channels, depth0, depth, padded, *pack),
                    rows * (depth // 32 + 3),
                )
            else:
                yield Unit(
                    direct_kernel.pack_patches,
                    (a.address, packed.address, p.H, p.W, channels, p.C, p.R, p.S, *p.stride, p.pad[0], p.pad[2], p.Q,
                     i0, i0 + rows, depth0, depth, padded, *pack),
                    rows * (depth // 32 + 3 + 2 * (depth // channels)),
                )  # fmt: skip
            block = b.address + depth0 * columns  # blocks of the same depth lie together
            tiles = -(-rows // how.tile)
            per_column = tiles * (padded * (how.width + how.tile) // 64 + how.tile + 2)
            for j0, j1 in split(0, -(-n // how.width), per_column):
                yield Unit(
                    direct_kernel.int8_block,
                    (packed.address, block, sums.address, rows, depth, padded, n, j0 * how.width,
                     min(n, j1 * how.width), how.width, how.tile, packed.stream, b.stream, sums.stream, PER_B_LINE),
                    per_column * (j1 - j0),
                )  # fmt: skip
        yield Unit(
            direct_kernel.requantise,
            (sums.address, y.address, 0, rows, i0, n, p.K, sums.stream, y.stream, 24),
            rows * (n // 12 + 3),
        )
