"""Delivered rates: counts, spread and places of flips, with stated false-alarm probabilities (seeds are fixed)."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edensim.approx import BankClustered, Bitline, CellLaw, DataDependent, Lines, Uniform, Wordline, inject
from edensim.approx.element import ELEMENTS
from edensim.approx.region import PLAIN
from edensim.jit import JIT_DISABLED

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="large samples")

SIGMA = 6
"""Standard errors allowed: a correct injector fails with probability 2e-9."""
ROW = 8192


def chi_square_is_plausible(counts: np.ndarray, expected: np.ndarray | float) -> bool:
    """Whether counts fit; by Fisher's normal approximation, false alarms below 1e-8 for 30 and more counts."""
    degrees = counts.size - 1
    x = ((counts - expected) ** 2 / expected).sum()
    return bool(abs(math.sqrt(2 * x) - math.sqrt(2 * degrees - 1)) < SIGMA)


@pytest.mark.parametrize("rate", [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.06, 1 / 16, 0.1, 0.3, 0.5, 0.8, 0.99])
def test_a_plain_rate_is_exact(rate):
    """Flips of 2^25 to 2^31 bits: number, variance between rows, uniform over bits of a word and over bitlines."""
    size = 1 << (28 if rate < 1e-3 else 22)
    data = np.zeros(size, np.uint8)
    bits = 8 * size
    report = inject(data, ber=rate, seed=11, access=3)
    assert abs(report.flips - bits * rate) < SIGMA * math.sqrt(bits * rate * (1 - rate))
    per_row = np.bitwise_count(data.reshape(-1, ROW)).sum(1, dtype=np.int64)
    assert per_row.sum() == report.flips
    variance, expected = per_row.var(), 8 * ROW * rate * (1 - rate)
    kurtosis = 2 + 1 / expected  # excess of a binomial adds to that of a normal distribution
    assert abs(variance / expected - 1) < SIGMA * math.sqrt(kurtosis / len(per_row))
    spread = 1 - rate  # of a binomial count over that of a Poisson count
    if report.flips > 3000:
        by_bit = np.array([np.count_nonzero(data & (1 << k)) for k in range(8)])
        words = np.bitwise_count(data.reshape(-1, 64)).sum(0, dtype=np.int64)
        assert chi_square_is_plausible(words / spread, words.sum() / 64 / spread)
        assert abs(by_bit / (bits / 8 * rate) - 1).max() < SIGMA / math.sqrt(bits / 8 * rate / spread)
    if report.flips > 1e6:
        bitline = np.unpackbits(data.reshape(-1, ROW), axis=1).sum(0, dtype=np.int64)
        assert chi_square_is_plausible(bitline / spread, len(per_row) * rate / spread)


def test_neighbouring_flips_are_independent():
    """Pairs of flips at distances 1 … 64 bits and one row are as frequent as chance has it (6 sigma each)."""
    data = np.zeros(1 << 21, np.uint8)
    rate = 0.02
    inject(data, ber=rate, seed=2)
    bits = np.unpackbits(data, bitorder="little").astype(bool)
    for distance in (*range(1, 65), 8 * ROW):
        pairs = np.count_nonzero(bits[distance:] & bits[:-distance])
        expected = (bits.size - distance) * rate**2
        assert abs(pairs - expected) < SIGMA * math.sqrt(expected)


def test_weak_cells_fail_with_their_probability():
    """Model 0: share of weak cells from the union of 40 reads, F from how often each fails, counts of rows binomial."""
    share, fail, reads = 0.01, 0.4, 40
    times = np.zeros(8 * (1 << 19), np.int32)
    for access in range(reads):
        data = np.zeros(1 << 19, np.uint8)
        inject(data, model=Uniform(fail, share), seed=4, access=access, details=False)
        times += np.unpackbits(data)
    weak = times > 0  # one in 10^9 weak cells never fails in 40 reads
    assert abs(weak.sum() - weak.size * share) < SIGMA * math.sqrt(weak.size * share)
    found = times[weak].mean() / reads
    assert abs(found - fail) < SIGMA * math.sqrt(fail * (1 - fail) / reads / weak.sum())
    per_row = weak.reshape(-1, 8 * ROW).sum(1)
    assert abs(per_row.var() / (8 * ROW * share * (1 - share)) - 1) < SIGMA * math.sqrt(2 / len(per_row))
    # Failures of a cell in successive reads are independent: k of 40 is binomial.
    k = np.arange(reads + 1)
    expected = np.array([math.comb(reads, int(i)) * fail**i * (1 - fail) ** (reads - i) for i in k]) * weak.sum()
    usual = expected > 20
    assert chi_square_is_plausible(np.bincount(times[weak], minlength=reads + 1)[usual], expected[usual])


@pytest.mark.parametrize(
    "model",
    [
        Uniform(0.7, 1e-3),
        Bitline(Lines.lognormal(0.02, 0.5)),
        Bitline(Lines.lognormal(1.0, 0.01)),
        DataDependent(0.02, 0.8, 0.1),
        DataDependent(1.0, 0.02, 0.003),
        CellLaw(np.array([[0.01]]), np.array([[[1.0, 0.2, 0.0]]]), np.array([[[0.1, 0.5, 0.0]]])),
    ],
    ids=["uniform", "bitline", "fresh bitline", "data dependent", "fresh, data dependent", "kinds"],
)
def test_models_deliver_their_rate(model):
    """Flips of 2^27 bits with half ones, against the closed form: 6 sigma of independent weak cells."""
    data = np.random.default_rng(0).integers(0, 256, 1 << 24, dtype=np.uint8)
    out = np.empty_like(data)
    rate = inject(data, model=model, seed=8, out=out).ber
    law = model if isinstance(model, CellLaw) else model.law(PLAIN.geometry)
    expected = law.flip_probability()
    assert abs(rate - expected) < SIGMA * math.sqrt(expected / data.size / 8)
    for stored, fail in ((1, law.fail_one), (0, law.fail_zero)):
        flipped = int(np.bitwise_count((data ^ out) & (data if stored else ~data)).sum())
        share = float((law.weak_share * fail.mean(2)).mean(0) @ law.class_share) * data.size * 4
        assert abs(flipped - share) < SIGMA * math.sqrt(share) + SIGMA * 6000 * share / data.size / 4


def test_bad_bitlines_are_bad_in_every_row_of_their_subarray():
    """Model 1: the worst 64 of 65536 bitlines differ between subarrays and banks, and are the same within one."""
    lines = Lines([1 - 2**-10, 2**-10], [0.0, 0.5], [1.0, 1.0])
    rows = np.zeros((16 * 1024, ROW), np.uint8)  # two subarrays of 16 banks
    inject(rows, model=Bitline(lines), seed=6)
    worst = []
    for subarray in range(2):
        for bank in range(16):
            found = np.unpackbits(rows[subarray * 8192 + bank : (subarray + 1) * 8192 : 16], axis=1).sum(
                0, dtype=np.int64
            )
            bad = np.flatnonzero(found)
            assert len(bad) == 64
            assert abs(found[bad] - 256).max() < 6 * math.sqrt(128)
            worst.append(bad)
    common = [len(np.intersect1d(a, b)) for i, a in enumerate(worst) for b in worst[:i]]
    assert max(common) <= 4  # 0.06 expected of 496 pairs: more than 4 by chance below 1e-6
    place = np.concatenate(worst)
    assert chi_square_is_plausible(np.bincount(place // 1024, minlength=64), len(place) / 64)
    assert chi_square_is_plausible(np.bincount(place % 64, minlength=64), len(place) / 64)


def test_bad_rows_and_banks_are_where_their_level_says():
    """Models 2 and bank_clustered: errors in rows and banks of the failing level, none elsewhere."""
    data = np.zeros((4096, ROW), np.uint8)
    inject(data, model=Wordline(Lines([0.75, 0.25], [0.0, 0.1], [0.0, 1.0])), seed=3)
    per_row = np.bitwise_count(data).sum(1, dtype=np.int64)
    bad = per_row > 0
    assert abs(bad.sum() - 1024) < SIGMA * math.sqrt(4096 * 0.25 * 0.75)
    assert abs(per_row[bad] - 6553.6).max() < SIGMA * math.sqrt(6553.6)
    report = inject(np.zeros((4096, ROW), np.uint8), model=BankClustered(0.01, 0.5), seed=3)
    assert (report.by_bank > 0).sum() == 8


@pytest.mark.parametrize("dtype", ["int4", "uint8", "int16", "fp32", "fp64"])
@pytest.mark.parametrize("ber", [0.01, 0.2])
def test_flips_by_bit_are_exact(dtype, ber):
    """Rows with many flips are counted carry-save: the same as bit by bit, also for a last row cut short."""
    bits = ELEMENTS[dtype].bits
    data = np.random.default_rng(2).integers(0, 256, 37 * 8192 + 1000, dtype=np.uint8)
    read = np.empty_like(data)
    array, out = (x.view(ELEMENTS[dtype].storage) for x in (data, read))
    report = inject(array, ber=ber, out=out, dtype=dtype if dtype == "int4" else None, threads=2)
    wrong = np.unpackbits(data ^ read, bitorder="little").reshape(-1, bits)
    assert (report.by_bit == wrong.sum(0)).all()
    assert report.flips == wrong.sum()
