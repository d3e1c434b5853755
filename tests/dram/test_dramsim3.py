"""The mode that schedules as DRAMsim3 does, against published runs of that program."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edensim.config import load_config
from edensim.dram.controller import DramSystem
from edensim.dram.generate import golden_trace
from edensim.dram.replay import replay_requests
from edensim.dram.trace_requests import Requests
from edensim.jit import JIT_DISABLED

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="a million requests per run need compiled kernels")

GOLDEN = json.loads((Path(__file__).parent / "golden" / "dramsim3.json").read_text())
QUEUES = {"def": ("per_bank", 8), "rank32": ("per_rank", 32)}


@pytest.mark.parametrize("row", GOLDEN["rows"], ids=lambda row: f"{row[0]}-{row[1]}")
def test_every_run(row: list) -> None:
    """14 runs: the same clocks (that driver counts the one after the last too), mean latency, hits and conflicts."""
    config, trace, cycles, latency, *found = row
    kind, size = QUEUES[config]
    controller = {"scheduler": "DRAMsim3", "command_queue": kind, "command_queue_size": size}
    memory = load_config({"dram": {"preset": "ramulator2:ddr4_2400_frfcfs32", "controller": controller}}).config.dram
    given = golden_trace(trace)
    counters = replay_requests(DramSystem(memory), [Requests(**given)]).counters
    assert int(counters.cycles.max()) == cycles - 1
    reads = int(counters.reads.sum())
    assert int(counters.read_latency_ck_sum.sum()) / reads == pytest.approx(latency, abs=0.006)
    assert [int(x.sum()) for x in (counters.row_hit, counters.row_miss, counters.row_conflict)] == found
