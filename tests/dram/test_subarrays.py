"""Timings that differ between the subarrays of a bank: closed forms, and what must not change.

Command by command they are held to the reference in `test_differential` and `test_switching`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edensim.config import load_config
from edensim.config.schema import OperatingPoint, Partition
from edensim.dram.checker import check_command_log
from edensim.dram.command_log import load_command_log
from edensim.dram.commands import ACT
from edensim.dram.controller import DramSystem
from edensim.dram.generate import golden_trace
from edensim.dram.replay import replay_requests
from edensim.dram.timing import to_clocks
from edensim.dram.trace_requests import Requests as Trace
from edensim.errors import InputError
from edensim.jit import JIT_DISABLED
from edensim.memory import resolve_operating_state
from tests.dram.closed_forms import read

PARTS = [
    Partition(name="slow", banks="0:8", subarrays="0:32", tRCD_ns=25.0, tRAS_ns=50.0, tRP_ns=22.0),
    Partition(name="fast", subarrays=[64, 65], tRCD_ns=6.0, tRP_ns=7.0),
]
PLACES = {"slow": 5, "fast": 64 * 512 + 3, "module": 100 * 512}
"""A row of each partition."""


def system_of(partitions: list[Partition], *more: str, **point: float) -> DramSystem:
    """One channel of DDR4-2400 without refresh."""
    overrides = ["dram.channels=1", "dram.controller.refresh=none", *more]
    dram = load_config({"dram": {"preset": "ddr4-2400r-8gb-x8"}}, set=overrides).config.dram
    return DramSystem(dram, resolve_operating_state(dram, OperatingPoint(**point), partitions))


def clocks_of(system: DramSystem, name: str) -> dict[str, int]:
    """Clocks of a partition's timings."""
    point = system.state.points[name]
    given = {"nRCD": point.tRCD_ns, "nRP": point.tRP_ns}
    return {n: to_clocks(ns, system.period, system.timing.standard.rounding) for n, ns in given.items()}


@pytest.mark.skipif(JIT_DISABLED, reason="whole presets")
@pytest.mark.parametrize("scheduler", ["FRFCFS_RowHit", "DRAMsim3"])
def test_reads_see_the_times_of_their_subarrays(scheduler: str) -> None:
    """A lone read waits for tRCD of its own row, and before that for tRP of the row that it closes, whichever it is."""
    system = system_of(PARTS, f"dram.controller.scheduler={scheduler}")
    assert system.clocks["nRCD"].shape == (1, 16, 128)
    unloaded = {name: 1 + clocks_of(system, name)["nRCD"] + system.timing.read_latency for name in PLACES}
    assert len(set(unloaded.values())) == 3
    first = {}
    for name, row in PLACES.items():
        waits = read(system, [3], [row]).counters.read_latency_ck_sum[0]
        first[name] = int(waits) - unloaded[name]
    assert len(set(first.values())) == 1  # what the scheduler itself takes
    assert scheduler == "DRAMsim3" or set(first.values()) == {0}
    for closed, opened in [(a, b) for a in PLACES for b in PLACES if a != b]:
        both = read(system, [3, 3], [PLACES[closed], PLACES[opened]], gap=1000)
        wait = both.counters.read_latency_ck_sum[0] - unloaded[closed] - unloaded[opened] - 2 * first[closed]
        assert wait == clocks_of(system, closed)["nRP"]


@pytest.mark.skipif(JIT_DISABLED, reason="whole presets")
def test_slower_subarray_never_speeds_a_read() -> None:
    """A lone read takes as many clocks more as tRCD of its subarray, and no notice of that of others."""
    waits, others = [], []
    for tRCD_ns in np.linspace(0, 40, 9):  # noqa: N806
        system = system_of([Partition(name="a", subarrays=[1], tRCD_ns=float(tRCD_ns))])
        waits.append(int(read(system, [2], [700]).counters.read_latency_ck_sum[0]))
        others.append(int(read(system, [2], [100]).counters.read_latency_ck_sum[0]))
    assert waits == sorted(waits)
    assert len(set(waits)) == 9
    assert len(set(others)) == 1


@pytest.mark.skipif(JIT_DISABLED, reason="whole presets")
def test_equal_subarrays_are_one_bank() -> None:
    """Timings given subarray by subarray, all those of a bank alike, give the very commands of timings by bank."""
    banks = [Partition(name="slow", banks="2:7", tRCD_ns=25.0, tRP_ns=20.0), Partition(name="b", banks=[9], tRAS_ns=20)]
    by_bank = system_of(banks, "dram.controller.refresh=all_bank")
    by_row = system_of(banks, "dram.controller.refresh=all_bank")
    by_row.clocks = {n: np.repeat(clocks[:, :, None], 128, axis=2) for n, clocks in by_row.clocks.items()}
    by_row.tables = by_row.compile()
    trace = golden_trace("s1_streams16")
    found = []
    for system in (by_bank, by_row):
        parts = [Trace(trace["addr"][:3000], trace["is_write"][:3000], trace["arrival"][:3000])]
        found.append(replay_requests(system, parts, keep_log=True))
    assert [log.tolist() for log in found[0].log.commands] == [log.tolist() for log in found[1].log.commands]
    assert found[0].cycles == found[1].cycles
    assert len(by_row.new_channels()["row_subarray"][0]) == 16


@pytest.mark.skipif(JIT_DISABLED, reason="whole presets")
def test_log_carries_the_subarrays(tmp_path: Path) -> None:
    """A saved log is judged by the row's own times: clean as it is, not so when it says that rows were slower."""
    system = system_of(PARTS, "dram.controller.refresh=all_bank")
    trace = golden_trace("s1_streams16")
    parts = [Trace(trace["addr"][:3000], trace["is_write"][:3000], trace["arrival"][:3000])]
    log = replay_requests(system, parts, keep_log=True).log
    assert log is not None
    log.save(tmp_path / "log.npz")
    kept = load_command_log(tmp_path / "log.npz")
    (report,) = check_command_log(kept)
    assert report.violations == 0
    assert {report.slack(name) for name in ("tRCD", "tRP")} == {0}
    for name in ("nRCD", "nRP"):
        opened = int(kept.commands[0][kept.commands[0][:, 1] == ACT][0, 3]) // 512
        slower = {n: clocks + (n == name) * (np.arange(128) == opened) for n, clocks in kept.bank_ck.items()}
        (report,) = check_command_log(replace(kept, bank_ck=slower))
        assert report.violations > 0
    with pytest.raises(InputError, match=r"16 banks x 128 subarrays of 512 rows"):
        replace(kept, subarray_rows=512, bank_ck={"nRCD": kept.bank_ck["nRCD"][..., 0]}).save(tmp_path / "bad.npz")
        load_command_log(tmp_path / "bad.npz")
