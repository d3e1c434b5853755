"""Energy of a memory from its counters: pure formulas, per component, rail, bank and rank.

With partitions at different VDD only a bank's own array energy (its activations, precharges, share of refresh and its
own part of the active background) follows that bank's voltage. The column path (reads and writes) and the background
that the banks share follow the rail of the rank, which is at the *highest* VDD of its banks: a supply that is
enough for one bank but too low for another would not work. A chip with a supply of its own is the exception: all that
the chip itself draws follows its VDD, because the rank only adds up what its chips draw. VDDQ (interface) and rails
without `follows_vdd` stay nominal, unless `energy.rails` gives them a voltage of their own.

Voltage models: see `edensim.dram.voltage`. Costs per command: see `edensim.dram.power`. What data do to RD, WR and the
interface: see `edensim.dram.data_dependence`.

Background counts a refreshing rank as one with all banks open (DRAMPower's convention), so `ref` is what a refresh
costs on top of that, and ref + background during tRFC are V * IDD5B * tRFC. A bank in a refresh of its own counts as
open too. Power-down and self refresh are background; in them nothing counts as open.

A row that closes before nominal tRAS costs what any row costs, less `energy.restore_credit` in proportion.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edensim.config import schema
from edensim.dram.counters import PER_BANK, PER_RANK, Counters
from edensim.dram.data_dependence import Moved, burst_data, foreign_law, moved_factors
from edensim.dram.interface import burst_io_pj
from edensim.dram.power import RailCosts, impossible_currents, rail_costs
from edensim.dram.power_device import IO_RAIL, PowerDevice, device_of
from edensim.dram.timing import TimingSet, resolve_timing
from edensim.dram.typical import typical_shares
from edensim.dram.voltage import Kind, VoltageModel, VoltageScaling, own_supplies
from edensim.errors import ConfigError

Float = NDArray[np.float64]
COMPONENTS = ("act", "pre", "rd", "wr", "ref", "background", "io")
"""Parts of the energy, in the order in which they add up to the total."""
COUNTED = (*PER_BANK, *PER_RANK)
NEEDED = {
    "pda_ck": ("IDD3P", "active power-down"),
    "pdp_ck": ("IDD2P", "precharge power-down"),
    "sref_ck": ("IDD6", "self refresh"),
    "n_refpb": ("IDD5PB", "per-bank refresh"),
    "n_ref2b": ("IDD5PB", "refresh of two banks"),
    "n_refdb": ("IDD5PB", "refresh of two banks"),
    "n_refsb": ("IDD5C", "same-bank refresh"),
}
"""Counters that cannot be priced without a current, and what they count."""


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
    standing : float
        Part of it that would be there had no bank ever been open, refreshed or asleep.
    slept : tuple of float
        What clocks in active and precharge power-down and in self refresh drew beyond standby: at most 0, as a rule.
    """

    by_rail: Mapping[str, Mapping[str, float]]
    by_place: Mapping[str, Float]
    shared_by_chip: Float
    standing: float
    slept: tuple[float, float, float] = (0.0, 0.0, 0.0)
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
        standing = self.standing + other.standing
        slept = (self.slept[0] + other.slept[0], self.slept[1] + other.slept[1], self.slept[2] + other.slept[2])
        return EnergyBreakdown(rails, places, self.shared_by_chip + other.shared_by_chip, standing, slept)


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
    moved : Moved, optional
        What the data that moved look like, if they are known; otherwise `energy.data` says.

    Attributes
    ----------
    warnings : list of str
        Currents of the data sheet that give a command a negative energy; data laws of another kind of memory.
    assumed : BurstData
        What `energy.data` says of the data.
    data_seen, moved : bool, Moved
        Whether data were given, and what moves in either direction: as given, else as assumed.
    data_factors : DataFactors
        What data do to RD and WR.
    read_io_pj, write_io_pj : float
        What a burst costs on the data pins.
    own_volts : dict of str to float
        Voltages of rails that are not nominal and do not follow VDD.

    Raises
    ------
    ConfigError
        The memory has no power table; supplies it does not have.
    """

    def __init__(
        self,
        dram: schema.Dram,
        state: Supplies | None = None,
        energy: VoltageModel | schema.Energy = "quadratic",
        timing: TimingSet | None = None,
        moved: Moved | None = None,
    ) -> None:
        device = device_of(dram, timing or resolve_timing(dram))
        if isinstance(energy, str):
            energy = schema.Energy(voltage_model=energy)
        typical = energy.currents == "typical"
        self.assumed = burst_data(device.io, energy.data)
        self.data_seen, self.moved = moved is not None, moved or Moved(self.assumed, self.assumed)
        self.data_factors = moved_factors(energy.data.law, self.moved, device.idd4_data)
        self.rails = [
            rail.with_data(self.data_factors)
            for rail in rail_costs(device, typical_shares(energy.typical_of, dram.standard) if typical else None)
        ]
        self.device = device
        single = {"per_bank": "n_refpb", "same_bank": "n_refsb"}.get(dram.controller.refresh)
        if single:
            require_currents(device, SimpleNamespace(**{single: 1}))
        require_currents(device, SimpleNamespace(**_sleeps(dram.controller)))
        self.warnings = impossible_currents(device) + foreign_law(energy.data.law, device.standard)
        self.own_volts = own_supplies(device.name, device.nominal_v, device.vdd_rail, energy.rails)
        io_scale = (self.own_volts[IO_RAIL] / device.vddq_v) ** 2 if IO_RAIL in self.own_volts else 1.0
        self.read_io_pj, self.write_io_pj = (burst_io_pj(device, data) * io_scale for data in self.moved)
        self._credit = energy.restore_credit / device.clocks["nRAS"]
        self.ranks = dram.pseudo_channels * dram.ranks
        self.banks_per_rank = dram.stack_ids * dram.bank_groups * dram.banks_per_group
        banks = (dram.channels, self.ranks * self.banks_per_rank)
        self._vdd = None if state is None else np.asarray(state.supplies, np.float64)
        self._shape = (*banks, 1 if self._vdd is None else self._vdd.shape[2])
        self._scaling = VoltageScaling.of(energy)

    @property
    def supplies_v(self) -> dict[str, float]:
        """Voltage of every rail; the highest of all banks and chips for the one that follows VDD."""
        highest = {} if self._vdd is None else {self.device.vdd_rail: float(self._vdd.max())}
        return self.device.nominal_v | self.own_volts | highest

    def price(self, counters: Counters) -> EnergyBreakdown:
        """Energy of what was counted; linear in the counters, so windows add up.

        Raises
        ------
        ConfigError
            The memory did something whose current is not given: nothing is free.
        """
        require_currents(self.device, counters)
        chips = self._shape[2]
        n = SimpleNamespace(**{name: np.asarray(getattr(counters, name), np.float64)[:, :, None] for name in COUNTED})
        n_ref = self._per_bank(n.n_ref) / self.banks_per_rank
        open_ck = n.bank_open_ck + n.bank_refreshing_ck + self._per_bank(n.refreshing_ck)
        active_ck = n.rank_open_ck + n.rank_refreshing_ck + n.refreshing_ck
        standby_ck = counters.cycles[:, None, None] - active_ck - n.pda_ck - n.pdp_ck - n.sref_ck
        by_rail: dict[str, dict[str, float]] = {}
        by_place = {name: np.zeros(self._shape) for name in COMPONENTS}
        shared, always = np.zeros((self._shape[0], self.ranks, chips)), 0.0
        slept = [0.0, 0.0, 0.0]
        for rail in self.rails:
            array, _ = self._scales(rail, "array")
            bank_standing, rank_standing = self._scales(rail, "background")
            column = self._per_bank(self._scales(rail, "column")[1])
            rows = n.n_act if rail.act <= 0 else n.n_act - self._credit * n.cut_ck
            refreshes = rail.ref * n_ref + rail.refpb * n.n_refpb + rail.refsb * n.n_refsb + rail.ref2b * n.n_ref2b
            asleep = rail.pda * n.pda_ck + rail.pdp * n.pdp_ck + rail.sref * n.sref_ck
            # What a rank draws is spread evenly over its chips, which all do the same.
            parts = {
                "act": rail.act * rows * array / chips,
                "pre": rail.pre * n.n_pre * array / chips,
                "rd": rail.rd * n.n_rd * column / chips,
                "wr": rail.wr * n.n_wr * column / chips,
                "ref": refreshes * array / chips,
                "background": rail.bank * open_ck * bank_standing / chips,
            }
            standing = (rail.standby * standby_ck + rail.active * active_ck + asleep) * rank_standing / chips
            for name, values in parts.items():
                by_place[name] += values
            shared += standing
            always += float((rail.standby * counters.cycles[:, None, None] * rank_standing / chips).sum())
            for k, (cost, ck) in enumerate(((rail.pda, n.pda_ck), (rail.pdp, n.pdp_ck), (rail.sref, n.sref_ck))):
                slept[k] += float(((cost - rail.standby) * ck * rank_standing / chips).sum())
            by_rail[rail.name] = {name: float(values.sum()) for name, values in parts.items()} | {"io": 0.0}
            by_rail[rail.name]["background"] += float(standing.sum())
        by_place["io"] += (self.read_io_pj * n.n_rd + self.write_io_pj * n.n_wr) / chips
        io = by_rail.setdefault(IO_RAIL, dict.fromkeys(COMPONENTS, 0.0))
        io["io"] = float(by_place["io"].sum())
        return EnergyBreakdown(by_rail, by_place, shared, always, (slept[0], slept[1], slept[2]))

    def _per_bank(self, per_rank: NDArray[np.generic]) -> Float:
        """Spread [channels, ranks, …] over the banks of each rank."""
        spread: Float = np.repeat(np.asarray(per_rank, np.float64), self.banks_per_rank, axis=1)
        return spread

    def _scales(self, rail: RailCosts, kind: Kind) -> tuple[Float, Float]:
        """Factors on a rail's energy: [channels, banks, chips], and [channels, ranks, chips] for what banks share."""
        channels, _, chips = self._shape
        if not rail.follows_vdd or self._vdd is None:
            own = self._scaling.own_factor(self.own_volts.get(rail.name, rail.voltage_v) / rail.voltage_v)
            return np.full(self._shape, own), np.full((channels, self.ranks, chips), own)
        highest = self._vdd.reshape(channels, self.ranks, -1, chips).max(axis=2)
        factor = self._scaling.factor
        return factor(kind, self._vdd / rail.voltage_v), factor(kind, highest / rail.voltage_v)


def _sleeps(c: schema.DramController) -> dict[str, bool]:
    """Counters of rest that a controller may fill."""
    down = c.power_down != "none"
    return {"pda_ck": c.power_down == "active", "pdp_ck": down, "sref_ck": c.self_refresh_after_us is not None}


def price(
    dram: schema.Dram,
    counters: Counters,
    state: Supplies | None = None,
    energy: VoltageModel | schema.Energy = "quadratic",
) -> EnergyBreakdown:
    """Energy of a memory that did what `counters` say; see `EnergyModel`."""
    return EnergyModel(dram, state, energy).price(counters)


def require_currents(device: PowerDevice, counters: object) -> None:
    """Raise `ConfigError` if counters (of a run or a trace) need a current that no rail gives: nothing is free."""
    problems = [
        f"dram.power: {device.name} gives no {current}, but the {what} that was counted needs it; "
        f"add {current} (mA) to its rails"
        for counter, (current, what) in NEEDED.items()
        if np.any(getattr(counters, counter, 0)) and all(getattr(x, current) is None for x in device.rails.values())
    ]
    if problems:
        raise ConfigError(problems)
