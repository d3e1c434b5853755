"""Schedulers, row policies and refresh policies of our own: what they promise, and combinations that are refused."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from edensim.config import load_config
from edensim.dram.checker import check_command_log
from edensim.dram.commands import ACT, PRE, RD, RDA, REFAB, WRA
from edensim.dram.controller import DramSystem
from edensim.dram.reference import simulate
from edensim.dram.replay import replay_requests
from edensim.dram.timing import resolve_timing
from edensim.dram.trace_requests import Requests
from edensim.errors import ConfigError
from edensim.jit import JIT_DISABLED
from tests.dram.parity import constraint_table, decode, settings
from tests.dram.preset_dram import dram

uncompiled = pytest.mark.skipif(not JIT_DISABLED, reason="a kernel each; runs in test_policies_uncompiled")


def memory(*overrides: str, preset: str = "ddr4-2400r-8gb-x8") -> DramSystem:
    """One channel of a shipped memory."""
    chosen = ["dram.channels=1", *(f"dram.controller.{item}" for item in overrides)]
    return DramSystem(load_config({"dram": {"preset": preset}}, set=chosen).config.dram)


def commands(system: DramSystem, bank: list[int], row: list[int], at: list[int] | None = None) -> np.ndarray:
    """Log of reads of distinct columns, which the checker has nothing to say against."""
    column = np.arange(len(bank)) % system.geometry.columns
    line = system.address_map.encode(0, bank, row, column).astype(np.uint64)
    arrival = None if at is None else np.array(at, np.uint64)
    trace = Requests(line * np.uint64(system.line_bytes), np.zeros(len(bank), np.uint8), arrival)
    log = replay_requests(system, [trace], keep_log=True).log
    assert log is not None
    assert [report.violations for report in check_command_log(log)] == [0]
    return log.commands[0]


@uncompiled
def test_fcfs_serves_one_request_after_the_other() -> None:
    """Reads leave in the order they came in, and no row is opened while another request waits for its column."""
    rng = np.random.default_rng(5)
    log = commands(memory("scheduler=FCFS", "refresh=none"), *rng.integers(0, 4, (2, 60)).tolist())
    assert log[log[:, 1] == RD, 4].tolist() == list(range(60))
    kinds = log[:, 1].tolist()
    assert all(after == RD for before, after in pairwise(kinds) if before == ACT)


@uncompiled
@pytest.mark.parametrize("preset", ["ddr3-1600-1gb-x8", "ddr4-2400r-8gb-x8", "lpddr4-3200-8gb-x16"])
@pytest.mark.parametrize("queue", ["per_bank", "per_rank"])
def test_two_stages_break_no_rule(preset: str, queue: str) -> None:
    """The mode that schedules as DRAMsim3 does serves all reads, on families and ranks of any kind."""
    system = memory("scheduler=DRAMsim3", f"command_queue={queue}", preset=preset)
    rng, n = np.random.default_rng(4), 200
    line = system.address_map.encode(0, rng.integers(0, 8, n), rng.integers(0, 3, n), rng.integers(0, 9, n))
    trace = Requests((line * system.line_bytes).astype(np.uint64), (rng.random(n) < 0.5).astype(np.uint8))
    found = replay_requests(system, [trace], keep_log=True)
    assert found.log is not None
    assert not any(report.violations for report in check_command_log(found.log))
    assert int(found.counters.reads.sum()) == n - int(trace.is_write.sum())
    assert int(found.counters.reads_forwarded.sum()) > 0


@uncompiled
def test_bounding_logic() -> None:
    """EDEN's check of loaded values delays every read by its clocks, and nothing else."""
    rng = np.random.default_rng(9)
    addr = (rng.integers(0, 1 << 16, 200) * 64).astype(np.uint64)
    trace = Requests(addr, (rng.random(200) < 0.3).astype(np.uint8))
    plain, bounded = (replay_requests(memory(f"bounding_ck={ck}"), [trace], command_hash=True) for ck in (0, 1))
    assert bounded.command_sha256 == plain.command_sha256
    reads = int(plain.counters.reads.sum() - plain.counters.reads_forwarded.sum())
    added = bounded.counters.read_latency_ck_sum - plain.counters.read_latency_ck_sum
    assert int(added.sum()) == reads > 100


@uncompiled
@pytest.mark.parametrize("cap", [1, 3])
def test_cap_on_row_hits(cap: int) -> None:
    """An older request for another row of the bank waits for `hit_cap` accesses of the open row, not for all."""
    system = memory("scheduler=FRFCFS_Capped", f"hit_cap={cap}", "refresh=none")
    log = commands(system, [0] * 11, [1, 2, *[1] * 9])
    kinds = [kind for kind in log[:, 1].tolist() if kind in (RD, PRE)]
    assert kinds.index(PRE) == cap
    assert log[log[:, 1] == ACT, 3].tolist() == [1, 2, 1]


@uncompiled
def test_timeout_closes_unused_rows() -> None:
    """A row is closed `row_timeout_ck` after its last access, and stays open while requests for it keep coming."""
    log = commands(
        memory("row_policy=timeout", "row_timeout_ck=300", "refresh=none"), [0] * 4, [7] * 4, [0, 200, 400, 2000]
    )
    reads, (closed,) = log[log[:, 1] == RD, 0], log[log[:, 1] == PRE, 0]
    assert (log[:, 1] == ACT).sum() == 2
    assert closed == reads[2] + 300


@uncompiled
def test_adaptive_timeout_learns() -> None:
    """A bank that would have hit every 700 clocks ends with a patience that spans the gap."""
    at = np.arange(20) * 700
    fixed = commands(
        memory("row_policy=timeout", "row_timeout_ck=100", "refresh=none"), [0] * 20, [7] * 20, at.tolist()
    )
    learns = commands(
        memory("row_policy=adaptive", "row_timeout_ck=100", "refresh=none"), [0] * 20, [7] * 20, at.tolist()
    )
    assert (fixed[:, 1] == ACT).sum() == 20
    assert (learns[:, 1] == ACT).sum() == 4  # patience 100, 200, 400, 800


@uncompiled
def test_postponed_refreshes() -> None:
    """Refreshes use the gaps between requests; without gaps they wait until the eighth is due."""
    system = memory("refresh_postponed=8")
    interval = system.timing.ck["nREFI"]
    count, gap = 700, 100
    spread = commands(
        system, [k % 16 for k in range(count)], [k // 16 for k in range(count)], [gap * k for k in range(count)]
    )
    clocks = spread[spread[:, 1] == REFAB, 0]
    assert all(
        0 <= clock % interval < 2 * gap for clock in clocks.tolist()
    )  # idle between requests, so none waits long
    busy = commands(system, [0] * 2000, list(range(2000)))
    clocks = busy[busy[:, 1] == REFAB, 0]
    end = busy[-1, 0]
    assert 8 * interval <= clocks[0] < 8 * interval + 500
    assert (clocks < end).sum() == end // interval - 7


@uncompiled
@pytest.mark.parametrize(
    ("preset", "chosen"),
    [
        *(
            ("ddr4-2400r-8gb-x8", [x])
            for x in ("scheduler=FCFS", "scheduler=FRFCFS_Capped", "row_policy=adaptive", "refresh_postponed=3")
        ),
        *(
            (preset, chosen)
            for preset in ("lpddr5-6400-16gb-x16", "hbm2-2000-8gb-x128", "hbm3-6400-16gb-x64")
            for chosen in (
                ["scheduler=FCFS"],
                ["row_policy=adaptive", "row_timeout_ck=60"],
                ["row_policy=closed", "row_cap=2"],
                ["row_policy=closed", "scheduler=FCFS", "refresh=per_bank"],
            )
        ),
        ("lpddr4-3200-8gb-x16", ["refresh=per_bank", "refresh_postponed=1"]),
        ("ddr5-4800-16gb-x8", ["refresh=same_bank", "refresh_postponed=2"]),
        ("hbm3-6400-16gb-x64", ["refresh=per_bank", "refresh_postponed=1"]),
    ],
)
def test_policy_equals_reference(preset: str, chosen: list[str]) -> None:
    """A whole memory with one policy, writes included, command by command."""
    system, rng, n = memory(*chosen, preset=preset), np.random.default_rng(3), 150
    line = system.address_map.encode(0, rng.integers(0, 4, n), rng.integers(0, 3, n), rng.integers(0, 9, n))
    trace = {"addr": (line * 64).astype(np.uint64), "is_write": (rng.random(n) < 0.4).astype(np.uint8)}
    trace["arrival"] = np.cumsum(rng.choice([0, 0, 0, 0, 500], n)).astype(np.uint64)
    mine = trace | {"addr": (line * system.line_bytes).astype(np.uint64)}
    found = replay_requests(system, [Requests(**mine)], keep_log=True)
    wanted = simulate(
        [constraint_table(system.dram)], system.geometry, settings(system.dram), decode(system.dram, trace)
    )
    assert found.log is not None
    assert not any(report.violations for report in check_command_log(found.log))
    assert found.log.commands[0].tolist() == [list(command) for command in wanted.commands[0]]
    assert found.cycles == wanted.cycles
    if "row_policy=closed" in chosen:
        assert np.isin(found.log.commands[0][:, 1], (RDA, WRA)).any()


@pytest.mark.skipif(JIT_DISABLED, reason="runs in this process already")
def test_policies_uncompiled() -> None:
    """The tests above that would compile a kernel each, with the same source as plain Python."""
    env = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    done = subprocess.run(command, env=env, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]


def test_fine_granularity_refresh() -> None:
    """DDR4 in 2x and 4x mode refreshes twice and four times as often for tRFC2 and tRFC4."""
    clocks = {mode: resolve_timing(memory(f"refresh_granularity={mode}").dram).ck for mode in ("1x", "2x", "4x")}
    assert {mode: (ck["nREFI"], ck["nRFC"]) for mode, ck in clocks.items()} == {
        "1x": (9360, 420),
        "2x": (4680, 312),
        "4x": (2340, 192),
    }


@pytest.mark.parametrize(
    ("preset", "chosen", "message"),
    [
        (
            "ddr4-2400r-8gb-x8",
            ["row_cap=2"],
            'row_cap = 2 has no effect with row_policy = "open"; expected row_policy = ',
        ),
        (
            "ddr4-2400r-8gb-x8",
            ["row_timeout_ck=9"],
            'no effect with row_policy = "open"; expected row_policy = "timeout"',
        ),
        (
            "ddr4-2400r-8gb-x8",
            ["hit_cap=2"],
            'no effect with scheduler = "FRFCFS_RowHit"; expected scheduler = "FRFCFS_C',
        ),
        ("ddr4-2400r-8gb-x8", ["refresh=none", "refresh_postponed=2"], 'no effect with refresh = "none"; expected'),
        ("hbm2-2000-8gb-x128", ["scheduler=DRAMsim3"], 'scheduler = "DRAMsim3" is not modelled for HBM2, of which'),
        ("lpddr5-6400-16gb-x16", ["scheduler=DRAMsim3"], 'scheduler = "DRAMsim3" is not modelled for LPDDR5, of which'),
        ("ddr4-2400r-8gb-x8", ["command_queue=per_bank"], 'no effect with scheduler = "FRFCFS_RowHit"; expected'),
        (
            "ddr4-2400r-8gb-x8",
            ["scheduler=DRAMsim3", "row_policy=closed"],
            "'closed' does not go with scheduler = \"DRA",
        ),
        ("ddr4-2400r-8gb-x8", ["scheduler=DRAMsim3", "refresh_postponed=2"], 'does not go with scheduler = "DRAMsim3"'),
        (
            "ddr3-1600-1gb-x8",
            ["refresh_granularity=2x"],
            "ddr3-1600-1gb-x8 gives no dram.timing.tRFC2_ns; expected it in",
        ),
    ],
)
def test_impossible_combinations(preset: str, chosen: list[str], message: str) -> None:
    """One clear paragraph that names both keys and what is expected."""
    with pytest.raises(ConfigError) as refused:
        memory(*chosen, preset=preset)
    assert message in str(refused.value)
    assert dram(preset).standard in ("DDR3", "DDR4", "HBM2", "HBM3", "LPDDR5")
