"""What an operating point does to reads: the ways in which they fail, and rates that follow from them.

A failure is drawn in two steps: a place (bit or line) is weak with a probability that depends on its bank and stripe of
rows, once and for all; a weak place then fails in each read with the same probability. Rates here are expectations for
independent places; where the weak places lie is decided by the weak-cell map.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
BASES = ("nominal", "measured", "scaled", "extrapolated")
"""How well founded a point is, best first."""


@dataclass(frozen=True, eq=False)
class Failure:
    """One way in which reads fail.

    Attributes
    ----------
    knob : str
        The setting that causes it: tRCD, tRP, VDD, tRAS, tREFI, or several joined by "+".
    unit : str
        What is weak: a "bit" or a whole cache "line".
    effect : str
        What a failing bit reads: "value": a value of its own, 0 with probability `one_share`, so it flips only if it
        stores the other; "previous_row": the bit of the row that was open before; "flip": the inverse.
    weak : float64 array, shape (banks, 2)
        Share of weak units by bank and by row stripe (0: strong, 1: weak stripe; each holds half of the rows).
    fails : float64 array, shape (banks, 2)
        Probability that a weak unit there fails in one read.
    one_share : float
        Flips of stored ones over flips of ones and zeros together, in equally many ones and zeros.
    bits_per_line : tuple of int
        Bits that flip in a failing line: least, assumed, most ("line" only, else zeros).
    line_bits : int
        Bits of a line.
    row_group, row_correlation, row_own : int, float, float
        Rows of a group, and what its lines have in common, see `row_groups`.
    basis : str
        One of `BASES`.
    """

    knob: str
    unit: Literal["bit", "line"]
    effect: Literal["value", "previous_row", "flip"]
    weak: Floats
    fails: Floats
    one_share: float
    basis: str
    bits_per_line: tuple[int, int, int] = (0, 0, 0)
    line_bits: int = 512
    row_group: int = 128
    row_correlation: float = 0.0
    row_own: float = 1.0

    @property
    def share(self) -> float:
        """Share of all units that fail in one read."""
        return float((self.weak * self.fails).mean())

    def ber_by_bank(self, k: int = 1, previous_differs: float = 0.5) -> Floats:
        """Expected bit error rate of each bank, for equally many ones and zeros (k: 0 least, 1 assumed, 2 most)."""
        share = (self.weak * self.fails).mean(1)
        if self.unit == "line":
            return np.asarray(share * self.bits_per_line[k] / self.line_bits)
        return np.asarray(share * {"value": 0.5, "flip": 1.0, "previous_row": previous_differs}[self.effect])

    def ber_of(self, stored: int, k: int = 1, previous_differs: float = 0.5) -> float:
        """Expected bit error rate of bits that store 0 or 1."""
        mean = float(self.ber_by_bank(k, previous_differs).mean())
        if self.effect == "previous_row":
            return mean
        return 2 * mean * (self.one_share if stored else 1 - self.one_share)


@dataclass(frozen=True, eq=False)
class Reliability:
    """Everything that fails at one operating point of one chip."""

    failures: tuple[Failure, ...]
    basis: str
    notes: tuple[str, ...] = ()

    @property
    def ber(self) -> float:
        """Expected bit error rate for equally many ones and zeros and unrelated rows."""
        return float(self.ber_by_bank().mean()) if self.failures else 0.0

    @property
    def ber_band(self) -> tuple[float, float]:
        """The same for the fewest and the most bits per failing line."""
        if not self.failures:
            return 0.0, 0.0
        return float(self.ber_by_bank(0).mean()), float(self.ber_by_bank(2).mean())

    def ber_by_bank(self, k: int = 1, previous_differs: float = 0.5) -> Floats:
        """Expected bit error rate of each bank (arguments as for `Failure`); failures strike independently."""
        clean = np.ones(1)
        for failure in self.failures:
            clean = clean * (1 - failure.ber_by_bank(k, previous_differs))
        return np.asarray(1 - clean)

    def ber_of(self, stored: int) -> float:
        """Expected bit error rate of bits that store 0 or 1."""
        return 1 - float(np.prod([1 - failure.ber_of(stored) for failure in self.failures]))

    @property
    def line_fraction(self) -> float:
        """Share of cache lines with an error in any of many reads: weak lines, and lines that hold a weak bit."""
        clean = np.ones((1, 2))
        for failure in self.failures:
            weak = np.minimum(failure.weak, 1.0)
            clean = clean * (1 - weak if failure.unit == "line" else (1 - weak) ** failure.line_bits)
        return float(1 - clean.mean())


def worst(bases: list[str]) -> str:
    """Return the least founded basis of a list, "nominal" if it is empty."""
    return max(bases, key=BASES.index, default="nominal")
