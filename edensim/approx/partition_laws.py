"""Which errors every partition of a memory has: those of a chip at the partition's operating point, or of a model.

A model says nothing about operating points: its rate holds wherever it is asked for. Not modelled: partitions of chips
(`[[partition]] chips`), where a slice of every burst comes from cells at another voltage; they are refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from edensim.approx.build import build_model
from edensim.approx.chip import Chip, Setting
from edensim.approx.chip_cells import cell_laws
from edensim.approx.chip_failure import worst
from edensim.approx.device import Device
from edensim.approx.law import CellLaw
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
    partitions: Sequence[str] = ("",),
    rates: Mapping[str, float] | None = None,
) -> Errors:
    """One model in every partition, at the rate of the partition in `rates`, or `ber` where it has none.

    Raises
    ------
    ConfigError
        As `build_model`, or if `rates` names no partition.
    """
    rates = rates or {}
    for part in rates:
        if part not in partitions:
            there = f"there are {', '.join(map(repr, partitions[:8]))}"
            raise ConfigError(f"there is no partition {part!r}{did_you_mean(part, partitions, there, show=repr)}")
    found = {}
    for part in partitions:
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
        With all partitions whose point the chip has no law for; if chips of a rank have a supply of their own.
    """
    problems: list[str] = []
    found = {}
    if state.partitions.of_chips:
        raise ConfigError(
            f"chip {chip.name}: partitions of chips ({', '.join(state.partitions.of_chips)}) have no error law, "
            "because every burst spans all chips of a rank; expected partitions by channel, rank, banks or subarrays"
        )
    for part in state.partitions.names:
        p = state.points[part]
        vdd = p.vdd or chip.nominal.vdd  # a memory without a power table does not know its own
        setting = Setting(vdd, p.tRCD_ns, p.tRAS_ns, p.tRP_ns, state.tREFI_scale, temperature_C)
        try:
            known = chip.reliability(setting, state.nominal, geometry.banks_per_rank, experimental)
        except ConfigError as error:
            problems += [x if len(state.points) == 1 else f"partition {part!r}: {x}" for x in error.problems]
            continue
        correlation = chip.subarray_correlation
        laws = cell_laws(known, chip.table.stripe.period_rows, 8 * geometry.row_bytes, correlation)
        found[part] = PartitionErrors(laws, known.ber, known.basis, known.notes, known.ber_band)
    if problems:
        raise ConfigError(problems)
    return found


def worst_basis(errors: Errors) -> str:
    """The least founded basis of all partitions."""
    bases = [part.basis for part in errors.values()]
    return OF_MODEL if OF_MODEL in bases else worst(bases)


def device_of(errors: Errors, address_map: AddressMap, partitions: PartitionMap | None, seed: int) -> Device:
    """The memory with these errors."""
    owner = partitions.owner if partitions is not None and len(errors) > 1 else None
    return Device([part.laws for part in errors.values()], address_map, owner, seed)
