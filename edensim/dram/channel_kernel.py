"""One DRAM channel as a resumable, event-skipping state machine: accept a request, advance one controller clock.

All state is one record per channel (see `channel_state.py`); the lengths of its nested arrays belong to its type, so
the compiler specialises this file for every shape and policy. The kernel knows no timing name and no level: a command
raises whole rows of next-allowed times by delays taken from the compiled constraint table (`table.py`).

Times are clocks of the channel. Constraints only ever move later, so every bound kept here is safe: `next_scan` is a
clock before which no command can issue.

Scheduling: requests whose row was opened for them come first, then a pending refresh, then the queue of the present
mode (reads or writes), each time the oldest command that may issue. Two candidates per (mode, bank) stand for all:
the oldest request that hits the open row and the oldest that does not.
"""

from __future__ import annotations

from edensim.dram.commands import ACT, PRE, PREAB, RD, RDA, REFAB, WR, WRA
from edensim.dram.pending_kernel import PENDING, inject_precharges, pick_pending, protect_active, push_pending
from edensim.dram.reading_kernel import READING, take_reading
from edensim.dram.scan_kernel import (
    FEW,
    KEY_BITS,
    NEVER,
    scan_active,
    scan_active_closed,
    scan_active_few,
    scan_queue,
    scan_queue_few,
)
from edensim.jit import LANES, count_bits, jit, jit_inline, raise_lanes

FILTER = 1024  # buckets of the filter over waiting write addresses
EXACT = 8192  # latencies below it have a bin of their own, longer ones share 64 bins per doubling
FROM_ACTIVE, FROM_PRIORITY, FROM_QUEUE = range(3)
ACCEPTED, FORWARDED, COALESCED, FULL = range(4)
TAG_BIT = 56
"""The top bits of a request's token tell what it belongs to (0 to 3); `by_tag` counts reads, writes, rows by it."""
OPENED = 2  # behind reads (0) and writes (1)


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
    return ch.queued[write] < ch.capacity[write] or ch.written[line & (FILTER - 1)] > 0


@jit_inline
def offer(ch, t, bank, row, column, line, write, token):
    """Offer a request in the tick that ends at clock `t`; returns ACCEPTED, FORWARDED, COALESCED or FULL."""
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
    if ch.open_row[bank] == row:
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
            ch.next_queue = min(ch.next_queue, at)
            ch.next_scan = min(ch.next_scan, at)
        if mode_flips(ch):
            ch.next_scan = t
    return ACCEPTED


@jit_inline
def raise_allowed(ch, tab, command, node, t):
    """Apply every constraint that follows from `command` at bank (or rank) `node`, issued at clock `t`."""
    pad = len(ch.state)
    blocks = pad // LANES
    for d in range(tab.row_n[command]):
        x = tab.row_target[command, d] * pad
        y = tab.row_at[command, d] + node * pad
        for g in range(blocks):
            raise_lanes(ch.allowed, x + g * LANES, tab.delay, y + g * LANES, t)
    for d in range(tab.one_n[command]):
        x = tab.one_at[command, node, d]
        ch.allowed[x] = max(ch.allowed[x], t + tab.one_delay[command, node, d])
    for d in range(tab.window_n[command]):
        k = tab.window_id[command, d]
        h = tab.window_node[k, node]
        p = ch.window[k, h, 0]
        ch.window[k, h, 1 + p] = t
        p = p + 1 if p + 1 < tab.window_length[k] else 0
        ch.window[k, h, 0] = p
        x = tab.window_target[k] * pad
        y = tab.window_at[k] + h * pad
        for g in range(blocks):
            raise_lanes(ch.allowed, x + g * LANES, tab.delay, y + g * LANES, ch.window[k, h, 1 + p])


@jit
def close_bin(ch, t):
    """End the timeline bins that lie before clock `t`.

    A bin holds the counters at its end. When bins run out, every other one is dropped and bins get twice as long, which
    loses resolution, not counts.
    """
    bins = ch.timeline.shape[0]
    while t >= ch.bin_end:
        if ch.bins == bins:
            for i in range(bins // 2):
                for j in range(READING):
                    ch.timeline[i, j] = ch.timeline[2 * i + 1, j]
            ch.bins = bins // 2
            ch.bin_clocks *= 2
            ch.bin_end = (ch.bins + 1) * ch.bin_clocks
            continue
        take_reading(ch, ch.timeline[ch.bins], ch.bin_end)
        ch.bins += 1
        ch.bin_end += ch.bin_clocks


@jit
def close_bank(ch, b, t):
    """Bookkeeping of a bank that closes at `t`: nothing hits any more.

    An auto-precharge closes its bank in the future, so the last of a rank's banks to be told is not always the last to
    close. While a bank or rank is closed, its `open_since` is the clock up to which it has been counted.
    """
    pad = len(ch.state)
    if ch.state[b]:
        node = ch.node_of[b]
        ch.node_open[node] -= 1
        ch.open_ck[b] += t - ch.open_since[b]
        ch.cut_ck[b] += max(ch.whole_row - (t - ch.open_since[b]), 0)
        ch.open_since[b] = t
        ch.closings[b] += 1
        ch.node_open_until[node] = max(ch.node_open_until[node], t)
        if ch.node_open[node] == 0:
            ch.node_open_ck[node] += ch.node_open_until[node] - ch.node_open_since[node]
            ch.node_open_since[node] = ch.node_open_until[node]
    ch.state[b] = 0
    ch.open_row[b] = -1
    ch.used[b] = 0
    ch.injected[b] = 0
    set_candidates(ch, b, -1, ch.head[b])
    set_candidates(ch, pad + b, -1, ch.head[pad + b])


@jit
def open_bank(ch, b, row, t):
    """Bookkeeping of an activation: both lists of the bank are searched anew for hits."""
    pad = len(ch.state)
    node = ch.node_of[b]
    if ch.node_open[node] == 0:
        ch.node_open_since[node] = max(t, ch.node_open_since[node])
    ch.node_open[node] += 1
    ch.open_since[b] = t
    ch.state[b] = 1
    ch.open_row[b] = row
    for entry in range(b, b + 2 * pad, pad):
        hit = -1
        other = -1
        s = ch.head[entry]
        while s >= 0 and (hit < 0 or other < 0):
            if ch.slot_row[s] == row:
                if hit < 0:
                    hit = s
            elif other < 0:
                other = s
            s = ch.slot_next[s]
        set_candidates(ch, entry, hit, other)


@jit_inline
def leave_queue(ch, slot, entry):
    """A request leaves its queue: a place is free from the next clock on."""
    w = ch.slot_write[slot]
    ch.queued[w] -= 1
    if w:
        ch.written[ch.slot_line[slot] & (FILTER - 1)] -= 1
    ch.freed = w
    unlink(ch, entry, slot)


@jit
def latency_bin(wait):
    """Bin of a read latency in clocks; its longest one is `measure.longest_latency`."""
    if wait < EXACT:
        return wait
    shift = 7
    while wait >> shift >= 128:
        shift += 1
    return EXACT + 64 * (shift - 8) + (wait >> shift)


@jit_inline
def finish_column(ch, slot, b, source, t):
    """Complete the request in `slot`, whose column command was issued; returns a bound on the bank's next command."""
    pad = len(ch.state)
    w = ch.slot_write[slot]
    entry = w * pad + b
    ch.by_tag[ch.slot_token[slot] >> TAG_BIT, w, b] += 1
    if w:
        ch.last = max(ch.last, t)
    else:
        wait = t + ch.read_latency - (ch.slot_key[slot] >> KEY_BITS)
        ch.latency_sum += wait
        ch.latency_count[latency_bin(wait)] += 1
        ch.last = max(ch.last, t + ch.read_latency)
    if source == FROM_ACTIVE:
        ch.actives -= 1
        ch.activated[b] -= 1
        ch.active_key[entry] = NEVER
        ch.active_mask[entry >> 4] &= ~(1 << (entry & 15))
        ch.claimed[b] = 0
    else:
        s = ch.slot_next[slot]
        while s >= 0 and ch.slot_row[s] != ch.open_row[b]:
            s = ch.slot_next[s]
        leave_queue(ch, slot, entry)
        set_candidates(ch, entry, s, ch.other[entry])
    ch.free[ch.n_free] = slot
    ch.n_free += 1
    ch.used[b] += 1
    if len(ch.is_closed_page) == 2 and ch.used[b] >= ch.cap:
        ch.inject_at = min(ch.inject_at, ch.allowed[PRE * pad + b])
    k = ch.mode * pad + b
    bound = NEVER
    if ch.hit[k] >= 0:
        bound = ch.allowed[k]
    if ch.other[k] >= 0:
        bound = min(bound, ch.allowed[PRE * pad + b])
    return bound


@jit_inline
def issue(ch, tab, t, command, node, slot, source):
    """Issue one command: statistics, log, constraints, and where the request goes next.

    Returns a bound on the next command of the queue.
    """
    pad = len(ch.state)
    if t >= ch.bin_end:
        close_bin(ch, t)
    if source != FROM_PRIORITY and ch.slot_seen[slot] == 0:
        if ch.state[node] == 0:
            ch.slot_seen[slot] = 1
            ch.misses += 1
        elif ch.open_row[node] == ch.slot_row[slot]:
            ch.slot_seen[slot] = 2
            ch.hits += 1
        else:
            ch.slot_seen[slot] = 3
            ch.conflicts += 1
    ch.counts[command, node] += 1
    if len(ch.log) > 1:
        k = ch.logged
        ch.log[k, 0] = t
        ch.log[k, 1] = command
        ch.log[k, 2] = node
        ch.log[k, 3] = ch.slot_row[slot] if command == ACT else -1
        ch.log[k, 4] = ch.slot_column[slot] if command <= WR or command == RDA or command == WRA else -1
        ch.logged = k + 1
    raise_allowed(ch, tab, command, node, t)
    if source == FROM_PRIORITY and command == ch.pending[ch.pending_head & (PENDING - 1)] >> KEY_BITS:
        ch.pending_head += 1
    if command <= WR:
        return finish_column(ch, slot, node, source, t)
    if command == ACT:
        entry = ch.slot_write[slot] * pad + node
        if source == FROM_QUEUE:
            leave_queue(ch, slot, entry)
            ch.active_slot[entry] = slot
            ch.active_key[entry] = ch.slot_key[slot]
            ch.active_mask[entry >> 4] |= 1 << (entry & 15)
            ch.actives += 1
        open_bank(ch, node, ch.slot_row[slot], t)
        ch.by_tag[ch.slot_token[slot] >> TAG_BIT, OPENED, node] += 1
        ch.activated[node] += 1
        ch.claimed[node] = NEVER
        ch.next_active = min(ch.next_active, ch.allowed[entry])
        return ch.allowed[entry]
    if command == PRE:
        close_bank(ch, node, t)
        return ch.allowed[ACT * pad + node]
    if command == RDA or command == WRA:
        finish_column(ch, slot, node, source, t)
        # the bank closes when a PREpb could: not before tRAS, nor before tWR of an earlier write
        close_bank(ch, node, max(t + ch.auto_precharge[command - RDA], ch.allowed[PRE * pad + node]))
    elif command == PREAB:
        for b in range(node * ch.node_span, (node + 1) * ch.node_span):
            close_bank(ch, b, t)
    return t + 1  # whatever was known of the queue is out of date


@jit
def tick(ch, tab, t):
    """One clock of the controller. Returns the slot whose column command issued, or -1.

    Sets `ch.next_scan`; `ch.freed` = queue (0 reads, 1 writes) that lost an entry, or -1. `next_active` and
    `next_queue` bound the next ready command of either kind from below, so a scan that cannot find anything is left
    out.
    """
    pad = len(ch.state)
    row_hit = len(ch.is_row_hit) == 2
    closed_page = len(ch.is_closed_page) == 2  # both known from the type
    ch.scans += 1
    ch.freed = -1
    if closed_page:
        inject_precharges(ch, t)
    command = -1
    node = -1
    slot = -1
    source = -1
    is_pending = ch.pending_head != ch.pending_tail
    # 1. requests whose row was opened for them
    if ch.next_active <= t:
        if closed_page:
            ready, oldest, soon = scan_active_closed(ch, t)
        elif ch.actives <= FEW:
            ready, oldest, soon = scan_active_few(ch, t)
        else:
            ready, oldest, soon = scan_active(ch, 2 * pad, t)
        ch.next_active = t + 1 if ready > 1 else soon
        if ready > 0:
            source = FROM_ACTIVE
            node = oldest & ((1 << KEY_BITS) - 1)
            command = RD if ch.active_key[node] == oldest else WR
            slot = ch.active_slot[command * pad + node]
            if closed_page and ch.open_row[node] != ch.slot_row[slot]:
                command = PRE if ch.state[node] else ACT
    if source < 0:
        # 2. a pending refresh: nothing new starts meanwhile
        if is_pending:
            command, node, at = pick_pending(ch, t)
            if command < 0:
                ch.next_scan = min(min(ch.next_active, at), ch.inject_at)
                return -1
            source = FROM_PRIORITY
        # 3. the queue of the present mode
        else:
            if mode_flips(ch):
                ch.mode = 1 - ch.mode
                ch.next_queue = t
            if ch.next_queue <= t:
                mode = ch.mode
                blocks = pad // LANES
                busy = 0
                for g in range(blocks):
                    busy += count_bits(ch.busy[mode * blocks + g])
                if busy <= FEW:
                    ready, oldest, soon = scan_queue_few(ch, mode, t, row_hit)
                else:
                    ready, oldest, soon = scan_queue(ch, mode * pad, pad, t, row_hit)
                ch.next_queue = t + 1 if ready > 1 else soon
                if ready > 0:
                    source = FROM_QUEUE
                    node = oldest & ((1 << KEY_BITS) - 1)
                    if ch.hit_key[mode * pad + node] == oldest:
                        command = mode
                        slot = ch.hit[mode * pad + node]
                    else:
                        command = PRE if ch.state[node] else ACT
                        slot = ch.other[mode * pad + node]
            if command < 0:
                ch.next_scan = min(min(ch.next_active, ch.next_queue), ch.inject_at)
                return -1
    if closed_page and command <= WR and ch.used[node] >= ch.cap and ch.allowed[(command + RDA) * pad + node] <= t:
        command += RDA
    ch.next_queue = min(ch.next_queue, issue(ch, tab, t, command, node, slot, source))
    if closed_page:
        protect_active(ch)
        ch.next_active = t + 1
        ch.next_queue = t + 1
        ch.next_scan = t + 1
    elif is_pending or mode_flips(ch):
        ch.next_scan = t + 1
    else:
        ch.next_scan = max(min(ch.next_active, ch.next_queue), t + 1)
    return slot if command <= WR or command == RDA or command == WRA else -1


@jit
def due_refreshes(ch, tab, t):
    """Queue every refresh whose timer expires at clock `t`; all of them before any scan of that clock."""
    while ch.next_refresh == t:
        push_pending(ch, REFAB, tab.timer_node[ch.timer])
        ch.timer += 1
        if ch.timer == len(tab.timer_node):
            ch.timer = 0
            ch.timer_base += tab.timer_period
        ch.next_refresh = ch.timer_base + tab.timer_at[ch.timer]
        ch.next_scan = t


@jit
def next_event(ch):
    """Clock of the channel's next scan or refresh timer."""
    return min(ch.next_scan, ch.next_refresh)
