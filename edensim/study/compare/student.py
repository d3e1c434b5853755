"""Student's t distribution and Welch's test of two means.

Modelled: unequal spreads and unequal numbers of seeds (Welch, Biometrika 34, 1947; degrees of freedom by
Satterthwaite). Not modelled: seeds shared by both sides (a paired test would be sharper), spreads that are far from
normal.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, variance

CONFIDENCE = 0.95
LEAST_SEEDS = 3
_STEPS = 300
_TINY = 1e-300


@dataclass(frozen=True)
class Welch:
    """Difference of two means: interval that covers it with 95 %, and two-sided p-value."""

    low: float
    high: float
    p: float
    seeds: tuple[int, int]


def welch(a: Sequence[float], b: Sequence[float]) -> Welch:
    """Test whether the mean of `b` differs from that of `a`; each needs two values or more.

    Without any spread the interval is the difference itself, and p is 0 (they differ) or 1 (they are equal).
    """
    seeds = (len(a), len(b))
    difference = mean(b) - mean(a)
    va, vb = (variance(x) / len(x) if min(x) < max(x) else 0.0 for x in (a, b))
    if va + vb == 0.0:
        return Welch(difference, difference, float(difference == 0.0), seeds)
    # Shares, not squares of variances, which would overflow for energies in pJ.
    share = va / (va + vb)
    freedom = 1 / (share**2 / (len(a) - 1) + (1 - share) ** 2 / (len(b) - 1))
    error = math.sqrt(va + vb)
    reach = error * quantile(0.5 + CONFIDENCE / 2, freedom)
    return Welch(difference - reach, difference + reach, two_sided(difference / error, freedom), seeds)


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean; of equal values exactly that value, so that rounding makes no difference."""
    return values[0] if min(values) == max(values) else fmean(values)


def holm(p: Iterable[float]) -> list[float]:
    """P-values adjusted for their number (Holm, Scand. J. Statist. 6, 1979), in the order given."""
    values = list(p)
    adjusted = [0.0] * len(values)
    largest = 0.0
    for rank, k in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        largest = max(largest, min(1.0, values[k] * (len(values) - rank)))
        adjusted[k] = largest
    return adjusted


def two_sided(t: float, freedom: float) -> float:
    """Probability of |T| >= |t| for T of Student's distribution with `freedom` > 0 degrees of freedom."""
    square = t * t
    if square < freedom:
        return 1 - _beta(square / (freedom + square), 0.5, freedom / 2)
    return _beta(freedom / (freedom + square), freedom / 2, 0.5)


def quantile(p: float, freedom: float) -> float:
    """Value that T of Student's distribution stays below with probability `p` (0.5 <= p < 1), by bisection."""
    low, high = 0.0, 1.0
    while 1 - two_sided(high, freedom) / 2 < p:
        low, high = high, 2 * high
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if 1 - two_sided(middle, freedom) / 2 < p else (low, middle)
    return (low + high) / 2


def _beta(x: float, a: float, b: float) -> float:
    """Regularised incomplete beta function (continued fraction, NIST DLMF 8.17.22)."""
    if x in (0.0, 1.0):
        return x
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta(1 - x, b, a)
    front = math.exp(a * math.log(x) + b * math.log1p(-x) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b))
    return front / a / _fraction(x, a, b)


def _fraction(x: float, a: float, b: float) -> float:
    """Value of 1 + d1/(1 + d2/(1 + …)), by Lentz's method."""
    value = c = 1.0
    d = 0.0
    for n in range(1, _STEPS):
        m = n // 2
        if n % 2:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / ((1 + term * d) or _TINY)
        c = (1 + term / c) or _TINY
        value *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return value
