"""How the energy of a burst depends on the data it moves, as measured on real devices.

Two published laws, both linear in what they count, so means over many bursts are exact:

* VAMPIRE (Ghose et al., SIGMETRICS 2018; 50 DDR3L-1600 modules, vendors A, B, C): current of a module during a burst
  in mA, c0 + c1 ones / 8 + c2 toggles / 8, ones and toggles over the 512 bits of a cache line. Coefficients for
  accesses to the same bank and another column. Reading ones costs; writing zeros costs.
* Ayna (CMU-SAFARI HBM-Power, 2026; HBM2): 3.18 + 1.04 q + 1.49 s + 1.41 g pJ per bit, q, s, g being the toggle rates of
  data pins, stack bus and bank-group bus, in [0, 1]; random data cost 1.62 times static ones in the source.

They are given as factors relative to random data, to multiply what RD and WR cost above background. The data are those
that move: give the array after bit errors, and errors are seen. Neither law was measured below nominal voltage.

Not modelled: VAMPIRE's bank factors (1.00 to 1.08), other access patterns than column after column, activations.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

LINE_BITS = 512
VAMPIRE = {
    "a": ((246.44, 6.558, 0.431), (728.75, -5.056, 0.712)),
    "b": ((217.42, 4.342, 0.548), (664.40, -4.810, 0.204)),
    "c": ((234.42, 4.321, 0.693), (565.86, -4.012, 0.259)),
}
"""Vendor -> (read, write) -> (c0, c1, c2) in mA: column-interleaved accesses, from the public VAMPIRE source."""
AYNA = (3.18, 1.04, 1.49, 1.41)
"""pJ per bit: constant, data pins, stack bus, bank-group bus."""


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
    """Current of a DDR3L module during a burst, in mA; `vendor` is "a", "b" or "c"."""
    constant, per_ones, per_toggles = VAMPIRE[vendor][int(write)]
    return constant + per_ones * statistics.ones / 8 + per_toggles * statistics.toggles / 8


def vampire_factor(vendor: str, write: bool, statistics: LineStatistics) -> float:
    """Burst current relative to that of random data (1.0 for half ones, half toggles)."""
    return vampire_ma(vendor, write, statistics) / vampire_ma(vendor, write, RANDOM)


def ayna_pj_per_bit(pins: float, stack: float, group: float) -> float:
    """Energy of one bit of HBM2 in pJ by the toggle rates of its three buses, each in [0, 1]."""
    constant, q, s, g = AYNA
    return constant + q * pins + s * stack + g * group


def ayna_factor(pins: float, stack: float, group: float) -> float:
    """Energy of a bit relative to random data (all rates 0.5)."""
    return ayna_pj_per_bit(pins, stack, group) / ayna_pj_per_bit(0.5, 0.5, 0.5)
