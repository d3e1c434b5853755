"""Energy of the data pins: static current into a termination, and edges; counted from data or from rates.

Which level costs: a line terminated to VDDQ (`pod`: DDR4, DDR5, GDDR) draws current while it is low, one terminated to
ground (`lvstl`: LPDDR4 and later) while it is high, one terminated to the middle (`sstl`: DDR3) always, one without
termination never. Every rising edge charges the line. Data-bus inversion (DBI) inverts a byte in which more than half
of the bits have the costly level and says so on a ninth line.

Two descriptions of a line: driver, termination and capacitance (`[dram.power.io]`), or DRAMPower's equivalent
resistance and energy per edge (a memspec). With the second, clock and command lines are priced too: the commands' very
levels where a trace tells row and column and the standard is in `edensim.dram.command_bus`, half of the lines low
elsewhere. A memspec has DRAMPower's conventions: one strobe pair per rank (two for x16), counted once, not per device;
no DBI. One is not taken over: beats of LPDDR5 last a clock / (2 WCK2CK) and WCK toggles, where DRAMPower 6.2 takes half
a clock and, by an integer division, no edge of WCK.

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

    def __mul__(self, share: float) -> LineCounts:
        return LineCounts(*(getattr(self, x) * share for x in self.__dataclass_fields__))


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
    return expected_counts(bursts, device.burst_length, lines, data.ones, data.pins, device.dbi)


def expected_command_counts(device: PowerDevice, commands: float) -> LineCounts:
    """Counts of a command bus whose commands are not known: a word each, half of the lines low, a quarter rises."""
    lines = COMMAND_LINES.get(device.standard, 0) * commands
    return LineCounts(commands, commands, lines / 2, lines / 2, lines / 4)


def idles_high(standard: str) -> bool:
    """Whether lines between bursts are high, and cost while they are low; the LPDDR family terminates to ground."""
    return not standard.startswith("LPDDR")


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
    device: PowerDevice, clocks: float, commands: LineCounts, read: LineCounts, write: LineCounts
) -> dict[str, float]:
    """Energy of the interface by group of lines, in pJ at nominal VDDQ.

    Parameters
    ----------
    clocks : float
        Clocks that went by.
    commands, read, write : LineCounts
        Command and data lines.

    Returns
    -------
    dict
        "read", "write" (DQ with DQS) and, for a memspec, "clock", "command"; static and dynamic parts together.
    """
    if not device.lines:
        io = device.io
        if io is None:
            return {"read": 0.0, "write": 0.0}
        return {"read": data_pj(device, io, read), "write": data_pj(device, io, write)}
    low, clock_ns, bursting_ck = idles_high(device.standard), device.clock_ns, read.bursts + write.bursts
    bursting_ck *= device.burst_ck
    word_ns = clock_ns / 2 if device.wck_per_ck else clock_ns  # commands of LPDDR5 move on both edges
    beat_ns = clock_ns * device.burst_ck / device.burst_length
    running_ck = clocks if device.wck_always_on else bursting_ck
    wck_edges = 2 * device.wck_per_ck * running_ck
    parts = {
        # Of the two lines of a clock one is always at the costly level.
        "clock": _group(device, "ck", clocks, clock_ns, 2 * clocks)
        + _group(device, "wck", running_ck if device.wck_per_ck else 0, clock_ns, wck_edges),
        "command": _group(device, "ca", commands.zeros if low else commands.ones, word_ns, commands.rises),
    }
    for name, counts, letter in (("read", read, "r"), ("write", write, "w")):
        strobes = (2 if device.width_bits == 16 else 1) * counts.beats
        parts[name] = _group(device, f"{letter}dq", counts.zeros if low else counts.ones, beat_ns, counts.rises)
        parts[name] += _group(device, f"{letter}dqs", strobes, beat_ns, strobes)
    return parts


def _group(device: PowerDevice, name: str, costly: float, each_ns: float, rises: float) -> float:
    """Energy in pJ of a group of lines of a memspec: so often at the costly level for `each_ns`, and so many edges."""
    lines, volt = device.lines, device.lines.get("vddq", 0.0)
    if f"{name}_R_eq" not in lines:
        return 0.0
    static = costly * volt**2 / lines[f"{name}_R_eq"] * each_ns * 1000 if lines.get(f"{name}_termination", 1) else 0.0
    return static + rises * lines[f"{name}_dyn_E"] * 1e12
