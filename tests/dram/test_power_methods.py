"""Independent ways to the same energy: Micron's method; and what data do to it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edensim.config import schema
from edensim.dram.command_energy import CommandPricer
from edensim.dram.data_dependence import (
    STATIC,
    BurstData,
    LineStatistics,
    ayna_pj_per_bit,
    data_factors,
    line_statistics,
    vampire_factor,
    vampire_ma,
)
from edensim.dram.interface import LineCounts
from edensim.dram.micron import micron_power_mw, schedule_of
from tests.dram.test_command_energy import count, preset, random_trace

NAMES = ["ddr4-2400r-8gb-x8", "ddr4-2133p-8gb-x8", "ddr3l-1600-4gb-x8"]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(NAMES))
def test_micron_method_agrees_under_its_assumptions(seed, name):
    """Scheduled powers times time are the counted energy on every rail: rho = 1, data-sheet timings, VDD = VDD max."""
    device = preset(name)
    assert device.rho == 1.0
    counts = count(device, random_trace(device, seed)).counts()
    # Rows still open at the end have paid for their activation, not for their precharge.
    if (counts.n_act != counts.n_pre).any():
        last = counts.clocks + 1000
        counts = count(device, [*random_trace(device, seed), (last, "PREA", 0, 0)]).counts()
    power = micron_power_mw(device, schedule_of(device, counts))
    time_ns = counts.clocks * device.clock_ns
    for rail, parts in CommandPricer(device).price(counts).by_rail().items():
        if rail in power:
            assert sum(power[rail].values()) * time_ns == pytest.approx(sum(parts.values()), rel=1e-9)


def test_micron_derating_is_quadratic_from_the_largest_voltage():
    """At 1.2 V of a 1.26 V maximum currents are worth 1.26 V (1.2 / 1.26)^2: 4.8 % below V I; VPP stays."""
    device = preset(NAMES[0])
    counts = count(device, [(0, "ACT", 0, 0), (20, "RD", 0, 0), (60, "PRE", 0, 0)]).counts(1000)
    schedule = schedule_of(device, counts)
    plain, derated = micron_power_mw(device, schedule), micron_power_mw(device, schedule, 1.2, 1.26)
    for term, value in plain["VDD"].items():
        assert derated["VDD"][term] == pytest.approx(value * 1.2 / 1.26, rel=1e-12)
    assert derated["VPP"] == plain["VPP"]


def test_vampire_as_published():
    """All ones instead of all zeros: vendor A reads with 2.7 times the current and writes with 0.56 times."""
    zeros, ones = LineStatistics(0, 0), LineStatistics(512, 0)
    assert vampire_ma("a", False, zeros) == 246.44
    assert vampire_ma("a", False, ones) / vampire_ma("a", False, zeros) == pytest.approx(2.7, abs=0.05)
    assert vampire_ma("a", True, ones) / vampire_ma("a", True, zeros) == pytest.approx(0.56, abs=0.01)
    for vendor in "abc":
        assert vampire_factor(vendor, False, LineStatistics(256, 256)) == 1
        assert vampire_factor(vendor, True, ones) < 1 < vampire_factor(vendor, False, ones)


def test_ayna_as_published():
    """Constant 3.18 pJ per bit, 7.12 pJ with everything toggling; random data lie exactly in the middle."""
    assert ayna_pj_per_bit(0, 0, 0) == 3.18
    assert ayna_pj_per_bit(1, 1, 1) == pytest.approx(7.12)
    assert data_factors("ayna", BurstData()) == (1, 1)
    assert data_factors("ayna", BurstData(), "static").rd == pytest.approx(1.62, abs=0.005)
    assert data_factors("ayna", STATIC) == pytest.approx((1 / 1.619, 1 / 1.619), rel=1e-3)
    assert ayna_pj_per_bit(0.5, 0.5, 0.5) / ayna_pj_per_bit(0, 0, 0) == pytest.approx(1.62, abs=0.005)


def test_data_of_a_command_trace_are_those_that_moved():
    """With counted data a law sees their ones and edges, per direction; without, the rates of [energy.data]."""
    device = preset("ddr3l-1600-4gb-x8")
    counts = count(device, [(0, "ACT", 0, 0), (20, "RD", 0, 0), (40, "WR", 0, 0), (90, "PRE", 0, 0)]).counts(1000)
    energy = schema.Energy(data=schema.EnergyData(law="vampire_c"))
    plain, law = CommandPricer(device).price(counts), CommandPricer(device, energy)
    assert law.price(counts).as_dict() == plain.as_dict()
    zeros, ones = LineCounts(1, 8, 0, 512, 0), LineCounts(1, 8, 512, 0, 0)
    priced = law.price(counts, None, (zeros, ones))
    for name, write, data in (("RD", False, LineStatistics(0, 0)), ("WR", True, LineStatistics(512, 0))):
        factor = vampire_factor("c", write, data)
        assert priced.component(name) == pytest.approx(plain.component(name) * factor, rel=1e-12)
    assert priced.component("ACT") == plain.component("ACT")


def test_statistics_of_the_data_that_move():
    """Ones and toggles of known lines; a flipped bit is seen; random data count as random."""
    lines = np.zeros((3, 64), np.uint8)
    lines[1] = 0xFF
    assert line_statistics(lines) == (512 / 3, 512)
    assert line_statistics(lines[:1]) == (0, 0)
    clean = np.random.default_rng(1).integers(0, 256, 64 * 4096, np.uint8)
    found = line_statistics(clean)
    assert found.ones == pytest.approx(256, abs=1)
    assert found.toggles == pytest.approx(256, abs=1)
    clean[:] = 0
    clean[64] ^= 4
    assert line_statistics(clean).ones == 1 / 4096
    assert line_statistics(clean).toggles == 2 / 4095
    with pytest.raises(ValueError, match="fill no line"):
        line_statistics(np.zeros(63, np.uint8))
