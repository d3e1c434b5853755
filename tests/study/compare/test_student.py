"""Student's distribution against tables and closed forms; Welch's test by hand and by its coverage."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edensim.study.compare.student import holm, quantile, two_sided, welch


@pytest.mark.parametrize(
    ("freedom", "p", "t"),
    [
        (1, 0.975, 12.7062047364),
        (2, 0.975, 4.30265272991),
        (3, 0.95, 2.35336343480),
        (10, 0.975, 2.22813885196),
        (30, 0.995, 2.74999565357),
        (1e6, 0.975, 1.95996635682),
    ],
)
def test_quantiles_of_the_tables(freedom, p, t):
    """Quantiles as printed in tables of Student's distribution (Abramowitz and Stegun, table 26.10, and finer ones)."""
    assert quantile(p, freedom) == pytest.approx(t, rel=1e-9)


@given(st.floats(-50, 50))
def test_closed_forms(t):
    """One degree of freedom is Cauchy's distribution, two have an algebraic one."""
    assert two_sided(t, 1) == pytest.approx(1 - 2 / math.pi * math.atan(abs(t)), abs=1e-12)
    assert two_sided(t, 2) == pytest.approx(1 - abs(t) / math.sqrt(2 + t * t), abs=1e-12)


@given(st.floats(0.5, 0.999), st.floats(1, 500))
def test_quantile_inverts_the_distribution(p, freedom):
    """The probability beyond the quantile is what was asked for."""
    assert 1 - two_sided(quantile(p, freedom), freedom) / 2 == pytest.approx(p, abs=1e-9)


def test_against_a_numerical_integral():
    """A fractional number of degrees of freedom, as Welch's has, against the integral of the density."""
    freedom = 3.7
    x = np.linspace(0, 1.3, 200_001)
    density = (1 + x * x / freedom) ** (-(freedom + 1) / 2)
    density *= math.gamma((freedom + 1) / 2) / math.sqrt(freedom * math.pi) / math.gamma(freedom / 2)
    inside = 2 * np.trapezoid(density, x)
    assert two_sided(1.3, freedom) == pytest.approx(1 - inside, abs=1e-9)


def test_welch_by_hand():
    """Means 2 and 6, variances 1 and 4, three values each: error sqrt(5/3), 50/17 degrees of freedom."""
    test = welch([1, 2, 3], [4, 6, 8])
    error, freedom = math.sqrt(5 / 3), 50 / 17
    assert test.p == pytest.approx(two_sided(4 / error, freedom))
    assert test.high - test.low == pytest.approx(2 * quantile(0.975, freedom) * error)
    assert test.low + test.high == pytest.approx(8)


def test_without_spread_nothing_is_left_to_chance():
    """Equal values on each side: the difference is certain, one way or the other; rounding makes no spread."""
    assert welch([0.1] * 7, [0.3] * 3).p == 0
    assert welch([0.1] * 7, [0.1] * 3).p == 1
    assert welch([1.0] * 3, [3.0] * 3).low == welch([1.0] * 3, [3.0] * 3).high == 2.0


def test_large_numbers_do_not_overflow():
    """Energies in pJ reach 1e18, and their variances 1e36; both are no trouble."""
    small, large = welch([1, 2, 3], [4, 6, 8]), welch([1e18, 2e18, 3e18], [4e18, 6e18, 8e18])
    assert large.p == pytest.approx(small.p)
    assert large.low == pytest.approx(small.low * 1e18)


def test_intervals_cover_the_true_difference():
    """Of 2000 experiments with unequal spreads, 95 % of the intervals hold the true difference (93.5 to 96.5 %)."""
    rng = np.random.default_rng(1)
    a, b = rng.normal(10, 1, (2000, 4)), rng.normal(12, 3, (2000, 6))
    tests = [welch(x.tolist(), y.tolist()) for x, y in zip(a, b, strict=True)]
    assert 0.935 < np.mean([test.low <= 2 <= test.high for test in tests]) < 0.965


def test_holm():
    """Holm's own steps: the smallest times n, the next times n - 1 …, never falling, at most 1."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
