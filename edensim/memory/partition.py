"""Partitions: which part of the memory every subarray belongs to.

A `[[partition]]` is the product of its axes (channel, rank, banks, subarrays); an axis that is not given means all of
it. What no partition names is the partition "module". Not modelled: partitions of single chips or rows.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edensim.config.schema import Indices, Partition
from edensim.errors import ConfigError
from edensim.memory.geometry import Geometry

REMAINDER = "module"


@dataclass(frozen=True, eq=False)
class PartitionMap:
    """The memory divided into partitions.

    Attributes
    ----------
    geometry : Geometry
        Size of the memory.
    names : tuple of str
        "module" (the remainder) first, then the partitions in the order of the configuration.
    owner : int16 array, shape (channels, banks, subarrays)
        Index into `names`.
    """

    geometry: Geometry
    names: tuple[str, ...]
    owner: NDArray[np.int16]

    def at(self, channel: ArrayLike, bank: ArrayLike, row: ArrayLike) -> NDArray[np.int16]:
        """Index into `names` of the partition each place belongs to."""
        subarray = np.asarray(row, np.int64) // self.geometry.subarray_rows
        return np.asarray(self.owner[np.asarray(channel), np.asarray(bank), subarray])

    def bank_share(self) -> NDArray[np.float64]:
        """Share of the rows of each bank held by each partition: (partitions, channels, banks), sums to 1 on axis 0."""
        rows = _rows_per_subarray(self.geometry) / self.geometry.rows
        return np.stack([(self.owner == k) @ rows for k in range(len(self.names))])

    def capacity_bytes(self) -> dict[str, int]:
        """Bytes of every partition, by name."""
        rows = _rows_per_subarray(self.geometry)
        row_bytes = self.geometry.row_bytes
        return {name: int(((self.owner == k) @ rows).sum()) * row_bytes for k, name in enumerate(self.names)}


def resolve_partitions(geometry: Geometry, partitions: Sequence[Partition]) -> PartitionMap:
    """Check `[[partition]]` tables against the memory and divide it.

    Raises
    ------
    ConfigError
        All of: indices that are out of range or malformed, names used twice or reserved, partitions that overlap.
    """
    owner = np.zeros((geometry.channels, geometry.banks, geometry.subarrays), np.int16)
    names = (REMAINDER, *(partition.name for partition in partitions))
    used = Counter(names[1:])
    problems = [f"[[partition]] name = {name!r} is used twice" for name, count in used.items() if count > 1]
    if REMAINDER in used:
        problems.append(f"[[partition]] name = {REMAINDER!r} is reserved for the part that no partition names")
    for k, partition in enumerate(partitions, 1):
        try:
            mask = _mask(geometry, partition)
        except ConfigError as error:
            problems += error.problems
            continue
        if np.any(owner[mask]):
            problems.append(_overlap(geometry, names, owner, mask, k))
        owner[mask] = k
    if problems:
        raise ConfigError(problems)
    owner.flags.writeable = False
    return PartitionMap(geometry, names, owner)


def parse_indices(indices: Indices | None, size: int, where: str) -> list[int]:
    """Indices of a list or of "a:b" (a, a+1, …, b-1); None means all `size` of them.

    Raises
    ------
    ConfigError
        If the text is not "a:b", nothing is selected, an index is given twice or lies outside 0 … size - 1.
    """
    if indices is None:
        return list(range(size))
    if isinstance(indices, str):
        match = re.fullmatch(r"\s*(-?\d{1,9})\s*:\s*(-?\d{1,9})\s*", indices)
        if not match or int(match[1]) >= int(match[2]):
            raise ConfigError(
                f'{where} = "{indices}": expected a list of indices or "a:b" with a < b, which means a, a+1, …, b-1'
            )
        chosen: Sequence[int] = range(int(match[1]), int(match[2]))
    else:
        chosen = indices
    if not chosen or len(set(chosen)) < len(chosen):
        raise ConfigError(f"{where} = {indices}: expected at least one index and none twice")
    if min(chosen) < 0 or max(chosen) >= size:
        wrong = next(x for x in chosen if not 0 <= x < size)
        raise ConfigError(f"{where} = {indices!r}: index {wrong} does not exist, the valid range is 0 to {size - 1}")
    return list(chosen)


def _mask(geometry: Geometry, partition: Partition) -> NDArray[np.bool_]:
    """Subarrays of one partition: bool (channels, banks, subarrays)."""
    axes = {
        "channel": (partition.channel, geometry.channels),
        "rank": (partition.rank, geometry.ranks_per_channel),
        "banks": (partition.banks, geometry.banks_per_rank),
        "subarrays": (partition.subarrays, geometry.subarrays),
    }
    chosen, problems = [], []
    for name, (indices, size) in axes.items():
        try:
            chosen.append(parse_indices(indices, size, f"[[partition]] {partition.name!r}: {name}"))
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    mask = np.zeros([size for _, size in axes.values()], np.bool_)
    mask[np.ix_(*chosen)] = True
    return mask.reshape(geometry.channels, geometry.banks, geometry.subarrays)


def _overlap(
    geometry: Geometry, names: tuple[str, ...], owner: NDArray[np.int16], mask: NDArray[np.bool_], k: int
) -> str:
    channel, index, subarray = np.argwhere(mask & (owner > 0))[0]
    rank, bank = divmod(index, geometry.banks_per_rank)
    return (
        f"[[partition]] {names[k]!r} overlaps {names[owner[channel, index, subarray]]!r}: "
        f"both hold channel {channel}, rank {rank}, bank {bank}, subarray {subarray}"
    )


def _rows_per_subarray(geometry: Geometry) -> NDArray[np.int64]:
    """Rows of every subarray; the last one may be shorter."""
    first = np.arange(geometry.subarrays, dtype=np.int64) * geometry.subarray_rows
    return np.minimum(geometry.subarray_rows, geometry.rows - first)
