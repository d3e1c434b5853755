"""The checker's rule about refreshes that do not come."""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from edensim.config import load_config
from edensim.dram.bank_tree import BankTree
from edensim.dram.checker import check_command_log, check_log
from edensim.dram.command_log import CommandLog
from edensim.dram.commands import PRE, REFAB, REFPB
from edensim.dram.controller import DramSystem
from edensim.dram.refresh_rule import RefreshLimit, check_refreshes
from edensim.dram.replay import replay_requests
from edensim.dram.trace import Requests
from edensim.jit import JIT_DISABLED

INTERVAL = 480  # 400 ns at 2400 MT/s


@lru_cache(maxsize=8)
def log_of(refresh: str = "all_bank", scatter: int = 0) -> CommandLog:
    """Two channels of two ranks, some tens of intervals of random requests."""
    overrides = {
        "timing": {"tRFC_ns": 60.0, "tREFI_ns": 400.0},
        "controller": {"refresh": refresh, "refresh_scatter_ck": scatter},
    }
    dram = {"preset": "ddr4-2400r-8gb-x8", "channels": 2, "ranks": 2, **overrides}
    rng = np.random.default_rng(3)
    requests = Requests(rng.integers(0, 1 << 20, 4000).astype(np.uint64) * np.uint64(64), np.zeros(4000, np.uint8))
    log = replay_requests(DramSystem(load_config({"dram": dram}).config.dram), [requests], keep_log=True).log
    assert log is not None and log.commands[0][-1, 0] > 15 * INTERVAL
    return log


def without(log: CommandLog, gone: np.ndarray) -> CommandLog:
    """The log with some commands of channel 0 taken out."""
    return dataclasses.replace(log, commands=(log.commands[0][~gone], log.commands[1]))


@pytest.mark.skipif(JIT_DISABLED, reason="thousands of requests")
@pytest.mark.parametrize("scatter", [0, 240])
def test_runs_of_the_controller_refresh_in_time(scatter: int) -> None:
    """Saturated runs keep the limit on both ranks and channels, with room for the requests served first."""
    for report in check_command_log(log_of(scatter=scatter)):
        (rule,) = [r for r in report.rules if r.name == "refresh interval"]
        assert (rule.violations, rule.first) == (0, None) and rule.checks > 40
        assert rule.slack is not None and 0 < rule.slack < INTERVAL
        assert "at most 960 clocks (interval 480, 1 postponed)" in rule.text
        assert report.violations == 0


@pytest.mark.skipif(JIT_DISABLED, reason="thousands of requests")
def test_missing_refreshes_are_found() -> None:
    """All refreshes gone, those of one rank, or three in a row: reported at the first command that comes too late."""
    log = log_of()
    commands = log.commands[0]
    refresh = commands[:, 1] == REFAB
    rank_1 = refresh & (commands[:, 2] == 1)
    three = np.zeros(len(commands), bool)
    three[np.flatnonzero(rank_1)[10:13]] = True
    before = int(commands[np.flatnonzero(rank_1)[9], 0])
    for gone, violations, since, words in (
        (refresh, 2, 0, "rank 0 is not refreshed from clock 0 to "),
        (rank_1, 1, 0, "rank 1 is not refreshed from clock 0 to "),
        (three, 1, before, f"rank 1 is not refreshed from clock {before} to "),
    ):
        faulty = without(log, gone)
        report, other = check_command_log(faulty)
        assert (report.violations, other.violations) == (violations, 0)
        first = report.first
        assert first is not None and first.name == "refresh interval" and words in first.offence
        late = faulty.commands[0][:, 0] > since + 2 * INTERVAL
        assert first.first == int(np.argmax(late)) and first.slack is not None and first.slack < 0
        assert "refresh interval" in str(report) and first.offence in str(report)


@pytest.mark.skipif(JIT_DISABLED, reason="thousands of requests")
def test_a_run_without_refresh_says_so() -> None:
    """`dram.controller.refresh = "none"` is stated, and nothing is broken."""
    report = check_command_log(log_of(refresh="none"))[0]
    assert report.violations == 0 and "switched off in this run, not checked" in str(report)


def test_by_hand() -> None:
    """Short logs are fine, the limit is the last clock in time, and the wait for the end of the log counts."""
    tree = BankTree(log_geometry())
    limit = RefreshLimit(100)
    for clocks, violations, slack in (
        ([], 0, None),
        ([199], 0, 1),
        ([200], 0, 0),
        ([201], 1, -1),
        ([199, -200, 390], 0, 0),
        ([199, -200, 400, 401], 1, -1),
    ):
        log = np.array([[abs(t), REFAB if t < 0 else PRE, 0, -1, -1] for t in clocks], np.int64).reshape(-1, 5)
        found = check_refreshes(log, tree, limit)
        assert found[1:3] == (violations, slack)
    assert check_refreshes(np.array([[9999, PRE, 0, -1, -1]]), tree, RefreshLimit(0))[:3] == (0, 0, None)


def test_refreshes_of_single_banks_count_for_them() -> None:
    """Bank 1 has refreshes of its own; the others wait for that of the rank and are late."""
    log = np.array([[150, REFPB, 1, -1, -1], [250, REFAB, 0, -1, -1], [400, PRE, 0, -1, -1]])
    checks, violations, slack, first, words = check_refreshes(log, BankTree(log_geometry()), RefreshLimit(100))
    assert (checks, violations, slack, first) == (3 + 3 * 2, 3, -50, 1)
    assert "bank 0 is not refreshed from clock 0 to 250, 250 clocks" in words
    report = check_log(log, [], log_geometry())
    assert "refresh interval" not in {rule.name for rule in report.rules}  # unless the run's setting is known


def log_geometry() -> Any:
    """One rank of four banks."""
    dram = {"preset": "ddr4-2400r-8gb-x8", "bank_groups": 1, "density_mbit": 2048}
    return DramSystem(load_config({"dram": dram}).config.dram).command_log(()).geometry
