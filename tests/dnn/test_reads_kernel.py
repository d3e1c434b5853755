"""The kernel that takes floats the whole way, against its steps one by one."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edensim.approx.poisson import mean_of_parity, thresholds
from edensim.dnn.codes_kernel import correct_values
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
    words, key = rng.integers(0, 2**63, rows, dtype=np.uint64), np.uint64(rng.integers(2**63))
    draws = words, key, np.asarray(table, np.uint64), groups, row_bits, 5
    read, expected = np.zeros_like(values), values.copy()
    stored, codes = values.view(np.uint8), read.view(np.uint8)
    flips, corrected = pass_floats(values, read, stored, codes, corrects, low, high, way, *draws)
    assert flips == toggle_reads(expected.view(np.uint8), stored, *draws)
    assert corrected == sum(correct_values(row, low, high, way) for row in expected if corrects)
    assert (read.view(np.uint32) == expected.view(np.uint32)).all()
