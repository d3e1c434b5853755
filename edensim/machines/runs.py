"""Blocks of row-major tensors as runs of consecutive memory lines.

A block is cut into its contiguous segments; segments of one tile that share a line or touch become one run, so no line
is fetched twice within a tile. Compressed tensors (`scale` < 1) keep each segment at its place and shorten it.
Not modelled: read-modify-write of partly written lines.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edensim.machines.problem import Ints


@dataclass(frozen=True, slots=True)
class TensorLayout:
    """A row-major tensor: shape, bits per element, byte address of its first element; `scale`: compressed share."""

    shape: tuple[int, ...]
    bits: int
    base: int
    scale: float = 1.0


def block_runs(
    layout: TensorLayout, first: Ints, size: Ints, line_bytes: int, positions: dict[int, Ints] | None = None
) -> tuple[Ints, Ints, Ints]:
    """Runs of lines that hold blocks of a tensor.

    Parameters
    ----------
    first, size
        int64[blocks, dimensions], the blocks.
    line_bytes
        Bytes per line.
    positions
        For a dimension whose needed indices have gaps: the list of indices that `first` and `size` count in.

    Returns
    -------
    (block, line, count), each int64[runs]: sorted by block, within a block by line.
    """
    block, begin, end = _segments(layout, first, size, positions or {})
    line, stop = (layout.base + begin) // line_bytes, (layout.base + end - 1) // line_bytes + 1
    if not len(line):
        return block, line, stop
    starts = np.empty(len(line), bool)
    starts[0] = True
    np.not_equal(block[1:], block[:-1], out=starts[1:])
    starts[1:] |= line[1:] > stop[:-1]
    at = np.flatnonzero(starts)
    final = np.append(at[1:], len(line)) - 1
    return block[at], line[at], stop[final] - line[at]


def _segments(layout: TensorLayout, first: Ints, size: Ints, positions: dict[int, Ints]) -> tuple[Ints, Ints, Ints]:
    """Contiguous pieces of blocks as (block, first byte, byte behind the last), relative to the tensor."""
    shape, dims = layout.shape, len(layout.shape)
    pitch = np.array([int(np.prod(shape[d + 1 :], dtype=np.int64)) for d in range(dims)], np.int64)
    inner = dims - 1  # the outermost dimension of a segment: everything inside it is contiguous in every block
    while inner > 0 and inner not in positions and bool((size[:, inner] == shape[inner]).all()):
        inner -= 1
    if inner in positions:  # a dimension with gaps: pieces of one index each
        inner += 1
    pieces = np.prod(size[:, :inner], axis=1) * (size > 0).all(axis=1)
    block = np.repeat(np.arange(len(size)), pieces)
    within = np.arange(len(block)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    begin = np.zeros(len(block), np.int64)
    for d in range(inner - 1, -1, -1):
        extent = np.repeat(size[:, d], pieces)
        within, index = np.divmod(within, extent) if d else (within, within)
        index = index + np.repeat(first[:, d], pieces)
        begin += (positions[d][index] if d in positions else index) * pitch[d]
    length = np.ones(len(size), np.int64)
    if inner < dims:
        begin += np.repeat(first[:, inner] * pitch[inner], pieces)
        length = size[:, inner] * pitch[inner]
    first_byte = begin * layout.bits // 8
    end_byte = -(-(begin + np.repeat(length, pieces)) * layout.bits // 8)
    if layout.scale < 1:
        end_byte = first_byte + np.ceil((end_byte - first_byte) * layout.scale).astype(np.int64)
    return block, first_byte, end_byte
