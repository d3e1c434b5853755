"""Replays of traces: what is refused, and counters against a recount of the command log."""

import numpy as np
import pytest

from edensim.config import load_config
from edensim.dram.commands import ACT, PRE, PREAB, REFAB
from edensim.dram.controller import DramSystem
from edensim.dram.reference import simulate
from edensim.dram.replay import LATEST, replay_requests
from edensim.dram.trace import Requests
from edensim.errors import InputError
from tests.dram.parity import constraint_table, decode, settings


def memory(preset: str, **dram: object) -> DramSystem:
    return DramSystem(load_config({"dram": {"preset": preset, **dram}}).config.dram)


@pytest.mark.parametrize("arrival", [LATEST, 1 << 62, (1 << 64) - 1])
def test_an_arrival_out_of_reach_is_refused(arrival: int) -> None:
    """A clock that no simulation reaches (one flipped bit) is an error that names the request, not an endless run."""
    times = np.array([0, 5, arrival], np.uint64)
    requests = Requests(np.zeros(3, np.uint64), np.zeros(3, np.uint8), times)
    with pytest.raises(InputError, match=f"x.npz: request 2: arrival {arrival} .* from 0 to {LATEST - 1}"):
        replay_requests(memory("ddr4-2400r-8gb-x8"), [requests], where="x.npz")


@pytest.mark.parametrize("preset", ["ddr4-2400r-8gb-x8", "ramulator2:ddr4_2400_2rank_scatter"])
def test_bank_states_are_those_of_the_command_log(preset: str) -> None:
    """Open clocks of banks and ranks, and closings, recounted from the log one command after the other."""
    system, rng = memory(preset), np.random.default_rng(9)
    lines = np.where(rng.random(1500) < 0.5, rng.integers(0, 4000, 1500), rng.integers(0, 1 << 24, 1500))
    arrival = np.cumsum(rng.choice([0, 0, 0, 40], 1500))
    requests = Requests(
        (lines * 64).astype(np.uint64), (rng.random(1500) < 0.4).astype(np.uint8), arrival.astype(np.uint64)
    )
    done = replay_requests(system, [requests], keep_log=True)
    g, counters = system.geometry, done.counters
    since: dict[int, int] = {}  # open bank -> clock of its ACT
    busy: dict[int, int] = {}  # rank with an open bank -> since when
    bank_ck, rank_ck, closings = np.zeros(g.banks, int), np.zeros(g.ranks, int), np.zeros(g.banks, int)

    def close(banks: range, clock: int) -> None:
        for bank in (b for b in banks if b in since):
            bank_ck[bank] += clock - since.pop(bank)
            closings[bank] += 1
            rank = bank // g.banks_per_rank
            if not any(b // g.banks_per_rank == rank for b in since):
                rank_ck[rank] += clock - busy.pop(rank)

    assert done.log is not None
    for clock, command, node, _, _ in done.log.commands[0].tolist():
        if command == ACT:
            since[node] = clock
            busy.setdefault(node // g.banks_per_rank, clock)
        elif command == PRE:
            close(range(node, node + 1), clock)
        elif command == PREAB:
            close(range(node * g.banks_per_rank, (node + 1) * g.banks_per_rank), clock)
        elif command == REFAB:
            assert node not in busy
    assert counters.n_pre[0].tolist() == closings.tolist()
    close(range(g.banks), done.cycles)  # what is still open counts until the end
    assert counters.bank_open_ck[0].tolist() == bank_ck.tolist()
    assert counters.rank_open_ck[0].tolist() == rank_ck.tolist()


@pytest.mark.parametrize("front_end", ["per_channel", "ramulator2"])
def test_several_channels_equal_the_reference(front_end: str) -> None:
    """Four channels, bursts on one of them, gaps, short refreshes: commands, end and latencies are the reference's.

    Pieces of 97 requests change nothing, and idle channels are refreshed until the last one ends.
    """
    system = memory(
        "ddr4-2400r-8gb-x8",
        channels=4,
        timing={"tRFC_ns": 60.0, "tREFI_ns": 400.0},
        controller={"front_end": front_end, "read_queue": 4, "write_queue": 4},
    )
    rng = np.random.default_rng(5)
    line = rng.integers(0, 1 << 16, 500)
    line[100:250] = line[100:250] // 4 * 4 + 1  # all to one channel
    trace = {
        "addr": (line * 64).astype(np.uint64),
        "is_write": (rng.random(500) < 0.4).astype(np.uint8),
        "arrival": np.cumsum(rng.choice([0, 0, 0, 0, 30], 500)).astype(np.uint64),
    }
    pieces = (Requests(*(x[k : k + 97] for x in trace.values())) for k in range(0, 500, 97))
    found = replay_requests(system, pieces, keep_log=True)
    edges = [constraint_table(system.dram)] * 4
    wanted = simulate(edges, system.geometry, settings(system.dram), decode(system.dram, trace))
    assert found.log is not None
    assert [x.tolist() for x in found.log.commands] == [[list(c) for c in log] for log in wanted.commands]
    assert found.cycles == wanted.cycles
    assert int(found.counters.read_latency_ck_sum.sum()) == wanted.read_latency_sum


def test_channels_add_their_bandwidth() -> None:
    """Eight channels carry a stream eight times as fast as one; a front end for all of them offers a line per clock."""
    stream = Requests(np.arange(16_000, dtype=np.uint64) * np.uint64(64), np.zeros(16_000, np.uint8))
    one, eight, shared = (
        replay_requests(memory("ddr4-2400r-8gb-x8", channels=n, controller={"front_end": f}), [stream]).cycles
        for n, f in ((1, "per_channel"), (8, "per_channel"), (8, "ramulator2"))
    )
    assert one / eight == pytest.approx(8, rel=0.05)
    assert shared >= 16_000 > 1.5 * eight


def test_a_write_ends_with_its_last_beat() -> None:
    """One write takes a clock to be seen, nRCD, CWL and the burst; for ramulator 2 it ends with its command."""
    write = Requests(np.zeros(1, np.uint64), np.ones(1, np.uint8))
    for front_end, data in (("per_channel", 12 + 4), ("ramulator2", 0)):
        system = memory("ddr4-2400r-8gb-x8", controller={"front_end": front_end})
        assert replay_requests(system, [write]).cycles == 1 + 16 + data
    ck = memory("lpddr3-1600-4gb-x32").timing
    assert ck.write_latency == ck.ck["nCWL"] + ck.ck["nDQSS"] + ck.ck["nBL"]


def test_reads_wait_for_a_burst_of_writes() -> None:
    """The tail of read latencies is the write mode's: writes at twice the rate of the bus hold a read back to the end.

    So they do in the reference. With a fifth of the writes, the read waits less than a quarter as long.
    """
    system, waits = memory("ddr4-2400r-8gb-x8", controller={"refresh": "none"}), []
    for count in (600, 120):
        line, is_write = np.arange(count), np.ones(count, np.uint8)
        line[50], is_write[50] = 1 << 20, 0
        trace = {"addr": (line * 64).astype(np.uint64), "is_write": is_write}
        trace["arrival"] = (2 * np.arange(count)).astype(np.uint64)
        found = replay_requests(system, [Requests(**trace)])
        wanted = simulate(
            [constraint_table(system.dram)], system.geometry, settings(system.dram), decode(system.dram, trace)
        )
        waits.append(int(found.counters.read_latency_ck_sum.sum()))
        assert waits[-1] == wanted.read_latency_sum
    assert waits[0] > 1500 and waits[0] > 4 * waits[1]
