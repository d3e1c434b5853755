"""Figures of a result against the same figures worked out from a list of everything that happened."""

from dataclasses import replace

import numpy as np
import pytest

from edensim.config import schema
from edensim.dram import reading_kernel as reading
from edensim.dram.channel_kernel import EXACT, latency_bin
from edensim.dram.channel_state import LATENCY_BINS
from edensim.dram.commands import ACT, PRE, PREAB, RD, REFAB, WR
from edensim.dram.controller import DramSystem
from edensim.dram.counters import Counters
from edensim.dram.energy import EnergyModel
from edensim.dram.replay import replay_requests
from edensim.dram.trace import Requests
from edensim.memory import resolve_operating_state
from edensim.system import measure
from tests.system.programs import system

BURST = np.uint64(64)
COLUMN_OF = {
    "n_act": reading.ACTS,
    "n_pre": reading.CLOSINGS,
    "n_rd": reading.READS,
    "n_wr": reading.WRITES,
    "n_ref": reading.REFRESHES,
    "bank_open_ck": reading.BANK_OPEN,
    "rank_open_ck": reading.RANK_OPEN,
}


def random_requests(count: int, last_gap: int) -> Requests:
    """Reads and writes at random places within 5000 clocks, and one more after a long silence."""
    rng = np.random.default_rng(3)
    arrival = np.sort(rng.integers(0, 5000, count)).astype(np.uint64)
    arrival[-1] += np.uint64(last_gap)
    return Requests(
        rng.integers(0, 1 << 20, count).astype(np.uint64) * BURST, (rng.random(count) < 0.3).astype(np.uint8), arrival
    )


def priced(memory, done):
    """What a replay cost."""
    return EnergyModel(memory.dram, memory.state, timing=memory.timing).price(done.counters)


@pytest.mark.parametrize(("refresh", "last_gap"), [("all_bank", 0), ("none", 100_000), ("none", 3_000_000)])
def test_timeline_is_the_histogram_of_the_commands(refresh: str, last_gap: int) -> None:
    """Every byte lies in the bin of its column command, also before a silence in which nothing closes a bin."""
    memory = system(controller={"refresh": refresh})
    done = replay_requests(memory, [random_requests(600, last_gap)], keep_log=True)
    found = measure.timeline(memory, done.channels, done.cycles, priced(memory, done))
    clocks = round(found["bin_ns"] * 1000 / float(memory.period))
    assert done.log is not None
    log = done.log.commands[0]
    for command, name in ((RD, "bytes_read"), (WR, "bytes_write")):
        bins = np.minimum(log[log[:, 1] == command, 0] // clocks, len(found[name]) - 1)
        assert found[name] == (64 * np.bincount(bins, minlength=len(found[name]))).tolist()
    assert sum(found["row_hit"]) == int(done.counters.row_hit.sum())


@pytest.mark.parametrize("last_gap", [0, 100_000])
@pytest.mark.parametrize("policy", [{}, {"row_policy": "closed", "row_cap": 2}])
def test_bins_count_every_command_and_every_open_clock(last_gap: int, policy: dict[str, object]) -> None:
    """Rows, precharges, refreshes and open clocks of each bin are those of the command log up to its end."""
    memory = system(controller={"refresh": "all_bank", **policy})
    done = replay_requests(memory, [random_requests(600, last_gap)], keep_log=True)
    clocks, parts = measure.readings(memory, done.channels, done.cycles)
    assert parts[:, reading.BANK_OPEN].sum() == done.counters.bank_open_ck.sum()
    assert parts[:, reading.RANK_OPEN].sum() == done.counters.rank_open_ck.sum()
    assert parts[:, reading.CLOSINGS].sum() == done.counters.n_pre.sum()
    assert (parts >= 0).all()
    assert done.log is not None
    log = done.log.commands[0]
    for codes, column in (((ACT,), reading.ACTS), ((REFAB,), reading.REFRESHES)):
        bins = np.minimum(log[np.isin(log[:, 1], codes), 0] // clocks, len(parts) - 1)
        assert parts[:, column].tolist() == np.bincount(bins, minlength=len(parts)).tolist()
    if not policy:
        opened, edges = {}, np.minimum(np.arange(1, len(parts) + 1) * clocks, done.cycles)
        want = np.zeros(len(parts))
        for clock, command, bank, *_ in [*log.tolist(), (done.cycles, PREAB, 0)]:
            for b in [bank] if command in (ACT, PRE) else list(opened) if command == PREAB else []:
                if command == ACT:
                    opened[b] = clock
                else:
                    upto = [max(min(edge, clock) - opened[b], 0) for edge in edges.tolist()]
                    want += np.diff(upto, prepend=0)
                    del opened[b]
        assert parts[:, reading.BANK_OPEN].tolist() == want.tolist()


@pytest.mark.parametrize("vdd", [None, 1.05])
def test_power_over_time_is_the_energy(vdd: float | None) -> None:
    """Powers of the bins times their lengths add up to every component; of a bin alone they are its own price."""
    memory = system()
    if vdd:
        low = schema.Partition(name="low", banks="0:8", vdd=vdd)
        memory = DramSystem(memory.dram, resolve_operating_state(memory.dram, schema.OperatingPoint(), [low]))
    done = replay_requests(memory, [random_requests(600, 0)])
    cost = priced(memory, done)
    line = measure.timeline(memory, done.channels, done.cycles, cost)
    span_ns = np.diff([*line["start_ns"], done.cycles * float(memory.period / 1000)])
    for part, energy in cost.as_dict().items():
        assert np.dot(line["power_mw"][part], span_ns) == pytest.approx(energy, rel=1e-5)
    # One supply: a bin costs what the counters of that bin alone cost.
    if vdd is None:
        _, parts = measure.readings(memory, done.channels, done.cycles)
        zeros = Counters.zeros(memory.period, 1, 1, memory.geometry.banks)
        for k, row in enumerate(parts):
            mine = {name: np.array(getattr(zeros, name)) for name in COLUMN_OF}
            for name, column in COLUMN_OF.items():
                mine[name].flat[0] = row[column]
            busy = row[reading.REFRESHES] * memory.timing.ck["nRFC"]
            cycles = np.array([min(done.cycles, (k + 1) * 1024) - k * 1024])
            counters = replace(zeros, cycles=cycles, refreshing_ck=np.array([[busy]]), **mine)
            alone = EnergyModel(memory.dram, timing=memory.timing).price(counters)
            assert alone.total / span_ns[k] == pytest.approx(line["power_mw"]["total"][k], rel=1e-5)


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
