"""Synthetic traces: the golden ones bit for bit, and chunks of any size."""

from __future__ import annotations

import hashlib
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edensim.dram.generate import GOLDEN_NAMES, PATTERNS, generate, generate_chunks, golden_trace
from edensim.errors import ConfigError

SHA256 = {
    # SHA-256 over addr, is_write, arrival (little-endian) of the traces on which ramulator 2 was run
    "a_stream": "3b6838b5276a41ab99e0471fe61e5c13ccdc86dda9acb547e050b820cadcd402",
    "a2_stream_bgi": "a814a4f931e9318ccbd564293e02c6ca14cb0cdc6547730f7238e219cef198cb",
    "b_random": "7c055d5f519d04146581c7a8d0b77c044b7566115c7f4d94ec5a8a7e7fb7033d",
    "c_mix8": "13fdb5a612fab9d70531a231c4aa6c09e55a6fca86e6c1df65d8481d24de3310",
    "d_loc50": "9d26cccc13d1d728cb0fda0ee81f8fbde7a11a2b56d8119dc1e4301f832c8dd3",
    "s1_streams16": "c3b10e4a681af923dc945292f7ae808da83a10c1f7ee0ad9147e3070bfa4856f",
    "s2_random_writes": "d64593359d2f640bf72eeb418a0f55dd5f7291780e443416db0e278ac21348b5",
    "s3_dnn_like": "8940a4b95ff484173e6e46163cea2ea0e032b0c83c248508d99999cc78591690",
    "s4_rank_pingpong": "8fc45609ad7dbbed93975a6db883cd6c58146ddb219fd7f064beae42ee754065",
    "a_stream_low": "dac448b04dfa540325b0489fdeeb1f7770f15c85b18881f5ae37d8df7aa074e9",
    "b_random_low": "fd8c779801d4e02e4db5db74ce909fb5d414b873a1f8d4cb0327635797f75168",
    "c_mix8_low": "727f99c22dc6d58256c9f09f6559ed7cc5115edad2ecb021e0e360840de534fd",
    "d_loc50_low": "8e01c671c44aa5b5a5e807c92c69e164291becb8aa3f0ab8583e838fb31739df",
}


@pytest.mark.parametrize("name", GOLDEN_NAMES)
def test_golden_traces_are_bit_identical(name: str) -> None:
    """Every golden trace has the recorded checksum, so parity runs use the very same requests."""
    trace, digest = golden_trace(name), hashlib.sha256()
    for key, kind in (("addr", "<u8"), ("is_write", "u1"), ("arrival", "<u8")):
        assert trace[key].dtype == kind
        digest.update(trace[key].tobytes())
    assert digest.hexdigest() == SHA256[name]


@settings(max_examples=60, deadline=None)
@given(
    pattern=st.sampled_from(sorted(PATTERNS)),
    n=st.integers(1, 2000),
    size=st.integers(1, 2100),
    seed=st.integers(0, 9) | st.none(),
    gap=st.integers(0, 50),
)
def test_chunks_are_pieces_of_the_whole(pattern: str, n: int, size: int, seed: int | None, gap: int) -> None:
    """Generating in chunks of any size gives the same requests as generating at once."""
    whole = generate(pattern, n, seed, gap)
    parts = list(generate_chunks(pattern, n, seed, gap, size))
    assert max(len(part.addr) for part in parts) <= size
    np.testing.assert_array_equal(np.concatenate([part.addr for part in parts]), whole.addr)
    np.testing.assert_array_equal(np.concatenate([part.is_write for part in parts]), whole.is_write)
    assert (whole.arrival is None) == (gap == 0)
    if gap:
        np.testing.assert_array_equal(np.concatenate([part.arrival for part in parts]), np.arange(n) * gap)


@settings(max_examples=60, deadline=None)
@given(pattern=st.sampled_from(sorted(PATTERNS)), n=st.integers(1, 5000), seed=st.integers(0, 2**40))
def test_patterns_are_valid_requests(pattern: str, n: int, seed: int) -> None:
    """Any length and seed gives n aligned addresses, writes of 0 or 1, and the same result again."""
    one, two = generate(pattern, n, seed), generate(pattern, n, seed)
    assert len(one.addr) == len(one.is_write) == n
    assert one.addr.dtype == np.uint64
    assert one.is_write.dtype == np.uint8
    assert not (one.addr % 64).any()
    assert one.is_write.max() <= 1
    np.testing.assert_array_equal(one.addr, two.addr)
    np.testing.assert_array_equal(one.is_write, two.is_write)


def test_shares_are_as_said() -> None:
    """Write shares and locality are those of the description (5 standard deviations of n draws)."""
    n = 40_000
    for pattern, share in (
        ("mix", 0.3),
        ("streams16", 0.5),
        ("rank_pingpong", 0.3),
        ("random_writes", 1.0),
        ("random", 0.0),
    ):
        slack = 5 * np.sqrt(share * (1 - share) / n)
        assert abs(generate(pattern, n, 5).is_write.mean() - share) <= slack
    rows = generate("locality", n, 5).addr // 8192
    assert abs(np.mean(rows[1:] == rows[:-1]) - 0.5) <= 5 * np.sqrt(0.25 / n)


def test_interleaving_visits_all_banks() -> None:
    """Sixteen neighbouring lines of the interleaved stream lie in sixteen banks (bits 13 to 16 of the address)."""
    addr = generate("stream_interleaved", 4096).addr
    banks = (addr.reshape(-1, 16) >> 13) & 15
    assert all(len(set(group)) == 16 for group in banks.tolist())
    assert len(np.unique(addr)) == 4096


def test_long_stream_needs_little_memory() -> None:
    """Two million requests of the chunked patterns never lie in memory together."""
    for pattern in ("stream", "stream_interleaved", "random"):
        tracemalloc.start()
        assert sum(len(part.addr) for part in generate_chunks(pattern, 2_000_000, size=1 << 14)) == 2_000_000
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2 << 20


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: golden_trace("b_randm"), "did you mean b_random?"),
        (lambda: golden_trace("a2_stream_bgi_low"), "unknown"),
        (lambda: generate("strem", 5), "did you mean stream?"),
        (lambda: generate("mix", 0), "requests = 0; expected at least 1"),
        (lambda: generate("mix", 5, -1), "seed = -1"),
        (lambda: generate("mix", 5, 1, -2), "gap = -2"),
        (lambda: next(generate_chunks("stream", -1)), "requests = -1"),
    ],
)
def test_bad_requests_for_traces(call, expected: str) -> None:
    """Unknown names and numbers out of range are configuration errors with the nearest name or the range."""
    with pytest.raises(ConfigError) as caught:
        call()
    assert expected in str(caught.value)
