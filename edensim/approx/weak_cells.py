"""The weak cells of one tensor, found once for reads that meet them again and again.

Where weak cells stay in their places, finding those of a whole row for every read of a tensor that fills a part of it
is most of the work. Errors are bit for bit those of `injection`. Not modelled here: laws whose errors are drawn anew
everywhere, and cells that read the row before (`WeakCells.of` says None).
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from edensim.approx.device import Device
from edensim.approx.region import Layout
from edensim.approx.tables_kernel import BLOCK, OUTCOME, Bytes, Ints, RowTable, Words
from edensim.approx.weak_kernel import flip_listed, list_cells

MOST_CELLS = 1 << 18
"""Cells of a tensor that are listed at most (10 MB); a tensor with more fills its rows."""
STRETCH_BITS = 1 << 16
"""A tensor is read stretch by stretch, of so many bits at most, which stay in the nearest cache.

A uint16 tells them apart."""


def stretches_of(size_bytes: int) -> tuple[int, int]:
    """How many stretches a tensor has, and their bits: whole 32-bit words where there are several."""
    count = -(-8 * size_bytes // STRETCH_BITS)
    return count, 8 * size_bytes if count < 2 else 32 * -(-size_bytes // (4 * count))


class WeakCells:
    """Weak cells of a tensor; made by `of`.

    Attributes
    ----------
    count : int
    stretches, stretch_bits : int
        How many stretches the tensor has (0 if there are no cells), and their length.
    most : int
        Most cells of a stretch.
    bit : int64 array, shape (cells,)
        Of the tensor. Cells are in the order of stretch, stream and bit.
    unit : uint32 array, shape (cells,)
        Bitline (or unit) of the row whose outcome it takes.
    stream : int64 array, shape (cells,)
        Index in `streams`.
    least : uint64 array, shape (2, cells)
        Outcomes below which it fails if it stores a 0, a 1.
    streams : uint64 array, shape (streams, 2)
        Of a law in a row: key of the outcomes, word of the row.
    """

    def __init__(self, device: Device, layout: Layout, rows: RowTable, room: int) -> None:
        streams = np.zeros((len(rows.words) * len(device.laws), 2), np.uint64)
        bit, unit, stream = np.zeros((3, room), np.int64)
        least = np.zeros((room, 2), np.uint64)
        size, keys, which = layout.region.size_bytes, device.stream_keys, np.zeros(BLOCK, np.int64)
        found = int(list_cells(size, layout.table, rows, device.tables, keys, bit, unit, stream, least, streams, which))
        self._found = found
        stretches, self.stretch_bits = stretches_of(size)
        used = np.unique(stream[:found])
        law, word = streams[used].astype(np.int64)[:, 0], streams[used, 1]
        stretch = bit // max(1, self.stretch_bits)
        order = np.lexsort((bit, stream, stretch))
        # Weak cells are thrown like dice: what a law throws twice is one cell.
        order = order[(np.diff(bit[order], prepend=-1) | np.diff(stream[order], prepend=-1)) != 0]
        self.count = len(order)
        self.bit: Ints = bit[order]
        self.unit = unit[order].astype(np.uint32)
        self.stream: Ints = np.searchsorted(used, stream[order])
        self.least: Words = np.ascontiguousarray(least[order].T)
        self.streams: Words = np.stack([keys[law, OUTCOME], word], 1)
        stretch = stretch[order]
        self.most = int(np.bincount(stretch, minlength=1).max())
        self.stretches = stretches if room else 0
        place = (self.bit - stretch * self.stretch_bits).astype(np.uint16)
        twice = len(np.unique(self.bit)) < self.count
        self._cells = *_runs(stretch, self.stream, stretches), place, self.unit, self.least, twice

    @classmethod
    def of(cls, device: Device, layout: Layout, rows: RowTable) -> Self | None:
        """The cells of a tensor; None if they do not stay, or are too many to be listed."""
        if device.reads_previous_row or any(law.fresh for law in device.laws):
            return None
        room = cls(device, layout, rows, 0)._found
        return cls(device, layout, rows, room) if room <= MOST_CELLS else None

    def table(self) -> tuple[Any, ...]:
        """What `weak_kernel.begin_read` and `fail_cells` take, with rooms to work in that nobody else has.

        The streams; room for a word of each, and for a byte of every cell of a stretch; first run of every stretch and
        one more, shape (stretches + 1,); first cell and stream of every run and one more, shape (runs + 1, 2); bits of
        the cells in their stretch, `unit` and `least`; whether a bit has two.
        """
        return self.streams, np.zeros(len(self.streams), np.uint64), np.zeros(self.most, np.uint8), *self._cells

    def flip(self, codes: Bytes, access: int) -> int:
        """Flip in place what reads `access`, `access` + 1 … get wrong; returns the number of flips.

        Parameters
        ----------
        codes : uint8 array, shape (reads, bytes of the tensor), contiguous
            What is stored, once per read.
        """
        if not self.count:
            return 0
        listed = np.empty(self.most, np.int64)
        return int(flip_listed(codes, codes.copy(), listed, self.stretch_bits, self.table(), access))


def _runs(stretch: Ints, stream: Ints, stretches: int) -> tuple[Ints, Ints]:
    """Cells that follow each other in a stretch and take outcomes of one stream: a run, and one more that ends them."""
    starts = np.flatnonzero(np.diff(stretch, prepend=-1) | np.diff(stream, prepend=-1))
    runs = np.stack([np.append(starts, len(stream)), np.append(stream[starts], -1)], 1)
    return np.searchsorted(stretch[starts], np.arange(stretches + 1)), runs
