"""The voltage law against the data: medians, saturation, banks, stripes, and its reach to other timings."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edensim.approx.chip_load import load_chip
from edensim.approx.laws_lines import equivalent_voltage, line_failure, line_fraction
from edensim.memory.safe_latency import latency_ratios

LINES = 1 << 25
MODULES = 200


def fractions(vendor, vdd):
    """Faulty lines of 200 drawn modules with 2^25 lines each, at 10 ns: binomial counts around their laws."""
    laws = [load_chip(f"{vendor}@{k}").table.VDD for k in range(MODULES)]
    share = np.array([line_fraction(law, vdd) for law in laws])
    return np.random.default_rng(7).binomial(LINES, share) / LINES


@pytest.mark.parametrize("vendor", "ABC")
def test_medians_of_the_data(vendor):
    """At every voltage of the study its median lies within the 10 to 90 % band of 200 drawn modules."""
    for seen in load_chip(vendor).table.measured:
        if seen.knob == "VDD":
            low, high = np.quantile(fractions(vendor, seen.at), [0.1, 0.9])
            assert low <= seen.median <= high, f"{seen.at} V: {seen.median} outside {low} to {high}"


def test_error_free_voltages():
    """Not one line of any drawn module fails at 1.15 V (A, B) and 1.30 V (C)."""
    assert fractions("A", 1.15).max() == fractions("B", 1.15).max() == fractions("C", 1.30).max() == 0


def test_vendor_c_stops_at_one_half():
    """The median module of vendor C at 1.10 V has half of its lines faulty (data: 0.4962 to 0.5003)."""
    assert np.median(fractions("C", 1.10)) == pytest.approx(0.5, abs=0.002)
    assert fractions("C", 1.05).max() < 0.501


def test_vendors_a_and_b_exceed_one_half():
    """Some modules of vendors A (1.10 V) and B (1.025 V) have more than half of their lines faulty, as in the data."""
    assert 0.02 < (fractions("A", 1.10) > 0.5).mean() < 0.5
    assert 0.02 < (fractions("B", 1.025) > 0.5).mean() < 0.5


def test_bank_order_of_vendor_c():
    """Banks 2 and 6 fail at the highest voltages in at least 90 % of drawn modules of vendor C."""
    right = 0
    for k in range(MODULES):
        weak = line_failure(load_chip(f"C@{k}").table.VDD, 1.22, (10.0, 10.0), 8).weak.mean(1)
        right += set(np.argsort(weak)[-2:]) == {2, 6}
    assert right >= 0.9 * MODULES


def test_banks_of_drawn_modules_of_vendor_a_differ():
    """The drawings show unlike banks in every module of vendor A: drawn modules have them, the family has not."""
    spread = [
        np.ptp(line_failure(load_chip(f"A@{k}").table.VDD, 1.105, (10.0, 10.0), 8).weak.mean(1)) for k in range(20)
    ]
    assert np.median(spread) > 0.1
    assert np.ptp(line_failure(load_chip("A").table.VDD, 1.105, (10.0, 10.0), 8).weak.mean(1)) == 0


@pytest.mark.parametrize(
    ("vendor", "vdd", "ratio"), [("A", 1.10, (0.05, 0.6)), ("B", 1.05, (0.0, 0.05)), ("C", 1.2, (0.0, 0.0))]
)
def test_row_stripes(vendor, vdd, ratio):
    """One stripe of rows fails more: only that one in vendor C, the other far less in B, somewhat less in A."""
    failure = line_failure(load_chip(vendor).table.VDD, vdd, (10.0, 10.0), 8)
    strong, weak = failure.weak.mean(0)
    assert ratio[0] <= strong / weak <= ratio[1]


@pytest.mark.parametrize("vendor", "ABC")
@pytest.mark.parametrize("vdd", [1.02, 1.05, 1.1, 1.17, 1.22])
def test_structure_keeps_the_law(vendor, vdd):
    """Banks and stripes share out the faulty lines of the law: their mean is the law."""
    law = load_chip(vendor).table.VDD
    failure = line_failure(law, vdd, (10.0, 10.0), 8)
    fraction = line_fraction(law, vdd)
    assert (failure.weak.mean() if failure else 0.0) == pytest.approx(fraction, rel=1e-9)


def test_bits_per_line():
    """BER = f * access * k / 512, for k = 1, 4 and 32."""
    failure = line_failure(load_chip("C").table.VDD, 1.10, (10.0, 10.0), 8)
    rates = [failure.ber_by_bank(k).mean() for k in range(3)]
    assert rates == pytest.approx([0.5 * 0.98 * k / 512 for k in (1, 4, 32)], rel=1e-6)


@given(st.floats(0.76, 1.34), st.floats(10.0, 30.0))
def test_equivalent_voltage(vdd, time):
    """Where the other voltage exists, 10 ns leaves as little slack there as the longer time here."""
    other = equivalent_voltage(vdd, time, 10.0)
    assert other >= vdd
    if math.isfinite(other):
        assert latency_ratios(other).tRCD * time == pytest.approx(latency_ratios(vdd).tRCD * 10.0, rel=1e-6)
    else:
        assert latency_ratios(vdd).tRCD * 10.0 < time


@given(st.floats(0.8, 1.35), st.floats(0.8, 1.35), st.floats(5, 20), st.floats(5, 20))
def test_monotonic(v1, v2, t1, t2):
    """Faulty lines never fall when the voltage or the timing is lowered."""
    (deep, shallow), (short, long) = sorted((v1, v2)), sorted((t1, t2))
    for vendor in "ABC":
        law = load_chip(vendor).table.VDD

        def share(vdd, time, law=law):
            failure = line_failure(law, vdd, (time, time), 8)
            return failure.share if failure else 0.0

        assert share(deep, short) >= share(shallow, short) * (1 - 1e-9)
        assert share(deep, short) >= share(deep, long) * (1 - 1e-9)


def test_basis():
    """Measured at 10 ns within the study's voltages, and where nothing can fail; extrapolated at other timings."""
    chip = load_chip("B")
    for changes, basis in (
        ({"vdd": 1.05, "tRCD_ns": 10.0, "tRP_ns": 10.0}, "measured"),
        ({"vdd": 1.0, "tRCD_ns": 10.0, "tRP_ns": 10.0}, "extrapolated"),
        ({"vdd": 1.2}, "measured"),
        ({"vdd": 0.95}, "extrapolated"),
        ({"vdd": 1.05, "tRCD_ns": 7.5}, "extrapolated"),
    ):
        assert chip.reliability(replace(chip.nominal, **changes)).basis == basis


def test_notes():
    """Results say that bits per line are assumed, and that BER is a bound below the lowest measured voltage."""
    chip = load_chip("A")
    (bits,) = chip.reliability(replace(chip.nominal, vdd=1.10, tRCD_ns=10.0, tRP_ns=10.0)).notes
    assert "4 bits per failing line (band 1 to 32)" in bits
    deep = chip.reliability(replace(chip.nominal, vdd=1.0, tRCD_ns=10.0, tRP_ns=10.0)).notes
    assert any("lower bound" in note for note in deep)
