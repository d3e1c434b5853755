"""How sure one is of an accuracy that was measured under several draws of the errors.

The unit is a *draw*: one pattern of errors in the weights, met by all images that are read with it. Images of one draw
are not independent, so intervals are over draws, by Student's t. Not modelled: the choice of the images themselves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev

from edensim.errors import ConfigError


@dataclass(frozen=True)
class Estimate:
    """Mean accuracy of several draws and its confidence interval, fractions."""

    mean: float
    low: float
    high: float
    draws: int

    @classmethod
    def of(cls, shares: Sequence[float], confidence: float = 0.95) -> Estimate:
        """Estimate from the accuracy under each draw; with one draw the interval is 0 … 1.

        Raises
        ------
        ConfigError
            If there are no draws, or an accuracy is NaN.
        """
        if not shares or any(math.isnan(x) for x in shares):
            raise ConfigError("an accuracy is NaN, or nothing was measured; expected fractions from 0 to 1")
        mean = fmean(shares)
        if len(shares) < 2:
            return cls(mean, 0.0, 1.0, len(shares))
        half = student_quantile(0.5 + confidence / 2, len(shares) - 1) * stdev(shares) / math.sqrt(len(shares))
        return cls(mean, max(0.0, mean - half), min(1.0, mean + half), len(shares))

    def verdict(self, target: float) -> bool | None:
        """Whether the accuracy reaches a target; None if the interval holds it."""
        if self.low >= target:
            return True
        return False if self.high < target else None


def student_quantile(share: float, freedom: int) -> float:
    """Quantile of Student's t, exact for 1 and 2 degrees of freedom, else to 1 % (Abramowitz & Stegun 26.7.5)."""
    if freedom == 1:
        return math.tan(math.pi * (share - 0.5))
    if freedom == 2:
        return (2 * share - 1) / math.sqrt(2 * share * (1 - share))
    z, v = NormalDist().inv_cdf(share), freedom
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return float(z + sum(term / v**k for k, term in enumerate(terms, 1)))
