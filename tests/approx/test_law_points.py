"""Laws given as points: EDEN's Table 3 looked up in its profile, and the interpolation itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edensim.approx.chip_load import load_chip
from edensim.approx.chip_schema import PointLaw
from edensim.approx.laws_points import point_basis, point_failure

# Koppula et al., MICRO 2019, Table 3: tolerable bit error rate -> change of VDD (V), change of tRCD (ns).
TABLE_3 = {
    0.005: (-0.10, -1.0), 0.010: (-0.25, -1.0), 0.015: (-0.25, -2.0), 0.030: (-0.30, -4.5),
    0.035: (-0.30, -5.0), 0.040: (-0.30, -5.5), 0.050: (-0.35, -6.0),
}  # fmt: skip


@pytest.fixture(scope="module")
def eden():
    return load_chip("eden")


def lowest(chip, key, values, budget):
    """Lowest value of a knob whose bit error rate stays within the budget."""
    fitting = [v for v in values if chip.reliability(replace(chip.nominal, **{key: v})).ber <= budget * (1 + 1e-9)]
    return min(fitting)


@pytest.mark.parametrize("budget", TABLE_3)
def test_table_3(eden, budget):
    """For every tolerable rate the profile gives the paper's VDD (steps of 0.05 V) and tRCD (steps of 0.5 ns)."""
    delta_vdd, delta_trcd = TABLE_3[budget]
    volts = [1.35 - 0.05 * k for k in range(10)]
    times = [12.5 - 0.5 * k for k in range(16)]
    assert lowest(eden, "vdd", volts, budget) == pytest.approx(1.35 + delta_vdd)
    assert lowest(eden, "tRCD_ns", times, budget) == pytest.approx(12.5 + delta_trcd)


def test_directions(eden):
    """Undervolting flips only stored ones, a short tRCD only stored zeros."""
    low_vdd = eden.reliability(replace(eden.nominal, vdd=1.05))
    short = eden.reliability(replace(eden.nominal, tRCD_ns=8.0))
    assert (low_vdd.ber_of(1), low_vdd.ber_of(0)) == (pytest.approx(0.06), 0)
    assert (short.ber_of(1), short.ber_of(0)) == (0, pytest.approx(0.06))


def test_both_knobs(eden):
    """Both at once act independently, and nobody ever measured that."""
    both = eden.reliability(replace(eden.nominal, vdd=1.05, tRCD_ns=8.0))
    assert both.ber == pytest.approx(1 - 0.97 * 0.97)
    assert both.basis == "extrapolated"
    assert "never together" in both.notes[-1]


@pytest.mark.parametrize(
    ("changes", "basis"),
    [({}, "nominal"), ({"vdd": 1.07}, "measured"), ({"vdd": 1.3}, "extrapolated"), ({"vdd": 0.9}, "extrapolated")],
)
def test_basis(eden, changes, basis):
    """Between published points the result counts as measured; towards nominal and beyond it does not."""
    assert eden.reliability(replace(eden.nominal, **changes)).basis == basis


def grid_law(**changes):
    """A grid of two voltages and three times."""
    rates = [1e-2, 1e-3, 1e-4, 1e-4, 1e-5, 0.0]
    law = {"source": "test", "axes": {"VDD": (1.0, 1.1), "tRCD": (8.0, 10.0, 12.0)}, "ber": tuple(rates)} | changes
    return PointLaw(law="points", **law)


def rate(law, vdd, time):
    """Mean bit error rate of a law at a point."""
    failure = point_failure(law, {"VDD": vdd, "tRCD": time}, 8)
    return failure.ber_by_bank().mean() if failure else 0.0


def test_grid():
    """At the points of a grid the law is the points, the last axis fastest."""
    law = grid_law()
    places = [(v, t) for v in (1.0, 1.1) for t in (8.0, 10.0, 12.0)]
    assert [rate(law, *place) for place in places] == pytest.approx(list(law.ber))


@given(st.floats(1.0, 1.1), st.floats(8.0, 10.0))
def test_between_points(vdd, time):
    """Between points the rate lies between those of the corners."""
    assert 1e-5 * (1 - 1e-9) <= rate(grid_law(), vdd, time) <= 1e-2 * (1 + 1e-9)


def test_unseen():
    """Among zeros nothing; beside a point with errors a zero counts as 1e-11; beyond the grid the slope goes on."""
    none = grid_law(ber=(0.0,) * 6)
    assert point_failure(none, {"VDD": 0.9, "tRCD": 5.0}, 8) is None
    law = grid_law()
    assert 0 < rate(law, 1.1, 11.9) < 1e-8
    assert rate(law, 1.1, 12.5) == 0
    assert rate(law, 0.95, 8.0) > 1e-2
    assert rate(law, 1.0, 6.0) > 1e-2
    assert point_basis(law, {"VDD": 1.1, "tRCD": 12.0}) == "measured"
    assert point_basis(law, {"VDD": 1.1, "tRCD": 11.0}) == "extrapolated"


def test_stored_value():
    """Rates of stored zeros and ones follow `one_share`."""
    failure = point_failure(grid_law(one_share=0.25), {"VDD": 1.0, "tRCD": 8.0}, 4)
    assert (failure.ber_of(1), failure.ber_of(0)) == pytest.approx((0.005, 0.015))
