"""What a channel has done up to a clock, as one row of totals over its banks: the bins of its timeline."""

from edensim.dram.commands import ACT, RD, RDA, REFAB, REFPB, REFSB, WR, WRA
from edensim.jit import jit

READS, WRITES, HITS, OTHERS, ACTS, CLOSINGS, REFRESHES, BANK_OPEN, RANK_OPEN = range(9)
"""Columns of a reading: bursts, requests by what they found, commands, clocks that banks and ranks were open."""
READING = 9


@jit
def take_reading(ch, row, clock):
    """Totals up to `clock` (commands before it) into `row`; an auto-precharge that lies behind it is taken back."""
    for j in range(READING):
        row[j] = 0
    for b in range(len(ch.state)):
        row[READS] += ch.counts[RD, b] + ch.counts[RDA, b]
        row[WRITES] += ch.counts[WR, b] + ch.counts[WRA, b]
        row[ACTS] += ch.counts[ACT, b]
        row[REFRESHES] += ch.counts[REFAB, b] + ch.counts[REFPB, b] + ch.counts[REFSB, b]
        row[CLOSINGS] += ch.closings[b]
        running = clock - ch.open_since[b]
        row[BANK_OPEN] += ch.open_ck[b] + (running if ch.state[b] else min(running, 0))
    for r in range(len(ch.node_open)):
        running = clock - ch.node_open_since[r]
        row[RANK_OPEN] += ch.node_open_ck[r] + (running if ch.node_open[r] > 0 else min(running, 0))
    row[HITS] = ch.hits
    row[OTHERS] = ch.misses + ch.conflicts
