"""Parity with ramulator 2.1: cycles, latencies, row statistics and the digest of every command, exactly."""

import json
from functools import cache
from pathlib import Path

import pytest

from edensim.config import load_config
from edensim.dram.controller import DramSystem
from edensim.dram.generate import golden_trace
from edensim.dram.replay import ReplayResult, replay_requests
from edensim.dram.trace import Requests
from edensim.jit import JIT_DISABLED

GOLDEN = json.loads((Path(__file__).parent / "golden" / "ramulator2.json").read_text())

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="millions of requests need compiled kernels")


@cache
def requests(name: str) -> Requests:
    trace = golden_trace(name)
    return Requests(trace["addr"], trace["is_write"], trace["arrival"])


def replayed(preset: str, trace: str, command_hash: bool = False) -> ReplayResult:
    system = DramSystem(load_config({"dram": {"preset": f"ramulator2:{preset}"}}).config.dram)
    return replay_requests(system, [requests(trace)], command_hash=command_hash)


def rows(result: ReplayResult) -> tuple[int, int, int]:
    c = result.counters
    return int(c.row_hit.sum()), int(c.row_miss.sum()), int(c.row_conflict.sum())


@pytest.mark.parametrize("row", GOLDEN["saturated"], ids=lambda r: f"{r[0]}-{r[1]}")
def test_saturated_and_low_load_runs(row: list) -> None:
    """19 runs on nine traces: cycles, mean read latency (to its two printed decimals) and row statistics are equal."""
    config, trace, cycles, latency, *found = row
    result = replayed(f"ddr4_2400_{config}", trace)
    c = result.counters
    assert result.cycles == cycles
    assert rows(result) == tuple(found)
    assert abs(c.read_latency_ck_sum.sum() / c.reads.sum() - latency) <= 0.005 + 1e-9


@pytest.mark.parametrize("row", GOLDEN["standards"], ids=lambda r: f"{r[0]}-{r[1]}")
def test_every_command(row: list) -> None:
    """22 runs (all families and parity configurations with public runs): SHA-256 over all commands is equal."""
    config, trace, cycles, latency_sum, *found, digests = row
    result = replayed(config, trace, command_hash=True)
    assert result.command_sha256 == digests
    assert result.cycles == cycles
    assert int(result.counters.read_latency_ck_sum.sum()) == latency_sum
    assert rows(result) == tuple(found)


def test_one_cycle_more_changes_the_digest() -> None:
    """The digest can fail: tRCD one clock longer gives another command stream and a later end."""
    config, trace, cycles, _, _, _, _, digests = GOLDEN["standards"][0]
    dram = load_config({"dram": {"preset": f"ramulator2:{config}"}}, set={"dram.timing_ck.nRCD": 17}).config.dram
    result = replay_requests(DramSystem(dram), [requests(trace)], command_hash=True)
    assert result.command_sha256 != digests
    assert result.cycles != cycles


def test_streaming_in_pieces_changes_nothing() -> None:
    """The state between blocks is complete: pieces of 777 requests give the digest of the whole."""
    config, trace, cycles, *_, digests = GOLDEN["standards"][0]
    system = DramSystem(load_config({"dram": {"preset": f"ramulator2:{config}"}}).config.dram)
    whole = requests(trace)
    pieces = (Requests(*(x[k : k + 777] for x in whole[:3])) for k in range(0, len(whole.addr), 777))
    result = replay_requests(system, pieces, command_hash=True)
    assert result.command_sha256 == digests
    assert result.cycles == cycles
