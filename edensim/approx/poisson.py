"""Poisson distributed numbers by inversion of one 64-bit word: exact tables, integers only when drawing.

K is the number of thresholds above the word u, where threshold k is 2^64 P(K > k); so K grows with the mean for a fixed
u. Probabilities below 2^-64 and rounding of the thresholds (relative 2^-52) are all that is missing.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
REACH = 13  # standard deviations on either side; what lies beyond has less than 2^-64


@lru_cache(maxsize=4096)
def thresholds(mean: float) -> tuple[int, Words]:
    """Smallest possible K, and the thresholds for K above it, falling; `mean` is finite and not negative."""
    if mean == 0:
        return 0, np.zeros(0, np.uint64)
    reach = REACH * math.sqrt(mean) + 60
    first, mode, last = max(0, math.floor(mean - reach)), math.floor(mean), math.ceil(mean + reach)
    # Ratios of neighbours, outwards from the mode: exact products instead of logarithms of factorials.
    up = np.cumprod(mean / np.arange(mode + 1, last + 1))
    down = np.cumprod(np.arange(mode, first, -1) / mean)
    share = np.concatenate([down[::-1], [1.0], up])
    above = np.cumsum(share[::-1])[::-1][1:] / math.fsum(share)  # P(K > first), P(K > first + 1) …
    sure = int(np.count_nonzero(above >= 1 - 2.0**-53))
    scaled = np.floor(above[sure:] * 2.0**64)
    table = scaled[scaled > 0].astype(np.uint64)
    table.flags.writeable = False
    return first + sure, table


def mean_of_share(cells: int, share: float) -> float:
    """Mean number of points thrown on so many cells that hits each of them at least once with probability `share`."""
    return -cells * math.log1p(-share)


def mean_of_parity(cells: int, share: float) -> float:
    """Mean number of points that hits each cell an odd number of times with probability `share` (below 1/2)."""
    return -cells * math.log1p(-2 * share) / 2
