"""Placement: at which addresses every tensor lies, and the page table that keeps it inside its partition.

A tensor is contiguous in a *virtual* address space. Without `[placement]` virtual = physical and tensors lie one behind
the other in the whole memory, whatever its partitions, each starting at a new row of all channels. With `[placement]`,
a tensor takes the lowest free physical pages of its partition, in ascending order; a tensor without an entry takes them
from the remainder "module". A page is the longest power-of-two run of lines that never leaves a partition, but at most
about a row of every channel, because a tensor starts at a page.

An output map and the input map of its consumer are one tensor (the second an alias of the first) if they are equally
large. Not modelled: reuse of the space of maps that are no longer needed, fragmentation, other users of the memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edensim.config.schema import Placement as PlacementConfig
from edensim.errors import ConfigError, did_you_mean
from edensim.memory.address_map import AddressMap
from edensim.memory.geometry import Geometry
from edensim.memory.partition import REMAINDER, PartitionMap

Ints = NDArray[np.int64]
KINDS = ("weights", "ifm", "ofm")
SCAN = 1 << 16  # pages looked at per step


@dataclass(frozen=True, slots=True)
class TensorRequest:
    """A tensor that wants a place.

    `name` e.g. "conv1.weights"; `kind` one of "weights", "ifm", "ofm"; `bytes` its size; tensors with the same
    non-empty `alias` and the same size are stored once.
    """

    name: str
    kind: str
    bytes: int
    alias: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.bytes < 0:
            raise ValueError(
                f"{self.name}: kind {self.kind!r} is not one of {KINDS}, or {self.bytes} bytes is negative"
            )


@dataclass(frozen=True, slots=True)
class Tensor:
    """A placed tensor.

    `index` is its position among the requests, `base` the virtual byte address of its first byte, `alias_of` the name
    of the tensor whose storage it shares ("" if it has its own). `partition` is "" if it may lie anywhere.
    """

    name: str
    kind: str
    bytes: int
    partition: str
    base: int
    alias_of: str
    index: int


@dataclass(frozen=True, eq=False)
class Placement:
    """All tensors of a network in memory.

    Attributes
    ----------
    tensors : dict of str to Tensor
        By name, in the order of the requests.
    page_table : int64 array
        Physical page of every virtual page, no page twice; empty if virtual and physical addresses are the same.
    page_lines : int
        Lines (bursts) per page, a power of two.
    total_bytes : int
        Virtual bytes, padding included.
    """

    tensors: dict[str, Tensor]
    page_table: Ints
    page_lines: int
    total_bytes: int

    def physical_lines(self, line: ArrayLike) -> Ints:
        """Physical line numbers (int64) of virtual ones, any shape."""
        virtual = np.asarray(line).astype(np.int64)
        if not len(self.page_table):
            return virtual
        page, rest = np.divmod(virtual, self.page_lines)
        return np.asarray(self.page_table[page] * self.page_lines + rest)


@dataclass(slots=True)
class _Storage:
    """Space that one tensor, or several aliases, will occupy."""

    requests: list[TensorRequest]
    partition: str
    base: int = 0

    @property
    def bytes(self) -> int:
        return self.requests[0].bytes


def place(
    requests: Sequence[TensorRequest],
    geometry: Geometry,
    address_map: AddressMap,
    partitions: PartitionMap,
    placement_config: PlacementConfig,
) -> Placement:
    """Give every tensor an address.

    Raises
    ------
    ConfigError
        If `[placement]` names partitions or tensors that do not exist or contradicts itself, or the tensors do not fit
        (with the bytes needed and available, per partition).
    """
    _check_names(requests, partitions, placement_config)
    storages = _storages(requests, partitions, placement_config)
    free = placement_config == PlacementConfig()
    page_lines = _row_of_every_channel(geometry) if free else partition_page_lines(address_map, partitions)
    page_bytes = page_lines * geometry.burst_bytes
    alignment = geometry.row_bytes * geometry.channels if free else page_bytes
    end = 0
    for storage in storages:
        storage.base = end
        end += -(-storage.bytes // alignment) * alignment
    if free:
        _check_fit({"": end}, {"": geometry.capacity_bytes})
        table = np.zeros(0, np.int64)
    else:
        pages = [(partitions.names.index(x.partition), -(-x.bytes // page_bytes)) for x in storages]
        table = _page_table(address_map, partitions, page_lines, pages)
    return Placement(_tensors(requests, storages), table, page_lines, end)


def stored_as_one(requests: Sequence[TensorRequest]) -> list[list[TensorRequest]]:
    """Requests in groups that share their storage, in the order of the first of each."""
    groups: dict[object, list[TensorRequest]] = {}
    for k, request in enumerate(requests):
        groups.setdefault((request.alias, request.bytes) if request.alias else k, []).append(request)
    return list(groups.values())


def partition_page_lines(address_map: AddressMap, partitions: PartitionMap) -> int:
    """Longest aligned power-of-two run of lines inside one partition, at most about a row of every channel."""
    geometry = address_map.geometry
    limit = _row_of_every_channel(geometry)
    # Partitions end at multiples of `step` rows, so lower row bits cannot leave one.
    step = min(geometry.subarray_rows & -geometry.subarray_rows, geometry.rows)
    chunk = np.arange(geometry.rows // step) * step // geometry.subarray_rows
    owner = partitions.owner[:, :, chunk]
    if address_map.modulus > 1 and (owner != owner[:1]).any():
        return 1
    # The map is linear over XOR, so a line bit moves every place by the same XOR distance. With an odd number of
    # channels, partitions end at multiples of channels * 2^k lines, which are multiples of 2^k as well.
    channel, bank, row, _ = address_map.decode((1 << np.arange(limit.bit_length() - 1)) * address_map.modulus)
    page = 1
    for d_channel, d_bank, d_row in zip(channel, bank, row // step, strict=True):
        channels = np.arange(owner.shape[0]) ^ d_channel if address_map.modulus == 1 else np.arange(owner.shape[0])
        moved = owner[channels][:, np.arange(owner.shape[1]) ^ d_bank][:, :, np.arange(owner.shape[2]) ^ d_row]
        if (moved != owner).any():
            break
        page *= 2
    return page


def _row_of_every_channel(geometry: Geometry) -> int:
    """Lines in a row of every channel, rounded down to a power of two."""
    return 1 << ((geometry.columns * geometry.channels).bit_length() - 1)


def _check_names(requests: Sequence[TensorRequest], partitions: PartitionMap, config: PlacementConfig) -> None:
    names = [request.name for request in requests]
    problems = [f"tensor {name!r} exists twice" for name, count in Counter(names).items() if count > 1]
    entries = {f"placement.{kind}": getattr(config, kind) for kind in KINDS}
    entries |= {f"placement.tensors.{name!r}": partition for name, partition in config.tensors.items()}
    known = partitions.with_addresses
    for where, partition in entries.items():
        if partition in partitions.of_chips:
            problems.append(
                f"{where} = {partition!r} is a partition of chips, which holds a slice of every line and no addresses: "
                f"each burst spans all {partitions.geometry.devices_per_rank} chips of its rank. Expected a partition "
                f"by channel, rank, banks or subarrays: {', '.join(map(repr, known[:8]))}"
            )
        elif partition is not None and partition not in known:
            problems.append(f"{where} = {partition!r} is no partition{_known(partition, known)}")
    unknown = [name for name in config.tensors if name not in names]
    problems += [f"placement.tensors: there is no tensor {name!r}{_known(name, names)}" for name in unknown]
    if problems:
        raise ConfigError(problems)


def _known(name: str, names: Sequence[str]) -> str:
    return did_you_mean(name, names, f"there are {', '.join(map(repr, names[:8]))}", show=repr)


def _storages(requests: Sequence[TensorRequest], partitions: PartitionMap, config: PlacementConfig) -> list[_Storage]:
    """Group aliases and choose the partition of each group."""
    anywhere = config == PlacementConfig() and len(partitions.names) > 1
    return [_Storage(group, "" if anywhere else _partition_of(group, config)) for group in stored_as_one(requests)]


def _partition_of(group: list[TensorRequest], config: PlacementConfig) -> str:
    """Its own entry first, then that of its kind (a map that is somebody's input counts as ifm), then the remainder."""
    own = {config.tensors[request.name] for request in group if request.name in config.tensors}
    if len(own) > 1:
        names = " and ".join(repr(request.name) for request in group if request.name in config.tensors)
        raise ConfigError(f"placement.tensors: {names} are one tensor but have different partitions {sorted(own)}")
    kinds = {request.kind for request in group}
    kind = next(kind for kind in KINDS if kind in kinds)
    return own.pop() if own else getattr(config, kind) or REMAINDER


def _page_table(
    address_map: AddressMap, partitions: PartitionMap, page_lines: int, pages: list[tuple[int, int]]
) -> Ints:
    """Physical pages for (partition, number of pages) in this order: per partition in ascending address order."""
    needed = np.zeros(len(partitions.names), np.int64)
    for partition, count in pages:
        needed[partition] += count
    page_bytes = page_lines * address_map.geometry.burst_bytes
    wanted = {name: int(n) * page_bytes for name, n in zip(partitions.names, needed, strict=True)}
    _check_fit(wanted, partitions.capacity_bytes())
    found = first_pages(address_map, partitions, page_lines, needed)
    taken = [0] * len(found)
    table = []
    for partition, count in pages:
        table.append(found[partition][taken[partition] : taken[partition] + count])
        taken[partition] += count
    return np.concatenate([*table, np.zeros(0, np.int64)])


def first_pages(address_map: AddressMap, partitions: PartitionMap, page_lines: int, needed: Ints) -> list[Ints]:
    """The lowest `needed[k]` physical pages of every partition k."""
    total = address_map.geometry.lines // page_lines
    found: list[list[Ints]] = [[] for _ in needed]
    left = needed.copy()
    for start in range(0, total, SCAN):
        if not left.any():
            break
        page = np.arange(start, min(start + SCAN, total), dtype=np.int64)
        owner = partitions.at(*address_map.decode(page * page_lines)[:3])
        for k in np.flatnonzero(left):
            found[k].append(page[owner == k][: left[k]])
            left[k] -= len(found[k][-1])
    return [np.concatenate([*parts, np.zeros(0, np.int64)]) for parts in found]


def _check_fit(needed: dict[str, int], available: dict[str, int]) -> None:
    problems = [
        f"{f'partition {name!r}' if name else 'the memory'} is too small: the tensors need {count} bytes, "
        f"it has {available[name]}"
        for name, count in needed.items()
        if count > available[name]
    ]
    if problems:
        raise ConfigError(problems)


def _tensors(requests: Sequence[TensorRequest], storages: list[_Storage]) -> dict[str, Tensor]:
    tensors = {}
    index = {request.name: k for k, request in enumerate(requests)}
    for storage in storages:
        owner = storage.requests[0]
        for request in storage.requests:
            alias = "" if request is owner else owner.name
            place = (storage.partition, storage.base, alias, index[request.name])
            tensors[request.name] = Tensor(request.name, request.kind, request.bytes, *place)
    return dict(sorted(tensors.items(), key=lambda item: item[1].index))
