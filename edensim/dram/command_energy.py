"""Energy of a command trace from its counters: every component, rail, bank and rank, at any number of voltages.

Components carry DRAMPower's names (`ACT`, `BG_ACT_SHARED`, `REF_AB` …); what they cost stands in `edensim.dram.power`,
how they follow voltage in `edensim.dram.voltage`. Precharges of RDA and WRA are inside `PRE`. All is linear in the
counters, so windows add up, and several voltages cost one pass over the trace.

Not modelled: banks of one trace at different voltages (that is what `[[partition]]` of a run is for).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edensim.config import schema
from edensim.dram.command_counts import CommandCounts
from edensim.dram.data_dependence import BurstData, DataFactors, burst_data, data_factors, foreign_law
from edensim.dram.interface import LineCounts, assumed_counts, interface_pj
from edensim.dram.power import RailCosts, impossible_currents, rail_costs
from edensim.dram.power_device import IO_RAIL, PowerDevice
from edensim.dram.typical import typical_shares
from edensim.dram.voltage import Kind, VoltageScaling, check_supply, own_supplies
from edensim.errors import ConfigError, did_you_mean

Float = npt.NDArray[np.floating[Any]]
BANK_PARTS = ("ACT", "PRE", "RD", "WR", "RDA", "WRA", "REF_AB", "REF_PB", "REF_SB", "REF_2B", "REF_DB", "BG_ACT")
RANK_PARTS = ("BG_PRE", "BG_ACT_SHARED", "PDNA", "PDNP", "SREF", "DSM")
KINDS: dict[str, Kind] = {
    **dict.fromkeys(("ACT", "PRE", "REF_AB", "REF_PB", "REF_SB", "REF_2B", "REF_DB"), "array"),
    **dict.fromkeys(("RD", "WR", "RDA", "WRA"), "column"),
    **dict.fromkeys(("BG_ACT", *RANK_PARTS), "background"),
}
GROUPS = {
    "act": ("ACT",),
    "pre": ("PRE",),
    "rd": ("RD", "RDA"),
    "wr": ("WR", "WRA"),
    "ref": ("REF_AB", "REF_PB", "REF_SB", "REF_2B", "REF_DB"),
    "background": ("BG_ACT", *RANK_PARTS),
}
"""The components of a run, and what of a command trace makes them; `io` comes from the interface."""


@dataclass(frozen=True, eq=False)
class CommandEnergy:
    """Energies in pJ at one setting of the supplies.

    Attributes
    ----------
    volts : dict of str to float
        Supplies by rail; VDDQ where there is an interface.
    banks : dict of str to dict of str to float64 [ranks, banks]
        Rail -> component of `BANK_PARTS` -> energy.
    ranks : dict of str to dict of str to float64 [ranks]
        Rail -> component of `RANK_PARTS` -> energy.
    io : dict of str to float
        Energy by group of lines.
    """

    volts: Mapping[str, float]
    banks: Mapping[str, Mapping[str, Float]]
    ranks: Mapping[str, Mapping[str, Float]]
    io: Mapping[str, float]

    def component(self, name: str) -> float:
        """One component of `BANK_PARTS` or `RANK_PARTS`, all rails together."""
        place = self.banks if name in BANK_PARTS else self.ranks
        return float(sum(parts[name].sum() for parts in place.values()))

    def of_banks(self, name: str) -> Float:
        """One component of `BANK_PARTS`, or BG_PRE shared out equally, by bank: float64 [ranks, banks]."""
        if name in BANK_PARTS:
            return np.asarray(sum(parts[name] for parts in self.banks.values()))
        shape = next(iter(self.banks.values()))["ACT"].shape
        total = np.asarray(sum(parts[name] for parts in self.ranks.values()))
        return np.repeat(total[:, None] / shape[1], shape[1], axis=1)

    def by_rail(self) -> dict[str, dict[str, float]]:
        """Rail -> component (act, pre, rd, wr, ref, background, io) -> energy."""
        out = {}
        for rail, parts in self.banks.items():
            both = {**parts, **self.ranks[rail]}
            out[rail] = {group: float(sum(both[x].sum() for x in names)) for group, names in GROUPS.items()} | {
                "io": 0.0
            }
        out.setdefault(IO_RAIL, dict.fromkeys([*GROUPS, "io"], 0.0))["io"] = float(sum(self.io.values()))
        return out

    def as_dict(self) -> dict[str, float]:
        """Components of a run, and their sum `total`."""
        rails = self.by_rail().values()
        parts = {group: sum(rail[group] for rail in rails) for group in (*GROUPS, "io")}
        return parts | {"total": sum(parts.values())}

    def detail(self) -> dict[str, float]:
        """Every component under DRAMPower's name, with `IO_…` for the groups of lines."""
        core = {name: self.component(name) for name in (*BANK_PARTS, *RANK_PARTS)}
        return core | {f"IO_{name.upper()}": value for name, value in self.io.items()}


class CommandPricer:
    """Prices counters of command traces of one device.

    Parameters
    ----------
    device : PowerDevice
    energy : schema.Energy
        Voltage model, currents, data, restore credit.

    Attributes
    ----------
    warnings : list of str
        Currents that contradict each other.
    """

    def __init__(self, device: PowerDevice, energy: schema.Energy | None = None) -> None:
        self.device, self.energy = device, energy or schema.Energy()
        shares = None
        if self.energy.currents == "typical":
            shares = typical_shares(self.energy.typical_of, device.standard)
        self.rails = rail_costs(device, shares)
        self.own_volts = own_supplies(device.name, device.nominal_v, device.vdd_rail, self.energy.rails)
        self.scaling = VoltageScaling.of(self.energy)
        self.warnings = impossible_currents(device) + foreign_law(self.energy.data.law, device.standard)

    def line_counts(self, counts: CommandCounts) -> tuple[LineCounts, LineCounts]:
        """Expected levels and edges of read and write data, for traces without data."""
        read, write = (int((a + b).sum()) for a, b in ((counts.n_rd, counts.n_rda), (counts.n_wr, counts.n_wra)))
        data = burst_data(self.device.io, self.energy.data)
        return assumed_counts(self.device, read, data), assumed_counts(self.device, write, data)

    def data_factors(self, lines: tuple[LineCounts, LineCounts] | None = None) -> DataFactors:
        """What data do to RD and WR: those that `lines` counted, else those of `[energy.data]`."""
        law, assumed = self.energy.data.law, burst_data(self.device.io, self.energy.data)
        found = [assumed if x is None else self._counted(x, assumed) for x in lines or (None, None)]
        factors = [data_factors(law, data, self.device.idd4_data) for data in found]
        return DataFactors(factors[0].rd, factors[1].wr)

    def _counted(self, lines: LineCounts, assumed: BurstData) -> BurstData:
        bits = lines.ones + lines.zeros
        if not bits:
            return assumed
        seen = {"ones_fraction": lines.ones / bits, "toggle_rate": min(2 * lines.rises / bits, 1.0)}
        return burst_data(self.device.io, self.energy.data.model_copy(update=seen))

    def price(
        self,
        counts: CommandCounts,
        volts: Mapping[str, float] | None = None,
        lines: tuple[LineCounts, LineCounts] | None = None,
        commands: LineCounts | None = None,
    ) -> CommandEnergy:
        """Energy of what was counted.

        Parameters
        ----------
        counts : CommandCounts
        volts : mapping of str to float
            Supplies that are not nominal, by rail, in V; "vdd" is the rail that follows VDD.
        lines : (LineCounts, LineCounts)
            Levels and edges of read and write data; expected ones if not given.
        commands : LineCounts
            Levels and edges of the command bus; it costs nothing if not given.

        Raises
        ------
        ConfigError
            A rail that the device lacks, or a voltage <= 0 or above 1.2 times nominal.
        """
        supplies = self.supplies(volts or {})
        banks: dict[str, dict[str, Float]] = {}
        ranks: dict[str, dict[str, Float]] = {}
        factors = self.data_factors(lines)
        for rail in (rail.with_data(factors) for rail in self.rails):
            relative = supplies[rail.name] / rail.voltage_v
            factor = {kind: self.scaling.factor(kind, relative) for kind in ("array", "column", "background")}
            if not rail.follows_vdd:
                factor = dict.fromkeys(factor, self.scaling.own_factor(relative))
            per_bank, per_rank = self._bank_parts(rail, counts), self._rank_parts(rail, counts)
            banks[rail.name] = {name: x * factor[KINDS[name]] for name, x in per_bank.items()}
            ranks[rail.name] = {name: x * factor[KINDS[name]] for name, x in per_rank.items()}
        read, write = lines or self.line_counts(counts)
        io = interface_pj(self.device, counts.clocks, commands or LineCounts(), read, write)
        if IO_RAIL in supplies:
            square = (supplies[IO_RAIL] / self.device.vddq_v) ** 2
            io = {name: x * square for name, x in io.items()}
        return CommandEnergy(supplies, banks, ranks, io)

    def supplies(self, changed: Mapping[str, float]) -> dict[str, float]:
        """Voltage of every rail: nominal, of `energy.rails`, or `changed`, whose names may be in any case."""
        nominal = self.device.nominal_v
        out, known = nominal | self.own_volts, {name.upper(): name for name in nominal}
        known.setdefault("VDD", self.device.vdd_rail)
        for name, volt in changed.items():
            rail = known.get(name.upper(), "")
            if not rail:
                near = did_you_mean(name.upper(), known, f"known are {', '.join(known)}")
                raise ConfigError(f"{name}: {self.device.name} has no such supply{near}")
            check_supply(name, volt, nominal[rail])
            out[rail] = volt
        return out

    def _bank_parts(self, rail: RailCosts, n: CommandCounts) -> dict[str, Float]:
        saved = self.energy.restore_credit * n.cut_ck / self.device.clocks["nRAS"]
        return {
            "ACT": rail.act * n.n_act - max(rail.act, 0.0) * saved,
            "PRE": rail.pre * n.n_pre,
            "RD": rail.rd * n.n_rd,
            "WR": rail.wr * n.n_wr,
            "RDA": rail.rd * n.n_rda,
            "WRA": rail.wr * n.n_wra,
            "REF_AB": rail.ref / self.device.banks * n.n_refab,
            "REF_PB": rail.refpb * n.n_refpb,
            "REF_SB": rail.refsb * n.n_refsb,
            "REF_2B": rail.ref2b * n.n_ref2b,
            "REF_DB": rail.refdb * n.n_refdb,
            "BG_ACT": rail.bank * n.open_ck,
        }

    def _rank_parts(self, rail: RailCosts, n: CommandCounts) -> dict[str, Float]:
        return {
            "BG_PRE": rail.standby * n.standby_ck,
            "BG_ACT_SHARED": rail.active * n.active_ck,
            "PDNA": rail.pda * n.pda_ck,
            "PDNP": rail.pdp * n.pdp_ck,
            "SREF": rail.sref * n.sref_ck,
            "DSM": rail.dsm * n.dsm_ck,
        }
