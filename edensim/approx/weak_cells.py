"""The weak cells of one tensor, found once for reads that meet them again and again.

Where weak cells stay in their places, finding those of a whole row for every read of a tensor that fills a part of it
is most of the work. Errors are bit for bit those of `injection`. Not modelled here: laws whose errors are drawn anew
everywhere, and cells that read the row before (`WeakCells.of` says None).
"""

from __future__ import annotations

from typing import Self

import numpy as np

from edensim.approx.device import Device
from edensim.approx.region import Layout
from edensim.approx.tables_kernel import BLOCK, Bytes, Ints, RowTable, Words
from edensim.approx.weak_kernel import flip_listed, list_cells

MOST_CELLS = 1 << 18
"""Cells of a tensor that are listed at most (10 MB); a tensor with more fills its rows."""


class WeakCells:
    """Weak cells of a tensor by ascending bit; made by `of`."""

    def __init__(self, device: Device, layout: Layout, rows: RowTable, room: int) -> None:
        self.keys, self.anew = device.stream_keys, device.anew
        streams = np.zeros((len(rows.words) * len(device.laws), 2), np.uint64)
        bit, unit, stream = np.zeros((3, room), np.int64)
        least = np.zeros((room, 2), np.uint64)
        size, which = layout.region.size_bytes, np.zeros(BLOCK, np.int64)
        self.count = int(
            list_cells(size, layout.table, rows, device.tables, self.keys, bit, unit, stream, least, streams, which)
        )
        used = np.unique(stream[: self.count])
        order = np.lexsort((unit, stream, bit))
        self.bit: Ints = bit[order]
        self.unit: Ints = unit[order]
        self.stream: Ints = np.searchsorted(used, stream[order])
        self.least: Words = least[order]
        self.streams: Words = streams[used]
        self._heads = np.zeros(len(used), np.uint64)

    @classmethod
    def of(cls, device: Device, layout: Layout, rows: RowTable) -> Self | None:
        """The cells of a tensor; None if they do not stay, or are too many to be listed."""
        if device.reads_previous_row or any(law.fresh for law in device.laws):
            return None
        room = cls(device, layout, rows, 0).count
        return cls(device, layout, rows, room) if room <= MOST_CELLS else None

    def flip(self, codes: Bytes, access: int) -> int:
        """Flip in place what reads `access`, `access` + 1 … get wrong; returns the number of flips.

        Parameters
        ----------
        codes : uint8 array, shape (reads, bytes of the tensor), contiguous
            What is stored, once per read.
        """
        return int(
            flip_listed(
                codes, self.bit, self.unit, self.stream, self.least, self.streams, self.keys, self.anew,
                np.uint64(access), self._heads,
            )
        )  # fmt: skip
