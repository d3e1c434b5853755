"""Partitions: which part of the memory every subarray belongs to, and which chips have a supply of their own.

A `[[partition]]` is the product of its axes (channel, rank, banks, subarrays); an axis that is not given means all of
it. What no partition names is the partition "module".

A partition of `chips` is another thing. The chips of a rank share their commands, and every burst spans all of them
(`edensim.memory.bit_place`: byte 8 b + c of a burst of eight x8 chips lies on chip c), so chips divide no addresses:
they hold a slice of every line. What a chip has for itself is its supply pins. A partition of chips is therefore a
voltage domain: VDD and nothing else is its own, energy and errors of its slice follow. Timings, banks or subarrays
beside `chips` are refused, and so is placing a tensor there. A list of *all* chips of a rank says nothing about supply
pins: such a partition is like one without `chips` (a rank of one x32 device has but one chip).

Not modelled: partitions of rows, and tensors striped over some chips only (which needs another address map and shorter
bursts, as in mini-rank designs).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edensim.config.schema import Indices, Partition
from edensim.errors import ConfigError
from edensim.memory.geometry import Geometry

REMAINDER = "module"
NOT_OF_A_CHIP = ("banks", "subarrays", "tRCD_ns", "delta_tRCD_ns", "tRAS_ns", "tRP_ns", "latency", "tREFI_scale")


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
        Index into `names` of the partition that holds the addresses; never one of chips.
    chip_owner : int16 array, shape (channels, ranks, chips)
        Index into `names` of the partition of chips that supplies a chip; 0 where the chip has the supply of its rank.
    """

    geometry: Geometry
    names: tuple[str, ...]
    owner: NDArray[np.int16]
    chip_owner: NDArray[np.int16]

    @property
    def of_chips(self) -> tuple[str, ...]:
        """Names of the partitions that are voltage domains of chips and hold no addresses."""
        return tuple(self.names[k] for k in np.unique(self.chip_owner[self.chip_owner > 0]))

    @property
    def with_addresses(self) -> tuple[str, ...]:
        """Names of the partitions that may hold addresses: all but those of chips."""
        return tuple(name for name in self.names if name not in self.of_chips)

    def at(self, channel: ArrayLike, bank: ArrayLike, row: ArrayLike) -> NDArray[np.int16]:
        """Index into `names` of the partition each place belongs to."""
        subarray = np.asarray(row, np.int64) // self.geometry.subarray_rows
        return np.asarray(self.owner[np.asarray(channel), np.asarray(bank), subarray])

    def bank_share(self) -> NDArray[np.float64]:
        """Share of the rows of each bank held by each partition: (partitions, channels, banks), sums to 1 on axis 0."""
        rows = _rows_per_subarray(self.geometry) / self.geometry.rows
        return np.stack([(self.owner == k) @ rows for k in range(len(self.names))])

    def capacity_bytes(self) -> dict[str, int]:
        """Bytes of every partition, by name; 0 for chips, whose bytes belong to the partitions of their addresses."""
        rows = _rows_per_subarray(self.geometry)
        row_bytes = self.geometry.row_bytes
        return {name: int(((self.owner == k) @ rows).sum()) * row_bytes for k, name in enumerate(self.names)}


def resolve_partitions(geometry: Geometry, partitions: Sequence[Partition]) -> PartitionMap:
    """Check `[[partition]]` tables against the memory and divide it.

    Raises
    ------
    ConfigError
        All of: indices that are out of range or malformed, names used twice or reserved, partitions that overlap,
        partitions of chips with keys that a chip cannot have for itself.
    """
    owner = np.zeros((geometry.channels, geometry.banks, geometry.subarrays), np.int16)
    chip_owner = np.zeros((geometry.channels, geometry.ranks_per_channel, geometry.devices_per_rank), np.int16)
    names = (REMAINDER, *(partition.name for partition in partitions))
    used = Counter(names[1:])
    problems = [f"[[partition]] name = {name!r} is used twice" for name, count in used.items() if count > 1]
    if REMAINDER in used:
        problems.append(f"[[partition]] name = {REMAINDER!r} is reserved for the part that no partition names")
    for k, partition in enumerate(partitions, 1):
        try:
            chosen = _chosen(geometry, partition)
        except ConfigError as error:
            problems += error.problems
            continue
        held: NDArray[np.int16] = chip_owner
        axes: tuple[str, ...] = ("channel", "rank", "chip")
        if len(chosen["chip"]) < geometry.devices_per_rank:
            problems += _not_of_a_chip(partition, geometry)
        else:
            held = owner.reshape(*chip_owner.shape[:2], geometry.banks_per_rank, geometry.subarrays)
            axes = ("channel", "rank", "bank", "subarray")
        mask = np.ix_(*(chosen[axis] for axis in axes))
        if np.any(held[mask]):
            problems.append(_overlap(names, held, mask, k, axes))
        held[mask] = k
    if problems:
        raise ConfigError(problems)
    owner.flags.writeable = chip_owner.flags.writeable = False
    return PartitionMap(geometry, names, owner, chip_owner)


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


def _chosen(geometry: Geometry, partition: Partition) -> dict[str, list[int]]:
    """Indices of one partition by axis."""
    axes = {
        "channel": ("channel", geometry.channels),
        "rank": ("rank", geometry.ranks_per_channel),
        "chip": ("chips", geometry.devices_per_rank),
        "bank": ("banks", geometry.banks_per_rank),
        "subarray": ("subarrays", geometry.subarrays),
    }
    chosen, problems = {}, []
    for axis, (name, size) in axes.items():
        where = f"[[partition]] {partition.name!r}: {name}"
        try:
            chosen[axis] = parse_indices(getattr(partition, name), size, where)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return chosen


def _not_of_a_chip(partition: Partition, geometry: Geometry) -> list[str]:
    """Keys beside `chips` that chips of one rank cannot have apart from each other."""
    given = [name for name in NOT_OF_A_CHIP if getattr(partition, name) is not None]
    if not given:
        return []
    what = ", ".join(given)
    return [
        f"[[partition]] {partition.name!r}: {what} {'is' if len(given) == 1 else 'are'} given beside chips = "
        f"{partition.chips!r}, but the {geometry.devices_per_rank} chips of a rank share every command: only the "
        "supply is a chip's own. Expected vdd or delta_vdd; timings, banks and subarrays need a partition without chips"
    ]


def _overlap(
    names: tuple[str, ...], held: NDArray[np.int16], mask: tuple[Any, ...], k: int, axes: tuple[str, ...]
) -> str:
    taken = np.argwhere(held[mask] > 0)[0]
    place = [int(index.ravel()[i]) for index, i in zip(mask, taken, strict=True)]
    where = ", ".join(f"{axis} {i}" for axis, i in zip(axes, place, strict=True))
    return f"[[partition]] {names[k]!r} overlaps {names[held[tuple(place)]]!r}: both hold {where}"


def _rows_per_subarray(geometry: Geometry) -> NDArray[np.int64]:
    """Rows of every subarray; the last one may be shorter."""
    first = np.arange(geometry.subarrays, dtype=np.int64) * geometry.subarray_rows
    return np.minimum(geometry.subarray_rows, geometry.rows - first)
