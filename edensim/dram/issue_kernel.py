"""A command goes out: what it forbids for how long, which rows it opens and closes, and which request it completes.

The kernel knows no timing name and no level: a command raises whole rows of next-allowed times by delays taken from the
compiled constraint table (`table.py`). Constraints only ever move later.
"""

from __future__ import annotations

from edensim.dram.commands import ACT, ACT2, PRE, PREAB, RDA, REFAB, REFPB, REFSB, WR, WRA
from edensim.dram.pending_kernel import PENDING
from edensim.dram.power_down_kernel import end_work, note_sleep, rank_of_pending
from edensim.dram.queue_kernel import leave_queue, set_candidates
from edensim.dram.reading_kernel import take_reading
from edensim.dram.row_policy_kernel import watch_row
from edensim.dram.scan_kernel import KEY_BITS, NEVER
from edensim.jit import LANES, jit, jit_inline, raise_lanes

EXACT = 8192  # latencies below it have a bin of their own, longer ones share 64 bins per doubling
FROM_ACTIVE, FROM_QUEUE, FROM_PRIORITY, FROM_IDLE, FROM_SLEEP = range(5)
TAG_BIT = 56
"""The top bits of a request's token tell what it belongs to (0 to 3); `by_tag` counts reads, writes, rows by it."""
OPENED = 2  # behind reads (0) and writes (1)
NO_ROW, OPENING = -1, -2  # of a closed bank; of one whose second activate is still to come


@jit_inline
def raise_allowed(ch, tab, command, node, t):
    """Apply every constraint that follows from `command` at bank (or rank) `node`, issued at clock `t`."""
    pad = len(ch.state)
    blocks = pad // LANES
    begin = 0
    end = blocks
    if blocks > 2:  # known from the type; of many banks a constraint may concern one pseudo-channel alone
        begin = tab.reach[command, node, 0]
        end = tab.reach[command, node, 1]
    for d in range(tab.row_n[command]):
        x = tab.row_target[command, d] * pad
        y = tab.row_at[command, d] + node * pad
        for g in range(begin, end):
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
        if blocks > 2:
            begin = tab.window_reach[k, h, 0]
            end = tab.window_reach[k, h, 1]
        for g in range(begin, end):
            raise_lanes(ch.allowed, x + g * LANES, tab.delay, y + g * LANES, ch.window[k, h, 1 + p])


@jit
def raise_by_row(ch, tab, command, node, slot, t):
    """Apply what the subarray of a row asks for beyond the least of its bank.

    That is the row which `command` opens, else the one which the bank (every bank of a rank) has or last had open.
    `slot` is that of an ACT's request.
    """
    if command == ACT:
        ch.row_subarray[node] = ch.slot_row[slot] // tab.subarray_rows
    n = tab.by_row_n[command]
    first = node
    end = node + 1
    if command == PREAB or command == REFAB:
        first = node * ch.node_span
        end = first + ch.node_span
    for b in range(first, end if n > 0 else first):
        k = 0 if ch.row_subarray[b] < 0 else tab.kind_of[b, ch.row_subarray[b]]
        for d in range(n):
            x = tab.by_row_at[command, k, b, d]
            ch.allowed[x] = max(ch.allowed[x], t + tab.by_row_delay[command, k, b, d])


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
                for j in range(ch.timeline.shape[1]):
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
        if len(ch.is_sleeping) == 2:  # known from the type
            ch.closing_until[node] = max(ch.closing_until[node], t)
            ch.settled[node] = max(ch.settled[node], t + ch.close_row_ck)
    ch.state[b] = 0
    ch.open_row[b] = NO_ROW
    ch.used[b] = 0
    ch.injected[b] = 0
    set_candidates(ch, b, -1, ch.head[b])
    set_candidates(ch, pad + b, -1, ch.head[pad + b])


@jit
def open_bank(ch, b, t):
    """Bookkeeping of an activation."""
    node = ch.node_of[b]
    if ch.node_open[node] == 0:
        ch.node_open_since[node] = max(t, ch.node_open_since[node])
    ch.node_open[node] += 1
    if len(ch.is_sleeping) == 2:  # known from the type
        ch.settled[node] = max(ch.settled[node], t + ch.open_row_ck)
    ch.open_since[b] = t
    ch.state[b] = 1
    ch.activated[b] += 1
    ch.claimed[b] = NEVER


@jit
def keep_rank_open(ch, node, since, until):
    """A bank of the rank refreshes meanwhile: for what banks share, that is as if it were open."""
    if ch.node_open[node] == 0:
        since = max(since, ch.node_open_since[node])
        ch.node_open_ck[node] += max(until - since, 0)
        ch.node_open_since[node] = max(until, since)
    ch.node_open_until[node] = max(ch.node_open_until[node], until)


@jit
def set_open_row(ch, b, row):
    """Both lists of a bank are searched for hits of the row that is open now."""
    pad = len(ch.state)
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
def become_active(ch, slot, entry):
    """A request whose row was opened for it waits for nothing but its column command."""
    ch.active_slot[entry] = slot
    ch.active_key[entry] = ch.slot_key[slot]
    ch.active_mask[entry >> 4] |= 1 << (entry & 15)
    ch.actives += 1


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
    """Complete the request in `slot`, whose column command was issued; returns bounds as `issue`."""
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
    if len(ch.is_sleeping) == 2:  # known from the type
        ch.used_at[ch.node_of[b]] = t
        end_work(ch, ch.node_of[b], t)
    ch.used[b] += 1
    if len(ch.is_closed_page) == 2 and ch.used[b] >= ch.cap:
        ch.inject_at = min(ch.inject_at, ch.allowed[PRE * pad + b])
    k = ch.mode * pad + b
    bound = ch.allowed[k] if ch.hit[k] >= 0 else NEVER
    return bound, ch.allowed[PRE * pad + b] if ch.other[k] >= 0 else NEVER


@jit_inline
def issue(ch, tab, t, command, node, slot, source):
    """Issue one command: statistics, log, constraints, and where the request goes next.

    Returns bounds on the next column command and on the next ACT or PRE of the queue.
    """
    pad = len(ch.state)
    if t >= ch.bin_end:
        close_bin(ch, t)
    if source <= FROM_QUEUE and ch.slot_seen[slot] == 0:
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
    if len(ch.is_sleeping) == 2:
        ch.issued_at = t
        note_sleep(ch, t, command, node)
    if len(ch.is_timed_page) == 2 and source != FROM_PRIORITY:  # the former is known from the type
        watch_row(ch, t, command, node, slot, source == FROM_QUEUE)
    if len(ch.log) > 1:
        k = ch.logged
        ch.log[k, 0] = t
        ch.log[k, 1] = command
        ch.log[k, 2] = node
        ch.log[k, 3] = ch.slot_row[slot] if command == ACT or command == ACT2 else -1
        ch.log[k, 4] = ch.slot_column[slot] if command <= WR or command == RDA or command == WRA else -1
        ch.logged = k + 1
    raise_allowed(ch, tab, command, node, t)
    if len(ch.row_subarray) > 1:  # known from the type
        raise_by_row(ch, tab, command, node, slot, t)
    if source == FROM_PRIORITY and command == ch.pending[ch.pending_head & (PENDING - 1)] >> KEY_BITS:
        ch.pending_head += 1
        if len(ch.is_sleeping) == 2:
            end_work(ch, rank_of_pending(ch, command, node), t)
    if command <= WR:
        return finish_column(ch, slot, node, source, t)
    if command == ACT or command == ACT2:
        entry = ch.slot_write[slot] * pad + node
        is_open = len(ch.is_split_activate) == 1 or command == ACT2  # the former is known from the type
        if command == ACT:
            if source == FROM_QUEUE:
                leave_queue(ch, slot, entry)
            open_bank(ch, node, t)
            ch.by_tag[ch.slot_token[slot] >> TAG_BIT, OPENED, node] += 1
        if is_open and source == FROM_QUEUE:
            become_active(ch, slot, entry)
        set_open_row(ch, node, ch.slot_row[slot] if is_open else OPENING)
        if len(ch.is_split_activate) == 2:
            ch.opening = slot if command == ACT else -1
            ch.opening_until = t + ch.second_activate
        ch.next_active = min(ch.next_active, ch.allowed[entry])
        return ch.allowed[entry], ch.allowed[PRE * pad + node]
    if command == PRE:
        close_bank(ch, node, t)
        return NEVER, ch.allowed[ACT * pad + node]
    if command == RDA or command == WRA:
        finish_column(ch, slot, node, source, t)
        # the bank closes when a PREpb could: not before tRAS, nor before tWR of an earlier write
        close_bank(ch, node, max(t + ch.auto_precharge[command - RDA], ch.allowed[PRE * pad + node]))
    elif command == PREAB:
        for b in range(node * ch.node_span, (node + 1) * ch.node_span):
            close_bank(ch, b, t)
    elif command == REFPB or command == REFSB:
        keep_rank_open(ch, ch.node_of[node], t, t + ch.bank_refresh)
    return t + 1, t + 1  # whatever was known of the queue is out of date
