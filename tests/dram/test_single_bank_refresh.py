"""Refreshes of one bank (LPDDR, HBM) and of the same bank of every group (DDR5): what they cost, and who notices."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edensim.dram.bank_tree import BankTree
from edensim.dram.checker import check_command_log, check_log
from edensim.dram.command_counts import CommandCounter
from edensim.dram.command_energy import CommandPricer
from edensim.dram.commands import ACT, PRE, RD, REFAB, REFPB, REFSB, is_rank_command
from edensim.dram.controller import DramSystem
from edensim.dram.energy import EnergyModel
from edensim.dram.power_device import device_of
from edensim.dram.refresh_rule import RefreshLimit, check_refreshes
from edensim.dram.replay import ReplayResult, replay_requests
from edensim.dram.timing import resolve_timing
from edensim.dram.trace_requests import Requests
from edensim.errors import ConfigError
from edensim.jit import JIT_DISABLED
from edensim.memory import Organisation
from tests.dram.closed_forms import memory

MODES = {
    "ddr5-4800-16gb-x8": ("same_bank", REFSB),
    "lpddr3-1600-4gb-x32": ("per_bank", REFPB),
    "lpddr4-3200-8gb-x16": ("per_bank", REFPB),
}
uncompiled = pytest.mark.skipif(not JIT_DISABLED, reason="a kernel each; see test_uncompiled")


def run(system: DramSystem, bank: object, row: object, write_share: float = 0.0, gap: int = 0) -> ReplayResult:
    """Requests to distinct columns, with the commands they lead to."""
    rng, count = np.random.default_rng(7), len(np.atleast_1d(bank))  # type: ignore[arg-type]
    line = system.address_map.encode(0, bank, row, np.arange(count) % system.geometry.columns)  # type: ignore[arg-type]
    arrival = np.arange(count, dtype=np.uint64) * np.uint64(gap)
    addr = line.astype(np.uint64) * np.uint64(system.line_bytes)
    trace = Requests(addr, (rng.random(count) < write_share).astype(np.uint8), arrival)
    return replay_requests(system, [trace], keep_log=True)


@uncompiled
@pytest.mark.parametrize("name", MODES)
def test_what_a_stream_to_one_bank_loses(name: str) -> None:
    """A refresh of its bank costs PRE, tRP, the refresh, tRCD; one of another bank no more than its own clocks."""
    mode, refresh = MODES[name]
    system = memory(name, mode)
    ck, bank = system.timing.ck, system.geometry.banks - system.geometry.banks_per_group
    found = run(system, [bank] * (3 * system.refresh.first[0] // ck["nCCD_L"]), 5)
    assert found.log is not None
    log = found.log.commands[0]
    edges = {(e.name, e.preceding, e.following): int(e.cycles[0]) for e in found.log.edges(0) if e.scope == "Bank"}
    wait = {
        pair: max(w for (_, before, after), w in edges.items() if pair[0] in before and pair[1] in after)
        for pair in ((RD, PRE), (PRE, refresh), (refresh, ACT), (ACT, RD))
    }
    due, second = system.refresh.first[:2]
    last = log[(log[:, 1] == RD) & (log[:, 0] < due), 0].max()
    closed = max(due, last + wait[RD, PRE])
    want = np.cumsum([closed, wait[PRE, refresh], wait[refresh, ACT], wait[ACT, RD]])
    seen = [int(log[(log[:, 1] == command) & (log[:, 0] >= due), 0][0]) for command in (PRE, refresh, ACT, RD)]
    assert seen == want.tolist()
    reads = log[(log[:, 1] == RD) & (log[:, 0] > want[-1]), 0]
    gaps = np.diff(reads)
    assert (gaps >= ck["nCCD_L"]).all()
    assert gaps.max() <= ck["nCCD_L"] + 4 and reads[-1] > second  # another bank's refresh takes command clocks only
    assert (log[:, 1] == refresh).sum() >= 2


@uncompiled
@pytest.mark.parametrize("name", MODES)
def test_runs_keep_the_rules_and_cost_what_their_commands_cost(name: str) -> None:
    """Two ranks under load: no rule is broken, every bank is refreshed in time; run and command trace cost the same."""
    mode, refresh = MODES[name]
    system, rng = memory(name, mode, "dram.ranks=2"), np.random.default_rng(1)
    found = run(system, rng.integers(0, system.geometry.banks, 500), rng.integers(0, 3, 500), 0.3, gap=8)
    assert found.log is not None
    (report,) = check_command_log(found.log)
    assert report.violations == 0, str(report)
    (rule,) = [x for x in report.rules if x.name == "refresh interval"]
    assert rule.slack is not None and rule.slack > 0 and "to the next bank" in rule.text
    log = found.log.commands[0]
    assert (log[:, 1] == refresh).sum() >= 6
    device = device_of(system.dram, system.timing)
    counter = CommandCounter(device.ranks, device.banks, device.banks_per_group, device.clocks)
    wide = is_rank_command(log[:, 1])
    ranks = np.where(wide, log[:, 2], log[:, 2] // device.banks)
    counter.feed(log[:, 0], log[:, 1], ranks, np.where(wide, 0, log[:, 2] % device.banks))
    end = int(max(found.cycles, log[-1, 0] + max(system.timing.ck.values())))
    priced = CommandPricer(device).price(counter.counts(end)).as_dict()
    mine = EnergyModel(system.dram).price(system.counters(found.channels, end)).as_dict()
    assert mine["ref"] > 0
    for part in ("act", "pre", "rd", "wr", "ref", "background"):
        # ACT may begin a clock or two before a refresh is over, which only the run counts twice
        assert mine[part] == pytest.approx(priced[part], rel=1e-5 if part == "background" else 1e-9), part


def test_refreshes_of_the_same_bank_count_for_every_group() -> None:
    """Two groups of two banks: REFsb of bank 0 serves banks 0 and 2; 1 and 3 are late, and each is named."""
    layout = Organisation(1, 1, 2, 2, 8, 8)
    log = np.array([[90, REFSB, 0, -1, -1], [180, REFSB, 0, -1, -1], [210, PRE, 0, -1, -1]])
    checks, violations, slack, first, words = check_refreshes(log, BankTree(layout), RefreshLimit(100, 0, 50))
    assert (checks, violations, slack, first) == (3 + 3 + 1 + 1, 2, 150 - 210, 1)
    assert "bank group 0, bank 1 is not refreshed from clock 0 to 210" in words


def test_nothing_may_go_to_a_refreshing_bank() -> None:
    """ACT and PRE of any group's bank during tRFCsb, ACT of another bank within tREFSBRD, REFsb with an open row."""
    system = memory("ddr5-4800-16gb-x8", "same_bank")
    ck, edges = system.timing.ck, system.command_log(()).edges(0)
    layout = system.command_log(()).geometry
    size = layout.banks_per_group

    def broken(*commands: tuple[int, int, int]) -> set[str]:
        log = np.array([[clock, c, place, 1 if c == ACT else -1, -1] for clock, c, place in commands])
        return {rule.name for rule in check_log(log, edges, layout).rules if rule.violations}

    late, soon = ck["nRFCsb"] - 1, ck["nREFSBRD"] - 1
    assert broken((9, REFSB, 1), (9 + late, ACT, 3 * size + 1)) == set()
    assert broken((9, REFSB, 1), (8 + late, ACT, 3 * size + 1)) == {"tRFCsb"}
    assert broken((9, REFSB, 1), (9 + late, PRE, 3 * size + 1)) == {"tRFCsb"}
    assert broken((9, REFSB, 1), (9 + late, REFSB, 2)) == {"tRFCsb"}
    assert broken((9, REFSB, 1), (9 + soon, ACT, 3 * size + 2)) == set()
    assert broken((9, REFSB, 1), (8 + soon, ACT, 3 * size + 2)) == {"tREFSBRD"}
    assert broken((9, ACT, 5 * size + 1), (900, REFSB, 1)) == {"refresh with an open bank"}
    assert broken((9, ACT, 5 * size + 2), (900, REFSB, 1)) == set()
    assert broken((9, ACT, 5 * size + 2), (9 + ck["nRRD_L"], REFSB, 1)) == {"tRRD_L"}


def test_ddr5_refreshes_same_banks_in_fine_granularity() -> None:
    """JESD79-5: tREFIsb = tREFI / (2 n) with n banks per group; tREFI2 and tRFC2 hold, asked for or not."""
    for more in ((), ("dram.controller.refresh_granularity=2x",)):
        ck = memory("ddr5-4800-16gb-x8", "same_bank", *more).timing.ck
        assert (ck["nREFI"], ck["nREFIsb"], ck["nRFCsb"], ck["nREFSBRD"]) == (4680, 1170, 312, 72)
    assert memory("ddr5-4800-16gb-x8", "same_bank").refresh.first == (1170, 2340, 3510, 4680)


@pytest.mark.parametrize(
    ("name", "mode", "more", "message"),
    [
        ("ddr4-2400r-8gb-x8", "same_bank", "", "has no refresh of the same bank of every group here (no nREFIsb or"),
        ("ddr5-4800-16gb-x8", "per_bank", "", "has no refresh of single banks here (no nREFIpb or nRFCpb); expected "),
        ("ddr5-4800-16gb-x8", "same_bank", "refresh_granularity=4x", 'does not go with refresh_granularity = "4x"'),
        ("ddr5-4800-16gb-x8", "same_bank", "refresh_scatter_ck=9", "refresh_scatter_ck has no effect"),
    ],
)
def test_what_a_memory_does_not_have(name: str, mode: str, more: str, message: str) -> None:
    """The message names the kind, the memory and what it has."""
    with pytest.raises(ConfigError) as refused:
        memory(name, mode, *[f"dram.controller.{more}"] * bool(more))
    assert message in str(refused.value)


def test_all_bank_refresh_is_as_before() -> None:
    """The new timings change no interval of a memory that refreshes all banks at once."""
    system = memory("ddr5-4800-16gb-x8", "all_bank")
    assert (system.refresh.command, system.refresh.period) == (REFAB, 9360)
    assert resolve_timing(system.dram).ck["nRFC"] == 706


@pytest.mark.skipif(JIT_DISABLED, reason="runs in this process already")
def test_uncompiled() -> None:
    """The tests above that would compile a kernel each, with the same source as plain Python."""
    env = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__, "-k", "loses or runs_keep"]
    done = subprocess.run(command, env=env, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "6 passed" in done.stdout
