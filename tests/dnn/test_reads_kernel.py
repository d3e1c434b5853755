"""The kernels of reads against plain Python, and the one that takes floats the whole way against its steps."""

from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edensim.approx.poisson import mean_of_parity, thresholds
from edensim.dnn.codes_kernel import correct_values
from edensim.dnn.passing import Drawn
from edensim.dnn.reading import Draws
from edensim.dnn.reads_kernel import pass_floats, toggle_reads

BOUNDS = [(-6.0, 6.0), (0.0, 6.0), (-6.0, 0.0), (-1e30, 1e30)]


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32), row_bits=st.sampled_from([256, 1024, 65536]), rows=st.integers(1, 5),
    reads=st.integers(1, 3), rate=st.sampled_from([0.0, 1e-4, 1e-2, 0.06]), bounds=st.sampled_from(BOUNDS),
    odd=st.sampled_from([None, np.nan, np.inf, 9.0, -9.0]), way=st.integers(0, 1), corrects=st.booleans(),
)  # fmt: skip
def test_floats_at_once(seed, row_bits, rows, reads, rate, bounds, odd, way, corrects):
    """Copied, toggled, corrected: same bits, flips and corrections, also where stored values are outside of bounds."""
    rng = np.random.default_rng(seed)
    most = row_bits // 32
    size = int(rng.integers((rows - 1) * most + 1, rows * most + 1))
    low, high = map(np.float32, bounds)
    values = np.clip(rng.normal(size=(reads, size)).astype(np.float32), low, high)
    if odd is not None:
        values.flat[rng.integers(values.size)] = odd
    least, table = thresholds(mean_of_parity(row_bits, rate))
    groups = np.array([[least, 0, len(table), 0, row_bits]], np.int64)
    draws = Draws(rows, row_bits, np.uint64(rng.integers(2**63)), np.array(table), groups)
    drawn = Drawn.of(draws)
    read, expected = np.zeros_like(values), values.copy()
    flips, corrected = pass_floats(values.ctypes.data, 5, read, corrects, low, high, way, *drawn)
    assert flips == toggle_reads(expected.view(np.uint8), values.view(np.uint8), drawn.listed, *draws, 5)
    assert corrected == sum(correct_values(row, low, high, way) for row in expected if corrects)
    assert (read.view(np.uint32) == expected.view(np.uint32)).all()


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32), size=st.integers(1, 300), rows=st.integers(1, 4), reads=st.integers(1, 3),
    rate=st.sampled_from([1e-4, 1e-2, 0.06, 0.2]), access=st.integers(0, 2**40),
)  # fmt: skip
def test_points_are_thrown_as_in_plain_python(seed, size, rows, reads, rate, access):
    """Number of points by inversion of word 0 of a row's stream, places in the halves of the others."""
    rng = np.random.default_rng(seed)
    row_bytes = -(-size // rows)
    rows, key = -(-size // row_bytes), int(rng.integers(2**63))
    least, table = thresholds(mean_of_parity(8 * row_bytes, rate))
    draws = Draws(rows, 8 * row_bytes, np.uint64(key), np.array(table), np.array([[least, 0, len(table), 0, 0]]))
    stored = rng.integers(0, 256, (reads, size), dtype=np.uint8)
    bits = np.unpackbits(stored, axis=1, bitorder="little")
    for i, row in product(range(reads), range(rows)):
        stream = plain_draw(plain_draw(plain_draw(key, access + i), row), 0)
        head = plain_draw(stream, 0)
        for k in range(least + sum(int(t) > head for t in table)):
            half = plain_draw(stream, 1 + k // 2) >> 32 * (k % 2) & 0xFFFFFFFF
            at = 8 * row_bytes * row + (half * 8 * row_bytes >> 32)
            if at < 8 * size:
                bits[i, at] ^= 1
    codes = stored.copy()
    flips = toggle_reads(codes, stored, np.empty(draws.most, np.int64), *draws, access)
    assert np.array_equal(np.unpackbits(codes, axis=1, bitorder="little"), bits)
    assert flips == np.unpackbits(codes ^ stored).sum()


def plain_draw(key, counter):
    """Output of SplitMix64."""
    z = (key + 0x9E3779B97F4A7C15 * (counter + 1)) % 2**64
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
    return z ^ z >> 31
