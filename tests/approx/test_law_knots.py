"""The timing laws against the numbers of the public data, and their shape between and beyond them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edensim.approx.chip_load import load_chip
from edensim.approx.laws_knots import failing_share, felt_time, knot_failure
from edensim.approx.laws_normal import common_z, share_of, z_of

# Medians over modules of the mean of four patterns, and one_share; computed from the data set of Chang et al.,
# SIGMETRICS 2016 (CMU-SAFARI/DRAM-Latency-Variation-Study), independently of edensim.
TRCD = {
    ("A", 2.5): (0.471, 0.48), ("A", 5.0): (3.3e-2, 0.38), ("A", 7.5): (2.8e-4, 0.33),
    ("B", 2.5): (0.485, 0.50), ("B", 5.0): (0.185, 0.65), ("B", 7.5): (2.8e-2, 0.17),
    ("C", 2.5): (0.487, 0.55), ("C", 5.0): (0.125, 0.053), ("C", 7.5): (1.2e-6, 0.0),
}  # fmt: skip
# Medians of banks 1 to 7, solid patterns.
TRP = {
    ("A", 2.5): 0.50, ("A", 5.0): 0.974, ("A", 7.5): 1.9e-2,
    ("B", 2.5): 0.99, ("B", 5.0): 0.989, ("B", 7.5): 0.794,
    ("C", 2.5): 0.495, ("C", 5.0): 0.495, ("C", 7.5): 5.7e-3,
}  # fmt: skip
VENDORS = "ABC"
times = st.floats(0.0, 14.0)


@pytest.fixture(scope="module")
def chips():
    return {name: load_chip(name) for name in VENDORS}


def at(chip, **changes):
    """Reliability at the chip's nominal point with changes."""
    return chip.reliability(replace(chip.nominal, **changes))


@pytest.mark.parametrize(("vendor", "time"), TRCD)
def test_trcd_knots(chips, vendor, time):
    """At each knot the bit error rate and the share of stored ones are those of the data."""
    ber, one_share = TRCD[vendor, time]
    result = at(chips[vendor], tRCD_ns=time)
    assert result.ber == pytest.approx(ber, rel=0.03)
    assert result.ber_of(1) / (2 * result.ber) == pytest.approx(one_share, abs=0.006)
    assert result.ber_of(0) + result.ber_of(1) == pytest.approx(2 * result.ber)
    assert result.basis == "measured"


def test_stored_value_of_vendor_c(chips):
    """At 5 ns stored ones of vendor C fail at 0.0133, stored zeros at 0.236."""
    result = at(chips["C"], tRCD_ns=5.0)
    assert (result.ber_of(1), result.ber_of(0)) == pytest.approx((0.0133, 0.236), rel=0.02)


@pytest.mark.parametrize(("vendor", "time"), TRP)
def test_trp_knots(chips, vendor, time):
    """Where the previous row holds the inverse, the error rate is that of the data; unrelated rows halve it."""
    (failure,) = at(chips[vendor], tRP_ns=time).failures
    assert failure.effect == "previous_row"
    assert failure.ber_by_bank(previous_differs=1.0).mean() == pytest.approx(TRP[vendor, time], rel=0.02)
    assert failure.ber_by_bank().mean() == pytest.approx(TRP[vendor, time] / 2, rel=0.02)


@pytest.mark.parametrize("vendor", VENDORS)
def test_safe_times(chips, vendor):
    """From 10 ns on nothing fails at nominal supply."""
    for time in (10.0, 11.0, 12.5):
        result = at(chips[vendor], tRCD_ns=time, tRP_ns=time)
        assert result.ber == 0
        assert (result.failures, result.basis) == ((), "measured")


@pytest.mark.parametrize("vendor", VENDORS)
@given(a=times, b=times, volts=st.floats(0.9, 1.35), lower=st.floats(0.9, 1.35))
def test_trcd_monotonic(chips, vendor, a, b, volts, lower):
    """Errors never fall when tRCD or VDD is lowered."""
    (low, high), (deep, shallow) = sorted((a, b)), sorted((volts, lower))
    worst = at(chips[vendor], tRCD_ns=low, vdd=deep).ber
    assert worst >= at(chips[vendor], tRCD_ns=high, vdd=deep).ber * (1 - 1e-9)
    assert worst >= at(chips[vendor], tRCD_ns=low, vdd=shallow).ber * (1 - 1e-9)


def test_trp_monotonic_but_for_the_measured_drop(chips):
    """Errors rise as tRP falls, except from 5 to 2.5 ns of vendor A, where the data fall too."""
    grid = np.linspace(0, 14, 57)
    for vendor in VENDORS:
        law = chips[vendor].table.tRP
        shares = np.array([failing_share(law, t) for t in grid])
        falls = grid[1:][np.diff(shares) > 1e-12]
        if vendor == "A":
            assert falls.min() == pytest.approx(2.75)
            assert falls.max() == 5.0
        else:
            assert (np.diff(shares) <= 0.003).all()


def test_felt_time(chips):
    """Full circuit factor where errors were measured, none from 10 ns on, continuous between."""
    law = chips["A"].table.tRCD
    assert felt_time(law, 5.0, 1.25) == pytest.approx(4.0)
    assert felt_time(law, 7.5, 1.25) == pytest.approx(6.0)
    assert felt_time(law, 10.0, 1.25) == 10.0
    assert felt_time(law, 12.0, 1.25) == 12.0
    near = [felt_time(law, t, 1.25) for t in (7.4999, 7.5001, 9.9999, 10.0001)]
    assert near[0] == pytest.approx(near[1], abs=1e-3)
    assert near[2] == pytest.approx(near[3], abs=1e-3)


@given(st.floats(0, 1), st.floats(1, 2))
def test_felt_time_is_never_longer(share, slowdown):
    """A lower supply never gives a cell more time."""
    law = load_chip("B").table.tRCD
    assert felt_time(law, 14 * share, slowdown) <= 14 * share + 1e-12


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("time", [2.5, 5.0, 6.3, 7.5, 8.8])
def test_banks_differ_but_keep_the_mean(chips, vendor, time):
    """Bank offsets move errors between banks, never the rate of the module."""
    law = chips[vendor].table.tRCD
    failure = knot_failure(law, "tRCD", time, 1.0, 8, None)
    assert failure.share == pytest.approx(failing_share(law, time), rel=1e-9)
    ratio = failure.ber_by_bank().max() / failure.ber_by_bank().min()
    assert ratio > (50 if (vendor, time) == ("C", 7.5) else 1)


def test_more_banks_than_measured(chips):
    """A memory of 16 banks repeats the eight of the law."""
    failure = knot_failure(chips["C"].table.tRCD, "tRCD", 7.5, 1.0, 16, None)
    assert failure.weak.shape == (16, 2)
    assert (failure.weak[:8] == failure.weak[8:]).all()


def test_temperature(chips):
    """At 70 C and 5 ns A and C fail more, B less, as the heated modules did; beyond the range it is extrapolated."""
    for vendor, factor in (("A", 1.16), ("B", 0.88), ("C", 1.19)):
        cold, hot = (at(chips[vendor], tRCD_ns=5.0, temperature_C=t) for t in (20.0, 70.0))
        assert hot.ber / cold.ber == pytest.approx(factor, rel=0.03)
        assert (cold.basis, hot.basis) == ("measured", "scaled")
        assert at(chips[vendor], tRCD_ns=5.0, temperature_C=85.0).basis == "extrapolated"


@given(st.floats(1e-12, 1 - 1e-9), st.lists(st.floats(-5, 5), min_size=1, max_size=16))
def test_common_z(share, offsets):
    """Groups at the common quantile plus their offsets have the wanted share on average."""
    middle = common_z(share, offsets)
    assert sum(share_of(middle + offset) for offset in offsets) / len(offsets) == pytest.approx(share, rel=1e-6)


@given(st.floats(1e-300, 0.999999))
def test_quantiles(share):
    """Quantile and share invert each other, far into the tail."""
    assert share_of(z_of(share)) == pytest.approx(share, rel=1e-8)
