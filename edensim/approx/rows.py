"""Places of whole DRAM rows, and the keys of what is random about rows, subarrays and banks.

Everything random about a device is a function of its seed, a stream name and a place; nothing is stored. The place
enters a key as one word, `row_word` (channel, bank and row), so a cell is the same cell under every address map,
whatever tensor lies there, and in any order of work.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edensim import rng
from edensim.approx.tables_kernel import Ints, Words
from edensim.memory import Geometry

BANK_SHIFT, CHANNEL_SHIFT = 40, 56


@dataclass(frozen=True, eq=False)
class Rows:
    """Some rows of a memory.

    Attributes
    ----------
    geometry : Geometry
        Size of the memory.
    channel, bank, row : int64 arrays of one shape
        `bank` counts through a channel: rank * banks_per_rank + bank within the rank.
    """

    geometry: Geometry
    channel: Ints
    bank: Ints
    row: Ints

    @property
    def subarray(self) -> Ints:
        """Subarray of each row within its bank."""
        return self.row // self.geometry.subarray_rows

    @property
    def bank_in_rank(self) -> Ints:
        """Bank of each row, counted within its rank."""
        return self.bank % self.geometry.banks_per_rank

    @cached_property
    def words(self) -> Words:
        """Word of each row, for keys."""
        return row_word(self.channel, self.bank, self.row)

    def uniform(self, seed: int, level: str, what: str = "") -> NDArray[np.float64]:
        """A number in (0, 1) for every row that all rows of one "rank", "bank", "subarray" or "row" share.

        This is what makes rows, subarrays and banks differ; each pair (level, `what`) is an independent stream.
        """
        bank, row = self.bank, self.row
        if level == "rank":
            bank, row = bank // self.geometry.banks_per_rank, row * 0
        elif level == "bank":
            row = row * 0
        elif level == "subarray":
            row = self.subarray
        elif level != "row":
            raise ValueError(f"level = {level!r}: expected rank, bank, subarray or row")
        return rng.uniform(rng.key(seed, level, what), row_word(self.channel, bank, row))


def row_word(channel: ArrayLike, bank: ArrayLike, row: ArrayLike) -> Words:
    """Word that stands for a row (or, with a subarray or 0 for the row, a subarray or bank) in keys: uint64."""
    parts = [np.asarray(x, np.uint64) for x in (channel, bank, row)]
    return np.asarray((parts[0] << np.uint64(CHANNEL_SHIFT)) | (parts[1] << np.uint64(BANK_SHIFT)) | parts[2])
