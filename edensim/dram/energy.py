"""Energy of a memory from its counters: pure formulas, per component, rail, bank and rank.

With partitions at different VDD only a bank's own array energy (its activations, precharges, share of refresh and its
own part of the active background) follows that bank's voltage. The column path (reads and writes) and the background
that the banks share follow the rail of the rank, which is at the *highest* VDD of its banks: a supply that is
enough for one bank but too low for another would not work. VDDQ (interface) and rails without `follows_vdd` stay
nominal.

Voltage models: see `edensim.dram.voltage`. Costs per command: see `edensim.dram.power`.

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


class BankVoltages(Protocol):
    """What of the operating state matters here."""

    @property
    def vdd(self) -> Float:
        """Supply of every bank in V, [channels, banks]."""


@dataclass(frozen=True, eq=False)
class EnergyBreakdown:
    """Energies in pJ. The seven components add up to `total`.

    Attributes
    ----------
    act, pre, rd, wr, ref, background, io : float
        Components of the whole memory.
    by_rail : dict of str to dict of str to float
        Rail -> component -> pJ; the interface is the rail "VDDQ".
    by_bank : dict of str to float64 [channels, banks]
        Component -> what each bank caused; `background` only holds what an open bank adds.
    shared_background : float64 [channels, ranks]
        Background that the banks of a rank share; with `by_bank` it makes the total.
    """

    by_rail: Mapping[str, Mapping[str, float]]
    by_bank: Mapping[str, Float]
    shared_background: Float
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

    def rail_totals(self) -> dict[str, float]:
        """Energy by rail, in pJ."""
        return {rail: sum(parts.values()) for rail, parts in self.by_rail.items()}

    def of_banks(self, mask: NDArray[np.bool_]) -> dict[str, float]:
        """Energy that the banks of a partition caused, in pJ by component, without the background all banks share.

        Parameters
        ----------
        mask : bool [channels, banks]
            Banks of the partition.
        """
        return {name: float(values[mask].sum()) for name, values in self.by_bank.items()}

    def __add__(self, other: EnergyBreakdown) -> EnergyBreakdown:
        rails = {
            rail: {name: parts[name] + other.by_rail[rail][name] for name in COMPONENTS}
            for rail, parts in self.by_rail.items()
        }
        banks = {name: values + other.by_bank[name] for name, values in self.by_bank.items()}
        return EnergyBreakdown(rails, banks, self.shared_background + other.shared_background)


class EnergyModel:
    """Prices counters of one memory at one operating point.

    Parameters
    ----------
    dram : schema.Dram
        Memory with a power table.
    state : object with `vdd`
        Supply of every bank in V, float64 [channels, banks]; None for nominal.
    energy : schema.Energy or str
        Voltage model and currents; a string is the name of a voltage model.
    timing : TimingSet, optional
        Nominal timings, if already resolved.

    Attributes
    ----------
    warnings : list of str
        Currents of the data sheet that give a command a negative energy.

    Raises
    ------
    ConfigError
        The memory has no power table.
    """

    def __init__(
        self,
        dram: schema.Dram,
        state: BankVoltages | None = None,
        energy: VoltageModel | schema.Energy = "quadratic",
        timing: TimingSet | None = None,
    ) -> None:
        device = device_of(dram, timing or resolve_timing(dram))
        if isinstance(energy, str):
            energy = schema.Energy(voltage_model=energy)
        typical = energy.currents == "typical"
        self.rails = rail_costs(device, typical_shares(energy.typical_of, dram.standard) if typical else None)
        self.warnings = impossible_currents(device)
        self.io_per_burst_pj = burst_io_pj(device)
        self.ranks = dram.ranks
        self.banks_per_rank = dram.bank_groups * dram.banks_per_group
        self._shape = (dram.channels, dram.ranks * self.banks_per_rank)
        self._vdd = None if state is None else np.asarray(state.vdd, np.float64)
        self._scaling = VoltageScaling.of(energy)

    def price(self, counters: Counters) -> EnergyBreakdown:
        """Energy of what was counted; linear in the counters, so windows add up."""
        n_ref = self._per_bank(counters.n_ref) / self.banks_per_rank
        open_ck = counters.bank_open_ck + self._per_bank(counters.refreshing_ck)
        active_ck = counters.rank_open_ck + counters.refreshing_ck
        standby_ck = counters.cycles[:, None] - active_ck
        by_rail: dict[str, dict[str, float]] = {}
        by_bank = {name: np.zeros(self._shape) for name in COMPONENTS}
        shared = np.zeros((self._shape[0], self.ranks))
        for rail in self.rails:
            array, _ = self._scales(rail, "array")
            bank_standing, rank_standing = self._scales(rail, "background")
            column = self._per_bank(self._scales(rail, "column")[1])
            parts = {
                "act": rail.act * counters.n_act * array,
                "pre": rail.pre * counters.n_pre * array,
                "rd": rail.rd * counters.n_rd * column,
                "wr": rail.wr * counters.n_wr * column,
                "ref": rail.ref * n_ref * array,
                "background": rail.bank * open_ck * bank_standing,
            }
            standing = (rail.standby * standby_ck + rail.active * active_ck) * rank_standing
            for name, values in parts.items():
                by_bank[name] += values
            shared += standing
            by_rail[rail.name] = {name: float(values.sum()) for name, values in parts.items()} | {"io": 0.0}
            by_rail[rail.name]["background"] += float(standing.sum())
        by_bank["io"] += self.io_per_burst_pj * (counters.n_rd + counters.n_wr)
        io = by_rail.setdefault(IO_RAIL, dict.fromkeys(COMPONENTS, 0.0))
        io["io"] = float(by_bank["io"].sum())
        return EnergyBreakdown(by_rail, by_bank, shared)

    def _per_bank(self, per_rank: NDArray[np.generic]) -> Float:
        """Spread [channels, ranks] over the banks of each rank."""
        spread: Float = np.repeat(np.asarray(per_rank, np.float64), self.banks_per_rank, axis=1)
        return spread

    def _scales(self, rail: RailCosts, kind: Kind) -> tuple[Float, Float]:
        """Factors on the energy of a rail: per bank [channels, banks], and for what a rank shares [channels, ranks]."""
        if not rail.follows_vdd or self._vdd is None:
            return np.ones(self._shape), np.ones((self._shape[0], self.ranks))
        highest = self._vdd.reshape(self._shape[0], self.ranks, -1).max(axis=2)
        factor = self._scaling.factor
        return factor(kind, self._vdd / rail.voltage_v), factor(kind, highest / rail.voltage_v)


def price(
    dram: schema.Dram,
    counters: Counters,
    state: BankVoltages | None = None,
    energy: VoltageModel | schema.Energy = "quadratic",
) -> EnergyBreakdown:
    """Energy of a memory that did what `counters` say; see `EnergyModel`."""
    return EnergyModel(dram, state, energy).price(counters)
