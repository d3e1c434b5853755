"""Where the tensors of a file lie: one behind the other from address 0 on, or as a placement file says.

A placement file is TOML: the tables of a configuration that describe a memory (`[dram]`, `[operating_point]`,
`[[partition]]`), and two of its own,

    [tensors]
    "conv1.weights" = { partition = "fast", offset = 0, bytes = 1728 }

    [ber]
    fast = 1e-3

`offset` counts bytes within the partition, whose rows are taken in ascending order of addresses (as `[placement]` of a
configuration does); a tensor without a partition counts in the whole memory. `[ber]` gives partitions a rate each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edensim.approx.region import Region
from edensim.approx.tensor_file import FileTensor
from edensim.config.read import read_file
from edensim.config.tree import Node, plain, show_path, show_value, without
from edensim.errors import ConfigError, did_you_mean
from edensim.memory import AddressMap, PartitionMap
from edensim.memory.placement import first_pages, partition_page_lines

KEYS = {"partition": str, "offset": int, "bytes": int}


@dataclass(frozen=True)
class Spot:
    """Place of a tensor: bytes offset … offset + size_bytes - 1 of a partition ("": of the whole memory)."""

    partition: str
    offset: int
    size_bytes: int
    where: str = ""
    """File, line and key, for messages."""


@dataclass(frozen=True)
class PlacementFile:
    """A placement file: what describes the memory, places of tensors, rates of partitions."""

    path: Path
    memory: Node
    tensors: dict[str, Spot] = field(default_factory=dict)
    ber: dict[str, float] = field(default_factory=dict)


def read_placement(path: str | Path) -> PlacementFile:
    """Read a placement file.

    Raises
    ------
    ConfigError
        If the file cannot be read or is no TOML; with all entries of `[tensors]` and `[ber]` that are not what the
        module docstring says.
    """
    path = Path(path)
    root = read_file(path)
    problems: list[str] = []
    spots, rates = {}, {}
    for name, entry in _entries(root, "tensors", problems):
        spots[name] = _spot(f"{entry.origin}: {show_path(('tensors', name))}", entry, problems)
    for name, entry in _entries(root, "ber", problems):
        rate = entry.value
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
            where = f"{entry.origin}: {show_path(('ber', name))}"
            problems.append(f"{where} = {show_value(rate, 40)}; expected a bit error rate from 0 to 1")
        else:
            rates[name] = float(rate)
    if problems:
        raise ConfigError(problems)
    return PlacementFile(path, without(without(root, ("tensors",)), ("ber",)), spots, rates)


def _entries(root: Node, table: str, problems: list[str]) -> list[tuple[str, Node]]:
    node = root.get(table)
    if node is None:
        return []
    if not node.is_table:
        problems.append(f"{node.origin}: {table} = {show_value(plain(node), 40)}; expected a table [{table}]")
        return []
    return list(node.value.items())


def _spot(where: str, entry: Node, problems: list[str]) -> Spot:
    found = len(problems)
    if not entry.is_table:
        shown = show_value(plain(entry), 40)
        problems.append(f"{where} = {shown}; expected {{ partition = …, offset = …, bytes = … }}")
        return Spot("", 0, 0, where)
    given = plain(entry)
    for key, value in given.items():
        if key not in KEYS:
            guess = did_you_mean(key, KEYS)
            problems.append(f"{where}.{key} is no key; expected partition, offset and bytes{guess}")
        elif type(value) is not KEYS[key] or (isinstance(value, int) and value < 0):
            kind = "a name" if key == "partition" else "a number of bytes, 0 or more"
            problems.append(f"{where}.{key} = {show_value(value, 40)}; expected {kind}")
    if "bytes" not in given:
        problems.append(f"{where} has no bytes; expected the size of the tensor")
    if len(problems) > found:
        return Spot("", 0, 0, where)
    return Spot(given.get("partition", ""), given.get("offset", 0), given["bytes"], where)


def regions_in_order(tensors: Sequence[FileTensor], address_map: AddressMap) -> dict[str, Region]:
    """One tensor behind the other from address 0 on, each at the beginning of a row of all channels.

    Raises
    ------
    ConfigError
        If they do not fit into the memory.
    """
    geometry = address_map.geometry
    row = geometry.row_bytes * geometry.channels
    regions, address = {}, 0
    for tensor in tensors:
        if address + tensor.size_bytes > geometry.capacity_bytes:
            raise ConfigError(
                f"tensor {tensor.name!r} ends outside of the memory: {address + tensor.size_bytes:,} bytes are needed "
                f"up to it, {geometry.capacity_bytes:,} are there"
            )
        regions[tensor.name] = Region(address_map, tensor.size_bytes, address)
        address += -(-tensor.size_bytes // row) * row
    return regions


def regions_as_placed(
    tensors: Sequence[FileTensor], placement: PlacementFile, address_map: AddressMap, partitions: PartitionMap
) -> dict[str, Region]:
    """Every tensor where the placement file puts it.

    Raises
    ------
    ConfigError
        With all problems: tensors without an entry or with another size, partitions that do not exist, places outside
        of a partition, tensors that overlap.
    """
    problems = _check_entries(tensors, placement, partitions)
    sizes = partitions.capacity_bytes() | {"": address_map.geometry.capacity_bytes}
    ends: dict[str, int] = {}
    for spot in sorted(placement.tensors.values(), key=lambda spot: (spot.partition, spot.offset)):
        end = spot.offset + spot.size_bytes
        if spot.partition in sizes and end > sizes[spot.partition]:
            kind = f"partition {spot.partition!r}" if spot.partition else "the memory"
            there = f"{sizes[spot.partition]:,}"
            if spot.partition in partitions.of_chips:
                there = "no addresses: it is one of chips, and every burst spans all chips of its rank"
            problems.append(f"{spot.where} ends at byte {end:,} of {kind}, which has {there}")
        if spot.offset < ends.get(spot.partition, 0):
            problems.append(f"{spot.where} begins at byte {spot.offset:,}, before the tensor in front of it ends")
        ends[spot.partition] = max(end, ends.get(spot.partition, 0))
    if problems:
        raise ConfigError(problems)
    page_lines = partition_page_lines(address_map, partitions)
    page_bytes = page_lines * address_map.geometry.burst_bytes
    needed = np.array([-(-ends.get(name, 0) // page_bytes) for name in partitions.names], np.int64)
    pages = dict(zip(partitions.names, first_pages(address_map, partitions, page_lines, needed), strict=True))
    regions = {}
    for name, spot in placement.tensors.items():
        if not spot.partition:
            regions[name] = Region(address_map, spot.size_bytes, spot.offset)
        else:
            whole = Region(address_map, ends[spot.partition], 0, pages[spot.partition], page_lines)
            regions[name] = whole.part(spot.offset, spot.offset + spot.size_bytes)
    _check_across(placement, regions)
    return {tensor.name: regions[tensor.name] for tensor in tensors}


def _check_across(placement: PlacementFile, regions: dict[str, Region]) -> None:
    """Refuse tensors that count in the whole memory and share bytes with one in a partition."""
    problems = []
    everywhere = [name for name, spot in placement.tensors.items() if not spot.partition]
    for name in everywhere:
        begin, end = regions[name].address, regions[name].address + regions[name].size_bytes
        for other, region in regions.items():
            low, high = _runs(region)
            if begin < end and other not in everywhere and ((low < end) & (high > begin)).any():
                problems.append(f"{placement.tensors[name].where} shares bytes with {other!r}, which is in a partition")
    if problems:
        raise ConfigError(problems)


def _runs(region: Region) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Physical addresses of a region's first bytes in each of its pages, and behind its last ones."""
    if region.pages is None or not region.size_bytes:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    page_bytes = region.page_lines * region.address_map.geometry.burst_bytes
    low = region.pages * page_bytes
    high = low + page_bytes
    last = region.address + region.size_bytes - page_bytes * (len(low) - 1)
    low[0] += region.address
    high[-1] = low[-1] // page_bytes * page_bytes + last
    return low, high


def _check_entries(tensors: Sequence[FileTensor], placement: PlacementFile, partitions: PartitionMap) -> list[str]:
    problems = []
    for tensor in tensors:
        spot = placement.tensors.get(tensor.name)
        if spot is None:
            problems.append(
                f"{placement.path}: tensor {tensor.name!r} of the file has no place (--keep leaves it as it is)"
            )
        elif spot.size_bytes != tensor.size_bytes:
            problems.append(f"{spot.where}.bytes = {spot.size_bytes}, but the tensor has {tensor.size_bytes}")
    names = [spot.partition for spot in placement.tensors.values() if spot.partition]
    for name in dict.fromkeys([*names, *placement.ber]):
        if name not in partitions.names:
            there = f"there are {', '.join(map(repr, partitions.names[:8]))}"
            guess = did_you_mean(name, partitions.names, there, show=repr)
            problems.append(f"{placement.path}: there is no partition {name!r}{guess}")
    return problems
