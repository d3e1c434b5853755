"""Changes of a memory or a trace whose effect on every shipped memory is known beforehand."""

from __future__ import annotations

import numpy as np
import pytest

from edensim.config.schema import OperatingPoint
from edensim.dram.controller import DramSystem
from edensim.dram.replay import ReplayResult, replay_requests
from edensim.dram.trace_requests import Requests
from edensim.jit import JIT_DISABLED
from edensim.memory import resolve_operating_state
from tests.dram.closed_forms import activate_to_read, memory
from tests.dram.preset_dram import OWN

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="thousands of requests per memory need compiled kernels")

TOTALS = "n_act n_rd n_wr row_hit row_miss row_conflict reads_forwarded writes_coalesced read_latency_ck_sum".split()
Places = dict[str, np.ndarray]


def places(system: DramSystem, count: int = 2000) -> Places:
    """Random requests, half of them in a few rows, a third writes, some repeated, in bursts with gaps."""
    rng, g = np.random.default_rng(17), system.geometry
    near = rng.random(count) < 0.5
    row = np.where(near, rng.integers(0, 3, count), rng.integers(0, g.rows, count))
    column = np.where(near, rng.integers(0, 4, count), rng.integers(0, g.columns, count))
    at = np.cumsum(rng.choice([0, 0, 0, 0, 0, 0, 0, 20, 200], count))
    is_write = (rng.random(count) < 0.35).astype(np.uint8)
    return {"bank": rng.integers(0, g.banks, count), "row": row, "column": column, "at": at, "is_write": is_write}


def replayed(system: DramSystem, trace: Places) -> ReplayResult:
    line = system.address_map.encode(0, trace["bank"], trace["row"], trace["column"]).astype(np.uint64)
    addr = line * np.uint64(system.line_bytes)
    return replay_requests(system, [Requests(addr, trace["is_write"], trace["at"].astype(np.uint64))])


def totals(result: ReplayResult) -> dict[str, int]:
    return {name: int(getattr(result.counters, name).sum()) for name in TOTALS}


@pytest.mark.parametrize("name", OWN)
def test_larger_tRCD_never_speeds_a_closed_row_read(name: str) -> None:  # noqa: N802
    """A lone read of a closed row takes as many clocks more as tRCD does: 40 settings from 0 to twice the nominal."""
    nominal, waits = memory(name), []
    one = {key: np.array([value]) for key, value in {"bank": 2, "row": 9, "column": 0, "at": 0}.items()}
    for tRCD_ns in np.linspace(0, 2 * (nominal.dram.timing.tRCD_ns or 0), 41):  # noqa: N806
        point = OperatingPoint(tRCD_ns=float(tRCD_ns))
        system = DramSystem(nominal.dram, resolve_operating_state(nominal.dram, point, []))
        done = replayed(system, one | {"is_write": np.zeros(1, np.uint8)})
        waits.append(int(done.counters.read_latency_ck_sum[0]))
        # The first, with tRCD 0, takes as long as an ACT occupies the command bus.
        wait = activate_to_read(system, int(system.clocks["nRCD"][0, 2]))
        assert waits[-1] == max(waits[0], 1 + wait + system.timing.read_latency)
    assert waits[0] <= 1 + 4 + nominal.timing.read_latency
    assert waits == sorted(waits)
    assert len(set(waits)) > 10


@pytest.mark.parametrize("name", OWN)
def test_doubling_a_trace_doubles_the_counts(name: str) -> None:
    """The same requests again, later by whole refresh intervals: twice the commands, hits, misses and waiting.

    A refresh closes all rows, so that both halves begin alike.
    """
    system = memory(name, refresh="all_bank")
    ck = system.timing.ck
    start, once = ck["nREFI"] // 2, places(system)
    again = (replayed(system, once).cycles // ck["nREFI"] + 3) * ck["nREFI"]
    first = {**once, "at": once["at"] + start}
    both = {key: np.concatenate([column, column]) for key, column in first.items()}
    both["at"][len(once["at"]) :] += again
    wanted = {name: 2 * count for name, count in totals(replayed(system, first)).items()}
    assert totals(replayed(system, both)) == wanted
    assert min(wanted["row_hit"], wanted["row_conflict"]) > 0


@pytest.mark.parametrize("name", OWN)
def test_banks_have_no_names(name: str) -> None:
    """Bank groups exchanged within a rank (or stack ID), and banks within each group: equal counts, waiting and end."""
    system = memory(name, refresh="all_bank")
    g, rng, trace = system.geometry, np.random.default_rng(23), places(system)
    within, bank = np.divmod(np.arange(g.banks), g.banks_per_group)
    groups = np.arange(g.banks // g.banks_per_group)
    moved = np.concatenate([rng.permutation(x) for x in groups.reshape(-1, g.bank_groups)])
    inside = np.array([rng.permutation(g.banks_per_group) for _ in groups])
    relabelled = moved[within] * g.banks_per_group + inside[within, bank]
    assert sorted(relabelled) == list(range(g.banks))
    one, other = replayed(system, trace), replayed(system, {**trace, "bank": relabelled[trace["bank"]]})
    assert totals(one) == totals(other)
    assert one.cycles == other.cycles
    assert np.array_equal(one.counters.n_act[0], other.counters.n_act[0][relabelled])
