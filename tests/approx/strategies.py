"""Random memories, laws and places for tensors, small enough for the reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from edensim.approx import CellLaw, Device, Region, Rows
from edensim.memory import AddressMap, Geometry

MAPS = ["RoBaRaCoCh", "RoCoBaRaCh", "ChRaBaRoCo", "CoRoBaRaCh", "RoBaCoHRaChCoL2", "MOP4CLXOR"]
SHARES = st.sampled_from([0.0, 0.004, 0.05, 0.3, 0.9, 1.0])


def by_row(rows: Rows, seed: int) -> np.ndarray:
    """A level of 0 or 1 for every row."""
    return (rows.uniform(seed, "row") < 0.5).astype(np.int64)


@st.composite
def memories(draw):
    """A memory of rows of 32 or 64 bytes."""
    channels = draw(st.sampled_from([1, 2, 3]))
    order = draw(st.sampled_from([m for m in MAPS if channels != 3 or m.endswith("Ch")]))
    geometry = Geometry(channels, draw(st.sampled_from([1, 2])), 2, 2, 16, draw(st.sampled_from([4, 8])), 8, 8, 8, 3)
    address_hash = draw(st.sampled_from(["none", "none", "bank", "bank channel" if channels != 3 else "RaBa^RoCo"]))
    return AddressMap(geometry, order, address_hash)


@st.composite
def laws(draw, units_log2: int):
    """A law of one or two row levels, classes and kinds, for rows of 2^units_log2 bits."""
    levels, classes, kinds = (draw(st.integers(1, 2)) for _ in range(3))
    unit = draw(st.sampled_from([1, 1, 1, 8]))

    def table(*shape):
        return np.array(draw(st.lists(SHARES, min_size=int(np.prod(shape)), max_size=int(np.prod(shape))))).reshape(
            shape
        )

    one = table(levels, classes, kinds)
    zero = one if draw(st.booleans()) else table(levels, classes, kinds)
    weak = np.ones((levels, classes)) if draw(st.booleans()) else table(levels, classes)
    members = None
    if draw(st.booleans()):
        members = np.arange((1 << units_log2) // unit) * 7 % 5 % classes
    return CellLaw(
        weak,
        one,
        zero,
        np.array([0.25, 0.75][-classes:]) if classes == 2 else np.ones(1),
        row_level=by_row if levels == 2 else CellLaw.__dataclass_fields__["row_level"].default,
        bitline_class=members,
        previous_row=draw(st.integers(0, 3)) == 0,
        unit_bits=unit,
        cells_per_unit=draw(st.integers(1, unit)),
        stream=draw(st.sampled_from(["", "tRCD"])),
    )


@dataclass(frozen=True)
class Scenario:
    """A device, a place in it, and the physical address of every byte there."""

    device: Device
    groups: list
    owner: np.ndarray | None
    region: Region
    addresses: list[int]
    access: int


@st.composite
def scenarios(draw):
    """Laws for one or two partitions, and a run of addresses or pages."""
    address_map = draw(memories())
    geometry = address_map.geometry
    bits = (8 * geometry.row_bytes).bit_length() - 1
    groups = [draw(st.lists(laws(bits), max_size=2)) for _ in range(draw(st.integers(1, 2)))]
    owner = None
    if len(groups) == 2:
        shape = (geometry.channels, geometry.banks, geometry.subarrays)
        owner = (np.arange(np.prod(shape)).reshape(shape) * 5 % 3 % 2).astype(np.int16)
    seed, access = draw(st.integers(0, 3)), draw(st.integers(0, 3))
    device = Device(groups, address_map, owner, seed)
    size = draw(st.integers(0, 300))
    if draw(st.booleans()):
        address = draw(st.integers(0, geometry.capacity_bytes - size))
        return Scenario(
            device, groups, owner, Region(address_map, size, address), list(range(address, address + size)), access
        )
    page_lines = draw(st.sampled_from([1, 2, 8, 32]))
    page_bytes = page_lines * geometry.burst_bytes
    skip = draw(st.integers(0, page_bytes - 1))
    count = -(-(skip + size) // page_bytes)
    every = geometry.lines // page_lines
    pages = np.sort(draw(st.permutations(range(min(every, 64))))[:count]) if count <= 64 else np.arange(count)
    region = Region(address_map, size, skip, np.array(pages, np.int64), page_lines)
    physical = (np.array(pages)[:, None] * page_bytes + np.arange(page_bytes)).ravel()[skip : skip + size]
    return Scenario(device, groups, owner, region, physical.tolist(), access)
