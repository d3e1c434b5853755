"""Tables of Poisson numbers against exact decimal arithmetic."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest

from edensim.approx.poisson import mean_of_parity, mean_of_share, thresholds


def above(mean: float, count: int) -> list[Decimal]:
    """P(K > 0), P(K > 1) … of a Poisson number, to 60 digits."""
    with localcontext() as context:
        context.prec = 60
        share, total, found = (-Decimal(mean)).exp(), Decimal(0), []
        for k in range(count):
            total += share
            found.append(1 - total)
            share = share * Decimal(mean) / (k + 1)
        return found


@pytest.mark.parametrize("mean", [1e-15, 1e-7, 0.0655, 0.7, 6.55, 65.5, 662.2])
def test_probabilities_are_exact(mean):
    """Every threshold is 2^64 P(K > k) to 1e-13 of itself, or to one count."""
    low, table = thresholds(mean)
    exact = above(mean, low + len(table) + 1)
    for k, threshold in enumerate(table.tolist(), low):
        assert abs(threshold - exact[k] * 2**64) <= max(1, exact[k] * 2**64 * Decimal("1e-13"))
    assert all(p > 1 - Decimal(2) ** -52 for p in exact[:low])
    assert exact[low + len(table)] < Decimal(2) ** -63


@pytest.mark.parametrize("mean", [0.3, 100.0, 4000.0, 1e6])
def test_mean_and_variance(mean):
    """Sums over the table give mean and variance of a Poisson number."""
    low, table = thresholds(mean)
    p, k = table.astype(float) / 2**64, np.arange(low, low + len(table))
    assert low + p.sum() == pytest.approx(mean, rel=1e-12)
    assert low**2 + ((2 * k + 1) * p).sum() - mean**2 == pytest.approx(mean, rel=1e-6)


def test_numbers_grow_with_the_mean():
    """For one random word, a larger mean never gives a smaller number."""
    before = (0, np.zeros(0, np.uint64))
    for mean in np.geomspace(1e-6, 5000, 200):
        low, table = now = thresholds(float(mean))
        for k, threshold in enumerate(before[1].tolist(), before[0]):
            assert k < low or (k - low < len(table) and table[k - low] >= threshold * (1 - 1e-12) - 1)
        before = now


def test_means_give_the_wanted_share():
    """A cell hit by points of these means is hit at all, or an odd number of times, with the share asked for."""
    for share in (1e-9, 1e-3, 0.06, 0.4):
        assert -math.expm1(-mean_of_share(1000, share) / 1000) == pytest.approx(share, rel=1e-14)
        assert -math.expm1(-2 * mean_of_parity(1000, share) / 1000) / 2 == pytest.approx(share, rel=1e-14)
