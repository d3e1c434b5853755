"""HBM: a column command and a row command in one clock, over a bus each; in HBM3 clocks are half clocks.

The column bus comes first: requests whose row was opened for them, then row hits of the queue. Then the row bus: a
pending refresh, else what the queue needs to open. The write mode is tested on either bus when it comes to the queue.

In half clocks (HBM3) odd clocks are rising edges; at falling ones only precharges may go. That no precharge follows a
command too closely on a falling edge is a matter of the constraint table.
"""

from __future__ import annotations

from edensim.dram.commands import ACT, PRE, RD, RDA, WR
from edensim.dram.issue_kernel import FROM_ACTIVE, FROM_IDLE, FROM_PRIORITY, FROM_QUEUE, issue
from edensim.dram.pending_kernel import closes_row, pick_pending, refill_pending
from edensim.dram.queue_kernel import mode_flips
from edensim.dram.row_policy_kernel import pick_idle
from edensim.dram.scan_kernel import (
    FEW,
    KEY_BITS,
    NEVER,
    ONE_ACT,
    ONE_PRE,
    busy_banks,
    scan_active,
    scan_active_few,
    scan_hits,
    scan_hits_few,
    scan_oldest_of_bus,
    scan_others,
    scan_others_few,
)
from edensim.jit import jit, jit_inline

COLUMN_BUS, ROW_BUS = range(2)
FEWER = 8  # as FEW, for a share of the banks: with more of them a full scan takes longer
BANK_MASK = (1 << KEY_BITS) - 1


@jit_inline
def flip_mode(ch, t):
    """Change between reads and writes if it is due; what was known of the queue is then out of date."""
    if mode_flips(ch):
        ch.mode = 1 - ch.mode
        ch.next_queue = t
        ch.next_act = t
        ch.next_pre = t


@jit_inline
def pick_column(ch, t, is_pending):
    """Column command of this clock: (command or -1, bank, slot, source)."""
    pad = len(ch.state)
    if ch.next_active <= t:
        if ch.actives <= FEW:
            ready, oldest, soon = scan_active_few(ch, t)
        else:
            ready, oldest, soon = scan_active(ch, 2 * pad, t)
        ch.next_active = t + 1 if ready > 1 else soon
        if ready > 0:
            node = oldest & BANK_MASK
            command = RD if ch.active_key[node] == oldest else WR
            return command, node, ch.active_slot[command * pad + node], FROM_ACTIVE
    if not is_pending:
        flip_mode(ch, t)
        if len(ch.is_in_order) == 2 and ch.actives > 0:
            ch.next_queue = NEVER  # one request after the other
        if ch.next_queue <= t:
            entry = ch.mode * pad
            if len(ch.is_in_order) == 2:  # known from the type
                ready, oldest, soon = scan_oldest_of_bus(ch, entry, pad, t, False, 0, 0)
            elif busy_banks(ch, ch.mode) <= pad // FEWER:
                ready, oldest, soon = scan_hits_few(ch, ch.mode, t)
            else:
                ready, oldest, soon = scan_hits(ch, entry, pad, t)
            ch.next_queue = t + 1 if ready > 1 else soon
            if ready > 0:
                node = oldest & BANK_MASK
                return ch.mode, node, ch.hit[entry + node], FROM_QUEUE
    return -1, -1, -1, -1


@jit_inline
def pick_row(ch, t, is_falling):
    """Row command of this clock for the queue: (command or -1, bank, slot, source)."""
    pad = len(ch.state)
    flip_mode(ch, t)
    if len(ch.is_in_order) == 2 and ch.actives > 0:
        ch.next_act = NEVER
        ch.next_pre = NEVER
    if ch.next_pre <= t or (ch.next_act <= t and not is_falling):
        entry = ch.mode * pad
        odd = len(ch.is_half_clock) - 1
        open_from = t + 1 if is_falling else 0
        if len(ch.is_in_order) == 2:
            ready, oldest, soon_act = scan_oldest_of_bus(ch, entry, pad, t, True, odd, open_from)
            soon_pre = soon_act
        elif busy_banks(ch, ch.mode) <= pad // FEWER:
            ready, oldest, soon_act, soon_pre = scan_others_few(ch, ch.mode, t, len(ch.is_row_hit) == 2, odd, open_from)
        else:
            ready, oldest, soon_act, soon_pre = scan_others(ch, entry, pad, t, len(ch.is_row_hit) == 2, odd, open_from)
        ch.next_act = soon_act
        ch.next_pre = soon_pre
        if ready > 0:
            node = oldest & BANK_MASK
            command = PRE if ch.state[node] else ACT
            if len(ch.is_in_order) == 1:
                ready -= ONE_PRE if command == PRE else ONE_ACT
                if ready & (ONE_PRE - ONE_ACT):  # what else was ready waits for the chosen command
                    ch.next_act = t
                if ready >= ONE_PRE:
                    ch.next_pre = t
            return command, node, ch.other[entry + node], FROM_QUEUE
    return -1, -1, -1, -1


@jit
def tick_two_buses(ch, tab, t):
    """One clock of an HBM channel; see `channel_kernel.tick`."""
    odd = len(ch.is_half_clock) - 1  # known from the type
    is_falling = odd == 1 and (t & 1) == 0
    ch.scans += 1
    ch.freed[0] = 0
    ch.freed[1] = 0
    postponing = len(ch.is_postponing) == 2
    closed_page = len(ch.is_closed_page) == 2
    timed_page = len(ch.is_timed_page) == 2
    in_order = len(ch.is_in_order) == 2  # all known from the type
    refill_pending(ch, t)
    is_any = False
    finished = -1
    wait = NEVER
    for bus in range(ROW_BUS if is_falling else COLUMN_BUS, 2):
        is_pending = ch.pending_head != ch.pending_tail
        if bus == COLUMN_BUS:
            command, node, slot, source = pick_column(ch, t, is_pending)
            finished = slot
            if closed_page and command >= 0 and closes_row(ch, command, node, source == FROM_ACTIVE, t):
                command += RDA
        elif is_pending:
            command, node, wait = pick_pending(ch, t)
            slot = -1
            source = FROM_PRIORITY
        else:
            command, node, slot, source = pick_row(ch, t, is_falling)
            if timed_page and command < 0:
                node = pick_idle(ch, t)
                if node >= 0:
                    command = PRE
                    source = FROM_IDLE
        if command >= 0:
            is_any = True
            bound, row_bound = issue(ch, tab, t, command, node, slot, source)
            if not closed_page:  # there rows close under active requests
                ch.next_active = max(ch.next_active, t + tab.gap[command, 0])
            ch.next_queue = max(min(ch.next_queue, bound), t + tab.gap[command, 0])
            if in_order:  # the next request may open its row at once
                row_bound = t
            if command != PRE:
                ch.next_pre = min(ch.next_pre, row_bound)
            if command >= PRE or in_order:  # beyond PRE whatever was known is out of date
                ch.next_act = min(ch.next_act, row_bound)
            if bus == ROW_BUS:
                ch.next_act = max(ch.next_act, t + tab.gap[command, 1])
                ch.next_pre = max(ch.next_pre, t + tab.gap[command, 2])
    if ch.pending_head != ch.pending_tail:
        bound = min(ch.next_active | odd, wait)
    elif mode_flips(ch):
        bound = t + 1
    else:
        bound = min(min(ch.next_active | odd, ch.next_queue | odd), min(ch.next_act | odd, ch.next_pre))
        if timed_page:
            bound = min(bound, ch.close_at)
    if closed_page:
        bound = min(bound, ch.inject_at)
    if is_any and (closed_page or in_order):
        ch.next_queue = t + 1
        ch.next_act = t + 1
        ch.next_pre = t + 1
        bound = t + 1
    if postponing:
        bound = t + 1 if is_any else min(bound, ch.release_at)
    ch.next_scan = max(bound, t + 1)
    return finished
