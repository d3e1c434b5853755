"""Waiting requests of a channel: acceptance, forwarding and coalescing, and the lists they wait in.

Every (mode, bank) has a list in order of acceptance and two candidates that stand for it: the oldest request that hits
the open row and the oldest that does not. Arrivals wake the scheduler only if they become a candidate or could flip
the mode.
"""

from __future__ import annotations

from edensim.dram.commands import ACT, PRE
from edensim.dram.power_down_kernel import add_work
from edensim.dram.scan_kernel import KEY_BITS, NEVER
from edensim.jit import jit, jit_inline

FILTER = 1024  # buckets of the filter over waiting write addresses
ACCEPTED, FORWARDED, COALESCED, FULL = range(4)


@jit
def mode_flips(ch):
    """Whether the hysteresis between read and write mode changes side now."""
    if ch.mode:
        return ch.queued[1] < ch.leave and ch.queued[0] != 0
    return ch.queued[1] >= ch.enter or ch.queued[0] == 0


@jit
def set_candidates(ch, entry, hit, other):
    """Oldest row hit and oldest non-hit of one (mode, bank) list; -1 = none."""
    ch.hit[entry] = hit
    ch.hit_key[entry] = ch.slot_key[hit] if hit >= 0 else NEVER
    ch.other[entry] = other
    ch.other_key[entry] = ch.slot_key[other] if other >= 0 else NEVER
    if hit >= 0 or other >= 0:
        ch.busy[entry >> 4] |= 1 << (entry & 15)
    else:
        ch.busy[entry >> 4] &= ~(1 << (entry & 15))


@jit
def unlink(ch, entry, slot):
    """Take a request out of its (mode, bank) list."""
    after = ch.slot_next[slot]
    if ch.head[entry] == slot:
        ch.head[entry] = after
        if after < 0:
            ch.tail[entry] = -1
        return
    p = ch.head[entry]
    while ch.slot_next[p] != slot:
        p = ch.slot_next[p]
    ch.slot_next[p] = after
    if ch.tail[entry] == slot:
        ch.tail[entry] = p


@jit_inline
def is_write_waiting(ch, bank, line):
    """Whether a write of this very line waits in the write queue."""
    if ch.written[line & (FILTER - 1)] == 0:
        return False
    s = ch.head[len(ch.state) + bank]
    while s >= 0 and ch.slot_line[s] != line:
        s = ch.slot_next[s]
    return s >= 0


@jit
def may_be_accepted(ch, line, write):
    """False only if an offer now would surely be refused: the queue is full and nothing can be forwarded."""
    if len(ch.is_switching) == 2 and ch.gate:  # the former is known from the type
        return False
    return ch.queued[write] < ch.capacity[write] or ch.written[line & (FILTER - 1)] > 0


@jit_inline
def offer_one_stage(ch, t, bank, row, column, line, write, token):
    """Offer a request to its queue; see `channel_kernel.offer`."""
    if is_write_waiting(ch, bank, line):
        ch.last = max(ch.last, t)
        if write:
            ch.coalesced += 1
            return COALESCED
        ch.forwarded += 1
        ch.latency_sum += 1
        ch.latency_count[1] += 1
        return FORWARDED
    if ch.queued[write] >= ch.capacity[write]:
        return FULL
    pad = len(ch.state)
    ch.n_free -= 1
    s = ch.free[ch.n_free]
    entry = write * pad + bank
    k = ((t - 1) << KEY_BITS) | bank
    ch.slot_row[s] = row
    ch.slot_key[s] = k
    ch.slot_next[s] = -1
    ch.slot_write[s] = write
    ch.slot_seen[s] = 0
    ch.slot_line[s] = line
    if len(ch.log) > 1:  # known from the type: without a log the line is not compiled
        ch.slot_column[s] = column
    ch.slot_token[s] = token
    if ch.head[entry] < 0:
        ch.head[entry] = s
    else:
        ch.slot_next[ch.tail[entry]] = s
    ch.tail[entry] = s
    ch.queued[write] += 1
    if write:
        ch.written[line & (FILTER - 1)] += 1
    first = -1  # where its first command stands in `allowed`, if the request became a candidate
    is_hidden = False
    if len(ch.is_sleeping) == 2:  # known from the type; FCFS must see the oldest request even if its rank sleeps
        is_hidden = add_work(ch, ch.node_of[bank], t) and len(ch.is_in_order) == 1
    if is_hidden:
        pass
    elif ch.open_row[bank] == row:
        if ch.hit[entry] < 0:
            ch.hit[entry] = s
            ch.hit_key[entry] = k
            first = entry
    elif ch.other[entry] < 0:
        ch.other[entry] = s
        ch.other_key[entry] = k
        first = (PRE if ch.state[bank] else ACT) * pad + bank
    if first >= 0:
        ch.busy[entry >> 4] |= 1 << (entry & 15)
    if ch.pending_head == ch.pending_tail:  # a pending refresh blocks everything that is not active
        if first >= 0 and write == ch.mode:
            at = max(t, ch.allowed[first])
            if len(ch.is_split_activate) == 2 or first == entry:  # the former is known from the type
                ch.next_queue = min(ch.next_queue, at)
            elif ch.state[bank]:
                ch.next_pre = min(ch.next_pre, at)
            else:
                ch.next_act = min(ch.next_act, at)
            ch.next_scan = min(ch.next_scan, at)
        if mode_flips(ch):
            ch.next_scan = t
    return ACCEPTED


@jit_inline
def leave_queue(ch, slot, entry):
    """A request leaves its queue: a place is free from the next clock on."""
    w = ch.slot_write[slot]
    ch.queued[w] -= 1
    if w:
        ch.written[ch.slot_line[slot] & (FILTER - 1)] -= 1
    ch.freed[w] += 1
    unlink(ch, entry, slot)
