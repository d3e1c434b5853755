"""Energy of the data pins: static current into a termination, and edges; counted from data or from rates.

Which level costs: a line terminated to VDDQ (`pod`: DDR4, DDR5, GDDR) draws current while it is low, one terminated to
ground (`lvstl`: LPDDR4 and later) while it is high, one terminated to the middle (`sstl`: DDR3) always, one without
termination never. Every rising edge charges the line. Data-bus inversion (DBI) inverts a byte in which more than half
of the bits have the costly level and says so on a ninth line.

Two descriptions of a line: driver, termination and capacitance (`[dram.power.io]`), or DRAMPower's equivalent
resistance and energy per edge (a memspec). With the second, clock and command lines are priced too; the levels of
command lines are taken as half low, because the bit patterns of commands are not modelled. A memspec has DRAMPower's
conventions: one strobe pair per rank (two for x16), counted once, not per device.

Not modelled: preambles and postambles, termination of other ranks, crosstalk, the receiver's standing current.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

from edensim.config import schema
from edensim.dram.data_dependence import BurstData, burst_data
from edensim.dram.power_device import PowerDevice

COMMAND_LINES = {"DDR4": 27, "DDR5": 14, "LPDDR4": 6, "LPDDR5": 7, "LPDDR6": 4}
"""Command and address lines whose levels are counted, per channel."""
COSTLY_LOW = ("DDR4", "DDR5")
"""Standards whose lines are pulled up to VDDQ; the LPDDR family terminates to ground."""


@dataclass(frozen=True)
class LineCounts:
    """Levels and edges of the data lines of one direction.

    Attributes
    ----------
    bursts : float
        Column commands.
    beats : float
        Transfers of all of them, one line counted.
    ones, zeros, rises : float
        Line beats at either level, and edges from low to high, over all data (and DBI) lines.
    """

    bursts: float = 0
    beats: float = 0
    ones: float = 0
    zeros: float = 0
    rises: float = 0

    def __add__(self, other: LineCounts) -> LineCounts:
        return LineCounts(*(getattr(self, x) + getattr(other, x) for x in self.__dataclass_fields__))


def expected_counts(
    bursts: float, beats: int, lines: int, ones_fraction: float, toggle_rate: float, dbi: str = "none"
) -> LineCounts:
    """Counts to be expected of data that are not known.

    Parameters
    ----------
    bursts : float
        Column commands.
    beats, lines : int
        Transfers of one burst, data lines.
    ones_fraction, toggle_rate : float
        Share of ones; edges (of both directions) per line and beat. Both in [0, 1].
    dbi : {"none", "low", "high"}
        Level that DBI makes rare. With DBI beats are taken as independent: rises = share of zeros x share of ones.
    """
    total = bursts * beats
    if dbi == "none":
        bits = total * lines
        return LineCounts(bursts, total, bits * ones_fraction, bits * (1 - ones_fraction), bits * toggle_rate / 2)
    p = 1 - ones_fraction if dbi == "low" else ones_fraction
    costly = sum(comb(8, k) * p**k * (1 - p) ** (8 - k) * (k if k <= 4 else 9 - k) for k in range(9)) / 9
    bits = total * lines * 9 / 8
    zeros = bits * (costly if dbi == "low" else 1 - costly)
    return LineCounts(bursts, total, bits - zeros, zeros, bits * costly * (1 - costly))


def assumed_counts(device: PowerDevice, bursts: float, data: BurstData | None = None) -> LineCounts:
    """Counts to be expected of a device's bursts, DBI if it is on; `data` default to the rates of its interface."""
    io, lines = device.io, device.devices * device.width_bits
    data = burst_data(io) if data is None else data
    dbi = {"pod": "low", "lvstl": "high"}.get(io.termination, "none") if io is not None and io.dbi else "none"
    return expected_counts(bursts, device.burst_length, lines, data.ones, data.pins, dbi)


def burst_io_pj(device: PowerDevice, data: BurstData | None = None) -> float:
    """Energy in pJ that one burst of expected data costs on DQ and DQS of a rank, at nominal VDDQ."""
    return 0.0 if device.io is None else data_pj(device, device.io, assumed_counts(device, 1, data))


def data_pj(device: PowerDevice, io: schema.Interface, counts: LineCounts) -> float:
    """Energy in pJ of counted data lines and their strobes, supplied from VDDQ at its nominal voltage.

    Static: a line that draws current does so for one beat (half a clock): V^2 / (Ron + Rtt), or with centre-tapped
    termination (twice Rtt to either rail) V^2 / (2 Rtt + Ron parallel 2 Rtt) at either level. Dynamic: C V swing per
    rising edge. A strobe is a pair of lines per byte (per device if narrower), of which one is low and one rises in
    every beat.
    """
    pairs = device.devices * max(1, device.width_bits // 8)
    strobe_beats = pairs * counts.beats
    edges = counts.rises + strobe_beats
    if io.termination == "none":
        return edges * io.c_load_pf * io.vddq_v**2
    swing_v = io.vddq_v * io.r_tt_ohm / (io.r_on_ohm + io.r_tt_ohm)
    if io.termination == "sstl":
        leg = 2 * io.r_tt_ohm
        lines = counts.ones + counts.zeros + 2 * strobe_beats
        ohm = leg + io.r_on_ohm * leg / (io.r_on_ohm + leg)
    else:
        lines = (counts.zeros if io.termination == "pod" else counts.ones) + strobe_beats
        ohm = io.r_on_ohm + io.r_tt_ohm
    # V^2 / ohm is in W; W * ns = 1000 pJ
    static = lines * io.vddq_v**2 / ohm * 1000 * device.clock_ns / 2
    return static + edges * io.c_load_pf * io.vddq_v * swing_v


def interface_pj(
    device: PowerDevice, clocks: float, commands: float, read: LineCounts, write: LineCounts
) -> dict[str, float]:
    """Energy of the interface by group of lines, in pJ at nominal VDDQ.

    Parameters
    ----------
    clocks, commands : float
        Clocks that went by, commands on the bus.
    read, write : LineCounts
        Data lines.

    Returns
    -------
    dict
        "read", "write" (DQ with DQS) and, for a memspec, "clock", "command"; static and dynamic parts together.
    """
    if not device.lines:
        io = device.io
        return (
            {"read": 0.0, "write": 0.0}
            if io is None
            else {
                "read": data_pj(device, io, read),
                "write": data_pj(device, io, write),
            }
        )
    low, pairs = device.standard in COSTLY_LOW, 2 if device.width_bits == 16 else 1
    half = device.clock_ns / 2
    parts = {
        "clock": _group(device, "ck", 2 * clocks, half, 2 * clocks),
        "command": _group(
            device,
            "ca",
            COMMAND_LINES.get(device.standard, 0) * commands / 2,
            device.clock_ns,
            COMMAND_LINES.get(device.standard, 0) * commands / 4,
        ),
    }
    for name, counts, letter in (("read", read, "r"), ("write", write, "w")):
        costly = counts.zeros if low else counts.ones
        beat_ns = half * device.burst_ck * 2 / device.burst_length if device.burst_length else half
        strobes = pairs * counts.beats
        parts[name] = _group(device, f"{letter}dq", costly, beat_ns, counts.rises) + _group(
            device, f"{letter}dqs", strobes, beat_ns, strobes
        )
    return parts


def _group(device: PowerDevice, name: str, costly: float, beat_ns: float, rises: float) -> float:
    """Static and dynamic energy in pJ of a group of lines of a memspec."""
    lines, volt = device.lines, device.lines.get("vddq", 0.0)
    if f"{name}_R_eq" not in lines:
        return 0.0
    static = costly * volt**2 / lines[f"{name}_R_eq"] * beat_ns * 1000 if lines.get(f"{name}_termination", 1) else 0.0
    return static + rises * lines[f"{name}_dyn_E"] * 1e12
