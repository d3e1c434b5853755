"""The circuit curve: its ten simulated points, what lies between, and the timings made of it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edensim.errors import ConfigError
from edensim.memory.operating_state import Nominal, nominal_values
from edensim.memory.safe_latency import latency_ratios, lowest_safe_latency, restored_share

# VDD: tRCD ratio, tRAS ratio, tRP (ns). Ratios: ngspice on the netlist of CMU-SAFARI/DRAM-Voltage-Study
# (SPICE_circuit_model); tRP: table of required latencies of Chang et al., SIGMETRICS 2017, as recalled.
CIRCUIT = {
    1.35: (1.000, 1.000, 13.75),
    1.30: (1.008, 1.017, 13.75),
    1.25: (1.032, 1.045, 15.00),
    1.20: (1.071, 1.083, 15.00),
    1.15: (1.127, 1.132, 15.00),
    1.10: (1.205, 1.195, 16.25),
    1.05: (1.312, 1.276, 17.50),
    1.00: (1.457, 1.383, 18.75),
    0.95: (1.657, 1.526, 21.25),
    0.90: (1.939, 1.723, 26.25),
}


@pytest.mark.parametrize("vdd", CIRCUIT)
def test_circuit_points(vdd):
    """At the simulated voltages the ratios are those of the circuit, far within 2 %."""
    ratios = latency_ratios(vdd)
    assert ratios[:2] == pytest.approx(CIRCUIT[vdd][:2], rel=1e-3)
    assert ratios.tRP * 13.75 == pytest.approx(CIRCUIT[vdd][2])


@given(st.floats(0.9, 1.35))
def test_between_the_points(vdd):
    """Between them the ratios stay within 2 % of smooth forms fitted to the same circuit."""
    ratios = latency_ratios(vdd)
    assert ratios.tRCD == pytest.approx(0.823 + 0.0650 * vdd / (vdd - 0.54) ** 2.9, rel=0.02)
    assert ratios.tRAS == pytest.approx(0.808 + 0.0962 * vdd / (vdd - 0.47) ** 2.8, rel=0.02)


@given(st.floats(0.75, 2.0), st.floats(0.75, 2.0))
def test_monotonic(a, b):
    """Every time grows, or stays, as VDD falls; nothing gets faster than nominal."""
    low, high = sorted((a, b))
    assert all(x >= y >= 1 for x, y in zip(latency_ratios(low), latency_ratios(high), strict=True))


def test_of_another_memory(ddr4):
    """1.08 V of 1.2 V is 1.215 V of 1.35 V, and data-sheet times keep their guard band."""
    nominal = nominal_values(ddr4())
    assert latency_ratios(1.08, 1.2) == pytest.approx(latency_ratios(1.215))
    safe = lowest_safe_latency(1.0, nominal)
    assert safe.tRCD_ns == pytest.approx(13.32 * latency_ratios(1.125).tRCD)
    assert safe.basis == "extrapolated"


def test_at_nominal(ddr4):
    """At nominal voltage the timings are exactly the data sheet's, and above it they get no shorter."""
    nominal = nominal_values(ddr4())
    assert lowest_safe_latency(1.2, nominal) == (1.2, 13.32, 32.0, 13.32, "nominal")
    assert lowest_safe_latency(1.3, nominal)[1:4] == (13.32, 32.0, 13.32)


@pytest.mark.parametrize("vdd", [0.6, 0.0, -1.0, math.nan, math.inf])
def test_below_the_curve(vdd):
    """Voltages for which nothing is known are refused, with the lowest that is."""
    with pytest.raises(ConfigError, match=r"at least 0\.6667 V"):
        latency_ratios(vdd, 1.2)


def test_without_supply():
    """A memory without a power table has no voltage to lower."""
    with pytest.raises(ConfigError, match="no power table"):
        lowest_safe_latency(1.0, Nominal(0.0, 13.75, 35.0, 13.75, 48.75))


def test_restored_share():
    """The cell is at 97.5 and 95 % at the circuit's times; it never restores less at a higher voltage or later."""
    assert restored_share(23.20, 1.35) == pytest.approx(0.975)
    assert restored_share(19.22, 1.35) == pytest.approx(0.95)
    assert restored_share(39.98, 0.90) == pytest.approx(0.975)
    assert restored_share(0.0, 1.35) < restored_share(15.0, 1.35) < restored_share(20.0, 1.35)
    assert restored_share(20.0, 1.1) < restored_share(20.0, 1.2)
