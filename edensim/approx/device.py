"""A memory with errors: address map, seed, and the laws that hold in each of its partitions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edensim import rng
from edensim.approx.law import CellLaw
from edensim.approx.law_table import compile_laws, law_keys
from edensim.approx.region import PLAIN
from edensim.approx.rows import Rows
from edensim.approx.tables_kernel import LawTables, RowTable, Words
from edensim.errors import ConfigError
from edensim.memory import AddressMap

MOST_LEVELS = 1 << 16


class Device:
    """A memory with errors.

    Parameters
    ----------
    laws : sequence of sequences of CellLaw
        Laws of every partition; a bit flips if any law of its partition makes it fail. No law: no errors.
    address_map : AddressMap, optional
        The memory (default: a plain one, `region.PLAIN`).
    owner : int16 array, shape (channels, banks, subarrays), optional
        Partition of every subarray, as in `PartitionMap` (default: partition 0).
    seed : int
        The device: which cells are weak, and what happens in each access; 0 … 2^64 - 1.

    Raises
    ------
    ConfigError
        If a law does not fit the memory, `owner` has another shape, or the seed is out of range.
    """

    def __init__(
        self,
        laws: Sequence[Sequence[CellLaw]],
        address_map: AddressMap = PLAIN,
        owner: NDArray[np.int16] | None = None,
        seed: int = 0,
    ) -> None:
        geometry = address_map.geometry
        if not 0 <= seed < 1 << 64:
            raise ConfigError(f"seed = {seed}: expected 0 … 2^64 - 1")
        if owner is not None:
            shape = (geometry.channels, geometry.banks, geometry.subarrays)
            if owner.shape != shape or owner.min() < 0 or owner.max() >= len(laws):
                raise ConfigError(
                    f"owner: expected the partition, 0 … {len(laws) - 1}, of every subarray, shape {shape}"
                )
        _check_laws(laws)
        self.address_map, self.seed = address_map, seed
        self.laws = tuple(law for group in laws for law in group)
        self.tables: LawTables = compile_laws(laws, 8 * geometry.row_bytes)
        if any(len(law.weak_share) > MOST_LEVELS for law in self.laws):
            raise ConfigError(f"a law has more than {MOST_LEVELS} levels of rows")
        self.stream_keys, self.anew = law_keys(self.laws, seed)
        self.owner = owner
        self.first_law = np.cumsum([0, *(len(group) for group in laws)], dtype=np.int64)

    @property
    def reads_previous_row(self) -> bool:
        """Whether a failing cell may read what the row that was open before holds."""
        return any(law.previous_row for law in self.laws)

    def keys(self, access: int) -> Words:
        """Keys of all streams in an access: uint64 (laws, streams)."""
        if not 0 <= access < 1 << 63:
            raise ConfigError(f"access = {access}: expected 0 … 2^63 - 1")
        return np.where(self.anew, rng.draw(self.stream_keys, access), self.stream_keys)

    def rows(self, rows: Rows) -> RowTable:
        """What holds in some rows."""
        parts = np.zeros(0, np.int16)
        if self.owner is not None:
            parts = np.ascontiguousarray(self.owner[rows.channel, rows.bank, rows.subarray], np.int16)
        return RowTable(rows.words, parts, self._levels(rows), self.first_law, rows.geometry.subarray_rows)

    def _levels(self, rows: Rows) -> NDArray[np.uint16]:
        if all(len(law.weak_share) == 1 for law in self.laws):
            return np.zeros((len(self.laws), 0), np.uint16)
        found = np.zeros((len(self.laws), rows.row.size), np.uint16)
        for k, law in enumerate(self.laws):
            levels = len(law.weak_share)
            if levels > 1:
                level = np.asarray(law.row_level(rows, self.seed))
                if level.shape != rows.row.shape or level.min(initial=0) < 0 or level.max(initial=0) >= levels:
                    raise ValueError(f"row_level of a law must give 0 … {levels - 1} for every row")
                found[k] = level
        return found


def _check_laws(laws: Sequence[object]) -> None:
    expected = "expected a list of partitions, each a list of laws: [[Uniform(1e-3).law(address_map.geometry)]]"
    for group in laws:
        if not isinstance(group, Sequence):
            raise ConfigError(f"laws: found {type(group).__name__} in place of a partition; {expected}")
        if wrong := [law for law in group if not isinstance(law, CellLaw)]:
            raise ConfigError(f"laws: found {type(wrong[0]).__name__} in a partition; {expected}")
