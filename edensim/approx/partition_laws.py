"""Which errors every partition of a memory has: those of a chip at the partition's operating point, or of a model.

A model says nothing about operating points: its rate holds wherever it is asked for.

Partitions of chips (`[[partition]] chips`) hold a slice of every burst of their ranks. What is read from a partition of
addresses then fails by the laws of all its supplies, each on the chips it feeds, at the timings of the addresses; its
rate is the mean over chips.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from edensim.approx.build import build_model
from edensim.approx.chip import Chip, Setting
from edensim.approx.chip_cells import cell_laws
from edensim.approx.chip_failure import worst
from edensim.approx.device import Device
from edensim.approx.law import MOST_CHIPS, CellLaw, Chips
from edensim.errors import ConfigError, did_you_mean
from edensim.memory import AddressMap, Geometry, OperatingState, PartitionMap

OF_MODEL = "model"
"""Basis of errors whose rate was given."""


@dataclass(frozen=True)
class PartitionErrors:
    """Errors of one partition.

    Attributes
    ----------
    laws : list of CellLaw
        One per way in which reads fail; none: no errors.
    ber : float
        Expected bit error rate, for as many ones as zeros.
    basis : str
        How well founded: "nominal", "measured", "scaled", "extrapolated", or "model" for a rate that was given.
    notes : tuple of str
        What a reader of results has to know.
    ber_band : tuple of float
        The least and the most that the unknown number of bits per failing line leaves room for.
    """

    laws: list[CellLaw]
    ber: float
    basis: str
    notes: tuple[str, ...] = ()
    ber_band: tuple[float, float] = field(default=(0.0, 0.0))


Errors = dict[str, PartitionErrors]
"""By name of the partition, in the order of the map."""


def errors_of_model(
    name: str,
    ber: float,
    parameters: Mapping[str, float],
    geometry: Geometry,
    partitions: PartitionMap | None = None,
    rates: Mapping[str, float] | None = None,
) -> Errors:
    """One model in every partition, at the rate of the partition in `rates`, or `ber` where it has none.

    Partitions of chips have no rate of their own, as a model does not know supplies.

    Raises
    ------
    ConfigError
        As `build_model`, or if `rates` names no partition that holds addresses.
    """
    rates, every = rates or {}, partitions.names if partitions else ("",)
    names = partitions.with_addresses if partitions else every
    for part in rates:
        if part not in names:
            what = f"{part!r} is a partition of chips" if part in every else f"there is no partition {part!r}"
            there = f"there are {', '.join(map(repr, names[:8]))}"
            raise ConfigError(f"{what}{did_you_mean(part, names, there, show=repr)}")
    found = {name: PartitionErrors([], 0.0, OF_MODEL) for name in every}
    for part in names:
        rate = rates.get(part, ber)
        model = build_model(name, rate, parameters, geometry.banks_per_rank)
        found[part] = PartitionErrors([model.law(geometry)] if rate else [], rate, OF_MODEL, (), (rate, rate))
    return found


def errors_of_chip(
    chip: Chip,
    state: OperatingState,
    geometry: Geometry,
    *,
    experimental: bool = False,
    temperature_C: float | None = None,
) -> Errors:
    """A chip in every partition, at its operating point.

    Raises
    ------
    ConfigError
        With all partitions whose point the chip has no law for, or whose ranks differ in how their chips are supplied.
    """
    problems: list[str] = []
    partitions = state.partitions
    slices: dict[str, list[_Slice]] = {}
    for part in partitions.names:
        if part in partitions.of_chips:
            continue
        try:
            supplies = _supplies(part, state)
        except ConfigError as error:
            problems += error.problems
            continue
        p, slices[part] = state.points[part], []
        for supply, chips in supplies:
            vdd = state.points[supply].vdd or chip.nominal.vdd  # a memory without a power table does not know its own
            setting = Setting(vdd, p.tRCD_ns, p.tRAS_ns, p.tRP_ns, state.tREFI_scale, temperature_C)
            try:
                known = chip.reliability(setting, state.nominal, geometry.banks_per_rank, experimental)
            except ConfigError as error:
                told = [x if len(state.points) == 1 else f"partition {supply!r}: {x}" for x in error.problems]
                problems += [x for x in told if x not in problems]
                continue
            laws = cell_laws(known, chip.table.stripe.period_rows, 8 * geometry.row_bytes, chip.subarray_correlation)
            errors = PartitionErrors(
                [replace(law, chips=chips) for law in laws], known.ber, known.basis, known.notes, known.ber_band
            )
            slices[part].append(_Slice(supply, 1.0 if chips is None else len(chips.chosen) / chips.devices, errors))
    if problems:
        raise ConfigError(problems)
    found = {part: _joined([(x.share, x.errors) for x in own]) for part, own in slices.items()}
    for part in partitions.of_chips:
        # It holds a slice of one or more partitions of addresses, which may differ in their timings.
        parts = [(size, x.errors) for name, size in partitions.capacity_bytes().items()
                 for x in slices.get(name, ()) if x.supply == part]  # fmt: skip
        found[part] = replace(_joined(parts), laws=[])
    return {part: found[part] for part in partitions.names}


class _Slice(NamedTuple):
    """Errors on the chips of one supply, and their share of the chips of a rank."""

    supply: str
    share: float
    errors: PartitionErrors


def _supplies(part: str, state: OperatingState) -> list[tuple[str, Chips | None]]:
    """Partitions that supply the chips of a partition of addresses, each with its chips (None: all)."""
    partitions, geometry = state.partitions, state.partitions.geometry
    held = (partitions.owner == partitions.names.index(part)).any(2)
    ranks = held.reshape(geometry.channels, geometry.ranks_per_channel, -1).any(2)
    owners = np.unique(partitions.chip_owner[ranks], axis=0)
    if not owners.any():
        return [(part, None)]
    names = [[partitions.names[owner] if owner else part for owner in rank] for rank in owners]
    if len({tuple(state.points[name].vdd for name in rank) for rank in names}) > 1:
        raise ConfigError(
            f"partition {part!r} lies in ranks whose chips have different supplies; with errors, each of these needs a "
            "partition of its own (channel, rank)"
        )
    width, count = geometry.device_width_bits, geometry.devices_per_rank
    if count > MOST_CHIPS:
        raise ConfigError(
            f"[[partition]] chips: errors by chip are for at most {MOST_CHIPS} chips of a rank, not {count}"
        )
    return [
        (name, Chips(width, count, tuple(chip for chip in range(count) if names[0][chip] == name)))
        for name in dict.fromkeys(names[0])
    ]


def _joined(slices: Sequence[tuple[float, PartitionErrors]]) -> PartitionErrors:
    """Errors of parts together, each with its weight."""
    if len(slices) == 1:
        return slices[0][1]
    parts, weights = [part for _, part in slices], [weight for weight, _ in slices]

    def mean(values: Sequence[float]) -> float:
        return float(np.average(values, weights=weights)) if values else 0.0

    return PartitionErrors(
        [law for part in parts for law in part.laws],
        mean([part.ber for part in parts]),
        worst([part.basis for part in parts]),
        tuple(dict.fromkeys(note for part in parts for note in part.notes)),
        (mean([part.ber_band[0] for part in parts]), mean([part.ber_band[1] for part in parts])),
    )


def worst_basis(errors: Errors) -> str:
    """The least founded basis of all partitions."""
    bases = [part.basis for part in errors.values()]
    return OF_MODEL if OF_MODEL in bases else worst(bases)


def device_of(errors: Errors, address_map: AddressMap, partitions: PartitionMap | None, seed: int) -> Device:
    """The memory with these errors."""
    owner = partitions.owner if partitions is not None and len(errors) > 1 else None
    return Device([part.laws for part in errors.values()], address_map, owner, seed)
