"""Data that really move: their rates against plain Python, and what they do to the energy of a run."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import edensim as es
from edensim.dram.data_dependence import BurstData, moved_factors
from edensim.system.moved_data import MovedData

ASSUMED = BurstData(0.25, 0.125, 0.375, 0.0625)


def by_hand(bus, is_read, data, beat):
    """The rates of one direction, one bit after the other."""
    last, found = {}, {True: [0, 0, 0, 0], False: [0, 0, 0, 0]}
    for b, read, burst in zip(bus.tolist(), is_read.tolist(), data.tolist(), strict=True):
        bits = [byte >> k & 1 for byte in burst for k in range(8)]
        before = last.get(b, [0] * len(bits))
        pins = (before[-8 * beat :] + bits)[: len(bits)]
        counts = len(bits), sum(bits), sum(map(int.__ne__, bits, pins)), sum(map(int.__ne__, bits, before))
        found[read] = [x + y for x, y in zip(found[read], counts, strict=True)]
        last[b] = bits
    return [[x / max(n, 1) for x in rest] for n, *rest in (found[True], found[False])]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40), st.sampled_from([(64, 8), (32, 4), (32, 2)]), st.integers(1, 3))
def test_rates_are_those_of_every_bit(seed, count, sizes, buses):
    """Ones, edges of the pins and differing bits by direction, from bus to bus, however many bursts come at once."""
    rng = np.random.default_rng(seed)
    burst, beat = sizes
    data = rng.integers(0, 256, (count, burst), np.uint8) & rng.integers(0, 256, (count, 1), np.uint8)
    bus, is_read = rng.integers(0, buses, count), rng.random(count) < 0.6
    moved = MovedData(buses, burst, beat)
    for part in np.array_split(np.arange(count), 3):
        moved.see(bus[part], is_read[part], data[part])
    for rates, mine, want in zip(
        moved.rates(ASSUMED), (is_read, ~is_read), by_hand(bus, is_read, data, beat), strict=True
    ):
        assert rates == (pytest.approx((*want, want[1])) if mine.any() else ASSUMED)


def run(**errors):
    """LeNet with zeros in memory and a data law."""
    return es.run(
        {
            "workload": {"network": "lenet"},
            "machine": {"preset": "eyeriss-eden"},
            "dram": {"preset": "ddr4-2400r-8gb-x8"},
            "energy": {"data": {"law": "vampire_a"}},
            "errors": {"model": "uniform", "data": "zeros", **errors},
        }
    ).data


def test_bit_errors_are_seen_by_the_data_law():
    """Zeros move as zeros; with a quarter of the bits wrong reads carry ones and cost more, writes as before."""
    clean, wrong = run(ber=0.0), run(ber=0.25)
    seen = clean["energy_report"]["data"]
    assert seen["seen"] is True
    assert seen["read"] == seen["write"] == dict.fromkeys(("ones", "pins", "lines", "stack"), 0.0)
    data = wrong["energy_report"]["data"]
    assert data["read"]["ones"] == pytest.approx(wrong["errors"]["ber"], rel=1e-9)
    assert data["read"]["ones"] == pytest.approx(0.25, abs=0.01)
    assert data["write"]["ones"] == 0
    factor = moved_factors("vampire_a", (BurstData(**data["read"]), BurstData(**data["write"])))
    assert (data["rd"], data["wr"]) == factor
    before = moved_factors("vampire_a", (BurstData(**seen["read"]), BurstData(**seen["write"])))
    energy, base = wrong["energy_pj"], clean["energy_pj"]
    assert energy["rd"] / base["rd"] == pytest.approx(factor.rd / before.rd, rel=1e-12)
    assert energy["rd"] > 1.2 * base["rd"]
    assert energy["act"] == base["act"]
    assert energy["io"] < base["io"]  # DDR4 pins draw current for zeros


def test_random_data_keep_the_assumed_rates():
    """Without data of its own a run takes the rates of `energy.data`."""
    data = run(ber=0.25, data="random")["energy_report"]["data"]
    assert data["seen"] is False
    assert data["read"]["ones"] == 0.5
