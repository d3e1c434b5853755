"""Micron's power calculators (TN-41-01 for DDR3, TN-40-07 for DDR4) as a second, independent way to the same power.

The method schedules powers instead of counting energies: every current is a power at the largest VDD, each is weighted
with the share of time it flows, and the sum is de-rated by (VDD / VDD max)^2. Per rail (VPP has the same terms):

=========== ==============================================================================================
PRE_PDN     I2P V BNK_PRE CKE_LO_PRE
PRE_STBY    I2N V BNK_PRE (1 - CKE_LO_PRE)
ACT_PDN     I3P V (1 - BNK_PRE) CKE_LO_ACT
ACT_STBY    I3N V (1 - BNK_PRE) (1 - CKE_LO_ACT)
ACT         V [I0 - (I3N tRAS + I2N (tRC - tRAS)) / tRC] tRC / tRRDsch
RD, WR      V (I4 - I3N) share of time with data
REF         V (I5B - I3N) tRFC / interval of refreshes
=========== ==============================================================================================

It agrees with `edensim.dram.power` when IDD3N is charged whenever any bank is open (rho = 1), timings are those of the
data sheet and VDD is VDD max; differences beyond that are assumptions, not errors. Implemented after two public
re-implementations (the `energydram` package and a Python port of the DDR3 spreadsheet), not after the notes.

Not here: I/O and termination, self refresh, de-rating by frequency, LPDDR (which Micron's calculators do not cover).
"""

from __future__ import annotations

from dataclasses import dataclass

from edensim.dram.command_counts import CommandCounts
from edensim.dram.power_device import PowerDevice

TERMS = ("PRE_PDN", "PRE_STBY", "ACT_PDN", "ACT_STBY", "ACT", "RD", "WR", "REF")


@dataclass(frozen=True)
class Schedule:
    """What the calculators ask about the use of one rank.

    Attributes
    ----------
    all_closed : float
        BNK_PRE%: share of time with all banks closed, in [0, 1].
    low_closed, low_open : float
        CKE_LO_PRE% and CKE_LO_ACT%: shares in power-down of the time with all banks closed, and with any open.
    row_interval_ns : float
        tRRDsch: mean time between activations; inf without any.
    reading, writing : float
        Shares of time with data on the bus.
    refresh_interval_ns : float
        Mean time between refreshes; inf without any.
    """

    all_closed: float
    low_closed: float
    low_open: float
    row_interval_ns: float
    reading: float
    writing: float
    refresh_interval_ns: float


def schedule_of(device: PowerDevice, counts: CommandCounts, rank: int = 0) -> Schedule:
    """The calculators' inputs for what a rank did (without self refresh)."""
    clocks = counts.clocks
    open_ck, pda, pdp = (int(x[rank]) for x in (counts.active_ck, counts.pda_ck, counts.pdp_ck))
    closed_ck = clocks - open_ck - pda
    rows, refreshes = int(counts.n_act[rank].sum()), int(counts.n_refab[rank, 0])
    reads, writes = (
        int(a[rank].sum() + b[rank].sum()) for a, b in ((counts.n_rd, counts.n_rda), (counts.n_wr, counts.n_wra))
    )
    time_ns = clocks * device.clock_ns
    return Schedule(
        all_closed=closed_ck / clocks,
        low_closed=pdp / closed_ck if closed_ck else 0.0,
        low_open=pda / (open_ck + pda) if open_ck + pda else 0.0,
        row_interval_ns=time_ns / rows if rows else float("inf"),
        reading=reads * device.burst_ck / clocks,
        writing=writes * device.burst_ck / clocks,
        refresh_interval_ns=time_ns / refreshes if refreshes else float("inf"),
    )


def micron_power_mw(
    device: PowerDevice, schedule: Schedule, vdd_v: float | None = None, vdd_max_v: float | None = None
) -> dict[str, dict[str, float]]:
    """Power of a rank by rail and term, in mW.

    Parameters
    ----------
    device : PowerDevice
    schedule : Schedule
    vdd_v : float, optional
        VDD in use; default nominal.
    vdd_max_v : float, optional
        Largest VDD of the data sheet, at which its currents hold (1.575 V for DDR3, 1.45 V for DDR3L, 1.26 V for DDR4);
        default nominal.
    """
    ck, out = device.clocks, {}
    row_ns = (ck["nRAS"] + ck["nRP"] + device.spare_ck) * device.clock_ns
    open_share = ck["nRAS"] * device.clock_ns / row_ns
    refresh_ns = ck["nRFC"] * device.clock_ns
    closed, opened = schedule.all_closed, 1 - schedule.all_closed
    for name, rail in device.rails.items():
        volt, derate = rail.voltage_v, 1.0
        if rail.follows_vdd:
            volt = vdd_max_v or rail.voltage_v
            derate = ((vdd_v or rail.voltage_v) / volt) ** 2
        background = rail.IDD3N * open_share + rail.IDD2N * (1 - open_share)
        current = {
            "PRE_PDN": (rail.IDD2P or 0.0) * closed * schedule.low_closed,
            "PRE_STBY": rail.IDD2N * closed * (1 - schedule.low_closed),
            "ACT_PDN": (rail.IDD3P or 0.0) * opened * schedule.low_open,
            "ACT_STBY": rail.IDD3N * opened * (1 - schedule.low_open),
            "ACT": (rail.IDD0 - background) * row_ns / schedule.row_interval_ns,
            "RD": (rail.IDD4R - rail.IDD3N) * schedule.reading,
            "WR": (rail.IDD4W - rail.IDD3N) * schedule.writing,
            "REF": (rail.IDD5B - rail.IDD3N) * refresh_ns / schedule.refresh_interval_ns,
        }
        out[name] = {term: volt * derate * current[term] * device.devices for term in TERMS}
    return out
