"""The standard normal distribution in which all laws are written, accurate in both tails."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

from edensim.rng import key, uniform

_NORMAL = NormalDist()
Z_NONE = -40.0
"""Quantile of a share of 0."""


def share_of(z: float) -> float:
    """Share of a standard normal population below `z`; relative error below 1e-13 down to z = -37."""
    return 0.5 * math.erfc(-z / math.sqrt(2))


def z_of(share: float) -> float:
    """Quantile of a share in [0, 1]; -40 for 0 and 40 for 1."""
    if share <= 0:
        return Z_NONE
    return _NORMAL.inv_cdf(share) if share < 1 else -Z_NONE


def normal(seed: int, *words: int | str) -> float:
    """Standard normal number that `words` name under `seed`."""
    return _NORMAL.inv_cdf(float(uniform(key(seed, *words), 0)))


def common_z(share: float, offsets: Sequence[float]) -> float:
    """Quantile c for which groups of equal size at c + offset have `share` on average.

    Offsets then say how groups (banks, stripes of rows) differ and never change how much fails altogether.
    """
    if not offsets or not 0 < share < 1:
        return z_of(share)
    if min(offsets) == max(offsets):
        return z_of(share) - offsets[0]
    low, high = z_of(share) - max(offsets), z_of(share) - min(offsets)
    for _ in range(80):
        middle = (low + high) / 2
        if sum(share_of(middle + offset) for offset in offsets) < share * len(offsets):
            low = middle
        else:
            high = middle
    return (low + high) / 2
