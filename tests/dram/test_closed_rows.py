"""Rows that are closed after a number of accesses: counters, protocol, limits and errors."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from edensim.config import load_config
from edensim.dram.checker import check_command_log
from edensim.dram.command_log import CommandLog
from edensim.dram.commands import ACT, PRE, PREAB, RD, RDA, REFAB, WR, WRA
from edensim.dram.controller import DramSystem
from edensim.dram.energy import price
from edensim.dram.generate import generate, golden_trace
from edensim.dram.replay import ReplayResult, replay_requests
from edensim.dram.trace_requests import Requests
from edensim.errors import ConfigError

COUNT = 3000


@cache
def run(preset: str, *overrides: str, trace: str = "s1_streams16") -> tuple[DramSystem, ReplayResult]:
    system = DramSystem(load_config({"dram": {"preset": preset}}, set=list(overrides)).config.dram)
    columns = golden_trace(trace)
    requests = Requests(*(columns[name][:COUNT] for name in ("addr", "is_write", "arrival")))
    return system, replay_requests(system, [requests], keep_log=True)


def open_intervals(log: CommandLog, channel: int) -> list[list[tuple[int, int]]]:
    """From ACT to PRE of every bank; an auto-precharge acts like a PREpb as soon as one would be allowed."""
    ck, banks = log.timing_ck, log.geometry.banks
    per_rank = banks // log.geometry.ranks
    after_write = ck["nCWL"] + ck["nBL"] + ck["nWR"]
    out: list[list[tuple[int, int]]] = [[] for _ in range(banks)]
    opened: list[int | None] = [None] * banks
    earliest = [0] * banks
    for t, command, target, _, _ in log.commands[channel].tolist():
        if command == ACT:
            opened[target], earliest[target] = t, t + ck["nRAS"]
        elif command in (RD, RDA):
            earliest[target] = max(earliest[target], t + ck["nRTP"])
        elif command in (WR, WRA):
            earliest[target] = max(earliest[target], t + after_write)
        closed = range(target * per_rank, (target + 1) * per_rank) if command == PREAB else [target]
        for b in closed if command in (PRE, PREAB, RDA, WRA) else []:
            since = opened[b]
            if since is not None:
                out[b].append((since, earliest[b] if command in (RDA, WRA) else t))
                opened[b] = None
    for b, since in enumerate(opened):
        if since is not None:
            out[b].append((since, 1 << 60))
    return out


def covered(intervals: list[tuple[int, int]], end: int) -> int:
    """Clocks up to `end` that lie in any of the intervals."""
    is_in = np.zeros(end, bool)
    for a, b in intervals:
        is_in[a : min(b, end)] = True
    return int(is_in.sum())


CASES = [
    ("ramulator2:ddr4_2400_closedcap4",),
    ("ramulator2:ddr4_2400_closedcap1",),
    ("ddr4-2400r-8gb-x8", "dram.controller.row_policy=closed", "dram.address_wrap=true", "dram.ranks=2"),
    ("lpddr3-1600-4gb-x32", "dram.controller.row_policy=closed", "dram.address_wrap=true"),
]


@pytest.mark.parametrize("case", CASES[:3], ids=lambda c: c[0])
def test_counters_equal_the_log(case: tuple[str, ...]) -> None:
    """Closings, open clocks of banks and of ranks are those worked out from the command log, bank by bank."""
    _, result = run(*case)
    log, c = result.log, result.counters
    assert log is not None
    intervals = open_intervals(log, 0)
    assert c.n_pre[0].tolist() == [sum(b < 1 << 60 for _, b in mine) for mine in intervals]
    assert c.bank_open_ck[0].tolist() == [covered(mine, result.cycles) for mine in intervals]
    per_rank = log.geometry.banks // log.geometry.ranks
    ranks = [sum(intervals[k : k + per_rank], []) for k in range(0, len(intervals), per_rank)]
    assert c.rank_open_ck[0].tolist() == [covered(mine, result.cycles) for mine in ranks]
    codes = log.commands[0][:, 1]
    assert c.n_rd.sum() == np.isin(codes, (RD, RDA)).sum() == c.reads.sum() - c.reads_forwarded.sum()
    assert c.n_wr.sum() == np.isin(codes, (WR, WRA)).sum() == c.writes.sum() - c.writes_coalesced.sum()


@pytest.mark.parametrize("case", CASES, ids=lambda c: c[0])
def test_logs_are_legal(case: tuple[str, ...]) -> None:
    """No rule is broken, and those about RDA and WRA are exercised."""
    _, result = run(*case)
    assert result.log is not None
    report = check_command_log(result.log)[0]
    assert report.violations == 0, str(report)
    assert report.slack("tRTP+tRP") is not None
    assert report.slack("tWR+tRP") is not None


def test_cap_counts_accesses() -> None:
    """Between ACT and closing a bank serves at most cap + 1 requests; the last, if it is that one, closes the row."""
    _, result = run("ramulator2:ddr4_2400_closedcap4")
    assert result.log is not None
    served, most = np.zeros(16, int), 0
    for _, command, bank, _, _ in result.log.commands[0].tolist():
        if command in (RD, WR):
            served[bank] += 1
            assert served[bank] <= 4
        elif command in (RDA, WRA):
            most = max(most, served[bank] + 1)
            assert served[bank] == 4
            served[bank] = 0
        elif command in (ACT, PRE):
            served[bank] = 0
        elif command in (PREAB, REFAB):
            served[:] = 0
    assert most == 5


def test_huge_cap_is_the_open_policy() -> None:
    """A cap that is never reached gives the open policy's commands, and its counters."""
    _, plain = run("ramulator2:ddr4_2400_frfcfs32")
    _, huge = run("ramulator2:ddr4_2400_closedcap4", "dram.controller.row_cap=1000000")
    assert plain.log is not None
    assert huge.log is not None
    assert np.array_equal(plain.log.commands[0], huge.log.commands[0])
    for name in ("n_act", "n_pre", "n_rd", "n_wr", "bank_open_ck", "rank_open_ck", "read_latency_ck_sum"):
        assert np.array_equal(getattr(plain.counters, name), getattr(huge.counters, name)), name


def test_random_reads_never_conflict_when_far_apart() -> None:
    """At low load a closed row waits for nobody: every read takes the closed-row latency, none meets another row."""
    overrides = ["dram.controller.row_policy=closed", "dram.controller.refresh=none"]
    system = DramSystem(load_config({"dram": {"preset": "ddr4-2400r-8gb-x8"}}, set=overrides).config.dram)
    trace = generate("random", 500, seed=1)
    spaced = Requests(trace.addr, trace.is_write, np.arange(500, dtype=np.uint64) * np.uint64(200))
    counters = replay_requests(system, [spaced]).counters
    ck = system.timing.ck
    assert int(counters.row_conflict.sum()) == 0
    assert int(counters.read_latency_ck_sum.sum()) == 500 * (1 + ck["nRCD"] + ck["nCL"] + ck["nBL"])


def test_energy_is_positive_and_closed_rows_idle_cheaper() -> None:
    """Components are not negative with auto-precharges under way at the end; fewer open clocks cost less background."""
    overrides = ("dram.address_wrap=true",)
    system, plain = run("ddr4-2400r-8gb-x8", *overrides)
    closed_system, closed = run("ddr4-2400r-8gb-x8", *overrides, "dram.controller.row_policy=closed")
    before, after = price(system.dram, plain.counters), price(closed_system.dram, closed.counters)
    assert min(after.as_dict().values()) >= 0
    assert (closed.counters.rank_open_ck <= closed.counters.cycles).all()
    assert after.background / closed.cycles < before.background / plain.cycles


def test_cap_without_the_policy_is_an_error() -> None:
    """A cap that would do nothing is refused, and so is a cap of 0."""
    with pytest.raises(ConfigError, match="row_cap = 4 has no effect"):
        run("ddr4-2400r-8gb-x8", "dram.controller.row_cap=4")
    with pytest.raises(ConfigError, match="row_cap"):
        run("ddr4-2400r-8gb-x8", "dram.controller.row_cap=0")


def test_no_precharge_of_a_closed_bank() -> None:
    """Our own memories precharge open banks only, so none that refreshes; the parity presets do as ramulator 2 does."""
    settings = ("dram.controller.row_policy=closed", "dram.controller.row_cap=1", "dram.address_wrap=true")
    for preset, more, wanted in (
        ("ddr4-2400r-8gb-x8", settings, False),
        ("ramulator2:ddr4_2400_closedcap1", (), True),
    ):
        _, result = run(preset, *more, trace="c_mix8")
        assert result.log is not None
        is_open: set[int] = set()
        idle = 0
        for _, command, target, _, _ in result.log.commands[0].tolist():
            if command == ACT:
                is_open.add(target)
            elif command in (RDA, WRA, PRE):
                idle += command == PRE and target not in is_open
                is_open.discard(target)
            elif command == PREAB:
                is_open.clear()
        assert (idle > 0) == wanted, preset
