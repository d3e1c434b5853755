"""Data-sheet currents turned into energies per command and powers per state, rail by rail.

Equations are those of DRAMPower 6 (Fraunhofer IESE), restated. Per rail, with its own currents and voltage V:

* IDD3N is measured with all banks open (`all_banks`: DDR3, DDR4, DDR5) or with one (`one_bank`: LPDDR). From it follow
  the current with exactly one bank open I1, the part common to all banks Ir (`rho` says how large), and of all B banks:
  all_banks: Ir = I2N + rho (I3N - I2N), I1 = (I3N + (B - 1) Ir) / B, IB = I3N
  one_bank:  I1 = I3N, Ir = (B rho I3N + (1 - rho) I2N) / (B rho + 1 - rho), IB = Ir + B (I1 - Ir)
* ACT = V [(I0 - I1) tRAS + (I0 - Ib) tRP] and PRE = V (Ib - I2N) tRP, Ib being the current while precharging (I0 unless
  given), so that a loop of ACT and PRE costs exactly V I0 tRC, background included. Time that tRC has beyond
  tRAS + tRP is precharged and counted to ACT.
* RD, WR = V (I4 - base) for the time of a burst, base being IB, I1 or (LPDDR5 with bank groups, LPDDR6)
  I2 = I1 + (I1 - Ir).
* REFab = V (I5B - IB) tRFC. REFpb = V (I5PB* - I1) tRFCpb with I5PB* tRFCpb = I5PB tREFI/8 - I2N (tREFI/8 - tRFCpb),
  for data sheets give IDD5PB averaged; two banks at once half of V (I5PB* - I2) t each. Same-bank refresh
  V (I5C - Ir - G (I1 - Ir)) tRFCsb / G per bank, G bank groups.

* Power-down and self refresh draw V I3P (active), V I2P (precharge) and V I6. A rail of which a sheet does not tell one
  of them, while it tells it of others, is taken to draw its standby current.

The charge of a row is taken at data-sheet tRAS, tRP and tRC and stays the same when an operating point shortens them:
the charge still has to move. (DRAMPower scales it with tRAS.) Only the background follows the real times.

Not modelled: additive latency, temperature. Interface: `edensim.dram.interface`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from edensim.config import schema
from edensim.dram.data_dependence import NO_CHANGE, DataFactors
from edensim.dram.power_device import PowerDevice
from edensim.dram.typical import Shares


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
    refpb, refsb, ref2b, refdb : float
        pJ per bank of a refresh of one bank, the same bank of every group, two banks (LPDDR5, LPDDR6).
    pda, pdp, sref, dsm : float
        pJ per clock in active and precharge power-down, self refresh, deep sleep.
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
    refpb: float
    refsb: float
    ref2b: float
    refdb: float
    pda: float
    pdp: float
    sref: float
    dsm: float

    def typical(self, shares: Shares) -> RailCosts:
        """These costs scaled to measured devices; see `edensim.dram.typical`."""
        refresh = {name: getattr(self, name) * shares.refresh for name in ("ref", "refpb", "refsb", "ref2b", "refdb")}
        asleep = {name: getattr(self, name) * shares.standby for name in ("pda", "pdp", "sref", "dsm")}
        return replace(
            self,
            act=self.act * shares.row,
            pre=self.pre * shares.row,
            rd=self.rd * shares.read,
            wr=self.wr * shares.write,
            standby=self.standby * shares.standby,
            active=self.standby * shares.standby + (self.active - self.standby) * shares.active,
            bank=self.bank * shares.active,
            **refresh,
            **asleep,
        )

    def with_data(self, factors: DataFactors) -> RailCosts:
        """These costs for the data that move; they change what RD and WR draw from the core's supply."""
        if not self.follows_vdd or factors == NO_CHANGE:
            return self
        return replace(self, rd=self.rd * factors.rd, wr=self.wr * factors.wr)


def open_currents(rail: schema.Rail, basis: str, rho: float, banks: int) -> tuple[float, float, float]:
    """Currents (I1, Ir, IB) in mA: one bank open, the part common to all banks, all banks open."""
    if basis == "all_banks":
        common = rail.IDD2N + rho * (rail.IDD3N - rail.IDD2N)
        return (rail.IDD3N + (banks - 1) * common) / banks, common, rail.IDD3N
    common = (banks * rho * rail.IDD3N + (1 - rho) * rail.IDD2N) / (banks * rho + 1 - rho)
    return rail.IDD3N, common, common + banks * (rail.IDD3N - common)


def column_base(device: PowerDevice, rail: schema.Rail) -> float:
    """Background in mA below IDD4R and IDD4W."""
    one, common, every = open_currents(rail, device.idd3n_basis, device.rho, device.banks)
    return {"all_banks": every, "one_bank": one, "two_banks": one + (one - common)}[device.column_base]


def rail_costs(device: PowerDevice, shares: Shares | None = None) -> list[RailCosts]:
    """Costs of every rail of a device for one rank; with `shares` those of rails that follow VDD are typical ones."""
    costs = [_costs(device, name, rail) for name, rail in device.rails.items()]
    if shares is None:
        return costs
    return [rail.typical(shares) if rail.follows_vdd else rail for rail in costs]


def _costs(device: PowerDevice, name: str, rail: schema.Rail) -> RailCosts:
    one, common, every = open_currents(rail, device.idd3n_basis, device.rho, device.banks)
    base, two = column_base(device, rail), one + (one - common)
    ck = device.clocks
    # V * mA * ns = pJ
    unit = rail.voltage_v * device.clock_ns * device.devices
    row = (rail.IDD0 - one) * ck["nRAS"] + (rail.IDD0 - rail.IDD2N) * device.spare_ck
    precharging = rail.IDD0 if rail.IDD_precharge is None else rail.IDD_precharge
    return RailCosts(
        name,
        rail.voltage_v,
        rail.follows_vdd,
        act=unit * (row + (rail.IDD0 - precharging) * ck["nRP"]),
        pre=unit * (precharging - rail.IDD2N) * ck["nRP"],
        rd=unit * (rail.IDD4R - base) * device.burst_ck,
        wr=unit * (rail.IDD4W - base) * device.burst_ck,
        ref=unit * (rail.IDD5B - every) * ck["nRFC"],
        standby=unit * rail.IDD2N,
        active=unit * common,
        bank=unit * (one - common),
        refpb=unit * _unaveraged(device, rail, "nRFCpb", one),
        refsb=unit * _same_bank(device, rail, common + device.bank_groups * (one - common)),
        ref2b=unit * _unaveraged(device, rail, "nRFC2b", two) / 2,
        refdb=unit * _unaveraged(device, rail, "nRFCdb", two) / 2,
        pda=unit * _asleep(device, rail, "IDD3P", one),
        pdp=unit * _asleep(device, rail, "IDD2P", rail.IDD2N),
        sref=unit * _asleep(device, rail, "IDD6", rail.IDD2N),
        dsm=unit * (rail.IDD6DS or 0.0),
    )


def _asleep(device: PowerDevice, rail: schema.Rail, name: str, standby: float) -> float:
    """Current of a rail in power-down or self refresh; its standby current if other rails alone have one given."""
    if getattr(rail, name) is None:
        return standby if any(getattr(x, name) is not None for x in device.rails.values()) else 0.0
    return float(getattr(rail, name))


def _unaveraged(device: PowerDevice, rail: schema.Rail, name: str, base: float) -> float:
    """MA * clocks of a refresh whose current is given averaged over an eighth of tREFI, above `base`."""
    if name not in device.clocks or rail.IDD5PB is None:
        return 0.0
    duration, interval = device.clocks[name], device.clocks["nREFI"] / 8
    return rail.IDD5PB * interval - rail.IDD2N * (interval - duration) - base * duration


def _same_bank(device: PowerDevice, rail: schema.Rail, base: float) -> float:
    if "nRFCsb" not in device.clocks or rail.IDD5C is None:
        return 0.0
    return (rail.IDD5C - base) * device.clocks["nRFCsb"] / device.bank_groups


def impossible_currents(device: PowerDevice) -> list[str]:
    """Warnings about currents that no device can have, naming both; empty if there are none.

    Every cost is asked for its sign, so no command has a negative energy without a warning.
    """
    found = []
    for cost in rail_costs(device):
        rail, where = device.rails[cost.name], f"dram.power.rails.{cost.name}"
        for name, (command, low, high, base) in _needs(device, rail).items():
            # A cost of exactly zero (IDD4R = IDD3N on a pump's rail) may come out a rounding below it.
            if getattr(cost, name) < -1e-9 * cost.voltage_v:
                implied = (
                    "" if abs(base - getattr(rail, high)) < 1e-9 else f" (standby with the open banks: {base:.4g} mA)"
                )
                found.append(
                    f"{where}: {command} has negative energy: {low} = {getattr(rail, low) or 0:g} mA is too low for "
                    f"{high} = {getattr(rail, high):g} mA{implied}"
                )
        orders = [("IDD2P", "IDD2N"), ("IDD3P", "IDD3N"), ("IDD2N", "IDD3N")]
        found += [
            f"{where}: {low} = {a:g} mA is above {high} = {b:g} mA, which no state of a device explains"
            for low, high in orders
            if (a := getattr(rail, low)) is not None and a > (b := getattr(rail, high))
        ]
    return found


def _needs(device: PowerDevice, rail: schema.Rail) -> dict[str, tuple[str, str, str, float]]:
    """By cost: command, the current that must be high enough, the one it depends on, and what that implies in mA."""
    one, common, every = open_currents(rail, device.idd3n_basis, device.rho, device.banks)
    two, group, column = one + (one - common), common + device.bank_groups * (one - common), column_base(device, rail)
    needs = {
        "act": ("an activation", "IDD0", "IDD3N", one),
        "pre": ("a precharge", "IDD0", "IDD2N", rail.IDD2N),
        "rd": ("a read", "IDD4R", "IDD3N", column),
        "wr": ("a write", "IDD4W", "IDD3N", column),
        "ref": ("a refresh", "IDD5B", "IDD3N", every),
        "refpb": ("a per-bank refresh", "IDD5PB", "IDD3N", one),
        "refsb": ("a same-bank refresh", "IDD5C", "IDD3N", group),
        "ref2b": ("a refresh of two banks", "IDD5PB", "IDD3N", two),
        "refdb": ("a refresh of two banks", "IDD5PB", "IDD3N", two),
    }
    if rail.IDD_precharge is not None:
        needs["pre"] = ("a precharge", "IDD_precharge", "IDD2N", rail.IDD2N)
        if rail.IDD_precharge > rail.IDD0:
            needs["act"] = ("an activation", "IDD0", "IDD_precharge", rail.IDD_precharge)
    return needs
