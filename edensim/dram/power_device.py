"""A device as energy sees it: organisation, clocks, currents by rail; from a memory of a configuration or a memspec.

Not here: address maps, scheduling and protocol constraints, which pricing does not need.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from edensim.config import schema
from edensim.dram.timing import TimingSet
from edensim.errors import ConfigError

IO_RAIL = "VDDQ"
"""Supply of the data pins."""
SMALLEST_MA, LARGEST_MA = 1.0, 5000.0
"""A device reads with a current between these."""
ColumnBase = Literal["all_banks", "one_bank", "two_banks"]


@dataclass(frozen=True)
class PowerDevice:
    """What is needed to price counters of one channel.

    Attributes
    ----------
    name, standard : str
        Device, and family ("DDR4").
    ranks, bank_groups, banks : int
        Ranks (a pseudo-channel counts as one), bank groups and banks of a rank (all stack IDs).
    devices : int
        Devices of a rank, which all do the same.
    width_bits : int
        Data pins of a device.
    burst_length : int
        Beats of a column command.
    clock_ns : float
        Clock period in ns.
    clocks : mapping of str to int
        nRAS, nRP, nRCD, nRFC, nREFI, nRDA, nWRA and those of nRFCpb, nRFCsb, nRFC2b, nRFCdb that exist.
    spare_ck : int
        Clocks that tRC has beyond tRAS + tRP.
    burst_ck : float
        Clocks during which a burst draws IDD4R or IDD4W.
    idd3n_basis : {"all_banks", "one_bank"}
        How many banks were open when IDD3N was measured.
    column_base : {"all_banks", "one_bank", "two_banks"}
        Banks open when IDD4R and IDD4W were measured.
    rho : float
        Share of active background that is common to all banks.
    rails : mapping of str to schema.Rail
        Supplies by name, currents in mA.
    idd4_data : {"random", "static"}
        Data that moved when IDD4R and IDD4W were measured.
    io : schema.Interface or None
        Data pins, described by resistances and capacitances.
    lines : mapping of str to float
        Data pins, described as DRAMPower does (`memimpedancespec`: equivalent resistances and energies per edge);
        empty if `io` is to be used.
    wck_per_ck : int
        Periods of the data clock WCK in a clock; 0 without one.
    wck_always_on : bool
        It runs all the time, not during bursts only.
    """

    name: str
    standard: str
    ranks: int
    bank_groups: int
    banks: int
    devices: int
    width_bits: int
    burst_length: int
    clock_ns: float
    clocks: Mapping[str, int]
    spare_ck: int
    burst_ck: float
    idd3n_basis: Literal["all_banks", "one_bank"]
    column_base: ColumnBase
    rho: float
    rails: Mapping[str, schema.Rail]
    idd4_data: Literal["random", "static"] = "random"
    io: schema.Interface | None = None
    lines: Mapping[str, float] = field(default_factory=dict)
    wck_per_ck: int = 0
    wck_always_on: bool = False

    @property
    def banks_per_group(self) -> int:
        """Banks of a bank group."""
        return self.banks // self.bank_groups

    @property
    def burst_bits(self) -> int:
        """Bits that a column command moves, all devices of a rank together."""
        return self.devices * self.width_bits * self.burst_length

    @property
    def dbi(self) -> Literal["none", "low", "high"]:
        """Level that data-bus inversion makes rare, if it is on."""
        if self.io is None or not self.io.dbi:
            return "none"
        return "low" if self.io.termination == "pod" else "high" if self.io.termination == "lvstl" else "none"

    @property
    def deep_sleep(self) -> bool:
        """Whether the device knows deep sleep."""
        return any(rail.IDD6DS is not None for rail in self.rails.values())

    @property
    def vdd_rail(self) -> str:
        """The rail that `operating_point.vdd` lowers; "" if there is none."""
        return next((name for name, rail in self.rails.items() if rail.follows_vdd), "")

    @property
    def vdd_v(self) -> float:
        """Nominal voltage of that rail; 0 if there is none."""
        return self.rails[self.vdd_rail].voltage_v if self.vdd_rail else 0.0

    @property
    def vddq_v(self) -> float:
        """Nominal supply of the data pins; 0 if they are not described."""
        return self.io.vddq_v if self.io is not None else self.lines.get("vddq", 0.0)

    @property
    def nominal_v(self) -> dict[str, float]:
        """Nominal voltage of every rail, that of the data pins included, in V."""
        supplies = {name: rail.voltage_v for name, rail in self.rails.items()}
        return supplies | ({IO_RAIL: self.vddq_v} if self.vddq_v else {})


def device_of(dram: schema.Dram, timing: TimingSet) -> PowerDevice:
    """The device of a configured memory, at nominal timings.

    Raises
    ------
    ConfigError
        The memory has no power table.
    """
    power, ck = dram.power, timing.ck
    if power is None:
        raise ConfigError(
            f"dram.power: {dram.preset or 'this memory'} has no currents, so its energy is unknown; "
            "choose a preset with a power table or give [dram.power]"
        )
    refuse_wrong_rails(power)
    rails = power.rails
    if dram.controller.power_down == "precharge_slow":
        rails = {name: _with_dll_off(name, rail) for name, rail in rails.items()}
    clocks = {name: ck[name] for name in ("nRAS", "nRP", "nRCD", "nRFC", "nREFI")}
    clocks["nRDA"] = ck["nRTP"]
    clocks["nWRA"] = ck["nCWL"] + ck.get("nDQSS", 0) + ck["nBL"] + ck["nWR"]
    clocks |= {name: ck[name] for name in ("nRFCpb", "nRFCsb", "nRFC2b", "nRFCdb") if name in ck}
    return PowerDevice(
        name=power.part or dram.preset or "memory",
        standard=dram.standard,
        ranks=dram.pseudo_channels * dram.ranks,
        bank_groups=dram.stack_ids * dram.bank_groups,
        banks=dram.stack_ids * dram.bank_groups * dram.banks_per_group,
        devices=dram.channel_width_bits // dram.device_width_bits,
        width_bits=dram.device_width_bits,
        burst_length=dram.burst_length,
        clock_ns=timing.time_ns(1),
        clocks=clocks,
        spare_ck=max(ck["nRC"] - ck["nRAS"] - ck["nRP"], 0),
        burst_ck=ck["nBL"],
        idd3n_basis=power.idd3n_basis,
        column_base=_column_base(dram, power),
        rho=power.rho,
        rails=rails,
        idd4_data=power.idd4_data,
        io=power.io,
    )


def _with_dll_off(name: str, rail: schema.Rail) -> schema.Rail:
    """A rail whose precharge power-down is that of slow exit."""
    if rail.IDD2P_slow is None:
        raise ConfigError(
            f'dram.controller.power_down = "precharge_slow": dram.power.rails.{name} gives no IDD2P_slow; '
            'expected it in mA, or power_down = "precharge"'
        )
    return rail.model_copy(update={"IDD2P": rail.IDD2P_slow})


def _column_base(dram: schema.Dram, power: schema.Power) -> ColumnBase:
    if dram.standard == "LPDDR5" and dram.bank_groups > 1:
        return "two_banks"
    return "all_banks" if power.idd3n_basis == "all_banks" else "one_bank"


def refuse_wrong_rails(power: schema.Power) -> None:
    """Raise `ConfigError` for currents that can only be amperes or microamperes where mA is meant, and for two VDDs."""
    following = [name for name, rail in power.rails.items() if rail.follows_vdd]
    problems = []
    if len(following) != 1:
        problems.append(
            f"dram.power.rails: {' and '.join(following) or 'none'} of the rails ({', '.join(power.rails)}) "
            f"{'follow' if following else 'follows'} VDD; expected follows_vdd = true for exactly one, the one that "
            "operating_point.vdd lowers"
        )
    for name, rail in power.rails.items():
        where = f"dram.power.rails.{name}"
        if rail.follows_vdd and 0 < rail.IDD4R < SMALLEST_MA:
            problems.append(
                f"{where}.IDD4R is {rail.IDD4R:g} mA; expected {SMALLEST_MA:g} to {LARGEST_MA:g} mA. The table seems "
                f"to hold A where mA is meant: write {rail.IDD4R * 1000:g}"
            )
        if rail.IDD4R > LARGEST_MA:
            problems.append(
                f"{where}.IDD4R is {rail.IDD4R:g} mA; expected at most {LARGEST_MA:g} mA. The table seems to hold uA "
                f"where mA is meant: write {rail.IDD4R / 1000:g}"
            )
    if problems:
        raise ConfigError(problems)
