"""The cache kernel against a plain-Python hierarchy, closed forms, and the geometries it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edensim.errors import ConfigError
from edensim.machines.cpu.cache import CacheLevel, Caches, touch_words, unpack
from tests.machines.cpu.reference_cache import ReferenceCaches


@st.composite
def hierarchies(draw: st.DrawFn) -> list[CacheLevel]:
    """One to three small caches of any policy that the reference knows (random replacement is not compared)."""
    levels = []
    for k in range(draw(st.integers(1, 3))):
        policy = draw(st.sampled_from(["lru", "lru", "plru"]))
        ways = draw(st.sampled_from([1, 2, 4] if policy == "plru" else [1, 2, 3, 5]))
        sets = draw(st.sampled_from([1, 2, 4, 8]))
        levels.append(
            CacheLevel(
                sets * ways * 64,
                ways,
                policy=policy,
                inclusive=k > 0 and draw(st.booleans()),
                hashed=draw(st.booleans()),
                prefetcher=draw(st.sampled_from(["none", "none", "stream", "stride"])),
                degree=draw(st.integers(1, 3)),
                distance=draw(st.integers(1, 3)),
                name=f"l{k + 1}",
            )
        )
    return levels


@st.composite
def walks(draw: st.DrawFn) -> list[tuple[int, bool, int]]:
    """Touches that repeat, run along lines and jump."""
    out: list[tuple[int, bool, int]] = []
    for _ in range(draw(st.integers(1, 12))):
        start, step = draw(st.integers(0, 150)), draw(st.sampled_from([-2, -1, 0, 1, 1, 1, 2, 7]))
        write, stream = draw(st.booleans()), draw(st.integers(0, 3))
        out += [(start + k * step, write, stream) for k in range(draw(st.integers(1, 12))) if start + k * step >= 0]
    return out


@settings(max_examples=300, deadline=None)
@given(hierarchies(), walks(), st.integers(1, 3))
def test_kernel_equals_reference(levels: list[CacheLevel], walk: list[tuple[int, bool, int]], emit: int) -> None:
    """Every record that leaves, and every count, for any policy, inclusion, hashing and prefetcher."""
    emit = min(emit, len(levels))
    reference = ReferenceCaches(levels, emit)
    for line, write, stream in walk:
        reference.touch(line, write, stream)
    line, write, stream = (np.array(x) for x in zip(*walk, strict=True))
    caches = Caches(levels, emit)
    got = []
    for words in caches.drive(touch_words(line, write, 1, stream)):
        r = unpack(words)
        for k in range(len(words)):
            kind = "write" if r.write[k] else "prefetch" if r.prefetch[k] else "store" if r.store[k] else "load"
            got.append((kind, int(r.line[k]), int(r.level[k])))
    assert got == reference.records
    for mine, theirs in zip(caches.counts(), reference.counts, strict=True):
        assert {name: mine[name] for name in theirs} == theirs


def test_stream_misses_once_per_line() -> None:
    """A cold stream reads every line from memory once, whatever the number of pieces its records come in."""
    n = 300_000
    caches = Caches([CacheLevel(32768, 8), CacheLevel(1 << 20, 16)])
    lines = np.concatenate([unpack(words).line for words in caches.drive(touch_words(np.arange(n)))])
    assert np.array_equal(lines, np.arange(n))


def test_gaps_add_up() -> None:
    """Instructions between touches are conserved: gaps of records plus what is left equal the gaps of touches."""
    rng = np.random.default_rng(1)
    gap = rng.integers(0, 1024, 50_000)
    caches = Caches([CacheLevel(4096, 4)])
    words = touch_words(rng.integers(0, 200, 50_000), 0, gap)
    seen = sum(int(unpack(w).gap.sum()) for w in caches.drive(words))
    assert seen + caches.pending_instructions == gap.sum()


@pytest.mark.parametrize("policy", ["lru", "plru", "random"])
def test_loop_that_fits_hits(policy: str) -> None:
    """A loop over exactly the capacity misses only cold under any policy: empty ways are filled first."""
    lines = np.tile(np.arange(512), 5)
    caches = Caches([CacheLevel(32768, 8, policy=policy)])
    list(caches.drive(touch_words(lines)))
    assert caches.counts()[0]["read_misses"] == 512


def test_lru_loop_one_line_too_long_always_misses() -> None:
    """LRU over ways + 1 lines of one set never hits; random replacement does, in its expected share.

    A line survives the eight others with some chance under random replacement, hence more than 5 % and less than 95 %.
    """
    lines = np.tile(np.arange(9) * 64, 2000)
    shares = {}
    for policy in ("lru", "random"):
        caches = Caches([CacheLevel(32768, 8, policy=policy)])
        list(caches.drive(touch_words(lines)))
        counts = caches.counts()[0]
        shares[policy] = 1 - counts["read_misses"] / counts["reads"]
    assert shares["lru"] == 0
    assert 0.05 < shares["random"] < 0.95


def test_pieces_change_nothing() -> None:
    """Driving touches in any pieces leaves the same records and the same state."""
    rng = np.random.default_rng(7)
    words = touch_words(rng.integers(0, 5000, 20_000), rng.integers(0, 2, 20_000), 3, rng.integers(0, 4, 20_000))
    levels = [CacheLevel(4096, 4), CacheLevel(65536, 8, policy="random", prefetcher="stride")]
    whole, parts = Caches(levels), Caches(levels)
    a = np.concatenate([w.copy() for w in whole.drive(words)])
    cuts = np.split(words, np.sort(rng.integers(0, 20_000, 50)))
    b = np.concatenate([w.copy() for part in cuts for w in parts.drive(part)])
    assert np.array_equal(a, b)
    assert np.array_equal(whole.digest_state(), parts.digest_state())


@pytest.mark.parametrize(
    ("level", "words"),
    [
        (CacheLevel(48 * 1024, 8, name="l1"), "machine.l1.size_bytes: 49152 bytes / (8 ways x 64 bytes) is 96 sets"),
        (CacheLevel(1000, 8, name="l2"), "1.95312 sets; expected a power of two"),
        (CacheLevel(0, 8), "0 sets"),
        (CacheLevel(32768, 0, name="l1"), "machine.l1.ways: found 0; expected 1 to 32"),
        (CacheLevel(3 * 64 * 64, 3, policy="plru", name="l1"), "a plru tree needs a power of two"),
    ],
)
def test_impossible_geometry_is_refused(level: CacheLevel, words: str) -> None:
    """The message names the key, what was found, and what is expected."""
    with pytest.raises(ConfigError) as error:
        Caches([level])
    assert words in str(error.value)


def test_lines_beyond_reach_are_refused() -> None:
    """Addresses above 64 GiB do not alias silently."""
    with pytest.raises(ConfigError, match="beyond"):
        touch_words(np.array([1 << 30]))
