"""Energy of a memory from its counters: pure formulas, per component, rail, bank and rank.

With partitions at different VDD only a bank's own array energy (its activations, precharges, share of refresh and its
own part of the active background) follows that bank's voltage. The column path (reads and writes) and the background
that the banks share follow the rail of the rank, which is at the *highest* VDD of its banks: a supply that is
enough for one bank but too low for another would not work. A chip with a supply of its own is the exception: all that
the chip itself draws follows its VDD, because the rank only adds up what its chips draw. VDDQ (interface) and rails
without `follows_vdd` stay nominal.

Voltage models: see `edensim.dram.voltage`. Costs per command: see `edensim.dram.power`. What data do to RD, WR and the
interface: see `edensim.dram.data_dependence`.

Background counts a refreshing rank as one with all banks open (DRAMPower's convention), so `ref` is what a refresh
costs on top of that, and ref + background during tRFC are V * IDD5B * tRFC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edensim.config import schema
from edensim.dram.counters import Counters
from edensim.dram.data_dependence import burst_data, data_factors, foreign_law
from edensim.dram.interface import burst_io_pj
from edensim.dram.power import RailCosts, impossible_currents, rail_costs
from edensim.dram.power_device import device_of
from edensim.dram.timing import TimingSet, resolve_timing
from edensim.dram.typical import typical_shares
from edensim.dram.voltage import Kind, VoltageModel, VoltageScaling

Float = NDArray[np.float64]
COMPONENTS = ("act", "pre", "rd", "wr", "ref", "background", "io")
"""Parts of the energy, in the order in which they add up to the total."""
IO_RAIL = "VDDQ"


class Supplies(Protocol):
    """What of the operating state matters here."""

    @property
    def supplies(self) -> Float:
        """VDD in V of every bank and chip, [channels, banks, chips]; [channels, banks, 1] if all chips are alike."""


@dataclass(frozen=True, eq=False)
class EnergyBreakdown:
    """Energies in pJ. The seven components add up to `total`.

    Attributes
    ----------
    act, pre, rd, wr, ref, background, io : float
        Components of the whole memory.
    by_rail : dict of str to dict of str to float
        Rail -> component -> pJ; the interface is the rail "VDDQ".
    by_place : dict of str to float64 [channels, banks, chips]
        Component -> what each bank caused in each chip; `background` only holds what an open bank adds. One chip stands
        for all if they are alike.
    shared_by_chip : float64 [channels, ranks, chips]
        Background that the banks of a rank share; with `by_place` it makes the total.
    """

    by_rail: Mapping[str, Mapping[str, float]]
    by_place: Mapping[str, Float]
    shared_by_chip: Float
    act: float = field(init=False)
    pre: float = field(init=False)
    rd: float = field(init=False)
    wr: float = field(init=False)
    ref: float = field(init=False)
    background: float = field(init=False)
    io: float = field(init=False)

    def __post_init__(self) -> None:
        for name in COMPONENTS:
            own = float(sum(rail[name] for rail in self.by_rail.values()))
            object.__setattr__(self, name, own)

    @property
    def total(self) -> float:
        """Sum of the components."""
        return float(sum(getattr(self, name) for name in COMPONENTS))

    def as_dict(self) -> dict[str, float]:
        """Components and total, in pJ, by name."""
        return {name: getattr(self, name) for name in COMPONENTS} | {"total": self.total}

    @property
    def by_bank(self) -> dict[str, Float]:
        """`by_place`, all chips together: float64 [channels, banks] by component."""
        return {name: values.sum(axis=2) for name, values in self.by_place.items()}

    @property
    def shared_background(self) -> Float:
        """`shared_by_chip`, all chips together: float64 [channels, ranks]."""
        shared: Float = self.shared_by_chip.sum(axis=2)
        return shared

    @property
    def by_rank(self) -> Float:
        """Energy of every rank, all components: float64 [channels, ranks]."""
        own = np.sum([values.sum(axis=2) for values in self.by_place.values()], axis=0)
        ranks: Float = own.reshape(*self.shared_by_chip.shape[:2], -1).sum(axis=2) + self.shared_background
        return ranks

    def rail_totals(self) -> dict[str, float]:
        """Energy by rail, in pJ."""
        return {rail: sum(parts.values()) for rail, parts in self.by_rail.items()}

    def __add__(self, other: EnergyBreakdown) -> EnergyBreakdown:
        rails = {
            rail: {name: parts[name] + other.by_rail[rail][name] for name in COMPONENTS}
            for rail, parts in self.by_rail.items()
        }
        places = {name: values + other.by_place[name] for name, values in self.by_place.items()}
        return EnergyBreakdown(rails, places, self.shared_by_chip + other.shared_by_chip)


class EnergyModel:
    """Prices counters of one memory at one operating point.

    Parameters
    ----------
    dram : schema.Dram
        Memory with a power table.
    state : object with `supplies`
        VDD of every bank and chip in V, float64 [channels, banks, chips or 1]; None for nominal.
    energy : schema.Energy or str
        Voltage model, currents and data; a string is the name of a voltage model.
    timing : TimingSet, optional
        Nominal timings, if already resolved.

    Attributes
    ----------
    warnings : list of str
        Currents of the data sheet that give a command a negative energy; data laws of another kind of memory.
    data_factors : DataFactors
        What data do to RD and WR.

    Raises
    ------
    ConfigError
        The memory has no power table.
    """

    def __init__(
        self,
        dram: schema.Dram,
        state: Supplies | None = None,
        energy: VoltageModel | schema.Energy = "quadratic",
        timing: TimingSet | None = None,
    ) -> None:
        device = device_of(dram, timing or resolve_timing(dram))
        if isinstance(energy, str):
            energy = schema.Energy(voltage_model=energy)
        typical = energy.currents == "typical"
        data = burst_data(device.io, energy.data)
        self.data_factors = data_factors(energy.data.law, data, device.idd4_data)
        self.rails = [
            rail.with_data(self.data_factors)
            for rail in rail_costs(device, typical_shares(energy.typical_of, dram.standard) if typical else None)
        ]
        self.warnings = impossible_currents(device) + foreign_law(energy.data.law, device.standard)
        self.io_per_burst_pj = burst_io_pj(device, data)
        self.ranks = dram.pseudo_channels * dram.ranks
        self.banks_per_rank = dram.stack_ids * dram.bank_groups * dram.banks_per_group
        banks = (dram.channels, self.ranks * self.banks_per_rank)
        self._vdd = None if state is None else np.asarray(state.supplies, np.float64)
        self._shape = (*banks, 1 if self._vdd is None else self._vdd.shape[2])
        self._scaling = VoltageScaling.of(energy)

    def price(self, counters: Counters) -> EnergyBreakdown:
        """Energy of what was counted; linear in the counters, so windows add up."""
        chips = self._shape[2]
        n_act, n_pre, n_rd, n_wr = (
            x[:, :, None] for x in (counters.n_act, counters.n_pre, counters.n_rd, counters.n_wr)
        )
        n_ref = self._per_bank(counters.n_ref[:, :, None]) / self.banks_per_rank
        open_ck = counters.bank_open_ck[:, :, None] + self._per_bank(counters.refreshing_ck[:, :, None])
        active_ck = counters.rank_open_ck + counters.refreshing_ck
        standby_ck = counters.cycles[:, None] - active_ck
        by_rail: dict[str, dict[str, float]] = {}
        by_place = {name: np.zeros(self._shape) for name in COMPONENTS}
        shared = np.zeros((self._shape[0], self.ranks, chips))
        for rail in self.rails:
            array, _ = self._scales(rail, "array")
            bank_standing, rank_standing = self._scales(rail, "background")
            column = self._per_bank(self._scales(rail, "column")[1])
            # What a rank draws is spread evenly over its chips, which all do the same.
            parts = {
                "act": rail.act * n_act * array / chips,
                "pre": rail.pre * n_pre * array / chips,
                "rd": rail.rd * n_rd * column / chips,
                "wr": rail.wr * n_wr * column / chips,
                "ref": rail.ref * n_ref * array / chips,
                "background": rail.bank * open_ck * bank_standing / chips,
            }
            standing = (rail.standby * standby_ck + rail.active * active_ck)[:, :, None] * rank_standing / chips
            for name, values in parts.items():
                by_place[name] += values
            shared += standing
            by_rail[rail.name] = {name: float(values.sum()) for name, values in parts.items()} | {"io": 0.0}
            by_rail[rail.name]["background"] += float(standing.sum())
        by_place["io"] += self.io_per_burst_pj * (n_rd + n_wr) / chips
        io = by_rail.setdefault(IO_RAIL, dict.fromkeys(COMPONENTS, 0.0))
        io["io"] = float(by_place["io"].sum())
        return EnergyBreakdown(by_rail, by_place, shared)

    def _per_bank(self, per_rank: NDArray[np.generic]) -> Float:
        """Spread [channels, ranks, …] over the banks of each rank."""
        spread: Float = np.repeat(np.asarray(per_rank, np.float64), self.banks_per_rank, axis=1)
        return spread

    def _scales(self, rail: RailCosts, kind: Kind) -> tuple[Float, Float]:
        """Factors on a rail's energy: [channels, banks, chips], and [channels, ranks, chips] for what banks share."""
        channels, _, chips = self._shape
        if not rail.follows_vdd or self._vdd is None:
            return np.ones(self._shape), np.ones((channels, self.ranks, chips))
        highest = self._vdd.reshape(channels, self.ranks, -1, chips).max(axis=2)
        factor = self._scaling.factor
        return factor(kind, self._vdd / rail.voltage_v), factor(kind, highest / rail.voltage_v)


def price(
    dram: schema.Dram,
    counters: Counters,
    state: Supplies | None = None,
    energy: VoltageModel | schema.Energy = "quadratic",
) -> EnergyBreakdown:
    """Energy of a memory that did what `counters` say; see `EnergyModel`."""
    return EnergyModel(dram, state, energy).price(counters)
