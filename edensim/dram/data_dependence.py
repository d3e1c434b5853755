"""How the energy of a burst depends on the data it moves, as measured on real devices.

Two published laws, both linear in what they count, so means over many bursts are exact:

* VAMPIRE (Ghose et al., SIGMETRICS 2018; 50 DDR3L-1600 modules, vendors A, B, C): current of a module during a burst
  in mA, c0 + c1 ones / 8 + c2 toggles / 8, ones and toggles over the 512 bits of a cache line. Coefficients for
  accesses to the same bank and another column. Reading ones costs; writing zeros costs.
* Ayna (CMU-SAFARI HBM-Power, 2026; HBM2): 3.18 + 1.04 q + 1.49 s + 1.41 g pJ per bit, q, s, g being the toggle rates of
  data pins, stack bus and bank-group bus (from burst to burst), in [0, 1]; random data cost 1.62 times static ones in
  the source. Fitted to reads; the source applies it to writes too.

Both become factors on what RD and WR draw *above standby*, relative to the data with which IDD4R and IDD4W were
measured (`dram.power.idd4_data`; random data have half ones, half toggles). The data are those that move: give the
array after bit errors, and errors are seen. Neither law was measured below nominal voltage.

Where nobody simulates data, `[energy.data]` gives their rates, and `[dram.power.io]` those it leaves out; the data pins
(`edensim.dram.interface`) see the same rates.

Not modelled: VAMPIRE's bank factors (1.00 to 1.08), other access patterns than column after column, activations, data
in which consecutive bits depend on each other in other ways than these rates say.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from edensim.config import schema

LINE_BITS = 512
VAMPIRE = {
    "a": ((246.44, 6.558, 0.431), (728.75, -5.056, 0.712)),
    "b": ((217.42, 4.342, 0.548), (664.40, -4.810, 0.204)),
    "c": ((234.42, 4.321, 0.693), (565.86, -4.012, 0.259)),
}
"""Vendor -> (read, write) -> (c0, c1, c2) in mA: column-interleaved accesses, from the public VAMPIRE source."""
VAMPIRE_STANDBY_MA = {name: pj / 2.5 / 1.35 for name, pj in (("a", 129.3598), ("b", 161.6844), ("c", 112.6297))}
"""Active standby of the same modules: the source gives pJ per 2.5 ns, at 1.35 V."""
AYNA = (3.18, 1.04, 1.49, 1.41)
"""pJ per bit: constant, data pins, stack bus, bank-group bus."""
MEASURED_ON = {"vampire": ("DDR3", "DDR3L-1600 modules"), "ayna": ("HBM", "HBM2 stacks")}
"""Law -> standards it belongs to (by their beginning), and what was measured."""


class LineStatistics(NamedTuple):
    """Means over lines of 512 bits.

    Attributes
    ----------
    ones : float
        Ones per line, 0 to 512.
    toggles : float
        Bits that differ from the line before, 0 to 512.
    """

    ones: float
    toggles: float


RANDOM = LineStatistics(LINE_BITS / 2, LINE_BITS / 2)


class BurstData(NamedTuple):
    """What moves, as rates in [0, 1].

    Attributes
    ----------
    ones : float
        Share of ones.
    pins : float
        Edges per bit on the data pins, both directions.
    lines : float
        Share of bits that differ from the burst before: what a bank-group bus sees.
    stack : float
        Toggle rate of the bus through a stack.
    """

    ones: float = 0.5
    pins: float = 0.5
    lines: float = 0.5
    stack: float = 0.5

    @property
    def line(self) -> LineStatistics:
        """Ones and toggles of a line of 512 bits."""
        return LineStatistics(LINE_BITS * self.ones, LINE_BITS * self.lines)

    @property
    def buses(self) -> tuple[float, float, float]:
        """Toggle rates of data pins, stack and bank group."""
        return self.pins, self.stack, self.lines


STATIC = BurstData(0.0, 0.0, 0.0, 0.0)
"""Zeros, again and again."""


class Moved(NamedTuple):
    """What moves in either direction."""

    read: BurstData
    write: BurstData


class DataFactors(NamedTuple):
    """Factors on what RD and WR draw above standby."""

    rd: float = 1.0
    wr: float = 1.0


NO_CHANGE = DataFactors()


def burst_data(io: schema.Interface | None, given: schema.EnergyData | None = None) -> BurstData:
    """The rates of `[energy.data]`; what it leaves out comes from the memory's data pins, or is that of random data."""
    ones, pins = (0.5, 0.5) if io is None else (io.ones_fraction, io.toggle_rate)
    if given is None:
        return BurstData(ones, pins, pins, pins)
    ones = ones if given.ones_fraction is None else given.ones_fraction
    pins = pins if given.toggle_rate is None else given.toggle_rate
    others = (given.line_toggle_rate, given.stack_toggle_rate)
    return BurstData(ones, pins, *(pins if rate is None else rate for rate in others))


def data_factors(law: str, data: BurstData, measured_with: str = "random") -> DataFactors:
    """Factors on RD and WR by a law of `[energy.data]`.

    Parameters
    ----------
    law : str
        "none", "vampire_a", "vampire_b", "vampire_c" or "ayna".
    data : BurstData
        What moves.
    measured_with : {"random", "static"}
        Data with which the currents were measured.
    """
    base = STATIC if measured_with == "static" else BurstData()
    if law == "none":
        return NO_CHANGE
    if law == "ayna":
        factor = ayna_pj_per_bit(*data.buses) / ayna_pj_per_bit(*base.buses)
        return DataFactors(factor, factor)
    vendor = law.removeprefix("vampire_")
    return DataFactors(*(vampire_factor(vendor, write, data.line, base.line) for write in (False, True)))


def moved_factors(law: str, moved: Moved, measured_with: str = "random") -> DataFactors:
    """Factors on RD and WR, each by the data that move in its direction; see `data_factors`."""
    read, write = (data_factors(law, data, measured_with) for data in moved)
    return DataFactors(read.rd, write.wr)


def foreign_law(law: str, standard: str) -> list[str]:
    """A warning if the law was measured on another kind of memory."""
    standards, devices = MEASURED_ON.get(law.partition("_")[0], (standard, ""))
    if standard.startswith(standards):
        return []
    return [f"energy.data.law = {law!r} was measured on {devices}; for {standard} it is a guess"]


def line_statistics(data: npt.NDArray[np.generic]) -> LineStatistics:
    """Statistics of an array as it moves, 64 bytes at a time; a rest that fills no line is left out.

    Parameters
    ----------
    data : array
        Any dtype and shape; its bytes in memory order are what moves. At least 64 bytes.
    """
    raw = np.ascontiguousarray(data).view(np.uint8).ravel()
    lines = raw[: len(raw) // 64 * 64].view(np.uint64).reshape(-1, 8)
    if not len(lines):
        raise ValueError(f"{raw.size} bytes fill no line of 64")
    ones = float(np.bitwise_count(lines).sum()) / len(lines)
    if len(lines) == 1:
        return LineStatistics(ones, 0.0)
    return LineStatistics(ones, float(np.bitwise_count(lines[1:] ^ lines[:-1]).sum()) / (len(lines) - 1))


def vampire_ma(vendor: str, write: bool, statistics: LineStatistics) -> float:
    """Current of a DDR3L module during a burst, in mA, standby included; `vendor` is "a", "b" or "c"."""
    constant, per_ones, per_toggles = VAMPIRE[vendor][int(write)]
    return constant + per_ones * statistics.ones / 8 + per_toggles * statistics.toggles / 8


def vampire_factor(vendor: str, write: bool, statistics: LineStatistics, base: LineStatistics = RANDOM) -> float:
    """Burst current above standby, relative to that of `base` (default: random data)."""
    standby = VAMPIRE_STANDBY_MA[vendor]
    return (vampire_ma(vendor, write, statistics) - standby) / (vampire_ma(vendor, write, base) - standby)


def ayna_pj_per_bit(pins: float, stack: float, group: float) -> float:
    """Energy of one bit of HBM2 above standby in pJ, by the toggle rates of its three buses, each in [0, 1]."""
    constant, q, s, g = AYNA
    return constant + q * pins + s * stack + g * group
