"""The inner loop of the protocol checker: for every command, how far behind each earlier command that binds it.

It remembers where in the log each command last addressed each node of the channel's tree, and recomputes every gap from
the log; it keeps no next-allowed times. Nodes are numbered level by level, from the channel down to the banks.
"""

from __future__ import annotations

from edensim.dram.commands import (
    ACT,
    ACT2,
    CASRD,
    CASWR,
    PDEA,
    PDEP,
    PDXA,
    PDXP,
    PRE,
    PREAB,
    RDA,
    REFAB,
    REFPB,
    REFSB,
    SREFEN,
    SREFEX,
    WR,
    WRA,
)
from edensim.jit import jit

UNSEEN = 1 << 60  # slack of a rule that was never exercised
STRUCTURE = (
    "command bus",
    "time order",
    "ACT on an open bank",
    "column command on a closed bank",
    "column command on another row",
    "refresh with an open bank",
    "command at a falling edge",
    "second activate missing or late",
    "data clock not running",
    "command to a rank that sleeps",
    "entry to sleep or exit that does not fit",
    "self refresh without a refresh since the last",
    "command while a switch settles",
)
(
    BUS,
    ORDER,
    ACT_OPEN,
    COLUMN_CLOSED,
    WRONG_ROW,
    REFRESH_OPEN,
    FALLING,
    SECOND,
    DATA_CLOCK,
    SLEEPS,
    MISFIT,
    NOT_REFRESHED,
    SETTLING,
) = range(len(STRUCTURE))
TWO_BUSES, HALF_CLOCK, SECOND_ACTIVATE, WCK_READ, WCK_WRITE = range(5)  # cells of `family`
TOTALS = 4
CLOSED_PRECHARGES, LAST_COLUMN, LAST_ROW, WCK_UNTIL = range(TOTALS)  # cells of `totals`
CHECKS, VIOLATIONS, SLACK, FIRST, PARTNER = range(5)  # columns of the tallies
ENTRY_FIELDS = 5
RULE, BEFORE, LEVEL, KIND, DEPTH = range(ENTRY_FIELDS)
PLAIN, SIBLING, WINDOW, BY_PRECEDING, BY_FOLLOWING, ROW_BEFORE, ROW_AFTER = range(7)
"""Kinds of entry. The last four: banks differ, in the preceding command's or the following one's; so do rows, the one
that the bank in question had or last had open at the preceding command."""
FIRST_BANK, END_BANK, FIRST_SIBLING, END_SIBLING = range(4)  # columns of `nodes`


@jit
def note(tally, rule, slack, i, partner):
    """Count one gap of a rule; `slack` < 0 is a violation by command `i` after command `partner`."""
    tally[rule, CHECKS] += 1
    tally[rule, SLACK] = min(tally[rule, SLACK], slack)
    if slack < 0:
        tally[rule, VIOLATIONS] += 1
        if tally[rule, FIRST] < 0:
            tally[rule, FIRST] = i
            tally[rule, PARTNER] = partner


@jit
def phase_at(switches, clock):
    """How many switches there were up to a clock."""
    p = 0
    while p < len(switches) and switches[p, 1] <= clock:
        p += 1
    return p


@jit
def hop(nodes, node, step):
    """Distance of the nodes of a level that banks `step` apart lie in."""
    return max(1, step // (nodes[node, END_BANK] - nodes[node, FIRST_BANK]))


@jit
def check_gaps(
    log, i, first_bank, end_bank, step, entries, begin, end, cycles, node_of, nodes, last, ring, used, tally, rows,
    held, switches,
):  # fmt: skip
    """All timing rules that bind command `i`, entries `begin` to `end`: as they were at the earlier command."""
    banks = node_of.shape[0] - 1  # the level of banks
    t = log[i, 0]
    for e in range(begin, end):
        rule = entries[e, RULE]
        before = entries[e, BEFORE]
        level = entries[e, LEVEL]
        low = node_of[level, first_bank]
        high = node_of[level, end_bank - 1] + 1
        apart = hop(nodes, low, step)
        worst = UNSEEN
        partner = -1
        kind = entries[e, KIND]
        if kind == PLAIN or kind == BY_FOLLOWING:
            for node in range(low, high, apart):
                k = last[before, node]
                if k < 0:
                    continue
                p = phase_at(switches, log[k, 0])
                wait = cycles[p, rule, first_bank]
                if kind == BY_FOLLOWING:
                    for b in range(first_bank, end_bank, step):
                        wait = max(wait, cycles[p, rule, b])
                if t - log[k, 0] - wait < worst:
                    worst = t - log[k, 0] - wait
                    partner = k
        elif kind == SIBLING:
            for node in range(nodes[low, FIRST_SIBLING], nodes[low, END_SIBLING]):
                k = last[before, node]
                if (node < low or node >= high) and k >= 0:
                    wait = cycles[phase_at(switches, log[k, 0]), rule, first_bank]
                    if t - log[k, 0] - wait < worst:
                        worst = t - log[k, 0] - wait
                        partner = k
        elif kind == WINDOW:
            deep = entries[e, DEPTH]
            for node in range(low, high, apart):
                n = used[before, node]
                if n >= deep:
                    k = ring[before, node, (n - deep) % ring.shape[2]]
                    wait = cycles[phase_at(switches, log[k, 0]), rule, first_bank]
                    if t - log[k, 0] - wait < worst:
                        worst = t - log[k, 0] - wait
                        partner = k
        elif kind == ROW_BEFORE or kind == ROW_AFTER:
            spacing = apart if kind == ROW_BEFORE else 1
            for node in range(low, high, spacing):
                for b in range(nodes[node, FIRST_BANK], nodes[node, END_BANK]):
                    if kind == ROW_AFTER and (b < first_bank or b >= end_bank or (b - first_bank) % step != 0):
                        continue
                    k = last[before, node_of[banks, b]]
                    if k < 0:
                        continue
                    p = phase_at(switches, log[k, 0])
                    wait = rows[p, rule, b, held[before, b]] if held[before, b] >= 0 else cycles[p, rule, b]
                    if t - log[k, 0] - wait < worst:
                        worst = t - log[k, 0] - wait
                        partner = k
        else:  # BY_PRECEDING, bank by bank: an earlier command of a slower bank may bind
            for node in range(low, high, apart):
                for b in range(nodes[node, FIRST_BANK], nodes[node, END_BANK]):
                    k = last[before, node_of[banks, b]]
                    if k < 0:
                        continue
                    wait = cycles[phase_at(switches, log[k, 0]), rule, b]
                    if t - log[k, 0] - wait < worst:
                        worst = t - log[k, 0] - wait
                        partner = k
        if partner >= 0:
            note(tally, rule, worst, i, partner)


@jit
def check_bus(log, i, command, family, tally, totals):
    """Time order, and one command per clock and bus; at even half clocks only precharges."""
    if i > 0 and log[i, 0] < log[i - 1, 0]:
        note(tally, ORDER, log[i, 0] - log[i - 1, 0], i, i - 1)
    bus = LAST_COLUMN if command <= WR or command == RDA or command == WRA else LAST_ROW
    if family[TWO_BUSES] == 0:
        bus = LAST_ROW
    if totals[bus] >= 0 and log[i, 0] >= log[totals[bus], 0]:
        note(tally, BUS, log[i, 0] - log[totals[bus], 0] - 1, i, totals[bus])
    totals[bus] = i
    if family[HALF_CLOCK] and log[i, 0] % 2 == 0 and command != PRE and command != PREAB:
        note(tally, FALLING, -1, i, i)


@jit
def check_two_steps(log, i, command, b, family, opener, awaited, tally, totals):
    """LPDDR5: the second activate comes in time and before column commands, which find the data clock running."""
    t = log[i, 0]
    if command == ACT:
        awaited[b] = i
    elif command == ACT2:
        k = awaited[b]
        if k < 0 or t - log[k, 0] > family[SECOND_ACTIVATE]:
            note(tally, SECOND, -1, i, k)
        awaited[b] = -1
    elif command <= WR or command == RDA or command == WRA:
        if awaited[b] >= 0:
            note(tally, SECOND, -1, i, awaited[b])
        is_write = command == WR or command == WRA
        before = log[i - 1, 1] if i > 0 else -1
        if t >= totals[WCK_UNTIL] and (before != (CASWR if is_write else CASRD) or log[i - 1, 2] != b):
            note(tally, DATA_CLOCK, -1, i, opener[b])
        totals[WCK_UNTIL] = max(totals[WCK_UNTIL], t + family[WCK_WRITE if is_write else WCK_READ])


@jit
def check_structure(log, i, command, first_bank, end_bank, step, open_row, opener, tally, totals):
    """Rules about states: what is open, and which row."""
    b = first_bank
    if command == ACT:
        if open_row[b] >= 0:
            note(tally, ACT_OPEN, -1, i, opener[b])
        open_row[b] = log[i, 3]
        opener[b] = i
        return
    if command <= WR or command == RDA or command == WRA:
        if open_row[b] < 0:
            note(tally, COLUMN_CLOSED, -1, i, opener[b])
        elif log[i, 3] >= 0 and log[i, 3] != open_row[b]:
            note(tally, WRONG_ROW, -1, i, opener[b])
    elif command == REFAB or command == REFPB or command == REFSB:
        for k in range(first_bank, end_bank, step):
            if open_row[k] >= 0:
                note(tally, REFRESH_OPEN, -1, i, opener[k])
                break
    if command == PRE or command == PREAB or command == RDA or command == WRA:
        for k in range(first_bank, end_bank):
            if open_row[k] >= 0:
                opener[k] = i
            elif command == PRE:
                totals[CLOSED_PRECHARGES] += 1  # allowed: a precharge of a closed bank is a no-operation
            open_row[k] = -1


@jit
def check_sleep(log, i, command, rank, first_bank, end_bank, open_row, opener, asleep, tally):
    """Power-down and self refresh: nothing but the right exit while a rank sleeps, and entries with the right rows."""
    k = asleep[rank, 0]
    if command == PDXA or command == PDXP or command == SREFEX:
        enter = SREFEN if command == SREFEX else PDEA if command == PDXA else PDEP
        if k < 0 or log[k, 1] != enter:
            note(tally, MISFIT, -1, i, k)
        asleep[rank, 0] = -1
        if command == SREFEX:
            asleep[rank, 1] = i
        return
    if k >= 0:
        note(tally, SLEEPS, -1, i, k)
    if command == REFAB or command == REFPB or command == REFSB:
        asleep[rank, 1] = -1
    elif command == PDEA or command == PDEP or command == SREFEN:
        is_open = False
        latest = -1
        for b in range(first_bank, end_bank):
            is_open = is_open or open_row[b] >= 0
            latest = max(latest, opener[b])
        if is_open != (command == PDEA):
            note(tally, MISFIT, -1, i, latest)
        if command == SREFEN and asleep[rank, 1] >= 0:
            note(tally, NOT_REFRESHED, -1, i, asleep[rank, 1])
        asleep[rank, 0] = i


@jit
def remember(
    log, i, command, first_bank, end_bank, step, node_of, nodes, last, ring, used, windowed, subarray_rows, held,
):  # fmt: skip
    """Note that command `i` addressed its nodes at every level, and which subarrays its banks had open."""
    if subarray_rows:
        newest = held.shape[0] - 1
        if command == ACT:
            held[newest, first_bank] = log[i, 3] // subarray_rows
        for b in range(first_bank, end_bank, step):
            held[command, b] = held[newest, b]
    for level in range(node_of.shape[0]):
        low = node_of[level, first_bank]
        for node in range(low, node_of[level, end_bank - 1] + 1, hop(nodes, low, step)):
            last[command, node] = i
            for window in windowed[command]:
                if window < 0:
                    break
                n = used[window, node]
                ring[window, node, n % ring.shape[2]] = i
                used[window, node] = n + 1


@jit
def check_block(
    log, start, stop, entries, entry_of, cycles, node_of, nodes, last, ring, used, windowed, open_row, opener, tally,
    structure, totals, banks_per_rank, banks_per_group, family, awaited, rows, subarray_rows, held, switches, asleep,
):  # fmt: skip
    """Check commands `start` to `stop` of a log; all other arrays hold the state between blocks.

    Parameters
    ----------
    log : int64 [n, 5]: clock, command, bank or rank, row, column
    entries : int64 [m, ENTRY_FIELDS], sorted by following command; `entry_of` int64 [commands + 1] where each begins
    cycles : int64 [1 + switches, rules, banks]
    node_of : int64 [levels, banks], banks last: the node of each level above each bank
    nodes : int64 [nodes, 4], one row per node
    last : int64 [commands, nodes]; used : int64 [windows, nodes]; ring : int64 [windows, nodes, longest window];
    windowed : int64 [commands, any]: windows that count a command, then -1
    open_row, opener : int64 [banks]: open row or -1, log index of the command that opened or closed the bank or -1
    tally, structure : int64 [rules, 5]: CHECKS, VIOLATIONS, SLACK, FIRST, PARTNER
    totals : int64 [TOTALS]: precharges of closed banks, last command of either bus, end of the data clock
    family : int64 [5]: TWO_BUSES, HALF_CLOCK, SECOND_ACTIVATE and WCK_READ, WCK_WRITE in clocks
    awaited : int64 [banks]: log index of the ACT whose ACT2 is still to come, or -1
    asleep : int64 [ranks, 2]: log index of the entry that a rank sleeps since, and of its last exit from self refresh
        if it was not refreshed since; or -1
    rows : int64 [1 + switches, rules, banks, subarrays], looked at for rules of the last two kinds
    subarray_rows : rows of a subarray, 0 without such rules
    held : int64 [commands + 1, banks]: the subarray whose row the bank had or last had open at the last command of each
        kind, in the last row at any; -1 before the first
    switches : int64 [switches, 2]: clock from which nothing issues, clock from which the next timings hold
    """
    for i in range(start, stop):
        command = log[i, 1]
        first_bank = log[i, 2]
        end_bank = first_bank + 1
        step = 1
        if command == PREAB or command == REFAB or command >= PDEA:
            first_bank = log[i, 2] * banks_per_rank
            end_bank = first_bank + banks_per_rank
        elif command == REFSB:
            step = banks_per_group
            end_bank = (first_bank // banks_per_rank + 1) * banks_per_rank - step + first_bank % step + 1
        check_bus(log, i, command, family, structure, totals)
        for p in range(len(switches)):
            if switches[p, 0] <= log[i, 0] < switches[p, 1]:
                note(structure, SETTLING, -1, i, i)
        if family[SECOND_ACTIVATE]:
            check_two_steps(log, i, command, first_bank, family, opener, awaited, structure, totals)
        rank = first_bank // banks_per_rank
        check_sleep(log, i, command, rank, first_bank, end_bank, open_row, opener, asleep, structure)
        check_structure(log, i, command, first_bank, end_bank, step, open_row, opener, structure, totals)
        check_gaps(
            log, i, first_bank, end_bank, step, entries, entry_of[command], entry_of[command + 1], cycles, node_of,
            nodes, last, ring, used, tally, rows, held, switches,
        )  # fmt: skip
        remember(
            log, i, command, first_bank, end_bank, step, node_of, nodes, last, ring, used, windowed, subarray_rows,
            held,
        )  # fmt: skip
