"""The protocol checker: clean logs are clean and tight, and every kind of fault is found where it is."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edensim.dram import checker
from edensim.dram.bank_tree import BankTree
from edensim.dram.checker import CheckReport, check_log
from edensim.dram.command_log import resolve_edges
from edensim.dram.commands import ACT, PRE, PREAB, RD, RDA, REFAB, REFSB, WR, WRA, is_rank_command
from edensim.dram.generate import golden_trace
from edensim.dram.reference import simulate
from edensim.dram.table import Edge
from edensim.dram.timing import resolve_timing
from edensim.errors import InputError
from edensim.memory import LEVELS, Geometry, Organisation
from tests.dram.parity import constraint_table, decode, parity_dram
from tests.dram.parity import settings as controller_settings

DRAM = parity_dram("ddr4_2400_2rank_frfcfs32")
LAYOUT = Geometry.from_config(DRAM)
OTHER_RANK, OTHER_GROUP, OTHER_BANK = 16, 4, 1
"""Banks as seen from bank 0."""

TIGHT = {
    "tBURST", "tCCD_S", "tCCD_L", "tRTW", "tWTR_S", "tWTR_L", "tRTRS", "tRTW_R", "tWTR_R", "tRTP", "tWR", "tRRD_S",
    "tRRD_L", "tFAW", "tRAS", "tRP", "tRC", "tRFC", "tRCD",
}  # fmt: skip
"""Rules that a saturated two-rank DDR4 run must reach exactly; the others need RDA or WRA."""

NEVER_TIGHT = {("tRP", "PREab to ACT"), ("tRFC", "REFab to REFab")}
"""Rows that the controller cannot reach: REFab follows every PREab, and refreshes are far apart."""


@lru_cache(maxsize=1)
def golden_log() -> np.ndarray:
    """Two-rank DDR4-2400, sixteen streams of reads and writes, refreshed often: every rule matters."""
    head = {name: column[:1500] for name, column in golden_trace("s1_streams16").items()}
    chosen = dataclasses.replace(controller_settings(DRAM), refresh_interval=1600)
    return np.array(simulate([constraint_table(DRAM)], LAYOUT, chosen, decode(DRAM, head)).commands[0])


def report_of(log: object, edges: list[Edge] | None = None) -> CheckReport:
    """Check a log of the two-rank memory."""
    return check_log(np.array(log, np.int64).reshape(-1, 5), edges or constraint_table(DRAM), LAYOUT)


def test_clean_log_is_clean_and_tight() -> None:
    """0 violations; every named rule, and every row of it that can be, is reached with slack 0."""
    report = report_of(golden_log())
    assert report.violations == 0, str(report)
    assert {name for name in TIGHT if report.slack(name) == 0} == TIGHT
    loose = {(r.name, r.text.split(",")[0]) for r in report.rules if r.name in TIGHT and r.slack != 0}
    assert loose == NEVER_TIGHT


@pytest.mark.parametrize("kind", [RD, WR, ACT, PRE])
def test_one_cycle_fault_is_found_at_its_index(kind: int) -> None:
    """A command that a rule held back, moved one cycle early, is reported at its own index, one clock short."""
    found = 0
    for index in np.flatnonzero(golden_log()[:, 1] == kind)[100::40]:
        faulty = golden_log().copy()
        faulty[index, 0] -= 1
        first = report_of(faulty).first
        if first is not None and first.name != "command bus":
            assert (first.first, first.slack) == (index, -1)
            assert f"command {index} " in first.offence
            found += 1
    assert found >= 3


PAIRS = [
    ("tBURST", RD, 0, RD, OTHER_RANK, 4),
    ("tBURST", WR, 0, WR, OTHER_RANK, 4),
    ("tCCD_S", RD, 0, RD, OTHER_GROUP, 4),
    ("tCCD_S", WR, 0, WR, OTHER_GROUP, 4),
    ("tCCD_L", RD, 0, RD, OTHER_BANK, 6),
    ("tCCD_L", WR, 0, WRA, OTHER_BANK, 6),
    ("tRTW", RD, 0, WR, OTHER_GROUP, 10),
    ("tWTR_S", WR, 0, RD, OTHER_GROUP, 12 + 4 + 3),
    ("tWTR_L", WR, 0, RD, OTHER_BANK, 12 + 4 + 9),
    ("tRTRS", RD, 0, RD, OTHER_RANK, 6),
    ("tRTW_R", RDA, 0, WR, OTHER_RANK, 6),
    ("tWTR_R", WR, 0, RD, OTHER_RANK, 2),
    ("tRRD_S", ACT, 0, ACT, OTHER_GROUP, 4),
    ("tRRD_L", ACT, 0, ACT, OTHER_BANK, 6),
    ("tRC", ACT, 0, ACT, 0, 55),
    ("tRCD", ACT, 0, RD, 0, 16),
    ("tRCD", ACT, 0, WRA, 0, 16),
    ("tRAS", ACT, 0, PRE, 0, 39),
    ("tRAS", ACT, 3, PREAB, 0, 39),
    ("tRP", PRE, 0, ACT, 0, 16),
    ("tRP", PREAB, 0, ACT, 15, 16),
    ("tRTP", RD, 0, PRE, 0, 9),
    ("tRTP", RD, 5, PREAB, 0, 9),
    ("tWR", WR, 0, PRE, 0, 12 + 4 + 18),
    ("tWR", WR, 20, PREAB, 1, 12 + 4 + 18),
    ("tRC", ACT, 15, REFAB, 0, 55),
    ("tRP", PRE, 15, REFAB, 0, 16),
    ("tRP", PREAB, 1, REFAB, 1, 16),
    ("tRFC", REFAB, 0, ACT, 7, 433),
    ("tRFC", REFAB, 0, PREAB, 0, 433),
    ("tRFC", REFAB, 1, REFAB, 1, 433),
    ("tRTP+tRP", RDA, 0, ACT, 0, 9 + 16),
    ("tRTP+tRP", RDA, 9, REFAB, 0, 9 + 16),
    ("tWR+tRP", WRA, 0, ACT, 0, 12 + 4 + 18 + 16),
    ("tWR+tRP", WRA, 31, REFAB, 1, 12 + 4 + 18 + 16),
]
"""Rule, first command and its bank (or rank), second command and its bank, clocks between them (DDR4-2400R)."""


@pytest.mark.parametrize(("name", "first", "bank", "second", "other", "gap"), PAIRS)
def test_each_rule_by_a_pair(name: str, first: int, bank: int, second: int, other: int, gap: int) -> None:
    """At the distance of the data sheet a rule is tight, one clock below it is broken by that one clock."""
    row = 7 if first == ACT else -1
    pair = [[10, first, bank, row, -1], [10 + gap, second, other, 7 if second == ACT else -1, -1]]
    assert report_of(pair).slack(name) == 0
    pair[1][0] -= 1
    broken = [r for r in report_of(pair).rules if r.name == name and r.violations]
    assert [(r.violations, r.slack, r.first) for r in broken] == [(1, -1, 1)]


@pytest.mark.parametrize(("fifth", "slack"), [(36, 0), (35, -1)])
def test_four_activate_window(fifth: int, slack: int) -> None:
    """The fifth ACT of a rank waits nFAW = 26 after the first; an ACT of the other rank does not count."""
    acts = [(10, 0), (14, 4), (18, 8), (20, 16), (22, 12), (fifth, 1)]
    report = report_of([[clock, ACT, bank, 7, -1] for clock, bank in acts])
    assert report.slack("tFAW") == slack
    assert [r.first for r in report.rules if r.name == "tFAW"] == [None if slack == 0 else 5]


@pytest.mark.parametrize(
    ("log", "name", "index"),
    [
        ([[9, PRE, 0, -1, -1], [9, PRE, 4, -1, -1]], "command bus", 1),
        ([[9, PRE, 0, -1, -1], [8, PRE, 4, -1, -1]], "time order", 1),
        ([[9, ACT, 0, 7, -1], [99, ACT, 0, 8, -1]], "ACT on an open bank", 1),
        ([[9, ACT, 0, 7, -1], [99, RD, 1, -1, 0]], "column command on a closed bank", 1),
        ([[9, ACT, 0, 7, -1], [50, RDA, 0, -1, 0], [99, RD, 0, -1, 0]], "column command on a closed bank", 2),
        ([[9, ACT, 0, 7, -1], [99, RD, 0, 8, 0]], "column command on another row", 1),
        ([[9, ACT, 0, 7, -1], [99, REFAB, 0, -1, -1]], "refresh with an open bank", 1),
        ([[9, ACT, 0, 7, -1], [99, PREAB, 1, -1, -1], [199, REFAB, 0, -1, -1]], "refresh with an open bank", 2),
    ],
)
def test_rules_about_states(log: list[list[int]], name: str, index: int) -> None:
    """Illegal in the present state, whatever the distances: exactly that rule is broken, at that command."""
    broken = [rule for rule in report_of(log).rules if rule.violations]
    assert [(rule.name, rule.first) for rule in broken] == [(name, index)]


def test_precharge_of_a_closed_bank_is_noted_not_refused() -> None:
    """PREpb on a closed bank is a no-operation in every standard; it is counted."""
    report = report_of([[9, PRE, 0, -1, -1], [99, ACT, 0, 7, -1], [199, PRE, 0, -1, -1]])
    assert (report.violations, report.precharges_of_closed_banks) == (0, 1)


SLOW, SLOW_CK = 2, {"nRCD": 20, "nRAS": 60, "nRP": 30, "nRC": 90}


def slow_bank_table() -> list[Edge]:
    """The table with slower timings in bank 2."""
    timing = resolve_timing(DRAM)
    own = {name: np.full(32, timing.ck[name]) for name in SLOW_CK}
    for name, clocks in SLOW_CK.items():
        own[name][SLOW] = clocks
    return resolve_edges(timing.standard, timing.ck, own, 32)


@pytest.mark.parametrize(
    ("name", "first", "bank", "second", "other", "gap"),
    [
        ("tRCD", ACT, SLOW, RD, SLOW, 20),
        ("tRCD", ACT, 1, RD, 1, 16),
        ("tRAS", ACT, SLOW, PRE, SLOW, 60),
        ("tRAS", ACT, SLOW, PREAB, 0, 60),
        ("tRAS", ACT, 1, PREAB, 0, 39),
        ("tRP", PRE, SLOW, ACT, SLOW, 30),
        ("tRP", PREAB, 0, ACT, SLOW, 30),
        ("tRP", PREAB, 0, ACT, 1, 16),
        ("tRP", PRE, SLOW, REFAB, 0, 30),
        ("tRP", PREAB, 0, REFAB, 0, 30),
        ("tRP", PREAB, 1, REFAB, 1, 16),
        ("tRC", ACT, SLOW, REFAB, 0, 90),
        ("tRC", ACT, SLOW, ACT, SLOW, 90),
    ],
)
def test_timings_of_single_banks(name: str, first: int, bank: int, second: int, other: int, gap: int) -> None:
    """A slow bank is held to its own times, a rank command to its slowest bank, all others to the common times."""
    pair = [[10, first, bank, 7 if first == ACT else -1, -1], [10 + gap, second, other, 7 if second == ACT else -1, -1]]
    assert report_of(pair, slow_bank_table()).slack(name) == 0


def test_an_earlier_command_of_a_slower_bank_may_bind() -> None:
    """PREab after ACT of the slow bank and, later, of a fast one: the older ACT is the one that is too close."""
    log = [[10, ACT, SLOW, 7, -1], [20, ACT, 8, 7, -1], [10 + 59, PREAB, 0, -1, -1]]
    first = report_of(log, slow_bank_table()).first
    assert first is not None
    assert (first.name, first.slack, first.first) == ("tRAS", -1, 2)
    assert "59 clocks after command 0 ACT at clock 10 (rank 0, bank group 0, bank 2, row 7)" in first.offence


def brute_force(log: np.ndarray, edges: list[Edge], layout: Organisation) -> list[tuple[int, int | None]]:
    """Violations and slack of every rule by comparing all pairs of commands, straight from the definition."""
    tree, out = BankTree(layout), []
    for edge in edges:
        violations: int = 0
        slack: int | None = None
        for i, (clock, command, target, *_) in enumerate(log.tolist()):
            if command not in edge.following:
                continue
            nodes = (tree.siblings if edge.sibling else tree.addressed)(edge.scope, command, target)
            groups = [edge.preceding] if edge.window > 1 else [(before,) for before in edge.preceding]
            for group in groups:  # those of a window count together
                earlier = [row for row in log[:i].tolist() if row[1] in group]
                worst = []
                for node in nodes:
                    gaps = [
                        clock - row[0] - tree.cycles_between(edge, (row[1], row[2]), (command, target))
                        for row in earlier
                        if node in tree.addressed(edge.scope, row[1], row[2])
                    ]
                    worst += [min(gaps[: len(gaps) - edge.window + 1])] if len(gaps) >= edge.window else []
                violations += bool(worst) and min(worst) < 0
                slack = min([x for x in [slack, *worst] if x is not None], default=None)
        out.append((violations, slack))
    return out


@st.composite
def logs(draw: st.DrawFn) -> tuple[np.ndarray, Organisation, list[Edge]]:
    """Commands at random, far too close, on random shapes with random timings; mostly illegal."""
    layout = Organisation(1, *(draw(st.integers(1, n)) for n in (2, 3, 3)), 4, 4)
    clock, log = 0, []
    for _ in range(draw(st.integers(1, 40))):
        clock += draw(st.integers(0, 9))
        command = draw(st.sampled_from([RD, WR, ACT, ACT, PRE, RDA, WRA, PREAB, REFAB, REFSB]))
        places = layout.ranks_per_channel if is_rank_command(command) else layout.banks
        target = draw(st.integers(0, places - 1))
        if command == REFSB:  # a bank of the first group of a rank
            target += target % layout.banks_per_group - target % layout.banks_per_rank
        log.append([clock, command, target, draw(st.integers(0, 2)), -1])
    cycles = st.lists(st.integers(0, 30), min_size=layout.banks, max_size=layout.banks)
    edges = []
    for _ in range(draw(st.integers(1, 8))):
        kind = draw(st.sampled_from(["plain", "plain", "window", "sibling"]))
        scope = draw(st.sampled_from(LEVELS[1:] if kind == "sibling" else LEVELS))
        some = st.sets(st.sampled_from([*range(9), REFSB]), min_size=1, max_size=3)
        before, after = (tuple(sorted(draw(some))) for _ in "ab")
        wait = draw(cycles) if kind == "plain" and REFSB not in before else [draw(st.integers(0, 30))] * layout.banks
        window = draw(st.integers(2, 4)) if kind == "window" else 1
        edges.append(Edge("rule", scope, before, after, np.array(wait), window, kind == "sibling"))
    return np.array(log), layout, edges


@given(logs())
@settings(max_examples=150)
def test_kernel_equals_all_pairs(case: tuple[np.ndarray, Organisation, list[Edge]]) -> None:
    """Violations and slack of arbitrary rules on arbitrary logs are those of a search over all pairs of commands."""
    log, layout, edges = case
    report = check_log(log, edges, layout)
    assert [(r.violations, r.slack) for r in report.rules[: len(edges)]] == brute_force(log, edges, layout)


def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log checked seven commands at a time gives the same report, and progress arrives at its length."""
    whole, seen = report_of(golden_log()), []
    monkeypatch.setattr(checker, "BLOCK", 7)
    assert check_log(golden_log(), constraint_table(DRAM), LAYOUT, progress=seen.append) == whole
    assert seen[0] == 7
    assert seen[-1] == len(golden_log())


def test_report_prints_and_serialises() -> None:
    """The text names every rule and the first offence; the dict is JSON."""
    log = golden_log().copy()
    index = int(np.flatnonzero(log[:, 1] == RD)[200])
    log[index, 0] -= 30
    report = report_of(log)
    assert report.first is not None
    assert report.first.offence in str(report)
    assert all(rule.name in str(report) for rule in report.rules)
    assert json.loads(json.dumps(report.to_dict()))["violations"] == report.violations


def test_an_empty_log_is_clean() -> None:
    """No commands, no gaps: nothing was exercised."""
    report = report_of([])
    assert (report.commands, report.violations, report.longest_refresh_interval_ck) == (0, 0, None)
    assert {rule.slack for rule in report.rules} == {None}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda log: log[:, :4], "five columns"),
        (lambda log: np.concatenate([log[:3], [[900, 13, 0, -1, -1]]]), "command 3 at clock 900: unknown command 13"),
        (lambda log: np.concatenate([log[:3], [[900, RD, 32, -1, -1]]]), "no bank or rank 32 (32 banks, 2 ranks)"),
        (lambda log: np.concatenate([log[:3], [[900, REFAB, 2, -1, -1]]]), "no bank or rank 2"),
        (lambda log: np.concatenate([log[:3], [[900, ACT, 0, -1, -1]]]), "ACT with row -1"),
    ],
)
def test_logs_of_something_else_are_refused(change: Callable[[np.ndarray], np.ndarray], words: str) -> None:
    """A log that is not about this memory is an input error that says where."""
    with pytest.raises(InputError) as caught:
        check_log(change(golden_log()), constraint_table(DRAM), LAYOUT, title="x.npz, channel 0")
    assert words in str(caught.value)
    assert str(caught.value).startswith("x.npz, channel 0: ")
