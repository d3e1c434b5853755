"""Protocol checker: reads a command log and the constraint table, and recomputes every gap that the table limits.

Checked: each timing rule of the table (with timings of single banks and subarrays, as they were at the earlier command
where the operating point was switched), one command per clock, time order, activates of open banks, column commands on
closed banks or other rows, refreshes with open banks, banks that go without a refresh for too long, commands while a
switch settles, commands to ranks that sleep and exits that do not fit. Not checked: whether the right data were served,
mode-register commands.

It shares the constraint table with the controller but no code that interprets it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from edensim.dram.bank_tree import BankTree
from edensim.dram.checker_kernel import (
    BUS,
    BY_FOLLOWING,
    BY_PRECEDING,
    CHECKS,
    CLOSED_PRECHARGES,
    ENTRY_FIELDS,
    FIRST,
    PARTNER,
    PLAIN,
    ROW_AFTER,
    ROW_BEFORE,
    SIBLING,
    SLACK,
    STRUCTURE,
    UNSEEN,
    VIOLATIONS,
    WINDOW,
    check_block,
)
from edensim.dram.command_log import CommandLog
from edensim.dram.commands import ACT, COMMAND_NAMES, FOREIGN, N_COMMANDS, REFAB, REFSB, is_rank_command
from edensim.dram.refresh_rule import RefreshLimit, check_refreshes
from edensim.dram.standard import Standard, evaluate, load_standard
from edensim.dram.table import Edge
from edensim.errors import InputError
from edensim.memory import LEVELS, Organisation

Int = npt.NDArray[np.int64]
BLOCK = 1 << 20
"""Commands between two progress reports."""


@dataclass(frozen=True)
class RuleResult:
    """What one rule found.

    Attributes
    ----------
    name, text : str
        Name of the rule ("tFAW") and what it says.
    checks : int
        Gaps measured; for rules about states, violations only.
    violations : int
    slack : int or None
        Smallest gap minus required clocks; 0 = the rule was reached exactly, None = never exercised.
    first : int or None
        Log index of the first offending command.
    offence : str
        The first offending pair in words.
    """

    name: str
    text: str
    checks: int
    violations: int
    slack: int | None
    first: int | None = None
    offence: str = ""


@dataclass(frozen=True)
class CheckReport:
    """Results of all rules on one channel."""

    commands: int
    rules: tuple[RuleResult, ...]
    precharges_of_closed_banks: int
    longest_refresh_interval_ck: int | None
    title: str = field(default="", compare=False)

    @property
    def violations(self) -> int:
        """Violations of all rules."""
        return sum(rule.violations for rule in self.rules)

    @property
    def first(self) -> RuleResult | None:
        """The rule that was broken first."""
        broken = [rule for rule in self.rules if rule.first is not None]
        return min(broken, key=lambda rule: rule.first or 0, default=None)

    def slack(self, name: str) -> int | None:
        """Smallest slack over all rows of the table with this name; None if none was exercised."""
        return min((r.slack for r in self.rules if r.name == name and r.slack is not None), default=None)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self) | {"violations": self.violations}

    def __str__(self) -> str:
        """A table, one line per rule, and the first offence."""
        width = max(len(rule.text) for rule in self.rules)
        head = f"{'rule':<34}{'what':<{width}}{'checks':>12}{'violations':>12}{'slack':>8}"
        lines = [self.title] if self.title else []
        lines += [f"{self.commands} commands, {self.violations} violations", head, "-" * len(head)]
        for rule in self.rules:
            slack = "-" if rule.slack is None else str(rule.slack)
            lines.append(f"{rule.name:<34}{rule.text:<{width}}{rule.checks:>12}{rule.violations:>12}{slack:>8}")
        lines.append(f"precharges of closed banks (allowed): {self.precharges_of_closed_banks}")
        if self.longest_refresh_interval_ck is not None:
            lines.append(f"longest interval between refreshes of a rank: {self.longest_refresh_interval_ck} clocks")
        return "\n".join(lines + ([f"first violation: {self.first.offence}"] if self.first else []))


def check_log(
    log: npt.ArrayLike,
    edges: Sequence[Edge],
    layout: Organisation,
    title: str = "",
    progress: Callable[[int], None] | None = None,
    refresh: RefreshLimit | None = None,
    family: Sequence[int] = (0, 0, 0, 0, 0),
    subarray_rows: int = 0,
    later: Sequence[tuple[int, int, Sequence[Edge]]] = (),
) -> CheckReport:
    """Check the commands of one channel.

    Parameters
    ----------
    log : int64 array, shape (n, 5)
        Clock, command code, bank (rank for PREab and REFab), row (-1 if not known), column.
    edges : sequence of Edge
        The constraint table of this channel.
    layout : Organisation
        How the banks of the channel are grouped.
    title : str
        Heads the report and names the log in errors.
    progress : callable, optional
        Called with the number of commands done, about once per million.
    refresh : RefreshLimit, optional
        How often the run refreshed; without it no interval is checked.
    family : sequence of int
        Two buses, half clocks (0 or 1), clocks to the second activate (0: there is none), clocks that the data clock
        runs on after RD and after WR.
    subarray_rows : int
        Rows of a subarray, where edges depend on rows.
    later : sequence of tuples
        Switches of the operating point: clock from which nothing issues, clock from which the next constraint table
        holds, that table (with the same rows as `edges`).

    Raises
    ------
    InputError
        If the log holds unknown commands, places that do not exist, or activates without a row.
    """
    commands = np.ascontiguousarray(log, np.int64)
    tree = BankTree(layout)
    validate(commands, tree, title)
    levels = [level for level in LEVELS if level in {"Bank", *(edge.scope for edge in edges)}]
    tables = [edges, *(table for _, _, table in later)]
    entries, entry_of = flatten(edges, levels, [changes(same) for same in zip(*tables, strict=True)])
    cycles = np.array([[np.broadcast_to(edge.cycles, tree.banks) for edge in table] for table in tables], np.int64)
    cycles = cycles.reshape(len(tables), -1, tree.banks)
    switches = np.array([times for *times, _ in later], np.int64).reshape(-1, 2)
    node_of, nodes = node_tables(tree, levels)
    deepest = max((edge.window for edge in edges), default=1)
    windowed = windows_over(edges)
    windows = int(windowed.max()) + 1
    last = np.full((N_COMMANDS, len(nodes)), -1, np.int64)
    ring = np.full((max(windows, 1), len(nodes), deepest), -1, np.int64)
    used = np.zeros((max(windows, 1), len(nodes)), np.int64)
    open_row, opener = np.full(tree.banks, -1, np.int64), np.full(tree.banks, -1, np.int64)
    tally, structure, awaited = new_tally(len(edges)), new_tally(len(STRUCTURE)), np.full(tree.banks, -1, np.int64)
    asleep = np.full((tree.ranks, 2), -1, np.int64)
    totals, rules_of = np.array([0, -1, -1, 0], np.int64), np.array(family, np.int64)
    rows, held = row_cycles(tables, tree.banks), np.full((N_COMMANDS + 1, tree.banks), -1, np.int64)
    for start in range(0, len(commands), BLOCK):
        stop = min(start + BLOCK, len(commands))
        check_block(
            commands, start, stop, entries, entry_of, cycles, node_of, nodes, last, ring, used, windowed, open_row,
            opener, tally, structure, totals, tree.banks_per_rank, layout.banks_per_group, rules_of, awaited, rows,
            subarray_rows, held, switches, asleep,
        )  # fmt: skip
        if progress:
            progress(stop)
    rules = [timing_result(same, row, commands, tree) for *same, row in zip(*tables, tally, strict=True)]
    rules += [structure_result(k, row, commands, tree) for k, row in enumerate(structure)]
    if refresh is not None:
        rules.append(RuleResult("refresh interval", refresh.text, *check_refreshes(commands, tree, refresh)))
    return CheckReport(
        len(commands), tuple(rules), int(totals[CLOSED_PRECHARGES]), longest_refresh_interval(commands), title
    )


def check_command_log(
    log: CommandLog, progress: Callable[[int], None] | None = None, where: str = ""
) -> list[CheckReport]:
    """Check every channel of a command log against the rules it carries.

    Parameters
    ----------
    log : CommandLog
    progress : callable, optional
        Called with the number of commands done in all channels together.
    where : str
        Precedes the channel in titles.
    """
    reports: list[CheckReport] = []
    done = 0
    for channel, commands in enumerate(log.commands):
        before = done
        report = check_log(
            commands,
            log.edges(channel),
            log.geometry,
            f"{where}channel {channel}",
            None if progress is None else lambda count, before=before: progress(before + count),  # type: ignore[misc]
            log.refresh,
            bus_rules(load_standard(log.standard), log.timing_ck),
            log.subarray_rows,
            [
                (int(x.quiet[channel]), int(x.since[channel]), log.edges(channel, k))
                for k, x in enumerate(log.switches, 1)
            ],
        )
        reports.append(report)
        done += len(commands)
    return reports


def bus_rules(standard: Standard, ck: Mapping[str, int]) -> tuple[int, ...]:
    """The argument `family` of `check_log` for a standard with its timings in clocks."""
    texts = (standard.second_activate, standard.wck_read, standard.wck_write)
    clocks = (int(evaluate(text, ck)) if text else 0 for text in texts)
    return int(standard.two_buses), int(standard.half_clock), *clocks


def new_tally(rules: int) -> Int:
    """Empty tallies: int64 [rules, 5]."""
    return np.tile(np.array([0, 0, UNSEEN, -1, -1], np.int64), (rules, 1))


def validate(log: Int, tree: BankTree, title: str) -> None:
    """Refuse logs that are not about this channel."""
    where = f"{title}: " if title else ""
    if log.ndim != 2 or log.shape[1] != 5:
        raise InputError(f"{where}expected five columns (clock, command, bank, row, column), found shape {log.shape}")
    code, target = log[:, 1], log[:, 2]
    places = np.where(is_rank_command(code), tree.ranks, tree.banks)
    problems = (
        (
            (code < 0) | (code >= N_COMMANDS) | np.isin(code, FOREIGN),
            1,
            f"unknown command {{}} (known are 0 to {N_COMMANDS - 1})",
        ),
        ((target < 0) | (target >= places), 2, f"no bank or rank {{}} ({tree.banks} banks, {tree.ranks} ranks)"),
        ((code == ACT) & (log[:, 3] < 0), 3, "ACT with row {}, expected a row of 0 or more"),
    )
    for is_wrong, column, text in problems:
        if is_wrong.any():
            k = int(np.argmax(is_wrong))
            raise InputError(f"{where}command {k} at clock {log[k, 0]}: {text.format(log[k, column])}")


def node_tables(tree: BankTree, levels: Sequence[str]) -> tuple[Int, Int]:
    """The tree as arrays: the node of each level above each bank; for each node its banks and its parent's nodes."""
    first_node = np.cumsum([0, *(tree.counts[level] for level in levels)])
    node_of = np.zeros((len(levels), tree.banks), np.int64)
    nodes: list[tuple[int, int, int, int]] = []
    for k, level in enumerate(levels):
        count, fan_out = tree.counts[level], tree.layout.fan_out[level]
        span = tree.banks // count
        node_of[k] = first_node[k] + np.arange(tree.banks) // span
        for node in range(count):
            parent = int(first_node[k]) + node // fan_out * fan_out
            nodes.append((node * span, (node + 1) * span, parent, parent + fan_out))
    return node_of, np.array(nodes, np.int64)


def flatten(edges: Sequence[Edge], levels: Sequence[str], uneven: Sequence[bool]) -> tuple[Int, Int]:
    """One entry per (rule, preceding, following), sorted by following command, and where each command's begin.

    The preceding commands of a window count together: it has one entry, with its number in their place. `uneven`:
    whether a rule differs between banks, rows or times.
    """
    rows: list[list[tuple[int, ...]]] = [[] for _ in range(N_COMMANDS)]
    windows = {k: number for number, k in enumerate(k for k, edge in enumerate(edges) if edge.window > 1)}
    for k, edge in enumerate(edges):
        for before in [windows[k]] if k in windows else edge.preceding:
            for following in edge.following:
                rows[following].append(
                    (k, before, levels.index(edge.scope), kind_of(edge, before, uneven[k]), edge.window)
                )
    entries = np.array(sum(rows, []), np.int64).reshape(-1, ENTRY_FIELDS)
    return entries, np.cumsum([0, *map(len, rows)]).astype(np.int64)


def windows_over(edges: Sequence[Edge]) -> Int:
    """Windows that each command counts in, in order of the edges: int64 [commands, any], -1 behind the last."""
    found: list[list[int]] = [[] for _ in range(N_COMMANDS)]
    for number, edge in enumerate(edge for edge in edges if edge.window > 1):
        for before in edge.preceding:
            found[before].append(number)
    width = max(1, *map(len, found))
    return np.array([mine + [-1] * (width - len(mine)) for mine in found], np.int64)


def row_cycles(tables: Sequence[Sequence[Edge]], banks: int) -> Int:
    """Clocks by table, rule, bank and subarray; zeros, of one subarray at least, for rules that know of none."""
    known = [edge.rows.shape[1] for table in tables for edge in table if edge.rows is not None]
    out = np.zeros((len(tables), len(tables[0]), banks, max(known, default=1)), np.int64)
    for p, table in enumerate(tables):
        for k, edge in enumerate(table):
            if edge.rows is not None:
                out[p, k] = edge.rows
    return out


def changes(same: Sequence[Edge]) -> bool:
    """Whether one rule differs between banks, rows or tables."""
    return any(edge.is_uneven or (edge.cycles != same[0].cycles).any() for edge in same)


def kind_of(edge: Edge, before: int, is_uneven: bool) -> int:
    """How the kernel evaluates an edge after one of its preceding commands."""
    if edge.sibling or edge.window > 1:
        if is_uneven or (edge.sibling and edge.window > 1):
            raise ValueError(f"rule {edge.name}: a window or sibling rule can be nothing else, nor differ by bank")
        return SIBLING if edge.sibling else WINDOW
    if is_uneven and before == REFSB:
        raise ValueError(f"rule {edge.name}: what follows a same-bank refresh cannot differ by bank")
    if edge.rows is not None:
        return ROW_AFTER if is_rank_command(before) else ROW_BEFORE
    if is_uneven:
        return BY_FOLLOWING if is_rank_command(before) else BY_PRECEDING
    return PLAIN


def longest_refresh_interval(log: Int) -> int | None:
    """Most clocks between two successive all-bank refreshes of one rank; None without two."""
    refreshes = log[log[:, 1] == REFAB]
    gaps = [np.diff(refreshes[refreshes[:, 2] == rank, 0]) for rank in np.unique(refreshes[:, 2])]
    return max((int(g.max()) for g in gaps if len(g)), default=None)


def timing_result(same: Sequence[Edge], row: Int, log: Int, tree: BankTree) -> RuleResult:
    """Result of one row of the constraint tables."""
    edge = same[0]
    low = min(int(np.min(each.cycles)) for each in same)
    high = max(int(np.max(each.cycles if each.rows is None else each.rows)) for each in same)
    wait = str(low) if low == high else f"{low} to {high}"
    text = f"{commands_text(edge.preceding)} to {commands_text(edge.following)}, {'other' if edge.sibling else 'same'} "
    text += f"{edge.scope}, {wait} clocks" + (f" after the {edge.window}th last" if edge.window > 1 else "")
    return RuleResult(edge.name, text, *tallied(row, offence(row, edge.name, log, tree)))


def structure_result(rule: int, row: Int, log: Int, tree: BankTree) -> RuleResult:
    """Result of one rule about states."""
    checks, violations, slack, first, words = tallied(row, offence(row, STRUCTURE[rule], log, tree))
    if rule == BUS:
        return RuleResult(STRUCTURE[rule], "one command per clock and bus", checks, violations, slack, first, words)
    return RuleResult(STRUCTURE[rule], "must not happen", checks, violations, None, first, words)


def tallied(row: Int, words: str) -> tuple[int, int, int | None, int | None, str]:
    """Numbers of one row of the tallies, and the offence."""
    checks, violations, slack, first = (int(row[k]) for k in (CHECKS, VIOLATIONS, SLACK, FIRST))
    return checks, violations, None if slack == UNSEEN else slack, None if first < 0 else first, words


def commands_text(commands: Sequence[int]) -> str:
    """Command names, as in "RD/RDA"."""
    return "/".join(COMMAND_NAMES[c] for c in commands)


def offence(row: Int, name: str, log: Int, tree: BankTree) -> str:
    """The first offending pair of a rule in words; empty without one."""
    if row[FIRST] < 0:
        return ""
    words = f"{name}: {command_text(int(row[FIRST]), log, tree)}"
    if row[PARTNER] < 0:
        return f"{words}, with no command before that opened the bank"
    gap = log[row[FIRST], 0] - log[row[PARTNER], 0]
    return f"{words}, {gap} clocks after {command_text(int(row[PARTNER]), log, tree)}"


def command_text(k: int, log: Int, tree: BankTree) -> str:
    """One command in words."""
    clock, command, target, row, _ = (int(x) for x in log[k])
    place = tree.words(command, target) + (f", row {row}" if row >= 0 else "")
    return f"command {k} {COMMAND_NAMES[command]} at clock {clock} ({place})"
