"""Replays of traces: what is refused, and counters against a recount of the command log."""

import numpy as np
import pytest

from edensim.config import load_config
from edensim.dram.commands import ACT, PRE, PREAB, REFAB
from edensim.dram.controller import DramSystem
from edensim.dram.replay import LATEST, replay_requests
from edensim.dram.trace import Requests
from edensim.errors import InputError


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
