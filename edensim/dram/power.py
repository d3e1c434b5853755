"""Data-sheet currents turned into energies per command and powers per state, rail by rail.

Equations are those of DRAMPower 6 (Fraunhofer IESE), restated. Per rail, with its own currents and voltage V:

* IDD3N is measured with all banks open (`all_banks`: DDR3, DDR4) or with one (`one_bank`: LPDDR). From it follow the
  current with exactly one bank open I1, the part common to all banks Ir (`rho` says how large), and of all B banks:
  all_banks: Ir = I2N + rho (I3N - I2N), I1 = (I3N + (B - 1) Ir) / B, IB = I3N
  one_bank:  I1 = I3N, Ir = (B rho I3N + (1 - rho) I2N) / (B rho + 1 - rho), IB = Ir + B (I1 - Ir)
* ACT = V (I0 - I1) tRAS and PRE = V (I0 - I2N) tRP, so that a loop of ACT and PRE costs exactly V I0 tRC, background
  included. Time that tRC has beyond tRAS + tRP is precharged and counted to ACT.
* RD, WR = V (I4 - IB) (one_bank: I4 - I1) for the time of a burst; REFab = V (I5B - IB) tRFC.

The charge of a row is taken at data-sheet tRAS, tRP and tRC and stays the same when an operating point shortens them:
the charge still has to move. (DRAMPower scales it with tRAS.) Only the background follows the real times.

Not modelled: power-down, self refresh, per-bank refresh, additive latency, temperature, measured (typical) currents.
Interface: driver and termination of DQ and DQS while data move; not CK, command and address lines, preambles,
termination of other ranks, or bus inversion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edensim.config import schema
from edensim.dram.timing import TimingSet
from edensim.errors import ConfigError

VoltageModel = Literal["quadratic", "drampower"]
EXPONENT: dict[str, int] = {"quadratic": 2, "drampower": 1}
"""Energy of a rail that follows VDD goes with (V / nominal) to this power."""


@dataclass(frozen=True)
class RailCosts:
    """Energies and powers of one rail of one rank (all its devices) at nominal voltage.

    Attributes
    ----------
    name : str
        Rail, e.g. "VDD".
    voltage_v : float
        Nominal voltage.
    follows_vdd : bool
        `operating_point.vdd` is this rail's voltage.
    act, pre, rd, wr, ref : float
        pJ per command, above background; `ref` per all-bank refresh, above all banks open.
    standby : float
        pJ per clock with all banks closed.
    active : float
        pJ per clock with any bank open, shared by the banks.
    bank : float
        pJ per clock and open bank, on top of `active`.
    """

    name: str
    voltage_v: float
    follows_vdd: bool
    act: float
    pre: float
    rd: float
    wr: float
    ref: float
    standby: float
    active: float
    bank: float


def open_currents(rail: schema.Rail, basis: str, rho: float, banks: int) -> tuple[float, float, float]:
    """Currents (I1, Ir, IB) in mA: one bank open, the part common to all banks, all banks open."""
    if basis == "all_banks":
        common = rail.IDD2N + rho * (rail.IDD3N - rail.IDD2N)
        return (rail.IDD3N + (banks - 1) * common) / banks, common, rail.IDD3N
    common = (banks * rho * rail.IDD3N + (1 - rho) * rail.IDD2N) / (banks * rho + 1 - rho)
    return rail.IDD3N, common, common + banks * (rail.IDD3N - common)


def rail_costs(dram: schema.Dram, timing: TimingSet) -> list[RailCosts]:
    """Costs of every rail of `dram.power` for one rank.

    Raises
    ------
    ConfigError
        The memory has no power table.
    """
    if dram.power is None:
        raise ConfigError(
            f"dram.power: {dram.preset or 'this memory'} has no currents, so its energy is unknown; "
            "choose a preset with a power table or give [dram.power]"
        )
    banks = dram.bank_groups * dram.banks_per_group
    devices = dram.channel_width_bits // dram.device_width_bits
    clock_ns = timing.time_ns(1)
    ras, rp, ck = timing.ck["nRAS"], timing.ck["nRP"], timing.ck
    spare = max(ck["nRC"] - ras - rp, 0)
    out = []
    for name, rail in dram.power.rails.items():
        one, common, every = open_currents(rail, dram.power.idd3n_basis, dram.power.rho, banks)
        burst_base = every if dram.power.idd3n_basis == "all_banks" else one
        # V * mA * ns = pJ
        unit = rail.voltage_v * clock_ns * devices
        out.append(
            RailCosts(
                name,
                rail.voltage_v,
                rail.follows_vdd,
                act=unit * ((rail.IDD0 - one) * ras + (rail.IDD0 - rail.IDD2N) * spare),
                pre=unit * (rail.IDD0 - rail.IDD2N) * rp,
                rd=unit * (rail.IDD4R - burst_base) * ck["nBL"],
                wr=unit * (rail.IDD4W - burst_base) * ck["nBL"],
                ref=unit * (rail.IDD5B - every) * ck["nRFC"],
                standby=unit * rail.IDD2N,
                active=unit * common,
                bank=unit * (one - common),
            )
        )
    return out


def impossible_currents(dram: schema.Dram) -> list[str]:
    """Warnings about currents that give a command a negative energy, naming both currents; empty if there are none."""
    if dram.power is None:
        return []
    banks = dram.bank_groups * dram.banks_per_group
    found = []
    for name, rail in dram.power.rails.items():
        one, _, every = open_currents(rail, dram.power.idd3n_basis, dram.power.rho, banks)
        burst_base = every if dram.power.idd3n_basis == "all_banks" else one
        pairs = [
            ("an activation", "IDD0", rail.IDD0, "the active standby current with one bank open (from IDD3N)", one),
            ("a precharge", "IDD0", rail.IDD0, "IDD2N", rail.IDD2N),
            ("a read", "IDD4R", rail.IDD4R, "the active standby current (IDD3N)", burst_base),
            ("a write", "IDD4W", rail.IDD4W, "the active standby current (IDD3N)", burst_base),
            ("a refresh", "IDD5B", rail.IDD5B, "the active standby current (IDD3N)", every),
        ]
        found += [
            f"dram.power.rails.{name}: {command} has negative energy: {low} = {a:g} mA is below {high} = {b:g} mA"
            for command, low, a, high, b in pairs
            if a < b
        ]
    return found


def burst_io_pj(dram: schema.Dram, timing: TimingSet) -> float:
    """Energy in pJ that one burst costs on DQ and DQS of a rank, supplied from VDDQ at its nominal voltage.

    Static: a line that draws current does so for one beat. Pseudo open drain (`pod`): a low line draws
    V^2 / (Ron + Rtt). Terminated to ground (`lvstl`): the same for a high line. Centre-tapped termination (`sstl`,
    twice Rtt to either rail): any driven line draws V^2 / (2 Rtt + Ron parallel 2 Rtt). Dynamic: C V swing per rising
    edge. A strobe is a pair of lines per byte (per device if narrower), of which one is low and one rises in every
    beat.
    """
    io = dram.power.io if dram.power else None
    if io is None:
        return 0.0
    beats = dram.burst_length
    bits = dram.channel_width_bits * beats
    pairs = dram.channel_width_bits // dram.device_width_bits * max(1, dram.device_width_bits // 8)
    strobe_beats = pairs * beats
    edges = io.toggle_rate / 2 * bits + strobe_beats
    if io.termination == "none":
        return edges * io.c_load_pf * io.vddq_v**2
    swing_v = io.vddq_v * io.r_tt_ohm / (io.r_on_ohm + io.r_tt_ohm)
    if io.termination == "pod":
        lines, ohm = (1 - io.ones_fraction) * bits + strobe_beats, io.r_on_ohm + io.r_tt_ohm
    elif io.termination == "lvstl":
        lines, ohm = io.ones_fraction * bits + strobe_beats, io.r_on_ohm + io.r_tt_ohm
    else:
        leg = 2 * io.r_tt_ohm
        lines, ohm = bits + 2 * strobe_beats, leg + io.r_on_ohm * leg / (io.r_on_ohm + leg)
    # V^2 / ohm is in W; W * ns = 1000 pJ
    static = lines * io.vddq_v**2 / ohm * 1000 * timing.time_ns(timing.burst_ck) / beats
    return static + edges * io.c_load_pf * io.vddq_v * swing_v
