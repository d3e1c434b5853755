"""Figures of a result against the same figures worked out from a list of everything that happened."""

import numpy as np
import pytest

from edensim.dram.channel_kernel import EXACT, latency_bin
from edensim.dram.channel_state import LATENCY_BINS
from edensim.dram.commands import RD, WR
from edensim.dram.replay import replay_requests
from edensim.dram.trace import Requests
from edensim.system import measure
from tests.system.programs import system

BURST = np.uint64(64)


def random_requests(count: int, last_gap: int) -> Requests:
    """Reads and writes at random places within 5000 clocks, and one more after a long silence."""
    rng = np.random.default_rng(3)
    arrival = np.sort(rng.integers(0, 5000, count)).astype(np.uint64)
    arrival[-1] += np.uint64(last_gap)
    return Requests(
        rng.integers(0, 1 << 20, count).astype(np.uint64) * BURST, (rng.random(count) < 0.3).astype(np.uint8), arrival
    )


@pytest.mark.parametrize(("refresh", "last_gap"), [("all_bank", 0), ("none", 100_000), ("none", 3_000_000)])
def test_timeline_is_the_histogram_of_the_commands(refresh: str, last_gap: int) -> None:
    """Every byte lies in the bin of its column command, also before a silence in which nothing closes a bin."""
    memory = system(controller={"refresh": refresh})
    done = replay_requests(memory, [random_requests(600, last_gap)], keep_log=True)
    found = measure.timeline(memory, done.channels, done.cycles)
    clocks = round(found["bin_ns"] * 1000 / float(memory.period))
    assert done.log is not None
    log = done.log.commands[0]
    for command, name in ((RD, "bytes_read"), (WR, "bytes_write")):
        bins = np.minimum(log[log[:, 1] == command, 0] // clocks, len(found[name]) - 1)
        assert found[name] == (64 * np.bincount(bins, minlength=len(found[name]))).tolist()
    assert sum(found["row_hit"]) == int(done.counters.row_hit.sum())


def test_percentiles_are_nearest_rank() -> None:
    """Mean, p50 and p99 of the latency histogram are those of the sorted list of latencies."""
    memory = system()
    done = replay_requests(memory, [random_requests(601, 0)])
    assert not done.channels["latency_count"][0, EXACT:].any()
    latency = np.repeat(np.arange(done.channels["latency_count"].shape[1]), done.channels["latency_count"][0])
    found = measure.latency_clocks(done.channels)
    assert len(latency) == int(done.counters.reads.sum())
    assert found["mean"] == pytest.approx(latency.mean())
    assert found["p50"] == latency[-(-len(latency) * 50 // 100) - 1]
    assert found["p99"] == latency[-(-len(latency) * 99 // 100) - 1]


def test_long_latencies_keep_their_size() -> None:
    """Bins follow one another without gap or overlap, are at most 1.6 % wide, and last for a quarter of an hour."""
    longest = [int(measure.longest_latency(k)) for k in range(LATENCY_BINS)]
    for k in (0, 1, EXACT - 1, EXACT, EXACT + 63, EXACT + 64, EXACT + 1000, LATENCY_BINS - 1):
        shortest = longest[k - 1] + 1 if k else 0
        assert latency_bin(shortest) == latency_bin(longest[k]) == k
        assert longest[k] <= shortest * 65 / 64
    assert longest[-1] > 1 << 40
