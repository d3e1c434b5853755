"""What a channel has done up to a clock, as one row of totals over its banks: the bins of its timeline."""

from edensim.dram.commands import ACT, RD, RDA, REFAB, REFPB, REFSB, SREFEN, WR, WRA
from edensim.dram.power_down_kernel import ACTIVE_DOWN, PRECHARGE_DOWN, SELF_REFRESH, slept_ck
from edensim.jit import jit

READS, WRITES, HITS, OTHERS, ACTS, CLOSINGS, REFRESHES, BANK_OPEN, RANK_OPEN = range(9)
"""Columns of a reading: bursts, requests by what they found, commands, clocks that banks and ranks were open."""
READING = 9
ACTIVE_DOWN_CK, PRECHARGE_DOWN_CK, SELF_REFRESH_CK = range(READING, READING + 3)
"""Three more where ranks sleep: clocks in each state."""


@jit
def take_sleep(ch, row, clock):
    """What a reading owes to ranks that sleep or slept: their clocks, refreshes of self refresh, rows not counted."""
    for r in range(ch.ranks):
        slept = slept_ck(ch, r, clock)
        mode = ch.sleep_mode[r]
        row[ACTIVE_DOWN_CK] += ch.pda_ck[r] + (slept if mode == ACTIVE_DOWN else 0)
        row[PRECHARGE_DOWN_CK] += ch.pdp_ck[r] + (slept if mode == PRECHARGE_DOWN else 0)
        row[SELF_REFRESH_CK] += ch.sref_ck[r] + (slept if mode == SELF_REFRESH else 0)
        row[REFRESHES] += ch.counts[SREFEN, r]
        if mode == ACTIVE_DOWN:
            row[RANK_OPEN] -= slept
            row[BANK_OPEN] -= slept * ch.node_open[r]


@jit
def take_reading(ch, row, clock):
    """Totals up to `clock` (commands before it) into `row`; an auto-precharge that lies behind it is taken back."""
    for j in range(len(row)):
        row[j] = 0
    if len(ch.is_sleeping) == 2:  # known from the type
        take_sleep(ch, row, clock)
    for b in range(len(ch.state)):
        row[READS] += ch.counts[RD, b] + ch.counts[RDA, b]
        row[WRITES] += ch.counts[WR, b] + ch.counts[WRA, b]
        row[ACTS] += ch.counts[ACT, b]
        row[REFRESHES] += ch.counts[REFAB, b] + ch.counts[REFPB, b] + ch.counts[REFSB, b]
        row[CLOSINGS] += ch.closings[b]
        running = clock - ch.open_since[b]
        row[BANK_OPEN] += ch.open_ck[b] + (running if ch.state[b] else min(running, 0))
    for r in range(ch.ranks):
        running = clock - ch.node_open_since[r]
        row[RANK_OPEN] += ch.node_open_ck[r] + (running if ch.node_open[r] > 0 else min(running, 0))
    row[HITS] = ch.hits
    row[OTHERS] = ch.misses + ch.conflicts
