"""Errors of approximate DRAM for the tensors of a network: the injector of `edensim.approx` as `ReadErrors`.

`PlacedErrors`: tensors at their addresses in a device, whose weak cells meet the same bits in every read.
`FreshErrors`: a plain bit error rate, drawn anew for every bit of every read. Not modelled: errors that stay in the
array after a read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edensim import rng
from edensim.approx import Device, Region, Uniform
from edensim.approx.correction import NO_RULE
from edensim.approx.law_table import law_keys
from edensim.approx.poisson import mean_of_parity, thresholds
from edensim.approx.region import PLAIN, Layout, layout_of
from edensim.approx.tables_kernel import NOTHING, PARITY, WEAK, RowTable, Work
from edensim.approx.weak_cells import WeakCells, stretches_of
from edensim.dnn.reading import NO_DRAWS, Draws, NoErrors, ReadErrors
from edensim.dnn.reads_kernel import inject_reads, toggle_reads
from edensim.errors import ConfigError, did_you_mean

Bytes = NDArray[np.uint8]


class _Place(NamedTuple):
    """What the kernels need to know of where a tensor lies, and the keys of its streams."""

    size_bytes: int
    layout: Layout
    rows: RowTable
    keys: NDArray[np.uint64]
    weak: WeakCells | None = None


class _Reads:
    """Reads of tensors of known places in one device."""

    def __init__(self, device: Device) -> None:
        self.device = device
        geometry = device.address_map.geometry
        self._work = Work.of(geometry.row_bytes)
        self._by_bank = np.zeros((geometry.channels, geometry.banks), np.int64)
        self._no_bits = np.zeros(0, np.int64)
        self._now = np.zeros_like(device.stream_keys)

    def place(self, region: Region, seed: int | None = None) -> _Place:
        """Prepare reads of a region, with keys of its own if there is a seed."""
        device = self.device
        layout = layout_of(region, device.reads_previous_row)
        rows = device.rows(layout.rows)
        if seed is not None:
            return _Place(region.size_bytes, layout, rows, law_keys(device.laws, seed)[0])
        return _Place(region.size_bytes, layout, rows, device.stream_keys, WeakCells.of(device, layout, rows))

    def corrupt(self, place: _Place, codes: Bytes, access: int) -> int:
        """Flip what the reads get wrong; returns the number of flips."""
        if place.weak is not None:
            return place.weak.flip(codes, access)
        device = self.device
        stored = codes.copy() if device.reads_previous_row else codes
        return int(
            inject_reads(
                codes, stored, place.layout.table, place.rows, device.tables, place.keys, device.anew,
                np.uint64(access), self._now, NO_RULE, self._work, self._by_bank, self._no_bits,
            )
        )  # fmt: skip


class PlacedErrors:
    """Errors of a device for tensors that each have a place in it (`ReadErrors`).

    Parameters
    ----------
    device : Device
    regions : dict of str to Region
        Place of every tensor by name. Tensors may share addresses: maps that are not needed at the same time do.

    Raises
    ------
    ConfigError
        If a place is not in the device's memory.
    """

    def __init__(self, device: Device, regions: Mapping[str, Region]) -> None:
        for name, region in regions.items():
            if not region.address_map.equals(device.address_map):
                raise ConfigError(
                    f"the place of tensor {name!r} is in a memory of another address map than the device's: "
                    f"{region.address_map.order}, {region.address_map.geometry}; expected "
                    f"{device.address_map.order}, {device.address_map.geometry}"
                )
        self.regions = regions
        self._reads = _Reads(device)
        self._places: dict[str, _Place] = {}

    def corrupt(self, name: str, codes: Bytes, access: int) -> int:
        """Flip what these reads get wrong, in place; see `ReadErrors`.

        Raises
        ------
        ConfigError
            If the tensor has no place, or one of another size.
        """
        return self._reads.corrupt(self._place(name, codes.shape[1]), codes, access)

    def drawn_from(self, name: str, size_bytes: int) -> WeakCells | None:
        """The tensor's weak cells, if all its errors are theirs and they are listed; see `DrawnErrors`."""
        return self._place(name, size_bytes).weak

    def _place(self, name: str, size: int) -> _Place:
        place = self._places.get(name)
        if place is None:
            if name not in self.regions:
                raise ConfigError(f"tensor {name!r} has no place in the memory{did_you_mean(name, self.regions)}")
            place = self._places[name] = self._reads.place(self.regions[name])
        if place.size_bytes != size:
            raise ConfigError(f"tensor {name!r} has {size:,} bytes, its place {place.size_bytes:,}")
        return place


class FreshErrors:
    """A plain bit error rate: every bit of every read flips with this probability (`ReadErrors`).

    Parameters
    ----------
    rate : float
        0 … 1.
    seed : int
        0 … 2^64 - 1.

    Raises
    ------
    ConfigError
        If the rate or the seed is out of range.
    """

    def __init__(self, rate: float, seed: int = 0) -> None:
        self.rate = rate
        self._reads = _Reads(Device([[Uniform(rate).law(PLAIN.geometry)]], seed=seed))
        self._places: dict[tuple[str, int], _Place] = {}
        self._draws: dict[tuple[str, int], Draws | None] = {}

    def corrupt(self, name: str, codes: Bytes, access: int) -> int:
        """Flip what these reads get wrong, in place; see `ReadErrors`."""
        size = codes.shape[1]
        draws = self.drawn_from(name, size)
        if draws is None:
            return self._reads.corrupt(self._place(name, size), codes, access)
        return int(toggle_reads(codes, codes.copy(), np.empty(draws.most, np.int64), *draws, access))

    def drawn_from(self, name: str, size_bytes: int) -> Draws | None:
        """How to draw what `corrupt` flips; None where flips are so many that they are not thrown as points."""
        if (name, size_bytes) not in self._draws:
            self._draws[name, size_bytes] = self._drawn(name, size_bytes)
        return self._draws[name, size_bytes]

    def _drawn(self, name: str, size: int) -> Draws | None:
        level = self._reads.device.tables.level[0, 0]
        if level != PARITY or not size:
            return NO_DRAWS if level == NOTHING or not size else None
        stretches, stretch_bits = stretches_of(size)
        least, above = thresholds(mean_of_parity(stretch_bits, self.rate))
        groups = np.array([[least, 0, len(above), 0, 0]], np.int64)
        key = law_keys(self._reads.device.laws, self._seed_of(name))[0][0, WEAK]
        return Draws(stretches, stretch_bits, key, np.array(above), groups)

    def _seed_of(self, name: str) -> int:
        return rng.key(self._reads.device.seed, "tensor", name)

    def _place(self, name: str, size: int) -> _Place:
        known = self._places.get((name, size))
        if known is None:
            known = self._places[name, size] = self._reads.place(Region(PLAIN, size), self._seed_of(name))
        return known


class RatesErrors:
    """A bit error rate for each tensor; those without one are read without errors (`ReadErrors`).

    Parameters
    ----------
    rates : dict of str to float
        By name of the tensor.
    errors_at : callable
        Bit error rate -> errors of a memory with that rate (default: `FreshErrors`).
    """

    def __init__(self, rates: Mapping[str, float], errors_at: Callable[[float], ReadErrors] | None = None) -> None:
        make = errors_at or FreshErrors
        known = {rate: make(rate) for rate in set(rates.values()) if rate}
        self._errors = {name: known[rate] for name, rate in rates.items() if rate}

    def corrupt(self, name: str, codes: Bytes, access: int) -> int:
        """Flip what these reads get wrong, in place; see `ReadErrors`."""
        errors = self._errors.get(name)
        return errors.corrupt(name, codes, access) if errors else 0

    def drawn_from(self, name: str, size_bytes: int) -> Draws | WeakCells | None:
        """As the errors of this tensor's rate say; see `DrawnErrors`."""
        errors = self._errors.get(name, NoErrors())
        return errors.drawn_from(name, size_bytes) if hasattr(errors, "drawn_from") else None
