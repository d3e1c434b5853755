"""Requests sorted by channel are the decoded ones, in their order."""

from __future__ import annotations

from functools import cache

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edensim.config import load_config
from edensim.dram.controller import DramSystem
from edensim.dram.split_kernel import split_requests

LINE = 64


@cache
def memory(channels: int) -> DramSystem:
    return DramSystem(load_config({"dram": {"preset": "ddr4-2400r-8gb-x8", "channels": channels}}).config.dram)


@given(st.sampled_from([1, 2, 3, 4]), st.integers(0, 300), st.integers(0, 1 << 32))
def test_sorted_by_channel(channels: int, count: int, seed: int) -> None:
    """Every channel gets what the address map says, oldest first, with addresses beyond the memory wrapped around."""
    system = memory(channels)
    lines = system.geometry.lines
    rng = np.random.default_rng(seed)
    wanted = rng.integers(0, 2 * lines, count)
    is_write = rng.integers(0, 2, count).astype(np.uint8)
    arrival = np.cumsum(rng.integers(0, 5, count))
    scratch, out, out_write = np.zeros((5, 300), np.int64), np.zeros((5, 300), np.int64), np.zeros(300, np.uint8)
    begin = np.full(channels + 1, 7, np.int64)
    addr = (wanted * LINE).astype(np.uint64)
    table = system.address_map.kernel_table()
    split_requests(addr, is_write, arrival, 6, lines, *table, scratch, out, out_write, begin)

    assert begin[0] == 0 and begin[-1] == count
    channel, bank, row, column = system.address_map.decode(wanted % lines)
    columns = [bank, row, column, wanted % lines, arrival, is_write.astype(np.int64)]
    for c in range(channels):
        mine, got = channel == c, slice(begin[c], begin[c + 1])
        for found, field in zip([*out[:, got], out_write[got]], columns, strict=True):
            assert np.array_equal(found, field[mine])
