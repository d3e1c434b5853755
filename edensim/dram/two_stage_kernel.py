"""A controller of two stages that schedules as DRAMsim3 does: transaction queues, then command queues.

In every clock at most one transaction moves from a transaction queue (reads, or writes while a counted number of them
drains) to the command queue of its bank or rank. Command queues take turns; in each the first command that may issue
goes. A row is closed for the oldest request of its bank in the queue, and only if nobody there hits it or it has
served four requests. Refresh closes bank after bank. Writes are done when they are accepted.

Written from the rules of DRAMsim3 (commit 2981759: controller.cc, command_queue.cc, channel_state.cc). Reads of a
line that a read already waits for are answered with it; their latencies enter the percentiles by their mean, and an
agent in a closed loop has them at once. Where the program waits for ever (a full write queue whose first write follows
a read that has not moved on), the read moves on. Not modelled: closed pages, self refresh, the dual command bus of HBM.
This is for comparison with that program, clock by clock, and not for speed.
"""

from __future__ import annotations

from edensim.dram.commands import ACT, BANK_COMMANDS, PRE, RD, REFAB, WR
from edensim.dram.issue_kernel import (
    OPENED,
    TAG_BIT,
    close_bank,
    close_bin,
    latency_bin,
    open_bank,
    raise_allowed,
    raise_by_row,
)
from edensim.dram.pending_kernel import PENDING
from edensim.dram.queue_kernel import ACCEPTED, COALESCED, FILTER, FORWARDED, FULL
from edensim.dram.scan_kernel import KEY_BITS, NEVER
from edensim.jit import jit

BANK_MASK = (1 << KEY_BITS) - 1
HIT_LIMIT = 4  # accesses after which a row may be closed although requests still hit it
DRAIN_ABOVE = 8  # writes that are drained as soon as the command queues are empty


@jit
def find_pending(ch, line, write):
    """Slot of a read or write of this line that waits in either stage, or -1."""
    for k in range(ch.queued[write]):
        s = ch.trans[write, k]
        if ch.slot_line[s] == line:
            return s
    for q in range(len(ch.stage_n)):
        for k in range(ch.stage_n[q]):
            s = ch.stage[q, k]
            if ch.slot_line[s] == line and ch.slot_write[s] == write:
                return s
    return -1


@jit
def offer_two_stage(ch, t, bank, row, column, line, write, token):
    """Offer a request in the tick that ends at clock `t`; as `queue_kernel.offer`. A write is posted: COALESCED."""
    if ch.queued[write] >= ch.capacity[write]:
        return FULL
    if ch.written[line & (FILTER - 1)] > 0 and find_pending(ch, line, 1) >= 0:
        ch.last = max(ch.last, t)
        if write:
            ch.coalesced += 1
            return COALESCED
        ch.forwarded += 1
        ch.latency_sum += 1
        ch.latency_count[1] += 1
        return FORWARDED
    if not write:
        s = find_pending(ch, line, 0)
        if s >= 0:  # the slot counts the reads it also answers, and adds up their clocks
            ch.slot_next[s] += 1
            ch.slot_seen[s] += t
            ch.forwarded += 1
            return FORWARDED
    ch.n_free -= 1
    s = ch.free[ch.n_free]
    ch.slot_row[s] = row
    ch.slot_key[s] = (t << KEY_BITS) | bank
    ch.slot_write[s] = write
    ch.slot_seen[s] = 0
    ch.slot_next[s] = 0
    ch.slot_line[s] = line
    ch.slot_column[s] = column
    ch.slot_token[s] = token
    ch.trans[write, ch.queued[write]] = s
    ch.queued[write] += 1
    ch.next_scan = min(ch.next_scan, t)
    if write:
        ch.written[line & (FILTER - 1)] += 1
        ch.last = max(ch.last, t)
        return COALESCED
    return ACCEPTED


@jit
def take(queue, n, k):
    """Entry `k` of the first `n` of a queue; those behind it move up."""
    s = queue[k]
    for j in range(k, n - 1):
        queue[j] = queue[j + 1]
    return s


@jit
def move_first(ch, w):
    """The first read (`w` 0) or write whose command queue has room moves on.

    A read of the same line ends the draining of writes. Returns 1 if that read waits in the transaction queue, which
    the program never leaves again while the write queue is full (its issue 43); else 0.
    """
    for k in range(ch.queued[w]):
        s = ch.trans[w, k]
        q = ch.queue_of[ch.slot_key[s] & BANK_MASK]
        if ch.stage_n[q] == ch.stage.shape[1]:
            continue
        if w:
            read = find_pending(ch, ch.slot_line[s], 0)
            if read >= 0:
                ch.draining = 0
                for j in range(ch.queued[0]):
                    if ch.trans[0, j] == read:
                        return 1
                return 0
            ch.draining -= 1
        take(ch.trans[w], ch.queued[w], k)
        ch.queued[w] -= 1
        ch.freed[w] += 1
        ch.stage[q, ch.stage_n[q]] = s
        ch.stage_n[q] += 1
        ch.staged += 1
        return 0
    return 0


@jit
def move_transaction(ch):
    """A transaction of the present kind moves on; a read if the writes would wait for it for ever."""
    is_full = ch.queued[1] >= ch.capacity[1]
    if ch.draining == 0 and (is_full or (ch.queued[1] > DRAIN_ABOVE and ch.staged == 0)):
        ch.draining = ch.queued[1]
    if move_first(ch, 1 if ch.draining > 0 else 0):
        move_first(ch, 0)


@jit
def may_close(ch, q, i, b):
    """Whether the row of bank `b` may be closed for entry `i` of command queue `q`."""
    for k in range(i):
        if ch.slot_key[ch.stage[q, k]] & BANK_MASK == b:
            return False
    if ch.used[b] >= HIT_LIMIT:
        return True
    for k in range(i, ch.stage_n[q]):
        s = ch.stage[q, k]
        if ch.slot_key[s] & BANK_MASK == b and ch.slot_row[s] == ch.open_row[b]:
            return False
    return True


@jit
def follows_read(ch, q, i):
    """Whether a read of the same line waits before entry `i`, a write."""
    line = ch.slot_line[ch.stage[q, i]]
    for k in range(i):
        s = ch.stage[q, k]
        if ch.slot_write[s] == 0 and ch.slot_line[s] == line:
            return True
    return False


@jit
def first_ready(ch, q, t):
    """First command of a queue that may issue: (command or -1, entry)."""
    pad = len(ch.state)
    for i in range(ch.stage_n[q]):
        s = ch.stage[q, i]
        b = ch.slot_key[s] & BANK_MASK
        command = ch.slot_write[s]
        if ch.state[b] == 0:
            command = ACT
        elif ch.open_row[b] != ch.slot_row[s]:
            command = PRE
        if ch.allowed[command * pad + b] > t:
            continue
        if command == PRE and not may_close(ch, q, i, b):
            continue
        if command == WR and follows_read(ch, q, i):
            continue
        return command, i
    return -1, -1


@jit
def step_refresh(ch, rank, t):
    """Next command of a refresh: (command or -1, bank or rank). Banks are closed one by one."""
    pad = len(ch.state)
    for b in range(rank * ch.node_span, (rank + 1) * ch.node_span):
        if ch.state[b] != 0 and ch.allowed[PRE * pad + b] <= t:
            return PRE, b
    nodes = len(ch.node_open)
    if ch.node_open[rank] == 0 and ch.allowed[BANK_COMMANDS * pad + nodes + rank] <= t:
        return REFAB, rank
    return -1, -1


@jit
def finish(ch, s, b, t):
    """Complete the request in slot `s`, whose column command issued; returns the slot of a read, -1 of a write."""
    merged = ch.slot_next[s]
    since = ch.slot_seen[s]
    ch.slot_seen[s] = 2 if ch.used[b] > 0 else 1
    if ch.used[b] > 0:
        ch.hits += 1
    else:
        ch.misses += 1
    ch.used[b] += 1
    ch.by_tag[ch.slot_token[s] >> TAG_BIT, ch.slot_write[s], b] += 1
    ch.free[ch.n_free] = s
    ch.n_free += 1
    if ch.slot_write[s]:
        ch.written[ch.slot_line[s] & (FILTER - 1)] -= 1
        return -1
    wait = t + ch.read_latency - (ch.slot_key[s] >> KEY_BITS)
    ch.latency_sum += wait
    ch.latency_count[latency_bin(wait)] += 1
    ch.last = max(ch.last, t + ch.read_latency)
    if merged:
        waits = merged * (t + ch.read_latency) - since
        ch.latency_sum += waits
        ch.latency_count[latency_bin(waits // merged)] += merged
    return s


@jit
def put_on_bus(ch, tab, t, command, node, s):
    """Log a command and apply all that follows from it; `s` is the slot it is for, or -1."""
    if t >= ch.bin_end:
        close_bin(ch, t)
    ch.counts[command, node] += 1
    if len(ch.log) > 1:
        k = ch.logged
        ch.log[k, 0] = t
        ch.log[k, 1] = command
        ch.log[k, 2] = node
        ch.log[k, 3] = ch.slot_row[s] if command == ACT else -1
        ch.log[k, 4] = ch.slot_column[s] if command <= WR else -1
        ch.logged = k + 1
    raise_allowed(ch, tab, command, node, t)
    if len(ch.row_subarray) > 1:  # known from the type
        raise_by_row(ch, tab, command, node, s, t)
    if command == ACT:
        open_bank(ch, node, t)
        ch.by_tag[ch.slot_token[s] >> TAG_BIT, OPENED, node] += 1
        ch.open_row[node] = ch.slot_row[s]
    elif command == PRE:
        close_bank(ch, node, t)
    elif command == REFAB:
        ch.pending_head += 1


@jit
def tick_two_stage(ch, tab, t):
    """One clock of the controller; see `channel_kernel.tick`. It runs in every clock in which anything waits."""
    ch.scans += 1
    ch.freed[0] = 0
    ch.freed[1] = 0
    refreshing = -1
    command = -1
    node = -1
    finished = -1
    if ch.pending_head != ch.pending_tail:
        refreshing = ch.pending[ch.pending_head & (PENDING - 1)] & BANK_MASK
        command, node = step_refresh(ch, refreshing, t)
        if command >= 0:
            put_on_bus(ch, tab, t, command, node, -1)
    queues = len(ch.stage_n)
    turn = 0
    while command < 0 and turn < queues:
        turn += 1
        ch.turn = ch.turn + 1 if ch.turn + 1 < queues else 0
        q = ch.turn
        if refreshing >= 0 and ch.rank_of_queue[q] == refreshing:
            continue
        command, i = first_ready(ch, q, t)
        if command >= 0:
            s = ch.stage[q, i]
            node = ch.slot_key[s] & BANK_MASK
            put_on_bus(ch, tab, t, command, node, s)
            if command <= WR:
                take(ch.stage[q], ch.stage_n[q], i)
                ch.stage_n[q] -= 1
                ch.staged -= 1
                finished = finish(ch, s, node, t)
            elif command == PRE:
                ch.conflicts += 1
                ch.misses -= 1
    move_transaction(ch)
    waits = ch.staged > 0 or ch.queued[RD] > 0 or ch.draining > 0 or ch.pending_head != ch.pending_tail
    ch.next_scan = t + 1 if waits or ch.queued[WR] > DRAIN_ABOVE else NEVER
    return finished
